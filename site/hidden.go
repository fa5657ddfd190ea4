package site

import (
	"strings"

	"sluice/static"
)

const (
	whyHidden = "hidden file (hidden_files = \"refuse\")"
	whyDenied = "denied path"
)

// hides says by which status a path is refused for its names, and why; 0 for one
// that is not.
func (s *local) hides(path []byte) (status int, why string) {
	o := &s.opts
	switch {
	case !static.Hidden(s.below(path), o.Hidden):
	case o.Hidden == static.Apache:
		return 403, "names that begin with .ht are never served"
	default:
		return 404, whyHidden
	}
	return s.denies(path)
}

// denies is hides for what is hidden in no case.
func (s *local) denies(path []byte) (status int, why string) {
	if s.opts.Deny != nil && s.opts.Deny.Match(view(s.below(path))) {
		return 404, whyDenied
	}
	return 0, ""
}

// refusedFolder is refusedByName for the path of a folder. Apache's <Files ".ht*"> does
// not know a folder that is there by its name with a slash.
func (x *Exchange) refusedFolder(path []byte) bool {
	if x.site.opts.Hidden != static.Apache || path[len(path)-1] != '/' {
		return x.refusedByName(path)
	}
	status, why := x.site.denies(path)
	if status != 0 {
		x.refuse(status, why)
	}
	return status != 0
}

// refusedByName applies the rules about names to the path of a file.
func (x *Exchange) refusedByName(path []byte) bool {
	status, why := x.site.hides(path)
	if status != 0 {
		x.refuse(status, why)
	}
	return status != 0
}

// hidesFolder says why the rules find no such folder, "" if they may: a redirect to
// its slash would tell that it exists. As open as Apache, a site hides none but by
// deny.
func (r *rules) hidesFolder(dir string) string {
	if !strings.HasSuffix(dir, "/") {
		dir += "/"
	}
	root, rel := r.sl.rootOfFile(dir)
	if root == nil {
		return ""
	}
	r.path = append(append(r.path[:0], root.prefix...), rel...)
	o := &r.sl.opts
	if o.Deny != nil && o.Deny.Match(view(r.sl.below(r.path))) {
		return whyDenied
	}
	if o.Hidden == static.Refuse && static.Hidden(r.sl.below(r.path), o.Hidden) {
		return whyHidden
	}
	return ""
}
