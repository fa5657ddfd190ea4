package site

import (
	"strings"
	"testing"

	"sluice/rewrite"
	"sluice/static"
)

// named is a site with nothing but its names.
func named(dir, label string, names ...string) Options {
	return Options{Label: label, Names: names, Roots: []Root{{Config: static.Config{Root: dir, NoCompression: true}}}}
}

func TestHosts(t *testing.T) {
	dir := tree(t, map[string]string{"index.html": "x"})
	h := hostOf(t,
		named(dir, "exact", "example.org", "www.example.org"),
		named(dir, "wild", "*.example.org"),
		named(dir, "deep", "*.deep.example.org"),
		named(dir, "six", "[2001:db8::1]", "192.0.2.1"),
	)
	all := hostOf(t, named(dir, "first", "example.org"), named(dir, "default", "*"))
	none := hostOf(t, named(dir, "first", "example.org"), named(dir, "nameless"))
	for _, tt := range []struct {
		h               *Host
		authority, want string
	}{
		{h, "example.org", "exact"},
		{h, "EXAMPLE.Org", "exact"},
		{h, "example.org:8080", "exact"},
		{h, "example.org.", "exact"},
		{h, "Example.ORG.:80", "exact"},
		{h, "www.example.org", "exact"},
		{h, "a.example.org", "wild"},
		{h, "a.b.example.org:1", "wild"},
		{h, "A.Deep.Example.org", "deep"},
		{h, "deep.example.org", "wild"},
		{h, "xexample.org", ""},
		{h, ".example.org", ""},
		{h, "example.org.evil.net", ""},
		{h, "example.com", ""},
		{h, "", ""},
		{h, "[2001:db8::1]", "six"},
		{h, "[2001:DB8::1]:443", "six"},
		{h, "[2001:db8::2]:443", ""},
		{h, "192.0.2.1:80", "six"},
		{h, strings.Repeat("a", 300) + ".example.org", "wild"},
		{all, "example.org", "first"},
		{all, "other", "default"},
		{all, "", "default"},
		{none, "other", "nameless"},
		{none, "example.org", "first"},
	} {
		got := ""
		if sl := tt.h.find([]byte(tt.authority), []byte("/")); sl != nil {
			got = sl.Label()
		}
		if got != tt.want {
			t.Errorf("find(%q) = %q, want %q", tt.authority, got, tt.want)
		}
	}
}

// Nobody answers for an unknown host: 421 (RFC 9110 §15.5.20), not some site.
func TestMisdirected(t *testing.T) {
	dir := tree(t, map[string]string{"index.html": "secret", "sorry.html": "sorry"})
	o := named(dir, "only", "example.org")
	o.Index = []string{"index.html"}
	h := hostOf(t, o)
	rec := serve(t, h, "GET / HTTP/1.1\r\nHost: example.net\r\n\r\n")
	if rec.status != 421 || strings.Contains(rec.body.String(), "secret") {
		t.Errorf("status %d, %q; want 421", rec.status, rec.body.String())
	}
	if len(rec.reports) != 1 || rec.reports[0].Status != 421 {
		t.Errorf("reports %+v", rec.reports)
	}
	if rec := serve(t, h, "GET / HTTP/1.0\r\n\r\n"); rec.status != 421 {
		t.Errorf("without Host: status %d, want 421", rec.status)
	}
	if rec := serve(t, h, "GET http://example.org/ HTTP/1.1\r\nHost: example.net\r\n\r\n"); rec.status != 200 {
		t.Errorf("absolute-form: status %d, want 200", rec.status)
	}
	if rec := serve(t, h, "GET http://example.net/ HTTP/1.1\r\nHost: example.org\r\n\r\n"); rec.status != 421 {
		t.Errorf("absolute-form with another host: status %d, want 421", rec.status)
	}
}

func TestMethods(t *testing.T) {
	h := hostOf(t, options(tree(t, siteFiles())))
	for _, tt := range []struct {
		method, target string
		status         int
		allow          bool
	}{
		{"OPTIONS", "*", 200, true},
		{"OPTIONS", "/style.css", 200, true},
		{"TRACE", "/style.css", 405, true},
		{"TRACE", "/app.php", 405, true},
		{"POST", "/style.css", 405, true},
		{"PUT", "/style.css", 405, true},
		{"DELETE", "/style.css", 405, true},
		{"get", "/style.css", 405, true},
		{"HEAD", "/style.css", 200, false},
		{"POST", "/none", 404, false},
	} {
		rec := serve(t, h, request(tt.method, tt.target, "Host: x"))
		if rec.status != tt.status || (rec.field("Allow") != "") != tt.allow {
			t.Errorf("%s %s: status %d, Allow %q; want %d", tt.method, tt.target, rec.status, rec.field("Allow"), tt.status)
		}
	}
	if rec := serve(t, h, "CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n"); rec.status != 405 {
		t.Errorf("CONNECT: status %d, want 405", rec.status)
	}
}

func TestSplitPort(t *testing.T) {
	for _, tt := range []struct{ in, host, port string }{
		{"a", "a", ""}, {"a:1", "a", "1"}, {"a:", "a", ""}, {"[::1]", "[::1]", ""}, {"[::1]:80", "[::1]", "80"}, {"", "", ""},
	} {
		host, port := splitPort([]byte(tt.in))
		if string(host) != tt.host || string(port) != tt.port {
			t.Errorf("splitPort(%q) = %q, %q", tt.in, host, port)
		}
	}
}

// A folder's slash is added where the client is, with everything else kept.
func TestRedirectToFolder(t *testing.T) {
	h := hostOf(t, options(tree(t, map[string]string{"a b/x.txt": "", "ü/x.txt": "", "d/e/x.txt": ""})))
	for _, tt := range []struct{ head, want string }{
		{get("/d"), "http://test.example/d/"},
		{get("/d/e"), "http://test.example/d/e/"},
		{get("/d?a=b&c=%20?"), "http://test.example/d/?a=b&c=%20?"},
		{get("/d?"), "http://test.example/d/?"},
		{get("/a%20b"), "http://test.example/a%20b/"},
		{get("/a%20b?q"), "http://test.example/a%20b/?q"},
		{get("/%C3%bc"), "http://test.example/%C3%bc/"},
		{"GET /d HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n", "http://[::1]:8080/d/"},
		{"GET /d HTTP/1.0\r\n\r\n", "/d/"},
		{"GET http://h.example/d HTTP/1.1\r\nHost: other\r\n\r\n", "http://h.example/d/"},
		// Without a Host the answer is relative, and must not name another one.
		{"GET //d HTTP/1.0\r\n\r\n", "/d/"},
	} {
		rec := serve(t, h, tt.head)
		if rec.status != 301 || rec.field("Location") != tt.want {
			t.Errorf("%.40q: status %d, Location %q; want %q", tt.head, rec.status, rec.field("Location"), tt.want)
		}
	}
	x, rec := exchange(t, get("/d"))
	x.HTTPS = true
	h.Serve(x)
	if got := rec.field("Location"); got != "https://test.example/d/" {
		t.Errorf("over TLS: Location %q", got)
	}
}

// TestSitesBelowPaths serves three folders under one name.
func TestSitesBelowPaths(t *testing.T) {
	main := options(tree(t, map[string]string{"index.html": "main", "blog/index.html": "not the blog", "a.txt": "main a"}))
	blog := options(tree(t, map[string]string{"index.html": "blog", "a.txt": "blog a", "d/x.txt": "blog x", ".git/config": "secret", "private/p.txt": "p"}))
	blog.Path, blog.Deny = "/blog", below{"/private"}
	deep := options(tree(t, map[string]string{"index.html": "deep", ".htaccess": "RewriteEngine on\nRewriteRule ^old$ /blog/deep/new.txt [L]\nRewriteRule ^out$ /a.txt [L]\nErrorDocument 404 /blog/deep/404.txt\n", "new.txt": "new", "404.txt": "deep 404"}))
	deep.Path, deep.Htaccess = "/blog/deep", &Htaccess{Allowed: rewrite.OverrideAll}
	other := options(tree(t, map[string]string{"index.html": "other"}))
	other.Names = []string{"other.example"}
	h := hostOf(t, blog, main, deep, other)
	for _, tt := range []struct {
		target, host string
		status       int
		want         string
	}{
		{"/", "x.example", 200, "main"},
		{"/a.txt", "x.example", 200, "main a"},
		{"/blog", "x.example", 301, ""},
		{"/blog/", "x.example", 200, "blog"},
		{"/bl%6Fg/a.txt", "x.example", 200, "blog a"},
		{"/x/../blog/d/x.txt", "x.example", 200, "blog x"},
		{"/blog/../a.txt", "x.example", 200, "main a"},
		{"/blogger/", "x.example", 404, ""},
		{"/blog/.git/config", "x.example", 404, ""},
		{"/blog/private/p.txt", "x.example", 404, ""},
		{"/blog/deep/", "x.example", 200, "deep"},
		{"/blog/deep/old", "x.example", 200, "new"},
		{"/blog/deep/out", "x.example", 404, ""}, // not its own
		{"/blog/deep/none", "x.example", 404, "deep 404"},
		{"/blog/", "other.example", 404, ""},
		{"/", "other.example", 200, "other"},
	} {
		rec := serve(t, h, request("GET", tt.target, "Host: "+tt.host))
		if rec.status != tt.status || tt.want != "" && rec.body.String() != tt.want {
			t.Errorf("%s on %s: %d %q, want %d %q", tt.target, tt.host, rec.status, rec.body.String(), tt.status, tt.want)
		}
	}
}
