package fcgi

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"sluice/loop"
)

// Active checks: a server whose page tells of an error gets nothing, until it
// does not.
func TestChecks(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		var sick, checks atomic.Int32
		serve := func(name string) func(p *peer) {
			return func(p *peer) {
				for {
					q, err := p.next()
					if err != nil {
						return
					}
					out := name
					if q.params["SCRIPT_NAME"] == "/ping" {
						checks.Add(1)
						out = "Content-Type: text/plain\r\n\r\npong"
						if name == "a" && sick.Load() == 1 {
							out = "Status: 503 Service Unavailable\r\n" + out
						}
						if name == "a" && sick.Load() == 2 {
							time.Sleep(100 * time.Millisecond)
						}
						if q.params["REQUEST_METHOD"] != "GET" || q.params["QUERY_STRING"] != "full" {
							t.Errorf("checked by %v", q.params)
						}
					}
					p.send(reply(q.id, out))
				}
			}
		}
		a, b := newBackend(t, "unix", serve("a")), newBackend(t, "unix", serve("b"))
		p := NewPool(Options{Servers: []Server{a.server(5), b.server(5)}, Health: Health{Path: "/ping?full", Interval: 10 * time.Millisecond, Time: 50 * time.Millisecond, SlowStart: time.Millisecond}})
		s := start(t, e, p, 2)
		up := func() bool { return p.States()[0].Up }
		for _, how := range []int32{1, 2} {
			if got := flood(s, 100, 2, Want{}); got["a"] == 0 || got["b"] == 0 {
				t.Fatalf("%v", got)
			}
			sick.Store(how)
			eventually(t, "the check fails", func() bool { return !up() })
			if got := flood(s, 100, 2, Want{}); got["b"] != 100 {
				t.Errorf("with one sick: %v", got)
			}
			sick.Store(0)
			eventually(t, "the check succeeds", up)
			eventually(t, "both get requests", func() bool {
				got := flood(s, 20, 2, Want{})
				return got["a"] > 0 && got["b"] > 0
			})
		}
		for _, x := range s {
			x.on(x.lp.Close)
		}
		eventually(t, "all permits are back", func() bool { return p.InUse() == 0 })
		n := checks.Load()
		time.Sleep(40 * time.Millisecond)
		if checks.Load() != n {
			t.Error("checks go on after Close")
		}
	})
}

// A dead server that only checks look at comes back by them.
func TestChecksFindDeadServer(t *testing.T) {
	var count atomic.Int32
	b := newBackend(t, "tcp", named("pong\r\n\r\n", &count, 0))
	b.stop()
	p := NewPool(Options{Servers: []Server{b.server(1)}, DialTime: time.Millisecond, Health: Health{Path: "/ping", Interval: 10 * time.Millisecond}})
	s := start(t, loop.Auto, p, 1)
	eventually(t, "it is found dead", func() bool { return !p.States()[0].Up })
	eventually(t, "requests are refused", func() bool { return errors.Is(s[0].call("x").ask().wait().err, ErrAllDown) })
	b.revive(t, named("X: y\r\n\r\npong", &count, 0))
	eventually(t, "it is found alive", func() bool { return p.States()[0].Up })
	if r := s[0].call("x").ask().wait(); r.err != nil {
		t.Error(r.err)
	}
	s[0].on(s[0].lp.Close)
	eventually(t, "all permits are back", func() bool { return p.InUse() == 0 })
}

func TestHealthyAnswer(t *testing.T) {
	for out, good := range map[string]bool{
		"Content-Type: text/plain\r\n\r\npong": true,
		"Status: 200 OK\n\n":                   true,
		"STATUS:302\r\nLocation: /\r\n\r\n":    true,
		"Status: 404 Not Found\r\n\r\nx":       false,
		"X: y\r\nstatus: 500\r\n\r\n":          false,
		"Status: none\r\n\r\n":                 false,
		"Content-Type: text/plain\r\n":         false,
		"":                                     false,
		"pong":                                 false,
	} {
		if err := healthy([]byte(out)); (err == nil) != good {
			t.Errorf("%q: %v", out, err)
		}
	}
}
