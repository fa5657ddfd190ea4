package loop

import (
	"net"
	"sync"
	"time"
)

// portablePoller stands on goroutines and the standard library, for systems
// without epoll. Its sockets do what a kernel's do: one goroutine reads ahead
// into a small buffer, one writes from another, and both report readiness here.
type portablePoller struct {
	kick chan struct{} // capacity 1: something may be ready

	mu    sync.Mutex
	queue []*source // may be ready; each at most once

	batch []*source // Wait's own
	timer *time.Timer
}

// source is what sockets and acceptors of this engine have in common.
type source struct {
	mu     sync.Mutex
	state  func() (ready Interest, hup bool) // called with mu held
	p      *portablePoller
	h      Handle
	in     Interest
	added  bool
	queued bool // guarded by p.mu
}

func newPortable() Poller {
	return &portablePoller{kick: make(chan struct{}, 1), timer: time.NewTimer(time.Hour)}
}

// portableSource is how the poller finds the source in a Socket or Acceptor.
type portableSource interface{ src() *source }

func (p *portablePoller) Add(s Pollable, h Handle, in Interest) error {
	src := s.(portableSource).src()
	src.mu.Lock()
	src.p, src.h, src.in, src.added = p, h, in, true
	src.mu.Unlock()
	p.enqueue(src)
	return nil
}

func (p *portablePoller) Modify(s Pollable, h Handle, in Interest) error { return p.Add(s, h, in) }

func (p *portablePoller) Remove(s Pollable) error {
	src := s.(portableSource).src()
	src.mu.Lock()
	src.added = false
	src.mu.Unlock()
	return nil
}

// notify is called by a source's goroutines, without its lock, after its state
// has changed.
func (s *source) notify() {
	s.mu.Lock()
	p, added := s.p, s.added
	s.mu.Unlock()
	if added {
		p.enqueue(s)
	}
}

func (p *portablePoller) enqueue(s *source) {
	p.mu.Lock()
	if !s.queued {
		s.queued = true
		p.queue = append(p.queue, s)
	}
	p.mu.Unlock()
	p.Wake()
}

func (p *portablePoller) Wake() {
	select {
	case p.kick <- struct{}{}:
	default:
	}
}

func (p *portablePoller) Wait(out []Event, timeout time.Duration) (int, error) {
	// A kick means that there may be something: the queue is looked at after
	// it, so nothing that was queued before is missed.
	n := p.collect(out)
	if n > 0 || timeout == 0 {
		return n, nil
	}
	if timeout < 0 {
		<-p.kick
		return p.collect(out), nil
	}
	p.timer.Reset(timeout)
	select {
	case <-p.kick:
		p.timer.Stop()
	case <-p.timer.C:
	}
	return p.collect(out), nil
}

// collect turns the queue into events. What is ready stays queued, since
// readiness is level-triggered.
func (p *portablePoller) collect(out []Event) int {
	p.mu.Lock()
	p.batch, p.queue = p.queue, p.batch[:0]
	p.mu.Unlock()
	n := 0
	for _, s := range p.batch {
		s.mu.Lock()
		ready, hup := s.state()
		ready &= s.in
		live := s.added && s.p == p && (ready != 0 || hup)
		h := s.h
		s.mu.Unlock()
		if live && n < len(out) {
			out[n] = Event{Handle: h, Ready: ready, Hup: hup}
			n++
		}
		p.mu.Lock()
		s.queued = live
		if live {
			p.queue = append(p.queue, s)
		}
		p.mu.Unlock()
		if !live {
			s.recheck(p)
		}
	}
	return n
}

// recheck closes the gap in which a change found the source still queued and
// did not queue it again.
func (s *source) recheck(p *portablePoller) {
	s.mu.Lock()
	ready, hup := s.state()
	again := s.added && s.p == p && (ready&s.in != 0 || hup)
	s.mu.Unlock()
	if again {
		p.enqueue(s)
	}
}

func (p *portablePoller) Close() error { return nil }

func (p *portablePoller) Listen(network, address string, shared bool) (Acceptor, error) {
	ln, err := listenNet(network, address, shared)
	if err != nil {
		return nil, err
	}
	a := &portableAcceptor{ln: ln, next: make(chan struct{}, 1)}
	a.state = a.readiness
	go a.run()
	return a, nil
}

// portableAcceptor accepts one connection ahead.
type portableAcceptor struct {
	source
	ln   net.Listener
	next chan struct{} // the last one was taken

	// guarded by source.mu
	conn   net.Conn
	err    error
	closed bool
}

func (a *portableAcceptor) src() *source    { return &a.source }
func (a *portableAcceptor) Descriptor() int { return -1 }
func (a *portableAcceptor) Addr() net.Addr  { return a.ln.Addr() }

func (a *portableAcceptor) readiness() (Interest, bool) {
	if a.conn != nil || a.err != nil {
		return Readable, false
	}
	return 0, false
}

func (a *portableAcceptor) run() {
	for {
		c, err := a.ln.Accept()
		a.mu.Lock()
		if a.closed {
			a.mu.Unlock()
			if c != nil {
				_ = c.Close()
			}
			return
		}
		a.conn, a.err = c, err
		a.mu.Unlock()
		a.notify()
		if _, ok := <-a.next; !ok {
			return
		}
	}
}

func (a *portableAcceptor) Accept() (Socket, net.Addr, error) {
	a.mu.Lock()
	c, err := a.conn, a.err
	a.conn, a.err = nil, nil
	a.mu.Unlock()
	if c == nil && err == nil {
		return nil, nil, ErrAgain
	}
	a.next <- struct{}{}
	if err != nil {
		return nil, nil, err
	}
	return newPortableSocket(c), c.RemoteAddr(), nil
}

func (a *portableAcceptor) Close() error {
	a.mu.Lock()
	a.closed = true
	if a.conn != nil {
		_ = a.conn.Close()
		a.conn = nil
	}
	a.mu.Unlock()
	close(a.next)
	return a.ln.Close()
}
