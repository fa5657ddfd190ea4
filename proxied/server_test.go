package proxied

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sluice/fcgi"
	"sluice/responder/respondertest"
)

// echo answers with what it saw.
func echo(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var lines []string
	for name, values := range r.Header {
		lines = append(lines, name+": "+strings.Join(values, " | "))
	}
	slices.Sort(lines)
	_, _ = fmt.Fprintf(w, "%s %s\nHost: %s\n%s\nlength %d %v body %d %v\n", r.Method, r.RequestURI, r.Host, strings.Join(lines, "\n"), r.ContentLength, r.TransferEncoding, len(body), err)
}

// backend is a server to be asked.
func backend(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

// rawBackend answers every connection's first read with text, and closes it.
func rawBackend(t *testing.T, text string) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	go func() {
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			_, _ = nc.Read(make([]byte, 4096))
			_, _ = io.WriteString(nc, text)
			_ = nc.Close()
		}
	}()
	return "http://" + ln.Addr().String()
}

func TestRequestIsPassedOn(t *testing.T) {
	t.Parallel()
	f := start(t, Options{})
	url := backend(t, echo)
	host := strings.TrimPrefix(url, "http://")
	for _, tt := range []struct {
		name string
		o    order
		want []string
		not  []string
	}{
		{"plain", order{target: url + "/a?b=c"}, []string{"GET /a?b=c\nHost: " + host, "X-Forwarded-For: 192.0.2.7\n", "X-Forwarded-Server: front.example\n"}, []string{"User-Agent", "Accept-Encoding", "X-Forwarded-Host"}},
		{"no path", order{target: url}, []string{"GET /\n"}, nil},
		{"query only", order{target: url + "?x"}, []string{"GET /?x\n"}, nil},
		{"as it is", order{target: url + "/%41/../b;c=d%2F?%zz"}, []string{"GET /%41/../b;c=d%2F?%zz\n"}, nil},
		{"two slashes", order{target: url + "//x/%2Fy?q=1"}, []string{"GET //x/%2Fy?q=1\n"}, nil},
		{"ws without an upgrade", order{target: "ws://" + host + "/w"}, []string{"GET /w\n"}, nil},
		{
			"added to",
			order{target: url, fields: []string{"Host: outer.example:8080", "X-Forwarded-For: 198.51.100.1", "x-forwarded-for: 198.51.100.2", "X-Forwarded-Host: first"}},
			[]string{"X-Forwarded-For: 198.51.100.1, 198.51.100.2, 192.0.2.7\n", "X-Forwarded-Host: first, outer.example:8080\n", "Host: " + host},
			nil,
		},
		{
			"of a connection",
			order{target: url, fields: []string{"Connection: close, X-Mine", "X-Mine: 1", "Keep-Alive: 5", "TE: trailers", "Trailer: X", "Transfer-Encoding: chunked", "Upgrade: h2c", "Proxy-Connection: x", "Proxy: http://evil", "Expect: 100-continue"}},
			[]string{"GET /\n"},
			[]string{"X-Mine", "Keep-Alive", "Te:", "Trailer", "Transfer-Encoding:", "Upgrade", "Proxy-Connection", "Proxy:", "Expect"},
		},
		{
			"end to end",
			order{target: url, fields: []string{"Authorization: Basic x", "Cookie: a=1", "X-Twice: 1", "X-Twice: 2", "X_Under: 3", "User-Agent: me", "Accept-Encoding: br", "Range: bytes=1-", "Proxy-Authorization: p"}},
			[]string{"Authorization: Basic x\n", "Cookie: a=1\n", "X-Twice: 1 | 2\n", "X_under: 3\n", "User-Agent: me\n", "Accept-Encoding: br\n", "Range: bytes=1-\n", "Proxy-Authorization: p\n"},
			nil,
		},
		{"content", order{method: "POST", target: url, body: []byte("a=b"), fields: []string{"Content-Type: text/x", "Content-Length: 999"}}, []string{"POST /\n", "Content-Type: text/x\n", "length 3 [] body 3 <nil>"}, nil},
		{"no content", order{method: "POST", target: url, body: []byte{}}, []string{"length 0 [] body 0 <nil>"}, nil},
		{"any method", order{method: "PROPFIND", target: url}, []string{"PROPFIND /\n"}, nil},
		{"fresh", order{target: url, fresh: true}, []string{"Connection: close\n"}, nil},
		{"Max-Forwards", order{target: url, fields: []string{"Max-Forwards: 3"}}, []string{"Max-Forwards: 2\n"}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := f.ask(tt.o)
			if a.res.Status != 200 || a.fault != "" || a.cut {
				t.Fatalf("%d, %q, cut %v", a.res.Status, a.fault, a.cut)
			}
			for _, s := range tt.want {
				if !strings.Contains(a.body, s) {
					t.Errorf("the other server saw\n%s\nwant %q", a.body, s)
				}
			}
			for _, s := range tt.not {
				if strings.Contains(a.body, "\n"+s) {
					t.Errorf("the other server saw\n%s\nbut should not see %q", a.body, s)
				}
			}
		})
	}
}

func TestResponseIsPassedBack(t *testing.T) {
	t.Parallel()
	f := start(t, Options{})
	const long = "0123456789"
	for _, tt := range []struct {
		name, text   string
		head         bool
		status       int
		length       int64
		body         string
		fields, gone []string
	}{
		{"ordinary", "HTTP/1.1 200 Fine\r\nContent-Length: 10\r\nContent-Type: text/x\r\nETag: \"a\"\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\r\n" + long, false, 200, 10, long, []string{"content-type: text/x", "etag: \"a\"", "set-cookie: a=1"}, nil},
		{"chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n5\r\n01234\r\n5\r\n56789\r\n0\r\nX-T: 1\r\n\r\n", false, 200, -1, long, nil, []string{"trailer", "x-t", "transfer-encoding"}},
		{"until the end", "HTTP/1.0 200 OK\r\n\r\n" + long, false, 200, -1, long, nil, nil},
		{"HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n", true, 200, 10, "", nil, nil},
		{"HEAD without a length", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", true, 200, -1, "", nil, nil},
		{"204", "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\nX-A: 1\r\n\r\n", false, 204, -1, "", []string{"x-a: 1"}, nil},
		{"304", "HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\nContent-Length: 10\r\n\r\n", false, 304, 10, "", []string{"etag: \"a\""}, nil},
		{"a redirect", "HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n", false, 302, 0, "", []string{"location: /there"}, nil},
		{"an error", "HTTP/1.1 503 Busy\r\nContent-Length: 10\r\nRetry-After: 7\r\n\r\n" + long, false, 503, 10, long, []string{"retry-after: 7"}, nil},
		{"interim", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n" + long, false, 200, 10, long, nil, []string{"link"}},
		{"of a connection", "HTTP/1.1 200 OK\r\nConnection: X-Mine\r\nX-Mine: 1\r\nKeep-Alive: 5\r\nUpgrade: x\r\nProxy-Authenticate: x\r\nContent-Length: 10\r\n\r\n" + long, false, 200, 10, long, nil, []string{"connection", "x-mine", "keep-alive", "upgrade", "proxy-authenticate"}},
		{"for our gateway", "HTTP/1.1 200 OK\r\nStatus: 404\r\nX-Sendfile: /etc/passwd\r\nX-Accel-Redirect: /x\r\nX-LiteSpeed-Location: /x\r\n" + FaultField + ": forged\r\nContent-Length: 10\r\n\r\n" + long, false, 200, 10, long, nil, nil},
		{"compressed", "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 10\r\n\r\n" + long, false, 200, 10, long, []string{"content-encoding: gzip"}, nil},
		{"odd status", "HTTP/1.1 799 Odd\r\nContent-Length: 10\r\n\r\n" + long, false, 799, 10, long, nil, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := order{target: rawBackend(t, tt.text)}
			if tt.head {
				o.method = "HEAD"
			}
			a := f.ask(o)
			if a.res.Status != tt.status || a.res.ContentLength != tt.length || a.body != tt.body || a.cut || a.fault != "" {
				t.Errorf("%d, length %d, %q, cut %v, fault %q; want %d, %d, %q", a.res.Status, a.res.ContentLength, a.body, a.cut, a.fault, tt.status, tt.length, tt.body)
			}
			if len(a.res.SendFile)+len(a.res.AccelRedirect) > 0 {
				t.Error("the gateway would send a file of ours")
			}
			for _, s := range tt.fields {
				if name, value, _ := strings.Cut(s, ": "); a.field(name) != value {
					t.Errorf("%s is %q, want %q", name, a.field(name), value)
				}
			}
			for _, name := range tt.gone {
				if v := a.field(name); v != "" {
					t.Errorf("%s: %s is passed back", name, v)
				}
			}
		})
	}
}

// What we can't get gives a status of ours, with its reason.
func TestFaults(t *testing.T) {
	t.Parallel()
	f := start(t, Options{})
	url := backend(t, echo)
	circle := strings.Repeat("192.0.2.1, ", hopsMax-1) + "192.0.2.1"
	for _, tt := range []struct {
		name   string
		o      order
		status int
		text   string
	}{
		{"nobody listens", order{target: "http://127.0.0.1:1/"}, 503, "refused"},
		{"no socket", order{target: "unix:/nowhere.sock|http://x/"}, 503, "nowhere.sock"},
		{"no such name", order{target: "http://name.invalid/"}, 500, "name.invalid"},
		{"protocol", order{target: "ftp://127.0.0.1/"}, 500, "only http and https"},
		{"no target", order{}, 500, "only http and https"},
		{"closed", order{target: rawBackend(t, "")}, 502, "EOF"},
		{"garbage", order{target: rawBackend(t, "garbage\r\n\r\n")}, 502, "malformed"},
		{"a control character", order{target: rawBackend(t, "HTTP/1.1 200 OK\r\nA: \x01\r\nb c: d\r\n\r\n")}, 502, ""},
		{"head without end", order{target: rawBackend(t, "HTTP/1.1 200 OK\r\nA: "+strings.Repeat("x", 2*headBytesMax))}, 502, "exceeded"},
		{"switched", order{target: rawBackend(t, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")}, 502, "switched protocols"},
		{"not our protocol", order{target: strings.Replace(url, "http:", "https:", 1)}, 502, ""},
		{"WebSocket", order{target: url, fields: []string{"Connection: keep-alive, Upgrade", "Upgrade: websocket"}}, 501, "WebSocket"},
		{"circle", order{target: url, fields: []string{"X-Forwarded-For: " + circle}}, 502, "circle"},
		{"circle by servers", order{target: url, fields: []string{"X-Forwarded-Server: " + circle}}, 502, "circle"},
		{"Max-Forwards", order{target: url, fields: []string{"Max-Forwards: 0"}}, 400, "zero"},
		{"odd Max-Forwards", order{target: url, fields: []string{"Max-Forwards: x"}}, 400, "not a number"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := f.ask(tt.o)
			if a.res.Status != tt.status || !strings.Contains(a.fault, tt.text) || a.fault == "" || a.cut {
				t.Errorf("%d %q, cut %v; want %d with %q", a.res.Status, a.fault, a.cut, tt.status, tt.text)
			}
		})
	}
}

// Half an answer is broken off.
func TestHalfAnswers(t *testing.T) {
	t.Parallel()
	f := start(t, Options{})
	for _, text := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nnonsense\r\n",
	} {
		if a := f.ask(order{target: rawBackend(t, text)}); !a.cut || a.res.Status != 200 || a.fault != "" {
			t.Errorf("%q: %d, %q, cut %v", text, a.res.Status, a.body, a.cut)
		}
	}
	if n := strings.Count(f.log.String(), "broke off"); n != 3 {
		t.Errorf("%d of 3 are logged: %s", n, f.log.String())
	}
}

func TestSilence(t *testing.T) {
	t.Parallel()
	const idle, pause, drops = 2 * time.Second, 400 * time.Millisecond, 8
	f := start(t, Options{IdleTime: idle})
	release := make(chan struct{})
	url := backend(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/half":
			_, _ = io.WriteString(w, "half")
			_ = http.NewResponseController(w).Flush()
			<-release
		case "/drops": // slow, but never silent
			for range drops {
				time.Sleep(pause)
				_, _ = io.WriteString(w, "drop")
				_ = http.NewResponseController(w).Flush()
			}
		default:
			<-release
		}
	})
	t.Cleanup(func() { close(release) })
	for _, tt := range []struct {
		name   string
		o      order
		status int
		fault  string
		body   string
		cut    bool
	}{
		{"a slow answer", order{target: url + "/drops"}, 200, "", strings.Repeat("drop", drops), false},
		{"no answer", order{target: url + "/none"}, 504, "silent", "", false},
		{"half an answer", order{target: url + "/half"}, 200, "", "half", true},
		{"content that nobody reads", order{target: url + "/none", method: "POST", body: make([]byte, 8<<20)}, 504, "silent", "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := f.ask(tt.o)
			if a.res.Status != tt.status || a.body != tt.body || a.cut != tt.cut || !strings.Contains(a.fault, tt.fault) {
				t.Errorf("%d %q, cut %v, fault %q; want %d %q, %v, %q", a.res.Status, a.body, a.cut, a.fault, tt.status, tt.body, tt.cut, tt.fault)
			}
		})
	}
}

// Large contents pass through a little memory, both ways at once.
func TestLargeContents(t *testing.T) {
	t.Parallel()
	f := start(t, Options{})
	url := backend(t, func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).EnableFullDuplex()
		_, _ = io.Copy(w, r.Body)
	})
	body := bytes.Repeat([]byte("0123456789abcdef"), 1<<19) // 8 MiB
	c := f.dial()
	for id := uint16(1); id <= 3; id++ {
		if a := c.ask(id, order{method: "PUT", target: url, body: body}); a.cut || a.body != string(body) {
			t.Fatalf("request %d: %d with %d octets, cut %v, fault %q", id, a.res.Status, len(a.body), a.cut, a.fault)
		}
	}
	// An answer that does not wait for the content; the connection goes on.
	early := backend(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusRequestEntityTooLarge) })
	if a := c.ask(4, order{method: "POST", target: early, body: body}); a.res.Status != 413 && a.res.Status != 502 {
		t.Errorf("early answer: %d %q", a.res.Status, a.fault)
	}
	if a := c.ask(5, order{target: url}); a.res.Status != 200 || a.cut {
		t.Errorf("afterwards: %d %q", a.res.Status, a.fault)
	}
}

// A client that leaves takes the request at the other server with it.
func TestAbort(t *testing.T) {
	t.Parallel()
	f := start(t, Options{})
	var asked, left atomic.Int32
	url := backend(t, func(_ http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		<-r.Context().Done()
		left.Add(1)
	})
	c := f.dial()
	c.Send(fcgi.AppendRecord(order{target: url}.head(1), fcgi.Stdin, 1, nil))
	respondertest.Eventually(t, "asked", func() bool { return asked.Load() == 1 })
	c.Send(fcgi.AppendAbortRequest(nil, 1))
	if a := c.answer(1); a.cut || a.res.Status != 0 {
		t.Errorf("after ABORT_REQUEST: %d, cut %v", a.res.Status, a.cut)
	}
	respondertest.Eventually(t, "the aborted request is gone", func() bool { return left.Load() == 1 })
	c.Send(fcgi.AppendRecord(order{target: url}.head(2), fcgi.Stdin, 2, nil))
	respondertest.Eventually(t, "asked again", func() bool { return asked.Load() == 2 })
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	respondertest.Eventually(t, "the request of a closed connection is gone", func() bool { return left.Load() == 2 })
	// Close does so, too.
	c = f.dial()
	c.Send(fcgi.AppendRecord(order{target: url}.head(3), fcgi.Stdin, 3, nil))
	respondertest.Eventually(t, "asked a third time", func() bool { return asked.Load() == 3 })
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	respondertest.Eventually(t, "Close ends all", func() bool { return left.Load() == 3 })
	if _, err := os.Stat(filepath.Dir(f.Address())); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder after Close: %v", err)
	}
}

// A certificate counts only if somebody we know vouches for it.
func TestTLS(t *testing.T) {
	t.Parallel()
	s := httptest.NewUnstartedServer(http.HandlerFunc(echo))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	if a := start(t, Options{}).ask(order{target: s.URL}); a.res.Status != 502 || !strings.Contains(a.fault, "certificate") {
		t.Errorf("unknown certificate: %d %q", a.res.Status, a.fault)
	}
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	if a := start(t, Options{TLS: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}).ask(order{target: s.URL + "/tls"}); !strings.HasPrefix(a.body, "GET /tls\n") {
		t.Errorf("known certificate: %d %q %q", a.res.Status, a.fault, a.body)
	}
}

// Connections are kept for what may be sent twice, and only for that.
func TestKeptConnections(t *testing.T) {
	t.Parallel()
	f := start(t, Options{})
	var made atomic.Int32
	s := httptest.NewUnstartedServer(http.HandlerFunc(echo))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			made.Add(1)
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	for _, tt := range []struct {
		o    order
		want int32
	}{
		{order{}, 1}, {order{method: "HEAD"}, 1}, {order{fresh: true}, 2}, {order{method: "POST", body: []byte("x")}, 3}, {order{method: "DELETE"}, 4},
	} {
		tt.o.target = s.URL
		if a := f.ask(tt.o); a.res.Status != 200 || made.Load() != tt.want {
			t.Errorf("%+v: %d %q, %d connections, want %d", tt.o, a.res.Status, a.fault, made.Load(), tt.want)
		}
	}
}

func TestUnixSocket(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "s")
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	s := &httptest.Server{Listener: ln, Config: &http.Server{Handler: http.HandlerFunc(echo), ReadHeaderTimeout: time.Minute}}
	s.Start()
	t.Cleanup(s.Close)
	f := start(t, Options{To: []string{"unix:" + path}})
	if a := f.ask(order{target: "unix:" + path + "|http://name.example/x?y"}); !strings.HasPrefix(a.body, "GET /x?y\nHost: name.example\n") {
		t.Errorf("%d %q %q", a.res.Status, a.fault, a.body)
	}
	if a := f.ask(order{target: "http://name.example/"}); a.res.Status != 403 {
		t.Errorf("the same name without the socket: %d %q", a.res.Status, a.fault)
	}
}
