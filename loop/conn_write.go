package loop

import (
	"errors"
	"os"
)

// FileRef is an open file that is being sent. Release is called once, when the
// loop no longer needs it.
type FileRef interface {
	File() *os.File
	Release()
}

// segment is a piece of queued output: bytes, or a range of a file.
type segment struct {
	b      []byte
	pooled bool // b is the loop's, and returns to it
	file   FileRef
	off, n int64 // of the file
}

// throughBytesMin is the size from which output is offered to the socket at
// once, instead of being copied into the queue.
const throughBytesMin = 8 << 10

// Full tells that the output is over the high mark: stop feeding until Drained.
func (c *Conn) Full() bool { return c.full }

// Queued is the number of octets that wait to be sent, files included.
func (c *Conn) Queued() int64 { return c.outBytes }

// Written is the number of octets that were ever written, sent or not.
func (c *Conn) Written() int64 { return c.sent + c.outBytes }

// Sent is the number of octets that the system has taken in all; when it does
// not move, the peer does not read.
func (c *Conn) Sent() int64 {
	if s, ok := c.sock.(interface{ Unsent() int64 }); ok {
		return c.sent - s.Unsent()
	}
	return c.sent
}

// Write queues p, copying it.
func (c *Conn) Write(p []byte) {
	c.l.mustOwn()
	if c.state != open || len(p) == 0 {
		return
	}
	if len(p) >= throughBytesMin && !c.blocked && c.sendErr == nil && c.filesQueued() == 0 {
		p = c.writeThrough(p)
		if len(p) == 0 {
			return
		}
	}
	c.queued(int64(len(p)))
	for len(p) > 0 {
		last := len(c.out) - 1
		if last < c.head || !c.out[last].pooled || len(c.out[last].b) == cap(c.out[last].b) {
			c.push(segment{b: c.l.piece(), pooled: true})
			last = len(c.out) - 1
		}
		s := &c.out[last]
		room := cap(s.b) - len(s.b)
		n := min(room, len(p))
		s.b = append(s.b, p[:n]...)
		p = p[n:]
	}
}

// WriteShared queues p without copying; it must never change again.
func (c *Conn) WriteShared(p []byte) {
	c.l.mustOwn()
	if c.state != open || len(p) == 0 {
		return
	}
	c.push(segment{b: p})
	c.queued(int64(len(p)))
}

// JoinWrites has what is written to c, while it is little, sent at the end of the
// loop's turn, not after each event: for a connection that many events write to.
func (c *Conn) JoinWrites() { c.joins = true }

// WriteFile queues n octets of a file from offset off, and releases the file
// when they are sent or the connection ends.
func (c *Conn) WriteFile(f FileRef, off, n int64) {
	c.l.mustOwn()
	if c.state != open || n == 0 {
		f.Release()
		return
	}
	c.push(segment{file: f, off: off, n: n})
	c.queued(n)
}

func (c *Conn) queued(n int64) {
	c.outBytes += n
	if c.outBytes > outHighBytes {
		c.full = true
	}
	c.markDirty()
}

func (c *Conn) markDirty() {
	if c.joins && c.state == open && c.outBytes < joinBytesMax {
		if !c.joined {
			c.joined = true
			c.l.joined = append(c.l.joined, c)
		}
		return
	}
	if !c.dirty {
		c.dirty = true
		c.l.dirty = append(c.l.dirty, c)
	}
}

func (c *Conn) push(s segment) {
	switch {
	case c.out == nil:
		c.out = c.l.queue()
	case len(c.out) == cap(c.out) && c.head > len(c.out)/2:
		// A queue that never runs empty must not grow for ever.
		n := copy(c.out, c.out[c.head:])
		clear(c.out[n:])
		c.out, c.head = c.out[:n], 0
	}
	c.out = append(c.out, s)
}

func (c *Conn) filesQueued() int {
	n := 0
	for i := c.head; i < len(c.out); i++ {
		if c.out[i].file != nil {
			n++
		}
	}
	return n
}

// writeThrough offers what is queued and p in one call and answers what is left
// of p. A failure is kept for flush, so that no handler is called from here.
func (c *Conn) writeThrough(p []byte) []byte {
	iov := c.gather()
	if len(iov) == cap(iov) {
		return p
	}
	iov = append(iov, p)
	n, err := c.sock.Writev(iov)
	c.l.iov = clearIov(iov)
	if err != nil {
		if errors.Is(err, ErrAgain) {
			c.blocked = true
			c.arm()
		} else {
			c.sendErr = err
			c.markDirty()
		}
		return p
	}
	c.sent += int64(n)
	ofQueue := min(int64(n), c.outBytes)
	c.advance(ofQueue)
	return p[int64(n)-ofQueue:]
}

func clearIov(iov [][]byte) [][]byte {
	clear(iov)
	return iov[:0]
}

// gather collects the byte segments at the head of the queue.
func (c *Conn) gather() [][]byte {
	iov := c.l.iov[:0]
	for i := c.head; i < len(c.out) && len(iov) < iovecsMax; i++ {
		if c.out[i].file != nil {
			break
		}
		iov = append(iov, c.out[i].b)
	}
	return iov
}

// send gives the socket what it takes.
func (c *Conn) send() {
	if c.state == closed || c.state == connecting || c.state == lingering {
		return
	}
	budget := int64(2 * sendfileBytesMax) // then others come first
	for c.sendErr == nil && !c.blocked && c.outBytes > 0 && budget > 0 {
		n, err := c.sendSome()
		if err != nil {
			if errors.Is(err, ErrAgain) {
				c.blocked = true
			} else {
				c.sendErr = err
			}
			break
		}
		c.sent += int64(n)
		budget -= int64(n)
		c.advance(int64(n))
	}
	switch {
	case c.sendErr != nil:
		c.lastWords()
		c.fail(c.sendErr)
	case c.outBytes > 0:
		c.blocked = true // also when the budget is used up: Writable comes at once
		c.arm()
		if c.state == flushing {
			c.watch()
		}
		c.drained()
	default:
		if c.armed&Writable != 0 {
			c.arm()
		}
		if c.state == flushing {
			c.finish()
			return
		}
		c.drained()
	}
}

func (c *Conn) sendSome() (int, error) {
	if s := &c.out[c.head]; s.file != nil {
		if p, ok := s.file.(*Pipe); ok {
			return c.sock.(piper).WritePipe(p, s.n)
		}
		n, err := c.sock.SendFile(s.file.File(), s.off, int(min(s.n, sendfileBytesMax)))
		if err == nil && n == 0 {
			err = errShrunk
		}
		return n, err
	}
	iov := c.gather()
	defer func() { c.l.iov = clearIov(iov) }()
	if len(iov) == 1 && c.head+1 < len(c.out) && c.out[c.head+1].file != nil {
		if s, ok := c.sock.(interface{ SendMore(b []byte) (int, error) }); ok {
			return s.SendMore(iov[0])
		}
	}
	return c.sock.Writev(iov)
}

// errShrunk: the file became shorter than the length already promised, so the
// connection has to break for the peer to notice.
var errShrunk = errors.New("loop: file became shorter while it was being sent")

func (c *Conn) drained() {
	if c.full && c.outBytes <= outLowBytes && c.state == open {
		c.full = false
		c.h.Drained(c)
	}
}

// advance drops n sent octets from the head of the queue.
func (c *Conn) advance(n int64) {
	c.outBytes -= n
	for c.head < len(c.out) {
		s := &c.out[c.head]
		if s.file != nil {
			if n < s.n {
				s.off += n
				s.n -= n
				return
			}
			n -= s.n
		} else {
			if n < int64(len(s.b)) {
				if s.pooled { // keep the start, the pool wants whole buffers back
					s.b = s.b[:copy(s.b, s.b[n:])]
				} else {
					s.b = s.b[n:]
				}
				return
			}
			n -= int64(len(s.b))
		}
		c.release(s)
		c.head++
	}
	c.resetQueue()
}

func (c *Conn) release(s *segment) {
	if s.pooled {
		c.l.givePiece(s.b)
	}
	if s.file != nil {
		s.file.Release()
	}
	*s = segment{}
}

func (c *Conn) resetQueue() {
	if c.out != nil {
		c.l.giveQueue(c.out[:0])
		c.out, c.head = nil, 0
	}
}

// DropOutput throws away what is queued. The peer gets the rest of nothing: the
// connection can only be closed afterwards.
func (c *Conn) DropOutput() {
	c.l.mustOwn()
	c.clearOut()
	if c.state == open {
		c.arm()
	}
}

func (c *Conn) clearOut() {
	for i := c.head; i < len(c.out); i++ {
		c.release(&c.out[i])
	}
	c.outBytes, c.full, c.blocked = 0, false, false
	c.resetQueue()
}

// Output buffers and queues are kept per loop, so that an idle connection has
// none.

func (l *Loop) piece() []byte {
	if n := len(l.pieces); n > 0 {
		b := l.pieces[n-1]
		l.pieces[n-1] = nil
		l.pieces = l.pieces[:n-1]
		return b
	}
	return make([]byte, 0, pieceBytes)
}

func (l *Loop) givePiece(b []byte) {
	if len(l.pieces) < pieceKeepMax {
		l.pieces = append(l.pieces, b[:0])
	}
}

func (l *Loop) queue() []segment {
	if n := len(l.queues); n > 0 {
		q := l.queues[n-1]
		l.queues[n-1] = nil
		l.queues = l.queues[:n-1]
		return q
	}
	return make([]segment, 0, 4)
}

func (l *Loop) giveQueue(q []segment) {
	if cap(q) <= iovecsMax && len(l.queues) < pieceKeepMax {
		l.queues = append(l.queues, q)
	}
}
