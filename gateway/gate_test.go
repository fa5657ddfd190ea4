package gateway

import (
	"fmt"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"sluice/loop"
)

// through starts a request that passes gates.
func (f *fixture) through(token string, gates ...Through) *client {
	f.t.Helper()
	c := f.client("GET", token)
	f.on(func() {
		c.r.Gates = gates
		c.r.Start(false)
	})
	return c
}

func (g *Gate) empty() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.rooms) == 0 && g.waits == 0
}

func bound(n int) func() int { return func() int { return n } }

// held is a backend whose requests wait until they are let go.
type held struct {
	running, most atomic.Int32
	release       chan struct{}
}

func newHeld() *held { return &held{release: make(chan struct{})} }

func (h *held) serve(*raw) string {
	n := h.running.Add(1)
	for m := h.most.Load(); n > m && !h.most.CompareAndSwap(m, n); m = h.most.Load() {
	}
	<-h.release
	h.running.Add(-1)
	return "A: 1\r\n\r\nok"
}

func TestGateBounds(t *testing.T) {
	h := newHeld()
	f := start(t, loop.Auto, rawly(h.serve), settings{conns: 8})
	gate := &Gate{Name: "/xmlrpc.php", Max: bound(2)}
	var list []*client
	for range 6 {
		list = append(list, f.through("x", Through{Gate: gate}))
	}
	f.eventually("two are inside", func() bool { return h.running.Load() == 2 })
	if c := f.get("healthy"); c.gets(200, "healthy").failure != nil {
		t.Error("another request had to wait")
	}
	for range list {
		h.release <- struct{}{}
	}
	for _, c := range list {
		c.gets(200, "ok")
	}
	if n := h.most.Load(); n != 2 {
		t.Errorf("%d at once, want 2", n)
	}
	f.eventually("the gate is empty", gate.empty)
	f.healthy()
}

func TestGateCountsByKey(t *testing.T) {
	h := newHeld()
	f := start(t, loop.Auto, rawly(h.serve), settings{conns: 8})
	gate := &Gate{Name: "a client", Max: bound(1)}
	all := &Gate{Name: "all", Max: bound(3)}
	var list []*client
	for i := range 12 { // four clients, three requests each; of all together three
		key := netip.AddrFrom4([4]byte{192, 0, 2, byte(i % 4)})
		list = append(list, f.through("x", Through{Gate: gate, Key: key}, Through{Gate: all}))
	}
	f.eventually("three are inside", func() bool { return h.running.Load() == 3 })
	close(h.release)
	for _, c := range list {
		c.gets(200, "ok")
	}
	if n := h.most.Load(); n != 3 {
		t.Errorf("%d at once, want 3", n)
	}
	f.eventually("the gates are empty", func() bool { return gate.empty() && all.empty() })
	f.healthy()
}

func TestGateRefuses(t *testing.T) {
	h := newHeld()
	f := start(t, loop.Auto, rawly(h.serve), settings{conns: 8, queue: 30 * time.Millisecond})
	gate := &Gate{Name: "/wp-login.php", Max: bound(1)}
	first := f.through("x", Through{Gate: gate})
	late := f.through("x", Through{Gate: gate})
	if late.fails(503); late.failure.RetryAfter == 0 {
		t.Error("no Retry-After")
	}
	gate.mu.Lock()
	gate.waits += gateWaitsMax
	gate.mu.Unlock()
	f.through("x", Through{Gate: gate}).fails(503)
	gate.mu.Lock()
	gate.waits -= gateWaitsMax
	gate.mu.Unlock()
	close(h.release)
	first.gets(200, "ok")
	f.eventually("the gate is empty", gate.empty)
	f.healthy()
}

// A client who leaves gives his place to the next; if his script runs on, only
// when that is over.
func TestGateAndClientsThatLeave(t *testing.T) {
	h := newHeld()
	f := start(t, loop.Auto, rawly(h.serve), settings{conns: 8})
	gate := &Gate{Name: "x", Max: bound(1)}
	inside := f.through("x", Through{Gate: gate})
	waiting := f.through("x", Through{Gate: gate})
	next := f.through("x", Through{Gate: gate})
	f.eventually("one is inside", func() bool { return h.running.Load() == 1 })
	f.on(waiting.gone)
	f.on(inside.gone)
	time.Sleep(20 * time.Millisecond)
	if n := h.most.Load(); n != 1 {
		t.Errorf("%d at once though the first script runs on", n)
	}
	close(h.release)
	next.gets(200, "ok")
	f.eventually("the gate is empty", gate.empty)
	f.healthy()
}

// A request that is sent again counts once.
func TestGateAndRetry(t *testing.T) {
	var n atomic.Int32
	f := start(t, loop.Auto, rawly(func(*raw) string {
		if n.Add(1) == 1 {
			return "CUT"
		}
		return "A: 1\r\n\r\nok"
	}), settings{conns: 4, retries: 2})
	gate := &Gate{Name: "x", Max: bound(1)}
	var list []*client
	for range 3 {
		list = append(list, f.through("x", Through{Gate: gate}))
	}
	for _, c := range list {
		c.gets(200, "ok")
	}
	f.eventually("the gate is empty", gate.empty)
	f.healthy()
}

// A bound that is taken away lets everybody in with the next who leaves.
func TestGateThatOpens(t *testing.T) {
	h := newHeld()
	f := start(t, loop.Auto, rawly(h.serve), settings{conns: 8})
	var limit atomic.Int32
	limit.Store(1)
	gate := &Gate{Name: "x", Max: func() int { return int(limit.Load()) }}
	var list []*client
	for range 5 {
		list = append(list, f.through("x", Through{Gate: gate}))
	}
	f.eventually("one is inside", func() bool { return h.running.Load() == 1 })
	limit.Store(0)
	h.release <- struct{}{}
	f.eventually("all others are inside", func() bool { return h.running.Load() == 4 })
	close(h.release)
	for _, c := range list {
		c.gets(200, "ok")
	}
	f.eventually("the gate is empty", gate.empty)
	f.healthy()
}

// A site's call to itself does not wait before the gate of its client, which is this
// machine; others from here do, and a gate that is not the client's holds it back.
func TestGateAndOwnCalls(t *testing.T) {
	h := newHeld()
	f := start(t, loop.Auto, rawly(h.serve), settings{conns: 8})
	server := netip.MustParseAddrPort("127.0.0.1:2")
	own, stranger := netip.MustParseAddrPort("127.0.0.1:1"), netip.MustParseAddrPort("127.0.0.1:3")
	var looks atomic.Int32
	f.opts.Calls = func(c Caller) bool {
		looks.Add(1)
		return c.Client == own && c.Server == server
	}
	visitor, path := &Gate{Name: "a client", Max: bound(1)}, &Gate{Name: "/x.php", Max: bound(1)}
	from := func(who netip.AddrPort, gates ...Through) *client {
		c := f.client("GET", "x")
		f.on(func() {
			c.r.Caller = Caller{Client: who, Server: server}
			c.r.Gates = gates
			c.r.Start(false)
		})
		return c
	}
	here := Through{Gate: visitor, Key: stranger.Addr(), NotOwn: true}
	page := from(stranger, here)
	f.eventually("the page is inside", func() bool { return h.running.Load() == 1 })
	waits := from(stranger, here)
	gone := from(own, here)
	f.on(gone.gone)
	call := from(own, here, Through{Gate: path})
	f.eventually("the site's call is inside as well", func() bool { return h.running.Load() == 2 })
	second := from(own, here, Through{Gate: path}) // waits before the path's gate
	f.eventually("the stranger has been looked at, and the second call", func() bool { return looks.Load() == 3 })
	time.Sleep(20 * time.Millisecond)
	if n := h.running.Load(); n != 2 {
		t.Errorf("%d are inside, want the page and its call", n)
	}
	h.release <- struct{}{}
	h.release <- struct{}{}
	close(h.release)
	for _, c := range []*client{page, call, waits, second} {
		c.gets(200, "ok")
	}
	f.eventually("the gates are empty", func() bool { return visitor.empty() && path.empty() })
	f.healthy()
}

// A call that is not the site's waits no longer than others.
func TestGateRefusesThoseFromHere(t *testing.T) {
	h := newHeld()
	f := start(t, loop.Auto, rawly(h.serve), settings{conns: 8, queue: 2 * laneTime})
	f.opts.Calls = func(Caller) bool { return false }
	gate := &Gate{Name: "a client", Max: bound(1)}
	here := netip.MustParseAddrPort("127.0.0.1:1")
	list := [2]*client{}
	begin := time.Now()
	for i := range list {
		list[i] = f.client("GET", "x")
		f.on(func() {
			list[i].r.Caller = Caller{Client: here, Server: here}
			list[i].r.Gates = []Through{{Gate: gate, Key: here.Addr(), NotOwn: true}}
			list[i].r.Start(false)
		})
	}
	list[1].fails(503)
	if took := time.Since(begin); took < 2*laneTime {
		t.Errorf("refused after %v, want %v", took, 2*laneTime)
	}
	close(h.release)
	list[0].gets(200, "ok")
	f.eventually("the gate is empty", gate.empty)
	f.healthy()
}

// All workers are at pages that ask their own site for something.
func TestLaneForOwnCalls(t *testing.T) {
	inner := make(chan struct{})
	var outers, strangers atomic.Int32 // strangers: while both ordinary workers are taken
	f := start(t, loop.Auto, rawly(func(q *raw) string {
		switch {
		case q.is("inner"):
			defer func() { inner <- struct{}{} }()
		case q.is("outer"):
			outers.Add(1)
			<-inner
			outers.Add(-1)
		case q.is("stranger") && outers.Load() == 2:
			strangers.Add(1)
		}
		return fmt.Sprintf("A: 1\r\n\r\n%s", q.params["QUERY_STRING"][0])
	}), settings{conns: 2, lane: true})
	outer := []*client{f.get("outer"), f.get("outer")}
	here := Caller{Client: netip.MustParseAddrPort("127.0.0.1:1"), Server: netip.MustParseAddrPort("127.0.0.1:2")}
	stranger := Caller{Client: netip.MustParseAddrPort("127.0.0.1:3"), Server: here.Server}
	f.opts.Calls = func(c Caller) bool { return c == here }
	from := func(caller Caller, token string) *client {
		c := f.client("GET", token)
		f.on(func() {
			c.r.Caller = caller
			c.r.Start(false)
		})
		return c
	}
	waits := from(stranger, "stranger")
	own := func() *client { return from(here, "inner") }
	calls := []*client{own(), own()}
	for _, c := range calls {
		c.gets(200, "inner")
	}
	for _, c := range outer {
		c.gets(200, "outer")
	}
	waits.gets(200, "stranger")
	if n := strangers.Load(); n != 0 {
		t.Errorf("the stranger ran in the lane")
	}
	gone := f.client("GET", "x")
	f.on(func() {
		gone.r.Caller = here
		gone.r.Start(false)
		gone.gone()
	})
	f.healthy()
	if n := f.opts.Lane.InUse(); n != 0 {
		t.Errorf("%d connections of the lane are left", n)
	}
}
