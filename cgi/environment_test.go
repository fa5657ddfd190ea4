package cgi

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"sluice/message"
)

// pairs is a Sink that keeps what it is given.
type pairs struct{ list []string }

func (p *pairs) Pair(name, value []byte) { p.list = append(p.list, string(name)+"="+string(value)) }

func request(method string, lines ...string) *message.Request {
	req := &message.Request{Method: []byte(method), Minor: 1}
	for _, l := range lines {
		name, value, _ := strings.Cut(l, ":")
		req.Fields = append(req.Fields, message.Field{Name: []byte(name), Value: []byte(value)})
	}
	return req
}

func environment(req *message.Request) Environment {
	return Environment{
		Request: req, ServerName: []byte("example.org"), ServerPort: []byte("8080"), ServerAddr: []byte("10.0.0.1"),
		RemoteAddr: []byte("10.0.0.2"), RemotePort: []byte("40000"), RequestURI: []byte("/a%20b/i.php/x?q=1"), Query: []byte("q=1"),
		ScriptName: []byte("/a b/i.php"), ScriptFilename: []byte("/srv/a b/i.php"), DocumentRoot: []byte("/srv"), RedirectStatus: 200, ContentLength: -1,
	}
}

func TestEnvironmentVariables(t *testing.T) {
	e := environment(request("GET"))
	var got pairs
	if n := e.Emit(&got); n != 0 {
		t.Errorf("%d fields dropped", n)
	}
	want := []string{
		"SCRIPT_FILENAME=/srv/a b/i.php", "QUERY_STRING=q=1", "REQUEST_METHOD=GET", "SCRIPT_NAME=/a b/i.php", "DOCUMENT_ROOT=/srv", "REDIRECT_STATUS=200",
		"REQUEST_URI=/a%20b/i.php/x?q=1", "REQUEST_SCHEME=http", "SERVER_PROTOCOL=HTTP/1.1", "SERVER_NAME=example.org", "SERVER_PORT=8080",
		"SERVER_ADDR=10.0.0.1", "REMOTE_ADDR=10.0.0.2", "REMOTE_PORT=40000",
	}
	if strings.Join(got.list, "\n") != strings.Join(want, "\n") {
		t.Errorf("got %q\nwant %q", got.list, want)
	}
}

func TestEnvironmentChoices(t *testing.T) {
	tests := []struct {
		name   string
		change func(e *Environment)
		has    string
		lacks  string
	}{
		{"https", func(e *Environment) { e.HTTPS = true }, "HTTPS=on REQUEST_SCHEME=https", ""},
		{"no https", func(*Environment) {}, "REQUEST_SCHEME=http", "HTTPS"},
		{"HTTP/1.0", func(e *Environment) { e.Request.Minor = 0 }, "SERVER_PROTOCOL=HTTP/1.0", ""},
		{"no content", func(*Environment) {}, "", "CONTENT_LENGTH"},
		{"content of length 0", func(e *Environment) { e.ContentLength = 0 }, "CONTENT_LENGTH=0", ""},
		{"content of 5 GB", func(e *Environment) { e.ContentLength = 5_000_000_000 }, "CONTENT_LENGTH=5000000000", ""},
		{"path info", func(e *Environment) { e.PathInfo, e.PathTranslated = []byte("/x"), []byte("/srv/x") }, "PATH_INFO=/x PATH_TRANSLATED=/srv/x", ""},
		{"no path info", func(*Environment) {}, "", "PATH_INFO"},
		{"error page", func(e *Environment) { e.RedirectStatus = 404 }, "REDIRECT_STATUS=404", ""},
		{"empty query is there all the same", func(e *Environment) { e.Query = nil }, "QUERY_STRING=", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := environment(request("POST"))
			tt.change(&e)
			var got pairs
			e.Emit(&got)
			for _, want := range strings.Fields(tt.has) {
				found := false
				for _, p := range got.list {
					found = found || p == want
				}
				if !found {
					t.Errorf("%s is not in %q", want, got.list)
				}
			}
			for _, p := range got.list {
				if name, _, _ := strings.Cut(p, "="); name == tt.lacks {
					t.Errorf("%s must not be there", p)
				}
			}
		})
	}
}

func TestEnvironmentFields(t *testing.T) {
	tests := []struct {
		name    string
		lines   []string
		want    []string
		dropped int
	}{
		{
			"names",
			[]string{"Host:a", "x-Forwarded-FOR:1", "X-1-a:2", "Authorization:Basic x", "If-None-Match:\"e\""},
			[]string{"HTTP_HOST=a", "HTTP_X_FORWARDED_FOR=1", "HTTP_X_1_A=2", "HTTP_AUTHORIZATION=Basic x", "HTTP_IF_NONE_MATCH=\"e\""},
			0,
		},
		{"content type has its own name", []string{"content-Type:text/x"}, []string{"CONTENT_TYPE=text/x"}, 0},
		{"the first content type counts", []string{"Content-Type:a", "content-type:b"}, []string{"CONTENT_TYPE=a"}, 0},
		{"content length is not the client's to say", []string{"Content-Length:7", "Transfer-Encoding:chunked"}, nil, 0},
		{"httpoxy", []string{"Proxy:http://evil", "PROXY:x", "pRoXy:y"}, nil, 0},
		{"joined with a comma", []string{"Accept:a", "X:1", "accept:b", "ACCEPT:"}, []string{"HTTP_ACCEPT=a, b, ", "HTTP_X=1"}, 0},
		{"cookies", []string{"Cookie:a=1", "X:1", "cookie:b=2; c=3"}, []string{"HTTP_COOKIE=a=1; b=2; c=3", "HTTP_X=1"}, 0},
		{"empty value", []string{"X:"}, []string{"HTTP_X="}, 0},
		{"what could pose as another", []string{"X_Forwarded_For:evil", "X.Y:1", "Pro_xy:2", "X Y:3", "X\x00:4", "X\xE9:5", "Content_Length:9", "X!:6", "X@:7", "X[:8", "Ok:1"}, []string{"HTTP_OK=1"}, 10},
		{"underscore beside the real one", []string{"X-User:me", "X_User:root", "x-user:2"}, []string{"HTTP_X_USER=me, 2"}, 1},
		{"a letter that folds to k", []string{"X-K:a", "X-\u212A:evil"}, []string{"HTTP_X_K=a"}, 1},
		{"a letter that folds to s", []string{"Host:a", "Ho\u017Ft:evil"}, []string{"HTTP_HOST=a"}, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := environment(request("GET", tt.lines...))
			base := environment(request("GET"))
			var got, none pairs
			dropped := e.Emit(&got)
			base.Emit(&none)
			if list := got.list[len(none.list):]; fmt.Sprintf("%q", list) != fmt.Sprintf("%q", tt.want) || dropped != tt.dropped {
				t.Errorf("got %q, %d dropped; want %q, %d", list, dropped, tt.want, tt.dropped)
			}
		})
	}
}

// count is a Sink that keeps nothing.
type count struct{ n int }

func (c *count) Pair(name, value []byte) { c.n += len(name) + len(value) }

func TestEmitAllocatesNothing(t *testing.T) {
	e := environment(request("GET", "Host:example.org", "Accept:text/html", "Accept:*/*", "Cookie:a=1", "Cookie:b=2", "User-Agent:x", "X_Y:z"))
	e.PathInfo, e.PathTranslated, e.HTTPS = []byte("/x"), []byte("/srv/x"), true
	var c count
	if n := testing.AllocsPerRun(100, func() { e.Emit(&c) }); n != 0 {
		t.Errorf("Emit allocates %v times", n)
	}
	e.ContentLength, e.RedirectStatus = 123456, 404
	if n := testing.AllocsPerRun(100, func() { e.Emit(&c) }); n > 2 {
		t.Errorf("Emit with content allocates %v times", n)
	}
}

func FuzzEnvironment(f *testing.F) {
	f.Add([]byte("Host: a\nProxy: x\nX_Y: z\nCookie: a\nCookie: b\nContent-Type: t"))
	f.Add([]byte("Content_Length: 5\npRoxy: 1\n\u212A: 1\nk: 2\n-: 3\n: 4"))
	f.Fuzz(func(t *testing.T, in []byte) {
		req := request("GET", strings.Split(string(in), "\n")...)
		e := environment(req)
		var got pairs
		dropped := e.Emit(&got)
		seen := map[string]bool{}
		for _, p := range got.list {
			name, _, _ := strings.Cut(p, "=")
			if strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != "" || name == "HTTP_PROXY" || seen[name] {
				t.Fatalf("%q was given (before: %v)", p, seen[name])
			}
			seen[name] = true
		}
		unsafe := 0
		for _, field := range req.Fields {
			if len(bytes.Trim(field.Name, "-0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")) > 0 {
				unsafe++
			}
		}
		if dropped != unsafe {
			t.Fatalf("%d dropped, want %d", dropped, unsafe)
		}
	})
}
