package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
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

// start runs the program as it is, until the test ends, and answers its URL.
func start(t *testing.T) string {
	t.Helper()
	needPHP(t)
	old := os.Stdout
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	os.Stdout = w
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		err := run(ctx, "127.0.0.1:0", "pages")
		_ = w.Close() // if it did not come as far as its first line
		done <- err
	}()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("it ended with %v", err)
			}
		case <-time.After(30 * time.Second):
			t.Error("it does not end")
		}
		_ = r.Close()
	})
	line, err := bufio.NewReader(r).ReadString('\n')
	os.Stdout = old
	if err != nil {
		t.Fatalf("it did not start: %v", err)
	}
	return strings.TrimSuffix(strings.TrimSpace(strings.TrimPrefix(line, "listening on ")), "/")
}

func TestExample(t *testing.T) {
	url := start(t)
	for _, tt := range []struct {
		name, method, target, content string
		change                        func(*http.Request)
		status                        int
		want                          string
	}{
		{"a page", "GET", "/php/index.php?a=1", "", nil, 200, "This is /php/index.php?a=1, by PHP"},
		{"a stranger", "GET", "/members/", "", nil, 401, "Members only."},
		{"one who lies", "GET", "/members/", "", func(r *http.Request) { r.Header.Set("Remote-User", "root") }, 401, "Members only."},
		{"a wrong password", "GET", "/members/", "", func(r *http.Request) { r.SetBasicAuth("Ali", "open") }, 401, "Members only."},
		{"a member", "GET", "/members/", "", func(r *http.Request) { r.SetBasicAuth("Ali", "sesame") }, 200, "Hello, Ali"},
		{"his form", "POST", "/members/", "12345", func(r *http.Request) { r.SetBasicAuth("Ali", "sesame") }, 200, "You sent 5 letters by POST"},
	} {
		r, err := http.NewRequestWithContext(t.Context(), tt.method, url+tt.target, strings.NewReader(tt.content))
		if err != nil {
			t.Fatal(err)
		}
		if tt.change != nil {
			tt.change(r)
		}
		res, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if err != nil || res.StatusCode != tt.status || !strings.Contains(string(body), tt.want) {
			t.Errorf("%s: %d %q %v, want %d and %q", tt.name, res.StatusCode, body, err, tt.status, tt.want)
		}
		if challenge := res.Header.Get("WWW-Authenticate"); (challenge != "") != (tt.status == 401) {
			t.Errorf("%s: WWW-Authenticate %q", tt.name, challenge)
		}
	}
}
