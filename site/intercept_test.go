package site

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice/cgi"
	"sluice/message"
	"sluice/static"
)

func emptyRequest() (*message.Request, error) { return &message.Request{}, nil }

func fields(pairs ...string) []message.Field {
	var list []message.Field
	for i := 0; i < len(pairs); i += 2 {
		list = append(list, message.Field{Name: []byte(pairs[i]), Value: []byte(pairs[i+1])})
	}
	return list
}

// scriptAnswer is an exchange whose script is about to answer.
func scriptAnswer(t *testing.T, h *Host, target string, fields ...string) (*Exchange, *recorder) {
	t.Helper()
	x, rec := exchange(t, get(target, fields...))
	h.Serve(x)
	if x.plan.Kind != Script || rec.heads != 0 {
		t.Fatalf("%s: plan %+v, %d heads; want a script that runs", target, x.plan, rec.heads)
	}
	return x, rec
}

func accel(target string) *cgi.Response {
	return &cgi.Response{Status: 200, ContentLength: -1, AccelRedirect: []byte(target)}
}

func sendFile(path string) *cgi.Response {
	return &cgi.Response{Status: 200, ContentLength: -1, SendFile: []byte(path)}
}

func TestAccelRedirect(t *testing.T) {
	files := siteFiles()
	files["big file?.txt"] = "percent"
	o := options(tree(t, files))
	o.Deny = below{"/private"}
	h := hostOf(t, o)
	for _, tt := range []struct {
		target string
		status int
		body   string
	}{
		{"/style.css", 200, "css"},
		{"/style.css?v=1", 200, "css"},
		{"/a%20b.txt", 200, "x"},
		{"/big%20file%3F.txt", 200, "percent"},
		{"/none", 404, "<h1>404"},
		{"/.env", 404, "<h1>404"},
		{"/.git/config", 404, "<h1>404"},
		{"/private/a.txt", 404, "<h1>404"},
		{"/x.phP", 404, "<h1>404"},
		{"/../../etc/passwd", 500, "<h1>500"},
		{"/%2e%2e/%2e%2e/etc/passwd", 500, "<h1>500"},
		{"style.css", 500, "<h1>500"},
		{"http://example.org/x", 500, "<h1>500"},
		{"/%00", 500, "<h1>500"},
		{"/html/", 200, "html"},
	} {
		x, rec := scriptAnswer(t, h, "/app.php")
		if !x.Intercept(accel(tt.target)) {
			t.Fatalf("%s: not taken over", tt.target)
		}
		if rec.status != tt.status || rec.finished != 1 || !strings.Contains(rec.body.String(), tt.body) {
			t.Errorf("%s: status %d, finished %d, %q; want %d with %q", tt.target, rec.status, rec.finished, rec.body.String(), tt.status, tt.body)
		}
	}
	// The client's conditions and ranges are about this file.
	x, rec := scriptAnswer(t, h, "/app.php", "Range: bytes=1-1")
	x.Intercept(accel("/style.css"))
	if rec.status != 206 || rec.body.String() != "s" {
		t.Errorf("range: status %d, %q", rec.status, rec.body.String())
	}
	// A POST's answer is fetched like a GET's, a HEAD's stays one.
	x, rec = exchange(t, request("POST", "/app.php", "Host: x"))
	h.Serve(x)
	x.Intercept(accel("/style.css"))
	if rec.status != 200 || rec.body.String() != "css" {
		t.Errorf("POST: status %d, %q", rec.status, rec.body.String())
	}
	x, rec = exchange(t, request("HEAD", "/app.php", "Host: x"))
	h.Serve(x)
	x.Intercept(accel("/style.css"))
	if rec.status != 200 || rec.body.Len() != 0 || rec.length != 3 {
		t.Errorf("HEAD: status %d, %q, length %d", rec.status, rec.body.String(), rec.length)
	}
}

// A folder without its slash gets a redirect that says where to.
func TestLocalRedirectToFolder(t *testing.T) {
	files := siteFiles()
	files["sp ace/x.txt"] = "x"
	h := hostOf(t, options(tree(t, files)))
	for target, want := range map[string]string{
		"/html": "http://test.example/html/", "/html?q=1": "http://test.example/html/?q=1", "/sp%20ace": "http://test.example/sp%20ace/",
	} {
		x, rec := scriptAnswer(t, h, "/app.php?other=1")
		x.Intercept(&cgi.Response{Status: 200, ContentLength: -1, LocalRedirect: true, Location: []byte(target)})
		if rec.status != 301 || rec.field("Location") != want {
			t.Errorf("%s: status %d, Location %q; want %q", target, rec.status, rec.field("Location"), want)
		}
	}
}

func TestSendFile(t *testing.T) {
	outside := tree(t, map[string]string{"secret.txt": "secret"})
	alias := tree(t, map[string]string{"in alias.txt": "aliased"})
	dir := tree(t, siteFiles())
	o := options(dir)
	o.Roots = append(o.Roots, Root{Prefix: "/files", Config: static.Config{Root: alias, NoCompression: true}})
	h := hostOf(t, o)
	x, err := resolved(t, h, "/")
	if err != nil {
		t.Fatal(err)
	}
	root, aliasRoot := x.site.roots[0].cache.RealRoot(), x.site.roots[1].cache.RealRoot()
	for _, tt := range []struct {
		path   string
		status int
		body   string
	}{
		{root + "/style.css", 200, "css"},
		{root + "/a b.txt", 200, "x"},
		{root + "//style.css", 200, "css"},
		{aliasRoot + "/in alias.txt", 200, "aliased"},
		{filepath.Join(outside, "secret.txt"), 500, "<h1>500"},
		{root + "/../" + filepath.Base(outside) + "/secret.txt", 500, "<h1>500"},
		{root + "x/style.css", 500, "<h1>500"}, // a folder that shares the root's name as its beginning
		{root, 500, "<h1>500"},
		{"style.css", 500, "<h1>500"},
		{"/etc/passwd", 500, "<h1>500"},
		{root + "/.env", 404, "<h1>404"},
		{root + "/.git/config", 404, "<h1>404"},
		{root + "/none", 404, "<h1>404"},
		{root + "/%2e%2e/x", 404, "<h1>404"}, // a name, nothing is decoded
	} {
		x, rec := scriptAnswer(t, h, "/app.php")
		if !x.Intercept(sendFile(tt.path)) {
			t.Fatalf("%s: not taken over", tt.path)
		}
		if rec.status != tt.status || rec.finished != 1 || !strings.Contains(rec.body.String(), tt.body) || strings.Contains(rec.body.String(), "secret") {
			t.Errorf("%s: status %d, finished %d, %q; want %d with %q", tt.path, rec.status, rec.finished, rec.body.String(), tt.status, tt.body)
		}
		if strings.Contains(rec.fields+rec.body.String(), root) {
			t.Errorf("%s: the client sees the server's path: %q %q", tt.path, rec.fields, rec.body.String())
		}
	}
	if x, _ := scriptAnswer(t, h, "/app.php"); x.Intercept(&cgi.Response{Status: 200}) {
		t.Error("an ordinary response was taken over")
	}
}

// A root that is a symlink may be named by either path, and leads nowhere else.
func TestSendFileByConfiguredRoot(t *testing.T) {
	dir, base := tree(t, siteFiles()), tree(t, map[string]string{"secret.txt": "secret"})
	linked(t, base, "current", dir)
	root := filepath.Join(base, "current")
	for mode, of := range map[string]func(string) Options{"plain": options, "rules": ruledOptions} {
		o := of(root)
		if mode == "rules" {
			if err := os.WriteFile(filepath.Join(dir, ".htaccess"), []byte("# nothing\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		h := hostOf(t, o)
		for path, want := range map[string]int{
			root + "/style.css": 200, root + "//style.css": 200, root + "/.env": 404, root + "/none": 404,
			root + "/../secret.txt": 500, root + "x": 500, root: 500, filepath.Join(base, "secret.txt"): 500,
		} {
			x, rec := exchange(t, get("/app.php"))
			h.Serve(visitor(x))
			if rec.heads != 0 {
				t.Fatalf("%s: plan %+v", mode, x.plan)
			}
			x.Intercept(sendFile(path))
			if rec.status != want || rec.finished != 1 || want == 200 && rec.body.String() != "css" || strings.Contains(rec.body.String(), "secret") {
				t.Errorf("%s, %s: status %d %q, want %d", mode, path, rec.status, rec.body.String(), want)
			}
		}
		h.Close()
	}
}

// What the script said about the content stays; what the file knows better does
// not.
func TestSendFileKeepsFields(t *testing.T) {
	h := hostOf(t, options(tree(t, siteFiles())))
	for _, res := range []*cgi.Response{accel("/style.css"), accel("/none.css")} {
		x, rec := scriptAnswer(t, h, "/app.php")
		res.ContentType = []byte("application/x-own")
		for _, f := range [][2]string{{"Content-type", "application/x-own"}, {"Content-Disposition", "attachment"}, {"ETag", `"script"`}, {"Set-Cookie", "a=1"}} {
			res.Fields = append(res.Fields, message.Field{Name: []byte(f[0]), Value: []byte(f[1])})
		}
		x.Intercept(res)
		want := [3]string{"application/x-own", "attachment", "a=1"}
		if rec.status != 200 {
			want = [3]string{"text/html; charset=utf-8", "", ""}
		}
		got := [3]string{rec.field("Content-Type"), rec.field("Content-Disposition"), rec.field("Set-Cookie")}
		if got != want || rec.field("ETag") == `"script"` || strings.Count(strings.ToLower(rec.fields), "content-type:") != 1 {
			t.Errorf("status %d: %q, want %q; all: %q", rec.status, got, want, rec.fields)
		}
	}
}

// X-Sendfile names a file to be sent, never one to be run.
func TestSendFileIsNoScript(t *testing.T) {
	h := hostOf(t, options(tree(t, siteFiles())))
	x, rec := scriptAnswer(t, h, "/app.php")
	x.Intercept(sendFile(x.site.roots[0].cache.RealRoot() + "/app.php"))
	if rec.status != 403 {
		t.Errorf("status %d, want 403", rec.status)
	}
}

// Redirects that lead to one another end.
func TestInternalRedirectsEnd(t *testing.T) {
	h := hostOf(t, options(tree(t, siteFiles())))
	x, rec := scriptAnswer(t, h, "/app.php")
	n := 0
	for ; rec.heads == 0 && n < 2*internalRedirectsMax; n++ {
		if !x.Intercept(accel("/app.php?again=1")) {
			t.Fatal("not taken over")
		}
	}
	if n != internalRedirectsMax+1 || rec.status != 500 || rec.finished != 1 {
		t.Errorf("%d redirects, status %d, finished %d", n, rec.status, rec.finished)
	}
	if len(rec.reports) != 1 || rec.reports[0].Err == nil {
		t.Errorf("reports %+v", rec.reports)
	}
}

func TestReportsNameTheScript(t *testing.T) {
	h := hostOf(t, options(tree(t, siteFiles())))
	x, rec := scriptAnswer(t, h, "/app.php/info")
	Log{}.Stderr(x, []byte("PHP Warning"), 2)
	Log{}.Trouble(x, errors.New("odd"))
	if len(rec.reports) != 2 {
		t.Fatalf("reports %+v", rec.reports)
	}
	if r := rec.reports[0]; r.Site != "test" || r.Script != "/app.php" || string(r.Stderr) != "PHP Warning" || r.Lost != 2 {
		t.Errorf("stderr: %+v", r)
	}
	if r := rec.reports[1]; r.Err == nil || r.Script != "/app.php" {
		t.Errorf("trouble: %+v", r)
	}
}

// What an exchange was used for does not show in its next use.
func TestExchangeIsUsedAgain(t *testing.T) {
	o := options(tree(t, siteFiles()))
	o.ErrorPages = map[int]string{404: "/html/index.html"}
	h := hostOf(t, o)
	x, rec := exchange(t, get("/none?q=1"))
	h.Serve(x)
	if rec.status != 404 || rec.body.String() != "html" {
		t.Fatalf("status %d, %q", rec.status, rec.body.String())
	}
	x.Reset()
	y, rec := exchange(t, get("/style.css"))
	x.Req, x.Stream = y.Req, rec
	h.Serve(x)
	if rec.status != 200 || rec.body.String() != "css" || x.hops != 0 || x.status != 0 {
		t.Errorf("status %d, %q, hops %d", rec.status, rec.body.String(), x.hops)
	}
}
