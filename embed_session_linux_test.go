package sluice_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/fcgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/yookoala/gofast"
	"go.uber.org/zap"

	"sluice"
	"sluice/session"
)

// needPHP skips where there is no PHP, but not in CI.
func needPHP(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("php-cgi"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("php-cgi is needed: %v", err)
		}
		t.Skipf("SKIPPED, NOT TESTED: php-cgi is not installed: %v", err)
	}
}

// marked is a middleware: it tells PHP who asks.
func marked(inner gofast.SessionHandler) gofast.SessionHandler {
	return func(c gofast.Client, req *gofast.Request) (*gofast.ResponsePipe, error) {
		req.Params["REMOTE_USER"] = "user of " + req.Raw.URL.RawQuery
		return inner(c, req)
	}
}

// scripts is a session as gofast's users have it: its own router below a folder.
func scripts(dir string) gofast.SessionHandler {
	return gofast.Chain(marked, gofast.NewPHPFS(dir))(gofast.BasicSession)
}

func sessionOf(t testing.TB, s *sluice.Server, path string) *session.Transport {
	t.Helper()
	tr, err := s.Session("example.org", path)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// crowd notes in files how many of its kind run at once.
const crowd = `<?php
$mine = __DIR__ . '/at/' . uniqid('', true);
touch($mine);
usleep(3000);
header('X-Crowd: ' . count(scandir(__DIR__ . '/at')) - 2);
unlink($mine);
echo $_SERVER['REMOTE_USER'] ?? 'nobody', ' ', $_SERVER['QUERY_STRING'];
`

// Requests of both ways share the two workers, and nobody gets another's answer.
func TestSessionSharesWorkers(t *testing.T) {
	needPHP(t)
	dir := folder(t, map[string]string{"crowd.php": crowd, "at/none": ""})
	if err := os.Remove(filepath.Join(dir, "at", "none")); err != nil {
		t.Fatal(err)
	}
	s := newServer(t, sluice.Options{Root: dir, Workers: 2})
	tr := sessionOf(t, s, "/crowd.php")
	if again := sessionOf(t, s, "/other"); again != tr {
		t.Error("another call has another session")
	}
	ways := []struct {
		handler http.Handler
		want    string
	}{
		{s, "nobody"},
		{gofast.NewHandler(scripts(dir), tr.Client), "user of "},
		{tr.Handler(scripts(dir), nil), "user of "},
	}
	var most highest
	var wg sync.WaitGroup
	for i := range 60 {
		wg.Go(func() {
			for j := range 3 {
				way, token := ways[(i+j)%3], fmt.Sprintf("%d-%d", i, j)
				rec := get(way.handler, "/crowd.php?"+token)
				want := way.want + " " + token
				if way.want != "nobody" {
					want = way.want + token + " " + token
				}
				if rec.Code != 200 || rec.Body.String() != want {
					t.Errorf("%d %q, want %q", rec.Code, rec.Body, want)
				}
				var n int64
				if _, err := fmt.Sscan(rec.Header().Get("X-Crowd"), &n); err != nil {
					t.Errorf("X-Crowd %q: %v", rec.Header().Get("X-Crowd"), err)
				}
				most.see(n)
			}
		})
	}
	wg.Wait()
	if n := most.Load(); n != 2 {
		t.Errorf("%d scripts ran at once, want 2", n)
	}
}

// highest keeps the largest number that it has seen.
type highest struct{ atomic.Int64 }

func (h *highest) see(n int64) {
	for m := h.Load(); n > m && !h.CompareAndSwap(m, n); m = h.Load() {
	}
}

// counted is a listener that knows how many connections are open.
type counted struct {
	net.Listener
	open atomic.Int32
}

func (c *counted) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c.open.Add(1)
	return &countedConn{Conn: conn, c: c}, nil
}

type countedConn struct {
	net.Conn
	c    *counted
	once sync.Once
}

func (c *countedConn) Close() error {
	c.once.Do(func() { c.c.open.Add(-1) })
	return c.Conn.Close()
}

// foreign is a FastCGI server that is not sluice's.
func foreign(t *testing.T, h http.HandlerFunc) (*counted, string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "ss") //nolint:usetesting // t.TempDir may be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	c := &counted{Listener: ln}
	done := make(chan struct{})
	go func() { defer close(done); _ = fcgi.Serve(c, h) }()
	t.Cleanup(func() {
		_ = ln.Close()
		<-done
		_ = os.RemoveAll(dir)
	})
	return c, "unix:" + filepath.Join(dir, "s")
}

// A server that is not ours gets no more connections by two ways than by one, and a
// way whose requests wait gets those that the other has idle.
func TestSessionSharesConnections(t *testing.T) {
	var running atomic.Int64 // each on a connection of its own
	var most highest
	_, address := foreign(t, func(w http.ResponseWriter, r *http.Request) {
		most.see(running.Add(1))
		defer running.Add(-1)
		time.Sleep(time.Millisecond)
		_, _ = io.WriteString(w, "for "+r.URL.RawQuery)
	})
	dir := folder(t, map[string]string{"a.php": ""})
	s := newServer(t, sluice.Options{Root: dir, PHP: address, Workers: 2})
	tr := sessionOf(t, s, "/")
	gofasts := gofast.NewHandler(scripts(dir), tr.Client)
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			for j := range 5 {
				h := []http.Handler{s, gofasts}[(i+j)%2]
				token := fmt.Sprintf("%d-%d", i, j)
				if rec := get(h, "/a.php?"+token); rec.Code != 200 || rec.Body.String() != "for "+token {
					t.Errorf("%s: %d %q", token, rec.Code, rec.Body)
				}
			}
		})
	}
	wg.Wait()
	if n := most.Load(); n != 2 {
		t.Errorf("%d connections in use at once, want 2", n)
	}
}

// What a session makes of a request is not believed.
func TestSessionGuarded(t *testing.T) {
	needPHP(t)
	show := `<?php header('Content-Type: text/plain'); foreach (['HTTP_PROXY', 'HTTP_X_USER', 'CONTENT_LENGTH'] as $n) echo $n, '=', $_SERVER[$n] ?? '-', ' '; echo 'body=', file_get_contents('php://input');`
	outside := folder(t, map[string]string{"secret.php": show})
	dir := folder(t, map[string]string{
		"site/show.php": show, "site/evil.jpg": show, "site/up/evil.php": show, "site/no/x.php": show, "site/.git/x.php": show, "site2/x.php": show, "site/sub/s.php": show, "media/m.php": show, "tool/t.php": show,
		"sluice.toml": "[[site]]\nroot = \"site\"\nno_php = [\"/up/*\", \"/media/*\"]\nfollow_into = [\"media\"]\ndeny = [\"/no/*\"]\naliases = { \"/tool\" = \"tool\" }\nphp.workers = 1\n",
	})
	if err := os.Symlink(filepath.Join(outside, "secret.php"), filepath.Join(dir, "site", "sub", "link.php")); err != nil {
		t.Fatal(err)
	}
	for name, target := range map[string]string{"files": "up", "media": "../media", "files2": "../media", "fine": "sub"} {
		if err := os.Symlink(target, filepath.Join(dir, "site", name)); err != nil {
			t.Fatal(err)
		}
	}
	s := newServer(t, sluice.Options{Config: filepath.Join(dir, "sluice.toml")})
	tr := sessionOf(t, s, "/")
	root := filepath.Join(dir, "site")
	for _, tt := range []struct {
		name   string
		params map[string]string
		status int
		want   string
	}{
		{"a script", map[string]string{"SCRIPT_FILENAME": root + "/show.php"}, 200, "HTTP_PROXY=- HTTP_X_USER=- CONTENT_LENGTH=5 body=12345"},
		{"httpoxy", map[string]string{"SCRIPT_FILENAME": root + "/show.php", "HTTP_PROXY": "evil"}, 200, "HTTP_PROXY=- "},
		{"a line that poses as another", map[string]string{"SCRIPT_FILENAME": root + "/show.php", "HTTP_X_USER": "root"}, 200, "HTTP_X_USER=- "},
		{"a wrong length", map[string]string{"SCRIPT_FILENAME": root + "/show.php", "CONTENT_LENGTH": "2"}, 200, "body=12345"},
		{"an alias", map[string]string{"SCRIPT_FILENAME": dir + "/tool/t.php"}, 200, "body=12345"},
		{"no script", map[string]string{"SCRIPT_FILENAME": root + "/evil.jpg"}, 403, "Forbidden"},
		{"a script's name behind", map[string]string{"SCRIPT_FILENAME": root + "/evil.jpg/x.php"}, 404, "Not Found"},
		{"a NUL", map[string]string{"SCRIPT_FILENAME": root + "/evil.jpg\x00.php"}, 400, "Bad Request"},
		{"no such file", map[string]string{"SCRIPT_FILENAME": root + "/none.php"}, 404, "Not Found"},
		{"a neighbour", map[string]string{"SCRIPT_FILENAME": root + "2/x.php"}, 403, "Forbidden"},
		{"upwards", map[string]string{"SCRIPT_FILENAME": root + "/../site2/x.php"}, 403, "Forbidden"},
		{"elsewhere", map[string]string{"SCRIPT_FILENAME": outside + "/secret.php"}, 403, "Forbidden"},
		{"elsewhere by another variable", map[string]string{"PATH_TRANSLATED": outside + "/secret.php", "PATH_INFO": "/x"}, 403, "Forbidden"},
		{"elsewhere by a link", map[string]string{"SCRIPT_FILENAME": root + "/sub/link.php"}, 403, "Forbidden"},
		{"a folder without scripts", map[string]string{"SCRIPT_FILENAME": root + "/up/evil.php"}, 403, "Forbidden"},
		{"a folder without scripts by a link", map[string]string{"SCRIPT_FILENAME": root + "/files/evil.php"}, 403, "Forbidden"},
		{"one that is a link by another", map[string]string{"SCRIPT_FILENAME": root + "/files2/m.php"}, 403, "Forbidden"},
		{"another folder by a link", map[string]string{"SCRIPT_FILENAME": root + "/fine/s.php"}, 200, "body=12345"},
		{"a denied folder", map[string]string{"SCRIPT_FILENAME": root + "/no/x.php"}, 403, "Forbidden"},
		{"a hidden folder", map[string]string{"SCRIPT_FILENAME": root + "/.git/x.php"}, 403, "Forbidden"},
		{"a name of no variable", map[string]string{"SCRIPT_FILENAME": root + "/show.php", "A=B": "c"}, 400, "Bad Request"},
	} {
		sess := func(c gofast.Client, req *gofast.Request) (*gofast.ResponsePipe, error) {
			for name, value := range tt.params {
				req.Params[name] = value
			}
			req.Params["REQUEST_METHOD"] = "POST"
			return c.Do(req)
		}
		for name, h := range map[string]http.Handler{"gofast's handler": gofast.NewHandler(sess, tr.Client), "ours": tr.Handler(sess, nil)} {
			r := httptest.NewRequest("POST", "/x", strings.NewReader("12345"))
			r.Header["X_User"] = []string{"root"}
			r.Header.Set("Proxy", "evil")
			rec := httptest.NewRecorder()
			h.ServeHTTP(rec, r)
			if rec.Code != tt.status || !strings.Contains(rec.Body.String(), tt.want) {
				t.Errorf("%s, %s: %d %q, want %d %q", tt.name, name, rec.Code, rec.Body, tt.status, tt.want)
			}
		}
	}
}

func TestSessionFaults(t *testing.T) {
	dir := folder(t, map[string]string{
		"a/x.txt": "", "sluice.toml": "[[site]]\nnames = [\"a.test\"]\nroot = \"a\"\nphp = \"off\"\n",
	})
	s := newServer(t, sluice.Options{Config: filepath.Join(dir, "sluice.toml")})
	for _, tt := range []struct{ host, want string }{{"a.test:80", "a.test has no PHP"}, {"b.test", `no site serves "/" of "b.test"`}} {
		if _, err := s.Session(tt.host, "/"); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.host, err, tt.want)
		}
	}
}

// Close lets a session's requests finish, takes no more, and leaves nothing.
func TestSessionAndClose(t *testing.T) {
	began, goOn := make(chan struct{}, 1), make(chan struct{})
	server, address := foreign(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery == "slow" {
			began <- struct{}{}
			<-goOn
		}
		_, _ = io.WriteString(w, "done")
	})
	dir := folder(t, map[string]string{"a.php": ""})
	open := func() *sluice.Server {
		s, err := sluice.New(sluice.Options{Root: dir, PHP: address, Logger: zap.NewNop()})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	if err := open().Close(); err != nil { // what is made once stays
		t.Fatal(err)
	}
	eventually(t, "the first server has gone", func() bool { return server.open.Load() == 0 })
	goroutines, fds := runtime.NumGoroutine(), descriptors()
	s := open()
	tr := sessionOf(t, s, "/")
	h := gofast.NewHandler(scripts(dir), tr.Client)
	if rec := get(h, "/a.php"); rec.Body.String() != "done" {
		t.Errorf("%d %q", rec.Code, rec.Body)
	}
	slow, closed := make(chan string, 1), make(chan error, 1)
	go func() { slow <- get(h, "/a.php?slow").Body.String() }()
	<-began
	go func() { closed <- s.Close() }()
	eventually(t, "no new requests", tr.Closed)
	if _, err := tr.Client(); !errors.Is(err, session.ErrClosed) {
		t.Errorf("a client of a server that ends: %v", err)
	}
	if _, err := s.Session("", "/"); !errors.Is(err, session.ErrClosed) {
		t.Errorf("a session of a server that ends: %v", err)
	}
	select {
	case err := <-closed:
		t.Fatalf("Close did not wait for the request under way: %v", err)
	case <-time.After(30 * time.Millisecond):
	}
	close(goOn)
	if got := <-slow; got != "done" {
		t.Errorf("the request under way got %q", got)
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
	eventually(t, "connections, goroutines and descriptors are gone", func() bool {
		return server.open.Load() == 0 && runtime.NumGoroutine() <= goroutines && descriptors() <= fds
	})
}

// A session's request that outlasts shutdown_timeout is given up.
func TestSessionCutOff(t *testing.T) {
	began, end := make(chan struct{}), make(chan struct{})
	_, address := foreign(t, func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery == "slow" { // else New asks for PHP's limits
			close(began)
			<-end
		}
	})
	defer close(end)
	dir := folder(t, map[string]string{"a.php": ""})
	conf := filepath.Join(folder(t, map[string]string{
		"sluice.toml": fmt.Sprintf("shutdown_timeout = \"100ms\"\n[[site]]\nroot = %q\nphp = %q\n", dir, address),
	}), "sluice.toml")
	s, err := sluice.New(sluice.Options{Config: conf, Logger: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	tr := sessionOf(t, s, "/")
	got := make(chan int, 1)
	go func() { got <- get(tr.Handler(scripts(dir), nil), "/a.php?slow").Code }()
	<-began
	if err := s.Close(); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Close: %v", err)
	}
	if status := <-got; status != 503 {
		t.Errorf("status %d, want 503", status)
	}
}

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			buf := make([]byte, 1<<20)
			t.Fatalf("never happened: %s\n%s", what, buf[:runtime.Stack(buf, true)])
		}
	}
}

// What the hook changes of a request a script sees, and of its response the client.
func TestHookAndPHP(t *testing.T) {
	needPHP(t)
	dir := folder(t, map[string]string{
		"show.php":   `<?php header('X-Powered-By: it'); header('X-Script: 1'); http_response_code(201); echo $_SERVER['HTTP_X_USER'] ?? '-', '|', $_SERVER['QUERY_STRING'], '|', $_GET['b'] ?? '-', '|', $_SERVER['REQUEST_URI'], '|', $_SERVER['HTTP_HOST'], '|', $_SERVER['REMOTE_ADDR'];`,
		".htaccess":  "RewriteEngine On\nRewriteRule ^moved$ show.php [QSA]\n",
		"plain.html": "plain",
	})
	s := newServer(t, sluice.Options{Root: dir, Workers: 1, Hook: sluice.Hook{
		Request: func(r *http.Request) http.Handler {
			r.Header.Set("X-User", "known")
			q := r.URL.Query()
			q.Set("b", "from the hook")
			r.URL.RawQuery = q.Encode()
			r.Host, r.RemoteAddr = "hooked.test", "192.0.2.7:99"
			return nil
		},
		Response: func(r *http.Request, status int, header http.Header) int {
			header.Del("X-Powered-By")
			header.Set("X-Seen", fmt.Sprintf("%d %s %s", status, header.Get("X-Script"), r.URL.RawQuery))
			return http.StatusAccepted
		},
	}})
	server := httptest.NewServer(s)
	defer server.Close()
	for target, want := range map[string]string{
		"/show.php":         "known|b=from+the+hook|from the hook|/show.php?b=from+the+hook|hooked.test|192.0.2.7",
		"/show.php?a=1&b=2": "known|a=1&b=from+the+hook|from the hook|/show.php?a=1&b=from+the+hook|hooked.test|192.0.2.7",
		"/moved":            "known|b=from+the+hook|from the hook|/moved?b=from+the+hook|hooked.test|192.0.2.7",
	} {
		r, err := http.NewRequest("GET", server.URL+target, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-User", "a liar")
		res, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if err != nil || res.StatusCode != http.StatusAccepted || string(body) != want {
			t.Errorf("%s: %d %q %v, want %q", target, res.StatusCode, body, err, want)
		}
		if h := res.Header; h.Get("X-Powered-By") != "" || !strings.HasPrefix(h.Get("X-Seen"), "201 1 ") || !strings.Contains(h.Get("X-Seen"), "b=from+the+hook") {
			t.Errorf("%s: %v", target, h)
		}
	}
}
