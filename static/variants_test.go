package static

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

func unpack(t *testing.T, coding Coding, data string) string {
	t.Helper()
	var r io.Reader = strings.NewReader(data)
	var err error
	switch coding {
	case Gzip:
		r, err = gzip.NewReader(r)
	case Brotli:
		r = brotli.NewReader(r)
	case Zstd:
		var z *zstd.Decoder
		if z, err = zstd.NewReader(r, zstd.WithDecoderMaxWindow(8<<20)); err == nil {
			defer z.Close()
			r = z
		}
	case Identity, numCodings:
	}
	if err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

const css = "body { margin: 0; padding: 0 } .entry { color: #123456 }\n"

func TestOnTheFly(t *testing.T) {
	for _, size := range []int{10, 2000} { // in memory, and sent from the file
		s := newSite(t, nil)
		text := strings.Repeat(css, size)
		s.write("a.css", text)
		tag := tagOf(len(text))
		var a Answer
		for _, coding := range []Coding{Gzip, Brotli, Zstd} {
			accept := []string{"Accept-Encoding", coding.String()}
			s.ask(&a, "GET", "/a.css", Options{}, accept...)
			if got := fieldsOf(t, &a); a.Coding != Identity || got["Vary"] != "Accept-Encoding" || got["ETag"] != tag || sent(t, &a) != text {
				t.Fatalf("before %s is made: %q", coding, a.Fields)
			}
			s.ask(&a, "GET", "/a.css", Options{}, accept...)
			if len(s.jobs) != 1 {
				t.Fatalf("%d jobs for two askers", len(s.jobs))
			}
			s.runJobs()
			for _, method := range []string{"GET", "HEAD"} {
				s.ask(&a, method, "/a.css", Options{}, accept...)
				got := fieldsOf(t, &a)
				want := strings.TrimSuffix(tag, `"`) + "-" + coding.suffix() + `"`
				if a.Status != 200 || got["Content-Encoding"] != coding.String() || got["Vary"] != "Accept-Encoding" || got["ETag"] != want || got["Accept-Ranges"] != "" || got["Last-Modified"] != oldDate {
					t.Fatalf("%s: %q", coding, a.Fields)
				}
				if method == "GET" && (int64(len(sent(t, &a))) != a.ContentLength || unpack(t, coding, sent(t, &a)) != text) {
					t.Errorf("%s: wrong content", coding)
				}
			}
		}
		if len(s.jobs) != 0 || s.cache.pending != 0 {
			t.Errorf("%d jobs, %d pending", len(s.jobs), s.cache.pending)
		}
		// The variants outlive the second, and the change does away with them.
		s.later()
		if s.ask(&a, "GET", "/a.css", Options{}, "Accept-Encoding", "br"); a.Coding != Brotli {
			t.Error("an unchanged file lost its variant")
		}
		writeOld(t, filepath.Join(s.root, "a.css"), text+"x", old.Add(time.Second))
		s.later()
		s.ask(&a, "GET", "/a.css", Options{}, "Accept-Encoding", "br")
		if a.Coding != Identity || sent(t, &a) != text+"x" {
			t.Error("a changed file kept its variant")
		}
		s.runJobs()
	}
}

func TestVariantConditions(t *testing.T) {
	s := newSite(t, nil)
	text := strings.Repeat(css, 20)
	s.write("a.css", text)
	plain := tagOf(len(text))
	coded := strings.TrimSuffix(plain, `"`) + `-gz"`
	var a Answer
	check := func(name string, status int, tag string, fields ...string) {
		t.Helper()
		s.ask(&a, "GET", "/a.css", Options{}, fields...)
		if got := fieldsOf(t, &a); a.Status != status || got["ETag"] != tag {
			t.Errorf("%s: %d %s, want %d %s", name, a.Status, got["ETag"], status, tag)
		}
		if a.Status == 304 && !strings.Contains(string(a.Fields), "Vary: Accept-Encoding\r\n") {
			t.Errorf("%s: 304 without Vary", name)
		}
	}
	check("coded tag before it is made again", 304, coded, "Accept-Encoding", "gzip", "If-None-Match", coded)
	if a.Wanted != Identity || len(s.jobs) != 0 {
		t.Error("a 304 started a job")
	}
	s.ask(&a, "GET", "/a.css", Options{}, "Accept-Encoding", "gzip")
	s.runJobs()
	check("coded tag", 304, coded, "Accept-Encoding", "gzip", "If-None-Match", coded)
	check("plain tag, coded selected", 304, plain, "Accept-Encoding", "gzip", "If-None-Match", plain)
	check("both tags", 304, coded, "Accept-Encoding", "gzip", "If-None-Match", plain+","+coded)
	check("coded tag, not accepted", 200, plain, "If-None-Match", coded)
	check("coded tag, refused", 200, plain, "Accept-Encoding", "gzip;q=0", "If-None-Match", coded)
	check("plain tag, refused", 200, coded, "Accept-Encoding", "gzip,identity;q=0", "If-None-Match", plain)
	check("by date", 304, coded, "Accept-Encoding", "gzip", "If-Modified-Since", oldDate)
	check("range is plain", 206, plain, "Accept-Encoding", "gzip", "Range", "bytes=0-1")
	check("range of the plain one", 206, plain, "Accept-Encoding", "gzip", "Range", "bytes=0-1", "If-Range", plain)
	check("range of the coded one", 200, coded, "Accept-Encoding", "gzip", "Range", "bytes=0-1", "If-Range", coded)
	check("range, plain refused", 200, coded, "Accept-Encoding", "gzip,identity;q=0", "Range", "bytes=0-1")
	check("match of the coded one", 200, coded, "Accept-Encoding", "gzip", "If-Match", coded)
}

func TestNothingToCompress(t *testing.T) {
	s := newSite(t, nil)
	s.write("small.css", css)
	s.write("a.png", strings.Repeat(css, 100))
	noise := make([]byte, 4096)
	for i, x := 0, uint32(1); i < len(noise); i++ {
		x = x*1664525 + 1013904223
		noise[i] = byte(x >> 24)
	}
	s.write("noise.txt", string(noise))
	writeOld(t, filepath.Join(s.root, "young.css"), strings.Repeat(css, 100), s.now)
	var a Answer
	for range 3 {
		for path, vary := range map[string]string{"/small.css": "Accept-Encoding", "/a.png": "", "/noise.txt": "Accept-Encoding", "/young.css": "Accept-Encoding"} {
			s.ask(&a, "GET", path, Options{}, "Accept-Encoding", "gzip")
			if got := fieldsOf(t, &a); a.Coding != Identity || got["Vary"] != vary || a.ContentLength == 0 {
				t.Errorf("%s: %q", path, a.Fields)
			}
			if want := path == "/noise.txt"; len(s.jobs) > 0 && !want {
				t.Errorf("%s: a job was started", path)
			}
			s.runJobs()
		}
	}
	if e := s.lookup("/noise.txt"); e.state[Gzip] != variantUseless {
		t.Errorf("noise was compressed, state %d", e.state[Gzip])
	}
}

func TestSiblings(t *testing.T) {
	s := newSite(t, nil)
	text, big := strings.Repeat(css, 100), strings.Repeat("x", SmallBodyBytes+1)
	s.write("a.css", text)
	s.write("a.css.br", "brotli")
	s.write("a.css.gz", big)
	writeOld(t, filepath.Join(s.root, "a.css.zst"), "too old", old.Add(-time.Second))
	s.write("b.png", "png")
	s.write("b.png.gz", "never")
	var a Answer
	check := func(accept string, coding Coding, body, tag string) {
		t.Helper()
		s.ask(&a, "GET", "/a.css", Options{}, "Accept-Encoding", accept)
		got := fieldsOf(t, &a)
		if a.Coding != coding || sent(t, &a) != body || got["ETag"] != tag || got["Content-Type"] != "text/css; charset=utf-8" || got["Vary"] == "" {
			t.Errorf("%s: %s %q, want %s", accept, a.Coding, a.Fields, coding)
		}
	}
	brTag, gzTag := strings.TrimSuffix(tagOf(6), `"`)+`-br"`, strings.TrimSuffix(tagOf(len(big)), `"`)+`-gz"`
	for range 3 {
		check("br, gzip, zstd", Brotli, "brotli", brTag)
		check("br;q=0.5, gzip", Gzip, big, gzTag)
		check("br;q=0", Identity, text, tagOf(len(text)))
		if len(s.jobs) != 0 {
			t.Error("a job was started although a sibling is accepted")
		}
		if s.ask(&a, "GET", "/b.png", Options{}, "Accept-Encoding", "gzip"); a.Coding != Identity {
			t.Error("a sibling of an incompressible type was used")
		}
		s.later()
	}
	writeOld(t, filepath.Join(s.root, "a.css.br"), "brotli 2", old.Add(time.Second))
	if err := os.Remove(filepath.Join(s.root, "a.css.gz")); err != nil {
		t.Skip(err)
	}
	s.later()
	check("br", Brotli, "brotli 2", `"`+strings.Trim(string(makeETag(old.Add(time.Second), 8, stampSettled, Brotli)), `"`)+`"`)
	check("gzip", Identity, text, tagOf(len(text)))
	s.runJobs()
	s.ask(&a, "GET", "/a.css", Options{}, "Accept-Encoding", "gzip")
	if a.Coding != Gzip || unpack(t, Gzip, sent(t, &a)) != text {
		t.Error("nothing was made in the place of the removed sibling")
	}
	held := s.cache.memory
	s.write("a.css.gz", "gz")
	s.later()
	check("gzip", Gzip, "gz", strings.TrimSuffix(tagOf(2), `"`)+`-gz"`)
	if s.cache.memory >= held {
		t.Error("the replaced variant is still charged")
	}
	// A newer original takes its siblings out of use.
	writeOld(t, filepath.Join(s.root, "a.css"), "new", old.Add(time.Hour))
	s.later()
	s.ask(&a, "GET", "/a.css", Options{}, "Accept-Encoding", "br, gzip")
	if a.Coding != Identity || sent(t, &a) != "new" {
		t.Error("siblings older than the original were used")
	}
}

func TestSiblingsWithFewDescriptors(t *testing.T) {
	s := newSite(t, func(c *Config) { c.OpenFiles = 1 })
	big := strings.Repeat("x", SmallBodyBytes+1)
	for _, name := range []string{"a.css", "a.css.gz", "a.css.br", "a.css.zst"} {
		s.write(name, name+big)
	}
	var a Answer
	for range 3 {
		for accept, want := range map[string]string{"": "a.css", "gzip": "a.css.gz", "br": "a.css.br", "zstd": "a.css.zst"} {
			s.ask(&a, "GET", "/a.css", Options{}, "Accept-Encoding", accept)
			if a.Status != 200 || sent(t, &a) != want+big {
				t.Errorf("%q: %d %q", accept, a.Status, a.Fields)
			}
		}
	}
}

func TestVariantBudget(t *testing.T) {
	s := newSite(t, func(c *Config) { c.MemoryBytes = 400 })
	s.write("a.css", strings.Repeat(css, 10))
	s.write("mixed.css", mixedText(600))
	var a Answer
	for range 3 {
		for _, path := range []string{"/a.css", "/mixed.css"} {
			s.ask(&a, "GET", path, Options{}, "Accept-Encoding", "gzip")
			s.runJobs()
		}
		if s.cache.memory > 1000 {
			t.Fatalf("%d bytes held", s.cache.memory)
		}
	}
	if e := s.lookup("/mixed.css"); e.alt[Gzip] != nil {
		t.Error("a variant over a quarter of the budget was kept")
	}
}

// mixedText compresses, but not by much.
func mixedText(n int) string {
	out := make([]byte, n)
	for i, x := 0, uint32(7); i < n; i++ {
		x = x*1664525 + 1013904223
		out[i] = 'a' + byte(x>>24)%24
	}
	return string(out)
}

func TestJobOutlivesEntry(t *testing.T) {
	s := newSite(t, nil)
	text := strings.Repeat(css, 2000)
	s.write("a.css", text)
	var a Answer
	e := s.ask(&a, "GET", "/a.css", Options{}, "Accept-Encoding", "gzip")
	writeOld(t, filepath.Join(s.root, "a.css"), "new", old.Add(time.Second))
	s.later()
	s.ask(&a, "GET", "/a.css", Options{}, "Accept-Encoding", "gzip")
	if !e.gone || e.File() == nil {
		t.Fatal("the job's file was closed, or the change not seen")
	}
	s.runJobs()
	if e.File() != nil || e.alt[Gzip] != nil || s.cache.pending != 0 {
		t.Error("the result went to a forgotten entry")
	}
}

func TestPendingBound(t *testing.T) {
	s := newSite(t, nil)
	s.cache.pending = maxPendingVariants
	s.write("a.css", strings.Repeat(css, 20))
	var a Answer
	s.ask(&a, "GET", "/a.css", Options{}, "Accept-Encoding", "gzip")
	if len(s.jobs) != 0 || a.Wanted != Gzip {
		t.Errorf("%d jobs, wanted %s", len(s.jobs), a.Wanted)
	}
	s.cache.pending = 0
}

// TestCompressorShares runs with -race the only part that loops share.
func TestCompressorShares(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs inode numbers")
	}
	path := filepath.Join(realTemp(t), "a.css")
	text := strings.Repeat(css, 3000)
	writeOld(t, path, text, old)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	c := NewCompressor(2)
	results := make([]*packed, 8)
	var wg sync.WaitGroup
	for i := range results {
		wg.Go(func() {
			f, err := os.Open(path)
			if err != nil {
				t.Error(err)
				return
			}
			defer func() { _ = f.Close() }()
			results[i] = c.pack(&job{coding: Gzip, level: 9, facts: factsOf(info), file: f})
		})
	}
	wg.Wait()
	for _, r := range results {
		if r == nil || r != results[0] {
			t.Fatal("the file was compressed more than once")
		}
	}
	if unpack(t, Gzip, string(results[0].data)) != text {
		t.Error("wrong content")
	}
	runtime.KeepAlive(results)
	changed := factsOf(info)
	changed.size--
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	if c.pack(&job{coding: Gzip, level: 9, facts: changed, file: f}) != nil {
		t.Error("a file that changed was compressed")
	}
}

// TestCodingSizes shows what the codings save on this package's own source:
// those preferred to gzip must beat it.
func TestCodingSizes(t *testing.T) {
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var all bytes.Buffer
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	plain := all.Bytes()[:min(all.Len(), brotliBestBytes)]
	size := map[Coding]int{}
	for _, coding := range preference {
		start := time.Now()
		data, err := compress(coding, bestLevels.of(coding), plain)
		if err != nil || unpack(t, coding, string(data)) != string(plain) {
			t.Fatalf("%s: %v", coding, err)
		}
		size[coding] = len(data)
		t.Logf("%s: %d to %d bytes in %s", coding, len(plain), len(data), time.Since(start))
	}
	if size[Brotli] >= size[Gzip] || size[Zstd] >= size[Gzip] {
		t.Errorf("sizes %v", size)
	}
}
