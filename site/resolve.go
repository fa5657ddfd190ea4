package site

import (
	"bytes"
	"strings"
	"unsafe"

	"sluice/rewrite"
	"sluice/static"
)

// Resolve decides what to do with a request. It only asks for cached facts
// about files. The answer is in x.plan.
//
// What is refused by name, and whether a script runs, is decided on the file that
// was found, so that no PATH_INFO can dodge it, or be mistaken for a file.
func (x *Exchange) resolve() {
	x.plan = Plan{}
	root, rel := x.site.rootOf(x.path)
	e := root.cache.Stat(rel, x.site.loop.Wall())
	if e.Kind == static.Missing && x.planScriptBefore(root, rel) {
		return
	}
	if e.Kind == static.Dir && x.refusedFolder(x.path) || e.Kind != static.Dir && x.refusedByName(x.path) {
		return
	}
	switch e.Kind {
	case static.File:
		x.planFile(root, e, x.path, nil)
	case static.Dir:
		x.planDir(root, rel)
	case static.Forbidden, static.Escape:
		x.refuse(403, "the file system or a symlink forbids it")
	case static.Failed:
		x.refuse(503, "the file system failed")
	case static.Missing:
		x.planFront()
	case static.Special:
		x.refuse(404, "no regular file")
	}
}

func (x *Exchange) refuse(status int, why string) {
	x.plan = Plan{Kind: Refused, Status: status, Why: why}
	x.traceRefused()
}

// traceRefused tells sluice explain what the site itself refuses, and why.
func (x *Exchange) traceRefused() {
	if x.Trace != nil {
		x.Trace.Step(rewrite.Event{Kind: rewrite.TraceStatus, Directive: "sluice", Status: x.plan.Status, After: x.plan.Why})
	}
}

// view makes a string of octets without copying; it must not be kept.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// rootOf finds the root that a path lies in, and the path below it.
func (s *local) rootOf(path []byte) (*rootCache, []byte) {
	for i := 1; i < len(s.roots); i++ {
		r := &s.roots[i]
		n := len(r.prefix)
		if len(path) >= n && string(path[:n]) == r.prefix {
			if len(path) == n {
				return r, slash
			}
			if path[n] == '/' {
				return r, path[n:]
			}
		}
	}
	return &s.roots[0], s.below(path)
}

// below is a path without the one that the site lies under.
func (s *local) below(path []byte) []byte {
	if path = path[min(len(s.opts.Path), len(path)):]; len(path) == 0 {
		return slash
	}
	return path
}

var slash = []byte("/")

// isScript compares byte for byte: case folding of other letters has moved the
// split before (CVE-2026-27590).
func (s *local) isScript(name []byte) bool {
	for _, ext := range s.opts.Extensions {
		if len(name) > len(ext) && string(name[len(name)-len(ext):]) == ext {
			return name[len(name)-len(ext)-1] != '/'
		}
	}
	return false
}

// otherCase tells whether a name would be a script's if letters had no case: to
// a file system that ignores it, it is that script.
func (s *local) otherCase(name []byte) bool {
	for _, ext := range s.opts.Extensions {
		if len(name) > len(ext) && strings.EqualFold(view(name[len(name)-len(ext):]), ext) {
			return true
		}
	}
	return false
}

// planFile is for a path whose file exists. rest is what follows it.
func (x *Exchange) planFile(root *rootCache, e *static.Entry, file, rest []byte) {
	o := &x.site.opts
	script := x.site.isScript(file)
	switch {
	case script && x.neverRuns(root, e, file):
		x.refuse(403, whyNeverRuns)
	case script && x.filesOnly:
		x.refuse(403, "X-Sendfile names a script")
	case script && x.site.php == nil:
		x.refuse(403, "PHP is off and the source of scripts is never sent")
	case script:
		x.plan = Plan{Kind: Script, File: file, PathInfo: rest, root: root, entry: e}
	case x.site.otherCase(file), o.Hidden == static.Refuse && static.ScriptSource(file, o.Extensions):
		x.refuse(404, "source or copy of a script")
	default:
		x.plan = Plan{Kind: Static, File: file, root: root, entry: e}
	}
}

// planDir is for an existing folder: to its name with a slash, or to its default
// document.
func (x *Exchange) planDir(root *rootCache, rel []byte) {
	if n := len(x.path); x.path[n-1] != '/' {
		x.plan = Plan{Kind: Redirect, Status: 301, Why: "folder without its slash", root: root}
		return
	}
	for _, name := range x.site.opts.Index {
		x.scratch = append(append(x.scratch[:0], rel...), name...)
		e := root.cache.Stat(x.scratch, x.site.loop.Wall())
		if e.Kind != static.File {
			continue
		}
		x.pathBuf = append(append(x.pathBuf[:0], x.path...), name...)
		if !x.refusedByName(x.pathBuf) {
			x.planFile(root, e, x.pathBuf, nil)
		}
		return
	}
	x.refuse(403, "folder without a default document")
}

// planScriptBefore looks for a script in front of a PATH_INFO by walking the path
// on disk, and tells whether that settled the request.
func (x *Exchange) planScriptBefore(root *rootCache, rel []byte) bool {
	prefix := len(x.path) - len(rel)
	for i := 1; i < len(rel); i++ {
		if rel[i] != '/' {
			continue
		}
		e := root.cache.Stat(rel[:i], x.site.loop.Wall())
		switch e.Kind {
		case static.Dir:
			continue
		case static.File:
			file := x.path[:prefix+i]
			if !x.site.isScript(file) {
				return false
			}
			if !x.refusedByName(file) {
				x.planFile(root, e, file, x.path[prefix+i:])
			}
			return true
		case static.Forbidden, static.Escape:
			x.refuse(403, "the file system or a symlink forbids it")
			return true
		case static.Missing, static.Special, static.Failed:
		}
		return false
	}
	return false
}

func (x *Exchange) planFront() {
	fc := x.site.opts.FrontController
	if fc == "" || !bytes.HasPrefix(x.path, []byte(x.site.fcFolder)) {
		x.refuse(404, "no such file")
		return
	}
	x.pathBuf = append(x.pathBuf[:0], fc...)
	root, rel := x.site.rootOf(x.pathBuf)
	e := root.cache.Stat(rel, x.site.loop.Wall())
	if e.Kind != static.File {
		x.refuse(404, "no such file, and no front controller")
		return
	}
	x.planFile(root, e, x.pathBuf, nil)
}
