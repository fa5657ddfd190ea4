package gateway

import (
	"fmt"
	"io"
	"math/rand"
	"net"
	"net/http"
	nethttpfcgi "net/http/fcgi"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"sluice/fcgi"
	"sluice/loop"
)

// flaky is a FastCGI server that can be killed and started again.
type flaky struct {
	t       *testing.T
	path    string
	handler http.Handler

	mu    sync.Mutex
	ln    net.Listener
	conns map[net.Conn]bool
	done  chan struct{}
}

// flakyListener notes the connections of its server.
type flakyListener struct {
	net.Listener
	f *flaky
}

func (l flakyListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err == nil {
		l.f.mu.Lock()
		l.f.conns[c] = true
		l.f.mu.Unlock()
	}
	return c, err
}

func (f *flaky) start() {
	ln, err := net.Listen("unix", f.path)
	if err != nil {
		f.t.Error(err)
		return
	}
	f.mu.Lock()
	f.ln, f.conns, f.done = ln, map[net.Conn]bool{}, make(chan struct{})
	done := f.done
	f.mu.Unlock()
	go func() {
		defer close(done)
		_ = nethttpfcgi.Serve(flakyListener{ln, f}, f.handler)
	}()
}

// kill ends it as SIGKILL does: whatever it is at.
func (f *flaky) kill() {
	f.mu.Lock()
	_ = f.ln.Close()
	done := f.done
	f.mu.Unlock()
	<-done
	f.mu.Lock()
	defer f.mu.Unlock()
	for c := range f.conns {
		_ = c.Close()
	}
}

// One of three servers is killed and started again, over and over, under load: no
// GET is lost whose answer had not begun, no POST is run twice, and none that was answered was not run.
func TestKilledUnderLoad(t *testing.T) {
	for _, mux := range []fcgi.Mux{fcgi.MuxOff, fcgi.MuxOn, fcgi.MuxAuto} {
		for seed := range int64(2) {
			t.Run(fmt.Sprint("mux ", mux, " seed ", seed), func(t *testing.T) { killUnderLoad(t, mux, seed) })
		}
	}
}

func killUnderLoad(t *testing.T, mux fcgi.Mux, seed int64) {
	dir, err := os.MkdirTemp("", "gw") //nolint:usetesting // t.TempDir may be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	var mu sync.Mutex
	runs := map[string]int{}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		mu.Lock()
		runs[r.URL.RawQuery]++
		n := len(runs)
		mu.Unlock()
		time.Sleep(time.Duration(n%20) * 100 * time.Microsecond)
		w.Header().Set("Content-Type", "text/plain")
		_, _ = fmt.Fprintf(w, "%s:%d", r.URL.RawQuery, len(body))
	})
	var servers []*flaky
	opts := fcgi.Options{Health: fcgi.Health{OpenTime: 10 * time.Millisecond, SlowStart: 20 * time.Millisecond}}
	for i := range 3 {
		f := &flaky{t: t, path: filepath.Join(dir, fmt.Sprint(i)), handler: handler}
		f.start()
		t.Cleanup(f.kill)
		servers = append(servers, f)
		opts.Servers = append(opts.Servers, fcgi.Server{Network: "unix", Address: f.path, Conns: 8, Mux: mux})
	}
	f := startOn(t, loop.Auto, opts, settings{retries: 3})

	stop, killed := make(chan struct{}), make(chan int)
	go func() {
		r := rand.New(rand.NewSource(seed))
		for n := 0; ; n++ {
			s := servers[r.Intn(3)]
			s.kill()
			time.Sleep(time.Duration(r.Intn(12)) * time.Millisecond)
			s.start()
			select {
			case <-stop:
				killed <- n
				return
			case <-time.After(time.Duration(4+r.Intn(20)) * time.Millisecond):
			}
		}
	}()
	gets, posts, lostPosts, begun := loadUntil(t, f, time.Now().Add(900*time.Millisecond), runs, &mu)
	close(stop)
	n := <-killed
	t.Logf("%d kills, %d GETs (%d broke off), %d POSTs, %d of them failed", n, gets, begun, posts, lostPosts)
	if gets < 50 || posts < 25 || n < 5 || lostPosts > posts/2 || begun > 2+gets/50 { // how many there are is up to the machine
		t.Errorf("%d kills, %d GETs, %d POSTs, %d failed", n, gets, posts, lostPosts)
	}
	f.on(f.lp.Close)
	f.eventually("all connections are given back", func() bool { return f.pool.InUse() == 0 && f.pool.Waiting() == 0 })
}

// loadUntil sends requests from many clients and checks their answers.
func loadUntil(t *testing.T, f *fixture, end time.Time, runs map[string]int, mu *sync.Mutex) (gets, posts, lost, begun int) {
	var wg sync.WaitGroup
	var count sync.Mutex
	for i := range 12 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for j := 0; time.Now().Before(end); j++ {
				token := fmt.Sprintf("t%d-%d", i, j)
				method, size := "GET", 0
				if i%3 == 2 {
					method, size = "POST", 1+j*977%80_000
				}
				c := f.client(method, token)
				f.on(func() {
					c.r.Start(size > 0)
					c.r.Content(make([]byte, size))
					c.r.ContentEnd()
				})
				c.wait()
				mu.Lock()
				ran := runs[token]
				mu.Unlock()
				good := c.ended && c.status == 200 && c.body.String() == fmt.Sprintf("%s:%d", token, size)
				count.Lock()
				switch method {
				case "GET":
					gets++
					// An answer that the client has begun to get (a killed server's
					// STDOUT without END_REQUEST, late) can't be begun again.
					if !good && c.heads > 0 && c.failure != nil {
						begun++
					} else if !good {
						t.Errorf("GET %s: %d %q %+v", token, c.status, c.body.String(), c.failure)
					}
				default:
					posts++
					if !good {
						lost++
					}
					if ran > 1 || (good && ran != 1) || (!good && c.failure == nil) {
						t.Errorf("POST %s was run %d times: %d %q %+v", token, ran, c.status, c.body.String(), c.failure)
					}
				}
				count.Unlock()
			}
		}()
	}
	wg.Wait()
	return gets, posts, lost, begun
}
