//go:build linux

package integration

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// answer is a response read to its end.
type answer struct {
	status int
	header http.Header
	body   string
}

// rawTimeout bounds every raw exchange.
const rawTimeout = 20 * time.Second

// dial opens a connection that is closed with the test.
func dial(t testing.TB, addr string) net.Conn {
	t.Helper()
	c, err := net.DialTimeout("tcp", addr, rawTimeout)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(rawTimeout)); err != nil {
		t.Fatal(err)
	}
	return c
}

// raw sends bytes as they are and reads one response. net/http would tidy the
// very things that are tested here.
func raw(t testing.TB, addr, method, request string) answer {
	t.Helper()
	a, err := tryRaw(addr, method, request)
	if err != nil {
		t.Fatalf("%q: %v", firstLine(request), err)
	}
	return a
}

// tryRaw is raw for goroutines other than the test's.
func tryRaw(addr, method, request string) (answer, error) {
	c, err := net.DialTimeout("tcp", addr, rawTimeout)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = c.Close() }()
	if err := c.SetDeadline(time.Now().Add(rawTimeout)); err != nil {
		return answer{}, err
	}
	if _, err := io.WriteString(c, request); err != nil {
		return answer{}, err
	}
	return readAnswer(bufio.NewReader(c), method)
}

func readAnswer(r *bufio.Reader, method string) (answer, error) {
	resp, err := http.ReadResponse(r, &http.Request{Method: method})
	if err != nil {
		return answer{}, fmt.Errorf("read response: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return answer{}, fmt.Errorf("read body of a %d after %d bytes: %w", resp.StatusCode, len(body), err)
	}
	return answer{resp.StatusCode, resp.Header, string(body)}, nil
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\r\n")
	return line
}

// request makes a request head (and body) with "Connection: close".
func request(s *server, method, target, body string, lines ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n", method, target, s.addr)
	for _, line := range lines {
		b.WriteString(line + "\r\n")
	}
	if body != "" {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(body))
	}
	return b.String() + "\r\n" + body
}

// get is a plain GET on a fresh connection.
func get(t testing.TB, s *server, target string, lines ...string) answer {
	t.Helper()
	return raw(t, s.addr, "GET", request(s, "GET", target, "", lines...))
}
