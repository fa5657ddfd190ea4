package rewrite

import (
	"errors"
	"strings"
	"testing"
)

// TestServerContext: rules of the server's own configuration.
func TestServerContext(t *testing.T) {
	for _, c := range []struct{ name, rules, target, want string }{
		{"plain", "RewriteRule ^/old$ /hello.php", "/old?a=1", "script /hello.php ?a=1"},
		{"no prefix is stripped", "RewriteRule ^old$ /hello.php", "/old", "status 404"},
		{"relative gets a slash", "RewriteRule ^/old$ hello.php", "/old", "script /hello.php"},
		{"R", "RewriteRule ^/(.*)$ /new/$1 [R=301]", "/x%20y?q", "status 301 http://example.com/new/x%20y?q"},
		{"F", "RewriteRule ^/x - [F]", "/xyz", "status 403"},
		{"PT", "RewriteRule ^/x$ /docs/ [PT]", "/x", "file /docs/index.html"},
		{"a path of the file system, literal", "RewriteRule ^/x$ /srv/static.txt", "/x", "file /static.txt"},
		{"a captured one is a URL (CVE-2024-38475)", "RewriteRule ^/x(/.*)$ $1", "/x/etc/passwd", "status 404"},
		{"UnsafePrefixStat allows it", "RewriteRule ^/x(/.*)$ $1 [UnsafePrefixStat]", "/x/other/file", "file /other/file"},
		{"own host", "RewriteRule ^/x$ http://example.com/static.txt", "/x", "file /static.txt"},
		{"no slashes from outside", "RewriteRule ^/x(.*)$ $1", "/x/static.txt", "file /static.txt"},
		{"script URL", "RewriteRule ^/x$ /hello.php?%{ENV:SCRIPT_URL}", "/x", "script /hello.php ?/x"},
	} {
		t.Run(c.name, func(t *testing.T) {
			q, e := world(t, "")
			e.files["/other"] = FileInfo{Kind: Directory}
			e.files["/other/file"] = FileInfo{Kind: Regular, Size: 1}
			site := *q.Site
			site.Base = Compile(serverText+on(c.rules), "server", "/", &Dialect{Server: true})
			if site.Base.Fault != nil {
				t.Fatal(site.Base.Fault)
			}
			q.Site, q.Target = &site, c.target
			q.Fields = []Field{{"Host", "example.com"}}
			if got := summary(q, q.Run()); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

type steps []Event

func (s *steps) Step(e Event) { *s = append(*s, e) }

// TestTrace: explain sees each step, in order.
func TestTrace(t *testing.T) {
	q, _ := world(t, wordpress)
	var got steps
	q.Trace, q.Target = &got, "/a/post/"
	q.Fields = []Field{{"Host", "example.com"}}
	q.Run()
	var kinds []string
	for _, e := range got {
		if e.Depth == 0 && (e.Kind != TraceSection || e.Matched) {
			kinds = append(kinds, e.Kind.String())
		}
	}
	const want = "pass map htaccess access access rule set rewrite rule rule cond cond rewrite redirect " +
		"pass map htaccess section access access rule set rewrite rule rewrite handler"
	if s := strings.Join(kinds, " "); s != want {
		t.Errorf("got  %s\nwant %s", s, want)
	}
}

// slowChecker knows a password only when it is asked a second time.
type slowChecker struct {
	*fakeEnv
	asked int
}

func (c *slowChecker) CheckPassword(hash, password string) (ok, done bool) {
	c.asked++
	return hash == "H" && password == "p", c.asked > 1
}

func TestAuth(t *testing.T) {
	const file = "AuthType Basic\nAuthName \"my \\\"site\\\"\"\nAuthUserFile /pw\nAuthGroupFile /gr\n"
	for _, c := range []struct{ name, require, header, want, realm string }{
		{"good", "Require valid-user", "Basic dTpw", "file /static.txt", ""}, // u:p
		{"bad password", "Require valid-user", "Basic dTpx", "status 401", `Basic realm="my \"site\""`},
		{"unknown user", "Require valid-user", "Basic ejpw", "status 401", `Basic realm="my \"site\""`},
		{"not Basic", "Require valid-user", "Bearer x", "status 401", `Basic realm="my \"site\""`},
		{"user", "Require user v", "Basic dTpw", "status 401", `Basic realm="my \"site\""`},
		{"group", "Require group g", "Basic dTpw", "file /static.txt", ""},
		{"other group", "Require group h", "Basic dTpw", "status 401", `Basic realm="my \"site\""`},
	} {
		t.Run(c.name, func(t *testing.T) {
			q, e := world(t, file+c.require)
			e.texts["/pw"], e.texts["/gr"] = "# users\nu:H\n", "g: x u\nh: x\n"
			k := &slowChecker{fakeEnv: e}
			q.Env, q.Target = k, "/static.txt"
			q.Fields = []Field{{"Host", "example.com"}, {"Authorization", c.header}}
			a := q.Run()
			if a.Kind == AnswerPending {
				fields := q.Fields
				q.Reset()
				q.Fields = fields
				a = q.Run()
			}
			if got := summary(q, a); got != c.want || a.WWWAuthenticate != c.realm {
				t.Errorf("got %q (%s), want %q (%s)", got, a.WWWAuthenticate, c.want, c.realm)
			}
		})
	}
	q, _ := world(t, file+"Require valid-user")
	q.Target = "/static.txt"
	q.Fields = []Field{{"Authorization", "Basic dTpw"}}
	if got := summary(q, q.Run()); got != "status 500" {
		t.Errorf("without a password file: %s", got)
	}
}

// TestCheck: a checker sees all that is wrong, and where.
func TestCheck(t *testing.T) {
	f := CompileAll("Bogus\nModPagespeed on\nRewriteRule ^( x\n<IfModule mod_php.c>\nWhat\n</IfModule>\nOptions +Nope\n", "f", "/srv", &Dialect{Allowed: OverrideFileInfo | OverrideOptions})
	var lines []int
	for _, n := range f.Findings {
		lines = append(lines, n.Line)
	}
	if f.Fault == nil || f.Fault.Line != 1 || len(lines) != 4 || lines[1] != 2 || lines[2] != 3 || lines[3] != 7 {
		t.Errorf("fault %v, findings %v", f.Fault, f.Findings)
	}
	if f := Compile("Options Indexes", "f", "/srv", &Dialect{Allowed: OverrideFileInfo}); f.Fault == nil || !errors.As(error(*f.Fault), new(Finding)) {
		t.Error("a class that is not allowed is taken")
	}
}
