package gateway

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sluice/cgi"
	"sluice/fcgi"
	"sluice/loop"
	"sluice/message"
)

// asks is a client that wants to be let through.
type asks struct {
	*client
	a       *Authorization
	allowed bool
	vars    []cgi.Variable
}

func (c *asks) Allowed(vars []cgi.Variable) {
	c.must(c.heads == 0, "Allowed")
	c.allowed, c.vars, c.over = true, vars, true
	close(c.done)
}

// authorize asks, with some values that an authorizer must not see.
func (f *fixture) authorize(token string, env cgi.Environment) *asks {
	f.t.Helper()
	c := &asks{client: &client{f: f, done: make(chan struct{})}}
	if env.Request == nil {
		env.Request = &message.Request{Method: []byte("POST"), Minor: 1}
	}
	env.Query = []byte(token)
	f.on(func() { c.a = f.lp.Authorize(c, &env) })
	select {
	case <-c.done:
	case <-time.After(10 * time.Second):
		f.t.Fatalf("authorization %s did not end", token)
	}
	return c
}

func TestAuthorizerIsAskedAsSpecified(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		all := make(chan *raw, 3)
		f := start(t, e, rawly(func(q *raw) string {
			all <- q
			return "Status: 200 OK\r\n\r\n"
		}), settings{})
		for range 3 {
			c := f.authorize("t", cgi.Environment{
				ScriptName: []byte("/a"), PathInfo: []byte("/b"), PathTranslated: []byte("/c"), ContentLength: 77, ScriptFilename: []byte("/srv/auth"),
				Request: &message.Request{Method: []byte("POST"), Minor: 1, Fields: []message.Field{{Name: []byte("Cookie"), Value: []byte("s=1")}, {Name: []byte("Content-Length"), Value: []byte("77")}}},
			})
			if !c.allowed {
				t.Fatalf("not let through: %+v", c.failure)
			}
		}
		f.healthy()
		if n := f.accepted.Load(); n != 1 {
			t.Errorf("%d connections; the authorizer's is kept", n)
		}
		for range 3 {
			q := <-all
			// §6.3 and Appendix A: neither STDIN nor DATA.
			if q.role != 2 || q.flags != 1 || !slices.Equal(q.records, []string{"BEGIN", "PARAMS", "PARAMS-"}) {
				t.Errorf("role %d, flags %d, records %v", q.role, q.flags, q.records)
			}
			for _, name := range []string{"CONTENT_LENGTH", "PATH_INFO", "PATH_TRANSLATED", "SCRIPT_NAME"} {
				if v, ok := q.params[name]; ok {
					t.Errorf("%s is %q; an authorizer does not get it", name, v)
				}
			}
			for name, want := range map[string]string{"REQUEST_METHOD": "POST", "SCRIPT_FILENAME": "/srv/auth", "HTTP_COOKIE": "s=1", "GATEWAY_INTERFACE": "CGI/1.1"} {
				if v := q.params[name]; len(v) != 1 || v[0] != want {
					t.Errorf("%s is %q", name, v)
				}
			}
		}
	})
}

func TestAuthorizerLetsThrough(t *testing.T) {
	tests := []struct{ name, answer, vars string }{
		{"nothing said", "Content-Type: text/plain\r\n\r\n", "[]"},
		{"200", "Status: 200 OK\r\nX: y\r\n\r\nthrown away", "[]"},
		{"long content is thrown away", "Status: 200\r\n\r\n" + strings.Repeat("x", 3<<20), "[]"},
		{"variables", "Status: 200\r\nVariable-REMOTE_USER: ann\r\nvariable-AUTH_TYPE: Basic\r\nVARIABLE-empty:\r\n\r\n", "[{REMOTE_USER ann} {AUTH_TYPE Basic} {empty }]"},
		{"the last of a name counts", "Status: 200\r\nVariable-A: 1\r\nVariable-B: 2\r\nVariable-A: 3\r\n\r\n", "[{A 3} {B 2}]"},
		{"names without a name", "Status: 200\r\nVariable-: 1\r\nVariable: 2\r\nVariables-A: 3\r\n\r\n", "[]"},
		{"what an authorizer does not decide", "Status: 200\r\nVariable-SCRIPT_FILENAME: /etc/passwd\r\nVariable-PHP_VALUE: auto_prepend_file=/x\r\nVariable-PHP_ADMIN_VALUE: x\r\nVariable-HTTP_PROXY: evil\r\nVariable-CONTENT_LENGTH: 1\r\nVariable-OK: 1\r\n\r\n", "[{OK 1}]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := start(t, loop.Auto, rawly(func(*raw) string { return tt.answer }), settings{})
			c := f.authorize("x", cgi.Environment{})
			if got := fmt.Sprint(c.vars); !c.allowed || got != tt.vars || c.heads > 0 || c.body.Len() > 0 {
				t.Errorf("let through: %v with %s; want %s. %d heads", c.allowed, got, tt.vars, c.heads)
			}
			f.healthy()
		})
	}
}

func TestAuthorizerRefuses(t *testing.T) {
	tests := []struct {
		name, answer string
		status       int
		fields, body string
	}{
		{"401 with its content", "Status: 401 Who?\r\nWWW-Authenticate: Basic realm=x\r\n\r\nwho are you", 401, "WWW-Authenticate: Basic realm=x\n", "who are you"},
		{"403", "Status: 403\r\n\r\n", 403, "", ""},
		{"other 2xx are refusals too", "Status: 201\r\nVariable-A: 1\r\n\r\nx", 201, "Variable-A: 1\n", "x"},
		{"204", "Status: 204\r\n\r\n", 204, "", ""},
		{"to a page for logging in", "Location: https://example.org/login\r\n\r\n", 302, "Location: https://example.org/login\n", ""},
		{"to one of this server", "Location: /login\r\n\r\n", 200, "Location: /login\n", ""},
		{"500", "Status: 500\r\n\r\noops", 500, "", "oops"},
		{"long", "Status: 403\r\n\r\n" + strings.Repeat("no", 500_000), 403, "", strings.Repeat("no", 500_000)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := start(t, loop.Auto, rawly(func(*raw) string { return tt.answer }), settings{})
			c := f.authorize("x", cgi.Environment{})
			if c.allowed || !c.ended || c.status != tt.status || c.fields != tt.fields || c.body.String() != tt.body {
				t.Errorf("let through: %v, ended %v with %d %q, %d octets", c.allowed, c.ended, c.status, c.fields, c.body.Len())
			}
			f.healthy()
		})
	}
}

// Whatever is not a clear yes is none.
func TestAuthorizerFails(t *testing.T) {
	tests := []struct {
		name   string
		answer string
		status int
	}{
		{"broken off after a yes", "Status: 200\r\nVariable-A: 1\r\n\r\nCUT", 502},
		{"no answer", "", 502},
		{"nonsense", "what?\r\n\r\n", 502},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := start(t, loop.Auto, rawly(func(*raw) string { return tt.answer }), settings{})
			c := f.authorize("x", cgi.Environment{})
			if c.allowed || c.failure == nil || c.failure.Status != tt.status {
				t.Errorf("let through: %v, failure %+v", c.allowed, c.failure)
			}
			f.healthy()
		})
	}
	t.Run("not there", func(t *testing.T) {
		f := startOn(t, loop.Auto, fcgi.Options{Servers: []fcgi.Server{{Network: "unix", Address: "/nonexistent/s", Conns: 1}}, DialTime: 20 * time.Millisecond}, settings{})
		if c := f.authorize("x", cgi.Environment{}); c.allowed || c.failure == nil {
			t.Errorf("let through: %v, failure %+v", c.allowed, c.failure)
		}
	})
	t.Run("does not answer in time", func(t *testing.T) {
		f := start(t, loop.Auto, rawly(func(*raw) string { time.Sleep(300 * time.Millisecond); return "Status: 200\r\n\r\n" }), settings{time: 50 * time.Millisecond})
		if c := f.authorize("x", cgi.Environment{}); c.allowed || c.failure == nil || c.failure.Status != 504 {
			t.Errorf("let through: %v, failure %+v", c.allowed, c.failure)
		}
	})
}

func TestAuthorizationIsAborted(t *testing.T) {
	f := start(t, loop.Auto, rawly(func(*raw) string { time.Sleep(20 * time.Millisecond); return "Status: 200\r\n\r\n" }), settings{})
	c := &asks{client: &client{f: f, done: make(chan struct{})}}
	env := cgi.Environment{Request: &message.Request{Method: []byte("GET"), Minor: 1}}
	f.on(func() {
		c.a = f.lp.Authorize(c, &env)
		c.over = true // anything that is still called panics
		c.a.Abort()
		c.a.Abort()
		c.a.Resume()
	})
	f.healthy()
}

// A refusal to a slow client is kept for him.
func TestRefusalToASlowClient(t *testing.T) {
	text := strings.Repeat("no", 1<<20)
	f := start(t, loop.Auto, rawly(func(*raw) string { return "Status: 403\r\n\r\n" + text }), settings{})
	c := &asks{client: &client{f: f, done: make(chan struct{}), room: 1000}}
	env := cgi.Environment{Request: &message.Request{Method: []byte("GET"), Minor: 1}}
	f.on(func() { c.a = f.lp.Authorize(c, &env) })
	f.eventually("the client is full", func() bool { return c.full })
	f.on(func() { c.full = false; c.a.Resume() })
	c.wait()
	if !c.ended || c.body.String() != text {
		t.Errorf("ended %v, %d octets", c.ended, c.body.Len())
	}
	f.healthy()
}

// An authorizer's variables reach the responder, and a client's field line of the
// same name does not.
func TestOverride(t *testing.T) {
	var seen atomic.Pointer[raw]
	f := start(t, loop.Auto, rawly(func(q *raw) string { seen.Store(q); return "A: 1\r\n\r\nok" }), settings{})
	c := f.client("GET", "x")
	c.req.Fields = []message.Field{{Name: []byte("X-User"), Value: []byte("root")}, {Name: []byte("X-Other"), Value: []byte("kept")}}
	f.on(func() {
		c.r.Env.Variables = []cgi.Variable{{Name: "REMOTE_USER", Value: "old"}}
		c.r.Override = []cgi.Variable{{Name: "REMOTE_USER", Value: "ann"}, {Name: "HTTP_X_USER", Value: "ann"}}
		c.r.Start(false)
	})
	c.gets(200, "ok")
	for name, want := range map[string]string{"REMOTE_USER": "ann", "HTTP_X_USER": "ann", "HTTP_X_OTHER": "kept"} {
		if v := seen.Load().params[name]; len(v) != 1 || v[0] != want {
			t.Errorf("%s is %q, want %q once", name, v, want)
		}
	}
	if c := f.get("y").gets(200, "ok"); c.failure != nil || len(seen.Load().params["REMOTE_USER"]) != 0 {
		t.Errorf("the next request has REMOTE_USER %q", seen.Load().params["REMOTE_USER"])
	}
	f.healthy()
}
