package gateway

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sluice/fcgi"
	"sluice/loop"
	"sluice/message"
)

// echoStdin answers with the content and what CONTENT_LENGTH said.
func echoStdin(p *peer, q *request) bool {
	p.reply(q, "A: 1\r\n\r\n"+q.params["CONTENT_LENGTH"]+":"+string(q.stdin))
	return true
}

func TestContentArrivesExact(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		for _, memory := range []int64{32 << 20, 1} { // from memory, from a file
			f := start(t, e, whole(health(echoStdin)), settings{memory: memory})
			for _, n := range []int{0, 1, 4095, 4096, 32768, 65527, 65528, 65529, 131056, 3 << 20} {
				content := random(n)
				want := strconv.Itoa(n) + ":" + content
				f.post("x", []byte(content)).gets(200, want) // in one piece, the disk still at work

				c := f.client("POST", "x") // in small ones
				f.on(func() { c.r.Start(true) })
				r := rand.New(rand.NewSource(int64(n)))
				for rest := []byte(content); len(rest) > 0; {
					f.on(func() {
						for range 4 {
							k := min(1+r.Intn(100_000), len(rest))
							piece := bytes.Clone(rest[:k])
							c.r.Content(piece)
							clear(piece) // the gateway has copied it
							rest = rest[k:]
						}
					})
				}
				f.on(c.r.ContentEnd)
				c.gets(200, want)
			}
			f.healthy()
			if k := f.accepted.Load(); k != 1 {
				t.Errorf("%d connections; each request ended well", k)
			}
		}
	})
}

// No worker is taken before the content is complete.
func TestContentIsSpooledFirst(t *testing.T) {
	f := start(t, loop.Auto, whole(health(echoStdin)), settings{})
	c := f.client("POST", "x")
	f.on(func() {
		c.r.Start(true)
		c.r.Content([]byte("ab"))
	})
	time.Sleep(10 * time.Millisecond)
	if n := f.pool.InUse(); n != 0 {
		t.Errorf("%d connections while the content is arriving", n)
	}
	f.on(func() {
		c.r.Content([]byte("c"))
		c.r.ContentEnd()
		c.r.Content([]byte("late")) // does not count
		c.r.ContentEnd()
	})
	c.gets(200, "3:abc")
	f.healthy()
}

// A client that sends quicker than the disk writes is asked to wait.
func TestContentIsPaused(t *testing.T) {
	f := start(t, loop.Auto, whole(health(echoStdin)), settings{memory: 1})
	c := f.client("POST", "x")
	piece := random(300_000)
	sent := 0
	send := func() {
		for was := c.pauses; c.pauses == was && sent < 20; sent++ {
			c.r.Content([]byte(piece))
		}
		if sent == 20 {
			sent++
			c.r.ContentEnd()
		}
	}
	c.onResume = send
	f.on(func() {
		c.r.Start(true)
		send()
		if sent > 4 {
			t.Errorf("%d pieces of 300 kB were taken in one turn", sent)
		}
	})
	c.gets(200, "6000000:"+strings.Repeat(piece, 20))
	if c.pauses == 0 || c.resumes == 0 {
		t.Errorf("%d pauses, %d resumes", c.pauses, c.resumes)
	}
	f.healthy()
}

func TestParamsOfARequest(t *testing.T) {
	f := start(t, loop.Auto, whole(func(p *peer, q *request) bool {
		p.reply(q, fmt.Sprintf("A: 1\r\n\r\n%s %s %s %q", q.params["GATEWAY_INTERFACE"], q.params["REQUEST_METHOD"], q.params["QUERY_STRING"], q.params["CONTENT_LENGTH"]))
		return true
	}), settings{})
	f.get("healthy").gets(200, `CGI/1.1 GET healthy ""`)
	f.post("a=b", nil).gets(200, `CGI/1.1 POST a=b "0"`)
	big := strings.Repeat("q", 70_000) // PARAMS longer than a record
	f.get(big).gets(200, `CGI/1.1 GET `+big+` ""`)
}

// A script that ends before it has got all of its content: its answer is good,
// its connection is not used again.
// Names that another could be mistaken for are dropped, and that is said.
func TestDroppedFieldsAreTold(t *testing.T) {
	f := start(t, loop.Auto, whole(health(echoStdin)), settings{})
	c := f.client("GET", "x")
	c.req.Fields = []message.Field{{Name: []byte("Remote_User"), Value: []byte("root")}, {Name: []byte("X-Ok"), Value: []byte("1")}}
	f.on(func() { c.r.Start(false) })
	c.wait()
	if c.droppedFields != 1 {
		t.Errorf("%d dropped field lines told, want 1", c.droppedFields)
	}
}

func TestEndWhileContentIsSent(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		for _, memory := range []int64{32 << 20, 1} {
			f := start(t, e, func(p *peer) {
				for {
					q, err := p.begin()
					if err != nil {
						return
					}
					if q.is("early") {
						p.reply(q, "A: 1\r\n\r\nenough")
						_, _ = p.r.ReadByte() // php reads no further, and waits
						time.Sleep(20 * time.Millisecond)
						return
					}
					if p.stdin(q) != nil {
						return
					}
					health(echoStdin)(p, q)
				}
			}, settings{memory: memory})
			for range 5 {
				f.post("early", make([]byte, 5<<20)).gets(200, "enough")
				f.post("x", []byte("abc")).gets(200, "3:abc")
			}
			f.healthy()
		}
	})
}

// A kept connection that its worker closes when the next request comes: sent
// again where that is safe, and once only.
func TestRetry(t *testing.T) {
	tests := []struct {
		method  string
		dies    string // what of its connections
		after   time.Duration
		partial string
		good    bool
	}{
		{"GET", "kept", 0, "", true},
		{"HEAD", "kept", 0, "", true},
		{"OPTIONS", "kept", 0, "", true},
		{"POST", "kept", 0, "", false},
		{"PUT", "kept", 0, "", false},
		{"DELETE", "kept", 0, "", false},
		{"GET", "all", 0, "", false},
		{"GET", "kept", 2 * staleTime, "", false}, // the script had begun
		{"GET", "kept", 0, "A: 1\r\n", false},     // it had said something
	}
	engines(t, func(t *testing.T, e loop.Engine) {
		for _, tt := range tests {
			t.Run(fmt.Sprintf("%s %s %v %q", tt.method, tt.dies, tt.after, tt.partial), func(t *testing.T) {
				var ran, odd atomic.Int32
				f := start(t, e, whole(health(func(p *peer, q *request) bool {
					if q.is("first") {
						p.reply(q, "A: 1\r\n\r\nfirst")
						return true
					}
					ran.Add(1)
					if tt.dies == "all" || p.served > 0 {
						odd.Add(1)
						time.Sleep(tt.after)
						if tt.partial != "" {
							p.out(q, tt.partial)
						}
						return false
					}
					p.reply(q, "A: 1\r\n\r\nagain")
					return true
				})), settings{conns: 3})
				f.get("first").gets(200, "first")
				c := f.client(tt.method, "x")
				f.on(func() { c.r.Start(false) })
				if tt.good {
					c.gets(200, "again")
				} else {
					c.fails(502)
				}
				want := int32(1)
				if tt.good || tt.dies == "all" {
					want = 2
				}
				if ran.Load() != want {
					t.Errorf("the request reached a worker %d times, want %d", ran.Load(), want)
				}
				f.healthy()
			})
		}
	})
}

// A kept connection that was closed before it was used: nothing was accepted, so
// every method is served, with all of its content.
func TestKeptConnectionWasClosed(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		var last atomic.Pointer[peer]
		f := start(t, e, whole(health(func(p *peer, q *request) bool {
			last.Store(p)
			return echoStdin(p, q)
		})), settings{})
		content := []byte(random(200_000))
		for i := range 20 {
			f.get("x").gets(200, ":")
			c := f.client([]string{"GET", "POST"}[i%2], "x")
			f.on(func() {
				_ = last.Load().Close()
				c.r.Start(true)
				c.r.Content(content)
				c.r.ContentEnd()
			})
			c.gets(200, "200000:"+string(content))
		}
		f.healthy()
	})
}

// The limit: the worker is ended by the hook, the client gets 504, and others go
// on meanwhile.
func TestRequestTime(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		for _, begun := range []bool{false, true} {
			killed := make(chan struct{}, 1)
			f := start(t, e, whole(health(func(p *peer, q *request) bool {
				if begun {
					p.out(q, "A: 1\r\n\r\nhello")
				}
				<-killed
				p.out(q, "maximum execution time exceeded")
				p.end(q)
				return true
			})), settings{conns: 2, time: 80 * time.Millisecond, kill: func(fcgi.Server, uintptr) (func(), error) {
				killed <- struct{}{}
				return func() { t.Error("the worker was ended by force") }, nil
			}})
			began := time.Now()
			c := f.get("x")
			f.get("healthy").gets(200, "healthy")
			if c.fails(504); (c.heads > 0) != begun || strings.Contains(c.body.String(), "exceeded") {
				t.Errorf("%d heads, body %q", c.heads, c.body.String())
			}
			if d := time.Since(began); d < 70*time.Millisecond || d > time.Second {
				t.Errorf("after %v", d)
			}
			f.healthy()
		}
	})
}

// A request that waits is not limited by RequestTime but by the queue.
func TestRefused(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		next := make(chan struct{})
		f := start(t, e, whole(health(func(p *peer, q *request) bool {
			<-next
			p.reply(q, "A: 1\r\n\r\nx")
			return true
		})), settings{queue: 50 * time.Millisecond})
		busy := f.get("x")
		f.eventually("the worker is taken", func() bool { return f.pool.InUse() == 1 && f.pool.Waiting() == 0 })
		if c := f.get("y").fails(503); c.failure.RetryAfter == 0 || !errors.Is(c.failure.Err, fcgi.ErrQueueTime) {
			t.Errorf("%+v", c.failure)
		}
		down := errors.New("php-cgi does not start")
		f.pool.SetDown(down)
		if c := f.get("z").fails(503); c.failure.RetryAfter == 0 || !errors.Is(c.failure.Err, down) {
			t.Errorf("%+v", c.failure)
		}
		f.pool.SetDown(nil)
		next <- struct{}{}
		busy.gets(200, "x")
		f.healthy()
		f.pool.SetServers([]fcgi.Server{{Network: "unix", Address: f.addr + "-gone", Conns: 1}})
		if c := f.get("w").fails(502); c.failure.RetryAfter != 0 {
			t.Errorf("%+v", c.failure)
		}
	})
}

// The disk fails under the content: 507 while it arrives; later the worker is
// ended, for half a content must not be taken for all; and a client that has
// gone is not told.
func TestContentSpoolFails(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		for _, at := range []string{"collecting", "running", "gone", "queued"} {
			t.Run(at, func(t *testing.T) {
				var kills, ran atomic.Int32
				f := start(t, e, whole(health(func(p *peer, q *request) bool {
					if q.is("busy") {
						time.Sleep(30 * time.Millisecond)
					} else {
						ran.Add(1)
					}
					p.reply(q, "A: 1\r\n\r\nx")
					return true
				})), settings{memory: 1, dir: "/nonexistent/sluice", kill: func(fcgi.Server, uintptr) (func(), error) {
					kills.Add(1)
					return nil, errors.New("no such worker")
				}})
				f.get("warm up").gets(200, "x") // so that a connection is granted at once
				ran.Store(0)
				if at == "queued" {
					busy := f.get("busy")
					f.eventually("the worker is taken", func() bool { return busy.r.state == running })
				}
				c := f.client("POST", "x")
				f.on(func() {
					c.r.Start(true)
					c.r.Content(make([]byte, 100_000))
					if at != "collecting" {
						c.r.ContentEnd()
					}
					if at == "gone" {
						c.gone()
					}
				})
				if at == "gone" {
					f.eventually("the worker is ended", func() bool { return kills.Load() == 1 })
				} else {
					c.fails(507)
				}
				f.healthy()
				if ran.Load() != 0 {
					t.Error("a script got half of its content")
				}
				if want := at == "gone" || at == "running"; (kills.Load() == 1) != want {
					t.Errorf("Kill was called %d times", kills.Load())
				}
			})
		}
	})
}

// Many requests with everything at random: each gets its own answer.
func TestManyAtOnce(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		f := start(t, e, whole(health(func(p *peer, q *request) bool {
			token := q.params["QUERY_STRING"]
			n, _ := strconv.Atoi(token[strings.LastIndexByte(token, '-')+1:])
			answer := token + ":" + string(q.stdin) + strings.Repeat(token, n)
			p.out(q, "A: "+token+"\r\n\r\n"+answer[:len(answer)/2])
			if n%7 == 0 {
				time.Sleep(time.Millisecond)
			}
			p.reply(q, answer[len(answer)/2:])
			return true
		})), settings{conns: 3, memory: 50_000, kill: noWorker})
		r := rand.New(rand.NewSource(1))
		for round := range 5 {
			var list []*client
			var want []string
			for i := range 25 {
				n := []int{0, 1, 10, 1000, 20_000}[r.Intn(5)] + r.Intn(20)
				token := fmt.Sprintf("t%d-%d-%d", round, i, n)
				if i%5 == 4 {
					c := f.get(token)
					f.on(func() {
						if !c.over {
							c.gone()
						}
					})
					continue
				}
				if i%2 == 0 {
					list = append(list, f.get(token))
					want = append(want, token+":"+strings.Repeat(token, n))
					continue
				}
				content := random(r.Intn(120_000))
				list = append(list, f.post(token, []byte(content)))
				want = append(want, token+":"+content+strings.Repeat(token, n))
			}
			for i, c := range list {
				c.gets(200, want[i])
			}
		}
		f.healthy()
	})
}
