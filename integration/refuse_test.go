//go:build linux

package integration

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// secretScript shows both faults at once: that it ran, or that its source came.
const secretScript = "<?php /* SOURCE */ echo 'RUN' . 'NING';"

// TestRefuseWrongScript holds the tricks that made servers run what is no
// script, or what lies outside.
func TestRefuseWrongScript(t *testing.T) {
	dir := workDir(t)
	root := filepath.Join(dir, "www")
	writeFile(t, filepath.Join(root, "index.html"), "front")
	writeFile(t, filepath.Join(root, "ok.php"), "<?php echo 'ok ', $_SERVER['PATH_INFO'] ?? '-';")
	for _, name := range []string{
		"evil.jpg", "evil.txt", "evil.php.jpg", "evil.PHP", "evil.php5.txt", "x.php.bak", "x.php~", "x.php.swp", "#x.php#", ".x.php.swo",
		"folder.php/evil.gif", "evil.php ", "evil.php.", "ſcript.phP",
	} {
		writeFile(t, filepath.Join(root, name), secretScript)
	}
	writeFile(t, filepath.Join(dir, "outside.php"), secretScript)
	writeFile(t, filepath.Join(dir, "www-sibling/evil.php"), secretScript)
	links := map[string]string{"passwd": "/etc/passwd", "deep/passwd": "/etc/passwd"}
	// Nobody's link leads out of a folder that is no application's: neither root's nor
	// that of whom the target belongs to.
	links["link.php"], links["linkdir"], links["deep/link.php"] = "../outside.php", "../www-sibling", "../../outside.php"
	links["etc"], links["deep/up"] = "/etc", "../.."
	makeDir(t, filepath.Join(root, "deep"))
	for link, to := range links {
		if err := os.Symlink(to, filepath.Join(root, link)); err != nil {
			t.Fatal(err)
		}
	}
	s := startSluice(t, site{root: root})
	for _, target := range []string{
		"/evil.jpg/x.php", "/evil.jpg/.php", "/evil.jpg%00.php", "/evil.jpg%0a.php", "/evil.jpg%20.php", "/evil.txt/ok.php",
		"/evil.php.jpg", "/evil.php.jpg/x.php", "/evil.PHP", "/evil.PHP/x.php", "/x.php.bak", "/x.php~", "/x.php.swp", "/%23x.php%23",
		"/.x.php.swo", "/folder.php/evil.gif", "/folder.php/evil.gif/x.php", "/evil.php%20", "/evil.php.", "/evil.php%20/x.php",
		"/%C5%BFcript.phP", "/../outside.php", "/%2e%2e/outside.php", "/..%2foutside.php", "/..%5coutside.php", "/ok.php/../../outside.php",
		"/../www-sibling/evil.php", "/%2e%2e/www-sibling/evil.php", "/link.php", "/link.php/x", "/linkdir/evil.php", "/linkdir/evil.php/x",
		"/passwd", "/deep/passwd", "/deep/link.php", "/linkdir", "/linkdir/", "/etc/passwd", "/deep/up/outside.php", "/deep/up/www-sibling/evil.php",
		"/evil.jpg/..%2fok.php", "//evil.jpg/x.php", "/./evil.jpg/x.php", "/evil.jpg/%0a/x.php", "/ok.php%00/evil.jpg",
	} {
		a, err := tryRaw(s.addr, "GET", request(s, "GET", target, ""))
		if err != nil {
			t.Errorf("%s: %v", target, err)
			continue
		}
		if strings.Contains(a.body, "RUNNING") {
			t.Errorf("%s ran (status %d)", target, a.status)
		}
		if strings.Contains(a.body, "root:") {
			t.Errorf("%s led out of the document root (status %d)", target, a.status)
		}
		if strings.Contains(a.body, "SOURCE") && !servedAsText(target) {
			t.Errorf("%s gave source away (status %d)", target, a.status)
		}
		if a.status >= 500 {
			t.Errorf("%s: status %d", target, a.status)
		}
	}
	for target, want := range map[string]string{
		"/ok.php": "ok -", "/ok.php/": "ok /", "/ok.php/a.php/b": "ok /a.php/b", "/ok.php/.NET": "ok /.NET", "/./ok.php": "ok -",
	} {
		if a := get(t, s, target); a.status != http.StatusOK || a.body != want {
			t.Errorf("%s: status %d, %q; want %q", target, a.status, a.body, want)
		}
	}
}

// servedAsText are names that are no script's by anybody's rule: their text is
// a file like others.
func servedAsText(target string) bool {
	for _, name := range []string{"/evil.php.jpg", "/evil.jpg", "/evil.txt", "/folder.php/evil.gif"} {
		if target == name {
			return true
		}
	}
	return false
}

// TestRefuseUploads: in no known application does PHP run where uploads go.
func TestRefuseUploads(t *testing.T) {
	apps := []struct {
		name  string
		files map[string]string // what makes it that application
		evil  []string          // URL paths, the files lie in the document root
		root  string            // document root below the site's folder
	}{
		{
			"wordpress",
			map[string]string{"wp-includes/version.php": "<?php $wp_version = '6.1';", "wp-load.php": "<?php", "index.php": "<?php echo 'front';"},
			[]string{"/wp-content/uploads/evil.php", "/wp-content/uploads/2024/05/evil.php", "/wp-content/cache/evil.php"},
			"",
		},
		{
			"drupal",
			map[string]string{"core/lib/Drupal.php": "<?php class Drupal { const VERSION = '10.1.0'; }", "index.php": "<?php echo 'front';"},
			[]string{"/sites/default/files/evil.php", "/sites/other.test/files/css/evil.php"},
			"",
		},
		{
			"laravel",
			map[string]string{"artisan": "#!/usr/bin/env php", "public/index.php": "<?php echo 'front';"},
			[]string{"/storage/evil.php", "/storage/avatars/evil.php"},
			"public",
		},
		{
			"phpmyadmin",
			map[string]string{"libraries/classes/Version.php": "<?php namespace PhpMyAdmin; class Version { const VERSION = '5.2.1'; }", "index.php": "<?php echo 'front';"},
			[]string{"/tmp/evil.php", "/upload/evil.php", "/save/evil.php"},
			"",
		},
	}
	for _, app := range apps {
		t.Run(app.name, func(t *testing.T) {
			dir := workDir(t)
			for name, text := range app.files {
				writeFile(t, filepath.Join(dir, name), text)
			}
			for _, path := range app.evil {
				writeFile(t, filepath.Join(dir, app.root, path), secretScript)
			}
			if err := os.Symlink("."+filepath.Dir(app.evil[0]), filepath.Join(dir, app.root, "otherwise")); err != nil {
				t.Fatal(err)
			}
			s := startSluiceZero(t, dir, "--workers", "1")
			if a := get(t, s, "/"); a.body != "front" {
				t.Fatalf("the front page: status %d, %q", a.status, a.body)
			}
			if out := s.proc.output(); !strings.Contains(strings.ToLower(out), app.name) {
				t.Errorf("no %q in the banner:\n%s", app.name, out)
			}
			for _, path := range append(app.evil, "/otherwise/evil.php") {
				for _, target := range []string{
					path, path + "/x", path + "/x.php", path + "?a=b", strings.Replace(path, "evil", "%65vil", 1), "/" + path,
					strings.ToUpper(path[:2]) + path[2:], "/index.php/.." + path, strings.Replace(path, "/evil", "/./evil", 1),
				} {
					a := get(t, s, target)
					if strings.Contains(a.body, "RUNNING") || strings.Contains(a.body, "SOURCE") {
						t.Errorf("%s: status %d %q", target, a.status, excerpt(a.body))
					}
				}
			}
		})
	}
}

// TestRefuseHidden: both settings of hidden_files.
func TestRefuseHidden(t *testing.T) {
	root := filepath.Join(workDir(t), "www")
	names := []string{
		".env", ".git/config", ".svn/entries", ".htaccess", ".htpasswd", "a/.hidden", "dump.sql.bak", "index.php~", "x.swp",
		".well-known/acme-challenge/token",
	}
	for _, name := range names {
		writeFile(t, filepath.Join(root, name), "# CONTENT")
	}
	writeFile(t, filepath.Join(root, "index.html"), "front")
	ask := func(t *testing.T, s *server, refused func(string) bool) {
		t.Helper()
		for _, name := range names {
			a := get(t, s, "/"+name)
			if refused(name) && (strings.Contains(a.body, "CONTENT") || a.status != http.StatusNotFound && a.status != http.StatusForbidden) {
				t.Errorf("%s: status %d, want 404", name, a.status)
			}
			if !refused(name) && a.body != "# CONTENT" {
				t.Errorf("%s: status %d, want the file", name, a.status)
			}
		}
	}
	t.Run("refuse", func(t *testing.T) {
		s := startSluiceZero(t, root)
		ask(t, s, func(name string) bool { return !strings.HasPrefix(name, ".well-known") })
		for _, target := range []string{"/.git", "/.git/", "/.svn", "/.svn/", "/.nope", "/.nope/"} {
			if a := get(t, s, target); a.status != http.StatusNotFound {
				t.Errorf("%s: status %d, want 404", target, a.status)
			}
		}
	})
	t.Run("apache", func(t *testing.T) {
		ask(t, startSluiceZero(t, root, "--hidden-files", "apache"), func(name string) bool {
			return strings.HasPrefix(name, ".ht")
		})
	})
}

// TestRefuseMalformed: what one server reads so and the next otherwise is
// refused, and the connection closed.
func TestRefuseMalformed(t *testing.T) {
	st, _ := faultSite(t)
	s := startSluice(t, st)
	const post = "POST /echo.php HTTP/1.1\r\nHost: a\r\n"
	tests := map[string]string{
		"length and chunked":  post + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"differing lengths":   post + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
		"length list":         post + "Content-Length: 3, 4\r\n\r\nabcd",
		"signed length":       post + "Content-Length: +3\r\n\r\nabc",
		"space before colon":  post + "Content-Length : 3\r\n\r\nabc",
		"obs-fold":            post + "X: a\r\n b\r\n\r\n",
		"bare line feed":      "GET /hello.php HTTP/1.1\nHost: a\n\n",
		"bare carriage":       "GET /hello.php HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n",
		"nul in a value":      "GET /hello.php HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n",
		"no host":             "GET /hello.php HTTP/1.1\r\n\r\n",
		"two hosts":           "GET /hello.php HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
		"other coding":        post + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
		"chunked not last":    post + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
		"coding with a tab":   post + "Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
		"bad chunk size":      post + "Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
		"huge chunk size":     post + "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
		"chunk without end":   post + "Transfer-Encoding: chunked\r\n\r\n3\r\nabcX\r\n0\r\n\r\n",
		"1.0 with chunked":    "POST /echo.php HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"space in the target": "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
		"no version":          "GET /hello.php\r\nHost: a\r\n\r\n",
		"version 2.0":         "GET /hello.php HTTP/2.0\r\nHost: a\r\n\r\n",
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			c := dial(t, s.addr)
			// What follows would be a second request to whoever is fooled.
			if _, err := io.WriteString(c, text+"GET /hello.php HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
			r := bufio.NewReader(c)
			a, err := readAnswer(r, "POST")
			if err != nil {
				t.Fatalf("no answer: %v", err)
			}
			if a.status != http.StatusBadRequest && a.status != http.StatusNotImplemented && a.status != http.StatusHTTPVersionNotSupported {
				t.Errorf("status %d, want 400 (or 501, 505)", a.status)
			}
			if next, err := readAnswer(r, "GET"); err == nil {
				t.Errorf("the connection went on: status %d %q", next.status, next.body)
			}
		})
	}
}

// TestRefuseTooMuch: each limit has its status.
func TestRefuseTooMuch(t *testing.T) {
	st, _ := faultSite(t)
	st.bodyMiB = 1
	s := startSluice(t, st)
	many := make([]string, 150)
	for i := range many {
		many[i] = fmt.Sprintf("X-%d: y", i)
	}
	tests := []struct {
		name, method, text string
		want               int
	}{
		{"target", "GET", request(s, "GET", "/"+strings.Repeat("a", 9000), ""), http.StatusRequestURITooLong},
		{"head", "GET", request(s, "GET", "/hello.php", "", "X-Big: "+strings.Repeat("b", 40_000)), http.StatusRequestHeaderFieldsTooLarge},
		{"fields", "GET", request(s, "GET", "/hello.php", "", many...), http.StatusRequestHeaderFieldsTooLarge},
		{"body announced", "POST", request(s, "POST", "/echo.php", "", "Content-Length: 2000000"), http.StatusRequestEntityTooLarge},
		{"body expected", "POST", request(s, "POST", "/echo.php", "", "Content-Length: 2000000", "Expect: 100-continue"), http.StatusRequestEntityTooLarge},
		{"body chunked", "POST", request(s, "POST", "/echo.php", "", "Transfer-Encoding: chunked") +
			strings.Repeat("10000\r\n"+strings.Repeat("c", 65536)+"\r\n", 17), http.StatusRequestEntityTooLarge},
		{"body allowed", "POST", request(s, "POST", "/echo.php", strings.Repeat("d", 1<<20)), http.StatusOK},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if a := raw(t, s.addr, tt.method, tt.text); a.status != tt.want {
				t.Errorf("status %d, want %d", a.status, tt.want)
			}
		})
	}
}
