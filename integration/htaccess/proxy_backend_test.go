//go:build linux

package htaccess_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// seen is what a backend saw of a request.
type seen struct {
	Method, URI, Host string
	Header            map[string]string
	Body              string
}

// backend is a server that both proxies pass requests on to.
type backend struct {
	addr   string // host:port
	socket string // the same on a Unix socket
}

func startBackend(t testing.TB) *backend {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(echoed))
	t.Cleanup(s.Close)
	b := &backend{addr: s.Listener.Addr().String(), socket: filepath.Join(workDir(t), "backend.sock")}
	ln, err := net.Listen("unix", b.socket)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(b.socket, 0o666); err != nil {
		t.Fatal(err)
	}
	u := httptest.NewUnstartedServer(http.HandlerFunc(echoed))
	_ = u.Listener.Close()
	u.Listener = ln
	u.Start()
	t.Cleanup(u.Close)
	return b
}

// echoed answers with what it saw, or as the path asks for.
func echoed(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	s := seen{Method: r.Method, URI: r.RequestURI, Host: r.Host, Header: map[string]string{}, Body: string(body)}
	if err != nil {
		s.Body = "broken: " + err.Error()
	}
	for name, values := range r.Header {
		s.Header[name] = strings.Join(values, ", ")
	}
	h := w.Header()
	h.Set("Server", "backend")
	kind, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if special(w, r, kind, rest) {
		return
	}
	text, _ := json.Marshal(s) // strings always can be
	h.Set("Content-Type", "application/json")
	h.Set("X-Backend", "yes")
	_, _ = w.Write(text)
}

// special answers in ways that are hard to pass on.
func special(w http.ResponseWriter, r *http.Request, kind, rest string) bool {
	h := w.Header()
	switch kind {
	case "status":
		code, _ := strconv.Atoi(rest)
		h.Set("X-Backend", "status")
		h.Set("Content-Type", "text/plain")
		w.WriteHeader(code)
		if code != 204 && code != 304 {
			_, _ = fmt.Fprintf(w, "status %d of the backend\n", code)
		}
	case "redirect":
		http.Redirect(w, r, "/"+rest, http.StatusFound)
	case "cookies":
		h.Add("Set-Cookie", "a=1; Path=/")
		h.Add("Set-Cookie", "b=2; HttpOnly")
		h.Set("Content-Type", "text/plain")
		_, _ = io.WriteString(w, "cookies\n")
	case "chunked":
		h.Set("Content-Type", "text/plain")
		for i := range 5 {
			_, _ = fmt.Fprintf(w, "piece %d\n", i)
			_ = http.NewResponseController(w).Flush()
		}
	case "big":
		n, _ := strconv.Atoi(rest)
		h.Set("Content-Type", "application/octet-stream")
		h.Set("Content-Length", strconv.Itoa(n))
		_, _ = io.WriteString(w, strings.Repeat("0123456789abcdef", n/16))
	case "untyped":
		h["Content-Type"] = nil
		_, _ = io.WriteString(w, "no type\n")
	case "raw":
		raw(w, rest)
	default:
		return false
	}
	return true
}

// raw answers with what no Go server would.
func raw(w http.ResponseWriter, kind string) {
	c, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer func() { _ = c.Close() }()
	_, _ = io.WriteString(c, map[string]string{
		"closed":  "",
		"garbage": "this is not HTTP\r\n\r\n",
		"short":   "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
		"hop": "HTTP/1.1 401 Who\r\nConnection: X-Listed\r\nX-Listed: 1\r\nKeep-Alive: timeout=5\r\nProxy-Authenticate: Basic realm=x\r\n" +
			"WWW-Authenticate: Basic realm=y\r\nETag: \"tag\"\r\nUpgrade: x\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\nhop\n",
		"old":     "HTTP/1.0 200 Fine\r\nContent-Type: text/plain\r\n\r\nuntil the end\n",
		"interim": "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 6\r\nContent-Type: text/plain\r\n\r\nfinal\n",
		"cut":     "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
	}[kind])
}
