package loop

import (
	"errors"
	"io"
	"net/netip"
)

// Reasons for which a connection ends.
var (
	ErrStopped = errors.New("loop: the loop has been stopped")
	ErrBusy    = errors.New("loop: the peer accepts no more connections at the moment")
)

// Handler receives what happens to one connection, on the loop's goroutine.
// After Conn.Close or Conn.Abort nothing is called any more.
type Handler interface {
	// Data brings what was read. p is the loop's again when Data returns.
	Data(c *Conn, p []byte)
	// EOF: the peer has finished sending; no more Data comes.
	EOF(c *Conn)
	// Drained: after Conn.Full, the output has fallen below the low mark.
	Drained(c *Conn)
	// Closed: the connection has failed. The last call.
	Closed(c *Conn, err error)
}

// DialHandler is the Handler of a connection that we open.
type DialHandler interface {
	Handler
	Connected(c *Conn)
}

// connState says where a connection is in its life.
type connState uint8

const (
	// connecting: Dial has begun; Connected or Closed ends it.
	connecting connState = iota
	// open: bytes go both ways.
	open
	// flushing: Close was called; what is queued still goes out.
	flushing
	// lingering: all is sent and our side is shut; input is thrown away until
	// the peer closes too, or lingerTime, or lingerBytesMax.
	lingering
	// closed: the socket is gone.
	closed
	numStates
)

func (s connState) String() string {
	return [...]string{"connecting", "open", "flushing", "lingering", "closed"}[s]
}

var connMay = [numStates][numStates]bool{
	connecting: {open: true, closed: true},
	open:       {flushing: true, closed: true},
	flushing:   {lingering: true, closed: true},
	lingering:  {closed: true},
}

// Conn is one connection of a loop.
type Conn struct {
	l      *Loop
	sock   Socket
	h      Handler
	id     Handle
	remote netip.AddrPort // zero for a Unix socket
	state  connState

	// Reading.
	armed   Interest // what the poller knows
	watched bool     // the poller has the socket at all
	paused  bool
	dialled bool
	eof     bool
	into    *Pipe // ReadInto

	// Writing; see conn_write.go.
	dirty    bool
	joins    bool // JoinWrites
	joined   bool // in Loop.joined
	full     bool // over the high mark, Drained is owed
	blocked  bool // the socket took less than offered; wait for Writable
	linger   bool // wait for the peer's FIN after flushing
	deaf     bool // StopReading: only the peer's hang-up is waited for
	resets   bool // ResetUnlessClosed
	sendErr  error
	out      []segment
	head     int   // out[:head] has been sent
	outBytes int64 // queued, files included
	sent     int64 // octets given to the socket so far

	end *lingerEnd
}

// lingerEnd watches over the last part of a connection's life.
type lingerEnd struct {
	timer Timer
	left  int   // lingering: octets that may still be thrown away
	sent  int64 // flushing: Conn.sent when the timer was armed
}

func (c *Conn) become(next connState) {
	if !connMay[c.state][next] {
		panic("loop: connection may not go from " + c.state.String() + " to " + next.String())
	}
	c.state = next
}

// newConn takes a connected or connecting socket into the loop.
func (l *Loop) newConn(s Socket, h Handler, remote netip.AddrPort, st connState) (*Conn, error) {
	c := &Conn{l: l, sock: s, h: h, remote: remote, state: st}
	c.id = l.attach(c)
	in := Readable
	if st == connecting {
		in = Writable
	}
	if err := l.poller.Add(s, c.id, in); err != nil {
		l.detach(c.id)
		return nil, err
	}
	c.armed, c.watched = in, true
	l.conns.Add(1)
	return c, nil
}

// Loop is the loop that owns c.
func (c *Conn) Loop() *Loop { return c.l }

// Remote is the peer's address; not valid for a Unix socket.
func (c *Conn) Remote() netip.AddrPort { return c.remote }

// Local is our own address; not valid for a Unix socket.
func (c *Conn) Local() netip.AddrPort {
	if s, ok := c.sock.(interface{ Local() netip.AddrPort }); ok && c.state != closed {
		return s.Local()
	}
	return netip.AddrPort{}
}

// Dup makes a second descriptor of the connection, for goroutines that ask the
// system about it. Not every engine can.
func (c *Conn) Dup() (fd uintptr, closeFd func(), err error) {
	s, ok := c.sock.(interface {
		Dup() (uintptr, func(), error)
	})
	if !ok || c.state == closed {
		return 0, nil, errNoDup
	}
	return s.Dup()
}

var errNoDup = errors.New("loop: this connection has no descriptor to be had")

// SetHandler changes who receives what happens from now on.
func (c *Conn) SetHandler(h Handler) { c.h = h }

// Open tells whether c can still be written to.
func (c *Conn) Open() bool { return c.state == open && c.sendErr == nil }

// Pause stops Data. What the peer sends meanwhile stays in the kernel.
func (c *Conn) Pause() { c.paused = true }

// Resume lets Data come again.
func (c *Conn) Resume() {
	if c.paused && !c.deaf {
		c.paused = false
		c.arm()
	}
}

// StopReading refuses all further input for good: on a Unix socket the peer's
// writes fail from now on. What had arrived before is given to rest; then only
// Closed is called, when the peer closes. An engine that can't do that answers
// false and goes on calling Data.
func (c *Conn) StopReading(rest func(p []byte)) bool {
	c.l.mustOwn()
	s, ok := c.sock.(interface{ CloseRead() error })
	if c.state != open || !ok || s.CloseRead() != nil {
		c.Resume()
		return false
	}
	c.deaf, c.paused = true, true
	c.setInterest(c.armed &^ Readable)
	buf := make([]byte, pieceBytes) // readBuf may be in use further up
	for {
		n, err := c.sock.Read(buf)
		if err != nil {
			return true
		}
		rest(buf[:n])
	}
}

// Unread is how much of what was sent still lies in a Unix peer's receive queue
// (with the kernel's overhead); 0 when he has read all, or has gone.
func (c *Conn) Unread() (n int, err error) {
	s, ok := c.sock.(interface{ Unread() (int, error) })
	if !ok || c.state == closed {
		return 0, nil
	}
	return s.Unread()
}

// Paused tells whether Pause is in force.
func (c *Conn) Paused() bool { return c.paused }

// errUnexpected: Peek has found something to read.
var errUnexpected = errors.New("loop: unexpected data on an idle connection")

// Idle peeks without reading: it answers nil when the connection is open and
// has nothing to read, which is what a kept connection must be before it is
// used again.
func (c *Conn) Idle() error {
	if c.state != open || c.eof || c.sendErr != nil {
		return io.EOF
	}
	if p, ok := c.sock.(interface{ Peek() error }); ok {
		return p.Peek()
	}
	return nil
}

// arm tells the poller what is wanted, if it has to know at once: interest in
// reading is withdrawn only when an unwanted event comes (quiet), for most
// pauses are over before that.
func (c *Conn) arm() {
	want := c.armed &^ Writable
	if !c.paused && !c.eof {
		want |= Readable
	}
	if c.blocked || c.state == connecting {
		want |= Writable
	}
	c.setInterest(want)
}

func (c *Conn) setInterest(want Interest) {
	if c.state == closed || (c.watched && want == c.armed) {
		return
	}
	var err error
	if c.watched {
		err = c.l.poller.Modify(c.sock, c.id, want)
	} else {
		err = c.l.poller.Add(c.sock, c.id, want)
	}
	if err != nil {
		c.sendErr = err // flush will fail the connection
		c.markDirty()
		return
	}
	c.armed, c.watched = want, true
}

// quiet answers an event that nobody wants to hear of now.
func (c *Conn) quiet(hup bool) {
	want := c.armed &^ Readable
	if !hup {
		c.setInterest(want)
		return
	}
	// A hang-up is reported whatever the interest: leave the poller until
	// somebody wants to read or write again.
	if c.watched && !c.blocked {
		_ = c.l.poller.Remove(c.sock)
		c.watched, c.armed = false, 0
	}
}

func (c *Conn) ready(ev Event) {
	if c.state == connecting {
		c.connected()
		return
	}
	if ev.Ready&Writable != 0 || (ev.Hup && c.blocked) {
		c.blocked = false
		c.send()
	}
	if c.state == closed || (ev.Ready&Readable == 0 && !ev.Hup) {
		return
	}
	if c.deaf {
		if ev.Hup {
			c.fail(io.EOF)
		}
		return
	}
	if c.state == lingering {
		c.discard()
		return
	}
	if c.paused || c.eof || c.state == flushing {
		c.quiet(ev.Hup)
		return
	}
	c.read()
}

func (c *Conn) connected() {
	if err := c.sock.Connected(); err != nil {
		if !errors.Is(err, ErrAgain) {
			c.fail(err)
		}
		return
	}
	c.become(open)
	c.setInterest(Readable)
	if dh, ok := c.h.(DialHandler); ok {
		dh.Connected(c)
	}
}

func (c *Conn) read() {
	if c.into != nil {
		if err := c.readPipe(); !errors.Is(err, errNotPiped) {
			c.readFailed(err)
			return
		}
	}
	n, err := c.sock.Read(c.l.readBuf)
	if err == nil {
		c.h.Data(c, c.l.readBuf[:n])
		return
	}
	c.readFailed(err)
}

func (c *Conn) readFailed(err error) {
	switch {
	case err == nil, errors.Is(err, ErrAgain):
	case errors.Is(err, io.EOF):
		c.eof = true
		c.h.EOF(c)
		if c.state != closed {
			c.quiet(false)
		}
	default:
		c.fail(err)
	}
}

// lastWords gives what a peer that we dialled has sent before he stopped reading: a
// backend may answer a request that it did not want to read to the end.
func (c *Conn) lastWords() {
	for c.dialled && c.state == open && !c.paused && !c.eof {
		n, err := c.sock.Read(c.l.readBuf)
		if err != nil {
			return
		}
		c.h.Data(c, c.l.readBuf[:n])
	}
}

// fail ends the connection for a reason that the handler did not ask for.
func (c *Conn) fail(err error) {
	if c.state == closed {
		return
	}
	told := c.state == flushing || c.state == lingering
	c.drop()
	if !told {
		c.h.Closed(c, err)
	}
}

// Abort closes at once; what is queued is lost.
func (c *Conn) Abort() {
	c.l.mustOwn()
	c.drop()
}

// ResetUnlessClosed is for a peer that takes the end of the connection for the
// end of the content (RFC 9112 §6.3): every end but that of a Close that could
// send everything is a reset, where the socket can do that (TCP).
func (c *Conn) ResetUnlessClosed() { c.resets = true }

// Close sends what is queued, as long as the peer takes some of it in each
// StallTime, and then closes. With linger it waits, bounded,
// for the peer to close first, for data that the peer still sends would make
// the kernel answer with a reset that can overtake our last bytes.
func (c *Conn) Close(linger bool) {
	c.l.mustOwn()
	if c.state != open {
		if c.state == connecting {
			c.drop()
		}
		return
	}
	c.linger = linger
	c.leavePipe()
	c.become(flushing)
	c.l.closing++
	c.markDirty()
}

// watch begins to look whether a connection that is being closed makes
// progress.
func (c *Conn) watch() {
	if c.end == nil {
		c.end = &lingerEnd{sent: c.sent}
		c.end.timer.Init(c.stalled)
		c.l.Arm(&c.end.timer, c.l.stall)
	}
}

func (c *Conn) stalled() {
	if c.state != flushing || c.sent == c.end.sent {
		c.drop()
		return
	}
	c.end.sent = c.sent
	c.l.Arm(&c.end.timer, c.l.stall)
}

// finish is called when the socket has taken everything and Close was asked for.
func (c *Conn) finish() {
	if s, ok := c.sock.(interface{ CaughtUp() error }); ok { // but has the system?
		switch err := s.CaughtUp(); {
		case errors.Is(err, ErrAgain):
			c.blocked = true
			c.arm()
			c.watch()
			return
		case err != nil:
			c.drop()
			return
		}
	}
	c.resets = false
	if !c.linger || c.eof {
		c.drop()
		return
	}
	if err := c.sock.CloseWrite(); err != nil {
		c.drop()
		return
	}
	c.become(lingering)
	c.l.closingEnded()
	c.watch()
	c.end.left = lingerBytesMax
	c.l.Arm(&c.end.timer, lingerTime)
	c.setInterest(Readable)
}

// discard reads what a peer sends after our last byte.
func (c *Conn) discard() {
	n, err := c.sock.Read(c.l.readBuf)
	if err != nil && errors.Is(err, ErrAgain) {
		return
	}
	if c.end.left -= n; err != nil || c.end.left <= 0 {
		c.drop()
	}
}

// drop gives everything back.
func (c *Conn) drop() {
	if c.state == closed {
		return
	}
	if c.state == flushing {
		defer c.l.closingEnded()
	}
	c.become(closed)
	c.l.detach(c.id)
	if c.watched {
		_ = c.l.poller.Remove(c.sock)
		c.watched = false
	}
	if s, ok := c.sock.(interface{ Reset() error }); ok && c.resets {
		_ = s.Reset()
	}
	_ = c.sock.Close()
	c.clearOut()
	c.leavePipe()
	if c.end != nil {
		c.l.Forget(&c.end.timer)
	}
	c.l.conns.Add(-1)
}
