package site

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"sluice/cgi"
	"sluice/fcgi"
	"sluice/gateway"
	"sluice/proxied"
	"sluice/rewrite"
	"sluice/spool"
)

// proxy is the backend of a site that passes requests on.
func proxy(t *testing.T, to ...string) *gateway.Options {
	t.Helper()
	s, err := proxied.Start(proxied.Options{Folder: t.TempDir(), To: to})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return &gateway.Options{
		Pool:  fcgi.NewPool(fcgi.Options{Servers: []fcgi.Server{{Network: "unix", Address: s.Address(), Conns: 4}}}),
		Store: &spool.Store{Dir: t.TempDir(), MemoryBytes: 1 << 20}, Log: Log{},
	}
}

// echoing answers with what it saw.
func echoing(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Server", "other")
		w.Header().Set("X-Closes", strconv.FormatBool(r.Close))
		w.Header().Set("X-Sendfile", "/etc/passwd")
		switch r.URL.Path {
		case "/404":
			http.NotFound(w, r)
		case "/untyped":
			w.Header()["Content-Type"] = nil
		default:
			w.Header().Set("Location", "/not/followed")
			w.Header().Set("Content-Type", "text/plain")
			_, _ = io.WriteString(w, r.Method+" "+r.RequestURI+" "+r.Header.Get("X-Added")+" "+r.Header.Get("X-Forwarded-For")+" "+r.Header.Get("X-Forwarded-Server")+" "+string(body))
		}
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func TestPassedOn(t *testing.T) {
	url := echoing(t)
	rules := "ErrorDocument 404 /mine.html\nErrorDocument 503 /mine.html\nRequestHeader set X-Added by-rule\nHeader set X-Seen yes\n" +
		"SetEnvIf X-Fresh (.) proxy-nokeepalive=$1\nRewriteEngine On\nRewriteRule ^p/(.*)$ " + url + "/$1 [P]\nRewriteRule ^down$ http://127.0.0.1:1/ [P]\n" +
		"RewriteRule ^ne/(.*)$ " + url + "/$1 [P,NE]\nRewriteRule ^port$ http://127.0.0.1:0/ [P]\nRewriteRule ^other$ http://192.0.2.1/ [P]\n" +
		"<IfModule mod_proxy_http.c>\nHeader set X-Module yes\n</IfModule>\n"
	onLoops(t, func(t *testing.T, l *running) {
		o := ruledOptions(tree(t, map[string]string{".htaccess": rules, "mine.html": "my own"}))
		o.Names, o.Proxy = []string{"site.example"}, proxy(t, "127.0.0.1")
		l.start(o)
		rec := l.serve(request("GET", "/p/a%20b?c=d", "Host: site.example"))
		expect(t, "GET", rec, 200, "Content-Type: text/plain", "X-Seen: yes", "X-Module: yes", "Server: other", "Location: /not/followed", "X-Sendfile:")
		if got, want := rec.body.String(), "GET /a%20b?c=d by-rule 192.0.2.7 site.example "; got != want {
			t.Errorf("the other server saw %q, want %q", got, want)
		}
		for fresh, closes := range map[string]string{"1": "true", "0": "false"} {
			rec = l.serve(request("GET", "/p/x", "Host: site.example", "X-Fresh: "+fresh))
			expect(t, "proxy-nokeepalive="+fresh, rec, 200, "X-Closes: "+closes)
		}
		for _, tt := range []struct {
			target string
			status int
			body   string
			lines  []string
		}{
			{"/p/404", 404, "404 page not found", []string{"Server: other"}}, // its answer is the answer
			{"/p/untyped", 200, "", []string{"Content-Type:"}},
			{"/down", 503, "my own", []string{"Server:"}},
			{"/ne/a%20b", 403, "", nil},
			{"/port", 400, "", nil},
			{"/other", 403, "", nil},
		} {
			rec := l.serve(request("GET", tt.target, "Host: site.example"))
			expect(t, tt.target, rec, tt.status, tt.lines...)
			if !strings.Contains(rec.body.String(), tt.body) {
				t.Errorf("%s: %q, want %q", tt.target, rec.body.String(), tt.body)
			}
			if told := rec.reported("[P]"); told != (tt.status != 200 && tt.target != "/p/404") {
				t.Errorf("%s: told the administrator: %v, %+v", tt.target, told, rec.reports)
			}
		}
	})
}

// Content is passed on with its length, within the site's limit.
func TestContentPassedOn(t *testing.T) {
	url := echoing(t)
	onLoops(t, func(t *testing.T, l *running) {
		o := ruledOptions(tree(t, map[string]string{".htaccess": "RewriteEngine On\nRewriteRule ^p/(.*)$ " + url + "/$1 [P]\n"}))
		o.Proxy = proxy(t, "*")
		l.start(o)
		x, rec := l.begin(request("PUT", "/p/put", "Host: a", "Content-Length: 10"))
		l.do(func() {
			if !x.Wanted() {
				t.Error("nobody wants the content")
			}
			x.Content([]byte("01234"))
			x.Content([]byte("56789"))
			x.ContentEnd()
		})
		l.until("an answer", func() bool { return rec.finished+rec.broken > 0 })
		l.do(func() {
			if got := rec.body.String(); rec.status != 200 || !strings.HasPrefix(got, "PUT /put ") || !strings.HasSuffix(got, " 0123456789") {
				t.Errorf("%d %q", rec.status, got)
			}
		})
		expect(t, "too much", l.serve(request("POST", "/p/post", "Host: a", "Content-Length: 101")), 413)
	})
}

// Nothing is passed on where nobody may be asked, nor while it is only rehearsed.
func TestNotPassedOn(t *testing.T) {
	files := map[string]string{".htaccess": "RewriteEngine On\nRewriteRule ^p$ http://192.0.2.1/x [P]\n<IfModule mod_proxy_http.c>\nHeader always set X-Module yes\n</IfModule>\n"}
	rec := answered(t, ruled(t, files), get("/p"))
	expect(t, "without proxy_to", rec, 500, "X-Module:")
	if !rec.reported("proxy_to") {
		t.Errorf("the administrator is told %+v", rec.reports)
	}
	h := ruled(t, files, func(o *Options) { o.Proxy = proxy(t, "*") })
	x, rec := exchange(t, get("/p?q"))
	steps := &recordedSteps{}
	x.Trace = steps
	ran := false
	x.Rehearse = func(*cgi.Environment) { ran = true }
	h.Serve(visitor(x))
	expect(t, "rehearsed", rec, 200, "X-Module: yes")
	if ran || x.plan.Kind != Proxied || string(x.plan.Location) != "http://192.0.2.1/x?q" || steps.target != "http://192.0.2.1/x?q" {
		t.Errorf("a script ran: %v; plan %v to %s, told %q", ran, x.plan.Kind, x.plan.Location, steps.target)
	}
}

// recordedSteps keeps where the request would go.
type recordedSteps struct{ target string }

// Step implements rewrite.Trace.
func (s *recordedSteps) Step(e rewrite.Event) {
	if e.Kind == rewrite.TraceHandler && e.Directive == "proxy" {
		s.target = e.After
	}
}
