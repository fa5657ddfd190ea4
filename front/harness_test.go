package front

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	nethttpfcgi "net/http/fcgi"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice/fcgi"
	"sluice/gateway"
	"sluice/loop"
	"sluice/site"
	"sluice/spool"
	"sluice/static"
)

// bodyMax is the limit of request content of the test sites, in octets.
const bodyMax = 300 << 10

// world is a server on real loops, with a FastCGI backend beside it.
type world struct {
	t      *testing.T
	srv    *Server
	loops  []*loop.Loop
	addr   string
	pool   *fcgi.Pool
	app    *app
	closed bool
	ended  sync.WaitGroup

	mu      sync.Mutex
	reports []site.Report
}

// change is what a test wants different from the ordinary world.
type change struct {
	loops   int
	conns   int // of the backend
	front   func(*Options)
	site    func(*site.Options)
	gateway func(*gateway.Options)
	listen  string
	address string
}

// engines runs a test on every engine of this system.
func engines(t *testing.T, f func(t *testing.T, e loop.Engine)) {
	t.Helper()
	for _, e := range loop.Engines() {
		t.Run(string(e), func(t *testing.T) { f(t, e) })
	}
}

var (
	bigFile    = numbered(12 << 20)
	mediumFile = pattern(48 << 10)
)

// numbered is content that shows where it was cut: lines of 16 octets.
func numbered(n int) []byte {
	b := make([]byte, 0, n)
	line := []byte("000000000000000\n")
	for len(b) < n {
		b = append(b, line...)
		for i := len(line) - 2; ; i-- {
			if line[i]++; line[i] <= '9' {
				break
			}
			line[i] = '0'
		}
	}
	return b[:n]
}

// pattern is the beginning of that.
func pattern(n int) []byte { return bigFile[:n:n] }

// bigPath is where bigFile lies, for all docroots.
var bigPath string

func TestMain(m *testing.M) { os.Exit(runAll(m)) }

func runAll(m *testing.M) int {
	dir, err := os.MkdirTemp("", "front")
	if err == nil {
		defer func() { _ = os.RemoveAll(dir) }()
		bigPath = filepath.Join(dir, "big.bin")
		err = os.WriteFile(bigPath, bigFile, 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

var longAgo = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func docroot(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Link(bigPath, filepath.Join(dir, "big.bin")); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{
		"a.txt": []byte("static a"), "b.txt": []byte("static b"), "medium.bin": mediumFile,
		"404.html": []byte("custom 404"), "sub/x.txt": []byte("x"),
		"hello.php": nil, "echo.php": nil, "big.php": nil, "stream.php": nil, "block.php": nil, "accel.php": nil,
		"env.php": nil, "fail.php": nil, "err404.php": nil, "len.php": nil, "same.php": nil,
	} {
		full := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, content, 0o644); err != nil {
			t.Fatal(err)
		}
		// A file that was changed a moment ago has another ETag a moment later.
		if err := os.Chtimes(full, longAgo, longAgo); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// newWorld starts everything and ends it with the test.
func newWorld(t *testing.T, e loop.Engine, ch change) *world {
	t.Helper()
	w := &world{t: t, app: newApp(t)}
	for range max(ch.loops, 1) {
		l, err := loop.New(e)
		if err != nil {
			t.Fatal(err)
		}
		w.loops = append(w.loops, l)
	}
	w.pool = fcgi.NewPool(fcgi.Options{Servers: []fcgi.Server{{Network: "unix", Address: w.app.socket, Conns: connsOf(ch)}}})
	gw := &gateway.Options{Pool: w.pool, Store: &spool.Store{Dir: t.TempDir()}, Log: site.Log{}}
	if ch.gateway != nil {
		ch.gateway(gw)
	}
	so := site.Options{
		Label: "test", Roots: []site.Root{{Config: static.Config{Root: docroot(t), NoCompression: true}}},
		Index: []string{"index.html"}, Extensions: []string{".php"}, PHP: gw,
		BodyMax: func() int64 { return bodyMax },
	}
	if ch.site != nil {
		ch.site(&so)
	}
	st, err := site.New(so)
	if err != nil {
		t.Fatal(err)
	}
	opts := Options{Sites: []*site.Site{st}, Loops: w.loops, Software: "sluice", Report: w.report}
	if ch.front != nil {
		ch.front(&opts)
	}
	if w.srv, err = New(opts); err != nil {
		t.Fatal(err)
	}
	if ch.listen == "" {
		ch.listen, ch.address = "tcp", "127.0.0.1:0"
	}
	addr, err := w.srv.Listen(ch.listen, ch.address)
	if err != nil {
		t.Fatal(err)
	}
	w.addr = addr.String()
	for _, l := range w.loops {
		w.ended.Go(func() {
			if err := l.Run(); err != nil {
				t.Errorf("loop: %v", err)
			}
		})
	}
	t.Cleanup(w.stop)
	return w
}

// stop ends the world as a daemon does; the time for Drain is short.
func (w *world) stop() {
	if w.closed {
		return
	}
	w.closed = true
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	_ = w.srv.Drain(ctx)
	w.srv.Close()
	for _, l := range w.loops {
		l.Stop()
	}
	w.ended.Wait()
}

func (w *world) report(r site.Report, _ netip.Addr, _ string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.reports = append(w.reports, r)
}

// onLoop runs fn on the world's first loop.
func (w *world) onLoop(fn func(lf *local)) {
	w.t.Helper()
	done := make(chan struct{})
	lf := w.srv.locals[0]
	if !lf.loop.Post(func() { fn(lf); close(done) }) {
		w.t.Fatal("the loop has ended")
	}
	<-done
}

// open is the number of clients' connections.
func (w *world) open() int {
	n := 0
	for _, lf := range w.srv.locals {
		done := make(chan struct{})
		if lf.loop.Post(func() {
			for h := lf.first; h != nil; h = h.next {
				n++
			}
			close(done)
		}) {
			<-done
		}
	}
	return n
}

// client is a raw connection.
type client struct {
	t *testing.T
	c net.Conn
	r *bufio.Reader
}

func (w *world) dial() *client {
	w.t.Helper()
	network := "tcp"
	if strings.HasPrefix(w.addr, "/") {
		network = "unix"
	}
	c, err := net.Dial(network, w.addr)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = c.Close() })
	return w.wrap(c)
}

func (w *world) wrap(c net.Conn) *client {
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		w.t.Error(err)
	}
	return &client{t: w.t, c: c, r: bufio.NewReaderSize(c, 64<<10)}
}

func (c *client) send(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c.c, text); err != nil {
		c.t.Fatalf("sending %.40q: %v", text, err)
	}
}

// answer is a response as it came.
type answer struct {
	status  int
	proto   string
	header  http.Header
	body    string
	length  int64
	chunked bool
	close   bool
}

func (c *client) read(method string) (answer, error) {
	res, err := http.ReadResponse(c.r, &http.Request{Method: method})
	if err != nil {
		return answer{}, err
	}
	body, err := io.ReadAll(res.Body)
	return answer{
		status: res.StatusCode, proto: res.Proto, header: res.Header, body: string(body), length: res.ContentLength,
		chunked: len(res.TransferEncoding) > 0, close: res.Close,
	}, err
}

// expect reads a response that has to come.
func (c *client) expect(method string, status int) answer {
	c.t.Helper()
	a, err := c.read(method)
	if err != nil {
		c.t.Fatalf("reading a response: %v (status %d, %d octets)", err, a.status, len(a.body))
	}
	if a.status != status {
		c.t.Fatalf("status %d, want %d; %.200q", a.status, status, a.body)
	}
	return a
}

// ends checks that the server closes in good order, with nothing more sent.
func (c *client) ends() {
	c.t.Helper()
	b, err := io.ReadAll(c.r)
	if err != nil || len(b) > 0 {
		c.t.Errorf("the connection should end here; got %.80q, %v", b, err)
	}
}

// stillOpen checks that the connection serves another request.
func (c *client) stillOpen() {
	c.t.Helper()
	c.send(get("/a.txt"))
	if a := c.expect("GET", 200); a.body != "static a" {
		c.t.Errorf("the next request on the connection got %.80q", a.body)
	}
}

func get(target string, fields ...string) string {
	return request("GET", target, fields...)
}

func request(method, target string, fields ...string) string {
	head := method + " " + target + " HTTP/1.1\r\nHost: test\r\n"
	for _, f := range fields {
		head += f + "\r\n"
	}
	return head + "\r\n"
}

// post is a request with content of known length.
func post(target, content string, fields ...string) string {
	return request("POST", target, append(fields, "Content-Length: "+strconv.Itoa(len(content)))...) + content
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(2 * time.Millisecond) {
		if ok() {
			return
		}
		if time.Now().After(end) {
			buf := make([]byte, 1<<16)
			t.Fatalf("not within 5 s: %s\n%s", what, buf[:runtime.Stack(buf, true)])
		}
	}
}

// app is the program behind the FastCGI socket.
type app struct {
	t       *testing.T
	socket  string
	release chan struct{} // block.php answers when it can receive

	mu      sync.Mutex
	blocked int // scripts that are in block.php
	calls   map[string]int
}

func newApp(t *testing.T) *app {
	t.Helper()
	dir := shortDir(t)
	a := &app{t: t, socket: filepath.Join(dir, "s"), release: make(chan struct{}), calls: map[string]int{}}
	ln, err := net.Listen("unix", a.socket)
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = nethttpfcgi.Serve(ln, a) }()
	t.Cleanup(func() { _ = ln.Close() })
	return a
}

func (a *app) count(script string) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.calls[script]
}

func (a *app) waiting() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.blocked
}

func (a *app) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// The script, which after an internal redirect is not what the URL says.
	name := filepath.Base(nethttpfcgi.ProcessEnv(r)["SCRIPT_FILENAME"])
	a.mu.Lock()
	a.calls[name]++
	a.mu.Unlock()
	q := r.URL.Query()
	switch name {
	case "hello.php":
		_, _ = io.WriteString(w, "hello "+q.Get("n"))
	case "echo.php":
		body, err := io.ReadAll(r.Body)
		_, _ = fmt.Fprintf(w, "%s %d %v\n", r.Method, r.ContentLength, err)
		_, _ = w.Write(body)
	case "big.php":
		n, _ := strconv.Atoi(q.Get("n"))
		_, _ = io.Copy(w, bytes.NewReader(pattern(n)))
	case "len.php":
		n, _ := strconv.Atoi(q.Get("n"))
		w.Header().Set("Content-Length", q.Get("said"))
		_, _ = w.Write(pattern(n))
	case "same.php":
		w.WriteHeader(http.StatusNotModified)
		_, _ = io.WriteString(w, q.Get("say"))
	case "stream.php":
		a.stream(w, q.Get("n"))
	case "block.php":
		a.block(w)
	case "accel.php":
		w.Header().Set("X-Accel-Redirect", q.Get("to"))
	case "env.php":
		env := nethttpfcgi.ProcessEnv(r)
		_, _ = fmt.Fprintf(w, "remote=%s tls=%v port=%s forwarded=%q\n", r.RemoteAddr, r.TLS != nil, env["SERVER_PORT"], r.Header.Get("X-Forwarded-For"))
	case "err404.php":
		w.WriteHeader(http.StatusOK)
		_, _ = fmt.Fprintf(w, "script 404, %s, status %s", r.Method, nethttpfcgi.ProcessEnv(r)["REDIRECT_STATUS"])
	default:
		http.Error(w, "no such script: "+r.URL.Path, http.StatusTeapot)
	}
}

func (a *app) stream(w http.ResponseWriter, n string) {
	count, _ := strconv.Atoi(n)
	w.Header().Set("X-Accel-Buffering", "no")
	for i := range count {
		if _, err := fmt.Fprintf(w, "event %d\n", i); err != nil {
			return
		}
		w.(http.Flusher).Flush()
		<-a.release
	}
}

func (a *app) block(w http.ResponseWriter) {
	a.mu.Lock()
	a.blocked++
	a.mu.Unlock()
	select {
	case <-a.release:
	case <-time.After(10 * time.Second):
	}
	a.mu.Lock()
	a.blocked--
	a.mu.Unlock()
	_, _ = io.WriteString(w, "released")
}

// blockedScripts waits until so many scripts are at work.
func (w *world) blockedScripts(n int) {
	w.t.Helper()
	eventually(w.t, fmt.Sprintf("%d scripts at work", n), func() bool { return w.app.waiting() == n })
}

func connsOf(ch change) int {
	if ch.conns > 0 {
		return ch.conns
	}
	return 8
}
