package spool

import (
	"fmt"
	"os"
	"sync"
	"sync/atomic"

	"sluice/loop"
)

// Store makes spools. It may be shared by all loops.
type Store struct {
	// Dir is where temporary files are made; empty is the system's.
	Dir string
	// MemoryBytes is what one spool keeps in memory, BudgetBytes what all do.
	MemoryBytes int64
	BudgetBytes int64

	used atomic.Int64
}

// chunks are given back here by all loops; a spool is used for milliseconds.
var chunks = sync.Pool{New: func() any { return new([chunkBytes]byte) }}

// Owner is told what happens to its spool, on the loop.
type Owner interface {
	// SpoolRoom: after Full, the spool takes more.
	SpoolRoom()
	// SpoolReady: Take, which had nothing, has something now.
	SpoolReady()
	// SpoolFailed: the disk is full or broken; the spool is of no use any more.
	SpoolFailed(err error)
}

// Spool is a queue of octets. The zero value is not ready; use Init.
//
// The content is, in order: file[0:written], the chunks being written, the
// chunks in memory, or some of these, the pipe, the others. read counts from the
// beginning of all.
type Spool struct {
	store *Store
	l     *loop.Loop
	owner Owner

	// pipe, if there is one, holds the piped octets that follow the first pipeAt; the
	// others are all in memory then.
	pipe   *loop.Pipe
	pipeAt int64
	piped  int64
	behind bool // something was written behind them
	noPipe bool // there was none to be had

	mem     []piece // not in the file and not being written
	writing []piece // a goroutine has them
	file    *tempFile
	written int64 // octets of the file that are there
	inWrite int64
	memLen  int64
	size    int64
	read    int64
	spilled bool // from now on everything goes to the file
	full    bool
	starved bool // the reader waits for a write to end
	closed  bool
	err     error
}

// piece is a part of the content: in a chunk, or in a read buffer of the loop
// that is kept for it.
type piece struct {
	b     []byte
	chunk *[chunkBytes]byte
	kept  []byte
}

// Init makes s ready to be filled on a loop.
func (s *Spool) Init(store *Store, l *loop.Loop, owner Owner) {
	*s = Spool{store: store, l: l, owner: owner, mem: s.mem[:0]}
}

// Size is the number of octets written so far.
func (s *Spool) Size() int64 { return s.size }

// Unread is the number of octets that Take has not given.
func (s *Spool) Unread() int64 { return s.size - s.read }

// Full asks the source to stop until Owner.SpoolRoom.
func (s *Spool) Full() bool { return s.full }

func (st *Store) memoryBytes() int64 {
	if st.MemoryBytes > 0 {
		return st.MemoryBytes
	}
	return memoryBytesDefault
}

func (st *Store) overBudget() bool {
	limit := st.BudgetBytes
	if limit <= 0 {
		limit = budgetBytesDefault
	}
	return st.used.Load() > limit
}

// Write adds octets. They are copied, unless they fill most of the loop's read
// buffer: then that is kept.
func (s *Spool) Write(p []byte) {
	if s.closed || s.err != nil {
		return
	}
	s.behind = s.piped > 0
	s.size += int64(len(p))
	if buf, ok := s.l.KeepRead(p); ok {
		s.mem = append(s.mem, piece{b: p, kept: buf})
		s.store.used.Add(int64(len(buf)))
		s.memLen += int64(len(p))
		p = nil
	}
	for len(p) > 0 {
		last := len(s.mem) - 1
		if last < 0 || len(s.mem[last].b) == chunkBytes || s.mem[last].chunk == nil {
			c := chunks.Get().(*[chunkBytes]byte)
			s.mem = append(s.mem, piece{b: c[:0], chunk: c})
			s.store.used.Add(chunkBytes)
			last++
		}
		m := &s.mem[last]
		n := min(chunkBytes-len(m.b), len(p))
		m.b = append(m.b, p[:n]...)
		p = p[n:]
		s.memLen += int64(n)
	}
	if !s.spilled && s.pipe == nil && (s.memLen > s.store.memoryBytes() || (s.memLen > chunkBytes && s.store.overBudget())) {
		s.spilled = true
	}
	if s.spilled {
		s.spill()
	}
}

// Pipe is where the next octets may be put by loop.Conn.ReadInto instead of being
// written, if left of them are to come in all; nil: nowhere. Each is taken out only
// once: see Repeatable.
func (s *Spool) Pipe(left int64) *loop.Pipe {
	switch {
	case s.closed || s.err != nil || s.spilled || s.behind || s.noPipe:
		return nil
	case s.pipe != nil:
		return s.pipe
	case left < pipeBytesMin || s.size+left > s.store.memoryBytes() || s.store.overBudget():
		return nil
	}
	s.pipe = s.l.Pipe()
	s.noPipe = s.pipe == nil
	return s.pipe
}

// Piped counts n octets that were put there.
func (s *Spool) Piped(n int64) {
	if s.closed {
		return
	}
	if s.piped == 0 {
		s.pipeAt = s.size
	}
	s.piped += n
	s.size += n
	s.store.used.Add(n)
}

// Take gives the next octets, at most limit: bytes that stay valid until Close,
// or a range of a file (or pipe), for which the caller has to call Release. Neither means
// that there is nothing at the moment; SpoolReady follows if Unread is not 0.
func (s *Spool) Take(limit int64) (b []byte, f loop.FileRef, off, n int64) {
	if s.closed || s.err != nil || s.read == s.size {
		return nil, nil, 0, 0
	}
	if s.read < s.written {
		off, n = s.read, min(limit, s.written-s.read)
		s.read += n
		return nil, s.file.retain(), off, n
	}
	if s.inWrite > 0 {
		s.starved = true
		return nil, nil, 0, 0
	}
	at := s.read // in file and memory
	switch pipeEnd := s.pipeAt + s.piped; {
	case s.piped == 0:
	case at < s.pipeAt:
		limit = min(limit, s.pipeAt-at)
	case at < pipeEnd:
		n = min(limit, pipeEnd-at)
		s.read += n
		return nil, s.pipe.Retain(), 0, n
	default:
		at -= s.piped
	}
	pos := s.written // where mem begins
	for i := range s.mem {
		m := s.mem[i].b
		if at < pos+int64(len(m)) {
			b = m[at-pos:]
			b = b[:min(limit, int64(len(b)))]
			s.read += int64(len(b))
			return b, nil, 0, int64(len(b))
		}
		pos += int64(len(m))
	}
	return nil, nil, 0, 0
}

// Rewind makes Take begin again, for a request that is sent a second time. It must be
// Repeatable.
func (s *Spool) Rewind() { s.read = 0 }

// Repeatable tells whether all of the content is still there.
func (s *Spool) Repeatable() bool { return s.pipe == nil || s.pipe.Held() == s.piped }

// Forget frees what was taken, if that is all there is and none of it is still
// being sent. Bytes given by Take die.
func (s *Spool) Forget() {
	if s.inWrite > 0 || s.read < s.size || s.closed {
		return
	}
	if s.file != nil && s.file.refs.Load() > 1 {
		return
	}
	s.store.freeAll(s.mem, s.l)
	s.mem = s.mem[:0]
	s.size, s.read, s.memLen, s.written = 0, 0, 0, 0
	s.spilled = false
}

// Close frees everything. A file lives on while a range of it is being sent.
func (s *Spool) Close() {
	if s.closed || s.store == nil {
		return
	}
	s.closed = true
	s.store.freeAll(s.mem, s.l)
	s.mem = s.mem[:0]
	if s.pipe != nil {
		s.store.used.Add(-s.piped)
		s.pipe.Release()
		s.pipe, s.piped = nil, 0
	}
	if s.file != nil {
		s.file.Release()
	}
}

// freeAll gives memory back; l is nil off the loop.
func (st *Store) freeAll(list []piece, l *loop.Loop) {
	for i := range list {
		if c := list[i].chunk; c != nil {
			chunks.Put(c)
			st.used.Add(-chunkBytes)
		}
		if buf := list[i].kept; buf != nil {
			st.used.Add(-int64(len(buf)))
			if l != nil {
				l.GiveRead(buf)
			}
		}
		list[i] = piece{}
	}
}

// spill gives what is in memory to the writer, if it is free.
func (s *Spool) spill() {
	if s.memLen > pendingBytesMax {
		s.full = true
	}
	if len(s.writing) > 0 || s.memLen == 0 {
		return
	}
	if s.file == nil {
		s.file = &tempFile{}
		s.file.refs.Store(1)
	}
	s.writing, s.mem = s.mem, nil
	s.inWrite, s.memLen = s.memLen, 0
	s.file.refs.Add(1)
	go write(s, s.l, s.store, s.file, s.writing, s.written)
}

// write runs in a goroutine. It must not look into s, which may be closed and
// made another spool meanwhile.
func write(s *Spool, l *loop.Loop, st *Store, f *tempFile, list []piece, off int64) {
	err := f.open(st.Dir)
	for i := range list {
		if err != nil {
			break
		}
		_, err = f.f.WriteAt(list[i].b, off)
		off += int64(len(list[i].b))
	}
	f.Release()
	wrote := func() {
		st.freeAll(list, l)
		s.wrote(f, err)
	}
	if !l.Post(wrote) {
		st.freeAll(list, nil)
	}
}

func (s *Spool) wrote(f *tempFile, err error) {
	if s.closed || s.file != f { // Init may have made s another spool
		return
	}
	s.written += s.inWrite
	s.writing, s.inWrite = nil, 0
	if err != nil {
		s.err = fmt.Errorf("spool: writing to a temporary file: %w", err)
		s.owner.SpoolFailed(s.err)
		return
	}
	s.spill()
	if s.full && s.memLen <= pendingBytesMax {
		s.full = false
		s.owner.SpoolRoom()
	}
	if s.starved && !s.closed {
		s.starved = false
		s.owner.SpoolReady()
	}
}

// tempFile is an unlinked file, closed when its last user lets go.
type tempFile struct {
	f    *os.File
	name string // only where an open file can't be unlinked
	refs atomic.Int32
}

func (t *tempFile) open(dir string) error {
	if t.f != nil {
		return nil
	}
	f, err := os.CreateTemp(dir, "sluice-spool-*")
	if err != nil {
		return err
	}
	if os.Remove(f.Name()) != nil {
		t.name = f.Name()
	}
	t.f = f
	return nil
}

func (t *tempFile) retain() loop.FileRef {
	t.refs.Add(1)
	return t
}

// File implements loop.FileRef.
func (t *tempFile) File() *os.File { return t.f }

// Release implements loop.FileRef.
func (t *tempFile) Release() {
	if t.refs.Add(-1) > 0 || t.f == nil {
		return
	}
	_ = t.f.Close()
	if t.name != "" {
		_ = os.Remove(t.name)
	}
}
