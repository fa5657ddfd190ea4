package site

import (
	"strings"
	"testing"

	"sluice/gateway"
	"sluice/static"
)

const phpSource = "<?php $secret = 'source';"

func rulesFiles() map[string]string {
	return map[string]string{
		".htaccess": `
RewriteEngine On
RewriteRule ^old$ /new?x=1 [R=301,L]
RewriteRule ^forbidden$ - [F]
RewriteRule ^gone$ - [G]
RewriteRule ^locked$ - [R=423]
RewriteRule ^git$ /.git/config [L]
RewriteRule ^ht$ /.htaccess [L]
RewriteRule ^env$ /.env [L]
RewriteRule ^upload$ /uploads/evil.php [L]
RewriteRule ^deny$ /private/a.txt [L]
RewriteRule ^outside$ /../../../../../../etc/passwd [L]
RewriteRule ^css/(.*)$ /$1.css [L]
RewriteRule ^proxy$ http://192.0.2.1/ [P]
Redirect 302 /moved http://other.example/there
<Files secret.txt>
Require all denied
</Files>
`,
		".env": "hidden", ".git/config": "hidden", "secret.txt": "hidden", "private/a.txt": "hidden",
		"uploads/evil.php": phpSource, "uploads/a.txt": "a", "uploads/.htaccess": "AddHandler application/x-httpd-php .txt\n",
		"style.css": "body{}", "app.php": phpSource, "copy.php.bak": phpSource, "UPPER.PHP": phpSource, ".htpasswd": "hidden",
		"denied/.htaccess": "Require all denied\n", "denied/a.txt": "hidden",
		"none/.htaccess": "<Files *>\nSetHandler none\n</Files>\n", "none/a.php": phpSource, "none/.htpasswd": "hidden",
		"default/.htaccess": "<FilesMatch \"\\.php$\">\nSetHandler default-handler\n</FilesMatch>\n", "default/a.php": phpSource,
		"type/.htaccess": "<Files *>\nForceType text/plain\nSetHandler none\n</Files>\n", "type/a.php": phpSource,
		"off/.htaccess": "php_flag engine off\n", "off/a.php": phpSource,
		"drupal/.htaccess": "SetHandler Drupal_Security_Do_Not_Remove_See_SA_2006_006\n<Files *>\nSetHandler Drupal_Security_Do_Not_Remove_See_SA_2013_003\n</Files>\n", "drupal/a.php": phpSource, "drupal/a.txt": "a",
		"all/.htaccess": "<Files *>\nRequire all granted\n</Files>\n", "all/.htaccess2": "hidden", "all/.env": "hidden",
	}
}

func TestRulesDecide(t *testing.T) {
	h := ruled(t, rulesFiles(), func(o *Options) {
		o.NoPHP, o.Deny = below{"/uploads"}, below{"/private"}
	})
	for _, tt := range []struct {
		target string
		status int
		lines  []string
	}{
		{"/old?a=b", 301, []string{"Location: http://test.example/new?x=1"}},
		{"/moved/on?q", 302, []string{"Location: http://other.example/there/on?q"}},
		{"/forbidden", 403, nil},
		{"/gone", 410, nil},
		{"/locked", 423, nil},
		{"/css/style", 200, []string{"Content-Type: text/css; charset=utf-8"}},
		{"/secret.txt", 403, nil},
		{"/denied/a.txt", 403, nil},
		{"/denied/none", 403, nil},
		{"/denied/", 403, nil},
		{"/.htaccess", 403, nil},
		{"/.htpasswd", 403, nil},
		{"/%2ehtaccess", 403, nil},
		{"/ht", 403, nil},
		{"/none/.htpasswd", 403, nil},
		{"/all/.htaccess", 404, nil},
		{"/all/.htaccess2", 404, nil},
		{"/all/.env", 404, nil},
		{"/.env", 404, nil},
		{"/env", 404, nil},
		{"/.git/config", 404, nil},
		{"/git", 404, nil},
		{"/private/a.txt", 404, nil},
		{"/deny", 404, nil},
		{"/uploads/evil.php", 403, nil},
		{"/upload", 403, nil},
		{"/uploads/a.txt", 403, nil},
		{"/none/a.php", 403, nil},
		{"/default/a.php", 403, nil},
		{"/type/a.php", 403, nil},
		{"/off/a.php", 403, nil},
		{"/drupal/a.php", 403, nil},
		{"/drupal/a.txt", 200, nil},
		{"/copy.php.bak", 404, nil},
		{"/UPPER.PHP", 404, nil},
		{"/UPPER.PHP/x", 404, nil},
		{"/%2e%2e/%2e%2e/etc/passwd", 400, nil},
		{"/style.css%00", 404, nil},
		{"/a%2fb", 404, nil},
		{"/none", 301, []string{"Location: http://test.example/none/"}},
		{"/nothing", 404, nil},
		{"/style.css/x", 404, nil},
		{"/proxy", 500, nil},
	} {
		rec := answered(t, h, get(tt.target))
		expect(t, tt.target, rec, tt.status, tt.lines...)
		if body := rec.body.String(); strings.Contains(body, "hidden") || strings.Contains(body, "source") || strings.Contains(body, "root:") {
			t.Errorf("%s: sends %q", tt.target, body)
		}
	}
	if rec := answered(t, h, get("/outside")); rec.status < 400 || strings.Contains(rec.body.String(), "root:") {
		t.Errorf("a rule that leads out of the root: %d %q", rec.status, rec.body.String())
	}
	if rec := answered(t, h, get("/proxy")); !rec.reported("passes nothing on") {
		t.Errorf("[P]: reports %+v", rec.reports)
	}
}

// What sluice refuses by name only with its own policy is as Apache's with
// Apache's.
func TestRulesWithApachesPolicy(t *testing.T) {
	h := ruled(t, rulesFiles(), func(o *Options) { o.Hidden = static.Apache })
	for target, status := range map[string]int{
		"/.env": 200, "/.git/config": 200, "/env": 200, "/copy.php.bak": 200,
		"/all/.htaccess": 403, "/.htaccess": 403, "/none/.htpasswd": 403, "/ht": 403, "/none/a.php": 403,
	} {
		expect(t, target, answered(t, h, get(target)), status)
	}
	rec := answered(t, h, get("/nothing"))
	expect(t, "/nothing", rec, 404, "Content-Type: text/html; charset=iso-8859-1")
}

// Without PHP nothing runs, and no source is sent.
func TestRulesWithoutPHP(t *testing.T) {
	h := ruled(t, rulesFiles(), func(o *Options) { o.PHP = nil })
	for _, target := range []string{"/app.php", "/app.php/x", "/app.php?x", "/none/a.php"} {
		rec := answered(t, h, get(target))
		if expect(t, target, rec, 403); strings.Contains(rec.body.String(), "source") {
			t.Errorf("%s: %q", target, rec.body.String())
		}
	}
}

func TestRulesAndMethods(t *testing.T) {
	h := ruled(t, map[string]string{".htaccess": "Header set X-Rule yes\n", "a.txt": "0123456789", "long.txt": strings.Repeat("0123456789", 500)})
	for _, tt := range []struct {
		head   string
		status int
		body   string
		lines  []string
	}{
		{request("POST", "/a.txt", "Host: x"), 200, "0123456789", []string{"X-Rule: yes"}},
		{request("POST", "/a.txt", "Host: x", "Content-Length: 3"), 200, "0123456789", nil},
		{request("HEAD", "/a.txt", "Host: x"), 200, "", []string{"X-Rule: yes", "Content-Length: 10"}},
		{request("OPTIONS", "/a.txt", "Host: x"), 200, "", []string{"Allow: GET, HEAD, POST, OPTIONS", "X-Rule: yes"}},
		{request("OPTIONS", "*", "Host: x"), 200, "", []string{"Allow: GET, HEAD, POST, OPTIONS"}},
		{request("TRACE", "/a.txt", "Host: x"), 405, "<h1>405", nil},
		{request("DELETE", "/a.txt", "Host: x"), 405, "<h1>405", []string{"Allow: GET, HEAD, POST, OPTIONS"}},
		{request("BREW", "/a.txt", "Host: x"), 501, "<h1>501", nil},
		{request("HEAD", "/none", "Host: x"), 404, "", []string{"X-Rule:"}},
		{request("PUT", "/none", "Host: x"), 405, "", nil},
		{request("GET", "http://other.example/a.txt", "Host: other.example"), 200, "0123456789", nil},
		{get("/a.txt", "Range: bytes=2-4"), 206, "234", []string{"X-Rule: yes", "Content-Range: bytes 2-4/10", "Content-Length: 3"}},
		{get("/long.txt", "Range: bytes=0-1,4000-4001"), 206, "\r\n", []string{"X-Rule: yes"}},
		{get("/a.txt", "Range: bytes=20-"), 416, "<h1>416", []string{"Content-Range: bytes */10"}},
		{get("/a.txt", "If-None-Match: *"), 304, "", []string{"X-Rule: yes", "Content-Type:"}},
		{get("/a.txt", "If-Match: \"x\""), 412, "<h1>412", nil},
	} {
		rec := answered(t, h, tt.head)
		expect(t, tt.head, rec, tt.status, tt.lines...)
		if body := rec.body.String(); !strings.Contains(body, tt.body) || tt.status < 300 && body != tt.body && tt.status != 206 {
			t.Errorf("%.50q: %q, want %q", tt.head, body, tt.body)
		}
	}
}

// errorFiles name a document for each of the errors.
func errorFiles() map[string]string {
	return map[string]string{
		".htaccess": `
RewriteEngine On
RewriteRule ^forbidden$ - [F]
RewriteRule ^gone$ - [G]
RewriteRule ^locked$ - [R=423]
RewriteRule ^loop$ /loop [L]
ErrorDocument 404 /e/404.html
ErrorDocument 403 "Go <b>away</b>
ErrorDocument 410 http://other.example/gone
ErrorDocument 423 /e/none.html
ErrorDocument 413 /e/413.html
ErrorDocument 502 /e/502.html
ErrorDocument 503 "busy %{REQUEST_URI}
ErrorDocument 500 /e/500.php
ErrorDocument 416 /e/404.html
Header set X-Set yes
Header always set X-Always yes
`,
		"e/404.html": "not here", "e/413.html": "too large", "e/502.html": "broken", "e/500.php": phpSource,
		"app.php": phpSource, "a.txt": "0123456789", "sub/.htaccess": "ErrorDocument 404 default\n",
		"hiddendoc/.htaccess": "ErrorDocument 404 /.env\n", ".env": "hidden",
	}
}

func TestErrorDocuments(t *testing.T) {
	h := ruled(t, errorFiles())
	for _, tt := range []struct {
		head   string
		status int
		body   string
		lines  []string
	}{
		{get("/none"), 404, "not here", []string{"Content-Type: text/html; charset=utf-8", "Content-Length: 8", "X-Set: yes", "X-Always: yes"}},
		{request("POST", "/none", "Host: x", "Content-Length: 2"), 404, "not here", nil},
		{request("HEAD", "/none", "Host: x"), 404, "", []string{"Content-Length: 8"}},
		{get("/none", "Range: bytes=0-1", "If-None-Match: *"), 404, "not here", nil},
		{get("/forbidden"), 403, "Go <b>away</b>", []string{"X-Set:", "X-Always: yes"}},
		{get("/gone"), 302, "<h1>302", []string{"Location: http://other.example/gone", "X-Set:", "X-Always: yes"}},
		{get("/locked"), 423, "<h1>", nil},
		{get("/sub/none"), 404, "<h1>404", nil},
		{get("/a.txt", "Range: bytes=20-"), 416, "not here", []string{"Content-Range: bytes */10"}},
		{get("/hiddendoc/none"), 404, "<h1>404", nil},
	} {
		rec := answered(t, h, tt.head)
		expect(t, tt.head, rec, tt.status, tt.lines...)
		if !strings.Contains(rec.body.String(), tt.body) || strings.Contains(rec.body.String(), "hidden") {
			t.Errorf("%.50q: %q, want %q", tt.head, rec.body.String(), tt.body)
		}
	}
}

// Errors of the gateway have their documents too, and keep their status and
// Retry-After.
func TestErrorDocumentsOfGateway(t *testing.T) {
	h := ruled(t, errorFiles())
	for _, tt := range []struct {
		failure gateway.Failure
		body    string
		lines   []string
	}{
		{gateway.Failure{Status: 502}, "broken", []string{"X-Always: yes", "Retry-After:"}},
		{gateway.Failure{Status: 503, RetryAfter: 7}, "busy /app.php", []string{"Retry-After: 7", "X-Always: yes", "X-Set:"}},
		{gateway.Failure{Status: 504}, "<h1>504", nil},
	} {
		x, rec := ruledScript(t, h, request("POST", "/app.php", "Host: x", "Content-Length: 5"))
		x.Fail(tt.failure)
		expect(t, "gateway", rec, tt.failure.Status, tt.lines...)
		if !strings.Contains(rec.body.String(), tt.body) || rec.finished != 1 || x.Wanted() {
			t.Errorf("%d: %q, finished %d; want %q", tt.failure.Status, rec.body.String(), rec.finished, tt.body)
		}
		checkHead(t, tt.body, rec)
	}
	// A script as the document of an error, that fails too: the first error counts.
	x, rec := ruledScript(t, h, get("/app.php"))
	x.Fail(gateway.Failure{Status: 500})
	if x.plan.Kind != Script || string(x.plan.File) != "/e/500.php" || rec.heads != 0 {
		t.Fatalf("plan %+v", x.plan)
	}
	x.Fail(gateway.Failure{Status: 503, RetryAfter: 1})
	if expect(t, "document fails", rec, 500); !strings.Contains(rec.body.String(), "<h1>500") {
		t.Errorf("body %q", rec.body.String())
	}
}

func TestContentOverTheLimit(t *testing.T) {
	h := ruled(t, errorFiles())
	x, rec := exchange(t, request("POST", "/app.php", "Host: x", "Content-Length: 101"))
	h.Serve(visitor(x))
	if expect(t, "declared", rec, 413); rec.body.String() != "too large" || x.Wanted() {
		t.Errorf("%q, wanted %t", rec.body.String(), x.Wanted())
	}
	x, rec = exchange(t, request("POST", "/app.php", "Host: x", "Transfer-Encoding: chunked"))
	h.Serve(visitor(x))
	x.Content(make([]byte, 100))
	if rec.heads != 0 || !x.Wanted() {
		t.Fatalf("100 octets: %d heads, wanted %t", rec.heads, x.Wanted())
	}
	x.Content(make([]byte, 1))
	if expect(t, "chunked", rec, 413); rec.body.String() != "too large" || x.Wanted() {
		t.Errorf("%q, wanted %t", rec.body.String(), x.Wanted())
	}
	x.Content(make([]byte, 1)) // the rest is thrown away
	x.ContentEnd()
	if rec.heads != 1 || rec.finished != 1 {
		t.Errorf("%d heads, %d times finished", rec.heads, rec.finished)
	}
	// A .htaccess can lower the limit, not raise it.
	h = ruled(t, map[string]string{
		"low/.htaccess": "LimitRequestBody 10\n", "high/.htaccess": "LimitRequestBody 1000\n", "low/a.php": "", "high/a.php": "",
	})
	for head, status := range map[string]int{
		request("POST", "/low/a.php", "Host: x", "Content-Length: 11"):   413,
		request("POST", "/low/a.php", "Host: x", "Content-Length: 10"):   0,
		request("POST", "/high/a.php", "Host: x", "Content-Length: 100"): 0,
		request("POST", "/high/a.php", "Host: x", "Content-Length: 101"): 413,
	} {
		x, rec := exchange(t, head)
		if h.Serve(visitor(x)); rec.status != status {
			t.Errorf("%.60q: %d, want %d", head, rec.status, status)
		}
	}
}
