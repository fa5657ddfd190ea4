package site

import (
	"bytes"
	"compress/gzip"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice/cgi"
	"sluice/gateway"
)

// html is what a script sends; extra are more of its fields.
func html(length int64, extra ...string) *cgi.Response {
	return &cgi.Response{
		Status: 200, ContentType: []byte("text/html; charset=UTF-8"), ContentLength: length,
		Fields: fields(append([]string{"Content-Type", "text/html; charset=UTF-8"}, extra...)...),
	}
}

// unpacked is content as it was before gzip.
func unpacked(t *testing.T, b []byte) string {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatalf("%.60q: %v", b, err)
	}
	out, err := io.ReadAll(r)
	if err != nil {
		t.Fatalf("%d octets: %v", len(b), err)
	}
	return string(out)
}

// packing are hosts that compress by the site's own choice, without rules and
// with them, and by a .htaccess.
func packing(t *testing.T) map[string]*Host {
	files := map[string]string{"app.php": phpSource}
	o := options(tree(t, files))
	o.CompressScripts = true
	filter := map[string]string{"app.php": phpSource, ".htaccess": "AddOutputFilterByType DEFLATE text/html\n"}
	return map[string]*Host{
		"site": hostOf(t, o), "rules": ruled(t, files, func(o *Options) { o.CompressScripts = true }), "filter": ruled(t, filter),
	}
}

const gzipAccepted = "Accept-Encoding: br;q=0.5, gzip"

func TestCompressedScripts(t *testing.T) {
	long := strings.Repeat("Hello, world! ", 1000)
	for name, h := range packing(t) {
		x, rec := alone(ruledScript(t, h, get("/app.php", gzipAccepted)))
		x.Head(html(int64(len(long)), "ETag", `"tag"`), int64(len(long)))
		for rest := long; rest != ""; {
			n := min(len(rest), 999)
			x.Body([]byte(rest[:n]))
			rest = rest[n:]
		}
		x.End()
		expect(t, name, rec, 200, "Content-Encoding: gzip", "Vary: Accept-Encoding", `ETag: "tag"`, "Content-Length:")
		if rec.length != -1 || rec.finished != 1 || rec.body.Len() > len(long)/10 || unpacked(t, rec.body.Bytes()) != long {
			t.Errorf("%s: length %d, %d octets", name, rec.length, rec.body.Len())
		}
		checkHead(t, name, rec)
	}
}

// What isn't to be compressed goes through as it is; where it only is the client
// who can't take it, caches are told.
func TestUncompressedScripts(t *testing.T) {
	big := strings.Repeat("x", 4*packBytesMin)
	event := html(-1)
	event.Unbuffered, event.ContentType = true, []byte("text/event-stream")
	partial, none, same := html(-1, "Content-Range", "bytes 0-9/10"), html(-1), html(-1)
	partial.Status, none.Status, same.Status = 206, 204, 304
	image := html(-1)
	image.ContentType = []byte("image/png")
	for _, tt := range []struct {
		name   string
		head   string
		res    *cgi.Response
		length int64
		vary   string
		filter string // vary where a .htaccess asks for it, if it is another
	}{
		{"not accepted", get("/app.php"), html(-1), -1, "Accept-Encoding", ""},
		{"refused", get("/app.php", "Accept-Encoding: gzip;q=0, identity"), html(-1), -1, "Accept-Encoding", ""},
		{"HEAD", request("HEAD", "/app.php", "Host: x", gzipAccepted), html(-1), -1, "Accept-Encoding", ""},
		{"HTTP/1.0", "GET /app.php HTTP/1.0\r\nHost: x\r\n" + gzipAccepted + "\r\n\r\n", html(-1), -1, "Accept-Encoding", ""},
		{"encoded", get("/app.php", gzipAccepted), html(-1, "Content-Encoding", "br"), -1, "", ""},
		{"no-transform", get("/app.php", gzipAccepted), html(-1, "Cache-Control", "private, no-transform"), -1, "", ""},
		{"empty", get("/app.php", gzipAccepted), html(0), 0, "", ""},
		{"small", get("/app.php", gzipAccepted), html(-1), packBytesMin - 1, "", "packed"},
		{"events", get("/app.php", gzipAccepted), event, -1, "", ""},
		{"206", get("/app.php", gzipAccepted), partial, -1, "", ""},
		{"204", get("/app.php", gzipAccepted), none, -1, "", ""},
		{"304", get("/app.php", gzipAccepted), same, -1, "", ""},
		{"image", get("/app.php", gzipAccepted), image, -1, "", ""},
	} {
		for name, h := range packing(t) {
			if name == "filter" && tt.filter == "packed" {
				continue
			}
			x, rec := alone(ruledScript(t, h, tt.head))
			x.Head(tt.res, tt.length)
			x.Body([]byte(big))
			x.End()
			encoding := string(tt.res.Get("content-encoding"))
			if rec.field("Vary") != tt.vary || rec.field("Content-Encoding") != encoding || rec.body.String() != big || rec.length != tt.length || x.packer != nil {
				t.Errorf("%s, %s: %q, length %d, %d octets", name, tt.name, rec.fields, rec.length, rec.body.Len())
			}
		}
	}
	// Off by default, and by no-gzip.
	for name, h := range map[string]*Host{
		"off":     hostOf(t, options(tree(t, map[string]string{"app.php": phpSource}))),
		"no-gzip": ruled(t, map[string]string{"app.php": "", ".htaccess": "SetEnv no-gzip 1\nSetOutputFilter DEFLATE\n"}, func(o *Options) { o.CompressScripts = true }),
	} {
		x, rec := alone(ruledScript(t, h, get("/app.php", gzipAccepted)))
		x.Head(html(-1), -1)
		x.Body([]byte(big))
		x.End()
		if rec.field("Content-Encoding") != "" || rec.body.String() != big {
			t.Errorf("%s: %q", name, rec.fields)
		}
	}
}

// source is a spooled file that counts who holds it.
type source struct {
	f    *os.File
	refs int
}

func (s *source) File() *os.File { return s.f }
func (s *source) Retain()        { s.refs++ }
func (s *source) Release()       { s.refs-- }

func spooled(t *testing.T, content []byte) *source {
	t.Helper()
	name := filepath.Join(t.TempDir(), "spooled")
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return &source{f, 1}
}

func TestCompressedSpool(t *testing.T) {
	content := make([]byte, 5*packedWriteBytes+77)
	rnd := rand.NewChaCha8([32]byte{1})
	_, _ = rnd.Read(content)
	for name, h := range packing(t) {
		x, rec := alone(ruledScript(t, h, get("/app.php", gzipAccepted)))
		f := spooled(t, append([]byte("before"), content...))
		x.Head(html(-1), -1)
		x.Body([]byte("one "))
		x.BodyFile(f, 6, int64(len(content)))
		x.Body([]byte(" two"))
		x.End()
		if got := unpacked(t, rec.body.Bytes()); got != "one "+string(content)+" two" || f.refs != 0 || rec.finished != 1 {
			t.Errorf("%s: %d octets of %d, %d references, finished %d", name, len(got), len(content), f.refs, rec.finished)
		}
		// A file that is shorter than was said: the client must notice.
		x, rec = alone(ruledScript(t, h, get("/app.php", gzipAccepted)))
		f = spooled(t, content[:100])
		x.Head(html(-1), -1)
		x.BodyFile(f, 0, 200)
		x.End()
		if rec.broken != 1 || rec.finished != 0 || f.refs != 0 {
			t.Errorf("%s: short file: broken %d, finished %d, %d references", name, rec.broken, rec.finished, f.refs)
		}
	}
}

// A response that breaks off is not made to look whole, and its compressor serves
// the next one from a clean start.
func TestCompressedScriptBreaksOff(t *testing.T) {
	for name, h := range packing(t) {
		text := strings.Repeat("abc", 1000)
		for range 3 {
			x, rec := alone(ruledScript(t, h, get("/app.php", gzipAccepted)))
			x.Head(html(-1), -1)
			x.Body([]byte(text))
			x.Fail(gateway.Failure{Status: 502})
			if rec.broken != 1 || rec.finished != 0 {
				t.Errorf("%s: broken %d, finished %d", name, rec.broken, rec.finished)
			}
			x.Reset()
			x, _ = alone(ruledScript(t, h, get("/app.php", gzipAccepted)))
			x.Head(html(-1), -1)
			x.Body([]byte(text))
			x.Gone()
			x.Reset()
			x, rec = alone(ruledScript(t, h, get("/app.php", gzipAccepted)))
			x.Head(html(-1), -1)
			x.Body([]byte(text))
			x.End()
			if got := unpacked(t, rec.body.Bytes()); got != text {
				t.Errorf("%s: %d octets after one that broke off, want %d", name, len(got), len(text))
			}
			x.Reset()
		}
		if n := len(h.all[0].packers); n == 0 || n > packersKeptMax {
			t.Errorf("%s: %d compressors kept", name, n)
		}
	}
}

// Whatever pieces a script's content comes in, the client gets the same.
func FuzzCompressedScript(f *testing.F) {
	f.Add([]byte("hello"), uint16(2))
	f.Add(bytes.Repeat([]byte("<p>text</p>"), 5000), uint16(700))
	o := options(tree(f, map[string]string{"app.php": phpSource}))
	o.CompressScripts = true
	h := hostOf(f, o)
	f.Fuzz(func(t *testing.T, content []byte, piece uint16) {
		x, rec := alone(ruledScript(t, h, get("/app.php", gzipAccepted)))
		x.Head(html(-1), -1)
		for rest := content; len(rest) > 0; {
			n := min(len(rest), max(int(piece), 1))
			x.Body(rest[:n])
			rest = rest[n:]
		}
		x.End()
		if got := unpacked(t, rec.body.Bytes()); got != string(content) {
			t.Errorf("%d octets, want %d", len(got), len(content))
		}
		x.Reset()
	})
}
