package site

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice/cgi"
	"sluice/gateway"
	"sluice/message"
)

// expectMeta compares meta-variables; a want of "-" is one that must not be there.
func expectMeta(t *testing.T, what string, env meta, want map[string]string) {
	t.Helper()
	if env == nil {
		t.Errorf("%.60q: no script", what)
		return
	}
	for name, value := range want {
		got, ok := env[name]
		if value == "-" && ok || value != "-" && (got != value || !ok) {
			t.Errorf("%.60q: %s = %q (%t), want %q", what, name, got, ok, value)
		}
	}
}

func TestEnvironmentOfRules(t *testing.T) {
	h := ruled(t, map[string]string{
		".htaccess": `
SetEnv PLAIN p
SetEnv SCRIPT_FILENAME /etc/passwd
SetEnv PHP_VALUE "auto_prepend_file=/etc/passwd"
SetEnv PHP_ADMIN_VALUE "x=y"
SetEnv HTTP_PROXY http://evil.example
SetEnvIf User-Agent ^curl AGENT=curl
RequestHeader set X-Added added
RequestHeader unset X-Secret
RequestHeader edit X-Edit b B
RewriteEngine On
RewriteRule ^pretty/(.*)$ /app.php?p=$1 [E=RULE:$1,QSA,L]
RewriteRule ^info/(.*)$ /app.php/$1 [L]
`,
		"app.php": phpSource, "index.php": phpSource, "sub/app.php": phpSource,
	})
	dir := h.rootDir()
	env, _ := rehearsed(t, h, get("/pretty/ab?q=1", "User-Agent: curl/8", "X-Secret: s", "X-Edit: abc", "Authorization: Basic dTpw"))
	expectMeta(t, "rewritten", env, map[string]string{
		"REDIRECT_URL": "/pretty/ab", "REDIRECT_STATUS": "200", "REDIRECT_RULE": "ab", "REDIRECT_PLAIN": "p", "PLAIN": "p",
		"REDIRECT_AGENT": "curl", "REDIRECT_QUERY_STRING": "p=ab&q=1",
		"QUERY_STRING": "p=ab&q=1", "REQUEST_URI": "/pretty/ab?q=1", "SCRIPT_NAME": "/app.php", "PATH_INFO": "-",
		"PHP_VALUE": "-", "PHP_ADMIN_VALUE": "-", "HTTP_PROXY": "-", "HTTP_X_ADDED": "added", "HTTP_X_SECRET": "-", "HTTP_X_EDIT": "aBc",
		"HTTP_AUTHORIZATION": "Basic dTpw", "REMOTE_USER": "-", "REMOTE_ADDR": "192.0.2.7", "REQUEST_METHOD": "GET",
	})
	env, _ = rehearsed(t, h, get("/app.php/a/b?x"))
	expectMeta(t, "PATH_INFO", env, map[string]string{
		"REDIRECT_URL": "-", "REDIRECT_STATUS": "200", "PATH_INFO": "/a/b", "PATH_TRANSLATED": dir + "/a/b", "SCRIPT_NAME": "/app.php",
		"SCRIPT_FILENAME": dir + "/app.php", "QUERY_STRING": "x",
	})
	env, _ = rehearsed(t, h, get("/info/a/b"))
	expectMeta(t, "rewritten PATH_INFO", env, map[string]string{
		"REDIRECT.URL": "/info/a/b", "REDIRECT_URL": "-", "SCRIPT_NAME": "/app.php", "PATH_INFO": "/a/b", "SCRIPT_FILENAME": dir + "/app.php",
		"PATH_TRANSLATED": dir + "/a/b",
	})
	env, _ = rehearsed(t, h, get("/"))
	expectMeta(t, "index", env, map[string]string{"SCRIPT_NAME": "/index.php", "REQUEST_URI": "/", "REDIRECT_URL": "-"})
	env, _ = rehearsed(t, h, request("POST", "/pretty/x", "Host: x", "Content-Length: 5"))
	expectMeta(t, "POST", env, map[string]string{"REQUEST_METHOD": "POST", "CONTENT_LENGTH": "5"})
}

// An error's document is told of the error and gets no content.
func TestEnvironmentOfErrorDocument(t *testing.T) {
	h := ruled(t, map[string]string{
		".htaccess": "ErrorDocument 404 /error.php?e=1\nErrorDocument 502 /error.php\nSetEnv NAME v\nRewriteEngine On\nRewriteRule ^no$ - [F,E=WHY:rule]\nErrorDocument 403 /error.php\n",
		"error.php": phpSource, "app.php": phpSource,
	})
	env, rec := rehearsed(t, h, request("POST", "/none?q=1", "Host: x", "Content-Length: 5"))
	expect(t, "404", rec, 404)
	expectMeta(t, "404", env, map[string]string{
		"REDIRECT_STATUS": "404", "REDIRECT_URL": "/none", "REDIRECT_QUERY_STRING": "q=1", "REDIRECT_REQUEST_METHOD": "POST",
		"REQUEST_METHOD": "GET", "QUERY_STRING": "e=1", "REQUEST_URI": "/none?q=1", "SCRIPT_NAME": "/error.php", "CONTENT_LENGTH": "0", "REDIRECT_NAME": "v",
	})
	env, rec = rehearsed(t, h, get("/no"))
	expect(t, "403", rec, 403)
	expectMeta(t, "403", env, map[string]string{"REDIRECT_STATUS": "403", "REDIRECT_URL": "/no", "REDIRECT_WHY": "rule"})

	x, rec := ruledScript(t, h, request("POST", "/app.php", "Host: x", "Content-Length: 5"))
	x.Content([]byte("12"))
	x.Rehearse = func(e *cgi.Environment) { env = meta{}; e.Emit(env) }
	x.Fail(gateway.Failure{Status: 502})
	expect(t, "502", rec, 502)
	expectMeta(t, "502", env, map[string]string{"REDIRECT_STATUS": "502", "REQUEST_METHOD": "GET", "CONTENT_LENGTH": "0", "REDIRECT_URL": "/app.php"})
	if x.Wanted() {
		t.Error("the content of a request that failed is still wanted")
	}
}

// A status of the document's own replaces that of the error; its 200 does not.
func TestStatusOfErrorDocument(t *testing.T) {
	h := ruled(t, map[string]string{".htaccess": "ErrorDocument 404 /error.php\n", "error.php": phpSource})
	for said, want := range map[int]int{200: 404, 410: 410, 302: 302} {
		x, rec := exchange(t, get("/none"))
		h.Serve(visitor(x))
		x.Head(&cgi.Response{Status: said, ContentType: []byte("text/html"), Fields: fields("Content-Type", "text/html")}, 0)
		if x.End(); rec.status != want || rec.finished != 1 {
			t.Errorf("document says %d: %d, want %d", said, rec.status, want)
		}
	}
}

// Fields that rules edit are the request's own: those of a connection that was
// served before with the same memory stay as they are.
func TestEditedFieldsLeaveOtherRequestsAlone(t *testing.T) {
	h := ruled(t, map[string]string{
		"a.txt": "a", "edit/.htaccess": "RequestHeader set X-Added secret\n", "edit/app.php": phpSource,
	})
	x, _ := exchange(t, request("POST", "/a.txt", "Host: one.example", "X-One: 1", "X-Two: 2"))
	h.Serve(visitor(x))
	one := x.Req
	x.Reset() // gives the memory back for
	_, _ = rehearsed(t, h, get("/edit/app.php", "X-Key: key"))
	want := []message.Field{{Name: []byte("Host"), Value: []byte("one.example")}, {Name: []byte("X-One"), Value: []byte("1")}}
	for i, f := range want {
		if string(one.Fields[i].Name) != string(f.Name) || string(one.Fields[i].Value) != string(f.Value) {
			t.Errorf("field %d of another connection became %s: %s", i, one.Fields[i].Name, one.Fields[i].Value)
		}
	}
}

func TestAuthenticatedScripts(t *testing.T) {
	dir := tree(t, map[string]string{
		"users":          "ann:{SHA}fEqNCco3Yq9h5ZUglD3CZJT4lBs=\n", // 123456
		"auth/app.php":   phpSource,
		"pass/app.php":   phpSource,
		"public/app.php": phpSource,
		"auth/a.txt":     "hidden",
	})
	auth := "AuthType Basic\nAuthName in\nAuthUserFile " + filepath.Join(dir, "users") + "\nRequire valid-user\n"
	for name, text := range map[string]string{"auth": auth, "pass": auth + "CGIPassAuth On\n"} {
		if err := os.WriteFile(filepath.Join(dir, name, ".htaccess"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	h := hostOf(t, ruledOptions(dir))
	t.Cleanup(h.Close)
	const right, wrong = "Authorization: Basic YW5uOjEyMzQ1Ng==", "Authorization: Basic YW5uOnh4eA=="
	for _, fields := range [][]string{{wrong}, nil, {"Authorization: Basic !!"}, {"Authorization: Bearer x"}} {
		for _, target := range []string{"/auth/a.txt", "/auth/app.php", "/auth/none", "/auth/"} {
			env, rec := rehearsed(t, h, get(target, fields...))
			expect(t, target, rec, 401, `WWW-Authenticate: Basic realm="in"`)
			if env != nil || strings.Contains(rec.body.String(), "hidden") {
				t.Errorf("%s with %q: %v %q", target, fields, env, rec.body.String())
			}
		}
	}
	env, _ := rehearsed(t, h, get("/auth/app.php", right))
	expectMeta(t, "auth", env, map[string]string{"REMOTE_USER": "ann", "AUTH_TYPE": "Basic", "HTTP_AUTHORIZATION": "-"})
	env, _ = rehearsed(t, h, get("/pass/app.php", right))
	expectMeta(t, "pass", env, map[string]string{"REMOTE_USER": "ann", "HTTP_AUTHORIZATION": strings.TrimPrefix(right, "Authorization: ")})
	env, _ = rehearsed(t, h, get("/public/app.php", right))
	expectMeta(t, "public", env, map[string]string{"REMOTE_USER": "-", "AUTH_TYPE": "-", "HTTP_AUTHORIZATION": strings.TrimPrefix(right, "Authorization: ")})
	expect(t, "file", answered(t, h, get("/auth/a.txt", right)), 200)
}

// The front controller answers for what is missing, unless it was only guessed
// and the root has rules of its own.
func TestFrontControllerUnderRules(t *testing.T) {
	for _, tt := range []struct {
		name, htaccess string
		auto           bool
		target         string
		script         string // "" for 404
	}{
		{"guessed", "", true, "/a/b?x=1", "/front.php"},
		{"guessed, with rules", "# nothing\n", true, "/a/b", ""},
		{"said, with rules", "# nothing\n", false, "/a/b", "/front.php"},
		{"a missing script", "", true, "/none.php", "/front.php"},
		{"a missing script, with rules", "# nothing\n", true, "/none.php", ""},
		{"refused, not missing", "RewriteEngine On\nRewriteRule ^a/ - [F]\n", false, "/a/b", ""},
		{"gone", "Redirect gone /a/\n", false, "/a/b", ""},
	} {
		files := map[string]string{"front.php": phpSource, "a.txt": "a"}
		if tt.htaccess != "" {
			files[".htaccess"] = tt.htaccess
		}
		h := ruled(t, files, func(o *Options) { o.FrontController, o.Htaccess.AutoFront = "/front.php", tt.auto })
		env, rec := rehearsed(t, h, get(tt.target))
		switch {
		case tt.script == "" && (env != nil || rec.status < 400):
			t.Errorf("%s: %d, %v", tt.name, rec.status, env)
		case tt.script != "":
			expectMeta(t, tt.name, env, map[string]string{"SCRIPT_NAME": tt.script, "REQUEST_URI": tt.target})
		}
		expect(t, tt.name, answered(t, h, get("/a.txt")), 200)
	}
	h := ruled(t, map[string]string{"app/front.php": phpSource}, func(o *Options) { o.FrontController = "/app/front.php" })
	env, _ := rehearsed(t, h, get("/outside"))
	if env != nil { // it is below its folder only
		t.Errorf("outside of the front controller's folder: %v", env)
	}
}

func TestLocalRedirectUnderRules(t *testing.T) {
	h := ruled(t, map[string]string{
		".htaccess": "RewriteEngine On\nRewriteRule ^to$ /a.txt [L]\nRewriteRule ^no$ - [F]\nErrorDocument 403 \"no\n", "a.txt": "a", "app.php": phpSource, ".env": "hidden",
	})
	for target, want := range map[string]int{"/to": 200, "/a.txt": 200, "/no": 403, "/none": 404, "/.env": 404, "/.htaccess": 403} {
		x, rec := ruledScript(t, h, request("POST", "/app.php", "Host: x"))
		x.Intercept(&cgi.Response{Status: 200, ContentLength: -1, LocalRedirect: true, Location: []byte(target)})
		expect(t, target, rec, want)
	}
	x, rec := ruledScript(t, h, get("/app.php"))
	for n := 0; rec.heads == 0 && n < 2*internalRedirectsMax; n++ {
		x.Intercept(&cgi.Response{Status: 200, ContentLength: -1, LocalRedirect: true, Location: []byte("/app.php")})
	}
	expect(t, "endless", rec, 500)
}

// A rule's own endless way ends.
func TestRulesThatLoop(t *testing.T) {
	h := ruled(t, map[string]string{".htaccess": "RewriteEngine On\nRewriteRule ^(.*)$ /x$1 [L]\n", "doc/.htaccess": "ErrorDocument 404 /doc/none\nRewriteEngine Off\n"})
	rec := answered(t, h, get("/a"))
	if expect(t, "loop", rec, 500); !rec.reported("internal redirects") {
		t.Errorf("reports %+v", rec.reports)
	}
	expect(t, "missing document", answered(t, h, get("/doc/a")), 404)
}

// Under rules, too, what a script names is sent, and never its source.
func TestSendFileUnderRules(t *testing.T) {
	h := ruled(t, map[string]string{
		".htaccess": "Header set X-Rule yes\nErrorDocument 404 \"none\n", "app.php": phpSource, "a.txt": "0123", ".env": "hidden",
	})
	for target, want := range map[string]int{"/a.txt": 200, "/.env": 404, "/none": 404, "/.htaccess": 404} {
		x, rec := ruledScript(t, h, get("/app.php"))
		x.Intercept(accel(target))
		expect(t, target, rec, want)
		if checkHead(t, target, rec); want == 404 && rec.body.String() != "none" {
			t.Errorf("%s: %q", target, rec.body.String())
		}
	}
	x, rec := ruledScript(t, h, get("/app.php"))
	x.Intercept(sendFile(h.rootDir() + "/app.php"))
	if expect(t, "script", rec, 403); strings.Contains(rec.body.String(), "source") {
		t.Errorf("%q", rec.body.String())
	}
}
