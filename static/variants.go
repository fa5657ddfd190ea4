package static

import "time"

// variantState is where an on-the-fly variant stands.
type variantState uint8

const (
	// variantNone: not made; the next client that wants it starts the job.
	variantNone variantState = iota
	// variantPending: a job runs; clients get what is ready.
	variantPending
	// variantReady: alt holds it.
	variantReady
	// variantUseless: it saves too little, or the file could not be read. Stays
	// so until the file changes.
	variantUseless
)

// readySiblings finds x.gz, x.br and x.zst next to x and makes them ready.
// They are asked about as often as the file itself.
func (c *Cache) readySiblings(e *Entry, now time.Time) {
	for coding := Gzip; coding < numCodings; coding++ {
		if !e.siblingsKnown {
			c.findSibling(e, coding, now)
		}
		s := e.siblings[coding]
		if s == nil {
			continue
		}
		s.hits = e.hits
		s.Retain() // opening the next must not close this one
		if !c.load(s) || !s.Ready() {
			s.Release()
			c.dropSibling(e, coding)
			continue
		}
		if e.alt[coding] == nil {
			tag := makeETag(s.facts.mtime, s.facts.size, s.stamp, coding)
			r := e.represent(coding, s.facts.size, tag, false)
			r.source = s
			e.alt[coding] = &r
		}
	}
	for _, s := range e.siblings {
		if s != nil {
			s.Release()
		}
	}
	e.siblingsKnown = true
}

func (c *Cache) findSibling(e *Entry, coding Coding, now time.Time) {
	key := e.key + "." + coding.suffix()
	f, _ := c.root.stat(nameOf(key)) // an error is a kind, too
	old := e.siblings[coding]
	if old != nil && old.keeps(&f, now) {
		old.checked = now
		return
	}
	if old != nil {
		c.dropSibling(e, coding)
	}
	if f.kind != File || f.mtime.Before(e.facts.mtime) {
		return
	}
	if r := e.alt[coding]; r != nil { // computed before somebody made the sibling
		e.alt[coding], e.state[coding] = nil, variantNone
		c.charge(e, -int64(len(r.packed.data)))
	}
	e.siblings[coding] = c.newEntry(key, f, now)
}

func (c *Cache) dropSibling(e *Entry, coding Coding) {
	s := e.siblings[coding]
	e.siblings[coding], e.alt[coding] = nil, nil
	c.evict(s)
}

// computable tells whether a variant may be made on the fly. A young file may
// be in the middle of being written.
func (e *Entry) computable(coding Coding) bool {
	return coding != Identity && e.state[coding] == variantNone && e.siblings[coding] == nil &&
		e.compressible && e.stamp != stampYoung && e.codings.Has(coding)
}

// computed is the set of codings that a file of this size may be given.
func (c *Cache) computed(size int64) (set CodingSet) {
	if c.cfg.NoCompression || size < c.cfg.CompressBytesMin || size > MaxCompressBytes {
		return 0
	}
	for coding := Gzip; coding < numCodings; coding++ {
		if c.cfg.Levels.of(coding) > 0 {
			set = set.With(coding)
		}
	}
	return set
}

// Prepare starts making a variant that Decide wanted, in a function given to
// Config.Spawn. It does nothing when that is under way, of no use, or when too
// many jobs are waiting: the next client asks again.
func (c *Cache) Prepare(e *Entry, coding Coding) {
	if c.cfg.Post == nil || c.pending >= maxPendingVariants || e.gone || !e.Ready() || !e.computable(coding) {
		return
	}
	e.state[coding] = variantPending
	c.pending++
	e.Retain()
	j := job{coding: coding, level: c.cfg.Levels.of(coding), facts: e.facts, body: e.body, file: e.file}
	if e.inMemory {
		j.file = nil
	}
	compressor, post := c.cfg.Compressor, c.cfg.Post
	c.cfg.Spawn(func() {
		out := compressor.pack(&j)
		post(func() { c.prepared(e, coding, out) })
	})
}

// prepared takes a job's result in; nil means there is no use in it.
func (c *Cache) prepared(e *Entry, coding Coding, out *packed) {
	c.pending--
	e.Release()
	if e.gone {
		return
	}
	if e.state[coding] = variantUseless; out == nil || int64(len(out.data)) > c.cfg.MemoryBytes/variantShareDivisor {
		return
	}
	if e.siblings[coding] != nil {
		e.state[coding] = variantNone
		return
	}
	r := e.represent(coding, int64(len(out.data)), e.tags[coding], false)
	r.packed = out
	e.alt[coding], e.state[coding] = &r, variantReady
	c.charge(e, int64(len(out.data)))
	c.trim()
}

// choose picks the coding to send of those that are ready, and the one that
// should be computed for later clients (Identity: none). Precompressed
// siblings are what the site wants used, so where one is accepted nothing is
// computed.
func (e *Entry) choose(a *Accept) (send, wanted Coding) {
	var ready, possible CodingSet
	for c := Gzip; c < numCodings; c++ {
		switch {
		case e.alt[c] != nil:
			ready = ready.With(c)
		case e.computable(c):
			possible = possible.With(c)
		}
	}
	send = a.Choose(ready)
	if possible == 0 || send != Identity && e.siblings[send] != nil {
		return send, Identity
	}
	if best := a.Choose(ready | possible); best != send {
		wanted = best
	}
	return send, wanted
}
