package fcgi

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sluice/loop"
)

// gate is a backend that answers a request when told to.
type gate struct {
	*backend
	busy, most atomic.Int32
	came       chan string // tokens, in the order in which they are served
	pass       chan struct{}
}

func newGate(t *testing.T, network string) *gate {
	g := &gate{came: make(chan string, 1000), pass: make(chan struct{}, 1000)}
	stop := make(chan struct{})
	g.backend = newBackend(t, network, func(p *peer) {
		for {
			q, err := p.next()
			if err != nil {
				return
			}
			n := g.busy.Add(1)
			for m := g.most.Load(); n > m && !g.most.CompareAndSwap(m, n); m = g.most.Load() {
			}
			g.came <- q.params["TOKEN"]
			select {
			case <-g.pass:
			case <-stop:
			}
			g.busy.Add(-1)
			p.send(reply(q.id, q.params["TOKEN"]))
		}
	})
	t.Cleanup(func() { close(stop) }) // before backend.stop
	return g
}

func (g *gate) next(t *testing.T) string {
	t.Helper()
	select {
	case s := <-g.came:
		return s
	case <-time.After(5 * time.Second):
		t.Fatal("no request reached the backend")
		return ""
	}
}

func (g *gate) none(t *testing.T) {
	t.Helper()
	select {
	case s := <-g.came:
		t.Fatalf("request %s reached the backend", s)
	case <-time.After(20 * time.Millisecond):
	}
}

func TestKeptConnectionIsUsedAgain(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		for _, network := range []string{"unix", "tcp"} {
			b := newBackend(t, network, echo)
			p := NewPool(Options{Servers: []Server{b.server(4)}})
			s := start(t, e, p, 1)
			for i := range 50 {
				k := s[0].call(fmt.Sprint(network, i))
				k.check = i%2 == 0
				if r := k.ask().good(); r.reused != (i > 0) {
					t.Fatalf("request %d: reused %v", i, r.reused)
				}
			}
			if n := b.accepted.Load(); n != 1 {
				t.Errorf("%d connections for requests one after the other, want 1", n)
			}
			settled(t, p, s)
		}
	})
}

func TestNoKeep(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		b := newBackend(t, "unix", echo)
		p := NewPool(Options{Servers: []Server{b.server(4)}, NoKeep: true})
		s := start(t, e, p, 1)
		for i := range 5 {
			if r := s[0].call(fmt.Sprint(i)).ask().good(); r.reused {
				t.Fatal("a connection was kept")
			}
		}
		eventually(t, "nothing is in use", func() bool { return p.InUse() == 0 })
		if n := b.accepted.Load(); n != 5 {
			t.Errorf("%d connections for 5 requests", n)
		}
	})
}

// What can't be repeated never goes on a kept connection to a server that is not
// ours; others do, on the same one.
func TestForeign(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		for conns := 1; conns <= 3; conns++ {
			b := newBackend(t, "unix", echo)
			p := NewPool(Options{Servers: []Server{b.server(conns)}, Foreign: true})
			s := start(t, e, p, 1)
			kept := 0
			for _, together := range []int{1, 15, 1, 1, 15, 1} {
				var calls []*call
				for i := range together {
					k := s[0].call(fmt.Sprint(i))
					k.check = (i+together)%3 == 1
					calls = append(calls, k.ask())
				}
				for _, k := range calls {
					switch r := k.good(); {
					case r.reused && k.check:
						t.Errorf("%d connections: request %s got a kept one", conns, k.token)
					case r.reused:
						kept++
					}
				}
			}
			if kept < 3 { // how many more depends on who comes when
				t.Errorf("%d connections: only %d requests got a kept one", conns, kept)
			}
			settled(t, p, s)
		}
	})
}

func TestFirstComeFirstServed(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		g := newGate(t, "unix")
		p := NewPool(Options{Servers: []Server{g.server(2)}})
		s := start(t, e, p, 1)
		var calls []*call
		for i := range 20 {
			k := s[0].call(fmt.Sprint(i))
			k.fresh = i%5 == 4 // takes its turn like others
			calls = append(calls, k)
		}
		s[0].on(func() {
			for _, k := range calls {
				k.askNow()
			}
		})
		g.next(t)
		g.next(t)
		g.none(t)
		for i := 2; i < 20; i++ {
			g.pass <- struct{}{}
			if got := g.next(t); got != fmt.Sprint(i) {
				t.Fatalf("request %s was served before request %d", got, i)
			}
		}
		g.pass <- struct{}{}
		g.pass <- struct{}{}
		for _, k := range calls {
			if r := k.good(); r.reused && k.fresh {
				t.Errorf("request %s wanted a fresh connection and got a kept one", k.token)
			}
		}
		if g.most.Load() > 2 {
			t.Errorf("%d requests at once on 2 workers", g.most.Load())
		}
		settled(t, p, s)
	})
}

func TestQueueBounds(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		g := newGate(t, "unix")
		p := NewPool(Options{Servers: []Server{g.server(1)}, Queue: 3, QueueTime: 60 * time.Millisecond})
		s := start(t, e, p, 1)
		first := s[0].call("first").ask()
		g.next(t)
		var waiting []*call
		for i := range 3 {
			waiting = append(waiting, s[0].call(fmt.Sprint(i)).ask())
		}
		s[0].call("too many").ask().is(ErrQueueFull)
		if p.Waiting() != 3 {
			t.Errorf("Waiting is %d, want 3", p.Waiting())
		}
		began := time.Now()
		for _, k := range waiting {
			k.is(ErrQueueTime)
		}
		if d := time.Since(began); d < 30*time.Millisecond || d > 2*time.Second {
			t.Errorf("refused after %v, want about 60ms", d)
		}
		g.pass <- struct{}{}
		first.good()
		settled(t, p, s)
	})
}

// Each has its own time: the second is not refused with the first.
func TestQueueTimeOfEach(t *testing.T) {
	g := newGate(t, "unix")
	p := NewPool(Options{Servers: []Server{g.server(1)}, QueueTime: 100 * time.Millisecond})
	s := start(t, loop.Auto, p, 1)
	busy := s[0].call("busy").ask()
	g.next(t)
	a := s[0].call("a").ask()
	time.Sleep(60 * time.Millisecond)
	b := s[0].call("b").ask()
	a.is(ErrQueueTime)
	select {
	case r := <-b.res:
		t.Fatalf("the second ended with the first: %v", r.err)
	case <-time.After(20 * time.Millisecond):
	}
	b.is(ErrQueueTime)
	g.pass <- struct{}{}
	busy.good()
	settled(t, p, s)
}

func TestCancel(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		g := newGate(t, "unix")
		p := NewPool(Options{Servers: []Server{g.server(1)}})
		s := start(t, e, p, 1)
		var k []*call
		for i := range 5 {
			k = append(k, s[0].call(fmt.Sprint(i)).ask())
		}
		g.next(t)
		s[0].on(func() {
			for _, i := range []int{2, 1, 4, 4, 0} { // middle, head, tail, again, not waiting
				if w := k[i].t.Waiting(); w != (i != 0) && i != 4 {
					t.Errorf("request %d: Waiting %v", i, w)
				}
				s[0].lp.Cancel(&k[i].t)
			}
		})
		g.pass <- struct{}{}
		if got := g.next(t); got != "3" {
			t.Errorf("request %s was served, want 3", got)
		}
		g.pass <- struct{}{}
		k[0].good()
		k[3].good()
		for _, i := range []int{1, 2, 4} {
			if len(k[i].res) > 0 {
				t.Errorf("cancelled request %d heard something", i)
			}
		}
		settled(t, p, s)
	})
}

// The connection that was being made for a cancelled request is not kept:
// php closes silent ones.
func TestCancelWhileDialling(t *testing.T) {
	b := newBackend(t, "tcp", echo)
	p := NewPool(Options{Servers: []Server{b.server(1)}})
	s := start(t, loop.Auto, p, 1)
	k := s[0].call("gone")
	s[0].on(func() {
		k.askNow()
		s[0].lp.Cancel(&k.t)
	})
	eventually(t, "the permit is back", func() bool { return p.InUse() == 0 })
	s[0].call("next").ask().good()
	settled(t, p, s)
}

func TestSetDown(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		g := newGate(t, "unix")
		p := NewPool(Options{Servers: []Server{g.server(1)}})
		s := start(t, e, p, 2)
		busy := s[0].call("busy").ask()
		g.next(t)
		a, b := s[0].call("a").ask(), s[1].call("b").ask()
		eventually(t, "both wait", func() bool { return p.Waiting() == 2 })
		down := errors.New("php-cgi does not start")
		p.SetDown(down)
		a.is(down)
		b.is(down)
		s[1].call("c").ask().is(down)
		g.pass <- struct{}{}
		busy.good()
		p.SetDown(nil)
		g.pass <- struct{}{}
		s[1].call("d").ask().good()
		settled(t, p, s)
	})
}

func TestSetServers(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		g1, g2 := newGate(t, "unix"), newGate(t, "unix")
		p := NewPool(Options{})
		s := start(t, e, p, 1)
		early := s[0].call("early").ask() // waits for a server to exist
		eventually(t, "it waits", func() bool { return p.Waiting() == 1 })
		p.SetServers([]Server{g1.server(2)})
		g1.next(t)
		busy := s[0].call("busy").ask()
		g1.next(t)
		g1.pass <- struct{}{}
		g1.pass <- struct{}{}
		early.good()
		busy.good()
		busy = s[0].call("busy again").ask()
		g1.next(t)

		p.SetServers([]Server{g2.server(1)})
		if p.Conns() != 1 {
			t.Errorf("Conns is %d, want 1", p.Conns())
		}
		g2.pass <- struct{}{}
		next := s[0].call("next").ask()
		if got := g2.next(t); got != "next" {
			t.Errorf("the new server got %q", got)
		}
		next.good()
		g1.pass <- struct{}{}
		busy.good() // what is in flight ends well
		eventually(t, "the old server's connections are closed", func() bool {
			g1.mu.Lock()
			defer g1.mu.Unlock()
			return len(g1.open) == 0
		})
		settled(t, p, s)
	})
}

// Two servers share the load by what they have free.
func TestServersByFreeConnections(t *testing.T) {
	g1, g2 := newGate(t, "unix"), newGate(t, "unix")
	p := NewPool(Options{Servers: []Server{g1.server(1), g2.server(3)}})
	s := start(t, loop.Auto, p, 1)
	var calls []*call
	for i := range 5 {
		calls = append(calls, s[0].call(fmt.Sprint(i)).ask())
	}
	g1.next(t)
	for range 3 {
		g2.next(t)
	}
	g1.none(t)
	g2.none(t)
	for range 5 {
		g1.pass <- struct{}{}
		g2.pass <- struct{}{}
	}
	for _, k := range calls {
		k.good()
	}
	settled(t, p, s)
}

// A backend that starts late is waited for; one that never comes is not.
func TestDialRetry(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		b := newBackend(t, "unix", echo)
		late := filepath.Join(filepath.Dir(b.addr), "late")
		p := NewPool(Options{Servers: []Server{{Network: "unix", Address: late, Conns: 2}}, DialTime: 5 * time.Second})
		s := start(t, e, p, 1)
		var calls []*call
		for i := range 5 {
			calls = append(calls, s[0].call(fmt.Sprint(i)).ask())
		}
		time.Sleep(20 * time.Millisecond)
		if err := os.Symlink(b.addr, late); err != nil {
			t.Fatal(err)
		}
		for _, k := range calls {
			k.good()
		}
		settled(t, p, s)

		never := NewPool(Options{Servers: []Server{{Network: "unix", Address: late + "r", Conns: 2}}, DialTime: 50 * time.Millisecond})
		s = start(t, e, never, 2)
		began := time.Now()
		x, y := s[0].call("x").ask(), s[1].call("y").ask()
		for _, r := range []result{x.wait(), y.wait()} {
			if !r.refused || !errors.Is(r.err, os.ErrNotExist) {
				t.Errorf("refused %v, error %v; want that of the system", r.refused, r.err)
			}
		}
		if d := time.Since(began); d > 2*time.Second {
			t.Errorf("refused after %v", d)
		}
		settled(t, never, s)
	})
}

func TestIdleTime(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		b := newBackend(t, "unix", echo)
		p := NewPool(Options{Servers: []Server{b.server(2)}, IdleTime: 40 * time.Millisecond})
		s := start(t, e, p, 1)
		began := time.Now()
		s[0].call("a").ask().good()
		if p.InUse() != 1 {
			t.Fatalf("InUse is %d after a request, want 1", p.InUse())
		}
		eventually(t, "the connection is given back", func() bool { return p.InUse() == 0 })
		if d := time.Since(began); d < 30*time.Millisecond {
			t.Errorf("given back after %v already", d)
		}
		s[0].call("b").ask().good()
		settled(t, p, s)
	})
}

func TestCloseRefusesAndKeepsNothing(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		g := newGate(t, "unix")
		p := NewPool(Options{Servers: []Server{g.server(1)}})
		s := start(t, e, p, 1)
		busy := s[0].call("busy").ask()
		g.next(t)
		waits := s[0].call("waits").ask()
		s[0].on(s[0].lp.Close)
		waits.is(ErrStopped)
		g.pass <- struct{}{}
		busy.good()
		eventually(t, "the connection is closed after its request", func() bool { return p.InUse() == 0 })
	})
}

// What waits or runs when a loop stops is told.
func TestLoopStops(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		g := newGate(t, "unix")
		p := NewPool(Options{Servers: []Server{g.server(1)}})
		s := start(t, e, p, 1)
		busy := s[0].call("busy").ask()
		g.next(t)
		s[0].l.Stop()
		if r := busy.wait(); r.err == nil || !strings.Contains(r.err.Error(), "stopped") {
			t.Errorf("error %v", r.err)
		}
		<-s[0].l.Done()
		if p.InUse() != 0 {
			t.Errorf("InUse is %d", p.InUse())
		}
	})
}
