package site

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"sluice/listing"
	"sluice/rewrite"
	"sluice/static"
)

// insertFile is a HeaderName or ReadmeName that was found.
type insertFile struct {
	path  string
	plain bool
}

// list answers with a folder's listing. The folder is read in a goroutine: it
// may be large and cold.
func (x *Exchange) list(a *rewrite.Answer) {
	root, rel := x.site.rootOfFile(strings.TrimSuffix(a.Filename, "/") + "/")
	if root == nil {
		x.refuseRuled(404, "the folder is in none of the site's roots")
		return
	}
	x.pathBuf = append(append(x.pathBuf[:0], root.prefix...), rel...)
	if x.refusedByName(x.pathBuf) {
		x.refuseRuled(x.plan.Status, x.plan.Why)
		return
	}
	conf := a.Config.Listing()
	page := &listing.Page{Path: a.URI, Query: a.Args, Order: conf.Order, HideParent: conf.Ignored("..")}
	var err error
	levels := conf.Options
	if x.site.utf8 {
		levels = append([][]string{{"Charset=UTF-8"}}, levels...)
	}
	if page.Options, err = listing.ParseOptions(levels...); err != nil {
		x.fail(500, fmt.Errorf("site: folder %s: %w", a.Filename, err))
		return
	}
	head, readme := x.insert(a, conf.HeaderName), x.insert(a, conf.ReadmeName)
	dir := a.Filename
	done := x.ruling.wait(x, func() { x.sendListing(a, page, err) })
	go func() {
		page.Header, page.Readme = head.read(), readme.read()
		page.Entries, err = readFolder(dir)
		done()
	}()
}

// insert finds the file for the top or bottom of a listing.
func (x *Exchange) insert(a *rewrite.Answer, name string) insertFile {
	if name == "" {
		return insertFile{}
	}
	file, contentType, status := a.Lookup(name)
	if status != 200 || !strings.HasPrefix(contentType, "text/") {
		return insertFile{}
	}
	root, rel := x.site.rootOfFile(file)
	if root == nil || x.site.isScript([]byte(rel)) || static.Hidden([]byte(rel), x.site.opts.Hidden) {
		return insertFile{}
	}
	return insertFile{file, !strings.HasPrefix(contentType, "text/html")}
}

func (f insertFile) read() *listing.Insert {
	if f.path == "" {
		return nil
	}
	b, err := readBounded(f.path, insertBytesMax)
	if err != nil {
		return nil
	}
	return &listing.Insert{Content: b, Plain: f.plain}
}

// readFolder gives the facts of what lies in a folder.
func readFolder(dir string) ([]listing.Entry, error) {
	f, err := os.Open(filepath.Clean(dir))
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	names, err := f.Readdirnames(listingEntriesMax + 1)
	if err != nil && err != io.EOF { //nolint:errorlint // Readdirnames returns EOF as it is
		return nil, err
	}
	if len(names) > listingEntriesMax {
		return nil, fmt.Errorf("site: folder %s has more than %d entries, too many to list", dir, listingEntriesMax)
	}
	var list []listing.Entry
	for _, name := range names {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			continue // gone meanwhile, or a link that leads nowhere
		}
		list = append(list, listing.Entry{Name: name, Dir: info.IsDir(), Size: info.Size(), ModTime: info.ModTime()})
	}
	return list, nil
}

// sendListing answers with what was read, without what must not be seen.
func (x *Exchange) sendListing(a *rewrite.Answer, page *listing.Page, err error) {
	if err != nil {
		status := 500
		if os.IsPermission(err) {
			status = 403
		}
		x.fail(status, err)
		return
	}
	conf := a.Config.Listing()
	shown := page.Entries[:0]
	for _, e := range page.Entries {
		if !conf.Ignored(e.Name) && x.mayList(a, e.Name, page.Options.ShowForbidden()) {
			shown = append(shown, e)
		}
	}
	page.Entries = shown
	x.scratch = x.scratch[:0]
	x.reply(200, listing.Render(nil, page), page.Options.ContentType(), false)
}

// mayList leaves out what a request would be refused.
func (x *Exchange) mayList(a *rewrite.Answer, name string, forbiddenToo bool) bool {
	file := strings.TrimSuffix(a.Filename, "/") + "/" + name
	root, rel := x.site.rootOfFile(file)
	if root == nil {
		return false
	}
	path := x.site.below(append([]byte(root.prefix), rel...))
	o := &x.site.opts
	if static.Hidden(path, o.Hidden) || o.Deny != nil && o.Deny.Match(string(path)) {
		return false
	}
	if forbiddenToo {
		return true
	}
	_, _, status := a.Lookup(string(escapePath("", []byte(name))))
	return status >= 200 && status != 401 && status != 403 // below: nobody knows yet
}
