//go:build linux

package integration

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const spaIndex = "<!doctype html><title>spa</title><div id=app></div><script src=/assets/app.js></script>\n"

// spaFiles is a built single-page app with what such folders hold besides.
func spaFiles() map[string]string {
	script := strings.Repeat("export const level = (gate) => gate.height * 42; // keep\n", 600)
	data := make([]byte, 300_000)
	for i := range data {
		data[i] = byte(i*7 + i>>8)
	}
	return map[string]string{
		"index.html":                spaIndex,
		"assets/app.js":             script,
		"assets/app.css":            strings.Repeat(".gate { height: 42px }\n", 200),
		"assets/small.js":           "1;\n",
		"assets/ready.js":           script,
		"assets/ready.js.gz":        gzipped(script),
		"assets/logo.svg":           `<svg xmlns="http://www.w3.org/2000/svg"/>`,
		"assets/data.bin":           string(data),
		"assets/data.json":          `{"a":1}`,
		"assets/font.woff2":         "wOF2 not really",
		"assets/empty.txt":          "",
		"docs/index.html":           "<!doctype html>docs\n",
		"a file with spaces.txt":    "spaces\n",
		"ünï/ä+b.txt":               "utf-8\n",
		".env":                      "SECRET=1\n",
		".git/config":               "[core]\n",
		".htpasswd":                 "a:b\n",
		".well-known/security.txt":  "Contact: mailto:x@example.test\n",
		"assets/backup.js~":         "old\n",
		"assets/.hidden/secret.txt": "secret\n",
	}
}

func gzipped(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = io.WriteString(w, text) // a bytes.Buffer takes all
	_ = w.Close()
	return b.String()
}

// TestSPA compares a static site with a front page for unknown paths with what
// nginx makes of the same folder.
func TestSPA(t *testing.T) {
	root := filepath.Join(workDir(t), "dist")
	files := spaFiles()
	// A file changed a moment ago has no strong validator (RFC 9110 §8.8.2.2).
	old := time.Now().Add(-time.Hour)
	for name, text := range files {
		path := filepath.Join(root, name)
		writeFile(t, path, text)
		if err := os.Chtimes(path, old, old); err != nil {
			t.Fatal(err)
		}
	}
	st := site{root: root, app: "spa", front: "/index.html"}
	oracle := startNginx(t, st, filepath.Join(workDir(t), "no-fpm.sock"))
	s := startHost(t, st)
	t.Run("no php runs", func(t *testing.T) {
		for _, id := range descendants(s.proc.pid()) {
			if stat, ok := readStat(id.pid); ok && strings.HasPrefix(stat.name, "php") {
				t.Errorf("a static site has a %s", stat.name)
			}
		}
	})
	t.Run("as nginx", func(t *testing.T) { spaAsOracle(t, s, oracle) })
	t.Run("conditional", func(t *testing.T) { spaConditional(t, s, oracle) })
	t.Run("ranges", func(t *testing.T) { spaRanges(t, s, oracle, files["assets/data.bin"]) })
	t.Run("compression", func(t *testing.T) { spaCompression(t, s, files) })
	t.Run("hidden", func(t *testing.T) { spaHidden(t, s) })
	t.Run("browser", func(t *testing.T) { spaBrowser(t, s) })
}

func spaAsOracle(t *testing.T, s, oracle *server) {
	tests := []struct{ method, target string }{
		{"GET", "/"},
		{"GET", "/index.html"},
		{"HEAD", "/"},
		{"GET", "/assets/app.js"},
		{"HEAD", "/assets/app.js"},
		{"GET", "/assets/app.css?v=3"},
		{"GET", "/assets/small.js"},
		{"GET", "/assets/logo.svg"},
		{"GET", "/assets/data.json"},
		{"GET", "/assets/data.bin"},
		{"HEAD", "/assets/data.bin"},
		{"GET", "/assets/font.woff2"},
		{"GET", "/assets/empty.txt"},
		{"GET", "/docs/"},
		{"GET", "/docs/index.html"},
		{"GET", "/a%20file%20with%20spaces.txt"},
		{"GET", "/%C3%BCn%C3%AF/%C3%A4+b.txt"},
		{"GET", "/%C3%BCn%C3%AF/%C3%A4%2Bb.txt"},
		{"GET", "/assets/../index.html"},
		{"GET", "/assets/./app.js"},
		{"GET", "/.well-known/security.txt"},
		// What is no file is the app's to route, whatever it looks like.
		{"GET", "/users/7"},
		{"GET", "/users/7/"},
		{"HEAD", "/users/7"},
		{"GET", "/users/7?tab=a/b&x=%2e%2e"},
		{"GET", "/assets/missing.js"},
		{"GET", "/assets/app.js/more"},
		{"GET", "/docs/unknown"},
		{"GET", "/a%20b/%C3%A4"},
		{"GET", "/docs"},
	}
	for _, tt := range tests {
		req := func(h *server) answer { return raw(t, h.addr, tt.method, request(h, tt.method, tt.target, "")) }
		got, want := req(s), req(oracle)
		name := tt.method + " " + tt.target
		if got.status != want.status {
			t.Errorf("%s: status %d, nginx %d", name, got.status, want.status)
			continue
		}
		if want.status == http.StatusOK && got.body != want.body {
			t.Errorf("%s: %d bytes %.40q, nginx %d bytes %.40q", name, len(got.body), got.body, len(want.body), want.body)
		}
		for _, field := range []string{"Last-Modified", "Content-Length"} {
			if want.status == http.StatusOK && got.header.Get(field) != want.header.Get(field) {
				t.Errorf("%s: %s %q, nginx %q", name, field, got.header.Get(field), want.header.Get(field))
			}
		}
		if g, w := mediaType(got), mediaType(want); want.status == http.StatusOK && g != w {
			t.Errorf("%s: type %q, nginx %q", name, g, w)
		}
		if want.status == http.StatusMovedPermanently && !strings.HasSuffix(got.header.Get("Location"), "/docs/") {
			t.Errorf("%s: led to %q, nginx to %q", name, got.header.Get("Location"), want.header.Get("Location"))
		}
	}
	if a := raw(t, s.addr, "POST", request(s, "POST", "/assets/app.js", "x=1")); a.status != http.StatusOK {
		t.Errorf("POST to a file: status %d, want 200, as Apache answers", a.status)
	}
}

// mediaType leaves out the charset, and takes RFC 9239's type of JavaScript
// for the older one that nginx sends.
func mediaType(a answer) string {
	kind, _, err := mime.ParseMediaType(a.header.Get("Content-Type"))
	if err != nil {
		return a.header.Get("Content-Type")
	}
	switch kind {
	case "application/javascript":
		return "text/javascript"
	case "font/woff2", "application/font-woff2":
		return "font/woff2"
	}
	return kind
}

func spaConditional(t *testing.T, s, oracle *server) {
	const target = "/assets/data.bin"
	tags := map[*server]answer{s: get(t, s, target), oracle: get(t, oracle, target)}
	for h, a := range tags {
		if a.header.Get("ETag") == "" || a.header.Get("Last-Modified") == "" {
			t.Fatalf("%s sends ETag %q, Last-Modified %q", h.kind, a.header.Get("ETag"), a.header.Get("Last-Modified"))
		}
	}
	tests := []string{
		"If-None-Match: {tag}", `If-None-Match: "other"`, `If-None-Match: "other", {tag}`, "If-None-Match: *", "If-None-Match: W/{tag}",
		"If-Modified-Since: {date}", "If-Modified-Since: Sat, 29 Oct 1994 19:43:31 GMT", "If-Modified-Since: not a date",
		"If-Match: {tag}", `If-Match: "other"`, "If-Match: *",
		"If-Unmodified-Since: {date}", "If-Unmodified-Since: Sat, 29 Oct 1994 19:43:31 GMT",
		"If-None-Match: \"other\"\r\nIf-Modified-Since: {date}",
	}
	for _, line := range tests {
		ask := func(h *server) answer {
			r := strings.NewReplacer("{tag}", tags[h].header.Get("ETag"), "{date}", tags[h].header.Get("Last-Modified"))
			return get(t, h, target, r.Replace(line))
		}
		got, want := ask(s), ask(oracle)
		if got.status != want.status {
			t.Errorf("%q: status %d, nginx %d", line, got.status, want.status)
		}
		if got.status == http.StatusNotModified && (got.body != "" || got.header.Get("ETag") == "") {
			t.Errorf("%q: 304 with %d bytes, ETag %q", line, len(got.body), got.header.Get("ETag"))
		}
	}
}

func spaRanges(t *testing.T, s, oracle *server, data string) {
	const target = "/assets/data.bin"
	for _, value := range []string{
		"bytes=0-0", "bytes=0-99", "bytes=100-", "bytes=-100", "bytes=299999-", "bytes=299990-400000", "bytes=300000-",
		"bytes=5-3", "bytes=", "lines=1-2", "bytes=0-9,100000-100009", "bytes=0-9,299995-", "bytes=a-b", "bytes=-400000", "bytes=-0",
	} {
		got, want := get(t, s, target, "Range: "+value), get(t, oracle, target, "Range: "+value)
		// RFC 9110 §14.2: "A server that supports range requests MAY ignore or
		// reject a Range header field that contains an invalid ranges-specifier".
		if invalidRange[value] && got.status == http.StatusOK && got.body == data {
			continue
		}
		if got.status != want.status {
			t.Errorf("%s: status %d, nginx %d", value, got.status, want.status)
			continue
		}
		if strings.Contains(value, ",") {
			if g, w := parts(t, got), parts(t, want); g != w {
				t.Errorf("%s: parts %q, nginx %q", value, g, w)
			}
			continue
		}
		if g, w := got.header.Get("Content-Range"), want.header.Get("Content-Range"); g != w {
			t.Errorf("%s: Content-Range %q, nginx %q", value, g, w)
		}
		if want.status < 300 && got.body != want.body {
			t.Errorf("%s: %d bytes, nginx %d", value, len(got.body), len(want.body))
		}
	}
	tag := get(t, s, target).header.Get("ETag")
	if a := get(t, s, target, "Range: bytes=0-9", "If-Range: "+tag); a.status != http.StatusPartialContent || a.body != data[:10] {
		t.Errorf("If-Range with the right tag: status %d, %d bytes", a.status, len(a.body))
	}
	if a := get(t, s, target, "Range: bytes=0-9", `If-Range: "old"`); a.status != http.StatusOK || a.body != data {
		t.Errorf("If-Range with an old tag: status %d, %d bytes", a.status, len(a.body))
	}
}

var invalidRange = map[string]bool{"bytes=5-3": true, "bytes=": true, "bytes=a-b": true}

// parts is a multipart/byteranges body in a form that does not depend on the
// boundary.
func parts(t *testing.T, a answer) string {
	t.Helper()
	_, params, err := mime.ParseMediaType(a.header.Get("Content-Type"))
	if err != nil {
		t.Fatalf("type %q: %v", a.header.Get("Content-Type"), err)
	}
	var b strings.Builder
	r := multipart.NewReader(strings.NewReader(a.body), params["boundary"])
	for {
		part, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			return b.String()
		}
		if err != nil {
			t.Fatalf("part after %q: %v", b.String(), err)
		}
		body, err := io.ReadAll(part)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s: %x; ", part.Header.Get("Content-Range"), body)
	}
}

func spaCompression(t *testing.T, s *server, files map[string]string) {
	// A variant may be made in the background, the first answers going without.
	compressed := func(target, encoding string) bool {
		return eventually(5*time.Second, func() bool {
			return get(t, s, target, "Accept-Encoding: "+encoding).header.Get("Content-Encoding") == encoding
		})
	}
	for _, name := range []string{"assets/app.js", "assets/ready.js", "assets/app.css"} {
		compressed("/"+name, "gzip")
		a := get(t, s, "/"+name, "Accept-Encoding: gzip")
		if enc, vary := a.header.Get("Content-Encoding"), a.header.Get("Vary"); enc != "gzip" || !strings.Contains(vary, "Accept-Encoding") {
			t.Errorf("%s: Content-Encoding %q, Vary %q", name, enc, vary)
			continue
		}
		if name == "assets/ready.js" && a.body != files["assets/ready.js.gz"] {
			t.Errorf("%s: not the bytes of the .gz beside it", name)
		}
		r, err := gzip.NewReader(strings.NewReader(a.body))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if text, err := io.ReadAll(r); err != nil || string(text) != files[name] {
			t.Errorf("%s: decodes to %d bytes, %v; want %d", name, len(text), err, len(files[name]))
		}
		plain := get(t, s, "/"+name)
		if plain.header.Get("Content-Encoding") != "" || plain.body != files[name] {
			t.Errorf("%s without Accept-Encoding: Content-Encoding %q, %d bytes", name, plain.header.Get("Content-Encoding"), len(plain.body))
		}
		if !strings.Contains(plain.header.Get("Vary"), "Accept-Encoding") {
			t.Errorf("%s without Accept-Encoding: Vary %q", name, plain.header.Get("Vary"))
		}
		if tag := a.header.Get("ETag"); tag != "" && tag == plain.header.Get("ETag") && !strings.HasPrefix(tag, "W/") {
			t.Errorf("%s: strong ETag %s for two different bodies", name, tag)
		}
	}
	for _, target := range []string{"/assets/data.bin", "/assets/font.woff2", "/assets/small.js"} {
		if enc := get(t, s, target, "Accept-Encoding: gzip, br, zstd").header.Get("Content-Encoding"); enc != "" && hostIsSluice() {
			t.Errorf("%s came as %q", target, enc)
		}
	}
	if enc := get(t, s, "/assets/app.js", "Accept-Encoding: gzip;q=0, identity").header.Get("Content-Encoding"); enc != "" {
		t.Errorf("gzip;q=0 was answered with %q", enc)
	}
	if hostIsSluice() {
		for _, enc := range []string{"br", "zstd"} {
			if !compressed("/assets/app.js", enc) {
				t.Errorf("Accept-Encoding: %s is not answered with it", enc)
			}
		}
	}
}

// spaHidden: what the folder hides is neither sent nor told apart.
func spaHidden(t *testing.T, s *server) {
	for _, target := range []string{
		"/.env", "/.git/config", "/.htpasswd", "/assets/.hidden/secret.txt", "/%2eenv", "/.%67it/config", "/assets/..%2f.env",
		"/assets/%2e%2e/.env", "//.env", "/.well-known/../.env", "/..%2f..%2fetc/passwd", "/%2e%2e/%2e%2e/etc/passwd",
		"/assets/..%5c.env", "/.env%00.html", "/assets/backup.js~",
	} {
		a := get(t, s, target)
		for _, secret := range []string{"SECRET", "[core]", "a:b", "secret", "root:", "old"} {
			if strings.Contains(a.body, secret) && (hostIsSluice() || target != "/assets/backup.js~") {
				t.Errorf("%s: status %d with %q", target, a.status, secret)
			}
		}
		if a.status == http.StatusOK && a.body == "" {
			t.Errorf("%s: empty 200", target)
		}
	}
}

// spaBrowser loads a deep link as a person would.
func spaBrowser(t *testing.T, s *server) {
	b := startBrowser(t)
	b.open(s.url("/users/7?tab=levels"))
	b.awaitScript(`document.title == 'spa' && location.pathname == '/users/7' && document.readyState == 'complete'`)
	for _, f := range b.failures() {
		if !strings.HasSuffix(f, "/favicon.ico") {
			t.Errorf("failed request in the browser: %s", f)
		}
	}
}
