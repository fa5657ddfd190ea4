package gateway

import (
	"bytes"
	"fmt"
	"io"
	"math/rand"
	"net"
	"net/http"
	nethttpfcgi "net/http/fcgi"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sluice/fcgi"
	"sluice/loop"
)

// goServer is Go's own FastCGI server.
type goServer struct {
	net.Listener
	accepted atomic.Int32
	now      atomic.Int32 // requests inside
	most     atomic.Int32
	handler  http.HandlerFunc
}

func (g *goServer) Accept() (net.Conn, error) {
	c, err := g.Listener.Accept()
	if err == nil {
		g.accepted.Add(1)
	}
	return c, err
}

// ServeHTTP answers what healthy asks, and leaves the rest to handler.
func (g *goServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n := g.now.Add(1)
	defer g.now.Add(-1)
	for m := g.most.Load(); n > m && !g.most.CompareAndSwap(m, n); m = g.most.Load() {
	}
	w.Header().Set("Content-Type", "text/plain")
	if r.URL.RawQuery == "healthy" {
		_, _ = io.WriteString(w, "healthy")
		return
	}
	g.handler(w, r)
}

func newGoServer(t *testing.T, handler http.HandlerFunc) *goServer {
	t.Helper()
	dir, err := os.MkdirTemp("", "gw") //nolint:usetesting // t.TempDir may be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	ln, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	g := &goServer{Listener: ln, handler: handler}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = nethttpfcgi.Serve(g, g)
	}()
	t.Cleanup(func() {
		_ = ln.Close()
		<-done
	})
	return g
}

func (g *goServer) server() fcgi.Server {
	return fcgi.Server{Network: "unix", Address: g.Addr().String(), Conns: 1, Mux: fcgi.MuxAuto, Requests: 600}
}

// transformed is what the handlers below make of content.
func transformed(b []byte, token string) []byte {
	out := bytes.Clone(b)
	for i := range out {
		out[i] ^= token[i%len(token)]
	}
	return out
}

// Hundreds of requests at once on one connection, 64 KiB each way, some of them
// given up at any moment: everybody gets his own answer, and nothing is left.
func TestGoServerManyAtOnce(t *testing.T) {
	t.Run("content in memory", func(t *testing.T) { manyAtOnce(t, 0) })
	t.Run("content in files", func(t *testing.T) { manyAtOnce(t, 1) })
}

func manyAtOnce(t *testing.T, memory int64) {
	engines(t, func(t *testing.T, e loop.Engine) {
		const together = 300
		var gate sync.WaitGroup
		gate.Add(together)
		g := newGoServer(t, func(w http.ResponseWriter, r *http.Request) {
			token := r.URL.RawQuery
			if strings.HasPrefix(token, "all-") {
				gate.Done()
				gate.Wait() // until all are inside
			}
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return // aborted
			}
			out := transformed(body, token)
			for len(out) > 0 {
				n := 1 + (len(out)+int(token[len(token)-1]))%9000
				n = min(n, len(out))
				_, _ = w.Write(out[:n])
				out = out[n:]
			}
		})
		f := startOn(t, e, fcgi.Options{Servers: []fcgi.Server{g.server()}}, settings{memory: memory})
		var all []*client
		for i := range together {
			all = append(all, f.get(fmt.Sprint("all-", i)))
		}
		for _, c := range all {
			c.gets(200, "")
		}
		r := rand.New(rand.NewSource(3))
		for round := range 3 {
			var list []*client
			var want []string
			for i := range 150 {
				token := fmt.Sprintf("t%d-%d", round, i)
				content := random(60_000 + r.Intn(8000))
				c := f.post(token, []byte(content))
				if r.Intn(6) == 0 {
					f.giveUp(c, time.Duration(r.Intn(3000))*time.Microsecond)
					continue
				}
				list = append(list, c)
				want = append(want, string(transformed([]byte(content), token)))
			}
			for i, c := range list {
				c.gets(200, want[i])
			}
		}
		f.healthyShared()
		if n, m := g.accepted.Load(), g.most.Load(); n != 1 || m < together {
			t.Errorf("%d connections, want 1; %d requests at once, want %d", n, m, together)
		}
	})
}

// giveUp makes a client go away after a while, if it has no answer by then.
func (f *fixture) giveUp(c *client, after time.Duration) {
	time.AfterFunc(after, func() {
		f.l.Post(func() {
			if !c.over {
				c.gone()
			}
		})
	})
}

// healthyShared is healthy for a backend whose connection is shared: also those
// that have gone must be off it.
func (f *fixture) healthyShared() {
	f.t.Helper()
	f.eventually("nothing waits", func() bool { return f.pool.Waiting() == 0 })
	f.healthy()
}

// A client that reads nothing stalls nobody else, and gets all in the end.
func TestSharedSlowClient(t *testing.T) {
	big := random(6 << 20)
	engines(t, func(t *testing.T, e loop.Engine) {
		for _, head := range []string{"", "no"} { // X-Accel-Buffering
			g := newGoServer(t, func(w http.ResponseWriter, _ *http.Request) {
				if head != "" {
					w.Header().Set("X-Accel-Buffering", head)
				}
				_, _ = io.WriteString(w, big)
			})
			f := startOn(t, e, fcgi.Options{Servers: []fcgi.Server{g.server()}}, settings{memory: 100 << 10})
			c := f.client("GET", "x")
			c.room = 100_000
			f.on(func() { c.r.Start(false) })
			f.eventually("the client is full", func() bool { return c.full })
			for range 20 {
				f.get("healthy").gets(200, "healthy")
			}
			f.on(func() {
				if c.over || c.body.Len() > 1<<20 {
					t.Errorf("the slow client got %d octets, over %v", c.body.Len(), c.over)
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
			f.healthyShared()
			if n := g.accepted.Load(); n != 1 {
				t.Errorf("%d connections", n)
			}
		}
	})
}

// One that is too far behind is broken off, and the connection lives.
func TestSharedClientTooFarBehind(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		big := random(8 << 20)
		g := newGoServer(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, big) })
		f := startOn(t, e, fcgi.Options{Servers: []fcgi.Server{g.server()}}, settings{shared: 1 << 20})
		c := f.client("GET", "x")
		c.room = 1000
		f.on(func() { c.r.Start(false) })
		if c.fails(502); c.heads != 1 || !strings.Contains(c.failure.Err.Error(), "behind") {
			t.Errorf("heads %d, %v", c.heads, c.failure.Err)
		}
		f.get("x").gets(200, big)
		f.healthyShared()
		if n := g.accepted.Load(); n != 1 {
			t.Errorf("%d connections", n)
		}
	})
}

// A request past its limit is aborted; the others on its connection go on.
func TestSharedRequestTime(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		stop := make(chan struct{})
		g := newGoServer(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.RawQuery == "stuck" {
				<-stop
				_, _ = io.WriteString(w, "secret") // nobody's any more
				return
			}
			time.Sleep(50 * time.Millisecond)
			_, _ = io.WriteString(w, r.URL.RawQuery)
		})
		f := startOn(t, e, fcgi.Options{Servers: []fcgi.Server{g.server()}}, settings{time: 2 * time.Second})
		stuck := f.get("stuck")
		var list []*client
		for i := range 20 {
			list = append(list, f.get(fmt.Sprint("t", i)))
		}
		for i, c := range list {
			c.gets(200, fmt.Sprint("t", i))
		}
		stuck.fails(504)
		close(stop)
		for i := range 20 {
			f.get(fmt.Sprint("u", i)).gets(200, fmt.Sprint("u", i))
		}
		f.healthyShared()
		if n := g.accepted.Load(); n != 1 {
			t.Errorf("%d connections", n)
		}
	})
}

// A shared connection that breaks: what is safe is sent again where that is
// allowed, the rest fails.
func TestSharedConnectionBreaks(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		var broken atomic.Bool
		var ran atomic.Int32
		b := newBackend(t, func(p *peer) { // takes three requests, then breaks, once
			var list []*request
			for {
				q, err := p.begin()
				if err != nil || p.stdin(q) != nil {
					return
				}
				if q.is("healthy") || broken.Load() {
					ran.Add(1)
					p.reply(q, "A: 1\r\n\r\n"+q.params["QUERY_STRING"])
					continue
				}
				if list = append(list, q); len(list) == 3 {
					p.out(list[0], "A: 1\r\n\r\nhalf of it")
					broken.Store(true)
					return
				}
			}
		})
		f := startOn(t, e, fcgi.Options{Servers: []fcgi.Server{{Network: "unix", Address: b.addr, Conns: 1, Mux: fcgi.MuxOn}}}, settings{retries: 2})
		get1, get2, post := f.get("a"), f.get("b"), f.client("POST", "c")
		f.on(func() { post.r.Start(false) })
		get1.gets(200, "a")
		get2.gets(200, "b")
		post.fails(502)
		f.healthyShared()
		if n := ran.Load(); n != 3 {
			t.Errorf("%d requests were run after the break, want 3", n)
		}
	})
}

// Turned away by CANT_MPX_CONN or OVERLOADED: sent again, whatever the method,
// with all of its content.
func TestTurnedAway(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		for _, status := range []fcgi.ProtocolStatus{fcgi.CantMpxConn, fcgi.Overloaded} {
			var ran, away atomic.Int32
			odd := newBackend(t, whole(func(p *peer, q *request) bool {
				// After CANT_MPX_CONN it has one request at a time.
				if n := away.Add(1); n == 1 || (n < 10 && status == fcgi.Overloaded) {
					_, _ = p.Write(fcgi.AppendEndRequest(nil, q.id, 0, status))
					return true
				}
				ran.Add(1)
				return health(echoStdin)(p, q)
			}))
			good := newBackend(t, whole(health(func(p *peer, q *request) bool {
				ran.Add(1)
				return echoStdin(p, q)
			})))
			servers := []fcgi.Server{{Network: "unix", Address: odd.addr, Conns: 1, Mux: fcgi.MuxOn}, {Network: "unix", Address: good.addr, Conns: 1}}
			f := startOn(t, e, fcgi.Options{Servers: servers}, settings{})
			content := random(100_000)
			for range 20 {
				f.post("x", []byte(content)).gets(200, "100000:"+content)
			}
			if ran.Load() != 20 || away.Load() < 2 {
				t.Errorf("%v: %d requests were run, %d turned away", status, ran.Load(), away.Load())
			}
			f.healthyShared()
		}
	})
}

// One server that is overloaded: 503 with Retry-After, not run again.
func TestOverloadedAlone(t *testing.T) {
	var away atomic.Int32
	f := start(t, loop.Auto, whole(health(func(p *peer, q *request) bool {
		away.Add(1)
		_, _ = p.Write(fcgi.AppendEndRequest(nil, q.id, 0, fcgi.Overloaded))
		return true
	})), settings{})
	if c := f.get("x").fails(503); c.failure.RetryAfter == 0 || away.Load() != 1 {
		t.Errorf("%+v, %d times", c.failure, away.Load())
	}
	f.healthy()
}

// The disk fails under a response that is spooled: it breaks off, and the
// connection lives.
func TestSharedSpoolFails(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		big := random(3 << 20)
		g := newGoServer(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, big) })
		f := startOn(t, e, fcgi.Options{Servers: []fcgi.Server{g.server()}}, settings{memory: 1, dir: "/nonexistent/sluice"})
		c := f.client("GET", "x")
		c.room = 1000
		f.on(func() { c.r.Start(false) })
		if c.fails(507); c.heads != 1 {
			t.Errorf("%d heads", c.heads)
		}
		f.get("x").gets(200, big)
		f.healthyShared()
		if n := g.accepted.Load(); n != 1 {
			t.Errorf("%d connections", n)
		}
	})
}
