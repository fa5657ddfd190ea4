package loop

import (
	"context"
	"errors"
	"net"
	"net/netip"
)

// Accept is asked, on the loop that will own it, who handles a new connection.
// A nil Handler refuses it.
type Accept func(c *Conn) Handler

// Listener accepts connections on one loop and shares them out.
type Listener struct {
	l      *Loop
	acc    Acceptor
	id     Handle
	accept Accept
	opts   ListenOptions
	rest   Timer // re-arms accepting after descriptors ran out
	closed bool
}

// ListenOptions are what a Listener may be told beside its address.
type ListenOptions struct {
	// Loops share the connections: each goes to the one that has fewest. Empty
	// means the accepting loop alone.
	Loops []*Loop
	// ConnsMax is the most connections open on Loops together; further ones
	// wait in the kernel's backlog. 0 is no bound.
	ConnsMax int
	// Shared lets other processes of the same user listen there too, if all ask for
	// it; the system shares the connections out (SO_REUSEPORT). TCP only.
	Shared bool
	// Report is told, on the loop, of accepting that failed (descriptors used
	// up, for example).
	Report func(error)
}

// Listen opens a listening socket whose connections l accepts. It may be called
// before Run, or on the loop.
func (l *Loop) Listen(network, address string, accept Accept, opts ListenOptions) (*Listener, error) {
	acc, err := l.poller.Listen(network, address, opts.Shared)
	if err != nil {
		return nil, err
	}
	if len(opts.Loops) == 0 {
		opts.Loops = []*Loop{l}
	}
	ln := &Listener{l: l, acc: acc, accept: accept, opts: opts}
	ln.rest.Init(ln.wake)
	ln.id = l.attach(ln)
	if err := l.poller.Add(acc, ln.id, Readable); err != nil {
		l.detach(ln.id)
		_ = acc.Close()
		return nil, err
	}
	return ln, nil
}

// Addr is the address that is listened on, with its real port.
func (ln *Listener) Addr() net.Addr { return ln.acc.Addr() }

// Close stops accepting. On the loop only.
func (ln *Listener) Close() {
	ln.l.mustOwn()
	ln.close()
}

func (ln *Listener) close() {
	if ln.closed {
		return
	}
	ln.closed = true
	ln.l.Forget(&ln.rest)
	ln.l.detach(ln.id)
	_ = ln.l.poller.Remove(ln.acc)
	_ = ln.acc.Close()
}

func (ln *Listener) ready(Event) {
	for range acceptsMax {
		to, total := ln.target()
		if ln.opts.ConnsMax > 0 && total >= ln.opts.ConnsMax {
			ln.pause()
			return
		}
		s, addr, err := ln.acc.Accept()
		if err != nil {
			if !errors.Is(err, ErrAgain) && !ln.closed {
				ln.report(err)
				ln.pause()
			}
			return
		}
		ln.give(to, s, addrPort(addr))
	}
}

// target is the loop with the fewest connections, and how many there are.
func (ln *Listener) target() (*Loop, int) {
	best, fewest, total := ln.l, int64(-1), 0
	for _, l := range ln.opts.Loops {
		n := l.conns.Load()
		total += int(n)
		if fewest < 0 || n < fewest {
			best, fewest = l, n
		}
	}
	return best, total
}

func (ln *Listener) give(to *Loop, s Socket, remote netip.AddrPort) {
	if to == ln.l {
		ln.adopt(to, s, remote)
		return
	}
	to.conns.Add(1) // counted at once, so that the next one goes elsewhere
	ok := to.Post(func() {
		to.conns.Add(-1)
		ln.adopt(to, s, remote)
	})
	if !ok {
		to.conns.Add(-1)
		_ = s.Close()
	}
}

func (ln *Listener) adopt(to *Loop, s Socket, remote netip.AddrPort) {
	if to.stop {
		_ = s.Close()
		return
	}
	c, err := to.newConn(s, nil, remote, open)
	if err != nil {
		_ = s.Close()
		return
	}
	if c.h = ln.accept(c); c.h == nil {
		c.drop()
	}
}

// pause stops accepting for a while: the backlog holds who comes meanwhile.
func (ln *Listener) pause() {
	_ = ln.l.poller.Modify(ln.acc, ln.id, 0)
	ln.l.Arm(&ln.rest, acceptPause)
}

func (ln *Listener) wake() {
	if !ln.closed {
		_ = ln.l.poller.Modify(ln.acc, ln.id, Readable)
	}
}

func (ln *Listener) report(err error) {
	if ln.opts.Report != nil {
		ln.opts.Report(err)
	}
}

// listenNet is net.Listen, or for an address that is shared.
func listenNet(network, address string, shared bool) (net.Listener, error) {
	var cfg net.ListenConfig
	if shared && network == "tcp" {
		cfg.Control = sharePort
	}
	return cfg.Listen(context.Background(), network, address)
}

func addrPort(a net.Addr) netip.AddrPort {
	t, ok := a.(*net.TCPAddr)
	if !ok || t == nil {
		return netip.AddrPort{}
	}
	ap := t.AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

// Dial opens a connection to a numeric address ("tcp") or a socket file
// ("unix"). When the answer is Open already, Connected is not called. ErrBusy
// means that the peer's backlog is full: try again later.
func (l *Loop) Dial(network, address string, h DialHandler) (*Conn, error) {
	l.mustOwn()
	s, err := l.poller.Dial(network, address)
	if err != nil {
		return nil, err
	}
	st := connecting
	if network == "unix" && s.Connected() == nil {
		st = open
	}
	c, err := l.newConn(s, h, netip.AddrPort{}, st)
	if err != nil {
		_ = s.Close()
		return nil, err
	}
	c.dialled = true
	return c, nil
}
