package site

import (
	"strings"
	"testing"

	"sluice/cgi"
	"sluice/gateway"
	"sluice/static"
)

func withPages(t *testing.T) Options {
	o := options(tree(t, map[string]string{
		"404.html": "not here", "a.txt": "0123456789", "page.php": "<?php", "folder/x.txt": "x", "index.html": "i",
	}))
	o.ErrorPages = map[int]string{
		404: "/404.html", 403: "Forbidden: <b>ask</b>", 416: "/404.html", 400: "/missing.html",
		413: "/413.php", 414: "/folder", 502: "/page.php", 503: "/404.html", 500: "/page.php",
	}
	return o
}

func TestErrorPages(t *testing.T) {
	h := hostOf(t, withPages(t))
	for _, tt := range []struct {
		head   string
		status int
		body   string
	}{
		{get("/none"), 404, "not here"},
		{get("/folder/"), 403, "Forbidden: <b>ask</b>"},
		{get("/%zz"), 400, "<h1>400 Bad Request</h1>"}, // its page is missing: the built-in one
		// Conditions and ranges are about what was asked for, not about the page.
		{get("/none", "Range: bytes=0-2"), 404, "not here"},
		{get("/none", "If-None-Match: *"), 404, "not here"},
		{get("/none", "If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT"), 404, "not here"},
		{get("/none", "If-Match: \"x\""), 404, "not here"},
		{get("/none", "If-Unmodified-Since: Mon, 01 Jan 1990 00:00:00 GMT"), 404, "not here"},
		{get("/a.txt", "Range: bytes=20-"), 416, "not here"},
		{request("POST", "/none", "Host: x"), 404, "not here"},
		{request("HEAD", "/none", "Host: x"), 404, ""},
		{request("BREW", "/none", "Host: x"), 404, "not here"},
	} {
		rec := serve(t, h, tt.head)
		if rec.status != tt.status || !strings.Contains(rec.body.String(), tt.body) {
			t.Errorf("%.70q: status %d, %q; want %d with %q", tt.head, rec.status, rec.body.String(), tt.status, tt.body)
		}
		if tt.body == "not here" && rec.length != 8 {
			t.Errorf("%.70q: length %d", tt.head, rec.length)
		}
	}
	if rec := serve(t, h, get("/a.txt", "Range: bytes=20-")); rec.field("Content-Range") != "bytes */10" {
		t.Errorf("416 with a page of its own: Content-Range %q (RFC 9110 §15.5.17)", rec.field("Content-Range"))
	}
}

func TestBuiltinPages(t *testing.T) {
	o := options(tree(t, map[string]string{"a.txt": "0123456789"}))
	o.ErrorPages = nil
	h := hostOf(t, o)
	rec := serve(t, h, get("/<script>alert(1)</script>"))
	if rec.status != 404 || strings.Contains(rec.body.String(), "script") || rec.length != int64(rec.body.Len()) {
		t.Errorf("status %d, length %d of %d, %q", rec.status, rec.length, rec.body.Len(), rec.body.String())
	}
	if !strings.HasPrefix(rec.field("Content-Type"), "text/html") {
		t.Errorf("Content-Type %q", rec.field("Content-Type"))
	}
	if rec := serve(t, h, get("/a.txt", "Range: bytes=20-")); rec.status != 416 || rec.field("Content-Range") != "bytes */10" {
		t.Errorf("416: status %d, Content-Range %q", rec.status, rec.field("Content-Range"))
	}
	if page := builtinPage(599); !strings.Contains(string(page), "599") {
		t.Errorf("page of an unregistered status: %q", page)
	}
}

func TestHeaderRules(t *testing.T) {
	o := withPages(t)
	o.Headers = Rules{
		Set:    []Header{{"Cache-Control", "max-age=1"}, {"X-One", "1"}},
		Add:    []Header{{"Link", "</a>"}, {"Link", "</b>"}},
		Remove: []string{"ETag", "x-powered-by"},
	}
	h := hostOf(t, o)
	for _, head := range []string{get("/a.txt"), get("/none"), get("/folder/"), get("/folder"), get("/a.txt", "Range: bytes=1-2"), request("PUT", "/a.txt", "Host: x")} {
		rec := serve(t, h, head)
		if rec.field("Cache-Control") != "max-age=1" || rec.field("X-One") != "1" || strings.Count(rec.fields, "Link: ") != 2 || rec.field("ETag") != "" {
			t.Errorf("%.40q: %d with fields %q", head, rec.status, rec.fields)
		}
		if !strings.HasSuffix(rec.fields, "\r\n") || strings.Contains(rec.fields, "\r\n\r\n") {
			t.Errorf("%.40q: fields are no lines: %q", head, rec.fields)
		}
	}
	x, rec := scriptAnswer(t, h, "/page.php")
	x.Head(&cgi.Response{Status: 200, Fields: fields("X-Powered-By", "PHP", "CACHE-CONTROL", "no-store", "Content-Type", "text/plain", "Set-Cookie", "a", "Set-Cookie", "b")}, 3)
	if rec.field("Cache-Control") != "max-age=1" || rec.field("X-Powered-By") != "" || strings.Count(rec.fields, "Set-Cookie") != 2 || strings.Count(strings.ToLower(rec.fields), "cache-control") != 1 {
		t.Errorf("a script's head: %q", rec.fields)
	}
	if rec.length != 3 || rec.field("Content-Type") != "text/plain" {
		t.Errorf("a script's head: length %d, %q", rec.length, rec.fields)
	}
}

// A backend that failed gets the page of that status; a page that is a script
// and fails as well must not lead to itself.
func TestFailures(t *testing.T) {
	h := hostOf(t, withPages(t))
	x, rec := scriptAnswer(t, h, "/page.php")
	x.Fail(gateway.Failure{Status: 503, RetryAfter: 5})
	if rec.status != 503 || rec.body.String() != "not here" || rec.field("Retry-After") != "5" {
		t.Errorf("503: status %d, %q, Retry-After %q", rec.status, rec.body.String(), rec.field("Retry-After"))
	}
	x, rec = scriptAnswer(t, h, "/page.php")
	x.Fail(gateway.Failure{Status: 502})
	if rec.heads != 0 || x.plan.Kind != Script || x.request == nil {
		t.Fatalf("502: the page's script should run now; %d heads, plan %+v", rec.heads, x.plan)
	}
	x.Fail(gateway.Failure{Status: 502})
	if rec.status != 502 || rec.finished != 1 || !strings.Contains(rec.body.String(), "<h1>502") {
		t.Errorf("502 whose page fails: status %d, %d times finished, %q", rec.status, rec.finished, rec.body.String())
	}
	x, rec = scriptAnswer(t, h, "/page.php")
	x.Fail(gateway.Failure{Status: 502})
	x.Head(&cgi.Response{Status: 200, Fields: fields("Content-Type", "text/html")}, 4)
	if rec.status != 502 || x.Status != 502 {
		t.Errorf("a page's script does not change the status: %d, %d", rec.status, x.Status)
	}
	x, rec = scriptAnswer(t, h, "/page.php")
	x.Head(&cgi.Response{Status: 200}, -1)
	x.Fail(gateway.Failure{Status: 502})
	if rec.broken != 1 || rec.finished != 0 || rec.heads != 1 {
		t.Errorf("failure after the head: %d times broken, %d finished, %d heads", rec.broken, rec.finished, rec.heads)
	}
}

// A page that is refused, missing or a folder is replaced by the built-in one.
func TestErrorPageOfNoUse(t *testing.T) {
	for _, page := range []string{"/none", "/folder", "/folder/", "/.hidden", "/%zz", "/../x"} {
		o := withPages(t)
		o.ErrorPages = map[int]string{404: page, 403: "/none", 400: page, 500: page}
		rec := serve(t, hostOf(t, o), get("/nothing"))
		if rec.heads != 1 || (rec.status != 404 && rec.status != 500) || !strings.Contains(rec.body.String(), "<h1>") {
			t.Errorf("page %q: status %d, %q", page, rec.status, rec.body.String())
		}
	}
}

func TestTooLarge(t *testing.T) {
	o := withPages(t)
	delete(o.ErrorPages, 413)
	h := hostOf(t, o)
	rec := serve(t, h, request("POST", "/page.php", "Host: x", "Content-Length: 101"))
	if rec.status != 413 || rec.continued != 0 {
		t.Errorf("by Content-Length: status %d, %d times 100", rec.status, rec.continued)
	}
	if rec := serve(t, h, request("POST", "/a.txt", "Host: x", "Content-Length: 101")); rec.status != 413 {
		t.Errorf("to a file: status %d", rec.status)
	}
	x, rec := exchange(t, request("POST", "/page.php", "Host: x", "Transfer-Encoding: chunked"))
	h.Serve(x)
	if rec.continued != 1 || !x.Wanted() {
		t.Fatalf("chunked: %d times 100, wanted %v", rec.continued, x.Wanted())
	}
	x.Content(make([]byte, 100))
	if rec.heads != 0 {
		t.Fatal("100 octets are within the limit")
	}
	x.Content([]byte("x"))
	if rec.status != 413 || rec.finished != 1 || x.Wanted() {
		t.Errorf("chunked: status %d, wanted %v", rec.status, x.Wanted())
	}
	if x.content == wanted {
		t.Error("the rest of the content still counts as wanted, so that the connection seems to be of use")
	}
	x.Content([]byte("more"))
	x.ContentEnd()
	if rec.heads != 1 || rec.finished != 1 {
		t.Errorf("content after 413: %d heads, %d times finished", rec.heads, rec.finished)
	}
}

func TestReject(t *testing.T) {
	o := withPages(t)
	o.Names = []string{"example.org"}
	h := hostOf(t, o)
	for _, status := range []int{400, 408, 414, 431, 505} {
		rec := &recorder{t: t}
		x := &Exchange{Stream: rec}
		x.Req, _ = emptyRequest()
		h.Reject(x, status, &static.PathError{Fault: static.FaultEscape})
		if rec.status != status || rec.finished != 1 || rec.length != int64(rec.body.Len()) || rec.length == 0 || x.Site() != "test" {
			t.Errorf("Reject %d: status %d, finished %d, length %d, site %q", status, rec.status, rec.finished, rec.length, x.Site())
		}
	}
}
