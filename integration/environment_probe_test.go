//go:build linux

package integration

// envScript prints what PHP is told about a request, as JSON. Values that are
// not UTF-8 are kept apart by their percent form.
const envScript = `<?php
function plain($v) {
    if (is_array($v)) { return array_map('plain', $v); }
    $v = (string)$v;
    return mb_check_encoding($v, 'UTF-8') ? $v : 'bytes:' . rawurlencode($v);
}
header('Content-Type: application/json');
header('X-Probe: ' . strlen(file_get_contents('php://input')));
echo json_encode([
    'server' => array_map('plain', $_SERVER),
    'get' => plain($_GET), 'post' => plain($_POST), 'cookie' => plain($_COOKIE),
    'input' => plain(file_get_contents('php://input')),
    'file' => __FILE__, 'cwd' => getcwd(),
]);
`

// probe is one request sent alike to every server. {host} and {port} stand for
// the server's own address.
type probe struct {
	name    string
	method  string
	target  string
	lines   []string // header lines beside Host and Connection
	host    string   // Host's value; "" means {host}:{port}
	body    string
	version string // "" means HTTP/1.1
}

// probes are the forty requests of docs/environment.md.
var probes = []probe{
	{name: "plain", target: "/env.php"},
	{name: "query", target: "/env.php?a=1&b=2&a=3"},
	{name: "empty query", target: "/env.php?"},
	{name: "query with odd characters", target: "/env.php?q=%20a+b%26c&x[]=1&x[]=2&u=%C3%A4&e=%zz&s='\"|^`{}"},
	{name: "query with a second question mark", target: "/env.php?a=b?c=d&e=/x/../y//z"},
	{name: "query without equals sign", target: "/env.php?-d+allow_url_include%3d1"},
	{name: "path info", target: "/env.php/a/b"},
	{name: "path info with query", target: "/env.php/a/b?c=d"},
	{name: "path info of one slash", target: "/env.php/"},
	{name: "path info with encoded slash free octets", target: "/env.php/caf%C3%A9%20au%20lait"},
	{name: "path info with a script's name in it", target: "/env.php/other.php/x"},
	{name: "path info with plus and percent", target: "/env.php/a+b/100%25"},
	{name: "path with a space", target: "/with%20space/env.php"},
	{name: "path with a needless escape", target: "/%65nv.php"},
	{name: "path with utf-8", target: "/caf%C3%A9/env.php?x=%C3%A9"},
	{name: "path with a plus", target: "/a+b/env.php"},
	{name: "path with brackets and colon", target: "/odd(1)[2]:3/env.php"},
	{name: "dot segments", target: "/sub/./../env.php"},
	{name: "directory index", target: "/sub/"},
	{name: "directory index with query", target: "/sub/?p=1"},
	{name: "head", method: "HEAD", target: "/env.php"},
	{
		name: "post form", method: "POST", target: "/env.php?q=1", body: "a=1&b=%C3%A4&c[]=x",
		lines: []string{"Content-Type: application/x-www-form-urlencoded"},
	},
	{
		name: "post json", method: "POST", target: "/env.php", body: `{"a":1}`,
		lines: []string{"Content-Type: application/json; charset=utf-8"},
	},
	{name: "post with an empty body", method: "POST", target: "/env.php", lines: []string{"Content-Length: 0"}},
	{name: "put", method: "PUT", target: "/env.php/item/7", body: "new value", lines: []string{"Content-Type: text/plain"}},
	{name: "patch and delete are methods like others", method: "DELETE", target: "/env.php?id=7"},
	{name: "unknown method", method: "FROBNICATE", target: "/env.php"},
	{name: "cookies in several lines", target: "/env.php", lines: []string{"Cookie: a=1; b=2", "Cookie: c=3"}},
	{name: "basic authorization", target: "/env.php", lines: []string{"Authorization: Basic dXNlcjpwYXNz"}},
	{name: "bearer authorization", target: "/env.php", lines: []string{"Authorization: Bearer abc.def"}},
	{name: "host with another port", target: "/env.php", host: "Example.TEST:8443"},
	{name: "host without port", target: "/env.php", host: "example.test"},
	{name: "proxy header", target: "/env.php", lines: []string{"Proxy: http://evil.test:8080"}},
	{
		name: "names with underscore and dot", target: "/env.php",
		lines: []string{"X_Under_Score: 1", "X.Dot: 2", "X-Dash: 3", "Content_Length: 99"},
	},
	{name: "underscore twin", target: "/env.php", lines: []string{"X-Twin: real", "X_Twin: forged"}},
	{
		name: "forwarded headers of an untrusted client", target: "/env.php",
		lines: []string{"X-Forwarded-For: 1.2.3.4", "X-Forwarded-Proto: https", "X-Forwarded-Host: evil.test", "Forwarded: for=1.2.3.4"},
	},
	{name: "duplicate header", target: "/env.php", lines: []string{"X-Twice: one", "X-Twice: two", "Accept: text/html", "Accept: */*"}},
	{name: "range", target: "/env.php", lines: []string{"Range: bytes=0-9", "If-None-Match: \"x\"", "If-Modified-Since: Sat, 29 Oct 1994 19:43:31 GMT"}},
	{name: "absolute form", target: "http://other.test/env.php/p?q=1"},
	{name: "http 1.0", target: "/env.php", version: "HTTP/1.0"},
	{name: "empty and blank values", target: "/env.php", lines: []string{"X-Empty:", "X-Blank:   spaced out  ", "Accept-Language: de-DE,de;q=0.9"}},
	{name: "latin-1 value", target: "/env.php", lines: []string{"X-Latin: caf\xe9"}},
	{
		name: "chunked body", method: "POST", target: "/env.php", body: "5\r\na=1&b\r\n2\r\n=2\r\n0\r\n\r\n",
		lines: []string{"Transfer-Encoding: chunked", "Content-Type: application/x-www-form-urlencoded"},
	},
}
