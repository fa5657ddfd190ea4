package fcgi

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sluice/loop"
)

// revive listens again where a stopped backend did.
func (b *backend) revive(t *testing.T, serve func(p *peer)) *backend {
	t.Helper()
	ln, err := net.Listen(b.network, b.addr)
	if err != nil {
		t.Fatal(err)
	}
	next := &backend{network: b.network, addr: b.addr, ln: ln, open: map[*peer]bool{}}
	next.wg.Add(1)
	go next.accept(serve)
	t.Cleanup(next.stop)
	return next
}

// named answers with a server's name, and counts.
func named(name string, count *atomic.Int32, pause time.Duration) func(p *peer) {
	return func(p *peer) {
		for {
			q, err := p.next()
			if err != nil {
				return
			}
			time.Sleep(pause)
			count.Add(1)
			p.send(reply(q.id, name))
		}
	}
}

// flood sends n requests, together at once, and answers what came.
func flood(s []*site, n, together int, want Want) map[string]int {
	var mu sync.Mutex
	got := map[string]int{}
	var wg sync.WaitGroup
	for i := range together {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for range n / together {
				k := s[i%len(s)].call("x")
				k.want = want
				r := k.ask().wait()
				mu.Lock()
				if r.err != nil {
					got[r.err.Error()]++
				} else {
					got[r.out]++
				}
				mu.Unlock()
			}
		}()
	}
	wg.Wait()
	return got
}

// Servers get requests by their weight.
func TestWeights(t *testing.T) {
	var list []Server
	var counts [3]atomic.Int32
	for i, weight := range []int{1, 2, 5} {
		b := newBackend(t, "unix", named(fmt.Sprint("w", weight), &counts[i], time.Millisecond))
		srv := b.server(20)
		srv.Weight = weight
		list = append(list, srv)
	}
	p := NewPool(Options{Servers: list})
	s := start(t, loop.Auto, p, 2)
	got := flood(s, 1600, 16, Want{})
	if got["w1"]+got["w2"]+got["w5"] != 1600 || got["w5"] < 2*got["w2"]*8/10 || got["w2"] < got["w1"]*5/4 || got["w1"] < 50 {
		t.Errorf("weights 1, 2 and 5 got %v", got)
	}
	settled(t, p, s)
}

// Requests one after the other, or few at once, go to all servers too, by their
// weight. The bounds are five standard deviations away.
func TestServersInTurn(t *testing.T) {
	for _, tt := range []struct {
		name          string
		weights       [2]int
		requests      int
		together      int
		keep          time.Duration
		leastA, mostA int
	}{
		{"equal", [2]int{0, 0}, 200, 1, 0, 60, 140},
		{"1:2", [2]int{1, 2}, 300, 1, 0, 60, 140},
		{"3:1", [2]int{3, 1}, 300, 1, 0, 188, 262},
		{"1:2, connections not kept", [2]int{1, 2}, 300, 1, time.Nanosecond, 60, 140},
		{"1:2, four at once", [2]int{1, 2}, 600, 4, 0, 120, 300},
		{"3:1, four at once", [2]int{3, 1}, 600, 4, 0, 350, 520},
		{"1:5, two at once", [2]int{1, 5}, 600, 2, 0, 45, 200},
	} {
		t.Run(tt.name, func(t *testing.T) {
			pause := time.Duration(0)
			if tt.together > 1 {
				pause = time.Millisecond
			}
			var list []Server
			var counts [2]atomic.Int32
			for i, name := range []string{"a", "b"} {
				srv := newBackend(t, "unix", named(name, &counts[i], pause)).server(4)
				srv.Weight = tt.weights[i]
				list = append(list, srv)
			}
			p := NewPool(Options{Servers: list, KeepTime: tt.keep})
			s := start(t, loop.Auto, p, 1)
			got := flood(s, tt.requests, tt.together, Want{})
			if got["a"] < tt.leastA || got["a"] > tt.mostA || got["a"]+got["b"] != tt.requests {
				t.Errorf("%v, want a between %d and %d of %d", got, tt.leastA, tt.mostA, tt.requests)
			}
			settled(t, p, s)
		})
	}
}

// A server that has a connection ready gets no more than its share, and no further
// connection, when the other has none.
func TestShareWithoutReadyConnection(t *testing.T) {
	var counts [2]atomic.Int32
	a, b := newBackend(t, "unix", named("a", &counts[0], 0)), newBackend(t, "unix", named("b", &counts[1], 0))
	p := NewPool(Options{Servers: []Server{a.server(20), b.server(20)}})
	s := start(t, loop.Auto, p, 1)
	k := s[0].call("x")
	k.want.Server = a.server(1).Key()
	k.ask().wait()
	got := map[string]int{}
	for range 200 {
		p.GiveBack(b.server(20))
		eventually(t, "b has no connection", func() bool { return p.States()[1].InUse == 0 })
		got[s[0].call("x").ask().wait().out]++
	}
	if got["b"] < 65 || got["b"] > 135 || got["a"]+got["b"] != 200 {
		t.Errorf("%v", got)
	}
	if n := a.accepted.Load(); n != 1 {
		t.Errorf("%d connections to the server that has an idle one", n)
	}
	settled(t, p, s)
}

// A server that is dead costs no request; when it is back it gets some again.
func TestDeadServer(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		for _, network := range []string{"unix", "tcp"} {
			var counts [2]atomic.Int32
			a, b := newBackend(t, network, named("a", &counts[0], 0)), newBackend(t, network, named("b", &counts[1], 0))
			p := NewPool(Options{Servers: []Server{a.server(5), b.server(5)}, Health: Health{OpenTime: 20 * time.Millisecond, SlowStart: time.Millisecond}})
			s := start(t, e, p, 2)
			b.stop()
			if got := flood(s, 300, 6, Want{}); got["a"] != 300 {
				t.Fatalf("%s, with one dead: %v", network, got)
			}
			if st := p.States(); !st[0].Up || st[1].Up || st[1].Err == nil {
				t.Errorf("%+v", st)
			}
			b.revive(t, named("b", &counts[1], 0))
			eventually(t, "the server that is back gets requests", func() bool { return flood(s, 20, 2, Want{})["b"] > 0 })
			if st := p.States(); !st[1].Up {
				t.Errorf("%+v", st[1])
			}
			settled(t, p, s)
		}
	})
}

// With all down requests are refused at once; the first that finds one up again
// is served.
func TestAllDown(t *testing.T) {
	var counts [2]atomic.Int32
	a, b := newBackend(t, "unix", named("a", &counts[0], 0)), newBackend(t, "unix", named("b", &counts[1], 0))
	for _, list := range [][]Server{{a.server(2)}, {a.server(2), b.server(2)}} {
		a.stop()
		b.stop()
		p := NewPool(Options{Servers: list, DialTime: 50 * time.Millisecond, Health: Health{OpenTime: 150 * time.Millisecond}})
		s := start(t, loop.Auto, p, 1)
		if r := s[0].call("x").ask().wait(); !r.refused {
			t.Fatalf("%+v", r)
		}
		eventually(t, "requests are refused at once", func() bool {
			began := time.Now()
			r := s[0].call("x").ask().wait()
			return errors.Is(r.err, ErrAllDown) && r.refused && strings.Contains(r.err.Error(), "no such file") && time.Since(began) < 20*time.Millisecond
		})
		a = a.revive(t, named("a", &counts[0], 0))
		eventually(t, "requests are served", func() bool { return s[0].call("x").ask().wait().err == nil })
		settled(t, p, s)
	}
}

// A request that wants a server gets that, waits for it while others are free,
// and goes elsewhere only when it is down or gone.
func TestWantServer(t *testing.T) {
	var count atomic.Int32
	g := newGate(t, "unix")
	other := newBackend(t, "unix", named("other", &count, 0))
	mine := g.server(1)
	mine.Name = "mine"
	p := NewPool(Options{Servers: []Server{other.server(5), mine}, DialTime: 50 * time.Millisecond, Health: Health{Fails: 2}})
	s := start(t, loop.Auto, p, 2)
	ask := func(i int, token, server string) *call {
		k := s[i].call(token)
		k.want.Server = server
		return k.ask()
	}
	first := ask(0, "first", "mine")
	if got := g.next(t); got != "first" {
		t.Fatalf("got %q", got)
	}
	second, third := ask(0, "second", "mine"), ask(1, "third", "mine")
	for i := range 10 { // others are not held up by who waits
		if r := ask(i%2, "x", other.server(5).Key()).wait(); r.out != "other" || r.err != nil {
			t.Fatalf("%+v", r)
		}
		if r := ask(i%2, "x", "no such server").wait(); r.out != "other" || r.err != nil {
			t.Fatalf("%+v", r)
		}
	}
	g.pass <- struct{}{}
	first.good()
	g.next(t)
	g.pass <- struct{}{}
	g.next(t)
	g.pass <- struct{}{}
	second.good()
	third.good()
	s[0].on(func() {
		if got := second.conn.Server(); got != "mine" {
			t.Errorf("Server is %q", got)
		}
	})
	p.roster.Load().now[1].health.trip(1, heldOpen)
	if r := ask(0, "x", "mine").wait(); r.out != "other" {
		t.Errorf("with its server down: %+v", r)
	}
	p.SetDown(nil)
	k := s[0].call("avoids")
	k.want = Want{Server: "mine", Avoid: "mine"}
	if r := k.ask().wait(); r.out != "other" {
		t.Errorf("a server to be avoided was taken: %+v", r)
	}
	settled(t, p, s)
}

// The server to be avoided is better than none.
func TestAvoidTheOnlyServer(t *testing.T) {
	b := newBackend(t, "unix", echo)
	p := NewPool(Options{Servers: []Server{b.server(1)}})
	s := start(t, loop.Auto, p, 1)
	for range 3 {
		k := s[0].call("x")
		k.want.Avoid = b.server(1).Key()
		k.ask().good()
	}
	settled(t, p, s)
}

// New settings for a server that stays, and a server that comes back while its
// old connections are at work: never more connections than allowed.
func TestSetServersKeepsCount(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		g := newGate(t, "unix")
		p := NewPool(Options{Servers: []Server{g.server(2)}})
		s := start(t, e, p, 1)
		var calls []*call
		ask := func(n int) {
			for range n {
				calls = append(calls, s[0].call(fmt.Sprint(len(calls))).ask())
			}
		}
		ask(4)
		g.next(t)
		g.next(t)
		g.none(t)
		p.SetServers([]Server{g.server(3)}) // one more
		g.next(t)
		g.none(t)
		p.SetServers(nil)
		p.SetServers([]Server{g.server(3)}) // gone and back: three are at work
		ask(1)
		g.none(t)
		if p.InUse() != 3 || p.Conns() != 3 {
			t.Errorf("InUse %d, Conns %d", p.InUse(), p.Conns())
		}
		p.SetServers([]Server{g.server(1)}) // two too many
		g.pass <- struct{}{}
		g.pass <- struct{}{}
		g.none(t)
		eventually(t, "one connection is left, as is allowed", func() bool { return p.InUse() == 1 })
		for range 3 {
			g.pass <- struct{}{}
		}
		g.next(t)
		g.next(t)
		for _, k := range calls {
			k.good()
		}
		if n := int(g.most.Load()); n != 3 {
			t.Errorf("%d requests at once", n)
		}
		settled(t, p, s)
	})
}

// Connections are not kept for longer than KeepTime, so that others who wait at
// the server have their turn.
func TestKeepTime(t *testing.T) {
	b := newBackend(t, "unix", echo)
	p := NewPool(Options{Servers: []Server{b.server(1)}, KeepTime: 20 * time.Millisecond})
	s := start(t, loop.Auto, p, 1)
	end := time.Now().Add(200 * time.Millisecond)
	n := 0
	for ; time.Now().Before(end); n++ {
		s[0].call(fmt.Sprint(n)).ask().good()
	}
	if c := int(b.accepted.Load()); c < 4 || c > 11 || n < 2*c {
		t.Errorf("%d connections for %d requests in 200ms", c, n)
	}
	settled(t, p, s)
}

// Who waits for a certain server holds nobody up, not even for a moment.
func TestOthersPassWhoWaits(t *testing.T) {
	var count atomic.Int32
	g := newGate(t, "unix")
	other := newBackend(t, "unix", named("other", &count, 0))
	p := NewPool(Options{Servers: []Server{other.server(1), g.server(1)}})
	s := start(t, loop.Auto, p, 1)
	var waiting []*call
	for i := range 20 {
		k := s[0].call(fmt.Sprint("g", i))
		k.want.Server = g.server(1).Key()
		waiting = append(waiting, k.ask())
	}
	g.next(t)
	began := time.Now()
	for range 300 {
		k := s[0].call("x")
		if r := k.ask().wait(); r.out != "other" {
			t.Fatalf("%+v", r)
		}
	}
	if d := time.Since(began); d > 1500*time.Millisecond {
		t.Errorf("300 requests took %v", d)
	}
	for i, k := range waiting { // and they are served in their order
		g.pass <- struct{}{}
		k.good()
		if i < len(waiting)-1 {
			if got := g.next(t); got != fmt.Sprint("g", i+1) {
				t.Fatalf("got %q", got)
			}
		}
	}
	settled(t, p, s)
}

// Those who wait for a server that goes down are served by another that is idle.
func TestWantedServerGoesDown(t *testing.T) {
	var count atomic.Int32
	g := newGate(t, "unix")
	other := newBackend(t, "unix", named("other", &count, 0))
	p := NewPool(Options{Servers: []Server{other.server(1), g.server(1)}, Health: Health{OpenTime: time.Minute}})
	s := start(t, loop.Auto, p, 1)
	first := s[0].call("x")
	first.want.Server = other.server(1).Key()
	first.ask().wait()
	var waiting []*call
	for i := range 5 {
		k := s[0].call(fmt.Sprint("g", i))
		k.want.Server = g.server(1).Key()
		waiting = append(waiting, k.ask())
	}
	g.next(t)
	s[0].on(func() {
		h := &p.roster.Load().now[1].health
		h.trip(s[0].l.Now(), heldOpen)
	})
	for _, k := range waiting[1:] {
		if r := k.wait(); r.out != "other" {
			t.Errorf("%+v", r)
		}
	}
	g.pass <- struct{}{}
	waiting[0].good()
	settled(t, p, s)
}

// A server that is back, and slow: nobody is refused while its first answer is
// waited for.
func TestBackButSlow(t *testing.T) {
	var count atomic.Int32
	for _, several := range []bool{false, true} {
		b := newBackend(t, "unix", named("b", &count, 0))
		list := []Server{b.server(10)}
		if several {
			list = append(list, Server{Network: "unix", Address: b.addr + "-none", Conns: 1})
		}
		b.stop()
		p := NewPool(Options{Servers: list, DialTime: 30 * time.Millisecond, Health: Health{OpenTime: 20 * time.Millisecond}})
		s := start(t, loop.Auto, p, 2)
		eventually(t, "it is known to be down", func() bool { return errors.Is(s[0].call("x").ask().wait().err, ErrAllDown) })
		b.revive(t, named("b", &count, 300*time.Millisecond))
		eventually(t, "it is connected to", func() bool {
			k := s[0].call("x").ask()
			time.Sleep(10 * time.Millisecond)
			return len(k.res) == 0
		})
		var calls []*call
		for i := range 6 {
			time.Sleep(30 * time.Millisecond)
			calls = append(calls, s[i%2].call("x").ask())
		}
		for _, k := range calls {
			if r := k.wait(); r.out != "b" {
				t.Errorf("several %v: %+v %v", several, r, r.err)
			}
		}
		settled(t, p, s)
	}
}

// A server that is busy with others gets fewer of our requests, and its idle
// connections back.
func TestObserveAndGiveBack(t *testing.T) {
	var counts [2]atomic.Int32
	var list []Server
	for i, name := range []string{"free", "busy"} {
		list = append(list, newBackend(t, "unix", named(name, &counts[i], time.Millisecond)).server(10))
	}
	p := NewPool(Options{Servers: list})
	p.Observe(list[1], 1000)
	s := start(t, loop.Auto, p, 2)
	got := flood(s, 400, 4, Want{})
	if got["free"]+got["busy"] != 400 || got["busy"] > 40 {
		t.Errorf("the server that is busy with others got %d of 400", got["busy"])
	}
	p.Observe(list[1], 0)
	if got = flood(s, 400, 8, Want{}); got["busy"] < 100 {
		t.Errorf("it got %d of 400 when it was free again", got["busy"])
	}
	p.GiveBack(list[0])
	eventually(t, "the connections are given back", func() bool {
		for _, st := range p.States() {
			if st.Server.Address == list[0].Address {
				return st.InUse == 0
			}
		}
		return false
	})
	settled(t, p, s)
}
