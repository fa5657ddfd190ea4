package session

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/yookoala/gofast"
)

func echo(w http.ResponseWriter, r *http.Request) {
	b, err := io.ReadAll(r.Body)
	if err != nil {
		panic(err)
	}
	w.Header().Set("X-Length", fmt.Sprint(r.ContentLength))
	w.Header().Set("X-Seen", r.Header.Get("X-Token"))
	_, _ = fmt.Fprintf(w, "%s %s:", r.Method, r.URL.RawQuery)
	_, _ = w.Write(b)
}

// Many requests at once, each with content of its own, over shared connections.
// gofast's own client gets none of these right (GOFAST.md).
func TestManyAtOnce(t *testing.T) {
	tr := shared(t, goBackend(t, http.HandlerFunc(echo)))
	ways(t, tr, basic, func(t *testing.T, url string) {
		var wg sync.WaitGroup
		for i := range 32 {
			wg.Go(func() {
				for j := range 20 {
					token := fmt.Sprintf("%d-%d", i, j)
					body := strings.Repeat(token, 1+(i*j*37)%20_000)
					req, _ := http.NewRequest("POST", url+"/?"+token, strings.NewReader(body))
					req.Header.Set("X-Token", token)
					res, err := http.DefaultClient.Do(req)
					if err != nil {
						t.Error(err)
						return
					}
					b, err := io.ReadAll(res.Body)
					_ = res.Body.Close()
					if err != nil || res.StatusCode != 200 || string(b) != "POST "+token+":"+body || res.Header.Get("X-Seen") != token || res.Header.Get("X-Length") != fmt.Sprint(len(body)) {
						t.Errorf("%s: %d, %d octets %.60q, %v", token, res.StatusCode, len(b), b, err)
					}
				}
			})
		}
		wg.Wait()
	})
}

// One client may be used for many requests at a time, and again after one that
// was given up.
func TestOneClient(t *testing.T) {
	tr := shared(t, goBackend(t, http.HandlerFunc(echo)))
	c, err := tr.Client()
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			raw := httptest.NewRequestWithContext(ctx, "GET", fmt.Sprintf("/?%d", i), nil)
			resp, err := basic(c, gofast.NewRequest(raw))
			if err != nil {
				t.Error(err)
				return
			}
			if i%5 == 0 {
				cancel()
			}
			w := httptest.NewRecorder()
			if err := resp.WriteTo(w, io.Discard); err == nil && i%5 != 0 && w.Body.String() != fmt.Sprintf("GET %d:", i) {
				t.Errorf("request %d got %q", i, w.Body.String())
			}
		})
	}
	wg.Wait()
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if _, err := basic(c, gofast.NewRequest(httptest.NewRequest("GET", "/", nil))); !errors.Is(err, ErrClosed) {
		t.Errorf("Do after Close: %v", err)
	}
}

// A body of unknown length arrives whole, with its length: gofast leaves
// CONTENT_LENGTH out, and php sees nothing.
func TestChunkedContent(t *testing.T) {
	tr := transport(t, goBackend(t, http.HandlerFunc(echo)), nil)
	body := strings.Repeat("chunk", 300_000)
	ways(t, tr, basic, func(t *testing.T, url string) {
		res, err := http.Post(url+"/", "text/plain", io.MultiReader(strings.NewReader(body))) // no length
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		b, err := io.ReadAll(res.Body)
		if err != nil || string(b) != "POST :"+body || res.Header.Get("X-Length") != fmt.Sprint(len(body)) {
			t.Errorf("%d octets, length %s, %v", len(b), res.Header.Get("X-Length"), err)
		}
	})
}

// gofast's reader stops for ever at a header line of 1024 octets.
func TestLongHeaderLine(t *testing.T) {
	for _, n := range []int{900, 1000, 1020, 1024, 5000, 100_000} {
		tr := transport(t, wireBackend(t, func(*wire) (string, bool) {
			return "Content-Type: text/plain\r\nX-Long: " + strings.Repeat("x", n) + "\r\n\r\n" + strings.Repeat("body", 50_000), true
		}), nil)
		s := httptest.NewServer(gofast.NewHandler(basic, tr.Client))
		if res, body := get(t, s.URL); (res.StatusCode == 200) != (n < 990) || (n >= 1000 && body != "Bad Gateway\n") {
			t.Errorf("a line of %d octets with gofast's handler: %d %.40q", n, res.StatusCode, body)
		}
		s.Close()
		s = httptest.NewServer(tr.Handler(basic, nil))
		if res, body := get(t, s.URL); res.StatusCode != 200 || len(body) != 200_000 || len(res.Header.Get("X-Long")) != n {
			t.Errorf("a line of %d octets with ours: %d, %d octets", n, res.StatusCode, len(body))
		}
		s.Close()
	}
}

func TestBackendFails(t *testing.T) {
	for _, tt := range []struct {
		name, stdout string
		end          bool
		status       int
	}{
		{"no answer", "", true, 502},
		{"broken off", "", false, 502},
		{"nonsense", "no head at all\r\n\r\n", true, 502},
		{"only half a head", "Content-Type: text/plain\r\n", true, 502},
		{"redirect", "Location: /there\r\n\r\n", true, 302},
		{"file", "X-Sendfile: /f\r\nStatus: 299 Odd\r\n\r\n", true, 299},
		{"no type", "Status: 404 Gone away\r\n\r\n", true, 404},
	} {
		tr := transport(t, wireBackend(t, func(*wire) (string, bool) { return tt.stdout, tt.end }), nil)
		client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		ways(t, tr, basic, func(t *testing.T, url string) {
			res, err := client.Get(url)
			if err != nil {
				t.Fatal(err)
			}
			_ = res.Body.Close()
			if res.StatusCode != tt.status {
				t.Errorf("%s: %d, want %d", tt.name, res.StatusCode, tt.status)
			}
			if tt.name == "file" && res.Header.Get("X-Sendfile") != "/f" {
				t.Error("X-Sendfile does not reach the program")
			}
		})
	}
}

// A response that breaks off is never taken for whole, with Content-Length by
// both handlers, without by ours.
func TestBrokenOffResponse(t *testing.T) {
	big := strings.Repeat("x", 200_000)
	for _, head := range []string{"Content-Length: 900000\r\n", ""} {
		tr := transport(t, wireBackend(t, func(*wire) (string, bool) { return "Content-Type: text/plain\r\n" + head + "\r\n" + big, false }), nil)
		ways(t, tr, basic, func(t *testing.T, url string) {
			if head == "" && strings.HasPrefix(t.Name(), t.Name()[:strings.IndexByte(t.Name(), '/')]+"/gofast") {
				return
			}
			res, err := http.Get(url)
			if err != nil {
				return // nothing had been sent yet
			}
			defer func() { _ = res.Body.Close() }()
			if n, err := io.Copy(io.Discard, res.Body); err == nil && res.StatusCode == 200 {
				t.Errorf("%d octets seem to be all", n)
			}
		})
	}
}

// What is given up leaves nothing behind: neither goroutines nor connections.
func TestCancel(t *testing.T) {
	var began atomic.Int32
	path := wireBackend(t, func(*wire) (string, bool) {
		began.Add(1)
		time.Sleep(30 * time.Millisecond)
		return "Content-Type: text/plain\r\n\r\n" + strings.Repeat("x", 1<<20), true
	})
	tr := transport(t, path, nil)
	noLeak(t, tr, func() {
		ways(t, tr, basic, func(t *testing.T, url string) {
			for range 20 {
				ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
				req, _ := http.NewRequestWithContext(ctx, "POST", url, strings.NewReader(strings.Repeat("y", 100_000)))
				if res, err := http.DefaultClient.Do(req); err == nil {
					_ = res.Body.Close()
				}
				cancel()
			}
		})
	})
}

// brokenWriter fails after some octets, as a client that has gone.
type brokenWriter struct {
	header http.Header
	n      int
}

func (b *brokenWriter) Header() http.Header { return b.header }
func (b *brokenWriter) WriteHeader(int)     {}
func (b *brokenWriter) Write(p []byte) (int, error) {
	if b.n -= len(p); b.n < 0 {
		return 0, errors.New("gone")
	}
	return len(p), nil
}

// gofast waits for ever for the rest of a response that it has stopped reading.
func TestReaderThatStopped(t *testing.T) {
	tr := transport(t, wireBackend(t, func(*wire) (string, bool) {
		return "Content-Type: text/plain\r\n\r\n" + strings.Repeat("x", 5<<20), true
	}), func(o *Options) { o.StallTime = 50 * time.Millisecond })
	noLeak(t, tr, func() {
		for _, n := range []int{0, 100_000} {
			done := make(chan struct{})
			go func() {
				defer close(done)
				gofast.NewHandler(basic, tr.Client).ServeHTTP(&brokenWriter{http.Header{}, n}, httptest.NewRequest("GET", "/", nil))
			}()
			select {
			case <-done:
			case <-time.After(5 * time.Second):
				t.Fatal("the handler does not return")
			}
		}
		// A pipe that nobody reads at all.
		c, _ := tr.Client()
		if _, err := basic(c, gofast.NewRequest(httptest.NewRequest("GET", "/", nil))); err != nil {
			t.Error(err)
		}
	})
}

// slowWriter takes nothing until told.
type slowWriter struct {
	httptest.ResponseRecorder
	open chan struct{}
}

func (s *slowWriter) Write(p []byte) (int, error) {
	<-s.open
	return s.ResponseRecorder.Write(p)
}

// A slow reader's response waits at the gateway, not in the queue.
func TestBackPressure(t *testing.T) {
	text := strings.Repeat("0123456789", 2<<20)
	tr := transport(t, wireBackend(t, func(*wire) (string, bool) { return "Content-Type: text/plain\r\n\r\n" + text, true }), nil)
	for name, h := range map[string]http.Handler{"gofast's": gofast.NewHandler(basic, tr.Client), "ours": tr.Handler(basic, nil)} {
		w := &slowWriter{*httptest.NewRecorder(), make(chan struct{})}
		done := make(chan struct{})
		go func() { defer close(done); h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil)) }()
		var most int64
		for range 30 {
			time.Sleep(5 * time.Millisecond)
			for _, p := range tr.places {
				p.Loop.Post(func() {
					for x := range p.live {
						x.flow.mu.Lock()
						atomic.StoreInt64(&most, max(atomic.LoadInt64(&most), x.flow.bytes))
						x.flow.mu.Unlock()
					}
				})
			}
		}
		if n := atomic.LoadInt64(&most); n > flowBytesHigh+128<<10 {
			t.Errorf("%s: %d octets in the queue", name, n)
		}
		close(w.open)
		<-done
		if w.Body.String() != text {
			t.Errorf("%s: %d octets arrived", name, w.Body.Len())
		}
	}
}

func TestTransportCloses(t *testing.T) {
	path := wireBackend(t, func(*wire) (string, bool) { time.Sleep(50 * time.Millisecond); return "A: 1\r\n\r\n", true })
	noLeak(t, nil, func() {
		tr := transport(t, path, nil)
		var wg, asked sync.WaitGroup
		asked.Add(8)
		client := func() (gofast.Client, error) {
			defer asked.Done()
			return tr.Client()
		}
		for range 8 {
			wg.Go(func() {
				w := httptest.NewRecorder()
				gofast.NewHandler(basic, client).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
				if w.Code != 503 && w.Code != 502 && w.Code != 200 {
					t.Errorf("status %d", w.Code)
				}
			})
		}
		asked.Wait()
		time.Sleep(10 * time.Millisecond) // most are under way, all have a client
		tr.Close()
		wg.Wait()
		if _, err := tr.Client(); !errors.Is(err, ErrClosed) {
			t.Errorf("Client after Close: %v", err)
		}
		w := httptest.NewRecorder()
		tr.Handler(basic, nil).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		if w.Code != 503 {
			t.Errorf("status %d after Close", w.Code)
		}
	})
}

// A session that asks nobody answers for itself; what a middleware does to the
// request counts.
func TestSessionsOfTheirOwn(t *testing.T) {
	tr := transport(t, goBackend(t, http.HandlerFunc(echo)), nil)
	var failed error
	h := tr.Handler(func(gofast.Client, *gofast.Request) (*gofast.ResponsePipe, error) { return nil, errors.New("no") }, func(_ *http.Request, err error) { failed = err })
	w := httptest.NewRecorder()
	if h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil)); w.Code != 500 || failed == nil || failed.Error() != "no" {
		t.Errorf("%d, %v", w.Code, failed)
	}
	change := func(inner gofast.SessionHandler) gofast.SessionHandler {
		return func(c gofast.Client, req *gofast.Request) (*gofast.ResponsePipe, error) {
			req.Params["QUERY_STRING"] = "changed"
			req.Params["REQUEST_URI"] = "/?changed"
			req.Stdin = io.NopCloser(bytes.NewReader([]byte("other")))
			return inner(c, req)
		}
	}
	sess := gofast.Chain(gofast.BasicParamsMap, gofast.MapHeader, change)(gofast.BasicSession)
	ways(t, tr, sess, func(t *testing.T, url string) {
		if res, body := get(t, url); body != "GET changed:other" || res.Header.Get("X-Length") != "5" {
			t.Errorf("%q of %s", body, res.Header.Get("X-Length"))
		}
	})
}
