//go:build linux

package htaccess_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// proxyRules are the .htaccess of the test; @B@ is the backend's address, @S@ its
// Unix socket.
const proxyRules = `ErrorDocument 404 "our own 404"
ErrorDocument 502 "our own 502"
ErrorDocument 503 /down.html
<IfModule mod_proxy.c>
<IfModule mod_proxy_http.c>
RequestHeader set X-Added "by rule"
RequestHeader unset X-Secret
Header set X-Response "by rule"
Header unset X-Backend
Header always set X-Always 1
Header edit Set-Cookie ^a= c=
</IfModule>
</IfModule>
SetEnvIf X-Fresh . proxy-nokeepalive
RewriteEngine On
RewriteRule ^p/(.*)$ http://@B@/$1 [P]
RewriteRule ^q/(.*)$ http://@B@/q?x=$1 [P]
RewriteRule ^qsa/(.*)$ http://@B@/q?x=$1 [P,QSA]
RewriteRule ^ne/(.*)$ http://@B@/$1 [P,NE]
RewriteRule ^b/(.*)$ http://@B@/$1 [P,B]
RewriteRule ^sub/api/(.*)$ http://@B@/api/$1 [P,L,QSD]
RewriteRule ^user$ http://name:secret@@B@/user [P]
RewriteRule ^bare$ http://@B@ [P]
RewriteRule ^upper$ HTTP://@B@/Upper [P]
RewriteRule ^ws$ ws://@B@/ws [P]
RewriteRule ^socket/(.*)$ unix:@S@|http://named.example/$1 [P]
RewriteRule ^nosocket$ unix:/nowhere/x.sock|http://named.example/ [P]
RewriteRule ^refused$ http://127.0.0.1:1/ [P]
RewriteRule ^badport$ http://127.0.0.1:99999/ [P]
RewriteRule ^badhost$ http://a{b/ [P]
RewriteRule ^ftp$ ftp://@B@/ [P]
RewriteRule ^env/(.*)$ http://@B@/$1 [P,E=X:y,CO=n:v:.example.com]
RewriteCond %{HTTP:X-Go} =1
RewriteRule ^cond/(.*)$ http://@B@/cond/$1 [P]
RewriteCond %{REQUEST_FILENAME} !-f
RewriteRule ^(here\.txt|gone\.txt)$ http://@B@/$1 [P]
RewriteRule ^first$ second
RewriteRule ^second$ http://@B@/second [P]
`

// proxyRequests are asked of both servers.
const proxyRequests = `/p/plain
/p/
/p/?
/p/x?a=b&c=%20d
/p/a%20b/c%25d%2Ee?x=1%20y&z
/p/%c3%a9%3Cx%3E%22%7B%7D%5E%7C%60%5B%5D;:@&=+$,~!*()
/p/a%3Fb?q
/p//x//y
/p/%23x
/p/a%2Bb+c
/p/a/./b/../c
/q/one?two=3
/q/a%26b?zz=1
/q/a%20b
/qsa/one?two=3
/ne/a%25b?x=%20
/ne/a%20b
/ne/plain?x=1
/b/a%20b%2e%25?x
/sub/api/list?dropped=1
/user
/bare
/upper
/ws
/socket/over/unix?x=1
/nosocket
/refused
/badport
/badhost
/ftp
/env/e
/cond/no
/cond/yes | X-Go: 1
/here.txt
/gone.txt
/first
HEAD /p/plain
POST /p/post | body=a=b&c=d
POST /p/empty
PUT /p/put | Content-Type: text/plain | body=content of a PUT
DELETE /p/thing
PATCH /p/thing | body=x
OPTIONS /p/thing
PROPFIND /p/dav
TRACE /p/trace
GET /p/get-body | body=GET with content
/p/f | X-Forwarded-For: 192.0.2.9 | X-Forwarded-Host: outer.example | X-Forwarded-Server: outer
/p/f | Authorization: Basic eDp5 | Cookie: a=1; b=2 | Referer: http://r.example/
/p/f | Connection: X-Listed | X-Listed: 1 | Keep-Alive: 3 | TE: trailers | Upgrade: foo
/p/f | X-Secret: s | X-Added: mine | X-Twice: 1 | X-Twice: 2 | X_Under: 1
/p/f | Accept-Encoding: gzip, br | If-None-Match: "x" | Range: bytes=0-3 | If-Modified-Since: Sat, 01 Jan 2000 00:00:00 GMT
/p/f | Proxy-Authorization: Basic eDp5
/p/f | Max-Forwards: 3
/p/f | Max-Forwards: 0
/p/f | Max-Forwards: x
/p/f | X-Fresh: 1 | Cache-Control: no-cache | Pragma: no-cache
/p/f | Host: www.example.com
/p/status/200
/p/status/204
/p/status/304
/p/status/400
/p/status/404
/p/status/500
/p/status/502
/p/status/503
/p/redirect/elsewhere
/p/cookies
/p/chunked
HEAD /p/chunked
/p/raw/hop
/p/untyped
/p/big/1600000
HEAD /p/big/1600000
/p/raw/closed
/p/raw/garbage
/p/raw/old
/p/raw/interim
POST /p/status/404 | body=x
POST /refused | body=x`

// TestProxy compares what two servers make of [P]: status, head and content of the
// answer, and what the other server saw.
func TestProxy(t *testing.T) {
	b := startBackend(t)
	root := workDir(t)
	rules := strings.NewReplacer("@@B@", "@"+b.addr, "@B@", b.addr, "@S@", b.socket).Replace(proxyRules)
	writeFile(t, filepath.Join(root, ".htaccess"), rules)
	for _, name := range []string{"down.html", "here.txt"} {
		writeFile(t, filepath.Join(root, name), "STATIC "+name+"\n")
		if err := os.Chtimes(filepath.Join(root, name), treeTime, treeTime); err != nil {
			t.Fatal(err)
		}
	}
	apache := startApache(t, "/nowhere/fpm.sock", []string{root}, "proxy_http")[0]
	addr := freeAddrs(t, 1)[0]
	startSluice(t, root, addr, "--proxy-to", "*")
	lines := strings.Split(proxyRequests, "\n")
	for _, line := range lines {
		r := parseRequest(line)
		want := relayedBy(r, askApache(apache, r), root)
		got := relayedBy(r, exchange(addr, r, exchangeMax), root)
		if reason, ok := proxyDiffers[line]; ok {
			if got == want {
				t.Errorf("%s\nis no difference any more: %s", line, reason)
			}
			continue
		}
		if got != want {
			t.Errorf("%s\nApache: %s\nsluice: %s", line, want, got)
		}
	}
}

// proxyDiffers are the requests that the two answer differently, on purpose.
var proxyDiffers = map[string]string{
	"/p/f | Accept-Encoding: gzip, br | If-None-Match: \"x\" | Range: bytes=0-3 | If-Modified-Since: Sat, 01 Jan 2000 00:00:00 GMT": "Apache cuts the range out of an answer whose server did not",
	"/p/f | Host: www.example.com": "X-Forwarded-Server is ServerName, which a site without names has not",
	"/p/raw/garbage":               "Apache takes it for HTTP/0.9",
	"/p/raw/interim":               "sluice drops interim responses",
}

// relayedBy is an answer as text, without what is a server's own affair.
func relayedBy(r request, a *answer, root string) string {
	if a.err != nil {
		return "error: " + a.err.Error()
	}
	a.tidyHeader(root)
	h := maps.Clone(a.header)
	for _, name := range []string{"Date", "Connection", "Keep-Alive", "Transfer-Encoding"} {
		delete(h, name)
	}
	if !strings.Contains(r.target, "/big/") { // else one may say it where the other sends chunks
		delete(h, "Content-Length")
	}
	body := string(a.body)
	var s seen
	switch {
	case json.Unmarshal(a.body, &s) == nil && s.Method != "":
		delete(s.Header, "Connection")
		body = fmt.Sprintf("%s %s of %s %v %q", s.Method, s.URI, s.Host, s.Header, s.Body)
	case ownPage(a.body) || r.method == "HEAD" && a.status >= 400:
		body = "(its own page)"
	case len(body) > 100:
		body = fmt.Sprintf("%d octets: %.20q", len(body), body)
	}
	if h.Get("Server") != "backend" {
		delete(h, "Server")
	}
	return fmt.Sprintf("%d %s\n\t%s", a.status, heads(h), body)
}

func heads(h http.Header) string {
	var lines []string
	for name, values := range h {
		lines = append(lines, name+": "+strings.Join(values, ", "))
	}
	slices.Sort(lines)
	return strings.Join(lines, "; ")
}

// TestProxyFastCGI compares [P] to a FastCGI server, which is PHP's.
func TestProxyFastCGI(t *testing.T) {
	fpm := startFPM(t, 2)
	root := workDir(t)
	writeFile(t, filepath.Join(root, ".htaccess"), "RewriteEngine On\nRewriteRule ^run/(.*)$ unix:"+fpm+"|fcgi://localhost"+root+"/$1 [P]\n"+
		"RewriteRule ^out/(.*)$ unix:"+fpm+"|fcgi://localhost/nowhere/$1 [P]\n")
	writeFile(t, filepath.Join(root, "index.php"), "<?php echo 'index';")
	writeFile(t, filepath.Join(root, "sub/s.php"), `<?php
foreach (["REQUEST_METHOD", "QUERY_STRING", "REQUEST_URI", "SCRIPT_FILENAME", "CONTENT_TYPE"] as $k) echo $k, "=", $_SERVER[$k] ?? "-", "\n";
echo file_get_contents("php://input");`)
	apache := startApache(t, fpm, []string{root})[0]
	addr := freeAddrs(t, 1)[0]
	startSluice(t, root, addr)
	for _, line := range []string{
		"/run/sub/s.php", "/run/sub/s.php?a=b%20c", "POST /run/sub/s.php | body=x=y", "HEAD /run/sub/s.php", "/run/sub/none.php", "/out/s.php",
	} {
		r := parseRequest(line)
		want, got := askApache(apache, r), exchange(addr, r, exchangeMax)
		if got.err != nil || got.status != want.status || string(got.body) != string(want.body) && !ownPage(want.body) {
			t.Errorf("%s\nApache: %d %q\nsluice: %v %d %q", line, want.status, want.body, got.err, got.status, got.body)
		}
	}
}

// TestProxyBreaksOff: half an answer does not look whole.
func TestProxyBreaksOff(t *testing.T) {
	b := startBackend(t)
	root := workDir(t)
	writeFile(t, filepath.Join(root, ".htaccess"), "RewriteEngine On\nRewriteRule ^p/(.*)$ http://"+b.addr+"/$1 [P]\n")
	addr := freeAddrs(t, 1)[0]
	startSluice(t, root, addr, "--proxy-to", b.addr)
	for _, path := range []string{"/p/raw/short", "/p/raw/cut"} {
		if a := exchange(addr, parseRequest(path), exchangeMax); a.err == nil && a.status != 502 {
			t.Errorf("%s: status %d with content %q, want none or a broken one", path, a.status, a.body)
		}
	}
	if a := exchange(addr, parseRequest("/p/fine"), exchangeMax); a.err != nil || a.status != 200 {
		t.Errorf("afterwards: %v, status %d", a.err, a.status)
	}
}

// TestProxyCircle: a request that comes back to us, again and again, ends.
func TestProxyCircle(t *testing.T) {
	root := workDir(t)
	addr := freeAddrs(t, 1)[0]
	writeFile(t, filepath.Join(root, ".htaccess"), "RewriteEngine On\nRewriteRule ^circle$ http://"+addr+"/circle [P]\n")
	startSluice(t, root, addr, "--proxy-to", "*")
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if a := exchange(addr, parseRequest("/circle"), exchangeMax); a.err != nil || a.status != 502 {
				t.Errorf("%v, status %d, want 502", a.err, a.status)
			}
		})
	}
	all.Wait()
}

// TestProxyOff: who is not named is not asked, and without proxy_to nobody is.
func TestProxyOff(t *testing.T) {
	b := startBackend(t)
	root := workDir(t)
	writeFile(t, filepath.Join(root, ".htaccess"), "RewriteEngine On\nRewriteRule ^p$ http://"+b.addr+"/ [P]\n"+
		"<IfModule mod_proxy_http.c>\nHeader always set X-Loaded yes\n</IfModule>\n")
	for _, tt := range []struct {
		to     string
		status int
		loaded string
	}{
		{"", 500, ""},
		{"other.example", 403, "yes"},
		{"127.0.0.1", 200, "yes"},
		{b.addr, 200, "yes"},
		{"127.0.0.1:1", 403, "yes"},
	} {
		var flags []string
		if tt.to != "" {
			flags = []string{"--proxy-to", tt.to}
		}
		addr := freeAddrs(t, 1)[0]
		p := startSluice(t, root, addr, flags...)
		if a := exchange(addr, parseRequest("/p"), exchangeMax); a.err != nil || a.status != tt.status || a.field("X-Loaded") != tt.loaded {
			t.Errorf("proxy_to %q: %v, status %d, want %d; X-Loaded %q, want %q\n%s", tt.to, a.err, a.status, tt.status, a.field("X-Loaded"), tt.loaded, tail(p.log, 1000))
		}
	}
}
