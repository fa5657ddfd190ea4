package rewrite

import (
	"strings"
	"testing"
)

// What these tests want was measured with Apache 2.4.71.

func runCases(t *testing.T, cases []ruleCase) {
	t.Helper()
	for _, c := range cases {
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

// TestSyntax: what Apache takes and what it refuses.
func TestSyntax(t *testing.T) {
	const ok, broken = "file /static.txt", "status 500"
	var cases []ruleCase
	for text, want := range map[string]string{
		"RewriteEngine On # on": ok, "RewriteEngine On Off": ok, "RewriteEngine Maybe": broken, "RewriteEngine": broken,
		"DirectorySlash On x": ok, "ExpiresActive On On": ok, "CGIPassAuth Off x y": ok, "RedirectRelative On x": ok, "IndexIgnoreReset On x": ok,
		"AcceptPathInfo On x": broken, "SSLRequireSSL x": broken,

		"<IfModule mod_rewrite.c >\n</IfModule>": ok, "<IfModule mod_rewrite.c>\n</IfModule  >": broken,
		"<IfModule mod_rewrite.c>\n</IfModule x>": broken, "<IfModule mod_rewrite.c>\n</IfModule>x": broken, "<IfModule mod_rewrite.c>\n</ifMODULE>": ok,

		"<Limit FOO>\n</Limit>": broken, "<Limit GET FOO>\n</Limit>": broken, "<Limit get>\n</Limit>": broken,
		"<LimitExcept FOO>\n</LimitExcept>": broken, "<Limit HEAD PROPFIND VERSION-CONTROL>\n</Limit>": ok,
		"Require method FOO": broken, "Require method GET": ok,
		"Require ALL granted": broken, "Require all GRANTED": ok, "Require Ip 192.0.2.7": broken,
		"<RequireAll>\nRequire all granted\nRequire NOT env X\n</RequireAll>": ok,

		"RewriteRule ^never - [R=417]": ok, "RewriteRule ^never - [R=418]": broken, "RewriteRule ^never - [R=425]": broken,
		"RewriteRule ^never - [R=306]": broken, "RewriteRule ^never - [R=511]": ok, "RewriteRule ^never - [R=512]": broken,
		"ErrorDocument 418 x": broken,

		`<If "file('/etc/x') =~ /x/">` + "\n</If>": broken, `<If "filesize('/etc/x') -gt 3">` + "\n</If>": broken,
		`<If "%{filemod:/x} == 'x'">` + "\n</If>": broken, `<If "osenv('X') == 'x' || -f '/etc/x'">` + "\n</If>": ok,
		`<If "true && ('x' in {'y', tolower(file('/x'))})">` + "\n</If>": broken,
		`Header set A "expr=%{file:/x}"`:                                 broken, `Header set A 1 "expr=filesize('/x') -gt 3"`: broken, `RequestHeader set A "expr=%{FILE:/x}"`: broken,
		`ErrorDocument 404 "%{file:/x}"`: broken, `SetEnvIfExpr "filesize('/x') -gt 1" X`: broken, `AuthName "expr=%{file:/x}"`: broken,
		`SetHandler "expr=%{file:/x}"`: broken, `Redirect 301 "/%{filesize:/x}"`: broken, "Require expr file('/x') == ''": broken,
		"RewriteCond expr \"file('/x') == ''\"\nRewriteRule x y": broken,

		`SetEnvIf X "" Y`: broken, `SetEnvIf "" x y`: broken, `SetEnvIf Host x ""`: broken, `BrowserMatch "" x`: broken,
		`ForceType ""`: broken, `AuthName ""`: broken, `SetEnv A ""`: ok, `SetEnv ""`: broken, `SetHandler ""`: broken, `DirectoryIndex ""`: ok,
		`Redirect "" /x`: broken, `Redirect /x ""`: broken, `FallbackResource ""`: broken, `AddType "" .x`: broken, `AddType a/b ""`: ok,
		`Options ""`: broken, `FileETag ""`: broken, `IndexIgnore ""`: broken, `UnsetEnv ""`: broken, `Order ""`: broken, `RewriteOptions ""`: broken,
		`Header set X ""`: ok, `DirectorySlash ""`: broken, `Require ""`: broken, `Allow from ""`: ok, `IndexOptions ""`: ok,

		`ErrorDocument 404 two words`: broken, `ErrorDocument 404 "two" words`: broken, `ErrorDocument 404 "two words`: ok, `ErrorDocument 404 /a b`: broken,
		`ErrorDocument 404 ""`: broken, `ErrorDocument "404" x`: ok, `ErrorDocument 404 "%{nope"`: broken,
	} {
		cases = append(cases, ruleCase{text, text, "/static.txt", want})
	}
	runCases(t, cases)
}

func TestRedirectWithoutPath(t *testing.T) {
	const q = "/static.txt?q=1"
	runCases(t, []ruleCase{
		{"status", "Redirect 301 /foo", q, "status 301 http://example.com/foo?q=1"},
		{"below", "Redirect 301 /foo", "/foo/bar", "status 301 http://example.com/foo"},
		{"no status", "Redirect /foo", q, "status 302 http://example.com/foo?q=1"},
		{"word", "Redirect permanent \"http://x.test/a b?b=c d\"", q, "status 301 http://x.test/a%20b?b=c d"},
		{"URL", "Redirect http://x.test/y", q, "status 302 http://x.test/y?q=1"},
		{"expression", "Redirect 301 \"/x%{REQUEST_URI}-%{HTTP:Host}$0\"", q, "status 301 http://example.com/x/static.txt-example.com?q=1"},
		{"fragment", "Redirect 303 \"/x#f?q\"", q, "status 303 http://example.com/x#f?q"},
		{"gone", "Redirect gone", q, "status 410"},
		{"gone by number", "Redirect 404", q, "status 404"},
		{"gone, a path", "Redirect gone /x", q, "file /static.txt ?q=1"},
		{"no URL", "Redirect 301 foo", q, "status 500"},
		{"nothing", "Redirect 301", q, "status 500"},
		{"unknown status", "Redirect 999", q, "status 500"},
		{"unknown status elsewhere", "Redirect 999 /x", q, "file /static.txt ?q=1"},
		{"bad expression", "Redirect 301 \"%{nope\"", q, "status 500"},
		{"match", "RedirectMatch 301 /foo", q, "status 301 http://example.com/foo?q=1"},
		{"match, one word", "RedirectMatch /foo", q, "status 500"},
		{"match, no URL", "RedirectMatch 301 foo", q, "status 500"},
		{"match, gone", "RedirectMatch gone foo", q, "file /static.txt ?q=1"},
		{"fixed status", "RedirectPermanent /foo", q, "status 500"},
		{"before the others", "Redirect 302 /static.txt /bar\nRedirect 301 /foo", q, "status 301 http://example.com/foo?q=1"},
		{"the last counts", "Redirect 301 /foo\nRedirect /bar", q, "status 302 http://example.com/bar?q=1"},
		{"nearest section", "Redirect 301 /foo\n<Files static.txt>\nRedirect 301 /inner\n</Files>", q, "status 301 http://example.com/inner?q=1"},
		{"relative", "Redirect 301 /foo/\nRedirectRelative On", q, "status 301 /foo/?q=1"},
	})
}

// linkEnv has symbolic links that lead to nothing.
type linkEnv struct {
	*fakeEnv
	links map[string]bool
	asked int
}

func (e *linkEnv) Lstat(p string) FileInfo {
	e.asked++
	if e.links[p] {
		return FileInfo{Kind: Symlink}
	}
	return e.fakeEnv.Lstat(p)
}

func TestDanglingLink(t *testing.T) {
	for _, c := range []struct {
		name, htaccess, target, want string
		asked                        int
	}{
		{"plain", "", "/broken", "status 403", 1},
		{"below", "", "/broken/x", "status 403", 1},
		{"script", "", "/broken.php", "status 403", 1},
		{"no document of the folder", "ErrorDocument 403 /index.php", "/broken", "status 403", 1},
		{"rewritten", on("RewriteCond %{REQUEST_FILENAME} !-f\nRewriteRule . /index.php"), "/broken", "status 403", 1},
		{"-l", on("RewriteCond %{REQUEST_FILENAME} -l\nRewriteRule . /index.php"), "/broken", "status 403", 2},
		{"redirected", on("RewriteRule . /index.php [R]"), "/broken", "status 403", 1},
		{"rules to it", on("RewriteRule ^b$ broken"), "/b", "status 403", 2},
		{"Fallback", "FallbackResource /index.php", "/broken", "status 403", 1},
		{"not the index", "DirectoryIndex broken index.php", "/", "script /index.php", 0},
		{"missing", "", "/missing", "status 404", 1},
		{"missing and rewritten", on("RewriteRule ^missing index.php"), "/missing", "script /index.php", 1},
		{"existing files cost nothing", on("RewriteRule ^x y"), "/static.txt", "file /static.txt", 0},
		{"told by Stat", "", "/told", "status 403", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			q, f := world(t, c.htaccess)
			f.files["/srv/told"] = FileInfo{Kind: Symlink}
			e := &linkEnv{fakeEnv: f, links: map[string]bool{"/srv/broken": true, "/srv/broken.php": true}}
			q.Env, q.Target = e, c.target
			if got := summary(q, q.Run()); got != c.want || e.asked != c.asked {
				t.Errorf("got %q, %d Lstat, want %q, %d", got, e.asked, c.want, c.asked)
			}
		})
	}
}

// variablesOf are those of an answer, of the names given.
func variablesOf(a *Answer, names ...string) string {
	var out []string
	for _, n := range names {
		for _, v := range a.Env {
			if v.Name == n {
				out = append(out, n+"="+v.Value)
			}
		}
	}
	return strings.Join(out, " ")
}

func TestVariables(t *testing.T) {
	for _, c := range []struct{ name, htaccess, target, want string }{
		{"named group", "<FilesMatch \"(?<A>\\.(?<b>txt))$\">\n</FilesMatch>", "/static.txt", "MATCH_A=.txt MATCH_B=txt"},
		{"Files ~", "<Files ~ \"(?P<a>st)(?<b>q)?\">\n</Files>", "/static.txt", "MATCH_A=st"},
		{"no match", "<FilesMatch \"(?<a>x)\">\n</FilesMatch>", "/static.css", ""},
		{"of a folder's index", "<FilesMatch \"^(?<a>.*)$\">\n</FilesMatch>", "/", "MATCH_A="},
		{"after a rewrite", "<FilesMatch \"^(?<a>.*)$\">\n</FilesMatch>\n" + on("RewriteRule ^x index.php"), "/x", "MATCH_A=index.php REDIRECT_MATCH_A=x"},

		{"literal", "SetEnvIf X yes A=$0$1\nSetEnvIf X ye B=x$0\\$0\nSetEnvIf X ^yes C=$0", "/static.txt", "A=$0$1 B=x$0\\$0 C=yes"},
		{"escaped literal", "SetEnvIf Y a\\.b A=$0\nSetEnvIf Y a[.]b B=x$0\nSetEnvIf Y a\\wb C=$0", "/static.txt", "A=$0 B=xa.b"},
		{"literal, name by pattern", "SetEnvIf ^X$ yes A=$0", "/static.txt", "A=$0"},
		{"literal URI", "SetEnvIf Request_URI / A=$0\nSetEnvIfNoCase X YES B=$0", "/static.txt", "A=$0 B=$0"},
		{"set before", "SetEnvIf X (yes) A=$1\nSetEnvIf A y.s B=$0\nSetEnvIf A yes C=$0", "/static.txt", "A=yes B=yes C=$0"},

		{"SSL", on("RewriteCond %{SSL:HTTPS}|%{SSL:SSL_PROTOCOL}|%{SSL:REQUEST_URI} (.*)\nRewriteRule ^ - [E=A:%1]\nRewriteCond %{SSL:HTTP:X} (.*)\nRewriteRule ^ - [E=B:%1]"), "/static.txt", "A=off||/static.txt B=yes"},
		{"LA-F", on("RewriteCond %{LA-F:REQUEST_FILENAME} (.*)\nRewriteRule ^ - [E=A:%1]\nRewriteCond %{LA-F:REQUEST_URI} (.*)\nRewriteRule ^ - [E=B:%1]"), "/static.txt", "A=/srv/static.txt B=/static.txt"},
		{"LA-F of another folder", on("RewriteCond %{LA-F:REQUEST_URI} ^/c\nRewriteRule ^ - [E=A:1]\nRewriteCond %{LA-F:REQUEST_URI} (.*)\nRewriteRule ^ - [E=B:%1]"), "/c/x", "B=" + foreignURI},
		{"-F of folders", on("RewriteCond /srv/docs/ -F [OR]\nRewriteCond /srv/docs -F\nRewriteRule ^ - [E=A:1]\nRewriteCond /srv/docs/readme.txt -F\nRewriteRule ^ - [E=B:1]"), "/static.txt", "B=1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			q, _ := world(t, c.htaccess)
			q.Target = c.target
			q.Fields = []Field{{"Host", "example.com"}, {"X", "yes"}, {"Y", "a.b"}}
			if got := variablesOf(q.Run(), "MATCH_A", "MATCH_B", "REDIRECT_MATCH_A", "A", "B", "C"); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// TestResponseVariables: Header sees what a script was given, once it answers.
func TestResponseVariables(t *testing.T) {
	const uris = "Header always set A \"%{REQUEST_URI}e|%{SCRIPT_NAME}e|%{QUERY_STRING}e|%{PATH_INFO}e|%{HTTP_X_A}e|%{CONTENT_LENGTH}e|%{HTTP_AUTHORIZATION}e\"\n"
	for _, c := range []struct {
		name, htaccess, target string
		own                    bool
		want                   string
	}{
		{"script", uris, "/index.php/pi?x=1", false, "A: /index.php/pi?x=1|/index.php|x=1|/pi|1|(null)|(null)"},
		{"rewritten", uris + on("RewriteRule ^foo index.php?a=b"), "/foo?z", false, "A: /foo?z|/index.php|a=b|(null)|1|(null)|(null)"},
		{"missing script", uris, "/none.php", false, "A: /none.php|/none.php||(null)|1|(null)|(null)"},
		{"file", uris, "/static.txt", false, "A: (null)|(null)|(null)|(null)|(null)|(null)|(null)"},
		{"our own page", uris, "/nope", true, "A: (null)|(null)|(null)|(null)|(null)|(null)|(null)"},
		{"error document", "ErrorDocument 404 /index.php\n" + uris, "/nope", false, "A: /nope|/index.php||(null)|1|(null)|(null)"},
		{"over SetEnv", "SetEnv REQUEST_URI x\nHeader set A %{REQUEST_URI}e", "/index.php", false, "A: /index.php"},
		{"conditions", "Header set A 1 env=REQUEST_URI\nHeader set B 1 env=!REQUEST_URI\nHeader set C \"expr=%{env:SCRIPT_NAME}%{reqenv:SCRIPT_NAME}\"", "/index.php", false, "A: 1|C: /index.php/index.php"},
		{"mod_ssl's", "Header set A \"%{HTTPS}s|%{SSL_PROTOCOL}s|%{REQUEST_URI}s|%{HTTP:X-A}s|%{API_VERSION}s|%{NOPE}s\"", "/static.txt", false, "A: off|(null)|/static.txt|1|20120211|(null)"},
		{"a value does not vary", "Header set A \"expr=%{HTTP:X-A}\"\nSetHandler expr=%{HTTP:X-B}", "/static.txt", false, "A: 1"},
		{"a condition does", "Header set A 1 \"expr=%{HTTP:X-A} == '2'\"", "/static.txt", false, "Vary: X-A"},
		{"on our own page too", "Header always set A 1 \"expr=%{HTTP:X-A} == '1'\"\nHeader set B 1 \"expr=%{HTTP:X-B} == ''\"", "/nope", true, "A: 1|Vary: X-A"},
		{"before what follows", "Header set A 1 \"expr=%{HTTP:X-A} == '2'\"\nHeader unset Vary", "/static.txt", false, ""},
		{"RequestHeader's", "RequestHeader set A 1 \"expr=%{HTTP:X-A} == '2'\"\nHeader set B 1", "/static.txt", false, "Vary: X-A|B: 1"},
		{"resp", "Header set A 1\nHeader set B \"expr=%{resp:A}%{resp:Content-Type}\"", "/static.txt", false, "A: 1|B: 1"},
		{"version of the API", "Header set A expr=%{API_VERSION}", "/static.txt", false, "A: 20120211"},
		{"handler", "Header set A expr=%{HANDLER}", "/static.txt", false, "A: text/plain"},
		{"handler without a type", "Header set A expr=%{HANDLER}\nRemoveType .txt", "/static.txt", false, "A: default-handler"},
		{"languages", "DefaultLanguage fr", "/index.php", false, "Content-Language: fr"},
		{"languages of a file", "DefaultLanguage fr", "/static.txt", false, ""},
		{"languages and encoding", "AddLanguage de .php\nAddEncoding foo .php\nHeader set Content-Language \"it, DE\"", "/index.php", false, "Content-Language: de,it|Content-Encoding: foo"},
	} {
		t.Run(c.name, func(t *testing.T) {
			q, e := world(t, c.htaccess)
			if f := e.ht["/srv/"].Fault; f != nil {
				t.Fatal(f)
			}
			q.Target = c.target
			q.Fields = []Field{{"Host", "example.com"}, {"X-A", "1"}, {"Authorization", "x"}}
			a := q.Run()
			p := &Response{Status: a.Status, Own: c.own}
			if !a.Quiet() {
				a.Respond(p)
			}
			var got []string
			for _, f := range append(p.Always, p.Fields...) {
				got = append(got, f.Name+": "+f.Value)
			}
			if s := strings.Join(got, "|"); s != c.want {
				t.Errorf("got %q, want %q", s, c.want)
			}
		})
	}
}

func TestMetaRemoved(t *testing.T) {
	types := map[string]string{"css": "text/css", "html": "text/html"}
	for text, want := range map[string]Meta{
		"RemoveType .css": {}, "RemoveType .css\nAddType a/b .css": {Type: "a/b"}, "AddType a/b .css\nRemoveType .css": {},
		"RemoveCharset .css\nAddCharset u .css":   {Type: "text/css"},
		"AddCharset u .css\nRemoveCharset .css":   {Type: "text/css"},
		"RemoveLanguage .css\nAddLanguage u .css": {Type: "text/css"},
		"RemoveEncoding .css\nAddEncoding u .css": {Type: "text/css"},
		"AddCharset u .css":                       {Type: "text/css", Charset: "u"},
	} {
		q, _ := world(t, text)
		q.Site.Types, q.Target = types, "/style.css"
		if got := q.Run().Meta; got.ContentType() != want.ContentType() || got.Encoding != want.Encoding || len(got.Languages) != 0 {
			t.Errorf("%s: got %+v, want %+v", text, got, want)
		}
	}
	// What a folder adds is not what the folder above has removed.
	q, e := world(t, "RemoveCharset .txt")
	e.add(t, "/srv/docs/", "AddCharset u .txt")
	q.Target = "/docs/readme.txt"
	if got := q.Run().Meta.ContentType(); got != "text/plain; charset=u" {
		t.Errorf("removed above, added below: %q", got)
	}
}

// TestErrors: who refused, and what becomes of the content.
func TestErrors(t *testing.T) {
	const docs = "ErrorDocument 401 /index.php\nErrorDocument 403 /index.php\nErrorDocument 404 /index.php\nErrorDocument 410 /index.php\n"
	for _, c := range []struct {
		name, htaccess, method, target string
		want                           string
		byHandler, keeps               bool
	}{
		{"405", "", "PUT", "/static.txt", "status 405", true, false},
		{"405 of nothing", "", "PUT", "/nope", "status 405", true, false},
		{"501", "", "FOO", "/static.txt", "status 501", true, false},
		{"TRACE", "", "TRACE", "/static.txt", "status 405", false, false},
		{"R=405", on("RewriteRule ^ - [R=405]"), "GET", "/x", "status 405", false, false},
		{"Redirect 405", "Redirect 405 /x", "GET", "/x", "status 405", false, false},
		{"access", docs + "<Files static.txt>\nRequire all denied\n</Files>", "POST", "/static.txt", "script /index.php 403", true, true},
		{"a rule", docs + on("RewriteRule ^x - [F]"), "POST", "/x", "script /index.php 403", true, true},
		{"Redirect", docs + "Redirect gone /x", "POST", "/x", "script /index.php 410", true, true},
		{"handler", docs, "POST", "/nope", "script /index.php 404", true, false},
		{"document that is rewritten", "ErrorDocument 403 /doc\n" + on("RewriteRule ^doc$ index.php\nRewriteRule ^x - [F]"), "POST", "/x", "script /index.php 403", true, true},
		{"no error", on("RewriteRule ^x index.php"), "POST", "/x", "script /index.php", true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			q, _ := world(t, c.htaccess)
			q.Method, q.Target = c.method, c.target
			a := q.Run()
			if got := summary(q, a); got != c.want || a.ByHandler != c.byHandler || a.KeepsContent != c.keeps {
				t.Errorf("got %q, by handler %v, keeps content %v; want %q, %v, %v", got, a.ByHandler, a.KeepsContent, c.want, c.byHandler, c.keeps)
			}
		})
	}
	q, _ := world(t, docs+"<Files static.txt>\nRequire all denied\n</Files>")
	q.Method, q.Target = "POST", "/index.php"
	if a := q.Run().Fail(403); a.KeepsContent || !a.ByHandler {
		t.Error("an error of the backend keeps the content")
	}
}

func TestUsers(t *testing.T) {
	const file = "AuthType baSic\nAuthName x\nRequire valid-user\n"
	for _, c := range []struct{ name, htaccess, header, want string }{
		{"as written", file + "AuthUserFile /pw", "Basic dTpw", "script /index.php u baSic "},
		{"scheme's case, rubbish at the end", file + "AuthUserFile /pw", "bASIC   dTpw!!!", "script /index.php u baSic "},
		{"rubbish", file + "AuthUserFile /pw", "Basic !!!", "status 401  baSic "},
		{"rubbish, no file", file + "AuthUserFile /none", "Basic !!!", "status 500  baSic "},
		{"nothing, no file", file + "AuthUserFile /none", "Basic", "status 500  baSic "},
		{"other scheme, no file", file + "AuthUserFile /none", "Bearer x", "status 401  baSic "},
		{"an error's user", "ErrorDocument 404 /index.php\n<Files nope>\n" + file + "AuthUserFile /pw\n</Files>", "Basic dTpw", "script /index.php 404   REDIRECT_REMOTE_USER=u"},
	} {
		t.Run(c.name, func(t *testing.T) {
			q, e := world(t, c.htaccess)
			e.texts["/pw"] = "u:{SHA}UWuXg/ylF+7L0dBk2i0WUxCxl1k=\n" // p
			q.Target = "/index.php"
			if strings.Contains(c.htaccess, "nope") {
				q.Target = "/nope"
			}
			q.Fields = []Field{{"Authorization", c.header}}
			a := q.Run()
			if got := summary(q, a) + " " + a.User + " " + a.AuthType + " " + variablesOf(a, "REDIRECT_REMOTE_USER"); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
	// A document that asks for a password itself tells so beside the first error.
	q, e := world(t, "ErrorDocument 404 /sub/page.php")
	e.add(t, "/srv/sub/", file)
	q.Target = "/nope"
	if a := q.Run(); a.Status != 404 || a.WWWAuthenticate != `Basic realm="x"` {
		t.Errorf("protected ErrorDocument: %d, %q", a.Status, a.WWWAuthenticate)
	}
}

func TestRequestHeaderTwice(t *testing.T) {
	for _, c := range []struct{ name, htaccess, target, want string }{
		{"add after set", "RequestHeader set X 1\nRequestHeader add X 2\nRequestHeader add X 3", "/index.php", "X: 3"},
		{"append finds the first", "RequestHeader append X 1\nRequestHeader add X 2\nRequestHeader append X 3", "/index.php", "X: 2"},
		{"the client's own are one", "RequestHeader set Z 1", "/index.php", "Own: a, b|Z: 1"},
		{"add to the client's", "RequestHeader add Own c", "/index.php", "Own: c"},
		{"edit of the client's", "RequestHeader edit Own \", \" +", "/index.php", "Own: a+b"},
		{"after DirectoryIndex", "RequestHeader set X expr=%{REQUEST_URI}", "/", "X: /index.php"},
		{"after FallbackResource", "FallbackResource /index.php\nRequestHeader set X expr=%{REQUEST_URI}", "/nope", "X: /index.php"},
	} {
		t.Run(c.name, func(t *testing.T) {
			q, _ := world(t, c.htaccess)
			q.Target = c.target
			q.Fields = []Field{{"Own", "a"}, {"Host", "example.com"}, {"own", "b"}}
			q.Run()
			var got []string
			for _, f := range q.Fields {
				if f.Name != "Host" && (f.Name != "Own" || strings.Contains(c.want, "Own")) {
					got = append(got, f.Name+": "+f.Value)
				}
			}
			if s := strings.Join(got, "|"); s != c.want {
				t.Errorf("got %q, want %q", s, c.want)
			}
		})
	}
}

// TestLookup: entries of a listing are asked as Apache asks them.
func TestLookup(t *testing.T) {
	q, e := world(t, "Options +Indexes\nDirectoryIndex none\n<Files \"[ds]*\">\nRequire all denied\n</Files>")
	e.add(t, "/srv/sub/", "Require all denied")
	q.Target = "/"
	a := q.Run()
	if a.Kind != AnswerListing {
		t.Fatal(a.Kind)
	}
	for name, want := range map[string]int{"docs": 200, "docs/": 200, "sub": 403, "static.txt": 403, "hello.php": 200, "nope": 404} {
		if _, _, got := a.Lookup(name); got != want {
			t.Errorf("%s: %d, want %d", name, got, want)
		}
	}
}

func TestFolders(t *testing.T) {
	runCases(t, []ruleCase{
		{"listing without slash", "Options +Indexes\nDirectorySlash Off\nDirectoryIndex none", "/docs", "listing"},
		{"redirect to the index", "DirectoryIndexRedirect On", "/?x", "status 302 http://example.com/index.php"},
		{"off", "DirectoryIndexRedirect On\nDirectoryIndexRedirect Off", "/", "script /index.php"},
	})
	q, e := world(t, "DirectoryIndexRedirect On")
	e.add(t, "/srv/docs/", "DirectoryIndexRedirect Off")
	q.Target = "/docs/"
	if got := summary(q, q.Run()); got != "file /docs/index.html" {
		t.Errorf("off below on: %s", got)
	}
	q, e = world(t, "Options +Indexes\nDirectorySlash Off\nDirectoryIndex none")
	e.add(t, "/srv/docs/", "<Files readme.txt>\nRequire all denied\n</Files>")
	q.Target = "/docs"
	if _, _, got := q.Run().Lookup("readme.txt"); got != 403 {
		t.Errorf("an entry of a folder without slash: %d", got)
	}
}

func TestRealm(t *testing.T) {
	for name, want := range map[string]string{
		`"a \\c \"b\""`: `a c \"b\"`, `a\\\\c`: `a\c`, `"expr=x%{REQUEST_METHOD}"`: "expr=xGET", "50%": "50%",
	} {
		q, _ := world(t, "AuthType Basic\nRequire valid-user\nAuthName "+name)
		q.Target = "/static.txt"
		if got := q.Run().WWWAuthenticate; got != `Basic realm="`+want+`"` {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

func TestErrorText(t *testing.T) {
	for text, want := range map[string]string{
		`"a \"q\" w\\x $1 %{REQUEST_URI} 50% \y"`: `a "q" wx  /nope 50% y`, `"half open`: "half open", `'single \'q\' x'`: "single 'q' x",
		`"/a b"`: "/a b", `"http://x.test/a b"`: "http://x.test/a b", `" x"`: " x", "index.php": "index.php",
	} {
		q, _ := world(t, "ErrorDocument 404 "+text)
		q.Target = "/nope"
		if a := q.Run(); a.Status != 404 || a.Text != want {
			t.Errorf("%s: %d %q, want %q", text, a.Status, a.Text, want)
		}
	}
	runCases(t, []ruleCase{
		{"URL", `ErrorDocument 404 http://x.test%{REQUEST_URI}?$1\a`, "/nope", "status 302 http://x.test/nope?a"},
		{"path", `ErrorDocument 404 "/index%{tolower:.PHP}"`, "/nope", "script /index.php 404"},
		{"default", "ErrorDocument 404 text\nErrorDocument 404 default", "/nope", "status 404"},
	})
}
