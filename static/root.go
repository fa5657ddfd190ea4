package static

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Symlinks says where symlinks may lead.
type Symlinks uint8

const (
	// Inside: within the root, or into one of Config.AllowedTargets.
	Inside Symlinks = iota
	// Follow: anywhere.
	Follow
)

// docRoot is the open document root. The path may be a symlink that a deploy
// switches, or be replaced by a rename: check notices either.
type docRoot struct {
	path    string // absolute, as configured
	allowed []string
	settled []string
	reopen  func(path string) (folder, error)

	dir     folder // nil while the root is missing
	real    string
	info    os.FileInfo
	checked time.Time
	err     error // why dir is nil
}

// check resolves the root again when a second has passed, or at once while it
// is missing. It reports whether everything known about the root is void.
func (r *docRoot) check(now time.Time) (changed bool) {
	if r.dir != nil && fresh(r.checked, now) {
		return false
	}
	r.checked = now
	info, err := os.Stat(r.path)
	if err == nil && r.dir != nil && os.SameFile(info, r.info) {
		return false
	}
	had := r.dir != nil
	r.close()
	if err == nil {
		err = r.open()
	}
	r.err = err
	return err == nil || had
}

func (r *docRoot) open() error {
	realPath, err := filepath.EvalSymlinks(r.path)
	if err != nil {
		return fmt.Errorf("static: root %q: %w", r.path, err)
	}
	info, err := os.Stat(realPath)
	if err != nil {
		return fmt.Errorf("static: root %q: %w", r.path, err)
	}
	if !info.IsDir() {
		return fmt.Errorf("static: root %q is not a folder", r.path)
	}
	dir, err := r.reopen(realPath)
	if err != nil {
		return fmt.Errorf("static: root %q: %w", r.path, err)
	}
	r.dir, r.real, r.info = dir, realPath, info
	return nil
}

func (r *docRoot) close() {
	if r.dir != nil {
		_ = r.dir.close()
		r.dir = nil
	}
}

// stat gives the facts of a name; every outcome is a kind. A failure is
// returned besides.
func (r *docRoot) stat(name string) (facts, error) {
	f, err := r.dir.stat(name)
	if errors.Is(err, errMayEscape) {
		err = r.resolved(name, func(dir folder, rest string) (e error) {
			f, e = dir.stat(rest)
			return e
		})
	}
	if err != nil {
		return facts{kind: kindOfError(err)}, err
	}
	return f, nil
}

// openFile opens a regular file; without one, facts.kind says why.
func (r *docRoot) openFile(name string) (*os.File, facts, error) {
	file, f, err := r.dir.open(name)
	if errors.Is(err, errMayEscape) {
		err = r.resolved(name, func(dir folder, rest string) (e error) {
			file, f, e = dir.open(rest)
			return e
		})
	}
	if err != nil {
		return nil, facts{kind: kindOfError(err)}, err
	}
	return file, f, nil
}

// resolved finds where a name with an absolute or climbing symlink leads. If
// that is allowed, do gets the folder it is held in and the name there, which
// has no symlinks left; whoever puts one there meanwhile fails.
func (r *docRoot) resolved(name string, do func(dir folder, rest string) error) error {
	target, err := filepath.EvalSymlinks(filepath.Join(r.real, filepath.FromSlash(name)))
	if err != nil {
		if kindOfError(err) == Failed && !outOfDescriptors(err) {
			return errMayEscape // a loop; the library has no value for it
		}
		return err
	}
	if rest, ok := inside(target, r.real); ok {
		return do(r.dir, rest)
	}
	for i := range len(r.allowed) + len(r.settled) {
		top, ok := r.target(i)
		if !ok {
			continue // an allowed target that is not there allows nothing
		}
		rest, ok := inside(target, top)
		if !ok {
			continue
		}
		if up := filepath.Dir(top); rest == "." && up != top {
			rest, top = filepath.Base(top), up // the prefix may name one file
		}
		dir, err := r.reopen(top)
		if err != nil {
			return err
		}
		err = do(dir, rest)
		return errors.Join(err, dir.close())
	}
	return errMayEscape
}

// target is where one of the allowed targets, then of the settled ones, lies now.
func (r *docRoot) target(i int) (top string, ok bool) {
	if i < len(r.allowed) {
		top, err := filepath.EvalSymlinks(r.allowed[i])
		return top, err == nil
	}
	prefix := r.settled[i-len(r.allowed)]
	top, err := filepath.EvalSymlinks(prefix)
	return top, err == nil && top == prefix
}

// inside gives the slash-separated name of path in top.
func inside(path, top string) (string, bool) {
	if path == top {
		return ".", true
	}
	sep := string(filepath.Separator)
	rest, ok := strings.CutPrefix(path, strings.TrimSuffix(top, sep)+sep)
	return filepath.ToSlash(rest), ok
}

// fresh tells whether something seen at checked may still be believed. A
// clock that went back proves nothing.
func fresh(checked, now time.Time) bool {
	age := now.Sub(checked)
	return age >= 0 && age < Staleness
}
