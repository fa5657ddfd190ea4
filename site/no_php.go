package site

import (
	"path/filepath"
	"strings"
	"time"

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
	if real == "" {
		return true // who knows
	}
	return s.realPlaces(now).Holds(real, filepath.ToSlash(root.cache.RealRoot()), view(rel))
}

// realPlaces is where no script runs, looked up again when a second has passed or a
// root was replaced.
func (s *local) realPlaces(now time.Time) *Scriptless {
	var generation uint64
	for i := range s.roots {
		generation += s.roots[i].cache.Generation()
	}
	p := &s.scriptless
	if p.places != nil && believed(p.checked, now) && p.generation == generation {
		return p.places
	}
	var roots []RealRoot
	for i := range s.roots {
		roots = append(roots, RealRoot{s.opts.Roots[i].Prefix, filepath.ToSlash(s.roots[i].cache.RealRoot())})
	}
	*p = scriptlessNow{NewScriptless(s.opts.NoPHP, roots), now, generation}
	return p.places
}

// scriptlessNow is what was known at some time.
type scriptlessNow struct {
	places     *Scriptless
	checked    time.Time
	generation uint64 // of all roots
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
