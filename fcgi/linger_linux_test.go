package fcgi

import (
	"errors"
	"strings"
	"testing"
	"time"

	"sluice/loop"
)

// children are a php-fpm of two: each has one connection at a time. One that is asked
// for "linger…" goes on after its answer until it gets something from back.
func children(t *testing.T, back chan struct{}) *backend {
	free := make(chan struct{}, 2)
	return newBackend(t, "unix", func(p *peer) {
		free <- struct{}{}
		defer func() { <-free }()
		for {
			q, err := p.next()
			if err != nil {
				return
			}
			token := q.params["TOKEN"]
			if strings.HasPrefix(token, "wait") {
				<-back
			}
			p.send(reply(q.id, token))
			if strings.HasPrefix(token, "linger") {
				<-back
			}
		}
	})
}

func seesLinger(t *testing.T, f func(t *testing.T, b *backend, p *Pool, s *site, back chan struct{})) {
	engines(t, func(t *testing.T, e loop.Engine) {
		if e == loop.Portable {
			return // can't see what a peer has read
		}
		back := make(chan struct{})
		b := children(t, back)
		t.Cleanup(func() {
			select {
			case <-back: // closed
			default:
				close(back) // nobody stays there when a test has failed
			}
		})
		p := NewPool(Options{Servers: []Server{b.server(2)}})
		p.Linger()
		f(t, b, p, start(t, e, p, 1)[0], back)
	})
}

// While a script goes on after its request, the next requests go to the other worker,
// whatever they are, and to this one again when it is back.
func TestLingererIsPassedOver(t *testing.T) {
	seesLinger(t, func(t *testing.T, b *backend, p *Pool, s *site, back chan struct{}) {
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
		eventually(t, "the worker has read what tells that it is back", func() (ok bool) {
			s.on(func() { ok = len(s.lp.idle) == 2 && !s.lp.idle[0].unread() && !s.lp.idle[1].unread() })
			return ok
		})
		held := s.call("wait 1").ask()
		s.call("beside it").ask().good() // both are used again
		back <- struct{}{}
		held.good()
		if n := b.accepted.Load(); n != 2 {
			t.Errorf("%d connections in the end", n)
		}
		settled(t, p, []*site{s})
	})
}

// Who was given the connection of a worker that lingers at the moment in which its
// request ended is asked for again, if he may be run twice; from then on nobody is.
func TestLingererAtWork(t *testing.T) {
	seesLinger(t, func(t *testing.T, _ *backend, p *Pool, s *site, back chan struct{}) {
		first, held, behind := s.call("linger 1"), s.call("wait"), s.call("behind")
		behind.want.Whole = true
		s.on(func() {
			first.askNow()
			held.askNow()
			behind.askNow()
		})
		first.good()
		if r := behind.wait(); !errors.Is(r.err, ErrBehind) || r.refused {
			t.Fatalf("the request on a lingering worker's connection: %q, error %v; want ErrBehind", r.out, r.err)
		}
		suspect := false
		s.on(func() { suspect = s.lp.lingered() })
		if !suspect {
			t.Error("forgotten at once")
		}
		waiting, again := s.call("last"), s.call("linger 2")
		s.on(func() {
			again.askNow() // for the worker that waits
			waiting.askNow()
		})
		back <- struct{}{} // either of the two goes on
		back <- struct{}{}
		held.good()
		again.good()
		waiting.good() // by the worker that lingered first, for the other does now
		back <- struct{}{}
		settled(t, p, []*site{s})
	})
}

// A worker that takes its time, but reads, is none of these.
func TestSlowIsNotLingering(t *testing.T) {
	seesLinger(t, func(t *testing.T, _ *backend, p *Pool, s *site, back chan struct{}) {
		s.call("first").ask().good()
		k := s.call("wait")
		k.want.Whole = true
		k.ask()
		time.Sleep(3 * lingerLook)
		s.on(func() {
			if s.lp.lingered() {
				t.Error("a slow script is taken for one that goes on after its end")
			}
		})
		back <- struct{}{}
		k.good()
		settled(t, p, []*site{s})
	})
}
