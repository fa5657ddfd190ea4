package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
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

// program is the example as a process.
type program struct {
	cmd    *exec.Cmd
	url    string
	stderr bytes.Buffer
}

func start(t *testing.T) *program {
	t.Helper()
	needPHP(t)
	bin := filepath.Join(t.TempDir(), "embed")
	if out, err := exec.Command("go", "build", "-buildvcs=false", "-o", bin, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	p := &program{cmd: exec.Command(bin, "-listen", "127.0.0.1:0", "-root", "pages")}
	p.cmd.Stderr = &p.stderr
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.cmd.Process.Kill() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		_ = p.cmd.Wait()
		t.Fatalf("it did not start: %v\n%s", err, p.stderr.String())
	}
	p.url = strings.TrimSuffix(strings.TrimSpace(strings.TrimPrefix(line, "listening on ")), "/")
	return p
}

func (p *program) ask(t *testing.T, r *http.Request) (*http.Response, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	res, err := http.DefaultTransport.RoundTrip(r.WithContext(ctx))
	if err != nil {
		t.Fatalf("%s %s: %v", r.Method, r.URL, err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", r.Method, r.URL, err)
	}
	return res, string(body)
}

func (p *program) request(t *testing.T, method, target, content string) *http.Request {
	t.Helper()
	r, err := http.NewRequest(method, p.url+target, strings.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestExample(t *testing.T) {
	p := start(t)
	for _, tt := range []struct {
		name, method, target, content string
		change                        func(*http.Request)
		status                        int
		want                          string
	}{
		{"Go", "GET", "/", "", nil, 200, "This is Go"},
		{"Go's 404", "GET", "/nothing", "", nil, 404, "404"},
		{"PHP", "GET", "/php/", "", nil, 200, "Hello, a stranger"},
		{"its URL", "GET", "/php/index.php?a=%20b", "", nil, 200, "This is /php/index.php?a=%20b, by PHP"},
		{"a visitor", "GET", "/php/", "", func(r *http.Request) { r.SetBasicAuth("Ali", "sesame") }, 200, "Hello, Ali"},
		{"one who lies", "GET", "/php/", "", func(r *http.Request) { r.Header.Set("X-Visitor", "root") }, 200, "Hello, a stranger"},
		{"a form", "POST", "/php/", url.Values{"text": {"a<b"}}.Encode(), func(r *http.Request) {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}, 200, "You wrote 3 letters: a&lt;b"},
		{"a rule", "GET", "/php/about", "", nil, 200, "This is /php/about, by PHP"},
		{"a file", "GET", "/php/style.css", "", nil, 200, "font-family"},
		{"hidden", "GET", "/php/.htaccess", "", nil, 403, ""},
		{"the hook's answer", "GET", "/php/private", "", nil, 404, "404 page not found"},
	} {
		r := p.request(t, tt.method, tt.target, tt.content)
		if tt.change != nil {
			tt.change(r)
		}
		res, body := p.ask(t, r)
		if res.StatusCode != tt.status || !strings.Contains(body, tt.want) {
			t.Errorf("%s: %d %q, want %d and %q", tt.name, res.StatusCode, body, tt.status, tt.want)
		}
		byPHP := strings.Contains(body, "by PHP")
		if h := res.Header; byPHP && (h.Get("X-Secret") != "" || h.Get("X-Frame-Options") != "DENY" || !strings.HasPrefix(h.Get("Content-Type"), "text/html")) {
			t.Errorf("%s: header %v", tt.name, h)
		}
	}
	p.end(t)
}

// end stops the program as an init system does; no worker may stay.
func (p *program) end(t *testing.T) {
	t.Helper()
	workers := children(t, p.cmd.Process.Pid)
	if len(workers) == 0 {
		t.Error("it had no PHP worker")
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("it ended with %v\n%s", err, p.stderr.String())
	}
	for _, pid := range workers {
		if _, err := os.Stat("/proc/" + pid); err == nil {
			t.Errorf("worker %s is left", pid)
		}
	}
}

// children are the processes that a process has started.
func children(t *testing.T, pid int) []string {
	t.Helper()
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, name := range tasks {
		text, err := os.ReadFile(name)
		if err != nil {
			continue // the thread has ended
		}
		list = append(list, strings.Fields(string(text))...)
	}
	return list
}
