package site

import (
	"path/filepath"
	"strings"

	"sluice/static"
)

const whyNeverRuns = "scripts never run in this folder"

// neverRuns tells whether a file lies where no script runs: by the name it is asked
// by, or by the one it has without symlinks. e is what is known of it, nil if nobody
// has looked; file is its path in the URL space.
func (x *Exchange) neverRuns(root *rootCache, e *static.Entry, file []byte) bool {
	s := x.site
	list := s.opts.NoPHP
	if list == nil {
		return false
	}
	if list.Match(view(s.below(file))) {
		return true
	}
	now := s.loop.Wall()
	rel := file[len(root.prefix):]
	if e == nil {
		e = root.cache.Stat(rel, now)
	}
	if e.Kind != static.File {
		return false // nothing there to run
	}
	real := root.cache.RealPath(e, now)
	if rest, ok := strings.CutPrefix(real, filepath.ToSlash(root.cache.RealRoot())); ok && rest == view(rel) {
		return false // no symlink gave it another name
	}
	for i := range s.roots {
		r := &s.roots[i]
		dir := filepath.ToSlash(r.cache.RealRoot())
		rest, ok := strings.CutPrefix(real, dir)
		if ok && dir != "" && strings.HasPrefix(rest, "/") && list.Match(view(s.below([]byte(r.prefix+rest)))) {
			return true
		}
	}
	return real == "" // who knows
}

// inCGIFolder tells whether a path is in a folder all of whose files are programs.
func (s *local) inCGIFolder(file []byte) bool {
	path := view(s.below(file))
	for _, folder := range s.opts.CGIFolders {
		if rest, ok := strings.CutPrefix(path, folder); ok && strings.HasPrefix(rest, "/") {
			return true
		}
	}
	return false
}
