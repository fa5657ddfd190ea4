package rewrite

import (
	"strings"
	"unsafe"
)

// Alias puts a folder into the site's URL space (mod_alias). Its .htaccess files
// count from the folder down.
type Alias struct {
	Prefix string // URL path, starts with "/", does not end with one
	Dir    string // absolute, without a slash at the end
}

// fileOf maps a decoded URL path to a file name. The name lives until the next
// Reset.
func (q *Request) fileOf(uri string) string {
	for i := range q.Site.Aliases {
		if a := &q.Site.Aliases[i]; within(uri, a.Prefix) {
			return q.join(a.Dir, uri[len(a.Prefix):])
		}
	}
	if !within(uri, q.Site.Prefix) {
		return "" // another site's
	}
	return q.join(q.Site.Root, uri[len(q.Site.Prefix):])
}

// join concatenates in the request's own memory.
func (q *Request) join(a, b string) string {
	n := len(q.names)
	q.names = append(append(q.names, a...), b...)
	return unsafe.String(unsafe.SliceData(q.names[n:]), len(q.names)-n)
}

// rootOf is the folder, and its URL prefix, that a file is served from; "" if
// none. The file must have a path below it.
func (s *Site) rootOf(file string) (dir, prefix string) {
	for i := range s.Aliases {
		if a := &s.Aliases[i]; len(file) > len(a.Dir) && within(file, a.Dir) {
			return a.Dir, a.Prefix
		}
	}
	if len(file) > len(s.Root) && within(file, s.Root) {
		return s.Root, s.Prefix
	}
	return "", ""
}

// uriOf is the URL path of a file; what lies in no root stays as it is.
func (s *Site) uriOf(file string) string {
	if dir, prefix := s.rootOf(file); dir != "" {
		return prefix + file[len(dir):]
	}
	return file
}

// within tells whether a path is dir or below it.
func within(path, dir string) bool {
	return strings.HasPrefix(path, dir) && (len(path) == len(dir) || path[len(dir)] == '/')
}

// Context is the folder that the file is served from, and its URL prefix
// (CONTEXT_DOCUMENT_ROOT, CONTEXT_PREFIX).
func (a *Answer) Context() (dir, prefix string) { return a.r.context() }

// context is Apache's context document root and prefix (ap_context_document_root).
func (r *record) context() (dir, prefix string) {
	if dir, prefix = r.q.Site.rootOf(r.filename); dir == "" {
		dir = r.q.Site.Root
	}
	return dir, prefix
}

// Lookup is what a request for an entry of the answer's folder would come to: the
// file, its Content-Type and 200, or the status that refuses it. name is escaped; it
// may be a URL path.
func (a *Answer) Lookup(name string) (file, contentType string, status int) {
	used := a.q.used
	defer func() { a.q.used = used }()
	uri := name
	if a.File.Kind == Directory && !strings.HasSuffix(a.URI, "/") && !strings.HasPrefix(name, "/") {
		uri = escapeURI(a.URI) + "/" + name
	}
	sub := a.r.lookupURI(uri)
	if sub != nil && sub.file.Kind == Directory && !strings.HasSuffix(uri, "/") {
		// A folder of a listing is asked for with its slash: no <Files> is about it.
		a.q.used = used
		sub = a.r.lookupURI(uri + "/")
	}
	if sub == nil {
		return "", "", 500
	}
	if sub.status == 200 && sub.file.Kind != Regular && sub.file.Kind != Directory {
		return "", "", 404
	}
	return sub.filename, sub.contentType(), sub.status
}
