package static

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/textproto"
	"strconv"
	"strings"
	"testing"
	"time"
)

const oldDate = "Thu, 02 Jan 2020 03:04:05 GMT"

// ask answers one request for path.
func (s *site) ask(a *Answer, method, path string, opts Options, fields ...string) *Entry {
	return s.cache.Answer(a, request(method, fields...), []byte(path), s.now, &opts)
}

// sent is the content of an answer as it goes over the wire.
func sent(t *testing.T, a *Answer) string {
	t.Helper()
	if a.Body != nil {
		if len(a.Pieces) != 0 {
			t.Fatal("body and pieces")
		}
		return string(a.Body)
	}
	var out bytes.Buffer
	for _, p := range a.Pieces {
		out.Write(p.Head)
		if p.Data != nil {
			if int64(len(p.Data)) != p.Length {
				t.Fatalf("piece of %d with %d bytes", p.Length, len(p.Data))
			}
			out.Write(p.Data)
			continue
		}
		if p.Length > 0 {
			if _, err := io.Copy(&out, io.NewSectionReader(a.Source.File(), p.Offset, p.Length)); err != nil {
				t.Fatal(err)
			}
		}
	}
	return out.String()
}

// fieldsOf parses a block of header lines, and fails on a repeated name.
func fieldsOf(t *testing.T, a *Answer) map[string]string {
	t.Helper()
	got := map[string]string{}
	for line := range strings.SplitSeq(string(a.Fields), "\r\n") {
		if line == "" {
			continue
		}
		name, value, ok := strings.Cut(line, ": ")
		if _, twice := got[name]; !ok || twice || value == "" {
			t.Fatalf("field line %q in %q", line, a.Fields)
		}
		got[name] = value
	}
	if len(a.Fields) > 0 && !bytes.HasSuffix(a.Fields, []byte("\r\n")) {
		t.Fatalf("fields %q do not end a line", a.Fields)
	}
	return got
}

func tagOf(size int) string { return fmt.Sprintf(`"%x-%x"`, old.Unix(), size) }

func TestDecidePlain(t *testing.T) {
	s := newSite(t, nil)
	s.write("a.css", "body{}")
	s.write("a.png", "png")
	s.write("a.svgz", "gzipped")
	tests := []struct {
		path, body, want string
	}{
		{"/a.css", "body{}", "Content-Type: text/css; charset=utf-8\r\nContent-Length: 6\r\nAccept-Ranges: bytes\r\nETag: " + tagOf(6) + "\r\nLast-Modified: " + oldDate + "\r\nVary: Accept-Encoding\r\n"},
		{"/a.png", "png", "Content-Type: image/png\r\nContent-Length: 3\r\nAccept-Ranges: bytes\r\nETag: " + tagOf(3) + "\r\nLast-Modified: " + oldDate + "\r\n"},
		{"/a.svgz", "gzipped", "Content-Type: image/svg+xml\r\nContent-Length: 7\r\nContent-Encoding: gzip\r\nAccept-Ranges: bytes\r\nETag: " + tagOf(7) + "\r\nLast-Modified: " + oldDate + "\r\n"},
	}
	var a Answer
	for range 3 {
		for _, tt := range tests {
			e := s.ask(&a, "GET", tt.path, Options{})
			if a.Status != 200 || string(a.Fields) != tt.want || sent(t, &a) != tt.body || a.ContentLength != int64(len(tt.body)) {
				t.Errorf("GET %s: %d %q %q, want %q", tt.path, a.Status, a.Fields, sent(t, &a), tt.want)
			}
			if &a.Fields[0] != &e.self.fields[0] {
				t.Errorf("GET %s: the fields are not the ready ones", tt.path)
			}
			s.ask(&a, "HEAD", tt.path, Options{}, "Range", "bytes=0-0")
			if a.Status != 200 || string(a.Fields) != tt.want || a.Body != nil || len(a.Pieces) != 0 || a.ContentLength != int64(len(tt.body)) {
				t.Errorf("HEAD %s: %d %q", tt.path, a.Status, a.Fields)
			}
		}
	}
}

func TestDecideRefusals(t *testing.T) {
	s := newSite(t, nil)
	s.write("d/x", "x")
	var a Answer
	for path, want := range map[string]int{"/none": 404, "/d": 404, "/d/x/": 404} {
		if s.ask(&a, "GET", path, Options{}); a.Status != want || a.Fields != nil || a.Source != nil || a.ContentLength != 0 {
			t.Errorf("%s: %d %q", path, a.Status, a.Fields)
		}
	}
	if Decide(&a, request("GET"), s.stat("/d/x"), &Options{}); a.Status != 503 {
		t.Errorf("an entry from Stat: %d", a.Status)
	}
}

func TestDecideConditions(t *testing.T) {
	s := newSite(t, nil)
	s.write("a.png", "0123456789")
	tag := tagOf(10)
	tests := []struct {
		name   string
		status int
		fields []string
	}{
		{"fresh", 304, []string{"If-None-Match", tag}},
		{"stale", 200, []string{"If-None-Match", `"x"`}},
		{"fresh by date", 304, []string{"If-Modified-Since", oldDate}},
		{"failed", 412, []string{"If-Match", `"x"`}},
		{"fresh before range", 304, []string{"If-None-Match", tag, "Range", "bytes=0-1"}},
		{"failed before range", 412, []string{"If-Match", `"x"`, "Range", "bytes=90-"}},
		{"range", 206, []string{"Range", "bytes=0-1"}},
		{"range of this", 206, []string{"Range", "bytes=0-1", "If-Range", tag}},
		{"range of this date", 206, []string{"Range", "bytes=0-1", "If-Range", oldDate}},
		{"range of another", 200, []string{"Range", "bytes=0-1", "If-Range", `"x"`}},
		{"bad range of another", 200, []string{"Range", "bytes=90-", "If-Range", `"x"`}},
		{"bad range", 416, []string{"Range", "bytes=90-"}},
		{"malformed range", 200, []string{"Range", "bytes=x"}},
		{"two Range lines", 200, []string{"Range", "bytes=0-1", "Range", "bytes=0-1"}},
	}
	var a Answer
	for range 3 { // from the file, then from memory
		for _, tt := range tests {
			s.ask(&a, "GET", "/a.png", Options{}, tt.fields...)
			if a.Status != tt.status {
				t.Errorf("%s: %d, want %d", tt.name, a.Status, tt.status)
				continue
			}
			got := fieldsOf(t, &a)
			body := sent(t, &a)
			switch a.Status {
			case 304:
				if got["ETag"] != tag || got["Last-Modified"] != oldDate || len(got) != 2 || body != "" || a.ContentLength != 0 {
					t.Errorf("%s: %q", tt.name, a.Fields)
				}
			case 206:
				if got["Content-Range"] != "bytes 0-1/10" || got["Content-Length"] != "2" || got["ETag"] != tag || got["Content-Type"] != "image/png" || body != "01" || a.ContentLength != 2 {
					t.Errorf("%s: %q %q", tt.name, a.Fields, body)
				}
			case 416:
				if string(a.Fields) != "Content-Range: bytes */10\r\n" || body != "" || a.ContentLength != 0 {
					t.Errorf("%s: %q", tt.name, a.Fields)
				}
			case 412:
				if len(a.Fields) != 0 || body != "" {
					t.Errorf("%s: %q", tt.name, a.Fields)
				}
			}
		}
	}
}

func TestDecideMultipart(t *testing.T) {
	s := newSite(t, nil)
	var content strings.Builder
	for i := range 100 << 10 / 8 {
		fmt.Fprintf(&content, "%07d\n", i)
	}
	s.write("big.bin", content.String())
	s.write("small.txt", content.String()[:4000])
	var a Answer
	for range 3 {
		for _, path := range []string{"/big.bin", "/small.txt"} {
			e := s.ask(&a, "GET", path, Options{}, "Range", "bytes=1000-1009,0-0,-5")
			got := fieldsOf(t, &a)
			body := sent(t, &a)
			if a.Status != 206 || got["Content-Length"] != strconv.Itoa(len(body)) || a.ContentLength != int64(len(body)) || got["Content-Range"] != "" {
				t.Fatalf("%s: %d %q, %d sent", path, a.Status, a.Fields, len(body))
			}
			mediaType, params, err := mime.ParseMediaType(got["Content-Type"])
			if err != nil || mediaType != "multipart/byteranges" {
				t.Fatalf("type %q: %v", got["Content-Type"], err)
			}
			r := multipart.NewReader(strings.NewReader(body), params["boundary"])
			size := int(e.Size())
			for _, want := range [][2]int{{1000, 1010}, {0, 1}, {size - 5, size}} {
				part, err := r.NextRawPart()
				if err != nil {
					t.Fatal(err)
				}
				data, err := io.ReadAll(part)
				if err != nil || string(data) != content.String()[want[0]:want[1]] {
					t.Errorf("part %v: %q, %v", want, data, err)
				}
				head := textproto.MIMEHeader{"Content-Type": {e.Type}, "Content-Range": {fmt.Sprintf("bytes %d-%d/%d", want[0], want[1]-1, size)}}
				if fmt.Sprint(part.Header) != fmt.Sprint(head) {
					t.Errorf("part %v: %v, want %v", want, part.Header, head)
				}
			}
			if _, err := r.NextRawPart(); err != io.EOF {
				t.Errorf("after the last part: %v", err)
			}
		}
	}
}

func TestDecideOptions(t *testing.T) {
	s := newSite(t, nil)
	s.write("a.css", strings.Repeat("body{} ", 100))
	var a Answer
	for range 3 {
		s.ask(&a, "GET", "/a.css", Options{NoRanges: true}, "Range", "bytes=0-1", "Accept-Encoding", "gzip")
		if got := fieldsOf(t, &a); a.Status != 200 || got["Accept-Ranges"] != "" {
			t.Errorf("NoRanges: %d %q", a.Status, a.Fields)
		}
		s.runJobs()
	}
	if s.ask(&a, "GET", "/a.css", Options{}, "Accept-Encoding", "gzip"); a.Coding != Gzip {
		t.Fatal("no variant was made")
	}
	s.ask(&a, "GET", "/a.css", Options{NoCodings: true}, "Accept-Encoding", "gzip")
	if got := fieldsOf(t, &a); a.Coding != Identity || got["Vary"] != "" || got["Content-Encoding"] != "" || got["Content-Length"] != "700" {
		t.Errorf("NoCodings: %q", a.Fields)
	}
	s.ask(&a, "GET", "/a.css", Options{Type: "image/x-own"}, "Accept-Encoding", "gzip")
	if got := fieldsOf(t, &a); got["Content-Type"] != "image/x-own" || got["Vary"] != "" || a.Coding != Identity {
		t.Errorf("own type: %q", a.Fields)
	}
	s.ask(&a, "GET", "/a.css", Options{Type: "text/x-own"}, "Accept-Encoding", "gzip")
	if got := fieldsOf(t, &a); got["Content-Type"] != "text/x-own" || got["Vary"] == "" || got["Content-Encoding"] != "gzip" {
		t.Errorf("own text type: %q", a.Fields)
	}
	s.ask(&a, "GET", "/a.css", Options{Type: "text/x-own"}, "Range", "bytes=0-1")
	if got := fieldsOf(t, &a); got["Content-Type"] != "text/x-own" || a.Status != 206 {
		t.Errorf("own type in part: %q", a.Fields)
	}
}

func TestHitDoesNotAllocate(t *testing.T) {
	s := newSite(t, nil)
	s.write("a.css", strings.Repeat("body{} ", 100))
	s.write("big.bin", strings.Repeat("x", 100<<10))
	browser := []string{"Host", "example.org", "User-Agent", "x", "Accept", "*/*", "Accept-Encoding", "gzip, deflate, br, zstd"}
	tests := []struct {
		name, path string
		status     int
		fields     []string
	}{
		{"memory", "/a.css", 200, browser[:6]},
		{"variant", "/a.css", 200, browser},
		{"file", "/big.bin", 200, browser},
		{"304 tag", "/a.css", 304, append([]string{"If-None-Match", tagOf(700)}, browser...)},
		{"304 date", "/big.bin", 304, append([]string{"If-Modified-Since", oldDate}, browser...)},
		{"412", "/a.css", 412, []string{"If-Match", `"x"`}},
		{"416", "/a.css", 416, []string{"Range", "bytes=9999-"}},
		{"range", "/big.bin", 206, append([]string{"Range", "bytes=5-9"}, browser...)},
		{"ranges", "/a.css", 206, []string{"Range", "bytes=5-9,500-501"}},
		{"missing", "/none", 404, browser},
	}
	var a Answer
	opts := Options{}
	for _, tt := range tests {
		path, req := []byte(tt.path), request("GET", tt.fields...)
		for range 3 {
			s.cache.Answer(&a, req, path, s.now, &opts)
			s.runJobs()
		}
		got := testing.AllocsPerRun(100, func() {
			e := s.cache.Lookup(path, s.now)
			Decide(&a, req, e, &opts)
		})
		if got != 0 || a.Status != tt.status {
			t.Errorf("%s: %v allocations, status %d", tt.name, got, a.Status)
		}
	}
}

func BenchmarkHit(b *testing.B) {
	dir := b.TempDir()
	writeOld(b, dir+"/a.css", strings.Repeat("body{} ", 100), old)
	c, err := NewCache(Config{Root: dir})
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	req := request("GET", "Host", "localhost", "User-Agent", "Mozilla/5.0", "Accept", "text/css,*/*;q=0.1",
		"Accept-Language", "en", "Accept-Encoding", "gzip, deflate, br", "Referer", "http://localhost/", "Connection", "keep-alive", "Cookie", "a=b")
	path, opts, now := []byte("/a.css"), Options{}, time.Now()
	var a Answer
	var e *Entry
	b.ReportAllocs()
	for b.Loop() {
		e = c.Lookup(path, now)
		Decide(&a, req, e, &opts)
	}
	if a.Status != 200 || e.Kind != File {
		b.Fatal(a.Status)
	}
}
