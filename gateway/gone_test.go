package gateway

import (
	"errors"
	"fmt"
	"testing"

	"sluice/fcgi"
	"sluice/loop"
)

// A client that goes away in every state of its request: nothing is called for
// it any more, and nothing is lost.
func TestClientGone(t *testing.T) {
	big := random(4 << 20)
	tests := []struct {
		name string
		at   func(f *fixture, c *client) // brings the request to the state, not on the loop
		is   state
	}{
		{"fresh", func(*fixture, *client) {}, fresh},
		{"collecting", func(f *fixture, c *client) {
			f.on(func() { c.r.Start(true); c.r.Content([]byte(big)) })
		}, collecting},
		{"queued", func(f *fixture, c *client) {
			busy := f.get("wait")
			f.eventually("the worker is taken", func() bool { return busy.r.state == running })
			f.on(func() { c.r.Start(false) })
		}, queued},
		{"running", func(f *fixture, c *client) {
			c.r.Env.Query = []byte("wait")
			f.on(func() { c.r.Start(false) })
			f.eventually("it runs", func() bool { return c.r.state == running && c.r.conn.Queued() == 0 })
		}, running},
		{"running, content on its way", func(f *fixture, c *client) {
			c.r.Env.Query = []byte("slow")
			f.on(func() { c.r.Start(true); c.r.Content([]byte(big)); c.r.ContentEnd() })
			f.eventually("it runs", func() bool { return c.r.state == running && c.r.sending })
		}, running},
		{"relaying", func(f *fixture, c *client) {
			c.r.Env.Query = []byte("begin")
			f.on(func() { c.r.Start(false) })
			f.eventually("the head is there", func() bool { return c.heads == 1 })
		}, relaying},
		{"relaying, the client full, the script waiting", func(f *fixture, c *client) {
			c.r.Env.Query, c.room = []byte("stream"), 1000
			f.on(func() { c.r.Start(false) })
			f.eventually("the script has to wait", func() bool { return c.r.paused })
		}, relaying},
		{"relaying, full, content on its way", func(f *fixture, c *client) {
			c.r.Env.Query, c.room = []byte("echo"), 1000
			f.on(func() { c.r.Start(true); c.r.Content([]byte(big)); c.r.ContentEnd() })
			f.eventually("the script has to wait", func() bool { return c.r.paused && c.r.sending })
		}, relaying},
		{"draining", func(f *fixture, c *client) {
			c.r.Env.Query, c.room = []byte("big"), 1000
			f.on(func() { c.r.Start(false) })
			f.eventually("the worker is done", func() bool { return c.r.state == draining })
		}, draining},
	}
	for _, memory := range []int64{32 << 20, 1} {
		engines(t, func(t *testing.T, e loop.Engine) {
			for _, tt := range tests {
				t.Run(fmt.Sprint(tt.name, " ", memory), func(t *testing.T) {
					next := make(chan struct{})
					f := start(t, e, goneBackend(next, big), settings{memory: memory, kill: noWorker})
					c := f.client("POST", "x")
					tt.at(f, c)
					f.on(func() {
						if c.r.state != tt.is || c.over {
							t.Errorf("state %v, want %v; failure %+v", c.r.state, tt.is, c.failure)
						}
						c.gone()
					})
					close(next)
					f.healthy()
					f.on(func() {
						for i, r := range f.lp.free {
							if r.state != fresh || r.conn != nil || r.client != nil || r.limit.Armed() || r.flush.Armed() {
								t.Errorf("free request %d: %+v", i, r)
							}
						}
					})
				})
			}
		})
	}
}

func noWorker(fcgi.Server, uintptr) (func(), error) { return nil, errors.New("no such worker") }

// goneBackend is for TestClientGone: by its query a script waits, reads slowly,
// begins an answer, echoes while it reads, or writes much.
func goneBackend(next chan struct{}, big string) func(p *peer) {
	return func(p *peer) {
		for {
			q, err := p.begin()
			if err != nil {
				return
			}
			switch q.params["QUERY_STRING"] {
			case "slow":
				<-next
			case "echo":
				p.out(q, "X-Accel-Buffering: no\r\n\r\n"+big[:1<<20])
			}
			if p.stdin(q) != nil {
				return
			}
			switch q.params["QUERY_STRING"] {
			case "begin":
				p.out(q, "A: 1\r\n\r\nhello")
				<-next
			case "stream":
				p.out(q, "X-Accel-Buffering: no\r\n\r\n"+big)
			case "big":
				p.out(q, "A: 1\r\n\r\n"+big)
			case "wait":
				<-next
				p.out(q, "A: 1\r\n\r\n")
			case "healthy":
				p.out(q, "A: 1\r\n\r\nhealthy")
			}
			p.end(q)
		}
	}
}
