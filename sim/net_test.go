package sim

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"

	"sluice/loop"
)

// idleEventsMax is how often a poller may report a socket in a row without
// anything being done about it; more is a loop that turns for nothing.
const idleEventsMax = 20

// pipe is one direction of a link.
type pipe struct {
	buf  []byte
	room int
	eof  bool // the writer has finished
	dead bool // the reader refuses more: writes fail
}

// link is a connection. It implements loop.Socket for sluice's end; peer.go has
// the other one.
type link struct {
	w    *world
	name string
	unix bool
	in   pipe // towards sluice
	out  pipe // from sluice
	addr *net.TCPAddr

	connecting bool
	refused    bool
	reset      bool // sluice finds ECONNRESET
	closed     bool // sluice has closed
	peerClosed bool
	peerReset  bool // the peer finds ECONNRESET

	watch
}

// watch is what a poller knows of a socket.
type watch struct {
	p          *poller
	h          loop.Handle
	interest   loop.Interest
	idleEvents int
}

func (l *link) Descriptor() int { return -1 }

// use is called by all of sluice's calls.
func (l *link) use(call string) {
	if l.closed {
		l.w.failf("%s: %s after Close", l.name, call)
	}
	l.idleEvents = 0
}

func (l *link) Read(p []byte) (int, error) {
	l.use("Read")
	switch {
	case l.reset && (!l.unix || len(l.in.buf) == 0):
		l.w.move("%s read: reset", l.name)
		return 0, syscall.ECONNRESET
	case l.w.again():
		return 0, loop.ErrAgain
	case len(l.in.buf) == 0 && (l.in.eof || l.in.dead):
		l.w.move("%s read: EOF", l.name)
		return 0, io.EOF
	case len(l.in.buf) == 0:
		return 0, loop.ErrAgain
	}
	n := copy(p, l.in.buf[:l.w.short(min(len(p), len(l.in.buf)))])
	l.in.buf = l.in.buf[n:]
	l.w.move("%s read %d", l.name, n)
	return n, nil
}

// takes answers how much of n octets the other side's buffer takes.
func (l *link) takes(n int) (int, error) {
	switch {
	case l.reset:
		return 0, syscall.ECONNRESET
	case l.out.eof:
		l.w.failf("%s: written after CloseWrite", l.name)
	case l.unix && (l.peerClosed || l.out.dead):
		return 0, syscall.EPIPE
	case l.peerClosed: // taken, and answered with a reset
		l.reset = true
		return n, nil
	case l.w.again():
		return 0, loop.ErrAgain
	}
	room := l.out.room - len(l.out.buf)
	if room <= 0 {
		return 0, loop.ErrAgain
	}
	return l.w.short(min(n, room)), nil
}

func (l *link) Writev(bufs [][]byte) (int, error) {
	l.use("Writev")
	total := 0
	for _, b := range bufs {
		total += len(b)
	}
	n, err := l.takes(total)
	l.w.move("%s write %d of %d: %v", l.name, n, total, err)
	left := n
	for _, b := range bufs {
		k := min(left, len(b))
		l.out.buf = append(l.out.buf, b[:k]...)
		left -= k
	}
	return n, err
}

func (l *link) SendFile(f *os.File, off int64, n int) (int, error) {
	l.use("SendFile")
	n, err := l.takes(n)
	if err != nil {
		return 0, err
	}
	b := make([]byte, n)
	n, err = f.ReadAt(b, off)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	l.w.move("%s sendfile %d", l.name, n)
	l.out.buf = append(l.out.buf, b[:n]...)
	return n, nil
}

func (l *link) CloseWrite() error {
	l.use("CloseWrite")
	l.w.move("%s shutdown", l.name)
	l.out.eof = true
	return nil
}

// CloseRead exists on Unix sockets only, as in loop.
func (l *link) CloseRead() error {
	l.use("CloseRead")
	if !l.unix {
		return syscall.EOPNOTSUPP
	}
	l.w.move("%s refuses to read", l.name)
	l.in.dead = true
	return nil
}

func (l *link) Unread() (int, error) {
	l.use("Unread")
	if l.peerClosed {
		return 0, nil
	}
	return len(l.out.buf), nil
}

func (l *link) Peek() error {
	l.use("Peek")
	switch {
	case l.reset:
		return syscall.ECONNRESET
	case len(l.in.buf) > 0 || l.in.eof:
		return io.EOF
	}
	return nil
}

func (l *link) Connected() error {
	switch {
	case l.refused:
		return syscall.ECONNREFUSED
	case l.connecting:
		return loop.ErrAgain
	}
	return nil
}

func (l *link) Local() netip.AddrPort { return netip.MustParseAddrPort("192.0.2.1:80") }

// Reset closes with a reset, so that nobody takes what was sent for all.
func (l *link) Reset() error {
	l.use("Reset")
	l.w.move("%s resets", l.name)
	l.peerReset, l.out.buf = true, nil
	return nil
}

// Close resets where something was not read; on TCP that may overtake what was
// sent (RFC 9112 §9.6).
func (l *link) Close() error {
	l.use("Close")
	if l.p != nil {
		l.w.failf("%s: closed while the poller has it", l.name)
	}
	l.w.move("%s closed, %d unread", l.name, len(l.in.buf))
	l.closed, l.out.eof = true, true
	if len(l.in.buf) > 0 {
		l.resetPeer()
	}
	return nil
}

func (l *link) resetPeer() {
	l.peerReset = true
	if !l.unix && l.w.rng.IntN(2) == 0 {
		l.out.buf = nil
	}
}

// state is what a poller would say of l.
func (l *link) state() (ready loop.Interest, hup bool) {
	if l.connecting {
		return 0, false
	}
	hup = l.refused || l.reset || (l.unix && l.peerClosed) || (!l.unix && l.in.eof && l.out.eof)
	if len(l.in.buf) > 0 || l.in.eof || l.in.dead || hup {
		ready |= loop.Readable
	}
	if len(l.out.buf) < l.out.room || l.peerClosed || hup {
		ready |= loop.Writable
	}
	return ready, hup
}

// acceptor is a listening socket.
type acceptor struct {
	w       *world
	backlog []*link
	closed  bool
	watch
}

func (a *acceptor) Descriptor() int { return -1 }
func (a *acceptor) Addr() net.Addr {
	return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 80}
}

func (a *acceptor) Accept() (loop.Socket, net.Addr, error) {
	a.idleEvents = 0
	if len(a.backlog) == 0 || a.w.again() {
		return nil, nil, loop.ErrAgain
	}
	l := a.backlog[0]
	a.backlog = a.backlog[1:]
	a.w.move("%s accepted", l.name)
	return l, l.addr, nil
}

func (a *acceptor) Close() error {
	a.closed = true
	for _, l := range a.backlog {
		l.closed, l.peerReset = true, true
	}
	a.backlog = nil
	return nil
}

func (a *acceptor) state() (ready loop.Interest, hup bool) {
	if len(a.backlog) > 0 {
		ready = loop.Readable
	}
	return ready, false
}

// watched is a link or an acceptor.
type watched interface {
	loop.Pollable
	state() (ready loop.Interest, hup bool)
	watching() *watch
}

func (w *watch) watching() *watch { return w }

// poller implements loop.Poller. It never waits: what is ready is reported now
// or later, in any order, and the world moves the clock.
type poller struct {
	w       *world
	socks   []watched
	acc     *acceptor
	timeout time.Duration // what the loop asked for last
	woken   bool
}

func (p *poller) Add(s loop.Pollable, h loop.Handle, in loop.Interest) error {
	s2 := s.(watched)
	if s2.watching().p != nil {
		p.w.failf("a socket was added twice")
	}
	*s2.watching() = watch{p: p, h: h, interest: in}
	p.socks = append(p.socks, s2)
	return nil
}

func (p *poller) Modify(s loop.Pollable, h loop.Handle, in loop.Interest) error {
	wt := s.(watched).watching()
	if wt.p != p {
		p.w.failf("a socket was modified that the poller does not have")
	}
	wt.h, wt.interest, wt.idleEvents = h, in, 0
	return nil
}

func (p *poller) Remove(s loop.Pollable) error {
	wt := s.(watched).watching()
	if wt.p != p {
		p.w.failf("a socket was removed that the poller does not have")
	}
	wt.p = nil
	for i, o := range p.socks {
		if o == s {
			p.socks = append(p.socks[:i:i], p.socks[i+1:]...)
			break
		}
	}
	return nil
}

func (p *poller) Wait(evs []loop.Event, timeout time.Duration) (int, error) {
	p.timeout, p.woken = timeout, false
	n := 0
	for _, s := range p.socks {
		wt := s.watching()
		ready, hup := s.state()
		if ready &= wt.interest; (ready == 0 && !hup) || p.w.later() || n == len(evs) {
			continue
		}
		if wt.idleEvents++; wt.idleEvents > idleEventsMax {
			p.w.failf("%v was reported %d times in a row (ready %d, hung up %v) and nothing was done", s, wt.idleEvents, ready, hup)
		}
		evs[n] = loop.Event{Handle: wt.h, Ready: ready, Hup: hup}
		n++
	}
	p.w.rng.Shuffle(n, func(i, j int) { evs[i], evs[j] = evs[j], evs[i] })
	return n, nil
}

func (p *poller) Wake()        { p.woken = true }
func (p *poller) Close() error { return nil }

func (p *poller) Listen(string, string, bool) (loop.Acceptor, error) {
	p.acc = &acceptor{w: p.w}
	return p.acc, nil
}

func (p *poller) Dial(network, _ string) (loop.Socket, error) { return p.w.dial(network) }

func (l *link) String() string     { return l.name }
func (a *acceptor) String() string { return "the listener" }
