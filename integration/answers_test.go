//go:build linux

package integration

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// TestAnswersOfPHP compares what becomes of a script's head with what nginx
// makes of the same script.
func TestAnswersOfPHP(t *testing.T) {
	st, mark := faultSite(t)
	oracle := startNginx(t, st, startFPM(t, st))
	s := startHost(t, st)
	for _, method := range []string{"GET", "HEAD", "POST"} {
		for _, how := range []string{
			"status", "cookies", "redirect", "absolute", "seeother", "empty", "fresh", "type", "length", "error", "nothing",
		} {
			ask := func(h *server) answer {
				body := map[string]string{"POST": "a=1"}[method]
				return raw(t, h.addr, method, request(h, method, at("head.php", mark, "how", how), body))
			}
			got, want := ask(s), ask(oracle)
			name := method + " " + how
			if got.status != want.status || got.body != want.body {
				t.Errorf("%s: %d %q, nginx %d %q", name, got.status, got.body, want.status, want.body)
			}
			for _, field := range []string{"Set-Cookie", "X-Many", "Content-Type", "Etag"} {
				if g, w := fmt.Sprint(got.header.Values(field)), fmt.Sprint(want.header.Values(field)); !strings.EqualFold(g, w) {
					t.Errorf("%s: %s %s, nginx %s", name, field, g, w)
				}
			}
			if g, w := path(got.header.Get("Location")), path(want.header.Get("Location")); g != w {
				t.Errorf("%s: Location %q, nginx %q", name, got.header.Get("Location"), want.header.Get("Location"))
			}
			if g := got.header.Get("Status"); g != "" {
				t.Errorf("%s: the CGI field Status: %s reached the client", name, g)
			}
			if n := got.header.Get("Content-Length"); hostIsSluice() && method == "GET" && got.status == http.StatusOK && n != fmt.Sprint(len(got.body)) {
				t.Errorf("%s: Content-Length %q for a whole body of %d", name, n, len(got.body))
			}
		}
	}
}

// path leaves out scheme and own host of a Location: nginx makes it absolute.
func path(location string) string {
	if rest, ok := strings.CutPrefix(location, "http://127.0.0.1"); ok {
		return rest[strings.IndexByte(rest, '/'):]
	}
	return location
}

// TestAnswersInOrder sends many requests at once on one connection.
func TestAnswersInOrder(t *testing.T) {
	st, mark := faultSite(t)
	s := startHost(t, st)
	c := dial(t, s.addr)
	targets := []string{
		at("sleep.php", mark, "s", "0.3"), "/static.txt", "/hello.php", "/missing.txt", "/static.txt", at("echo.php", mark), "/hello.php",
	}
	wants := []string{"slept", "static", "hello", "", "static", "3 900150983cd24fb0d6963f7d28e17f72", "hello"}
	var b strings.Builder
	for i, target := range targets {
		if i == 5 {
			fmt.Fprintf(&b, "POST %s HTTP/1.1\r\nHost: %s\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n2;x=y\r\nbc\r\n0\r\nTrailer: x\r\n\r\n", target, s.addr)
			continue
		}
		fmt.Fprintf(&b, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", target, s.addr)
	}
	if _, err := io.WriteString(c, b.String()); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(c)
	for i, target := range targets {
		a, err := readAnswer(r, "GET")
		if err != nil {
			t.Fatalf("answer %d: %v", i, err)
		}
		if i == 3 && a.status != http.StatusNotFound || i != 3 && a.status != http.StatusOK || !strings.HasPrefix(a.body, wants[i]) {
			t.Errorf("answer %d, to %s: %d %q, want %q", i, target, a.status, a.body, wants[i])
		}
	}
}

// TestAnswersContinue: 100 comes before the body when it is asked for, and not
// otherwise.
func TestAnswersContinue(t *testing.T) {
	st, _ := faultSite(t)
	s := startHost(t, st)
	c := dial(t, s.addr)
	head := request(s, "POST", "/echo.php", "", "Content-Length: 3", "Expect: 100-continue")
	if _, err := io.WriteString(c, head); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(c)
	line, err := r.ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "HTTP/1.1 100") {
		t.Fatalf("first line %q, %v; want 100", line, err)
	}
	if blank, err := r.ReadString('\n'); err != nil || strings.TrimSpace(blank) != "" {
		t.Fatalf("after 100: %q, %v", blank, err)
	}
	if _, err := io.WriteString(c, "abc"); err != nil {
		t.Fatal(err)
	}
	a, err := readAnswer(r, "POST")
	if err != nil || a.status != http.StatusOK || !strings.HasPrefix(a.body, "3 ") {
		t.Errorf("final answer: %d %q, %v", a.status, a.body, err)
	}
}

// TestAnswersOldAndOdd covers HTTP/1.0, keep-alive by either version, and
// targets other than a path.
func TestAnswersOldAndOdd(t *testing.T) {
	st, _ := faultSite(t)
	s := startHost(t, st)
	tests := []struct {
		name, method, text string
		status             int
		close              bool
	}{
		{"1.0", "GET", "GET /hello.php HTTP/1.0\r\n\r\n", 200, true},
		{"1.0 kept", "GET", "GET /static.txt HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\n\r\n", 200, false},
		{"1.1", "GET", "GET /static.txt HTTP/1.1\r\nHost: x\r\n\r\n", 200, false},
		{"1.1 close", "GET", "GET /static.txt HTTP/1.1\r\nHost: x\r\nConnection: Close\r\n\r\n", 200, true},
		{"head", "HEAD", "HEAD /hello.php HTTP/1.1\r\nHost: x\r\n\r\n", 200, false},
		{"absolute", "GET", "GET http://x/static.txt HTTP/1.1\r\nHost: x\r\n\r\n", 200, false},
		{"empty line before", "GET", "\r\nGET /static.txt HTTP/1.1\r\nHost: x\r\n\r\n", 200, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := dial(t, s.addr)
			if _, err := io.WriteString(c, tt.text); err != nil {
				t.Fatal(err)
			}
			r := bufio.NewReader(c)
			a, err := readAnswer(r, tt.method)
			if err != nil || a.status != tt.status {
				t.Fatalf("status %d, %v; want %d", a.status, err, tt.status)
			}
			if _, err := fmt.Fprintf(c, "GET /static.txt HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"); err != nil && !tt.close {
				t.Fatal(err)
			}
			next, err := readAnswer(r, "GET")
			if closed := err != nil; closed != tt.close {
				t.Errorf("closed %v, want %v (next answer: %d %q)", closed, tt.close, next.status, next.body)
			}
		})
	}
	if a := raw(t, s.addr, "OPTIONS", request(s, "OPTIONS", "*", "")); hostIsSluice() && (a.status > 204 || a.header.Get("Allow") == "") {
		t.Errorf("OPTIONS *: status %d, Allow %q", a.status, a.header.Get("Allow"))
	}
}
