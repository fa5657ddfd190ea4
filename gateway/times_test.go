package gateway

import (
	"testing"
	"time"

	"sluice/loop"
	"sluice/message"
)

// timed is a client who asks for the times when he gets the end.
type timed struct {
	*client
	waited, ran time.Duration
}

func (c *timed) End() {
	c.waited, c.ran = c.r.Times()
	c.client.End()
}

func (c *timed) Fail(x Failure) {
	c.waited, c.ran = c.r.Times()
	c.client.Fail(x)
}

// What a request has waited for is not what its script took, nor is a slow client.
func TestTimes(t *testing.T) {
	const long = 400 * time.Millisecond
	f := start(t, loop.Auto, rawly(func(q *raw) string {
		switch {
		case q.is("slow"):
			time.Sleep(long)
		case q.is("dumb"):
			time.Sleep(long)
			return ""
		}
		return "A: 1\r\n\r\nok"
	}), settings{queue: time.Minute})
	ask := func(token string, full bool) *timed {
		c := &timed{client: &client{f: f, done: make(chan struct{}), full: full}}
		c.req = message.Request{Method: []byte("GET"), Minor: 1}
		f.on(func() {
			c.r = f.lp.Begin(c)
			if waited, ran := c.r.Times(); waited != 0 || ran != 0 {
				t.Errorf("before the start: %v, %v", waited, ran)
			}
			c.r.Env.Request, c.r.Env.Query, c.r.Env.ContentLength = &c.req, []byte(token), -1
			c.r.Start(false)
		})
		return c
	}
	slow, behind := ask("slow", false), ask("quick", false) // there is one connection
	f.on(func() {
		if waited, ran := behind.r.Times(); ran != 0 || waited < 0 {
			t.Errorf("in the queue: %v, %v", waited, ran)
		}
	})
	if slow.gets(200, "ok"); slow.ran < long || slow.waited >= long {
		t.Errorf("the slow one: waited %v, ran %v", slow.waited, slow.ran)
	}
	if behind.gets(200, "ok"); behind.ran >= long || behind.waited < long/2 {
		t.Errorf("the one behind it: waited %v, ran %v", behind.waited, behind.ran)
	}
	if dumb := ask("dumb", false); dumb.fails(502) != nil && dumb.ran < long {
		t.Errorf("the one that failed: waited %v, ran %v", dumb.waited, dumb.ran)
	}
	reads := ask("quick", true)
	f.eventually("it waits for its client", func() bool { return reads.r.state == draining })
	time.Sleep(long)
	f.on(func() {
		reads.full = false
		reads.r.Resume()
	})
	if reads.gets(200, "ok"); reads.ran >= long {
		t.Errorf("the client was slow, not the script: ran %v", reads.ran)
	}
	f.healthy()
}
