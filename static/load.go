package static

import (
	"io"
	"time"
)

// ready makes a file's body available. It reports false if the file is no
// longer the one that was asked about.
func (c *Cache) ready(e *Entry, now time.Time) bool {
	if e.hits < hotHits {
		e.hits++
	}
	if e.self.etag == nil {
		coding := contentCodingOf([]byte(e.key))
		e.compressible = coding == Identity && Compressible(e.Type)
		e.codings = c.computed(e.facts.size)
		e.describe(coding)
	}
	e.Retain() // opening siblings must not close the file itself
	ok := c.load(e)
	if ok && e.compressible && !c.cfg.NoSiblings {
		c.readySiblings(e, now)
	}
	e.Release()
	return ok
}

// load opens a file or, when it is small and hot, reads it.
func (c *Cache) load(e *Entry) bool {
	if e.inMemory || e.fault != File {
		return true
	}
	hot := e.facts.size <= SmallBodyBytes && e.hits >= hotHits || e.facts.size == 0
	if e.file == nil {
		if !c.openEntry(e) {
			return false
		}
	} else if e.opened.linked() {
		c.opened.touch(&e.opened)
	}
	if hot && e.fault == File {
		return c.read(e)
	}
	return true
}

// openEntry reports false if the path leads elsewhere now. When the file
// cannot be opened, e.fault says why.
func (c *Cache) openEntry(e *Entry) bool {
	name := nameOf(e.key)
	file, f, err := c.root.openFile(name)
	if err != nil && outOfDescriptors(err) && c.closeIdle() > 0 {
		file, f, err = c.root.openFile(name)
	}
	if err != nil && (f.kind == Forbidden || f.kind == Failed) {
		e.fault = f.kind
		return true
	}
	if file == nil {
		return false
	}
	if !e.facts.same(&f) {
		_ = file.Close()
		return false
	}
	e.file = file
	c.opened.pushFront(&e.opened)
	c.trimOpened()
	return true
}

// read takes a small file into memory; the file closes with its last user. It
// reports false if the file changed meanwhile.
func (c *Cache) read(e *Entry) bool {
	body := make([]byte, e.facts.size)
	n, err := e.file.ReadAt(body, 0)
	if err != nil && err != io.EOF { //nolint:errorlint // io.ReaderAt returns EOF as it is
		e.fault = Failed
		c.dropDescriptor(e)
		return true
	}
	info, err := e.file.Stat()
	if err != nil || int64(n) != e.facts.size {
		return false
	}
	if f := factsOf(info); f.size != e.facts.size || !f.mtime.Equal(e.facts.mtime) {
		return false
	}
	e.body, e.inMemory = body, true
	c.dropDescriptor(e)
	c.charge(e, int64(len(body)))
	c.trim()
	return true
}

// dropDescriptor takes an entry's file off the list of those kept for later.
func (c *Cache) dropDescriptor(e *Entry) {
	if e.opened.linked() {
		c.opened.remove(&e.opened)
	}
}

// trimOpened closes the least used files that nobody is sending.
func (c *Cache) trimOpened() {
	k := c.opened.back()
	for range openScanEntries {
		if c.opened.n <= c.cfg.OpenFiles || k == nil || k == c.opened.root.next {
			return
		}
		e, next := k.owner, c.opened.before(k)
		if e.refs == 0 {
			c.opened.remove(k)
			e.closeFile()
		}
		k = next
	}
}

// closeIdle closes all files that nobody is sending and counts them.
func (c *Cache) closeIdle() (closed int) {
	for k := c.opened.back(); k != nil; {
		e, next := k.owner, c.opened.before(k)
		if e.refs == 0 {
			c.opened.remove(k)
			e.closeFile()
			closed++
		}
		k = next
	}
	return closed
}
