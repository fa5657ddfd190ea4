package site

import (
	"strings"
	"testing"
	"time"

	"sluice/cgi"
	"sluice/gateway"
)

const headerRulesText = `
RewriteEngine On
RewriteRule ^go$ http://test.example/there [R=302,L]
RewriteRule ^no$ - [F]
Header set X-Set set
Header always set X-Always always
Header add X-Add one
Header add X-Add two
Header append Cache-Control public
Header merge Cache-Control public
Header unset X-Powered-By
Header always unset X-Powered-By
Header always edit X-Script ^s(.*)$ S$1
Header always edit* X-Script p P
Header set Content-Length 3
Header unset content-LENGTH
Header set Transfer-Encoding chunked
Header set Connection close
Header always set Content-Length 3
Header setifempty X-Empty none
Header set "X Bad" no
Header set X-Host "expr=%{HTTP_HOST}"
Header set X-Env %{unknown}e
Header note X-Set noted
`

// Header edits what files and scripts send, and with always what errors and
// redirects do.
func TestHeader(t *testing.T) {
	h := ruled(t, map[string]string{
		".htaccess": strings.ReplaceAll(headerRulesText, "Header set \"X Bad\" no\n", ""), "a.txt": "0123456789", "app.php": "",
	})
	all := []string{"X-Set: set", "X-Always: always", "X-Host: test.example", "X-Empty: none", "Cache-Control: public"}
	rec := answered(t, h, get("/a.txt"))
	expect(t, "file", rec, 200, append(all, "Content-Length: 10", "Content-Type: text/plain; charset=utf-8")...)
	if strings.Count(rec.fields, "X-Add:") != 2 {
		t.Errorf("two added: %q", rec.fields)
	}
	expect(t, "HEAD", answered(t, h, request("HEAD", "/a.txt", "Host: test.example")), 200, append(all, "Content-Length: 10")...)
	rec = answered(t, h, get("/a.txt", "Range: bytes=1-2"))
	expect(t, "range", rec, 206, append(all, "Content-Length: 2", "Content-Range: bytes 1-2/10")...)
	expect(t, "304", answered(t, h, get("/a.txt", "If-None-Match: *")), 304, append(all, "Content-Type:")...)
	own := []string{"X-Set:", "X-Always: always", "X-Add:", "X-Host:"}
	expect(t, "redirect", answered(t, h, get("/go")), 302, append(own, "Location: http://test.example/there")...)
	expect(t, "refused", answered(t, h, get("/no")), 403, own...)
	expect(t, "missing", answered(t, h, get("/none")), 404, own...)

	x, rec := ruledScript(t, h, get("/app.php"))
	x.Head(&cgi.Response{Status: 201, ContentType: []byte("text/x-own"), Fields: fields(
		"Content-Type", "text/x-own", "X-Powered-By", "PHP/8", "X-Script", "script", "Cache-Control", "no-cache", "Set-Cookie", "a=1", "Set-Cookie", "b=2",
	)}, 7)
	expect(t, "script", rec, 201, "X-Set: set", "X-Always: always", "X-Powered-By:", "X-Script: ScriPt", "Cache-Control: no-cache", "Content-Type: text/x-own")
	if rec.length != 7 || strings.Count(rec.fields, "Set-Cookie:") != 2 || !strings.Contains(rec.fields, "Cache-Control: public\r\n") {
		t.Errorf("length %d, %q", rec.length, rec.fields)
	}
	checkHead(t, "script", rec)
	x, rec = ruledScript(t, h, get("/app.php"))
	x.Fail(gateway.Failure{Status: 502})
	expect(t, "gateway", rec, 502, own...)
}

// Nothing that a client sends, however it is quoted, may end a field line.
func TestResponsesCannotBeSplit(t *testing.T) {
	h := ruled(t, map[string]string{
		".htaccess": `
RewriteEngine On
RewriteRule ^raw/(.*)$ http://test.example/$1 [R,NE,L]
RewriteRule ^esc/(.*)$ http://test.example/$1 [R,L]
RewriteRule ^type/(.*)$ /a.txt [T=$1,L]
RewriteRule ^cookie/(.*)$ /a.txt [CO=n:$1:.test.example,L]
RewriteRule ^env/(.*)$ /a.txt [E=V:$1,L]
RewriteCond %{QUERY_STRING} unescape=(.*)
RewriteRule ^map$ http://test.example/%1 [R,NE,L]
RewriteRule ^fail/(.*)$ - [E=V:$1,F]
RedirectMatch ^/match/(.*)$ http://test.example/$1
Redirect /pre http://test.example/on
ErrorDocument 403 "%{reqenv:V}
ErrorDocument 410 http://test.example/%{REQUEST_URI}
RedirectMatch gone ^/gone
Header set X-V %{V}e env=V
Header always set X-U "expr=%{unescape:%{QUERY_STRING}}"
Header add X-R "expr=%{REQUEST_URI}"
Header echo ^X-Echo
`,
		"auth/.htaccess": "AuthType Basic\nAuthName \"in %{REQUEST_URI}\"\nRequire valid-user\n",
		"quiet/.htaccess": `
RewriteEngine On
RewriteRule ^type/(.*)$ /quiet/a.txt [T=$1,L]
RewriteRule ^raw/(.*)$ http://test.example/$1 [R,NE,L]
Header unset *
`,
		"a.txt": "a", "quiet/a.txt": "a", "app.php": "",
	})
	const evil = "x%0d%0aX-Injected:%201%0d%0a%0d%0abody"
	for _, head := range []string{
		get("/raw/" + evil), get("/esc/" + evil), get("/type/text%2fhtml" + evil), get("/type/text/html" + evil),
		get("/cookie/" + evil), get("/env/" + evil), get("/map?unescape=" + evil), get("/fail/" + evil), get("/match/" + evil),
		get("/pre/" + evil), get("/gone/" + evil), get("/a.txt?" + evil), get("/" + evil), get("/auth/" + evil),
		get("/quiet/type/text/html" + evil), get("/quiet/raw/" + evil), get("/quiet/raw/x%0aX-Injected:1"), get("/quiet/raw/x%0dX-Injected:1"),
		get("/a.txt", "X-Echo: a\tb", "X-Echo-2: "+evil), get("/quiet?" + evil), get("/raw/x%00y"), get("/type/text/x%0bX-Injected:1"),
	} {
		x, rec := exchange(t, head)
		h.Serve(visitor(x))
		if rec.heads != 1 {
			t.Errorf("%.60q: %d heads", head, rec.heads)
		}
		checkHead(t, head, rec)
		if strings.Contains(strings.ReplaceAll(rec.fields, "\r\n", ""), "\n") || strings.Contains(strings.ReplaceAll(rec.fields, "\r\n", ""), "\r") {
			t.Errorf("%.60q: a bare line end in %q", head, rec.fields)
		}
	}
	// Without the site's own say over the head, too: nothing but the rule's Location.
	quiet := ruled(t, map[string]string{".htaccess": "RewriteEngine On\nRewriteRule ^raw/(.*)$ http://test.example/$1 [R,NE,L]\nAcceptPathInfo On\nRewriteRule ^a.txt/(.*)$ - [T=$1,L]\nRewriteRule ^b.txt - [T=text%{PATH_INFO},L]\n", "a.txt": "a", "b.txt": "b"})
	for _, target := range []string{"/raw/" + evil, "/a.txt/text/html" + evil, "/b.txt/html" + evil} {
		answered(t, quiet, get(target))
		answered(t, quiet, request("OPTIONS", target, "Host: x"))
	}
}

func TestExpires(t *testing.T) {
	h := ruled(t, map[string]string{
		".htaccess": `
ExpiresActive On
ExpiresByType text/css "access plus 1 hour"
ExpiresByType image/* A60
ExpiresDefault "modification plus 1 year"
<Files off.css>
ExpiresActive Off
</Files>
`,
		"a.css": "a", "off.css": "a", "a.png": "a", "a.bin": "a", "app.php": "",
	})
	for _, tt := range []struct {
		head, control string
		status        int
		ahead         time.Duration
	}{
		{get("/a.css"), "max-age=3600", 200, time.Hour},
		{get("/a.css", "If-None-Match: *"), "max-age=3600", 304, time.Hour},
		{get("/a.png"), "max-age=60", 200, time.Minute},
		{get("/off.css"), "", 200, 0},
		{get("/none"), "", 404, 0},
	} {
		rec := answered(t, h, tt.head)
		expect(t, tt.head, rec, tt.status, "Cache-Control: "+tt.control)
		if tt.ahead == 0 {
			expect(t, tt.head, rec, tt.status, "Expires:")
			continue
		}
		at, err := time.Parse("Mon, 02 Jan 2006 15:04:05 GMT", rec.field("Expires"))
		if off := at.Sub(h.loop.Wall().Add(tt.ahead)); err != nil || off < -2*time.Second || off > 2*time.Second {
			t.Errorf("%.40q: Expires %q, %v off (%v)", tt.head, rec.field("Expires"), off, err)
		}
	}
	if c := answered(t, h, get("/a.bin")).field("Cache-Control"); !strings.HasPrefix(c, "max-age=3153") {
		t.Errorf("by the file's time: %q", c)
	}
	x, rec := ruledScript(t, h, get("/app.php"))
	x.Head(&cgi.Response{Status: 200, ContentType: []byte("text/css"), Fields: fields("Content-Type", "text/css", "Expires", "Thu, 19 Nov 1981 08:52:00 GMT")}, 1)
	expect(t, "a script's own", rec, 200, "Expires: Thu, 19 Nov 1981 08:52:00 GMT", "Cache-Control:")
	x, rec = ruledScript(t, h, get("/app.php"))
	x.Head(&cgi.Response{Status: 200, ContentType: []byte("text/css; charset=utf-8"), Fields: fields("Content-Type", "text/css; charset=utf-8")}, 1)
	expect(t, "script", rec, 200, "Cache-Control: max-age=3600", "Content-Type: text/css; charset=utf-8")
}

func TestTypes(t *testing.T) {
	h := ruled(t, map[string]string{
		".htaccess": `
AddType application/x-own .own
AddType text/x-text .xt
AddCharset koi8-r .ru
AddEncoding x-gzip .pack
AddLanguage fr .fr
RemoveType .gif
<Files forced.*>
ForceType "text/html; charset=big5"
</Files>
<Files notag.txt>
FileETag None
</Files>
`,
		"latin/.htaccess": "AddDefaultCharset iso-8859-1\n", "latin/a.txt": "a", "latin/a.css": "a", "latin/app.php": "",
		"off/.htaccess": "AddDefaultCharset Off\n", "off/a.txt": "a",
		"a.own": "a", "a.xt": "a", "a.txt.ru": "a", "a.txt.pack": "a", "a.fr.txt": "a", "forced.png": "a", "notag.txt": "a", "a.txt": "a", "a.gif": "a", "a.unknownext": "a",
	})
	for _, tt := range []struct {
		target string
		lines  []string
	}{
		{"/a.own", []string{"Content-Type: application/x-own"}},
		{"/a.xt", []string{"Content-Type: text/x-text; charset=utf-8"}},
		{"/a.txt.ru", []string{"Content-Type: text/plain; charset=koi8-r"}},
		{"/a.txt.pack", []string{"Content-Type: text/plain; charset=utf-8", "Content-Encoding: x-gzip"}},
		{"/a.fr.txt", []string{"Content-Language: fr"}},
		{"/forced.png", []string{"Content-Type: text/html; charset=big5"}},
		{"/notag.txt", []string{"ETag:", "Content-Length: 1"}},
		{"/latin/a.txt", []string{"Content-Type: text/plain; charset=iso-8859-1"}},
		{"/latin/a.css", []string{"Content-Type: text/css; charset=utf-8"}},
		{"/off/a.txt", []string{"Content-Type: text/plain; charset=utf-8"}},
	} {
		expect(t, tt.target, answered(t, h, get(tt.target)), 200, tt.lines...)
	}
	if tag := answered(t, h, get("/a.txt")).field("ETag"); tag == "" {
		t.Error("no ETag without FileETag")
	}
	expect(t, "a body already encoded", answered(t, h, get("/a.txt.pack", "Accept-Encoding: gzip")), 200, "Content-Encoding: gzip")
	x, rec := ruledScript(t, h, get("/latin/app.php"))
	x.Head(&cgi.Response{Status: 200, ContentType: []byte("text/html"), Fields: fields("Content-Type", "text/html")}, 1)
	expect(t, "script", rec, 200, "Content-Type: text/html; charset=iso-8859-1")
}

// FuzzHeadOfRules: whatever a rule makes of a request's path, the head is whole.
func FuzzHeadOfRules(f *testing.F) {
	h := ruled(f, map[string]string{
		".htaccess": "RewriteEngine On\nRewriteRule ^raw/(.*)$ http://test.example/$1 [R,NE,L]\nAcceptPathInfo On\nRewriteRule ^a.txt/(.*)$ - [T=$1,CO=a:$1,L]\nHeader set X-U expr=%{unescape:%{QUERY_STRING}}\n",
		"a.txt":     "a",
	})
	for _, seed := range []string{"x%0d%0ax-injected:1", "%0a", "text/html%0d", "%00", "a b", "%e2%80%a8"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if strings.ContainsAny(s, " \r\n\x00#") || len(s) > 1000 {
			t.Skip()
		}
		for _, c := range []byte(s) {
			if c <= ' ' || c >= 0x7F {
				t.Skip() // no request-target
			}
		}
		for _, target := range []string{"/raw/" + s, "/a.txt/" + s, "/a.txt?" + s} {
			answered(t, h, get(target))
		}
	})
}
