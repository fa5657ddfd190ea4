//go:build linux

package integration

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestSites: several sites by host name, with what each may set for itself.
func TestSites(t *testing.T) {
	dir := workDir(t)
	for _, name := range []string{"one", "two", "rest"} {
		writeFile(t, filepath.Join(dir, name, "index.html"), "site "+name)
		writeFile(t, filepath.Join(dir, name, "env.php"), envScript)
		writeFile(t, filepath.Join(dir, name, "odd.wasm9"), "odd")
	}
	writeFile(t, filepath.Join(dir, "two", "404.html"), "not in two")
	writeFile(t, filepath.Join(dir, "media", "a.txt"), "media")
	s := startSluiceConf(t, fmt.Sprintf(`
listen = ["{addr}"]
trusted_proxies = ["127.0.0.0/8"]
[[site]]
names = ["one.test", "www.one.test"]
root = "%[1]s/one"
[site.headers]
set = { X-Frame-Options = "DENY" }
add = { X-Many = ["1", "2"] }
remove = ["X-Powered-By"]
[site.php]
workers = 1
[site.php.env]
STAGE = "production"
[site.php.ini]
memory_limit = "77M"
[[site]]
names = ["*.two.test"]
root = "%[1]s/two"
php = "off"
error_pages = { 404 = "/404.html" }
mime = { wasm9 = "application/x-odd" }
aliases = { "/media" = "%[1]s/media" }
[[site]]
root = "%[1]s/rest"
php = "off"
`, dir))
	ask := func(host, target string, lines ...string) answer { return askHost(t, s, host, target, lines...) }
	for host, want := range map[string]string{
		"one.test": "site one", "WWW.One.Test:8080": "site one", "one.test.": "site one", "a.two.test": "site two", "a.b.two.test": "site two",
		"two.test": "site rest", "other.test": "site rest", "127.0.0.1": "site rest", "[::1]:80": "site rest",
	} {
		if a := ask(host, "/"); a.body != want {
			t.Errorf("host %s: status %d %q, want %q", host, a.status, a.body, want)
		}
	}
	if a := ask("one.test", "/"); a.header.Get("X-Frame-Options") != "DENY" || len(a.header.Values("X-Many")) != 2 {
		t.Errorf("headers of site one: %v", a.header)
	}
	if a := ask("a.two.test", "/nothing"); a.status != http.StatusNotFound || a.body != "not in two" {
		t.Errorf("error page: status %d %q", a.status, a.body)
	}
	if a := ask("a.two.test", "/odd.wasm9"); a.header.Get("Content-Type") != "application/x-odd" {
		t.Errorf("type %q", a.header.Get("Content-Type"))
	}
	if a := ask("a.two.test", "/media/a.txt"); a.body != "media" {
		t.Errorf("alias: status %d %q", a.status, a.body)
	}
	if a := ask("a.two.test", "/env.php"); strings.Contains(a.body, "<?php") || a.status == http.StatusOK {
		t.Errorf("a script where PHP is off: status %d %q", a.status, excerpt(a.body))
	}
	siteEnvironment(t, ask("one.test", "/env.php", "X-Forwarded-For: 203.0.113.9, 127.0.0.2", "X-Forwarded-Proto: https"))
}

// askHost is a GET for a host of its own choice.
func askHost(t *testing.T, s *server, host, target string, lines ...string) answer {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n", target, host)
	for _, line := range lines {
		b.WriteString(line + "\r\n")
	}
	return raw(t, s.addr, "GET", b.String()+"\r\n")
}

// siteEnvironment checks what the script of site one was told by its
// configuration and by the proxy in front.
func siteEnvironment(t *testing.T, a answer) {
	t.Helper()
	var seen struct{ Server map[string]any }
	if err := json.Unmarshal([]byte(a.body), &seen); err != nil {
		t.Fatalf("env.php: %v %s", err, excerpt(a.body))
	}
	for key, want := range map[string]string{"STAGE": "production", "REMOTE_ADDR": "203.0.113.9", "HTTPS": "on", "SERVER_NAME": "one.test"} {
		if got := fmt.Sprint(seen.Server[key]); got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
	if got := a.header.Get("X-Powered-By"); got != "" {
		t.Errorf("X-Powered-By: %s is still there", got)
	}
}

// TestSitesKeepAlive: how long and how often a connection is used.
func TestSitesKeepAlive(t *testing.T) {
	st, _ := faultSite(t)
	s := startSluiceConf(t, fmt.Sprintf(`
listen = ["{addr}"]
keep_alive.requests = 3
keep_alive.idle = "1s"
limits.head_time = "1s"
limits.body_time = "1s"
[[site]]
root = %q
php.workers = 1
`, st.root))
	t.Run("requests", func(t *testing.T) {
		c := dial(t, s.addr)
		r := bufio.NewReader(c)
		for i := range 3 {
			if _, err := fmt.Fprintf(c, "GET /static.txt HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
			resp, err := http.ReadResponse(r, nil)
			if err != nil {
				t.Fatalf("request %d: %v", i, err)
			}
			if _, err := io.ReadAll(resp.Body); err != nil {
				t.Fatal(err)
			}
			if last := i == 2; resp.Close != last {
				t.Errorf("request %d: Connection: close is %v, want %v", i, resp.Close, last)
			}
		}
		if _, err := r.ReadByte(); err == nil {
			t.Error("the connection is open after its third request")
		}
	})
	slow := []struct {
		name, text string
		status     int // 0: closed without a word
	}{
		{"idle", "GET /static.txt HTTP/1.1\r\nHost: x\r\n\r\n", 0},
		{"silent", "", 0},
		{"head", "GET /static.txt HTTP/1.1\r\nHost:", http.StatusRequestTimeout},
		{"body", "POST /echo.php HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab", http.StatusRequestTimeout},
	}
	for _, tt := range slow {
		t.Run(tt.name, func(t *testing.T) {
			c := dial(t, s.addr)
			if _, err := io.WriteString(c, tt.text); err != nil {
				t.Fatal(err)
			}
			r := bufio.NewReader(c)
			if tt.name == "idle" {
				if _, err := readAnswer(r, "GET"); err != nil {
					t.Fatal(err)
				}
			}
			began := time.Now()
			a, err := readAnswer(r, "GET")
			if took := time.Since(began); took > 5*time.Second || took < 500*time.Millisecond {
				t.Errorf("the limit of 1 s took %v", took)
			}
			if tt.status == 0 && err == nil || tt.status != 0 && a.status != tt.status {
				t.Errorf("status %d, %v; want %d", a.status, err, tt.status)
			}
		})
	}
}

// TestSitesForeignFPM: sluice in front of a php-fpm that is not its own, which
// comes and goes.
func TestSitesForeignFPM(t *testing.T) {
	st, mark := faultSite(t)
	st.workers = 2
	sock := startFPM(t, st)
	s := startSluiceZero(t, st.root, "--php", "unix:"+sock, "--workers", "2")
	if len(phpOf(t, s)) != 0 {
		t.Error("sluice runs PHP of its own beside php-fpm")
	}
	wantParallel(t, s, mark, 2)
	if a := raw(t, s.addr, "POST", request(s, "POST", "/echo.php", strings.Repeat("y", 300_000))); !strings.HasPrefix(a.body, "300000 ") {
		t.Errorf("echo.php: status %d %q", a.status, excerpt(a.body))
	}
	nowhere := startSluiceZero(t, st.root, "--php", "unix:"+filepath.Join(mark, "none.sock"))
	if a := get(t, nowhere, "/hello.php"); a.status != http.StatusBadGateway && a.status != http.StatusServiceUnavailable {
		t.Errorf("without php-fpm: status %d, want 502 or 503", a.status)
	}
	if a := get(t, nowhere, "/static.txt"); a.status != http.StatusOK {
		t.Errorf("a static file without php-fpm: status %d", a.status)
	}
}

// TestSitesEngines is the short way through everything on the engines that auto may
// pass over; SLUICE_ENGINE=portable runs the whole suite on one of them.
func TestSitesEngines(t *testing.T) {
	for _, engine := range []string{"epoll", "portable"} {
		t.Run(engine, func(t *testing.T) { everyKind(t, engine) })
	}
}

func everyKind(t *testing.T, engine string) {
	st, mark := faultSite(t)
	st.workers = 2
	st.tuning.flags = []string{"--engine", engine}
	s := startSluice(t, st)
	for range 3 {
		if a := get(t, s, "/hello.php"); a.body != "hello" {
			t.Errorf("hello.php: status %d %q", a.status, a.body)
		}
		if a := get(t, s, "/static.txt"); a.body != "static\n" {
			t.Errorf("static.txt: status %d %q", a.status, a.body)
		}
	}
	wantParallel(t, s, mark, 2)
	if a := raw(t, s.addr, "POST", request(s, "POST", "/echo.php", strings.Repeat("y", 3_000_000))); !strings.HasPrefix(a.body, "3000000 ") {
		t.Errorf("echo.php: status %d %q", a.status, excerpt(a.body))
	}
	if a := get(t, s, at("big.php", mark, "mib", "8")); len(a.body) != 8<<20 {
		t.Errorf("big.php: status %d, %d bytes", a.status, len(a.body))
	}
}

// TestFaultLog: what PHP says on its error log is in sluice's, with the script.
func TestFaultLog(t *testing.T) {
	st, mark := faultSite(t)
	s := startSluice(t, st)
	get(t, s, at("head.php", mark, "how", "error"))
	line := ""
	found := eventually(5*time.Second, func() bool {
		for _, text := range strings.Split(s.proc.output(), "\n") {
			if strings.Contains(text, "a line for the log") {
				line = text
			}
		}
		return line != ""
	})
	if !found {
		t.Fatalf("error_log() left nothing in the log:\n%s", s.proc.tail(2000))
	}
	if !strings.Contains(line, "head.php") {
		t.Errorf("the line does not say which script: %s", line)
	}
}
