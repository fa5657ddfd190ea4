package site

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"time"

	"sluice/rewrite"
	"sluice/static"
)

// world is what the rules see of files, clocks and names (rewrite.Env). Facts of
// files below the roots are the static cache's; the rest is kept here for as long.
type world struct {
	sl     *local
	x      *Exchange // on whose behalf the rules run
	files  map[string]*folderFile
	texts  map[string]*textFile
	others map[string]otherFile
	links  map[string]otherFile // of Lstat
	// folders are those whose names were read, for MultiViews.
	folders map[string]folderNames
	// wants are questions that came up in this run and have no answer yet.
	wants []question
}

// stamp tells whether a file is still the one that was read.
type stamp struct {
	mtime  time.Time
	size   int64
	inode  uint64
	exists bool
}

func stampOf(info os.FileInfo) stamp {
	return stamp{mtime: info.ModTime(), size: info.Size(), inode: static.InodeOf(info), exists: true}
}

// young: the file may change again without a trace in its time of change.
func (s stamp) young(now time.Time) bool { return s.exists && now.Sub(s.mtime) < youngFileTime }

// folderFile is a folder's .htaccess as far as it is known.
type folderFile struct {
	dir     string // its own memory: what is asked for is a part of a request
	checked time.Time
	stamp   stamp
	file    *rewrite.File // nil: there is none
}

// textFile is a password, group or map file.
type textFile struct {
	checked time.Time
	stamp   stamp
	text    []byte
	err     error
}

type otherFile struct {
	checked time.Time
	info    rewrite.FileInfo
}

func believed(checked, now time.Time) bool {
	age := now.Sub(checked)
	return age >= 0 && age < static.Staleness
}

// forget is for a root that was replaced.
func (w *world) forget() {
	clear(w.files)
	clear(w.others)
	clear(w.links)
	clear(w.texts)
	clear(w.folders)
}

// Stat implements rewrite.Env.
func (w *world) Stat(path string) rewrite.FileInfo {
	if root, rel := w.sl.rootOfFile(path); root != nil {
		return infoOf(root.cache.Stat([]byte(rel), w.sl.loop.Wall()))
	}
	return w.remembered(w.others, path, os.Stat)
}

// Lstat implements rewrite.Env. It is asked only where symbolic links matter, and
// where rules act on what is missing.
func (w *world) Lstat(path string) rewrite.FileInfo { return w.remembered(w.links, path, os.Lstat) }

// remembered asks the system about a path unless it did so just now.
func (w *world) remembered(known map[string]otherFile, path string, ask func(string) (os.FileInfo, error)) rewrite.FileInfo {
	now := w.sl.loop.Wall()
	if o, ok := known[path]; ok && believed(o.checked, now) {
		return o.info
	}
	if len(known) >= otherFilesMax {
		clear(known)
	}
	info := infoOfOS(ask(path))
	known[strings.Clone(path)] = otherFile{now, info}
	return info
}

func infoOf(e *static.Entry) rewrite.FileInfo {
	f := rewrite.FileInfo{Size: e.Size(), ModTime: e.ModTime().Unix(), Exec: e.Executable(), Owner: e.Owner()}
	switch e.Kind {
	case static.File:
		f.Kind = rewrite.Regular
	case static.Dir:
		f.Kind = rewrite.Directory
	case static.Special:
		f.Kind = rewrite.Other
	case static.Forbidden, static.Escape, static.Failed:
		f.Kind = rewrite.Denied
	case static.Missing:
		return rewrite.FileInfo{}
	}
	return f
}

func infoOfOS(info os.FileInfo, err error) rewrite.FileInfo {
	if err != nil {
		if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.ENAMETOOLONG) {
			return rewrite.FileInfo{Kind: rewrite.Denied}
		}
		return rewrite.FileInfo{}
	}
	f := rewrite.FileInfo{Kind: rewrite.Other, Size: info.Size(), ModTime: info.ModTime().Unix(), Exec: info.Mode()&0o111 != 0}
	f.Owner = static.OwnerOf(info)
	switch mode := info.Mode(); {
	case mode.IsRegular():
		f.Kind = rewrite.Regular
	case mode.IsDir():
		f.Kind = rewrite.Directory
	case mode&fs.ModeSymlink != 0:
		f.Kind = rewrite.Symlink
	}
	return f
}

// Htaccess implements rewrite.Env: the same pointer as long as the file is
// unchanged, looked at again when a second has passed.
func (w *world) Htaccess(dir string) *rewrite.File {
	now := w.sl.loop.Wall()
	e := w.files[dir]
	if e != nil && believed(e.checked, now) {
		return e.file
	}
	if e == nil {
		if len(w.files) >= foldersKnownMax {
			clear(w.files)
		}
		e = &folderFile{dir: strings.Clone(dir)}
		w.files[e.dir] = e
	}
	e.checked = now
	w.sl.changes.watchFolder(e.dir)
	name := e.dir + ".htaccess"
	info, err := os.Stat(name)
	switch {
	case err == nil && info.IsDir(), errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.ENAMETOOLONG):
		e.stamp, e.file = stamp{}, nil
	case err != nil:
		e.stamp, e.file = stamp{}, unreadable(name, e.dir, err)
	default:
		if s := stampOf(info); e.file == nil || s != e.stamp || s.young(now) {
			e.stamp, e.file = s, w.sl.compiled.get(name, e.dir, w.sl.opts.Htaccess.Allowed, w.note)
		}
	}
	return e.file
}

// unreadable refuses a folder whose .htaccess can't be read: it may guard it.
func unreadable(name, dir string, err error) *rewrite.File {
	return &rewrite.File{Name: name, Dir: dir, Fault: &rewrite.Finding{File: name, Directive: ".htaccess", Message: err.Error(), Level: rewrite.Broken}}
}

// note logs what is wrong in a file, once when it is read.
func (w *world) note(f rewrite.Finding) {
	if f.Level >= rewrite.Warning {
		w.Log(f.String())
	}
}

// ReadFile implements rewrite.Env.
func (w *world) ReadFile(path string, limit int64) ([]byte, error) {
	now := w.sl.loop.Wall()
	t := w.texts[path]
	if t != nil && believed(t.checked, now) {
		return t.text, t.err
	}
	if t == nil {
		if len(w.texts) >= textFilesMax {
			clear(w.texts)
		}
		t = &textFile{}
		w.texts[strings.Clone(path)] = t
	}
	t.checked = now
	info, err := os.Stat(path)
	if err != nil {
		*t = textFile{checked: now, err: err}
		return nil, err
	}
	if s := stampOf(info); s != t.stamp || s.young(now) || t.err != nil {
		t.stamp = s
		t.text, t.err = readBounded(path, limit)
	}
	return t.text, t.err
}

// readBounded reads a regular file of at most limit octets.
func readBounded(path string, limit int64) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("site: %s is no regular file", path)
	}
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(b)) > limit {
		return nil, fmt.Errorf("site: %s is larger than %d octets", path, limit)
	}
	return b, err
}

// Getenv implements rewrite.Env.
func (w *world) Getenv(name string) (string, bool) { return os.LookupEnv(name) }

// Now implements rewrite.Env.
func (w *world) Now() time.Time { return w.sl.localTime() }

// HostOf implements rewrite.Env.
func (w *world) HostOf(a netip.Addr) string {
	name, ok := w.sl.lookups.hostOf(a)
	if !ok {
		w.wants = append(w.wants, question{addr: a})
	}
	return name
}

// CheckPassword implements rewrite.PasswordChecker.
func (w *world) CheckPassword(hash, password string) (good, done bool) {
	good, done = w.sl.lookups.password(hash, password)
	if !done {
		w.wants = append(w.wants, question{hash: strings.Clone(hash), password: strings.Clone(password)})
	}
	return good, done
}

// SSLVar implements rewrite.Env: nothing is known beyond HTTPS itself.
func (w *world) SSLVar(string) string { return "" }

// Log implements rewrite.Env.
func (w *world) Log(message string) {
	if x := w.x; x != nil && x.Stream != nil {
		x.Stream.Report(Report{Site: x.Site(), Err: errors.New("htaccess: " + message)})
	}
}

// asked tells whether the run needs an answer first: then the request waits.
func (w *world) asked(g *ruling, x *Exchange) bool {
	if len(w.wants) == 0 {
		return false
	}
	q := w.wants[0]
	w.wants = w.wants[:0]
	if q.answer != nil {
		g.heard = append(g.heard, q.answer)
	}
	done := g.wait(x, func() { x.rule(g.q.Method, g.q.Target) })
	w.sl.lookups.ask(q, done)
	return true
}
