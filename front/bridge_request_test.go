package front

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"
)

// asBridge reads a request as ServeHTTP does, without a loop.
func asBridge(r *http.Request) *bridge {
	return newBridge(&local{srv: &Server{}}, r)
}

func mustURL(t *testing.T, s string) *url.URL {
	t.Helper()
	u, err := url.ParseRequestURI(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestBridgedTarget(t *testing.T) {
	for _, tt := range []struct{ uri, path, query string }{
		{"/", "/", ""},
		{"/a%2Fb/c%20d", "/a%2Fb/c%20d", ""},
		{"//x//y", "//x//y", ""},
		{"/a?", "/a", ""},
		{"/a?b=%26&c=d+e", "/a", "b=%26&c=d+e"},
		{"/a;b=(1)'!*", "/a;b=(1)'!*", ""},
		{"http://other/abs?q", "/abs", "q"},
		{"http://other", "/", ""},
	} {
		b := asBridge(&http.Request{Method: "GET", URL: mustURL(t, tt.uri), Host: "test"})
		if b.refusal != nil {
			t.Errorf("%s: refused: %v", tt.uri, b.refusal)
			continue
		}
		req := &b.head.Request
		if string(req.Path) != tt.path || string(req.Query) != tt.query || req.HasQuery != strings.Contains(tt.uri, "?") {
			t.Errorf("%s: path %q, query %q (%v), want %q, %q", tt.uri, req.Path, req.Query, req.HasQuery, tt.path, tt.query)
		}
		if string(req.Authority) != "test" {
			t.Errorf("%s: authority %q", tt.uri, req.Authority)
		}
	}
}

// What a handler above has made of a request must not become a second one.
func TestBridgeRefuses(t *testing.T) {
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header[name] = []string{value} }
	}
	for _, tt := range []struct {
		name   string
		change func(*http.Request)
		status int
	}{
		{"method with a space", func(r *http.Request) { r.Method = "GET /other" }, 400},
		{"method with a line end", func(r *http.Request) { r.Method = "GET\r\nX: y" }, 400},
		{"method that is long", func(r *http.Request) { r.Method = strings.Repeat("M", 100) }, 400},
		{"no URL", func(r *http.Request) { r.URL = nil }, 400},
		{"opaque URL", func(r *http.Request) { r.URL = &url.URL{Scheme: "mailto", Opaque: "x"} }, 400},
		{"relative path", func(r *http.Request) { r.URL = &url.URL{Path: "x"} }, 400},
		{"query with a line end", func(r *http.Request) { r.URL.RawQuery = "a\r\nX: y" }, 400},
		{"query with a space", func(r *http.Request) { r.URL.RawQuery = "a HTTP/1.1" }, 400},
		{"query with a fragment", func(r *http.Request) { r.URL.RawQuery = "a#b" }, 400},
		{"host with a line end", func(r *http.Request) { r.Host = "a\r\nX: y" }, 400},
		{"host with a path", func(r *http.Request) { r.Host = "a/b" }, 400},
		{"host with a user", func(r *http.Request) { r.Host = "u@a" }, 400},
		{"name with a colon", header("X: y", "z"), 400},
		{"name with a line end", header("X\r\nY", "z"), 400},
		{"empty name", header("", "z"), 400},
		{"value with a line end", header("X", "y\r\nContent-Length: 5"), 400},
		{"value with a line feed", header("X", "y\nZ: 1"), 400},
		{"value with NUL", header("X", "y\x00"), 400},
		{"expectation", header("Expect", "more"), 417},
		{"long target", func(r *http.Request) { r.URL.Path = "/" + strings.Repeat("a", 9<<10) }, 414},
		{"long head", header("X", strings.Repeat("a", 40<<10)), 431},
		{"many fields", func(r *http.Request) { r.Header["X"] = make([]string, 101) }, 431},
		{"unknown length in 1.0", func(r *http.Request) {
			r.ProtoMinor, r.ContentLength, r.Body = 0, -1, http.MaxBytesReader(nil, http.NoBody, 1)
		}, 400},
	} {
		r := &http.Request{Method: "GET", URL: mustURL(t, "/a?b"), Host: "test", Header: http.Header{}, ProtoMajor: 1, ProtoMinor: 1}
		tt.change(r)
		b := asBridge(r)
		if b.refusal == nil {
			t.Errorf("%s: accepted as %q", tt.name, b.head.Target)
		} else if b.refusal.Status != tt.status {
			t.Errorf("%s: %d (%v), want %d", tt.name, b.refusal.Status, b.refusal, tt.status)
		}
	}
}

func TestBridgedFields(t *testing.T) {
	r := &http.Request{
		Method: "POST", URL: mustURL(t, "/"), Host: "test", ProtoMajor: 2, ContentLength: 3, Body: http.MaxBytesReader(nil, http.NoBody, 9),
		Header: http.Header{
			"X-B": {"1", "2"}, "X-A": {"a"}, "lower-case": {"l"}, "Cookie": {"c=d"}, "Host": {"evil"}, "Content-Length": {"999"},
			"Transfer-Encoding": {"chunked"}, "Connection": {"close, X-Hop"}, "X-Hop": {"gone"}, "Keep-Alive": {"x"}, "Te": {"trailers"},
			"Trailer": {"X-T"}, "Upgrade": {"websocket"}, "Proxy-Connection": {"x"}, "Proxy-Authorization": {"x"},
		},
	}
	b := asBridge(r)
	if b.refusal != nil {
		t.Fatal(b.refusal)
	}
	var got bytes.Buffer
	for _, f := range b.head.Fields {
		got.WriteString(string(f.Name) + "=" + string(f.Value) + "\n")
	}
	const want = "Host=test\nContent-Length=3\nCookie=c=d\nX-A=a\nX-B=1\nX-B=2\nLower-Case=l\n"
	if got.String() != want {
		t.Errorf("fields:\n%swant\n%s", got.String(), want)
	}
	if !b.HasContent || b.head.ContentLength != 3 || b.head.Chunked || b.head.Minor != 1 {
		t.Errorf("content %v of %d octets, chunked %v, HTTP/1.%d", b.HasContent, b.head.ContentLength, b.head.Chunked, b.head.Minor)
	}
}

func TestBridgedEnds(t *testing.T) {
	ctx := context.WithValue(t.Context(), http.LocalAddrContextKey, &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 443})
	r := (&http.Request{
		Method: "GET", URL: mustURL(t, "/"), Host: "test", RemoteAddr: "198.51.100.7:1234", Header: http.Header{"X-Forwarded-For": {"203.0.113.9"}},
	}).WithContext(ctx)
	b := asBridge(r)
	if b.Client.String() != "198.51.100.7" || b.ClientPort != 1234 || b.Server.String() != "192.0.2.1:443" || b.Forwarded {
		t.Errorf("client %v:%d, server %v, forwarded %v", b.Client, b.ClientPort, b.Server, b.Forwarded)
	}
	trusting := &Server{opts: Options{Trusted: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}}}
	b = newBridge(&local{srv: trusting}, r)
	if b.Client.String() != "203.0.113.9" || b.Peer.String() != "198.51.100.7" || !b.Forwarded {
		t.Errorf("through a proxy: client %v, peer %v, forwarded %v", b.Client, b.Peer, b.Forwarded)
	}
}

// FuzzBridgeHead: whatever a request's members hold, the parser finds one head,
// and in it no field that the request does not have.
func FuzzBridgeHead(f *testing.F) {
	f.Add("GET", "/a", "b=c", "test", "X-A", "v", int64(0))
	f.Add("POST", "/a b", "", "[::1]:80", "Content-Length", "4", int64(7))
	f.Add("GET", "/\r\nX: y", "q\r\n", "h\r\nY: z", "N: v\r\nM", "v\r\nTransfer-Encoding: chunked", int64(-1))
	f.Fuzz(func(t *testing.T, method, path, query, host, name, value string, length int64) {
		r := &http.Request{
			Method: method, URL: &url.URL{Path: path, RawQuery: query}, Host: host, Header: http.Header{name: {value}},
			ContentLength: length, Body: http.MaxBytesReader(nil, http.NoBody, 1), ProtoMajor: 1, ProtoMinor: 1,
		}
		b := asBridge(r)
		if b.refusal != nil {
			return
		}
		extra := 0
		for _, field := range b.head.Fields {
			switch string(field.Name) {
			case "Host", "Content-Length", "Transfer-Encoding":
			default:
				if !strings.EqualFold(string(field.Name), name) {
					t.Errorf("field %q came from %q", field.Name, name)
				}
				extra++
			}
		}
		if extra > 1 {
			t.Errorf("%d fields from one", extra)
		}
		if b.head.Chunked != (length < 0) || (length > 0 && b.head.ContentLength != length) {
			t.Errorf("length %d became %d, chunked %v", length, b.head.ContentLength, b.head.Chunked)
		}
		if text, err := headOf(r); err != nil || bytes.Count(text, []byte("\r\n\r\n")) != 1 {
			t.Errorf("head %q: %v", text, err)
		}
	})
}
