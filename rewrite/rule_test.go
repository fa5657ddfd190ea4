package rewrite

import (
	"strings"
	"testing"
)

// ruleCase is a .htaccess of the root, a request, and what comes of it.
type ruleCase struct {
	name, htaccess, target string
	want                   string // see summary
}

// summary is an answer in a line: kind, status, then what matters.
func summary(q *Request, a *Answer) string {
	s := a.Kind.String()
	switch a.Kind {
	case AnswerStatus:
		s = "status"
	case AnswerFile, AnswerScript:
		s += " " + strings.TrimPrefix(a.Filename, q.Site.Root)
		if a.PathInfo != "" {
			s += " +" + a.PathInfo
		}
		if a.HasArgs {
			s += " ?" + a.Args
		}
	case AnswerListing, AnswerOptions, AnswerProxy, AnswerPending:
	}
	if a.Status != 200 {
		s += " " + itoa(a.Status)
	}
	if a.Location != "" {
		s += " " + a.Location
	}
	return s
}

func itoa(n int) string {
	if n == 0 {
		return "0"
	}
	var b []byte
	for ; n > 0; n /= 10 {
		b = append([]byte{byte('0' + n%10)}, b...)
	}
	return string(b)
}

func on(rules string) string { return "RewriteEngine On\n" + rules }

var ruleCases = []ruleCase{
	{"no file at all", "", "/hello.php", "script /hello.php"},
	{"missing", "", "/nope", "status 404"},
	{"missing script is the backend's 404", "", "/nope.php", "script /nope.php"},
	{"folder without slash", "", "/docs?a=b", "status 301 http://example.com/docs/?a=b"},
	{"index", "", "/?x", "script /index.php ?x"},
	{"path info of a script", "", "/index.php/a/b", "script /index.php +/a/b"},
	{"path info of a file", "", "/static.txt/a", "status 404"},
	{"AcceptPathInfo", "AcceptPathInfo On", "/static.txt/a", "file /static.txt +/a"},
	{"encoded slash", "", "/a%2fb", "status 404"},
	{"encoded NUL", "", "/a%00b", "status 404"},
	{"bad escape", "", "/a%zz", "status 400"},
	{"above the root", "", "/../x", "status 400"},
	{"long component", "", "/" + strings.Repeat("x", 256), "status 403"},
	{".ht files", "", "/.htaccess", "status 403"},

	{"wordpress pretty", wordpress, "/a/b?c=d", "script /index.php ?c=d"},
	{"wordpress file", wordpress, "/static.txt", "file /static.txt"},
	{"relative keeps the query", on(`RewriteRule ^p$ index.php`), "/p?a=1", "script /index.php ?a=1"},
	{"new query replaces", on(`RewriteRule ^p$ index.php?b=2`), "/p?a=1", "script /index.php ?b=2"},
	{"QSA", on(`RewriteRule ^p$ index.php?b=2 [QSA]`), "/p?a=1", "script /index.php ?b=2&a=1"},
	{"QSD", on(`RewriteRule ^p$ index.php [QSD]`), "/p?a=1", "script /index.php"},
	{"bare ? drops", on(`RewriteRule ^p$ index.php?`), "/p?a=1", "script /index.php"},
	{"QSL", on(`RewriteRule ^p$ index.php?a?b [QSL]`), "/p", "script /index.php ?a?b"},
	{"space in the query is refused", on(`RewriteRule ^p/(.*)$ index.php?q=$1`), "/p/a%20b", "status 403"},
	{"B escapes", on(`RewriteRule ^p/(.*)$ index.php?q=$1 [B]`), "/p/a%20b&c", "script /index.php ?q=a+b%26c"},
	{"B with BNP", on(`RewriteRule ^p/(.*)$ index.php?q=$1 [B,BNP]`), "/p/a%20b", "script /index.php ?q=a%20b"},
	{"B with a list", on(`RewriteRule ^p/(.*)$ index.php?q=$1 [B=#&]`), "/p/a=b&c", "script /index.php ?q=a=b%26c"},
	{"BCTLS", on(`RewriteRule ^p/(.*)$ index.php?q=$1 [BCTLS]`), "/p/a%20b&c", "script /index.php ?q=a+b&c"},
	{"captured ?", on(`RewriteRule ^p/(.*)$ index.php/$1`), "/p/a%3Fb", "status 403"},
	{"UnsafeAllow3F", on(`RewriteRule ^p/(.*)$ index.php/$1 [UnsafeAllow3F]`), "/p/a%3Fb", "script /index.php +/a ?b"},
	{"captured ? behind a literal one", on(`RewriteRule ^p/(.*)$ index.php?$1`), "/p/a%3Fb", "script /index.php ?a?b"},

	{"R", on(`RewriteRule ^p$ /q [R]`), "/p?a=1", "status 302 http://example.com/q?a=1"},
	{"R leaks without a base", on(`RewriteRule ^p$ q [R]`), "/p", "status 302 http://example.com/srv/q"},
	{"R with a base", on("RewriteBase /x\nRewriteRule ^p$ q [R=301]"), "/p", "status 301 http://example.com/x/q"},
	{"R escapes", on(`RewriteRule ^p$ "/a b" [R=303]`), "/p", "status 303 http://example.com/a%20b"},
	{"R with NE", on(`RewriteRule ^p$ /a#b [R,NE]`), "/p", "status 302 http://example.com/a#b"},
	{"R without L goes on", on("RewriteRule ^p$ /q [R]\nRewriteRule ^http - [F]"), "/p", "status 403"},
	{"R=404", on(`RewriteRule ^p$ /q [R=404]`), "/p", "status 404"},
	{"other host", on(`RewriteRule ^p$ http://other.test/$0`), "/p", "status 302 http://other.test/p"},
	{"own host is reduced", on(`RewriteRule ^p$ http://example.com/static.txt`), "/p", "file /static.txt"},
	{"F", on(`RewriteRule ^p$ - [F]`), "/p", "status 403"},
	{"G", on(`RewriteRule ^p$ - [G]`), "/p", "status 410"},
	{"END", on("RewriteRule ^p$ /q [END]\nRewriteRule ^q$ /hello.php"), "/p", "status 404"},
	{"L goes round again", on("RewriteRule ^p$ /q [L]\nRewriteRule ^q$ /hello.php"), "/p", "script /hello.php"},
	{"chain", on("RewriteRule ^nope$ - [C]\nRewriteRule ^p$ hello.php\nRewriteRule ^p$ index.php"), "/p", "script /index.php"},
	{"skip", on("RewriteRule ^p$ - [S=1]\nRewriteRule ^p$ hello.php\nRewriteRule ^p$ index.php"), "/p", "script /index.php"},
	{"N", on("RewriteRule ^(.*)_(.*)$ $1-$2 [N]\nRewriteRule ^a-b-c$ index.php"), "/a_b_c", "script /index.php"},
	{"N without end", on(`RewriteRule ^(.*)$ x$1 [N]`), "/p", "status 500"},
	{"loop", on(`RewriteRule ^(.*)$ /x/$1`), "/p", "status 500"},
	{"identical is ignored", on(`RewriteRule ^static.txt$ static.txt`), "/static.txt", "file /static.txt"},
	{"not", on(`RewriteRule !^p index.php?n=$1`), "/q", "script /index.php ?n="},
	{"backslash keeps a dollar", on(`RewriteRule ^p$ index.php?\$1\%1$x`), "/p", "script /index.php ?$1%1$x"},
	{"path info comes back", on("RewriteRule ^foo/(.) bar/$1\nRewriteRule ^bar/(.*) index.php?$1"), "/foo/1", "script /index.php ?1/1"},
	{"DPI", on("RewriteRule ^foo/(.) bar/$1 [DPI]\nRewriteRule ^bar/(.*) index.php?$1"), "/foo/1", "script /index.php ?1"},
	{"options are needed", "Options None\n" + on(`RewriteRule ^p index.php`), "/static.txt", "status 403"},
	{"server variable", on(`RewriteRule ^p$ index.php?%{SERVER_NAME}:%{REMOTE_ADDR}:%{nope}`), "/p", "script /index.php ?example.com:192.0.2.7:"},
	{"look ahead", on("RewriteBase /\nRewriteCond %{LA-U:REQUEST_FILENAME} /srv/(.*)\nRewriteRule ^docs/x$ index.php?%1"), "/docs/x", "script /index.php ?docs/x"},

	{"cond groups", on("RewriteCond %{QUERY_STRING} a=(.)\nRewriteRule ^p$ index.php?%1"), "/p?a=7", "script /index.php ?7"},
	{"cond or", on("RewriteCond %{QUERY_STRING} ^a [OR]\nRewriteCond %{QUERY_STRING} ^b\nRewriteRule ^p$ index.php"), "/p?b", "script /index.php ?b"},
	{"cond int", on("RewriteCond %{QUERY_STRING} -gt9\nRewriteRule ^p$ index.php"), "/p?10", "script /index.php ?10"},
	{"cond longer is greater", on("RewriteCond %{QUERY_STRING} >b\nRewriteRule ^p$ index.php"), "/p?aa", "script /index.php ?aa"},
	{"cond equal", on("RewriteCond %{QUERY_STRING} =\"\"\nRewriteRule ^p$ index.php"), "/p", "script /index.php"},
	{"cond file", on("RewriteCond %{DOCUMENT_ROOT}/docs -d\nRewriteCond %{DOCUMENT_ROOT}/static.txt -s\nRewriteRule ^p$ index.php"), "/p", "script /index.php"},
	{"cond -U", on("RewriteCond /docs/readme.txt -U\nRewriteCond /.htx -F\nRewriteRule ^p$ index.php"), "/p", "status 404"},
	{"cond expr", on("RewriteCond expr \"%{REQUEST_URI} =~ m#/(.)$#\"\nRewriteRule ^p$ index.php?%1"), "/p", "script /index.php ?p"},

	{"Redirect keeps the rest", "Redirect 301 /old http://x.test/new", "/old/a%20b?q", "status 301 http://x.test/new/a%20b?q"},
	{"Redirect on segments", "Redirect /old /new", "/older", "status 404"},
	{"Redirect beats a rewrite", on("RewriteRule ^a$ index.php?rw\nRedirect /a /b"), "/a", "status 302 http://example.com/b?rw"},
	{"RedirectMatch", "RedirectMatch 307 ^/x/(.*)$ /y/$1?z", "/x/1?q", "status 307 http://example.com/y/1?z"},
	{"Redirect gone", "Redirect gone /x", "/x", "status 410"},

	{"DirectoryIndex", "DirectoryIndex nope.html static.txt", "/", "file /static.txt"},
	{"DirectorySlash Off", "DirectorySlash Off", "/docs", "status 403"},
	{"listing", "Options +Indexes", "/empty/", "listing"},
	{"Fallback", "FallbackResource /index.php", "/any/thing?x", "script /index.php ?x"},
	{"Fallback leaves scripts", "FallbackResource /index.php", "/any.php", "script /any.php"},
	{"SetHandler loses", "SetHandler none", "/hello.php", "script /hello.php"},
	{"SetHandler in Files wins", "<Files *>\nSetHandler none\n</Files>", "/hello.php", "file /hello.php"},
	{"ErrorDocument path", "ErrorDocument 404 /index.php?e", "/nope", "script /index.php ?e 404"},
	{"ErrorDocument URL", "ErrorDocument 404 http://x.test/", "/nope", "status 302 http://x.test/"},
	{"ErrorDocument that fails", "ErrorDocument 404 /nope2", "/nope", "status 404"},
	{"unknown directive", "Bogus on", "/static.txt", "status 500"},
	{"bad pattern", on("RewriteRule ^( x"), "/static.txt", "status 500"},
	{"bad flags", on("RewriteRule ^x y [L , QSA"), "/static.txt", "status 500"},
	{"BOM", "\xef\xbb\xbfOptions None", "/static.txt", "status 500"},
	{"Options mixed", "Options Indexes -FollowSymLinks", "/static.txt", "status 500"},
	{"Options All -Indexes", "Options All -Indexes", "/static.txt", "file /static.txt"},
	{"false IfModule is not read", "<IfModule mod_php.c>\nBogus\n</IfModule>", "/static.txt", "file /static.txt"},
	{"IfVersion", "<IfVersion < 2.4>\nRequire all denied\n</IfVersion>", "/static.txt", "file /static.txt"},
	{"continued comment", "# x \\\nRequire all denied", "/static.txt", "file /static.txt"},

	{"Require in Files", "<Files \"static.*\">\nRequire all denied\n</Files>", "/static.txt", "status 403"},
	{"If after Files", "<If \"true\">\nRequire all granted\n</If>\n<Files \"*.txt\">\nRequire all denied\n</Files>", "/static.txt", "file /static.txt"},
	{"Else", "<If \"%{REQUEST_URI} == '/x'\">\nRequire all granted\n</If>\n<Else>\nRequire all denied\n</Else>", "/static.txt", "status 403"},
	{"Order", "Order allow,deny", "/static.txt", "status 403"},
	{"Deny by address", "Order deny,allow\nDeny from 192.0.2.", "/static.txt", "status 403"},
	{"Deny by env", "SetEnvIf Request_URI txt bad\nOrder allow,deny\nAllow from all\nDeny from env=bad", "/static.txt", "status 403"},
	{"both systems must pass", "Require all granted\nOrder allow,deny", "/static.txt", "status 403"},
	{"denied before rewriting", on("RewriteRule ^static.txt$ index.php\n<Files static.txt>\nRequire all denied\n</Files>"), "/static.txt", "status 403"},
	{"Limit", "<LimitExcept POST>\nRequire all denied\n</LimitExcept>", "/static.txt", "status 403"},
	{"valid-user without a type", "Require valid-user", "/static.txt", "status 500"},
	{"unknown AuthType", "AuthType Digest\nAuthName x\nRequire valid-user", "/static.txt", "status 500"},
	{"no credentials", "AuthType Basic\nAuthName x\nRequire valid-user", "/static.txt", "status 401"},
	{"Satisfy Any", "Satisfy Any\nOrder deny,allow\nAuthType Basic\nAuthName x\nRequire valid-user", "/static.txt", "file /static.txt"},
	{"RequireAll", "<RequireAll>\nRequire all granted\nRequire not ip 192.0.2.0/24\n</RequireAll>", "/static.txt", "status 403"},
	{"Require not alone", "Require not ip 10.0.0.1", "/static.txt", "status 500"},
	{"Require expr", "Require expr %{REQUEST_URI} =~ m#txt#", "/static.txt", "file /static.txt"},
}

func TestRules(t *testing.T) {
	for _, c := range ruleCases {
		t.Run(c.name, func(t *testing.T) {
			q, _ := world(t, c.htaccess)
			q.Target = c.target
			q.Fields = []Field{{"Host", "example.com"}}
			if got := summary(q, q.Run()); got != c.want {
				t.Errorf("%q with\n%s\n got %q\nwant %q", c.target, c.htaccess, got, c.want)
			}
		})
	}
}

// TestNested: two folders with a .htaccess each.
func TestNested(t *testing.T) {
	for _, c := range []struct{ name, root, sub, target, want string }{
		{"child discards the rules", on("RewriteRule ^sub/q$ index.php?root"), on(""), "/sub/q", "status 404"},
		{"parent's rules go on", on("RewriteRule ^sub/q$ index.php?root"), "Options -Indexes", "/sub/q", "script /index.php ?root"},
		{"child inherits On", on(""), "RewriteRule ^q$ page.php", "/sub/q", "script /sub/page.php"},
		{"Inherit takes the child's prefix", on("RewriteRule ^q$ page.php?root"), on("RewriteOptions Inherit"), "/sub/q", "script /sub/page.php ?root"},
		{"InheritDown", "RewriteOptions InheritDown\n" + on("RewriteRule ^q$ page.php?root"), on(""), "/sub/q", "script /sub/page.php ?root"},
		{"IgnoreInherit", "RewriteOptions InheritDown\n" + on("RewriteRule ^q$ page.php?root"), on("RewriteOptions IgnoreInherit"), "/sub/q", "status 404"},
		{"root's Files beat the child", "<Files page.php>\nRequire all denied\n</Files>", "Require all granted", "/sub/page.php", "status 403"},
		{"child grants", "Require all denied", "Require all granted", "/sub/page.php", "script /sub/page.php"},
		{"AuthMerging And", "Require all denied", "AuthMerging And\nRequire all granted", "/sub/page.php", "status 403"},
		{"child's Redirect first", "Redirect /sub/q /root", "Redirect /sub/q /child", "/sub/q", "status 302 http://example.com/child"},
		{"broken child", "", "Bogus", "/sub/page.php", "status 500"},
		{"broken child elsewhere", "", "Bogus", "/static.txt", "file /static.txt"},
	} {
		t.Run(c.name, func(t *testing.T) {
			q, e := world(t, c.root)
			e.add(t, "/srv/sub/", c.sub)
			q.Target = c.target
			if got := summary(q, q.Run()); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
