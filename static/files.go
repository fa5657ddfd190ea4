package static

import (
	"crypto/rand"
	"fmt"
	"path/filepath"
	"strings"
	"time"
)

// Config sets up a Cache. Root is required, the rest has useful zero values.
type Config struct {
	Root           string // the document root
	Symlinks       Symlinks
	AllowedTargets []string // absolute paths that symlinks may lead into besides the root
	// SettledTargets are more of them, which nobody configured: they had no
	// symlinks when they were found, and allow nothing while they have some.
	SettledTargets []string
	Types          *Types // nil: NewTypes(nil)

	Entries     int   // existing paths known; 0: DefaultEntries
	MemoryBytes int64 // bodies and variants held; 0: DefaultMemoryBytes
	OpenFiles   int   // idle descriptors held; 0: DefaultOpenFiles

	NoSiblings bool // do not look for .zst, .br and .gz files

	// NoCompression makes no variants on the fly. Levels are those of the
	// coders; nil takes each one's best, since a file is compressed once.
	NoCompression bool
	Levels        *Levels
	// CompressBytesMin is the smallest file that is compressed; 0:
	// MinCompressBytes.
	CompressBytesMin int64

	// Post runs a function on the Cache's loop, Spawn off it (nil: a new
	// goroutine). Without Post nothing is compressed on the fly.
	Post  func(func())
	Spawn func(func())
	// Compressor is shared by the Caches of all loops; nil: one of its own.
	Compressor *Compressor
}

// Cache holds facts, descriptors and bodies of the files under one root, each
// believed for Staleness. It belongs to one loop.
type Cache struct {
	cfg        Config
	root       docRoot
	entries    map[string]*Entry
	live       list // existing paths, latest used first
	missing    list // negative ones
	opened     list // entries with a file, latest used first
	memory     int64
	pending    int // compression jobs
	boundary   string
	generation uint64
	nothing    *Entry
}

// NewCache opens a document root. An error means that it is not there, no
// folder, or not readable.
func NewCache(cfg Config) (*Cache, error) {
	path, err := filepath.Abs(cfg.Root)
	if err != nil {
		return nil, fmt.Errorf("static: root %q: %w", cfg.Root, err)
	}
	if cfg.Types == nil {
		cfg.Types = NewTypes(nil)
	}
	if cfg.Entries <= 0 {
		cfg.Entries = DefaultEntries
	}
	if cfg.MemoryBytes <= 0 {
		cfg.MemoryBytes = DefaultMemoryBytes
	}
	if cfg.OpenFiles <= 0 {
		cfg.OpenFiles = DefaultOpenFiles
	}
	if cfg.Spawn == nil {
		cfg.Spawn = func(f func()) { go f() }
	}
	if cfg.Levels == nil {
		cfg.Levels = &bestLevels
	}
	if cfg.CompressBytesMin <= 0 {
		cfg.CompressBytesMin = MinCompressBytes
	}
	if cfg.Compressor == nil {
		cfg.Compressor = NewCompressor(1)
	}
	c := &Cache{
		cfg:      cfg,
		root:     docRoot{path: path, allowed: cfg.AllowedTargets, settled: cfg.SettledTargets, reopen: openFolder},
		entries:  make(map[string]*Entry),
		boundary: rand.Text(),
		nothing:  &Entry{Kind: Missing},
	}
	if cfg.Symlinks == Follow {
		c.root.reopen = func(path string) (folder, error) { return followFolder{path}, nil }
	}
	c.live.init()
	c.missing.init()
	c.opened.init()
	if err := c.root.open(); err != nil {
		return nil, err
	}
	return c, nil
}

// Close forgets everything; files still retained close at their Release.
func (c *Cache) Close() {
	c.clear()
	c.root.close()
}

// RealRoot is the root with its symlinks resolved, as of the last look-up.
// "" while the root is missing.
func (c *Cache) RealRoot() string {
	if c.root.dir == nil {
		return ""
	}
	return c.root.real
}

// RealPath is where an Entry from Lookup or Stat really lies, all symlinks resolved,
// slash-separated; "" if that can't be told. Like the Entry it is believed for
// Staleness.
func (c *Cache) RealPath(e *Entry, now time.Time) string {
	if fresh(e.resolved, now) {
		return e.realPath
	}
	e.resolved = now
	path, err := filepath.EvalSymlinks(filepath.Join(c.root.real, filepath.FromSlash(nameOf(e.key))))
	if e.realPath = ""; err == nil {
		e.realPath = filepath.ToSlash(path)
	}
	return e.realPath
}

// RootPath is the root as it was configured, absolute.
func (c *Cache) RootPath() string { return c.root.path }

// RootError says why the root cannot be used at the moment, nil if it can: all
// its paths are Missing until it comes back.
func (c *Cache) RootError() error { return c.root.err }

// Expire has a path looked at again at its next use; all has those below it too.
func (c *Cache) Expire(path string, all bool) {
	path = strings.TrimSuffix(path, "/")
	if e := c.entries[path]; e != nil {
		e.checked = time.Time{}
	}
	if !all {
		return
	}
	for key, e := range c.entries {
		if len(key) > len(path) && key[len(path)] == '/' && strings.HasPrefix(key, path) {
			e.checked = time.Time{}
		}
	}
}

// ExpireRoot has the root resolved again at the next use.
func (c *Cache) ExpireRoot() { c.root.checked = time.Time{} }

// Generation counts how often the root was replaced: who keeps something
// derived from the root compares it.
func (c *Cache) Generation() uint64 { return c.generation }

// Stat returns the facts about a decoded path, without opening the file. A
// path with a trailing slash names a folder only. It never returns nil.
func (c *Cache) Stat(path []byte, now time.Time) *Entry {
	if c.root.check(now) {
		c.clear()
		c.generation++
	}
	if len(path) == 0 || path[0] != '/' || len(path) > maxPathBytes || c.root.dir == nil {
		return c.nothing
	}
	key := path
	if last := len(path) - 1; path[last] == '/' {
		key = path[:last]
	}
	e := c.entries[string(key)]
	if e == nil || !fresh(e.checked, now) {
		e = c.look(e, key, now)
	} else {
		c.listOf(e).touch(&e.place)
	}
	if len(key) < len(path) && (e.Kind == File || e.Kind == Special) {
		return c.nothing
	}
	return e
}

// Lookup is Stat, and makes a file ready to be sent: its body is in memory or
// its file is open, and its precompressed siblings are known.
func (c *Cache) Lookup(path []byte, now time.Time) *Entry {
	e := c.Stat(path, now)
	for range raceRetries {
		if e.Kind != File || c.ready(e, now) {
			return e
		}
		e = c.look(e, []byte(e.key), now) // it was replaced under our hands
	}
	return e
}

// look asks the file system about a path; old is what was known.
func (c *Cache) look(old *Entry, key []byte, now time.Time) *Entry {
	f, err := c.root.stat(nameOf(string(key)))
	if err != nil && outOfDescriptors(err) && c.closeIdle() > 0 {
		f, _ = c.root.stat(nameOf(string(key)))
	}
	if old != nil && !old.gone && old.keeps(&f, now) {
		old.checked, old.fault, old.siblingsKnown = now, File, false
		c.listOf(old).touch(&old.place)
		return old
	}
	if old != nil {
		c.evict(old)
	}
	e := c.newEntry(string(key), f, now)
	if f.kind == Failed {
		e.gone = true // nothing to remember
		return e
	}
	c.entries[e.key] = e
	c.listOf(e).pushFront(&e.place)
	c.trim()
	return e
}

func (c *Cache) newEntry(key string, f facts, now time.Time) *Entry {
	e := &Entry{Kind: f.kind, facts: f, key: key, checked: now, fault: File, boundary: c.boundary}
	e.place.owner, e.opened.owner = e, e
	if f.kind == File {
		e.stamp = stampOf(f.mtime, now)
		e.Type = c.cfg.Types.Of([]byte(key))
	}
	return e
}

func (c *Cache) listOf(e *Entry) *list {
	if e.Kind == Missing {
		return &c.missing
	}
	return &c.live
}

// nameOf makes a key relative to the root.
func nameOf(key string) string {
	if len(key) <= 1 {
		return "."
	}
	return key[1:]
}

// trim keeps the bounds; the latest entry stays.
func (c *Cache) trim() {
	for c.missing.n > max(1, c.cfg.Entries/negativeDivisor) {
		c.evict(c.missing.back().owner)
	}
	for c.live.n > 1 && (c.live.n > c.cfg.Entries || c.memory > c.cfg.MemoryBytes) {
		c.evict(c.live.back().owner)
	}
}

// evict forgets an entry and its siblings.
func (c *Cache) evict(e *Entry) {
	if e.gone {
		return
	}
	if e.place.linked() {
		c.listOf(e).remove(&e.place)
		delete(c.entries, e.key)
	}
	for i, s := range e.siblings {
		if s != nil {
			c.evict(s)
			e.siblings[i] = nil
		}
	}
	c.dropDescriptor(e)
	e.gone = true
	c.memory -= e.memory
	e.memory = 0
	if e.refs == 0 {
		e.closeFile()
	}
}

func (c *Cache) clear() {
	for _, e := range c.entries {
		c.evict(e)
	}
}

func (c *Cache) charge(e *Entry, n int64) {
	e.memory += n
	c.memory += n
}
