package session

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/http/fcgi"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/yookoala/gofast"

	sfcgi "sluice/fcgi"
	"sluice/gateway"
	"sluice/spool"
)

func socket(t testing.TB) (net.Listener, string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "ss") //nolint:usetesting // t.TempDir may be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	path := filepath.Join(dir, "s")
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	return ln, path
}

// goBackend is Go's own FastCGI server.
func goBackend(t testing.TB, h http.Handler) string {
	t.Helper()
	ln, path := socket(t)
	done := make(chan struct{})
	go func() { defer close(done); _ = fcgi.Serve(ln, h) }()
	t.Cleanup(func() { _ = ln.Close(); <-done })
	return path
}

// transport is one to a backend on a Unix socket.
func transport(t testing.TB, path string, change func(o *Options)) *Transport {
	t.Helper()
	return transportTo(t, sfcgi.Options{Servers: []sfcgi.Server{{Network: "unix", Address: path, Conns: 16}}}, change)
}

func transportTo(t testing.TB, pool sfcgi.Options, change func(o *Options)) *Transport {
	t.Helper()
	opts := Options{Loops: 2, Backend: &gateway.Options{Pool: sfcgi.NewPool(pool), Store: &spool.Store{Dir: t.TempDir()}}}
	if change != nil {
		change(&opts)
	}
	tr, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tr.Close)
	return tr
}

// basic is a session that sets what a backend in Go needs.
var basic = gofast.Chain(gofast.BasicParamsMap, gofast.MapHeader)(gofast.BasicSession)

// ways are both kinds of handler over a transport.
func ways(t *testing.T, tr *Transport, sess gofast.SessionHandler, f func(t *testing.T, url string)) {
	t.Helper()
	for name, h := range map[string]http.Handler{
		"gofast's handler": gofast.NewHandler(sess, tr.Client),
		"ours":             tr.Handler(sess, nil),
	} {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewServer(h)
			defer s.Close()
			f(t, s.URL)
		})
	}
}

// shared is a transport that uses connections for many requests at once.
func shared(t testing.TB, path string) *Transport {
	t.Helper()
	return transportTo(t, sfcgi.Options{Servers: []sfcgi.Server{{Network: "unix", Address: path, Conns: 4, Mux: sfcgi.MuxAuto}}}, nil)
}

func get(t testing.TB, url string) (*http.Response, string) {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(b)
}

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			buf := make([]byte, 1<<20)
			t.Fatalf("never happened: %s\n%s", what, buf[:runtime.Stack(buf, true)])
		}
	}
}

// noLeak runs f and waits until there are no requests, connections and goroutines
// left but those that were there before. tr may be nil.
func noLeak(t *testing.T, tr *Transport, f func()) {
	t.Helper()
	before := runtime.NumGoroutine()
	f()
	if tr != nil {
		for _, p := range tr.places {
			eventually(t, "no request is left", func() bool {
				n := make(chan int)
				p.Loop.Post(func() { n <- len(p.live) })
				return <-n == 0
			})
			p.Loop.Post(p.Local.Close)
		}
		eventually(t, "no connection is left", func() bool { return tr.opts.Backend.Pool.InUse() == 0 })
	}
	http.DefaultClient.CloseIdleConnections()
	eventually(t, "goroutines end", func() bool { return runtime.NumGoroutine() <= before })
}

// wire is a request of any role as an independent server reads it.
type wire struct {
	id     uint16
	role   uint16
	params map[string]string
	stdin  []byte
	data   []byte
	stdins int // STDIN records
}

func readWire(r *bufio.Reader) (*wire, error) {
	q := &wire{params: map[string]string{}}
	var pairs []byte
	for {
		var h [8]byte
		if _, err := io.ReadFull(r, h[:]); err != nil {
			return nil, err
		}
		body := make([]byte, int(binary.BigEndian.Uint16(h[4:]))+int(h[6]))
		if _, err := io.ReadFull(r, body); err != nil {
			return nil, err
		}
		body = body[:len(body)-int(h[6])]
		last := map[uint16]byte{1: 5, 2: 4, 3: 8}[q.role]
		switch h[1] {
		case 1:
			q.id, q.role = binary.BigEndian.Uint16(h[2:]), binary.BigEndian.Uint16(body)
		case 4:
			pairs = append(pairs, body...)
		case 5:
			q.stdins++
			q.stdin = append(q.stdin, body...)
		case 8:
			q.data = append(q.data, body...)
		}
		if h[1] != last || len(body) > 0 {
			continue
		}
		for len(pairs) > 0 {
			name, value, n, err := sfcgi.ConsumePair(pairs)
			if err != nil {
				return nil, err
			}
			q.params[string(name)] = string(value)
			pairs = pairs[n:]
		}
		return q, nil
	}
}

// wireBackend answers requests of any role; what comes after serve's answer is
// for it to say.
func wireBackend(t testing.TB, serve func(q *wire) (stdout string, end bool)) string {
	t.Helper()
	ln, path := socket(t)
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer func() { _ = c.Close() }()
				for r := bufio.NewReader(c); ; {
					q, err := readWire(r)
					if err != nil {
						return
					}
					out, end := serve(q)
					b := sfcgi.AppendStream(nil, sfcgi.Stdout, q.id, []byte(out))
					if end {
						b = sfcgi.AppendEndRequest(b, q.id, 0, sfcgi.RequestComplete)
					}
					if _, err := c.Write(b); err != nil || !end {
						return
					}
				}
			})
		}
	})
	t.Cleanup(func() { _ = ln.Close() })
	return path
}
