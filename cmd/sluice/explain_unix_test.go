//go:build unix

package main

import (
	"fmt"
	"net"
	"net/http"
	"net/http/fcgi"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestExplainedIsServed compares what explain says with what the program does,
// with a PHP that tells which script it was given.
func TestExplainedIsServed(t *testing.T) {
	dir := explainSite(t)
	socket := tellingPHP(t)
	targets := map[string][]string{
		"wp":     {"/", "/hello/world?x=1", "/wp-config.php", "/a.txt", "/sub", "/sub/", "/sub/page.html", "/.htaccess", "/index.php/info", "/%zz", "/x%2Fy"},
		"varied": {"/go/there?a=b", "/nothing", "/gone", "/old/x?y", "/dump.sql", "/page.txt", "/app.php/info", "/.git/config", "/page.txt/more"},
		"broken": {"/", "/index.html", "/none"},
		"front":  {"/", "/post/1", "/wp-login.php"},
	}
	scripts := 0
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, Timeout: 5 * time.Second}
	for name, list := range targets {
		root := filepath.Join(dir, name)
		p := serveFor(t, "--listen", "127.0.0.1:0", "--php", "unix:"+socket, "--access-log", "off", root)
		for _, target := range list {
			url := "http://" + p.addr + target
			req, err := http.NewRequest(http.MethodGet, url, nil)
			if err != nil {
				req, _ = http.NewRequest(http.MethodGet, "http://"+p.addr+"/", nil)
				req.URL.Opaque = target
			}
			req.Header.Set("User-Agent", "test")
			res, err := client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			script, vars := res.Header.Get("X-Script"), res.Header.Get("X-Vars")
			_ = res.Body.Close()
			if script != "" {
				scripts++
			}
			e := explainedBy(t, []string{url, root}, "User-Agent: test")
			if e.Result.Status != res.StatusCode || e.Result.Location != res.Header.Get("Location") || e.Environment["SCRIPT_FILENAME"] != script {
				t.Errorf("%s: explained %+v, served %d %q %q", url, e.Result, res.StatusCode, res.Header.Get("Location"), script)
			}
			if want := varsOf(e.Environment); script != "" && vars != want {
				t.Errorf("%s: the script has %s, explained %s", url, vars, want)
			}
			for _, h := range e.Response.Headers {
				if h.From != "" && strings.Join(res.Header.Values(h.Name), ", ") != h.Value {
					t.Errorf("%s: explained %s: %s, served %q", url, h.Name, h.Value, res.Header.Values(h.Name))
				}
			}
		}
	}
	if scripts < 7 {
		t.Errorf("only %d requests came to a script", scripts)
	}
}

// varsOf are the variables that rules decide on.
func varsOf(env map[string]string) string {
	return fmt.Sprintf("%q %q %q %q", env["PATH_TRANSLATED"], env["SECRET"], env["REDIRECT_URL"], env["REDIRECT_QUERY_STRING"])
}

// tellingPHP is a FastCGI server that tells what it would run.
func tellingPHP(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "sl") //nolint:usetesting // t.TempDir is too long for a socket's name
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("unix", filepath.Join(dir, "php"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = ln.Close()
		_ = os.RemoveAll(dir)
	})
	go func() {
		_ = fcgi.Serve(ln, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			env := fcgi.ProcessEnv(r)
			w.Header().Set("X-Script", env["SCRIPT_FILENAME"])
			w.Header().Set("X-Vars", varsOf(env))
		}))
	}()
	return filepath.Join(dir, "php")
}

// TestExplainProgram: the command as it is called.
func TestExplainProgram(t *testing.T) {
	dir := explainSite(t)
	code, out, fault := run(t, filepath.Join(dir, "wp"), "explain", "HEAD", "/a.txt", "--php", "off", "-H", "X-A: b")
	if code != 0 || fault != "" || !strings.Contains(out, "request    HEAD http://localhost:8080/a.txt\n           X-A: b\n") || !strings.Contains(out, "result     file "+dir+"/wp/a.txt\n") || strings.Contains(out, "\x1b") {
		t.Errorf("exit %d, %s, %s", code, out, fault)
	}
	config := write(t, dir, "sluice.toml", "[[site]]\nnames = [\"one.example\"]\nroot = \"wp\"\nphp = { use = \"off\" }\n[[site]]\nnames = [\"two.example\"]\nroot = \"none\"\nphp = { use = \"off\" }\n")
	code, out, fault = run(t, dir, "explain", "https://two.example/", "--config", config)
	if code != 0 || !strings.Contains(out, "site       two.example: ") || !strings.Contains(out, "none/index.html") {
		t.Errorf("exit %d, %s, %s", code, out, fault)
	}
	code, out, fault = run(t, dir, "explain", "http://three.example/", "--config", config, "--json")
	if code != 0 || !strings.Contains(out, `"status": 421`) || !strings.Contains(out, "no site has this host name") {
		t.Errorf("exit %d, %s, %s", code, out, fault)
	}
	if code, _, fault := run(t, dir, "explain"); code != exitUsage || !strings.Contains(fault, "URL") {
		t.Errorf("without a URL: exit %d, %s", code, fault)
	}
	if code, out, fault := run(t, dir, "check", "broken"); code != exitConfig || !strings.Contains(out, "broken/.htaccess:2: error    Options: ") || !strings.Contains(fault, "1 error(s)") {
		t.Errorf("check: exit %d, %s, %s", code, out, fault)
	}
	if code, out, _ := run(t, dir, "check", "wp"); code != 0 || !strings.Contains(out, "1 .htaccess file(s): 0 error(s)") {
		t.Errorf("check: exit %d, %s", code, out)
	}
}
