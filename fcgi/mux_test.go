package fcgi

import (
	"bytes"
	"fmt"
	"math/rand"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice/loop"
)

// muxer is a backend that takes many requests on one connection. Each whole
// request is given to serve, each ABORT_REQUEST to abort, in the connection's
// goroutine; they may answer from others.
type muxer struct {
	serve func(p *muxPeer, q request)
	abort func(p *muxPeer, id uint16)
	// order sees every record as it comes.
	order func(t Type, id uint16, n int)
}

type muxPeer struct {
	*peer
	mu sync.Mutex
}

func (p *muxPeer) send(b []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, _ = p.Write(b)
}

func (m *muxer) run(plain *peer) {
	p := &muxPeer{peer: plain}
	open := map[uint16]*request{}
	pairs := map[uint16][]byte{}
	for {
		typ, id, content, err := p.record()
		if err != nil {
			return
		}
		if m.order != nil {
			m.order(typ, id, len(content))
		}
		q := open[id]
		switch {
		case typ == BeginRequest && q != nil:
			panic(fmt.Sprintf("id %d was begun twice", id))
		case typ == BeginRequest:
			open[id] = &request{id: id, params: map[string]string{}}
		case q == nil: // §4: unknown ids are ignored
			if typ == AbortRequest && m.abort != nil {
				m.abort(p, id)
			}
		case typ == Params && len(content) > 0:
			pairs[id] = append(pairs[id], content...)
		case typ == Params:
			for b := pairs[id]; len(b) > 0; {
				name, value, n, err := ConsumePair(b)
				if err != nil {
					panic(err)
				}
				q.params[string(name)] = string(value)
				b = b[n:]
			}
			delete(pairs, id)
		case typ == Stdin && len(content) > 0:
			q.stdin = append(q.stdin, content...)
		case typ == Stdin:
			delete(open, id)
			m.serve(p, *q)
		case typ == AbortRequest:
			delete(open, id)
			if m.abort != nil {
				m.abort(p, id)
			}
		}
	}
}

func newMuxer(t *testing.T, m *muxer) (*backend, Server) {
	b := newBackend(t, "unix", m.run)
	srv := b.server(2)
	srv.Mux = MuxOn
	return b, srv
}

// All at once on one connection, answered in any order and interleaved record by
// record.
func TestManyOnOneConnection(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		const n = 200
		var held []request
		b, srv := newMuxer(t, &muxer{serve: func(p *muxPeer, q request) {
			if q.params["TOKEN"] == "first" {
				p.send(reply(q.id, "first"))
				return
			}
			if held = append(held, q); len(held) < n {
				return
			}
			r := rand.New(rand.NewSource(1))
			r.Shuffle(n, func(i, j int) { held[i], held[j] = held[j], held[i] })
			var out []byte
			for at := 0; at < 10; at++ {
				for _, q := range held {
					token := q.params["TOKEN"] // 10 octets
					out = AppendRecord(out, Stdout, q.id, []byte(token[at:at+1]))
				}
			}
			for _, q := range held {
				out = AppendEndRequest(out, q.id, uint32(q.id), RequestComplete)
			}
			held = nil
			p.send(out)
		}})
		p := NewPool(Options{Servers: []Server{srv}})
		s := start(t, e, p, 1)
		s[0].call("first").ask().good()
		for range 3 {
			var calls []*call
			for i := range n {
				calls = append(calls, s[0].call(fmt.Sprintf("token-%04d", i)).ask())
			}
			for _, k := range calls {
				if r := k.good(); !r.reused || r.end.AppStatus == 0 {
					t.Fatalf("%s: %+v", k.token, r)
				}
			}
		}
		if c := b.accepted.Load(); c != 1 {
			t.Errorf("%d connections, want 1", c)
		}
		settledShared(t, p, s)
	})
}

// The answers of three requests, octet by octet, and with every cut: whoever had
// his END_REQUEST is content, the others fail.
func TestSharedConnectionDiesAtEveryOctet(t *testing.T) {
	answers := func(ids []uint16) ([]byte, []int) {
		var out []byte
		ends := make([]int, len(ids))
		for i, id := range ids {
			out = AppendRecord(out, Stdout, id, fmt.Appendf(nil, "t%d", i))
		}
		for i, id := range ids {
			out = AppendEndRequest(out, id, 0, 0)
			ends[i] = len(out)
		}
		return out, ends
	}
	whole, ends := answers([]uint16{1, 2, 3})
	for cut := range len(whole) + 1 {
		var ids []uint16
		_, srv := newMuxer(t, &muxer{serve: func(p *muxPeer, q request) {
			if ids = append(ids, q.id); len(ids) == 3 {
				out, _ := answers(ids)
				for _, c := range out[:cut] {
					p.send([]byte{c})
				}
				_ = p.Close()
			}
		}})
		p := NewPool(Options{Servers: []Server{srv}})
		s := start(t, loop.Auto, p, 1)
		var calls []*call
		for i := range 3 {
			calls = append(calls, s[0].call(fmt.Sprint("t", i)).ask())
		}
		for i, k := range calls {
			r := k.wait()
			if good := cut >= ends[i]; (r.err == nil) != good || (good && r.out != k.token) || !strings.HasPrefix(k.token, r.out) {
				t.Fatalf("cut at %d: request %d: %+v", cut, i, r)
			}
		}
		settledShared(t, p, s)
		s[0].l.Stop()
	}
}

// A record for a request that is not there breaks the connection: on any doubt.
func TestSharedUnknownID(t *testing.T) {
	tests := []struct {
		name string
		odd  func(id uint16) []byte
		err  string
	}{
		{"never used", func(uint16) []byte { return reply(999, "secret") }, "unknown request 999"},
		{"ended before", func(id uint16) []byte { return append(reply(id, "odd"), reply(id, "secret")...) }, "unknown request"},
		{"BEGIN_REQUEST", func(id uint16) []byte { return AppendBeginRequest(nil, id, Responder, 0) }, "BEGIN_REQUEST from the backend"},
		{"END_REQUEST too short", func(id uint16) []byte { return AppendRecord(nil, EndRequest, id, []byte("1234567")) }, "7 octets"},
		{"unknown type", func(id uint16) []byte { return AppendRecord(nil, 99, id, []byte("x")) }, "unknown type 99"},
		{"no FastCGI", func(uint16) []byte { return []byte("HTTP/1.1 400 Bad Request\r\n\r\n") }, "no FastCGI"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, srv := newMuxer(t, &muxer{serve: func(p *muxPeer, q request) {
				switch q.params["TOKEN"] {
				case "waits":
				case "odd":
					p.send(tt.odd(q.id))
				default:
					p.send(reply(q.id, q.params["TOKEN"]))
				}
			}})
			p := NewPool(Options{Servers: []Server{srv}})
			s := start(t, loop.Auto, p, 1)
			w := s[0].call("waits").ask()
			odd := s[0].call("odd").ask()
			if r := w.wait(); r.err == nil || !strings.Contains(r.err.Error(), tt.err) || r.out != "" {
				t.Errorf("the other request: %+v, want error %q", r, tt.err)
			}
			if r := odd.wait(); (r.err == nil) != (tt.name == "ended before") || strings.Contains(r.out, "secret") {
				t.Errorf("%+v", r)
			}
			s[0].call("after").ask().good()
			settledShared(t, p, s)
		})
	}
}

// A request that is given up leaves the connection to the others; what comes for
// it, before and after its END_REQUEST, is nobody's, and its id is not used
// again.
func TestSharedAbandon(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		came, told := make(chan uint16, 10), make(chan uint16, 10)
		var mu sync.Mutex
		used := map[uint16]int{}
		var peer0 *muxPeer
		b, srv := newMuxer(t, &muxer{serve: func(p *muxPeer, q request) {
			mu.Lock()
			used[q.id]++
			mu.Unlock()
			if strings.HasPrefix(q.params["TOKEN"], "stuck") {
				peer0 = p
				p.send(AppendRecord(nil, Stdout, q.id, []byte("half")))
				came <- q.id
				return
			}
			p.send(reply(q.id, q.params["TOKEN"]))
		}, abort: func(_ *muxPeer, id uint16) { told <- id }})
		p := NewPool(Options{Servers: []Server{srv}})
		s := start(t, e, p, 1)
		gone := map[uint16]bool{}
		for i := range 6 {
			k := s[0].call(fmt.Sprint("stuck", i)).ask()
			id := <-came
			gone[id] = true
			s[0].on(func() {
				if i%2 == 0 {
					k.conn.Abandon(time.Hour)
				} else {
					k.conn.Kill()
				}
				k.over = true // whatever comes now panics
			})
			if got := <-told; got != id {
				t.Errorf("ABORT_REQUEST for %d, want %d", got, id)
			}
			s[0].call("other").ask().good()
			late := AppendStream(nil, Stdout, id, bytes.Repeat([]byte("secret"), 20000))
			late = append(AppendRecord(late, Stderr, id, []byte("secret")), AppendEndRequest(nil, id, 0, 0)...)
			peer0.send(late)
			if i%3 == 0 { // as Go's net/http/fcgi does
				peer0.send(append(AppendRecord(nil, Stdout, id, []byte("secret")), AppendEndRequest(nil, id, 0, 0)...))
			}
			s[0].call("next").ask().good()
		}
		if n := b.accepted.Load(); n != 1 {
			t.Errorf("%d connections, want 1", n)
		}
		mu.Lock()
		defer mu.Unlock()
		for id := range gone {
			if used[id] != 1 {
				t.Errorf("id %d of an aborted request was used %d times", id, used[id])
			}
		}
		settledShared(t, p, s)
	})
}

// Who never says END_REQUEST for what was aborted is replaced, once half of the
// places are taken by such requests.
func TestBackendIgnoresAborts(t *testing.T) {
	b, srv := newMuxer(t, &muxer{serve: func(p *muxPeer, q request) {
		if q.params["TOKEN"] != "stuck" {
			p.send(reply(q.id, q.params["TOKEN"]))
		}
	}})
	srv.Requests = 4
	p := NewPool(Options{Servers: []Server{srv}})
	s := start(t, loop.Auto, p, 1)
	for range 30 {
		k := s[0].call("stuck").ask()
		eventually(t, "it is granted", func() (ok bool) {
			s[0].on(func() { ok = k.conn != nil })
			return ok
		})
		s[0].on(func() { k.conn.Abandon(0); k.over = true })
		s[0].call("good").ask().good()
	}
	if n := b.accepted.Load(); n < 8 || n > 12 {
		t.Errorf("%d connections for 30 requests that never end, 3 on each", n)
	}
	s[0].on(s[0].lp.Close)
	eventually(t, "all permits are back", func() bool { return p.InUse() == 0 })
}

// Requests over the bound wait, or take a second connection.
func TestSharedBound(t *testing.T) {
	var mu sync.Mutex
	var now, most int
	b, srv := newMuxer(t, &muxer{serve: func(p *muxPeer, q request) {
		mu.Lock()
		now++
		most = max(most, now)
		mu.Unlock()
		go func() {
			time.Sleep(time.Millisecond)
			mu.Lock()
			now--
			mu.Unlock()
			p.send(reply(q.id, q.params["TOKEN"]))
		}()
	}})
	srv.Requests = 5
	p := NewPool(Options{Servers: []Server{srv}})
	s := start(t, loop.Auto, p, 1)
	var calls []*call
	for i := range 100 {
		calls = append(calls, s[0].call(fmt.Sprint(i)).ask())
	}
	for _, k := range calls {
		k.good()
	}
	mu.Lock()
	defer mu.Unlock()
	if most > 10 || most < 6 {
		t.Errorf("%d requests at once; 2 connections with 5 each are allowed", most)
	}
	if n := b.accepted.Load(); n != 2 {
		t.Errorf("%d connections, want 2", n)
	}
	settledShared(t, p, s)
}

// With fewer connections than loops, all loops are served.
func TestLoopsShareOneSharedConnection(t *testing.T) {
	_, srv := newMuxer(t, &muxer{serve: func(p *muxPeer, q request) {
		go func() {
			time.Sleep(time.Millisecond)
			p.send(reply(q.id, q.params["TOKEN"]))
		}()
	}})
	srv.Conns = 1
	p := NewPool(Options{Servers: []Server{srv}})
	s := start(t, loop.Auto, p, 3)
	var wg sync.WaitGroup
	for i := range 9 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for j := range 20 {
				s[i%3].call(fmt.Sprint(i, "-", j)).ask().good()
			}
		}()
	}
	wg.Wait()
	settledShared(t, p, s)
}

// CANT_MPX_CONN: from then on one at a time.
func TestCantMultiplex(t *testing.T) {
	var mu sync.Mutex
	var busy, most int
	b, srv := newMuxer(t, &muxer{serve: func(p *muxPeer, q request) {
		mu.Lock()
		defer mu.Unlock()
		if busy++; busy > 1 && p.number == 1 {
			busy--
			p.send(AppendEndRequest(nil, q.id, 0, CantMpxConn))
			return
		}
		most = max(most, busy)
		go func() {
			time.Sleep(5 * time.Millisecond)
			mu.Lock()
			busy--
			mu.Unlock()
			p.send(reply(q.id, q.params["TOKEN"]))
		}()
	}})
	srv.Conns = 1
	p := NewPool(Options{Servers: []Server{srv}})
	s := start(t, loop.Auto, p, 1)
	first, second := s[0].call("first").ask(), s[0].call("second").ask()
	first.good()
	if r := second.wait(); r.end.ProtocolStatus != CantMpxConn || r.err != nil {
		t.Fatalf("%+v", r)
	}
	var calls []*call
	for i := range 5 {
		calls = append(calls, s[0].call(fmt.Sprint(i)).ask())
	}
	for _, k := range calls {
		k.good()
	}
	mu.Lock()
	defer mu.Unlock()
	if most != 1 || b.accepted.Load() != 2 {
		t.Errorf("%d at once, %d connections", most, b.accepted.Load())
	}
	settledShared(t, p, s)
}
