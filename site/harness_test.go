package site

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice/fcgi"
	"sluice/gateway"
	"sluice/http1"
	"sluice/loop"
	"sluice/spool"
	"sluice/static"
)

// recorder is a Stream that keeps what it is given.
type recorder struct {
	t         *testing.T
	status    int
	fields    string
	length    int64
	heads     int
	body      bytes.Buffer
	finished  int
	broken    int
	continued int
	paused    int
	resumed   int
	reports   []Report
}

func (r *recorder) Continue() { r.continued++ }

func (r *recorder) Head(h *Head) {
	r.heads++
	r.status, r.fields, r.length = h.Status, string(h.Fields), h.Length
}
func (r *recorder) Write(p []byte)       { r.body.Write(p) }
func (r *recorder) WriteShared(p []byte) { r.body.Write(p) }

func (r *recorder) WriteFile(f loop.FileRef, off, n int64) {
	b := make([]byte, n)
	if _, err := f.File().ReadAt(b, off); err != nil {
		r.t.Errorf("WriteFile: %v", err)
	}
	f.Release()
	r.body.Write(b)
}
func (r *recorder) Full() bool        { return false }
func (r *recorder) Finish()           { r.finished++ }
func (r *recorder) Break()            { r.broken++ }
func (r *recorder) PauseContent()     { r.paused++ }
func (r *recorder) ResumeContent()    { r.resumed++ }
func (r *recorder) Report(rep Report) { r.reports = append(r.reports, rep) }

// field is the value of a field of the recorded head, "" if there is none.
func (r *recorder) field(name string) string {
	for line := range strings.SplitSeq(r.fields, "\r\n") {
		if n, v, ok := strings.Cut(line, ":"); ok && strings.EqualFold(n, name) {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// below is a Matcher of folders and what is in them.
type below []string

func (b below) Match(path string) bool {
	for _, p := range b {
		if rest, ok := strings.CutPrefix(path, p); ok && (rest == "" || rest[0] == '/') {
			return true
		}
	}
	return false
}

func (b below) Folders() []string { return b }

// tree makes files below a new folder; names that end with "/" are folders.
func tree(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		full := filepath.Join(dir, filepath.FromSlash(name))
		if strings.HasSuffix(name, "/") {
			if err := os.MkdirAll(full, 0o755); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// idlePHP stands for a PHP that never gets a worker.
func idlePHP() *gateway.Options {
	return &gateway.Options{Pool: fcgi.NewPool(fcgi.Options{}), Store: &spool.Store{}, Log: Log{}}
}

// options are those of an ordinary site over a folder.
func options(dir string) Options {
	return Options{
		Label: "test", Roots: []Root{{Config: static.Config{Root: dir, NoCompression: true}}},
		Index: []string{"index.php", "index.html"}, Extensions: []string{".php"},
		BodyMax: func() int64 { return 100 }, PHP: idlePHP(),
	}
}

// hostOf makes the part of a loop that does not run: nothing here waits.
func hostOf(t testing.TB, all ...Options) *Host {
	t.Helper()
	l, err := loop.New(loop.Portable)
	if err != nil {
		t.Fatal(err)
	}
	var sites []*Site
	for _, o := range all {
		if o.BodyMax == nil {
			o.BodyMax = func() int64 { return 0 }
		}
		s, err := New(o)
		if err != nil {
			t.Fatal(err)
		}
		sites = append(sites, s)
	}
	h, err := NewHost(l, sites)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, sl := range h.all {
			for _, r := range sl.roots {
				r.cache.Close()
			}
		}
	})
	return h
}

// exchange reads a head as the front does.
func exchange(t *testing.T, head string) (*Exchange, *recorder) {
	t.Helper()
	var p http1.Parser
	var hd http1.Head
	p.Init(&http1.Limits{})
	p.Begin(&hd)
	if _, ev, err := p.Feed([]byte(head)); err != nil || ev != http1.HeadComplete {
		t.Fatalf("head %q: event %d, %v", head, ev, err)
	}
	rec := &recorder{t: t}
	return &Exchange{Req: &hd.Request, HasContent: hd.Chunked || hd.ContentLength > 0, Stream: rec}, rec
}

// get is a request without content, and fields of the form "Name: value".
func get(target string, fields ...string) string {
	return request("GET", target, append([]string{"Host: test.example"}, fields...)...)
}

func request(method, target string, fields ...string) string {
	head := method + " " + target + " HTTP/1.1\r\n"
	for _, f := range fields {
		head += f + "\r\n"
	}
	return head + "\r\n"
}

// serve answers a request that needs no PHP.
func serve(t *testing.T, h *Host, head string) *recorder {
	t.Helper()
	x, rec := exchange(t, head)
	h.Serve(x)
	if rec.heads != 1 || rec.finished != 1 || rec.broken != 0 {
		t.Fatalf("%.60q: %d heads, %d times finished, %d times broken; plan %+v", head, rec.heads, rec.finished, rec.broken, x.plan)
	}
	if x.Status != rec.status {
		t.Errorf("%.60q: Exchange.Status %d, sent %d", head, x.Status, rec.status)
	}
	return rec
}

// resolved is the plan for a request, without anything being done.
func resolved(t *testing.T, h *Host, target string) (*Exchange, error) {
	t.Helper()
	x, _ := exchange(t, get(target))
	if x.site = h.find(x.Req.Authority, x.Req.Path); x.site == nil {
		t.Fatal("no site")
	}
	path, err := static.DecodePath(nil, x.Req.Path)
	if err != nil {
		return nil, err
	}
	x.path, x.query = path, x.Req.Query
	x.resolve()
	return x, nil
}
