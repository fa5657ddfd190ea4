package sluice_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"sluice"
	"sluice/conf"
	"sluice/host"
)

// folder makes files in a new folder.
func folder(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		full := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func newServer(t testing.TB, opts sluice.Options) *sluice.Server {
	t.Helper()
	opts.Logger = zap.NewNop()
	s, err := sluice.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func get(s http.Handler, target string) *httptest.ResponseRecorder {
	rec := httptest.NewRecorder()
	s.ServeHTTP(rec, httptest.NewRequest("GET", target, nil))
	return rec
}

func TestRootBelowPath(t *testing.T) {
	dir := folder(t, map[string]string{"a.txt": "file a", "sub/.htaccess": "RewriteEngine On\nRewriteRule ^b$ ../a.txt [END]\n", `odd "name".txt`: "odd"})
	s := newServer(t, sluice.Options{Root: dir, Path: "/blog", PHP: "off"})
	for _, tt := range []struct {
		target string
		status int
		want   string
	}{
		{"/blog/a.txt", 200, "file a"},
		{"/blog/sub/b", 200, "file a"},
		{"/blog/odd%20%22name%22.txt", 200, "odd"},
		{"/blog/../a.txt", 400, ""}, // no way out
		{"/a.txt", 421, ""},
		{"/blogs/a.txt", 421, ""},
	} {
		if rec := get(s, tt.target); rec.Code != tt.status && tt.status != 400 || !strings.Contains(rec.Body.String(), tt.want) || tt.status == 400 && rec.Code < 400 {
			t.Errorf("%s: %d %q, want %d %q", tt.target, rec.Code, rec.Body, tt.status, tt.want)
		}
	}
}

func TestConfig(t *testing.T) {
	dir := folder(t, map[string]string{
		"one/index.html": "site one", "two/index.html": "site two",
		"sluice.toml": "listen = [\"127.0.0.1:1\"]\n[[site]]\nnames = [\"one.test\"]\nroot = \"one\"\n[[site]]\nnames = [\"two.test\"]\nroot = \"two\"\n",
	})
	s := newServer(t, sluice.Options{Config: filepath.Join(dir, "sluice.toml"), PHP: "off"})
	for _, name := range []string{"one", "two"} {
		if rec := get(s, "http://"+name+".test/"); rec.Body.String() != "site "+name {
			t.Errorf("%s: %d %q", name, rec.Code, rec.Body)
		}
	}
}

func TestOptionsFaults(t *testing.T) {
	dir := folder(t, map[string]string{"sluice.toml": "lissten = 1\n[[site]]\nroot = \"nowhere\"\n"})
	for _, tt := range []struct {
		name string
		opts sluice.Options
		want string
	}{
		{"nothing", sluice.Options{}, "either"},
		{"both", sluice.Options{Root: dir, Config: "x"}, "either"},
		{"path of a configuration", sluice.Options{Path: "/a", Config: "x"}, "Options.Path"},
		{"workers", sluice.Options{Root: dir, Workers: -1}, "Workers is -1"},
		{"no folder", sluice.Options{Root: filepath.Join(dir, "none")}, "none"},
		{"no path", sluice.Options{Root: dir, Path: "blog"}, "blog"},
		{"faults of a configuration", sluice.Options{Config: filepath.Join(dir, "sluice.toml")}, "lissten"},
		{"no PHP", sluice.Options{Root: dir, PHP: "/nowhere/php-cgi"}, "/nowhere/php-cgi"},
	} {
		s, err := sluice.New(tt.opts)
		if err == nil {
			_ = s.Close()
			t.Errorf("%s: no error", tt.name)
			continue
		}
		if !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v; want %q in it", tt.name, err, tt.want)
		}
	}
	_, err := sluice.New(sluice.Options{Config: filepath.Join(dir, "sluice.toml")})
	if faults := conf.Faults(err); len(faults) != 2 {
		t.Errorf("%d faults, want both: %v", len(faults), err)
	}
}

func TestHook(t *testing.T) {
	dir := folder(t, map[string]string{"a.txt": "file a", "b.txt": "file b"})
	var seen *http.Request
	s := newServer(t, sluice.Options{Root: dir, PHP: "off", Hook: sluice.Hook{
		Request: func(r *http.Request) http.Handler {
			switch r.URL.Path {
			case "/moved":
				return http.RedirectHandler("/a.txt", http.StatusSeeOther)
			case "/b":
				r.URL.Path = "/b.txt"
			}
			r.Header.Set("X-Mine", "1")
			return nil
		},
		Response: func(r *http.Request, status int, header http.Header) int {
			seen = r
			header.Set("X-Status", fmt.Sprint(status))
			header.Del("ETag")
			header.Set("Content-Length", "1")
			switch {
			case r.URL.Path == "/a.txt" && r.URL.RawQuery == "empty":
				return http.StatusNoContent
			case status == http.StatusNotFound:
				return http.StatusGone
			}
			return status
		},
	}})
	server := httptest.NewServer(s)
	defer server.Close()
	for _, tt := range []struct {
		target string
		status int
		body   string
		told   string
	}{
		{"/a.txt", 200, "file a", "200"},
		{"/b", 200, "file b", "200"},
		{"/a.txt?empty", 204, "", "200"},
		{"/none", 410, "404", "404"},
		{"/moved", 303, "See Other", ""},
	} {
		res, err := http.DefaultTransport.RoundTrip(httptest.NewRequest("GET", server.URL+tt.target, nil))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if err != nil || res.StatusCode != tt.status || !strings.Contains(string(body), tt.body) || res.Header.Get("X-Status") != tt.told || res.Header.Get("ETag") != "" {
			t.Errorf("%s: %d %q %v %v; want %d %q", tt.target, res.StatusCode, body, res.Header, err, tt.status, tt.body)
		}
	}
	given := httptest.NewRequest("GET", "/b", nil)
	s.ServeHTTP(httptest.NewRecorder(), given)
	if given.URL.Path != "/b" || given.Header.Get("X-Mine") != "" {
		t.Error("the hook has changed a request that is not its own")
	}
	if seen.URL.Path != "/b.txt" {
		t.Errorf("the response was shown with the request for %s", seen.URL)
	}
}

// A closed server answers 503 and has left nothing behind; closing it again does
// no harm. Neither does a start that fails leave anything.
func TestCloseLeavesNothing(t *testing.T) {
	dir := folder(t, map[string]string{"a.txt": "file a", ".htaccess": "Options -Indexes\n"})
	warm := newServer(t, sluice.Options{Root: dir, PHP: "off"}) // what is made once stays
	if err := warm.Close(); err != nil {
		t.Fatal(err)
	}
	goroutines, fds := runtime.NumGoroutine(), descriptors()
	for range 5 {
		s := newServer(t, sluice.Options{Root: dir, PHP: "off"})
		if rec := get(s, "/a.txt"); rec.Body.String() != "file a" {
			t.Errorf("%d %q", rec.Code, rec.Body)
		}
		for range 2 {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
		if rec := get(s, "/a.txt"); rec.Code != 503 {
			t.Errorf("after Close: %d", rec.Code)
		}
		if _, err := sluice.New(sluice.Options{Root: dir, PHP: "/nowhere/php-cgi"}); err == nil {
			t.Error("no error")
		}
	}
	for end := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > goroutines || descriptors() > fds; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			var b bytes.Buffer
			buf := make([]byte, 1<<16)
			b.Write(buf[:runtime.Stack(buf, true)])
			t.Fatalf("goroutines %d, before %d; descriptors %d, before %d\n%s", runtime.NumGoroutine(), goroutines, descriptors(), fds, &b)
		}
	}
}

func descriptors() int {
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(list)
}

// What can't be had on this machine is told from what is configured wrong.
func TestStage(t *testing.T) {
	_, err := sluice.New(sluice.Options{Root: folder(t, nil), PHP: "unix:/nowhere/php.sock", AllowOverride: "None"})
	if err == nil {
		return // it may come up later
	}
	var fault *host.Fault
	if !errors.As(err, &fault) {
		t.Errorf("%v is a %T", err, err)
	}
}

func Example() {
	dir, err := os.MkdirTemp("", "sluice")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if err := os.WriteFile(filepath.Join(dir, "hello.txt"), []byte("Hello"), 0o644); err != nil {
		panic(err)
	}
	blog, err := sluice.New(sluice.Options{Root: dir, Path: "/blog", PHP: "off", Logger: zap.NewNop()})
	if err != nil {
		panic(err)
	}
	defer func() { _ = blog.Close() }()
	mux := http.NewServeMux()
	mux.Handle("/blog/", blog)

	rec := httptest.NewRecorder()
	mux.ServeHTTP(rec, httptest.NewRequest("GET", "/blog/hello.txt", nil))
	fmt.Println(rec.Code, rec.Body)
	// Output: 200 Hello
}
