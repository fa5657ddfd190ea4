package fcgi

import (
	"bufio"
	"net"
	"strings"
	"testing"
	"time"

	"sluice/loop"
)

// sparing reads no more than is asked for, as PHP does.
type sparing struct{ net.Conn }

func (s sparing) Read(p []byte) (int, error) { return s.Conn.Read(p[:min(len(p), HeaderBytes)]) }

// head reads a request as PHP does: what lies before it and says nothing, and of its
// own records all but the end of STDIN, which is left for the next time.
func (p *peer) head() (id uint16, token string, err error) {
	var pairs []byte
	for {
		t, got, content, err := p.record()
		switch {
		case err != nil:
			return 0, "", err
		case t == BeginRequest:
			id = got
		case t == Params && len(content) > 0:
			pairs = append(pairs, content...)
		case t == Params:
			_, value, _, err := ConsumePair(pairs)
			return id, string(value), err
		}
	}
}

// children are a php-fpm of two: each has one connection at a time. One that is asked
// for "linger…" goes on after its answer until it gets something from back, one that is
// asked for "wait…" before it.
func children(t *testing.T, back chan struct{}) *backend {
	free := make(chan struct{}, 2)
	return newBackend(t, "unix", func(p *peer) {
		free <- struct{}{}
		defer func() { <-free }()
		p.r = bufio.NewReaderSize(sparing{p.Conn}, 16)
		for {
			id, token, err := p.head()
			if err != nil {
				return
			}
			if strings.HasPrefix(token, "wait") {
				<-back
			}
			p.send(reply(id, token))
			if strings.HasPrefix(token, "linger") {
				<-back
			}
		}
	})
}

func seesLinger(t *testing.T, loops int, f func(t *testing.T, b *backend, p *Pool, s []*site, back chan struct{})) {
	engines(t, func(t *testing.T, e loop.Engine) {
		if e == loop.Portable {
			return // can't see what a peer has read
		}
		back := make(chan struct{})
		b := children(t, back)
		t.Cleanup(func() { close(back) }) // nobody stays there when a test has failed
		p := NewPool(Options{Servers: []Server{b.server(2)}})
		p.Linger()
		f(t, b, p, start(t, e, p, loops), back)
	})
}

func (s *site) lingered() (yes bool) {
	s.on(func() { yes = s.lp.lingered() })
	return yes
}

// allBack waits until n connections are idle and their workers have come back to them.
func (s *site) allBack(n int) {
	s.t.Helper()
	eventually(s.t, "the workers have read what tells that they are back", func() (ok bool) {
		s.on(func() {
			ok = len(s.lp.idle) == n
			for _, c := range s.lp.idle {
				ok = ok && !c.away()
			}
		})
		return ok
	})
}

// While a script goes on after its request, the next requests go to the other worker,
// whatever they are, and to this one again when it is back.
func TestLingererIsPassedOver(t *testing.T) {
	seesLinger(t, 1, func(t *testing.T, b *backend, p *Pool, sites []*site, back chan struct{}) {
		s := sites[0]
		s.call("linger").ask().good()
		for range 3 {
			for _, check := range []bool{false, true} {
				k := s.call("next")
				k.check = check
				k.ask().good()
			}
		}
		if n := b.accepted.Load(); n != 2 {
			t.Errorf("%d connections, want one beside the lingering worker's", n)
		}
		back <- struct{}{}
		s.allBack(2)
		held := s.call("wait").ask()
		s.call("beside it").ask().good() // both are used again
		back <- struct{}{}
		held.good()
		if n := b.accepted.Load(); n != 2 {
			t.Errorf("%d connections in the end", n)
		}
		settled(t, p, sites)
	})
}

// Once a worker was seen lingering, no connection is kept, so no request is given to
// one of those that may linger next, however many wait.
func TestLingererIsRemembered(t *testing.T) {
	seesLinger(t, 1, func(t *testing.T, _ *backend, p *Pool, sites []*site, back chan struct{}) {
		s := sites[0]
		s.call("linger 1").ask().good()
		eventually(t, "it is seen", func() bool {
			s.call("look").ask().good()
			return s.lingered()
		})
		again, behind, last := s.call("linger 2"), s.call("behind"), s.call("last")
		s.on(func() {
			again.askNow() // to the worker that is there
			behind.askNow()
			last.askNow()
		})
		again.good()
		back <- struct{}{} // either of the two comes back, and serves the others
		behind.good()
		last.good()
		back <- struct{}{}
		settled(t, p, sites)
	})
}

// A connection whose worker lingers is not closed so that another loop may open one,
// for nobody would take that: the others are bound to theirs.
func TestLingererIsNotYielded(t *testing.T) {
	seesLinger(t, 2, func(t *testing.T, b *backend, p *Pool, sites []*site, back chan struct{}) {
		sites[0].call("linger").ask().good()
		sites[0].call("beside it").ask().good()
		for range 3 { // by the other worker, whichever loop asks
			sites[1].call("elsewhere").ask().good()
			sites[0].call("here").ask().good()
		}
		back <- struct{}{}
		settled(t, p, sites)
	})
}

// A worker that takes its time, but has read its request, is none of these.
func TestSlowIsNotLingering(t *testing.T) {
	seesLinger(t, 1, func(t *testing.T, _ *backend, p *Pool, sites []*site, back chan struct{}) {
		s := sites[0]
		s.call("first").ask().good()
		k := s.call("wait")
		k.want.Whole = true
		k.ask()
		time.Sleep(3 * lingerLook)
		s.call("beside it").ask().good()
		if s.lingered() {
			t.Error("a slow script is taken for one that goes on after its end")
		}
		back <- struct{}{}
		k.good()
		settled(t, p, sites)
	})
}

// Its worker is not ended before it is done with what it does after its answer.
func TestLingererRetiresLate(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		if e == loop.Portable {
			return
		}
		back, retired := make(chan struct{}), make(chan struct{}, 1)
		b := children(t, back)
		t.Cleanup(func() { close(back) })
		p := NewPool(Options{Servers: []Server{b.server(2)}, RequestsMax: 1, Retire: func(Server, uintptr) error {
			retired <- struct{}{}
			return nil
		}})
		p.Linger()
		s := start(t, e, p, 1)[0]
		s.call("linger").ask().good()
		select {
		case <-retired:
			t.Fatal("retired while its script goes on")
		case <-time.After(2 * lingerLook):
		}
		back <- struct{}{}
		select {
		case <-retired:
		case <-time.After(5 * time.Second):
			t.Fatal("not retired when it was back")
		}
	})
}
