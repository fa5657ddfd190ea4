package gateway

import (
	"errors"
	"fmt"
	"math/rand"
	"strings"
	"testing"
	"time"

	"sluice/fcgi"
	"sluice/loop"
)

func random(n int) string {
	b := make([]byte, n)
	rand.New(rand.NewSource(int64(n))).Read(b)
	return string(b)
}

// What arrives in one piece: its length is known, and what is wrong with it is
// told before the client has got anything.
func TestWholeResponse(t *testing.T) {
	const ct = "Content-Type: text/plain\r\n"
	big := random(100_000)
	tests := []struct {
		name   string
		method string
		answer string
		status int
		length int64
		body   string
		fails  int
		log    string // part of what Trouble says
	}{
		{"length added", "GET", ct + "\r\nhello", 200, 5, "hello", 0, ""},
		{"no content", "GET", ct + "\r\n", 200, 0, "", 0, ""},
		{"status", "GET", "Status: 404 Not Found\n\nx", 404, 1, "x", 0, ""},
		{"length right", "GET", ct + "Content-Length: 5\r\n\r\nhello", 200, 5, "hello", 0, ""},
		{"length 0", "GET", ct + "Content-Length: 0\r\n\r\n", 200, 0, "", 0, ""},
		{"declared too long", "GET", ct + "Content-Length: 6\r\n\r\nhello", 0, 0, "", 502, ""},
		{"declared and nothing sent", "GET", ct + "Content-Length: 6\r\n\r\n", 0, 0, "", 502, ""},
		{"declared too short", "GET", ct + "Content-Length: 4\r\n\r\nhello", 200, 4, "hell", 0, "more than its Content-Length 4"},
		{"declared 0, something sent", "GET", ct + "Content-Length: 0\r\n\r\nhello", 200, 0, "", 0, "more than its Content-Length 0"},
		{"HEAD", "HEAD", ct + "\r\n", 200, -1, "", 0, ""},
		{"HEAD with length", "HEAD", ct + "Content-Length: 1000\r\n\r\n", 200, 1000, "", 0, ""},
		{"304 with length", "GET", "Status: 304\r\nContent-Length: 1000\r\n\r\n", 304, 1000, "", 0, ""},
		{"204", "GET", "Status: 204\r\n\r\n", 204, -1, "", 0, ""},
		{"redirect", "GET", "Location: http://x/\r\n\r\n", 302, 0, "", 0, ""},
		{"no head", "GET", "", 0, 0, "", 502, ""},
		{"half a head", "GET", ct, 0, 0, "", 502, ""},
		{"no head but content", "GET", "<html>\n\n", 0, 0, "", 502, ""},
		{"bad status", "GET", "Status: abc\r\n\r\nhello", 0, 0, "", 502, ""},
		{"100 kB", "GET", ct + "Content-Length: 100000\r\n\r\n" + big, 200, 100_000, big, 0, ""},
	}
	engines(t, func(t *testing.T, e loop.Engine) {
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				f := start(t, e, whole(health(func(p *peer, q *request) bool { p.reply(q, tt.answer); return true })), settings{})
				c := f.client(tt.method, "x")
				f.on(func() { c.r.Start(false) })
				if tt.fails != 0 {
					if c.fails(tt.fails); c.heads > 0 {
						t.Error("the client got a head first")
					}
				} else if c.gets(tt.status, tt.body); c.length != tt.length {
					t.Errorf("length %d, want %d", c.length, tt.length)
				}
				if logged := fmt.Sprint(c.troubles); (len(c.troubles) > 0) != (tt.log != "") || !strings.Contains(logged, tt.log) {
					t.Errorf("logged %v, want %q", logged, tt.log)
				}
				f.healthy()
				if n := f.accepted.Load(); n != 1 {
					t.Errorf("%d connections; the worker should have been kept", n)
				}
			})
		}
	})
}

// What comes later than the first part is passed on as it comes.
func TestResponseInPieces(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		next := make(chan struct{})
		f := start(t, e, whole(health(func(p *peer, q *request) bool {
			p.out(q, "Content-Type: text/plain\r\n")
			p.out(q, "X: y\r\n\r\n")
			for i := range 3 {
				p.out(q, fmt.Sprint("piece ", i, "\n"))
				<-next
			}
			p.end(q)
			return true
		})), settings{})
		for range 2 {
			c := f.get("x")
			for i := range 3 {
				f.eventually("the piece arrives while the script works", func() bool { return strings.HasSuffix(c.body.String(), fmt.Sprint("piece ", i, "\n")) })
				next <- struct{}{}
			}
			if c.gets(200, "piece 0\npiece 1\npiece 2\n"); c.length != -1 || c.fields != "Content-Type: text/plain\nX: y\n" {
				t.Errorf("length %d, fields %q", c.length, c.fields)
			}
		}
		f.healthy()
	})
}

// Unbuffered: the head goes at once, and a stream may outlast the limit as long
// as it says something.
func TestUnbuffered(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		next := make(chan struct{})
		f := start(t, e, whole(health(func(p *peer, q *request) bool {
			p.out(q, "Content-Type: text/event-stream\r\n\r\n")
			<-next
			for range 10 {
				time.Sleep(20 * time.Millisecond)
				p.out(q, "data\n")
			}
			p.end(q)
			return true
		})), settings{time: 150 * time.Millisecond})
		c := f.get("x")
		f.eventually("the head arrives before any content", func() bool { return c.heads == 1 && c.body.Len() == 0 })
		next <- struct{}{}
		if c.gets(200, strings.Repeat("data\n", 10)); c.length != -1 || c.pieces < 5 {
			t.Errorf("length %d, %d pieces", c.length, c.pieces)
		}
		f.healthy()
	})
}

// A response that breaks off never looks complete.
func TestResponseBreaksOff(t *testing.T) {
	tests := []struct {
		name string
		head string
		rest func(p *peer, q *request) bool
	}{
		{"shorter than declared", "Content-Length: 10\r\n\r\nhello", func(p *peer, q *request) bool { p.end(q); return true }},
		{"backend dies", "A: 1\r\n\r\nhello", func(*peer, *request) bool { return false }},
		{"END_REQUEST says overloaded", "A: 1\r\n\r\nhello", func(p *peer, q *request) bool {
			_, _ = p.Write(fcgi.AppendEndRequest(nil, q.id, 0, fcgi.Overloaded))
			return true
		}},
		{"another request's record", "A: 1\r\n\r\nhello", func(p *peer, q *request) bool { p.end(&request{id: q.id + 1}); return true }},
	}
	engines(t, func(t *testing.T, e loop.Engine) {
		for _, tt := range tests {
			for _, late := range []bool{false, true} { // after the client got the head, or not
				t.Run(fmt.Sprint(tt.name, " late ", late), func(t *testing.T) {
					next := make(chan struct{}, 1)
					f := start(t, e, whole(health(func(p *peer, q *request) bool {
						p.out(q, tt.head)
						if late {
							<-next
						}
						return tt.rest(p, q)
					})), settings{})
					c := f.get("x")
					if late {
						f.eventually("the client gets the beginning", func() bool { return c.body.String() == "hello" })
						next <- struct{}{}
					}
					c.wait()
					if c.failure == nil || c.failure.Status < 500 || (late && c.heads != 1) || (!late && tt.name != "another request's record" && c.heads+c.body.Len() > 0) {
						t.Errorf("heads %d, body %q, failure %+v, ended %v", c.heads, c.body.String(), c.failure, c.ended)
					}
					f.healthy()
				})
			}
		}
	})
}

func TestProtocolStatus(t *testing.T) {
	for status, want := range map[fcgi.ProtocolStatus]int{fcgi.Overloaded: 503, fcgi.CantMpxConn: 502, fcgi.UnknownRole: 502} {
		f := start(t, loop.Auto, whole(health(func(p *peer, q *request) bool {
			_, _ = p.Write(fcgi.AppendEndRequest(nil, q.id, 0, status))
			return true
		})), settings{})
		c := f.get("x").fails(want)
		if (c.failure.RetryAfter > 0) != (want == 503) || !strings.Contains(c.failure.Err.Error(), status.String()) {
			t.Errorf("%v: %+v", status, c.failure)
		}
		f.healthy()
	}
}

func TestStderr(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		f := start(t, e, whole(health(func(p *peer, q *request) bool {
			switch {
			case q.is("only"):
				p.stderr(q, "PHP Fatal error: x\n")
				p.end(q)
			case q.is("both"):
				p.stderr(q, "PHP Warning: 1\n")
				p.out(q, "A: 1\r\n\r\nhello")
				p.stderr(q, "PHP Warning: 2\n")
				p.end(q)
			case q.is("much"):
				p.stderr(q, strings.Repeat("x", stderrBytesMax+100))
				p.stderr(q, "y")
				p.reply(q, "A: 1\r\n\r\nhello")
			case q.is("dies"):
				p.stderr(q, "bye\n")
				return false
			}
			return true
		})), settings{})
		if c := f.get("only").fails(502); c.stderr != "PHP Fatal error: x\n" || !errors.Is(c.failure.Err, errNoHead) {
			t.Errorf("%q %v", c.stderr, c.failure.Err)
		}
		if c := f.get("both").gets(200, "hello"); c.stderr != "PHP Warning: 1\nPHP Warning: 2\n" || c.lost != 0 {
			t.Errorf("%q", c.stderr)
		}
		if c := f.get("much").gets(200, "hello"); len(c.stderr) != stderrBytesMax || c.lost != 101 {
			t.Errorf("%d octets, %d lost", len(c.stderr), c.lost)
		}
		if c := f.get("dies").fails(502); c.stderr != "bye\n" {
			t.Errorf("%q", c.stderr)
		}
		f.healthy()
	})
}

// A client that takes the answer over hears nothing more; the worker ends its
// script and serves the next.
func TestIntercept(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		f := start(t, e, whole(health(func(p *peer, q *request) bool {
			p.stderr(q, "before\n")
			p.out(q, "X-Sendfile: /srv/f\r\n\r\n")
			p.out(q, strings.Repeat("x", 200_000))
			p.stderr(q, "after\n")
			p.end(q)
			return true
		})), settings{})
		for range 3 {
			c := f.client("GET", "x")
			c.takes = true
			f.on(func() { c.r.Start(false) })
			if c.wait(); !c.taken || c.heads > 0 || !strings.HasPrefix(c.stderr, "before\n") {
				t.Errorf("%+v", c)
			}
		}
		f.healthy()
		if n := f.accepted.Load(); n != 1 {
			t.Errorf("%d connections", n)
		}
	})
}

// A client that reads nothing does not hold the worker, and gets every octet in
// its order in the end.
func TestSlowClientFreesTheWorker(t *testing.T) {
	const size = 10 << 20
	big := random(size)
	for memory, declared := range map[int64]bool{32 << 20: false, 100 << 10: true} {
		t.Run(fmt.Sprint("declared ", declared, " memory ", memory), func(t *testing.T) {
			engines(t, func(t *testing.T, e loop.Engine) {
				f := start(t, e, whole(health(func(p *peer, q *request) bool {
					head := "A: 1\r\n\r\n"
					if declared {
						head = fmt.Sprintf("Content-Length: %d\r\n\r\n", size)
					}
					p.reply(q, head+big)
					return true
				})), settings{memory: memory})
				c := f.client("GET", "x")
				c.room = 100_000
				f.on(func() { c.r.Start(false) })
				other := f.get("healthy") // the only worker is free for it
				other.gets(200, "healthy")
				f.on(func() {
					if c.over || c.body.Len() > 2_000_000 {
						t.Errorf("the slow client got %d octets, over %v", c.body.Len(), c.over)
					}
				})
				r := rand.New(rand.NewSource(1))
				f.eventually("the slow client gets all", func() bool {
					for i := 0; i < 8 && !c.over; i++ {
						c.full, c.room = false, 1+r.Intn(200_000)
						c.r.Resume()
					}
					return c.over
				})
				c.gets(200, big)
				if want := memory == 100<<10; (c.files > 0) != want {
					t.Errorf("%d pieces came from a file", c.files)
				}
				f.healthy()
			})
		})
	}
}

// A stream is not spooled: its script waits for the client.
func TestSlowClientOfAStream(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		big := random(6 << 20)
		f := start(t, e, whole(health(func(p *peer, q *request) bool {
			p.reply(q, "X-Accel-Buffering: no\r\n\r\n"+big)
			return true
		})), settings{})
		c := f.client("GET", "x")
		c.room = 100_000
		f.on(func() { c.r.Start(false) })
		f.eventually("the client is full", func() bool { return c.full })
		time.Sleep(30 * time.Millisecond)
		f.on(func() {
			if n := c.r.out.Size(); n > 1<<20 {
				t.Errorf("%d octets of a stream were spooled", n)
			}
		})
		f.eventually("the slow client gets all", func() bool {
			if !c.over {
				c.full, c.room = false, 150_000
				c.r.Resume()
			}
			return c.over
		})
		c.gets(200, big)
		f.healthy()
	})
}

// The disk fails under a spooled response: it breaks off, and the worker lives.
func TestResponseSpoolFails(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		f := start(t, e, whole(health(func(p *peer, q *request) bool {
			p.reply(q, "A: 1\r\n\r\n"+random(3<<20))
			return true
		})), settings{memory: 1, dir: "/nonexistent/sluice"})
		c := f.client("GET", "x")
		c.room = 1000
		f.on(func() { c.r.Start(false) })
		if c.fails(507); c.heads != 1 {
			t.Errorf("%d heads", c.heads)
		}
		f.healthy()
	})
}
