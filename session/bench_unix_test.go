//go:build unix

package session

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/fcgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/yookoala/gofast"

	"sluice/cgi"
	sfcgi "sluice/fcgi"
	"sluice/gateway"
	"sluice/loop"
	"sluice/message"
	"sluice/spool"
)

const (
	backendEnv       = "SLUICE_SESSION_BACKEND" // the socket that a child serves
	benchConcurrency = 32
	benchChildren    = 8
)

// TestMain is the benchmark's backend where the environment says so.
func TestMain(m *testing.M) {
	path := os.Getenv(backendEnv)
	if path == "" {
		os.Exit(m.Run())
	}
	ln, err := net.Listen("unix", path)
	if err != nil {
		panic(err)
	}
	go func() { _, _ = io.Copy(io.Discard, os.Stdin); os.Exit(0) }() // the parent has gone
	_ = fcgi.Serve(ln, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		_, _ = io.WriteString(w, "hello world\n")
	}))
}

// goProcess is a Go backend in a process of its own.
func goProcess(b *testing.B) string {
	b.Helper()
	dir, err := os.MkdirTemp("", "ss") //nolint:usetesting // b.TempDir may be too long for a socket
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = os.RemoveAll(dir) })
	path := filepath.Join(dir, "s")
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), backendEnv+"="+path)
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = in.Close(); _ = cmd.Wait() })
	eventually(b, "the backend is there", func() bool { _, err := os.Stat(path); return err == nil })
	return path
}

// ownCPU is this process's so far, without its backends'.
func ownCPU(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// answer throws a response away, and knows whether it was right.
type answer struct {
	header http.Header
	status int
	n      int
}

func (a *answer) Header() http.Header         { return a.header }
func (a *answer) WriteHeader(status int)      { a.status = status }
func (a *answer) Write(p []byte) (int, error) { a.n += len(p); return len(p), nil }

// through has workers call a handler.
func through(b *testing.B, h http.Handler, path string) {
	var left atomic.Int64
	left.Store(int64(b.N))
	var wg sync.WaitGroup
	b.ReportAllocs()
	cpu := ownCPU(b)
	b.ResetTimer()
	for range benchConcurrency {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				a := &answer{header: http.Header{}}
				h.ServeHTTP(a, httptest.NewRequest("GET", path, nil))
				if a.status != 200 || a.n != len("hello world\n") {
					b.Errorf("status %d, %d octets", a.status, a.n)
					return
				}
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
	b.ReportMetric(float64((ownCPU(b)-cpu).Nanoseconds())/1e3/float64(b.N), "cpu-µs/request")
}

// asker is one of those that ask the gateway on its loop, as a site does.
type asker struct {
	lp   *gateway.Local
	env  cgi.Environment
	left *atomic.Int64
	bad  *atomic.Int64
	done func()
	r    *gateway.Request
	n    int
}

func (a *asker) ask() {
	if a.left.Add(-1) < 0 {
		a.done()
		return
	}
	a.n = 0
	a.r = a.lp.Begin(a)
	scratch := a.r.Env.Scratch
	a.r.Env = a.env
	a.r.Env.Scratch = scratch
	a.r.Start(false)
}

func (a *asker) Intercept(*cgi.Response) bool { return false }
func (a *asker) Head(res *cgi.Response, _ int64) {
	if res.Status != 200 {
		a.bad.Add(1)
	}
}
func (a *asker) Body(p []byte)                             { a.n += len(p) }
func (a *asker) BodyFile(f loop.FileRef, _ int64, _ int64) { f.Release() }
func (a *asker) Full() bool                                { return false }
func (a *asker) Fail(gateway.Failure)                      { a.bad.Add(1); a.ask() }
func (a *asker) PauseContent()                             {}
func (a *asker) ResumeContent()                            {}
func (a *asker) End() {
	if a.n != len("hello world\n") {
		a.bad.Add(1)
	}
	a.ask()
}

// direct asks the gateway on one loop.
func direct(b *testing.B, pool *sfcgi.Pool, script string) {
	opts := &gateway.Options{Pool: pool, Store: &spool.Store{Dir: b.TempDir()}}
	l, err := loop.New(loop.Auto)
	if err != nil {
		b.Fatal(err)
	}
	lp := opts.On(l)
	go func() { _ = l.Run() }()
	var left, bad atomic.Int64
	left.Store(int64(b.N))
	req := &message.Request{Method: []byte("GET"), Minor: 1, Fields: []message.Field{{Name: []byte("Host"), Value: []byte("example.com")}}}
	var wg sync.WaitGroup
	b.ReportAllocs()
	cpu := ownCPU(b)
	b.ResetTimer()
	l.Post(func() {
		for range benchConcurrency {
			wg.Add(1)
			a := &asker{lp: lp, left: &left, bad: &bad, done: wg.Done, env: cgi.Environment{
				Request: req, ServerName: []byte("example.com"), ServerPort: []byte("80"), RemoteAddr: []byte("192.0.2.1"), RemotePort: []byte("1234"),
				RequestURI: []byte("/hello.php"), ScriptName: []byte("/hello.php"), ScriptFilename: []byte(script), RedirectStatus: 200, ContentLength: -1,
			}}
			a.ask()
		}
	})
	posted := make(chan struct{})
	l.Post(func() { close(posted) })
	<-posted
	wg.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
	b.ReportMetric(float64((ownCPU(b)-cpu).Nanoseconds())/1e3/float64(b.N), "cpu-µs/request")
	if n := bad.Load(); n > 0 {
		b.Errorf("%d bad answers", n)
	}
	l.Post(lp.Close)
	l.Stop()
	<-l.Done()
}

// kept lends n gofast clients, each to one request at a time: the only way in
// which they may be used again.
func kept(n int, factory gofast.ClientFactory) gofast.ClientFactory {
	free := make(chan gofast.Client, n)
	var made atomic.Int32
	return func() (gofast.Client, error) {
		if made.Add(1) <= int32(n) {
			c, err := factory()
			return &lent{c, free}, err
		}
		return <-free, nil
	}
}

type lent struct {
	gofast.Client
	free chan gofast.Client
}

func (l *lent) Close() error { l.free <- l; return nil }

// BenchmarkClients is sluice's FastCGI client beside gofast's, with the same
// backends and 32 requests at a time.
func BenchmarkClients(b *testing.B) {
	for _, backend := range []struct {
		name  string
		start func(b *testing.B) (socket, root string)
		mux   sfcgi.Mux
	}{
		{"go", func(b *testing.B) (string, string) { return goProcess(b), "/srv" }, sfcgi.MuxAuto},
		{"php-fpm", func(b *testing.B) (string, string) {
			dir := startFPM(b, benchChildren)
			return filepath.Join(dir, "s"), dir
		}, sfcgi.MuxOff},
	} {
		b.Run(backend.name, func(b *testing.B) {
			socket, root := backend.start(b)
			sess := gofast.NewPHPFS(root)(gofast.BasicSession)
			pool := sfcgi.Options{Servers: []sfcgi.Server{{Network: "unix", Address: socket, Conns: benchChildren, Mux: backend.mux}}, KeepTime: time.Hour}
			dial := gofast.SimpleClientFactory(gofast.SimpleConnFactory("unix", socket))
			b.Run("sluice gateway, one loop", func(b *testing.B) { direct(b, sfcgi.NewPool(pool), filepath.Join(root, "hello.php")) })
			one := func(o *Options) { o.Loops = 1; o.Guard = Guard{} }
			b.Run("sluice session handler", func(b *testing.B) {
				tr := transportTo(b, pool, one)
				through(b, tr.Handler(sess, nil), "/hello.php")
				tr.Close()
			})
			b.Run("gofast handler on sluice's client", func(b *testing.B) {
				tr := transportTo(b, pool, one)
				through(b, gofast.NewHandler(sess, tr.Client), "/hello.php")
				tr.Close()
			})
			b.Run(fmt.Sprintf("gofast, %d kept clients", benchChildren), func(b *testing.B) {
				through(b, gofast.NewHandler(sess, kept(benchChildren, dial)), "/hello.php")
			})
			b.Run("gofast, a connection each", func(b *testing.B) { through(b, gofast.NewHandler(sess, dial), "/hello.php") })
		})
	}
}
