package host

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/zap"

	"sluice/conf"
	"sluice/fcgi"
)

// program answers FastCGI requests of any role by a function.
func program(t *testing.T, answer func(role fcgi.Role, env map[string]string, stdin, data string) string) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "roles") //nolint:usetesting // t.TempDir may be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return programAt(t, "unix", filepath.Join(dir, "s"), answer)
}

// programAt is a program that listens at an address.
func programAt(t *testing.T, network, address string, answer func(role fcgi.Role, env map[string]string, stdin, data string) string) string {
	t.Helper()
	ln, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go serveRoles(c, answer)
		}
	}()
	return network + ":" + ln.Addr().String()
}

func serveRoles(c net.Conn, answer func(role fcgi.Role, env map[string]string, stdin, data string) string) {
	defer func() { _ = c.Close() }()
	r := bufio.NewReader(c)
	var role fcgi.Role
	streams := map[fcgi.Type][]byte{}
	for {
		var h [8]byte
		if _, err := io.ReadFull(r, h[:]); err != nil {
			return
		}
		body := make([]byte, int(binary.BigEndian.Uint16(h[4:]))+int(h[6]))
		if _, err := io.ReadFull(r, body); err != nil {
			return
		}
		typ, id := fcgi.Type(h[1]), binary.BigEndian.Uint16(h[2:])
		body = body[:len(body)-int(h[6])]
		if typ == fcgi.BeginRequest {
			role = fcgi.Role(binary.BigEndian.Uint16(body))
			streams = map[fcgi.Type][]byte{}
			continue
		}
		streams[typ] = append(streams[typ], body...)
		last := map[fcgi.Role]fcgi.Type{fcgi.Responder: fcgi.Stdin, fcgi.Authorizer: fcgi.Params, fcgi.Filter: fcgi.Data}[role]
		if typ != last || len(body) > 0 {
			continue
		}
		env := map[string]string{}
		for b := streams[fcgi.Params]; len(b) > 0; {
			name, value, n, err := fcgi.ConsumePair(b)
			if err != nil {
				return
			}
			env[string(name)] = string(value)
			b = b[n:]
		}
		out := fcgi.AppendStream(nil, fcgi.Stdout, id, []byte(answer(role, env, string(streams[fcgi.Stdin]), string(streams[fcgi.Data]))))
		if _, err := c.Write(fcgi.AppendEndRequest(out, id, 0, fcgi.RequestComplete)); err != nil {
			return
		}
	}
}

// serveConfig runs a configuration over files, in which {dir} stands for their
// folder.
func serveConfig(t *testing.T, files map[string]string, text string) http.Handler {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		full := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cfg, err := conf.Parse(filepath.Join(dir, "sluice.toml"), []byte(strings.ReplaceAll(text, "{dir}", dir)), conf.Overrides{})
	if err != nil {
		t.Fatal(err)
	}
	h, err := Start(cfg, Options{Embedded: true, Logger: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Stop(5 * time.Second); err != nil {
			t.Error(err)
		}
	})
	return h.Handler()
}

func ask(h http.Handler, method, target, body string, headers ...string) *httptest.ResponseRecorder {
	req := httptest.NewRequest(method, target, strings.NewReader(body))
	if body == "" {
		req = httptest.NewRequest(method, target, nil)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, req)
	return rec
}

// gate lets in who has the cookie "user=…", and sends others to a page, or away.
func gate(role fcgi.Role, env map[string]string, _, _ string) string {
	user, ok := strings.CutPrefix(env["HTTP_COOKIE"], "user=")
	switch {
	case role != fcgi.Authorizer:
		return "Status: 500\r\n\r\nrole"
	case ok:
		return "Status: 200\r\nVariable-REMOTE_USER: " + user + "\r\nVariable-SAW: " + env["REQUEST_METHOD"] + " " + env["REQUEST_URI"] + "\r\n\r\n"
	case env["QUERY_STRING"] == "login":
		return "Location: /login.html\r\n\r\n"
	}
	return "Status: 401 Who?\r\nWWW-Authenticate: Cookie\r\nContent-Type: text/plain\r\n\r\nwho are you"
}

func TestAuthorizersOfPaths(t *testing.T) {
	app := program(t, func(_ fcgi.Role, env map[string]string, stdin, _ string) string {
		return fmt.Sprintf("Content-Type: text/plain\r\n\r\n%s %s user=%s saw=%s body=%s", env["REQUEST_METHOD"], env["PATH_INFO"], env["REMOTE_USER"], env["SAW"], stdin)
	})
	h := serveConfig(t, map[string]string{
		"index.html": "front", "login.html": "log in here", "members/a.html": "secret", "members/.htaccess": "ErrorDocument 404 /members/none.html\n",
		"members/none.html": "none", ".htaccess": "RewriteEngine On\nRewriteRule ^door$ /members/a.html [L]\nRewriteRule ^members/out$ /index.html [L]\n",
	}, `
[[site]]
root = "{dir}"
fastcgi = "`+app+`"
[site.php]
use = "off"
[site.authorizers]
"/members" = "`+program(t, gate)+`"
"/gone" = "unix:/nonexistent/socket"
`)
	user := []string{"Cookie", "user=ann"}
	tests := []struct {
		name, method, target, body string
		headers                    []string
		status                     int
		want                       string
	}{
		{"a path of nobody", "GET", "/", "", nil, 200, "front"},
		{"refused", "GET", "/members/a.html", "", nil, 401, "who are you"},
		{"let through", "GET", "/members/a.html", "", user, 200, "secret"},
		{"letters and dots do not help", "GET", "/x/../MEMBERS/%61.html", "", nil, 401, "who are you"},
		{"rules that lead there", "GET", "/door", "", nil, 401, "who are you"},
		{"rules that lead there, let through", "GET", "/door", "", user, 200, "secret"},
		{"rules that lead away", "GET", "/members/out", "", nil, 401, "who are you"},
		{"rules that lead away, let through", "GET", "/members/out", "", user, 200, "front"},
		{"a page for logging in", "GET", "/members/a.html?login", "", nil, 200, "log in here"},
		{"its variables reach the script", "GET", "/members/app?q=1", "", user, 200, "GET /members/app user=ann saw=GET /members/app?q=1 body="},
		{"content is held back until then", "POST", "/members/app", "some content", user, 200, "POST /members/app user=ann saw=POST /members/app body=some content"},
		{"content of one who is refused", "POST", "/members/app", "some content", nil, 401, "who are you"},
		{"one that can't be asked", "GET", "/gone/a", "", user, 502, "502"},
		{"no variables without it", "GET", "/app", "", user, 200, "GET /app user= saw= body="},
		{"HEAD", "HEAD", "/members/a.html", "", nil, 401, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rec := ask(h, tt.method, tt.target, tt.body, tt.headers...)
			if rec.Code != tt.status || !strings.Contains(rec.Body.String(), tt.want) || tt.want == "" && rec.Body.Len() > 0 {
				t.Errorf("%d %.200q, want %d %q", rec.Code, rec.Body, tt.status, tt.want)
			}
			if strings.Contains(rec.Body.String(), "secret") && tt.headers == nil {
				t.Error("the secret is out")
			}
		})
	}
}

func TestFiltersOfPaths(t *testing.T) {
	var seen atomic.Value
	filter := program(t, func(role fcgi.Role, env map[string]string, stdin, data string) string {
		seen.Store(fmt.Sprintf("%d %s %s %s", role, env["REQUEST_METHOD"], env["FCGI_DATA_LENGTH"], env["SCRIPT_NAME"]))
		return "Content-Type: text/html\r\n\r\n" + strings.ToUpper(data) + stdin
	})
	big := strings.Repeat("abcdefgh", 100_000)
	h := serveConfig(t, map[string]string{"a.tpl": "text", "b.html": "text", "empty.tpl": "", "big.tpl": big}, `
[[site]]
root = "{dir}"
[site.php]
use = "off"
[site.filters]
"*.tpl" = "`+filter+`"
`)
	for range 3 { // the file is in memory after a while
		for _, tt := range []struct {
			method, target, body string
			status               int
			want, seen           string
		}{
			{"GET", "/a.tpl?x", "", 200, "TEXT", "3 GET 4 /a.tpl"},
			{"POST", "/a.tpl", "more", 200, "TEXTmore", "3 POST 4 /a.tpl"},
			{"GET", "/empty.tpl", "", 200, "", "3 GET 0 /empty.tpl"},
			{"GET", "/big.tpl", "", 200, strings.ToUpper(big), "3 GET 800000 /big.tpl"},
			{"GET", "/b.html", "", 200, "text", ""},
			{"GET", "/none.tpl", "", 404, "404", ""},
		} {
			seen.Store("")
			rec := ask(h, tt.method, tt.target, tt.body)
			if got := rec.Body.String(); rec.Code != tt.status || !strings.Contains(got, tt.want) || len(got) > len(tt.want)+400 {
				t.Errorf("%s %s: %d, %d octets %.80q", tt.method, tt.target, rec.Code, len(got), got)
			}
			if got := seen.Load(); got != tt.seen {
				t.Errorf("%s %s: the filter saw %q, want %q", tt.method, tt.target, got, tt.seen)
			}
		}
	}
}
