package http1

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"sluice/message"
)

// seeds are all the table cases, each once alone and once behind a request.
func seeds() (list []string) {
	for _, tt := range accepted {
		list = append(list, tt.in, tt.in+nextIn)
	}
	for _, tt := range refused {
		list = append(list, tt.in)
	}
	for _, tt := range smuggled {
		list = append(list, "POST / HTTP/1.1\r\nHost: a\r\n"+tt.fields+"\r\n0\r\n\r\n"+nextIn)
	}
	for _, tt := range chunkedAccepted {
		list = append(list, chunkedHead+tt.in+nextIn)
	}
	for _, tt := range chunkedRefused {
		list = append(list, chunkedHead+tt.in)
	}
	return append(list, browserHead, wrkHead)
}

// fuzzLimits are small, so that the fuzzer meets them.
var fuzzLimits = Limits{RequestLineBytes: 100, HeadBytes: 400, FieldLines: 8}

// FuzzParser: however a stream is cut, it says the same; and where net/http
// takes a request that we take, both have read the same one.
func FuzzParser(f *testing.F) {
	for _, s := range seeds() {
		f.Add([]byte(s), []byte{0})
		f.Add([]byte(s), []byte{2, 0, 17})
	}
	f.Fuzz(func(t *testing.T, in, cuts []byte) {
		for _, lim := range []Limits{{}, fuzzLimits} {
			whole := drive(t, lim, in)
			if split := drive(t, lim, cutBy(in, cuts)...); split != whole {
				t.Errorf("drive(%q, %+v)\n cut %s\nwhole %s", in, lim, indent(split), indent(whole))
			}
		}
		compareWithNetHTTP(t, in)
	})
}

// cutBy cuts pieces of cuts[i]+1 octets, over and over.
func cutBy(in, cuts []byte) (pieces [][]byte) {
	for i := 0; len(in) > 0; i++ {
		n := 1
		if len(cuts) > 0 {
			n += int(cuts[i%len(cuts)])
		}
		n = min(n, len(in))
		pieces = append(pieces, in[:n])
		in = in[n:]
	}
	return pieces
}

// first reads the first request of a stream: its content and its length with
// framing. ok is false if it is refused or has not ended.
func first(h *Head, in []byte) (body []byte, length int, ok bool) {
	var p Parser
	lim := Limits{}
	p.Init(&lim)
	p.Begin(h)
	for {
		n, ev, err := p.Feed(in[length:])
		length += n
		switch {
		case err != nil || ev == NeedMore:
			return nil, 0, false
		case ev == Content:
			body = append(body, p.Piece...)
		case ev == Complete:
			return body, length, true
		}
	}
}

func compareWithNetHTTP(t *testing.T, in []byte) {
	t.Helper()
	var h Head
	body, length, ok := first(&h, in)
	if !ok {
		return
	}
	// The empty lines that we skip (RFC 9112 §2.2), net/http does not.
	trimmed := bytes.TrimLeft(in, "\r\n")
	length -= len(in) - len(trimmed)
	src := bytes.NewReader(trimmed)
	br := bufio.NewReader(src)
	req, err := http.ReadRequest(br)
	if err != nil {
		return
	}
	theirs, err := io.ReadAll(req.Body)
	if err != nil {
		return
	}
	if !bytes.Equal(body, theirs) {
		t.Errorf("%q: content %q, net/http %q", in, body, theirs)
	}
	if taken := len(trimmed) - src.Len() - br.Buffered(); taken != length {
		t.Errorf("%q: request of %d octets, net/http %d", in, length, taken)
	}
	if string(h.Method) != req.Method || string(h.Target) != req.RequestURI {
		t.Errorf("%q: %q %q, net/http %q %q", in, h.Method, h.Target, req.Method, req.RequestURI)
	}
	if h.KeepAlive == req.Close {
		t.Errorf("%q: keep-alive %v, net/http close %v", in, h.KeepAlive, req.Close)
	}
	compareTargets(t, &h, req)
}

func compareTargets(t *testing.T, h *Head, req *http.Request) {
	t.Helper()
	// An escaped host is unescaped by net/http and left alone by us.
	if host := string(h.Authority); !strings.Contains(host, "%") && host != req.Host && !h.Is("CONNECT") {
		t.Errorf("%q: host %q, net/http %q", h.Target, host, req.Host)
	}
	if h.Is("CONNECT") {
		return
	}
	path, err := url.PathUnescape(string(h.Path))
	if err != nil {
		t.Errorf("%q: path %q: %v, net/http %q", h.Target, h.Path, err, req.URL.Path)
	}
	theirs := req.URL.Path
	if theirs == "" {
		theirs = "/" // RFC 9110 §4.2.3: an empty path is "/"
	}
	if path != theirs || string(h.Query) != req.URL.RawQuery {
		t.Errorf("%q: path %q query %q, net/http %q %q", h.Target, path, h.Query, theirs, req.URL.RawQuery)
	}
}

// FuzzHead: whatever stands in a request line and a field line, the parser
// does not panic, and a head that it takes has only sound parts.
func FuzzHead(f *testing.F) {
	for _, s := range []string{"GET / HTTP/1.1", "GET http://a:80/b?c HTTP/1.0", "OPTIONS * HTTP/1.1", "CONNECT a:1 HTTP/1.1", "PRI * HTTP/2.0", "GET /", " ", ""} {
		f.Add([]byte(s), []byte("X: y"))
	}
	for _, tt := range smuggled {
		f.Add([]byte("POST / HTTP/1.1"), []byte(strings.TrimSuffix(tt.fields, "\r\n")))
	}
	f.Fuzz(func(t *testing.T, line, field []byte) {
		in := append(append(append([]byte{}, line...), "\r\nHost: a\r\n"...), field...)
		in = append(in, "\r\n\r\n"...)
		var p Parser
		var h Head
		lim := fuzzLimits
		p.Init(&lim)
		p.Begin(&h)
		n, ev, err := p.Feed(in)
		if n < 0 || n > len(in) {
			t.Fatalf("Feed(%q) = %d octets of %d", in, n, len(in))
		}
		if err != nil {
			if err.Status < 400 || err.Status > 599 {
				t.Errorf("Feed(%q): status %d", in, err.Status)
			}
			return
		}
		if ev == HeadComplete {
			checkHead(t, &h)
		}
	})
}

// checkHead states what a taken head guarantees to those who read it.
func checkHead(t *testing.T, h *Head) {
	t.Helper()
	if !message.IsToken(h.Method) || !isHost(h.Authority) || h.Minor > 1 {
		t.Errorf("taken: method %q, authority %q, minor %d", h.Method, h.Authority, h.Minor)
	}
	if bytes.ContainsAny(h.Target, "\x00\r\n\t #") || bytes.IndexByte(h.Path, '?') >= 0 || h.HasQuery != (h.Query != nil) {
		t.Errorf("taken: target %q, path %q, query %q", h.Target, h.Path, h.Query)
	}
	if len(h.Path) == 0 && !h.Is("CONNECT") || len(h.Path) > 0 && h.Path[0] != '/' && string(h.Path) != "*" {
		t.Errorf("taken: method %q, path %q", h.Method, h.Path)
	}
	if h.ContentLength < -1 || h.Chunked != (h.ContentLength == -1) || (h.Chunked && h.Minor == 0) {
		t.Errorf("taken: chunked %v, length %d, minor %d", h.Chunked, h.ContentLength, h.Minor)
	}
	if len(h.Fields) > fuzzLimits.FieldLines {
		t.Errorf("taken: %d fields", len(h.Fields))
	}
	for _, f := range h.Fields {
		if !message.IsToken(f.Name) || bytes.ContainsAny(f.Value, "\x00\r\n\x7f") || !bytes.Equal(f.Value, bytes.Trim(f.Value, " \t")) {
			t.Errorf("taken: field %q: %q", f.Name, f.Value)
		}
	}
}
