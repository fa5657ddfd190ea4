package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var writeGolden = flag.Bool("write", false, "rewrite the golden texts in testdata")

const wordpressRules = `# BEGIN WordPress
<IfModule mod_rewrite.c>
RewriteEngine On
RewriteRule .* - [E=HTTP_AUTHORIZATION:%{HTTP:Authorization}]
RewriteBase /
RewriteRule ^index\.php$ - [L]
RewriteCond %{REQUEST_FILENAME} !-f
RewriteCond %{REQUEST_FILENAME} !-d
RewriteRule . /index.php [L]
</IfModule>
# END WordPress
<Files wp-config.php>
Require all denied
</Files>
Header set X-Frame-Options SAMEORIGIN
`

const variedRules = `ErrorDocument 404 /missing.php
ErrorDocument 403 "stay out"
RewriteEngine On
RewriteRule ^go/(.*)$ https://example.org/$1 [R=301,L]
RewriteCond %{HTTPS} off
RewriteCond %{HTTP_HOST} ^secure\. [NC]
RewriteRule ^ https://%{HTTP_HOST}%{REQUEST_URI} [R=302,L]
RewriteRule ^gone$ - [G]
Redirect permanent /old /new
SetEnv SECRET "a b"
SetEnvIf User-Agent bot is_bot
php_value memory_limit 64M
Header always set X-Always yes
Header set X-Bot yes env=is_bot
AddDefaultCharset utf-8
<FilesMatch "\.(bak|sql)$">
Order Allow,Deny
Deny from all
</FilesMatch>
`

// explainSite makes a folder with sites of all kinds.
func explainSite(t *testing.T) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		"wp/.htaccess": wordpressRules, "wp/index.php": "<?php", "wp/wp-config.php": "<?php", "wp/a.txt": "a", "wp/sub/page.html": "p",
		"varied/.htaccess": variedRules, "varied/missing.php": "<?php", "varied/dump.sql": "x", "varied/page.txt": "y", "varied/app.php": "<?php",
		"varied/.git/config": "z",
		"broken/.htaccess":   "RewriteEngine On\nOptions +Nope\n", "broken/index.html": "x",
		"none/index.html": "x", "none/app.php": "<?php",
		"front/wp-includes/version.php": "<?php $wp_version = '6.1';", "front/index.php": "<?php", "front/wp-login.php": "<?php", "front/wp-load.php": "<?php",
	} {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// explainedBy explains a request as the command line asks for it; no PHP is looked for.
func explainedBy(t *testing.T, args []string, headers ...string) *explanation {
	t.Helper()
	f := explainFlags{headers: headers, client: "192.0.2.7"}
	f.conf.PHP = "tcp:127.0.0.1:9"
	e, err := f.explain(args)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestExplainGolden(t *testing.T) {
	dir := explainSite(t)
	for _, c := range []struct {
		name    string
		args    []string
		headers []string
	}{
		{"wordpress_post", []string{"/hello/world?x=1", "wp"}, nil},
		{"wordpress_index", []string{"/", "wp"}, nil},
		{"wordpress_denied", []string{"/wp-config.php", "wp"}, nil},
		{"redirect", []string{"/go/there?a=b", "varied"}, nil},
		{"error_document", []string{"POST", "http://www.example.com/nothing", "varied"}, []string{"User-Agent: bot"}},
		{"script", []string{"/app.php/info", "varied"}, []string{"User-Agent: bot/1", "X-Ctl: é"}},
		{"old_access", []string{"/dump.sql", "varied"}, nil},
		{"broken", []string{"/", "broken"}, nil},
		{"not_http", []string{"http://[::1/", "none"}, nil},
		{"front_controller", []string{"/post/1", "front"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			args := c.args
			args[len(args)-1] = filepath.Join(dir, args[len(args)-1])
			var b bytes.Buffer
			if err := explainedBy(t, args, c.headers...).print(&b, false); err != nil {
				t.Fatal(err)
			}
			got := strings.ReplaceAll(b.String(), dir, "/SITES")
			file := filepath.Join("testdata", "explain_"+c.name+".txt")
			if *writeGolden {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func TestExplainResults(t *testing.T) {
	dir := explainSite(t)
	for _, c := range []struct {
		args    string
		headers []string
		kind    string
		status  int
		target  string // end of file or location
		why     string
	}{
		{"/a.txt wp", nil, "file", 200, "/wp/a.txt", ""},
		{"/sub wp", nil, "redirect", 301, ":8080/sub/", "DirectorySlash"},
		{"/sub/ wp", nil, "status", 403, "", "default document"},
		{"/old/x varied", nil, "redirect", 301, "/new/x", "varied/.htaccess:9 (mod_alias)"},
		{"/gone varied", nil, "status", 410, "", "varied/.htaccess:8 (mod_rewrite)"},
		{"http://secure.example.com/page.txt varied", nil, "redirect", 302, "https://secure.example.com/page.txt", ".htaccess:7"},
		{"https://secure.example.com/page.txt varied", nil, "file", 200, "/page.txt", ""},
		{"/page.txt varied", []string{"Host: SECURE.x"}, "redirect", 302, "https://SECURE.x/page.txt", ""},
		{"DELETE /a.txt wp", nil, "status", 405, "", "GET"},
		{"FOO /a.txt wp", nil, "status", 501, "", "method"},
		{"OPTIONS * wp", nil, "options", 200, "", ""},
		{"/%zz wp", nil, "status", 400, "", "malformed"},
		{"/ broken", nil, "status", 500, "", ".htaccess:2: error: Options"},
		{"/none varied", nil, "script", 404, "/varied/missing.php", "no such file"},
		{"/app.php none", nil, "script", 200, "/none/app.php", ""},
	} {
		t.Run(c.args, func(t *testing.T) {
			args := strings.Fields(c.args)
			args[len(args)-1] = filepath.Join(dir, args[len(args)-1])
			r := explainedBy(t, args, c.headers...).Result
			if r.Kind != c.kind || r.Status != c.status || !strings.HasSuffix(r.File+r.Location, c.target) || !strings.Contains(r.Why, c.why) {
				t.Errorf("got %+v", r)
			}
		})
	}
}

// TestExplainWithout: .htaccess off, PHP off, PHP missing.
func TestExplainWithout(t *testing.T) {
	dir := explainSite(t)
	f := explainFlags{client: "::1"}
	f.conf.PHP, f.conf.Override = "off", "None"
	e, err := f.explain([]string{"/wp-config.php", filepath.Join(dir, "wp")})
	if err != nil || e.Result.Status != 403 || e.Environment != nil || !strings.HasPrefix(e.Site.PHP, "off") || len(e.Site.AllowOverride) != 0 {
		t.Errorf("%+v, %v", e, err)
	}
	f = explainFlags{client: "::1"}
	f.conf.PHP = filepath.Join(dir, "php-cgi")
	if err := os.WriteFile(f.conf.PHP, []byte("#!/bin/sh\necho I am not PHP\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	e, err = f.explain([]string{"/index.php", filepath.Join(dir, "wp")})
	if err != nil || e.Result.Status != 403 || !strings.Contains(e.Site.PHP, "scripts would be refused") {
		t.Errorf("%+v, %v", e, err)
	}
}

// TestExplainProxy: who would be asked is told, and is not asked.
func TestExplainProxy(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, ".htaccess"), []byte("RewriteEngine On\nRewriteRule ^api/(.*)$ http://192.0.2.1:3000/$1 [P]\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		to     []string
		kind   string
		status int
		file   string
		why    string
	}{
		{[]string{"192.0.2.1"}, "proxy", 200, "http://192.0.2.1:3000/a%20b?c=d", ""},
		{nil, "status", 500, "", "proxy_to"},
	} {
		f := explainFlags{client: "::1"}
		f.conf.PHP, f.conf.ProxyTo = "off", c.to
		e, err := f.explain([]string{"/api/a%20b?c=d", dir})
		if err != nil {
			t.Fatal(err)
		}
		if r := e.Result; r.Kind != c.kind || r.Status != c.status || r.File != c.file || !strings.Contains(r.Why, c.why) {
			t.Errorf("proxy_to %q: got %+v", c.to, r)
		}
	}
}

// TestExplainWaits: rules that wait for a slow password are told once, as they
// run when it is known.
func TestExplainWaits(t *testing.T) {
	dir := explainSite(t)
	text := "AuthType Basic\nAuthName x\nAuthUserFile " + dir + "/users\nRequire valid-user\n"
	for name, content := range map[string]string{"none/.htaccess": text, "users": "u:$2y$05$wB8UeKv9F4aOvPhDPdC2s.Gxu.WCSqV0kYvxUyeIF2uJqUaFad1Jm\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for header, status := range map[string]int{"Authorization: Basic dTpw": 200, "Authorization: Basic dTpx": 401} {
		e := explainedBy(t, []string{"/index.html", filepath.Join(dir, "none")}, header)
		passes := 0
		for _, s := range e.Steps {
			if s.Step == "pass" {
				passes++
			}
		}
		if e.Result.Status != status || passes != 1 {
			t.Errorf("%s: %+v, %d passes", header, e.Result, passes)
		}
	}
}

func TestExplainJSON(t *testing.T) {
	dir := explainSite(t)
	var b bytes.Buffer
	if err := encodeJSON(&b, explainedBy(t, []string{"/app.php?q=1", filepath.Join(dir, "varied")}, "User-Agent: bot")); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Request     struct{ Method, URL string }
		Site        struct{ Label, Root string }
		Steps       []struct{ Step, Directive, Before string }
		Result      struct{ Kind, File string }
		Environment map[string]string
		Response    struct {
			Status  int
			Headers []struct{ Name, Value, From string }
		}
	}
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	env := got.Environment
	if got.Request.Method != "GET" || got.Site.Label != "default" || len(got.Steps) < 10 || got.Steps[0].Step != "pass" || got.Result.Kind != "script" ||
		got.Response.Status != 200 || env["SECRET"] != "a b" || env["is_bot"] != "1" || env["QUERY_STRING"] != "q=1" || env["REMOTE_ADDR"] != "192.0.2.7" {
		t.Errorf("%s", b.String())
	}
	from := map[string]string{}
	for _, h := range got.Response.Headers {
		from[h.Name] = h.Value + " " + filepath.Base(h.From)
	}
	if from["X-Always"] != "yes .htaccess:13" || from["X-Bot"] != "yes .htaccess:14" {
		t.Errorf("headers %v", from)
	}
}

func TestExplainColour(t *testing.T) {
	dir := explainSite(t)
	var b bytes.Buffer
	if err := explainedBy(t, []string{"/a.txt", filepath.Join(dir, "wp")}, "X-Evil: \u009b2J").print(&b, true); err != nil {
		t.Fatal(err)
	}
	if s := b.String(); !strings.Contains(s, "\x1b[32mmatches \"a.txt\"\x1b[0m") || strings.Contains(s, "\u009b") {
		t.Errorf("%q", s)
	}
	if isTerminal(&b) {
		t.Error("a buffer is no terminal")
	}
}

func TestExplainFaults(t *testing.T) {
	dir := explainSite(t)
	wp := filepath.Join(dir, "wp")
	for _, c := range []struct {
		name   string
		args   []string
		header string
		client string
		code   int
		says   string
	}{
		{"no slash", []string{"index.php", wp}, "", "", exitUsage, "begins with /"},
		{"other scheme", []string{"ftp://x/", wp}, "", "", exitUsage, "ftp"},
		{"no host", []string{"http:///x", wp}, "", "", exitUsage, "no host"},
		{"space", []string{"/a b", wp}, "", "", exitUsage, "%20"},
		{"bad method", []string{"G:T", "/a", wp}, "", "", exitUsage, "G:T"},
		{"too many", []string{"GET", "/a", wp, "x"}, "", "", exitUsage, `"x"`},
		{"header without colon", []string{"/", wp}, "X", "", exitUsage, "Name: value"},
		{"header of two lines", []string{"/", wp}, "X: a\r\nY: b", "", exitUsage, "one line"},
		{"header name", []string{"/", wp}, "X y: a", "", exitUsage, "Name: value"},
		{"client", []string{"/", wp}, "", "me", exitUsage, "--client"},
		{"connect", []string{"CONNECT", "/", wp}, "", "", exitUsage, "CONNECT"},
		{"no folder", []string{"/", filepath.Join(dir, "absent")}, "", "", exitConfig, "absent"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := explainFlags{client: "127.0.0.1"}
			if c.client != "" {
				f.client = c.client
			}
			if c.header != "" {
				f.headers = []string{c.header}
			}
			_, err := f.explain(c.args)
			var ee *exitError
			if !errors.As(err, &ee) || ee.code != c.code || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v", err)
			}
		})
	}
	f := explainFlags{client: "127.0.0.1", file: "x.toml"}
	if _, err := f.explain([]string{"/", wp}); err == nil || !strings.Contains(err.Error(), "not both") {
		t.Errorf("folder and file: %v", err)
	}
}
