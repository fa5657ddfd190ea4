package site

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"sluice/rewrite"
)

// rewriteMaps are a site's RewriteMaps, shared by its loops. Programs end with the last
// of them.
type rewriteMaps struct {
	files    map[string]*mapFile
	programs map[string]*mapProgram
	internal map[string]rewrite.Map

	mu    sync.Mutex
	users map[*world]bool
}

// newMaps reads Options.Maps.
func newMaps(sources map[string]string) (*rewriteMaps, error) {
	m := &rewriteMaps{files: map[string]*mapFile{}, programs: map[string]*mapProgram{}, internal: map[string]rewrite.Map{}, users: map[*world]bool{}}
	for name, source := range sources {
		kind, rest, _ := strings.Cut(source, ":")
		switch kind {
		case "txt", "rnd":
			m.files[name] = &mapFile{path: rest, random: kind == "rnd"}
		case "int":
			if m.internal[name] = rewrite.InternalMap(rest); m.internal[name] == nil {
				return nil, fmt.Errorf("site: RewriteMap %s: %q is no internal function", name, rest)
			}
		case "prg":
			args := strings.Fields(rest)
			if len(args) == 0 {
				return nil, fmt.Errorf("site: RewriteMap %s: %q names no program", name, source)
			}
			m.programs[name] = newMapProgram(name, args)
		default:
			return nil, fmt.Errorf("site: RewriteMap %s: %q is of an unknown type", name, source)
		}
	}
	return m, nil
}

// on makes a loop's part of the maps.
func (m *rewriteMaps) on(w *world) map[string]rewrite.Map {
	m.mu.Lock()
	m.users[w] = true
	m.mu.Unlock()
	out := map[string]rewrite.Map{}
	for name, f := range m.files {
		out[name] = fileMap{w, f}
	}
	for name, p := range m.programs {
		out[name] = programMap{w, p}
	}
	for name, i := range m.internal {
		out[name] = i
	}
	return out
}

// leave ends a loop's part.
func (m *rewriteMaps) leave(w *world) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if delete(m.users, w); len(m.users) == 0 {
		for _, p := range m.programs {
			p.close()
		}
	}
}

// mapFile is the file of a txt or rnd map, read and parsed beside the loops.
type mapFile struct {
	path   string
	random bool
	text   atomic.Pointer[mapText] // nil: not read yet
}

// mapText is what a file said.
type mapText struct {
	stamp   stamp
	checked time.Time
	m       rewrite.Map // nil: the file can't be read
	err     error
}

// read looks at the file, and parses it if it is not the one that is known.
func (f *mapFile) read() {
	now, old := time.Now(), f.text.Load()
	if old != nil && believed(old.checked, now) {
		return // another request asked the same
	}
	t := &mapText{checked: now}
	info, err := os.Stat(f.path)
	if err == nil {
		t.stamp = stampOf(info)
	}
	if err == nil && old != nil && old.err == nil && old.stamp == t.stamp && !t.stamp.young(now) {
		t.m = old.m
		f.text.Store(t)
		return
	}
	var b []byte
	if err == nil {
		b, err = readBounded(f.path, mapFileBytesMax)
	}
	switch t.err = err; {
	case err != nil:
	case f.random:
		t.m = rewrite.RandomMap(string(b), rand.IntN)
	default:
		t.m = rewrite.TextMap(string(b))
	}
	f.text.Store(t)
}

// fileMap is a mapFile as a loop sees it.
type fileMap struct {
	w *world
	f *mapFile
}

// Lookup implements rewrite.Map. Where the file must be read first, there is no
// answer: the request waits, and the rules run again.
func (m fileMap) Lookup(key string) (string, bool) {
	t := m.f.text.Load()
	if t == nil || !believed(t.checked, m.w.sl.loop.Wall()) {
		if m.w.recall(func(h *heard) bool { return h.file == m.f }) == nil {
			m.w.wants = append(m.w.wants, question{answer: &heard{file: m.f}})
			return "", false
		}
	}
	if t.err != nil {
		m.w.Log("RewriteMap: " + t.err.Error())
		return "", false
	}
	return t.m.Lookup(key)
}

// programMap is a mapProgram as a loop sees it.
type programMap struct {
	w *world
	p *mapProgram
}

// Lookup implements rewrite.Map. The program is asked once in a request; until
// it has answered there is none.
func (m programMap) Lookup(key string) (string, bool) {
	h := m.w.recall(func(h *heard) bool { return h.program == m.p && h.key == key })
	if h == nil {
		m.w.wants = append(m.w.wants, question{answer: &heard{program: m.p, key: strings.Clone(key)}})
		return "", false
	}
	if h.err != nil {
		m.w.Log(h.err.Error())
		h.err = nil // once
	}
	return h.value, h.found
}
