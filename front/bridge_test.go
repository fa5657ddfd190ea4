package front

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice/loop"
	"sluice/site"
)

// bridged is a world behind net/http.
type bridged struct {
	*world
	url string
}

func newBridged(t *testing.T, e loop.Engine, ch change) *bridged {
	t.Helper()
	w := newWorld(t, e, ch)
	s := httptest.NewServer(w.srv)
	t.Cleanup(s.Close)
	return &bridged{w, s.URL}
}

func bodyLimit(n int64) func(*site.Options) {
	return func(o *site.Options) { o.BodyMax = func() int64 { return n } }
}

// ask sends a request to the other server.
func (w *bridged) ask(method, target string, content io.Reader, fields ...string) (*http.Response, string) {
	w.t.Helper()
	r, err := http.NewRequest(method, w.url+target, content)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, f := range fields {
		name, value, _ := strings.Cut(f, ": ")
		r.Header.Add(name, value)
	}
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		w.t.Fatalf("%s %s: %v", method, target, err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatalf("%s %s: %v after %d octets", method, target, err, len(body))
	}
	return res, string(body)
}

func (w *bridged) bridges() int {
	n := 0
	for _, lf := range w.srv.locals {
		done := make(chan struct{})
		if lf.loop.Post(func() { n += lf.bridges; close(done) }) {
			<-done
		}
	}
	return n
}

// What comes over the bridge is what a connection of the server's own brings.
func TestBridgeAnswersAsConnections(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		w := newBridged(t, e, change{site: aged(t)})
		for _, tt := range []struct {
			method, target string
			fields         []string
			status         int
		}{
			{"GET", "/a.txt", nil, 200},
			{"HEAD", "/a.txt", nil, 200},
			{"GET", "/medium.bin", nil, 200},
			{"HEAD", "/medium.bin", nil, 200},
			{"GET", "/big.bin", nil, 200},
			{"GET", "/big.bin", []string{"Range: bytes=5-9"}, 206},
			{"GET", "/big.bin", []string{"Range: bytes=-7000000"}, 206},
			{"GET", "/medium.bin", []string{"Range: bytes=0-1,40000-40001"}, 206},
			{"GET", "/medium.bin", []string{"Range: bytes=99999999-"}, 416},
			{"GET", "/a.txt", []string{"If-None-Match: *"}, 304},
			{"GET", "/sub", nil, 301},
			{"GET", "/nothing", nil, 404},
			{"GET", "/.htaccess", nil, 404},
			{"DELETE", "/a.txt", nil, 405},
			{"OPTIONS", "/a.txt", nil, 200},
			{"TRACE", "/a.txt", nil, 405},
			{"GET", "/hello.php?n=7", nil, 200},
			{"HEAD", "/hello.php?n=7", nil, 200},
			{"GET", "/big.php?n=3000000", nil, 200},
			{"GET", "/hello.php/x", nil, 200},
			{"GET", "/same.php?say=ab", nil, 304},
			{"GET", "/accel.php?to=/big.bin", nil, 200},
			{"POST", "/echo.php", nil, 200},
		} {
			name := fmt.Sprint(tt.method, " ", tt.target, " ", tt.fields)
			res, body := w.ask(tt.method, tt.target, nil, tt.fields...)
			c := w.dial()
			c.send(request(tt.method, tt.target, tt.fields...))
			own := c.expect(tt.method, res.StatusCode)
			if res.StatusCode != tt.status {
				t.Errorf("%s: status %d, want %d", name, res.StatusCode, tt.status)
			}
			boundary := own.header.Get("Content-Type")
			if strings.HasPrefix(boundary, "multipart/") {
				body = strings.ReplaceAll(body, boundaryOf(res.Header), boundaryOf(own.header))
			}
			if body != own.body {
				t.Errorf("%s: %d octets (%.60q), own connections get %d (%.60q)", name, len(body), body, len(own.body), own.body)
			}
			compareHeads(t, name, res, own)
		}
	})
}

// aged gives all files a time long ago: those of the last moments have another tag.
func aged(t *testing.T) func(*site.Options) {
	long := time.Now().Add(-time.Hour)
	return func(o *site.Options) {
		err := filepath.WalkDir(o.Roots[0].Config.Root, func(path string, _ fs.DirEntry, err error) error {
			return errors.Join(err, os.Chtimes(path, long, long))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func boundaryOf(h http.Header) string {
	_, b, _ := strings.Cut(h.Get("Content-Type"), "boundary=")
	return b
}

// compareHeads leaves out what is the other server's own.
func compareHeads(t *testing.T, name string, res *http.Response, own answer) {
	t.Helper()
	if res.ContentLength != own.length && res.StatusCode != 304 {
		t.Errorf("%s: Content-Length %d, own connections get %d", name, res.ContentLength, own.length)
	}
	if got, want := res.Header["Content-Length"], own.header["Content-Length"]; res.StatusCode == 304 && !slices.Equal(got, want) {
		t.Errorf("%s: Content-Length %q, own connections get %q", name, got, want)
	}
	for field := range own.header {
		switch field {
		case "Date", "Server", "Connection", "Content-Length", "Transfer-Encoding":
			continue
		}
		got, want := res.Header[field], own.header[field]
		if field == "Content-Type" && strings.HasPrefix(want[0], "multipart/") {
			continue
		}
		if field == "Location" {
			got = []string{strings.Replace(got[0], res.Request.URL.Host, "test", 1)}
		}
		if strings.Join(got, "|") != strings.Join(want, "|") {
			t.Errorf("%s: %s is %q, own connections get %q", name, field, got, want)
		}
	}
	for field := range res.Header {
		if _, ok := own.header[field]; !ok && field != "Date" && field != "Content-Length" {
			t.Errorf("%s: own connections get no %s: %q", name, field, res.Header[field])
		}
	}
}

func TestBridgeUpload(t *testing.T) {
	const size = 20 << 20
	content := bytes.Repeat(numbered(1<<20), size>>20)
	engines(t, func(t *testing.T, e loop.Engine) {
		w := newBridged(t, e, change{site: bodyLimit(size + 1)})
		for _, known := range []bool{true, false} {
			var body io.Reader = bytes.NewReader(content)
			if !known {
				body = io.MultiReader(body) // net/http sends it in chunks
			}
			res, got := w.ask("POST", "/echo.php", body)
			head, echoed, _ := strings.Cut(got, "\n")
			if want := fmt.Sprintf("POST %d <nil>", size); res.StatusCode != 200 || head != want {
				t.Errorf("length known %v: %d %q, want %q", known, res.StatusCode, head, want)
			}
			if echoed != string(content) {
				t.Errorf("length known %v: %d octets came back, not those that were sent", known, len(echoed))
			}
		}
	})
}

// Content over the limit is refused, with its length known before it is read.
func TestBridgeUploadTooLarge(t *testing.T) {
	w := newBridged(t, loop.Portable, change{})
	for _, known := range []bool{true, false} {
		content := &counted{left: 8 << 20}
		r := httptest.NewRequest("POST", "/echo.php", content)
		if r.ContentLength = -1; known {
			r.ContentLength = 8 << 20
		}
		rec := httptest.NewRecorder()
		w.srv.ServeHTTP(rec, r)
		if rec.Code != 413 {
			t.Errorf("length known %v: %d", known, rec.Code)
		}
		if read := content.read; known && read > 0 || read > bodyMax+2*contentPieceBytes {
			t.Errorf("length known %v: %d octets were read", known, read)
		}
	}
	if n := w.app.count("echo.php"); n != 0 {
		t.Errorf("the script ran %d times", n)
	}
}

// counted is content that tells how much of it was read.
type counted struct{ left, read int }

func (c *counted) Read(p []byte) (int, error) {
	if c.left == 0 {
		return 0, io.EOF
	}
	n := min(len(p), c.left)
	c.left -= n
	c.read += n
	return n, nil
}

// Half of the content is never taken for all.
func TestBridgeUploadBroken(t *testing.T) {
	w := newBridged(t, loop.Portable, change{})
	for _, tt := range []struct {
		name   string
		body   io.Reader
		length int64
		status int
	}{
		{"breaks off", io.MultiReader(strings.NewReader("abc"), failing{errors.New("cut")}), -1, 400},
		{"too short", strings.NewReader("abc"), 5, 400},
		{"too long", strings.NewReader("abcdef"), 5, 400},
		{"http.MaxBytesReader", http.MaxBytesReader(nil, io.NopCloser(strings.NewReader("abcdef")), 3), -1, 413},
	} {
		r := httptest.NewRequest("POST", "/echo.php", tt.body)
		r.ContentLength = tt.length
		rec := httptest.NewRecorder()
		w.srv.ServeHTTP(rec, r)
		if rec.Code != tt.status {
			t.Errorf("%s: %d, want %d", tt.name, rec.Code, tt.status)
		}
	}
	if n := w.app.count("echo.php"); n != 0 {
		t.Errorf("the script ran %d times", n)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// gate is a client who takes nothing until it is opened.
type gate struct {
	*httptest.ResponseRecorder
	open    chan struct{}
	touched sync.Once
	first   chan struct{} // closed with the first write
}

func newGate() *gate {
	return &gate{httptest.NewRecorder(), make(chan struct{}), sync.Once{}, make(chan struct{})}
}

func (g *gate) Write(p []byte) (int, error) {
	g.touched.Do(func() { close(g.first) })
	<-g.open
	return g.ResponseRecorder.Write(p)
}

// A client who does not read costs neither a worker nor memory.
func TestBridgeSlowReader(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		w := newBridged(t, e, change{conns: 1})
		const size = 10 << 20
		for _, target := range []string{"/big.php?n=" + strconv.Itoa(size), "/big.bin?"} {
			g := newGate()
			done := make(chan struct{})
			go func() {
				defer close(done)
				w.srv.ServeHTTP(g, httptest.NewRequest("GET", target, nil))
			}()
			<-g.first
			if _, body := w.ask("GET", "/hello.php?n=2", nil); body != "hello 2" { // the only worker is free
				t.Errorf("beside a slow client: %q", body)
			}
			close(g.open)
			<-done
			if got := g.Body.Bytes(); !bytes.Equal(got, bigFile[:len(got)]) || len(got) < size {
				t.Errorf("%s: %d octets, or not those of the file", target, len(got))
			}
		}
		eventually(t, "no bridge is left", func() bool { return w.bridges() == 0 })
	})
}

// Events reach the client one by one.
func TestBridgeStreams(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		w := newBridged(t, e, change{})
		res, err := http.Get(w.url + "/stream.php?n=3")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		for i := range 3 { // the script waits until the event was seen
			buf := make([]byte, len("event 0\n"))
			if _, err := io.ReadFull(res.Body, buf); err != nil || string(buf) != fmt.Sprintf("event %d\n", i) {
				t.Fatalf("event %d: %q, %v", i, buf, err)
			}
			w.app.release <- struct{}{}
		}
		if rest, err := io.ReadAll(res.Body); err != nil || len(rest) > 0 {
			t.Errorf("rest %q, %v", rest, err)
		}
	})
}

// A client who leaves ends his request, wherever it is.
func TestBridgeClientLeaves(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		w := newBridged(t, e, change{conns: 2})
		for _, tt := range []struct {
			name, text string
			until      func(c net.Conn)
		}{
			{"script at work", get("/block.php"), func(net.Conn) { w.blockedScripts(1) }},
			{"event stream", get("/stream.php?n=9"), func(c net.Conn) {
				if _, err := c.Read(make([]byte, 5)); err != nil {
					t.Error(err)
				}
			}},
			{"content that never comes", request("POST", "/echo.php", "Content-Length: 100") + "abc", func(net.Conn) {
				eventually(t, "the request has begun", func() bool { return w.bridges() == 1 })
			}},
		} {
			c := w.raw(tt.text)
			tt.until(c)
			_ = c.Close()
			eventually(t, tt.name+": no bridge is left", func() bool { return w.bridges() == 0 })
			eventually(t, tt.name+": the script ends", func() bool {
				select {
				case w.app.release <- struct{}{}:
				default:
				}
				return w.app.waiting() == 0 && w.pool.InUse() <= 1
			})
		}
	})
}

// raw sends text to the other server.
func (w *bridged) raw(text string) net.Conn {
	w.t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(w.url, "http://"))
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		w.t.Error(err)
	}
	if _, err := io.WriteString(c, text); err != nil {
		w.t.Error(err)
	}
	return c
}

// Stopping waits for bridges, and ends those that do not end by themselves; who
// comes later gets 503.
func TestBridgeStop(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		w := newBridged(t, e, change{})
		finishing := w.raw(get("/block.php"))
		w.blockedScripts(1)
		stuck := w.raw(request("POST", "/echo.php", "Content-Length: 100") + "abc")
		eventually(t, "both have begun", func() bool { return w.bridges() == 2 })
		drained := make(chan error)
		go func() {
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			drained <- w.srv.Drain(ctx)
		}()
		eventually(t, "draining", func() bool {
			res, _ := w.ask("GET", "/a.txt", nil)
			return res.StatusCode == 503
		})
		w.app.release <- struct{}{}
		if text, err := readResponse(finishing); err != nil || !strings.HasSuffix(text, "200 released") {
			t.Errorf("the request in flight: %q, %v", text, err)
		}
		if err := <-drained; err == nil {
			t.Error("Drain did not wait for the upload")
		}
		w.stop()
		if text, err := readResponse(stuck); err != nil || !strings.HasPrefix(text, "503") {
			t.Errorf("the upload: %q, %v", text, err)
		}
		if res, _ := w.ask("GET", "/a.txt", nil); res.StatusCode != 503 {
			t.Errorf("after the end: %d", res.StatusCode)
		}
	})
}

// readResponse is the status and the content of a response.
func readResponse(c net.Conn) (string, error) {
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return "", err
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	return fmt.Sprintf("%d %s", res.StatusCode, body), err
}

// A script that ends too early breaks the response off; a handler above that
// panics leaves nothing behind.
func TestBridgeBreaks(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		w := newBridged(t, e, change{})
		res, err := http.Get(w.url + "/len.php?n=300000&said=300001")
		if err == nil {
			_, err = io.ReadAll(res.Body)
			_ = res.Body.Close()
		}
		if err == nil && res.StatusCode != 502 { // that is where nothing had been sent yet
			t.Error("a part was taken for the whole")
		}
		func() {
			defer func() {
				if got := recover(); got != "broken writer" {
					t.Errorf("panic %v", got)
				}
			}()
			w.srv.ServeHTTP(panicky{httptest.NewRecorder()}, httptest.NewRequest("GET", "/big.bin", nil))
		}()
		func() {
			defer func() {
				if got, _ := recover().(error); !errors.Is(got, http.ErrAbortHandler) {
					t.Errorf("panic %v, want that of net/http", got)
				}
			}()
			w.srv.ServeHTTP(refusing{httptest.NewRecorder()}, httptest.NewRequest("GET", "/big.bin", nil))
		}()
		eventually(t, "no bridge is left", func() bool { return w.bridges() == 0 })
	})
}

type panicky struct{ *httptest.ResponseRecorder }

func (panicky) Write([]byte) (int, error) { panic("broken writer") }

type refusing struct{ *httptest.ResponseRecorder }

func (refusing) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

// A limit of time that a handler above has set is 504.
func TestBridgeDeadline(t *testing.T) {
	w := newBridged(t, loop.Portable, change{})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	rec := httptest.NewRecorder()
	w.srv.ServeHTTP(rec, httptest.NewRequest("GET", "/block.php", nil).WithContext(ctx))
	if rec.Code != 504 {
		t.Errorf("status %d", rec.Code)
	}
	close(w.app.release)
}

// What a handler above has set stays where the site says nothing to it, and
// lists are joined.
func TestBridgeHeaderAbove(t *testing.T) {
	w := newBridged(t, loop.Portable, change{site: func(o *site.Options) {
		o.Headers.Set = []site.Header{{Name: "X-Both", Value: "site"}}
		o.Headers.Add = []site.Header{{Name: "Set-Cookie", Value: "b=2"}, {Name: "Set-Cookie", Value: "c=3"}}
	}})
	rec := httptest.NewRecorder()
	rec.Header().Set("X-Above", "kept")
	rec.Header().Set("X-Both", "above")
	rec.Header().Set("Set-Cookie", "a=1")
	w.srv.ServeHTTP(rec, httptest.NewRequest("GET", "/a.txt", nil))
	h := rec.Result().Header
	if h.Get("X-Above") != "kept" || len(h["X-Both"]) != 1 || h.Get("X-Both") != "site" || strings.Join(h["Set-Cookie"], " ") != "a=1 b=2 c=3" {
		t.Errorf("header %v", h)
	}
}

// Two hundred at once, of all kinds; afterwards nothing is left.
func TestBridgeManyAtOnce(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		goroutines, fds := runtime.NumGoroutine(), descriptors()
		w := newWorld(t, e, change{loops: 2, conns: 5, gateway: smallSpools(t)})
		server := httptest.NewServer(w.srv)
		transport := &http.Transport{}
		var clients sync.WaitGroup
		for i := range 200 {
			clients.Go(func() {
				for k := range 2 {
					bridgeClient(t, transport, server.URL, i*2+k)
				}
			})
		}
		clients.Wait()
		b := &bridged{w, server.URL}
		eventually(t, "no bridge is left", func() bool { return b.bridges() == 0 })
		eventually(t, "no request waits", func() bool { return w.pool.Waiting() == 0 })
		transport.CloseIdleConnections()
		server.Close()
		w.stop()
		eventually(t, "goroutines end", func() bool { return runtime.NumGoroutine() <= goroutines+4 }) // the backend's listener
		eventually(t, "descriptors are closed", func() bool { return descriptors() <= fds+4 })
	})
}

// bridgeClient does one of several things.
func bridgeClient(t *testing.T, transport *http.Transport, url string, i int) {
	target, method, content, want := fmt.Sprintf("/hello.php?n=%d", i), "GET", "", fmt.Sprintf("hello %d", i)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	leaves := i%10 == 9
	switch i % 5 {
	case 1:
		target, want = "/medium.bin", string(mediumFile)
	case 2:
		content = strings.Repeat("x", i*300)
		target, method, want = "/echo.php", "POST", fmt.Sprintf("POST %d <nil>\n%s", len(content), content)
	case 3:
		target, want = "/big.php?n=400000", string(pattern(400000))
	case 4:
		if target, want = "/b.txt", "static b"; i%20 == 4 {
			target, want = "/big.bin", string(bigFile)
		}
	}
	if leaves {
		ctx, cancel = context.WithTimeout(ctx, time.Duration(i%7)*time.Millisecond)
		defer cancel()
	}
	r, err := http.NewRequestWithContext(ctx, method, url+target, strings.NewReader(content))
	if err != nil {
		t.Error(err)
		return
	}
	res, err := transport.RoundTrip(r)
	if err != nil {
		if !leaves {
			t.Errorf("%s: %v", target, err)
		}
		return
	}
	defer func() { _ = res.Body.Close() }()
	got, err := io.ReadAll(res.Body)
	if err == nil && string(got) != want || err != nil && !leaves {
		t.Errorf("%s: %d, %d octets, %v; want %d octets", target, res.StatusCode, len(got), err, len(want))
	}
}
