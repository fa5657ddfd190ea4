package static

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// old is a modification time that is settled for any now of these tests.
var old = time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)

// site is a root with a Cache and a clock that only moves when told.
type site struct {
	t     *testing.T
	root  string
	cache *Cache
	now   time.Time
	jobs  []func()
}

func newSite(t *testing.T, change func(*Config)) *site {
	t.Helper()
	s := &site{t: t, root: filepath.Join(realTemp(t), "root"), now: time.Now()}
	if err := os.Mkdir(s.root, 0o755); err != nil {
		t.Fatal(err)
	}
	cfg := Config{
		Root:  s.root,
		Spawn: func(f func()) { s.jobs = append(s.jobs, f) },
		Post:  func(f func()) { f() },
	}
	if change != nil {
		change(&cfg)
	}
	var err error
	if s.cache, err = NewCache(cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.cache.Close()
		if s.cache.memory != 0 || s.cache.opened.n != 0 || s.cache.live.n != 0 || len(s.cache.entries) != 0 {
			t.Errorf("after Close: %d bytes, %d files, %d entries", s.cache.memory, s.cache.opened.n, len(s.cache.entries))
		}
	})
	return s
}

func realTemp(t *testing.T) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// write puts an old file under the root.
func (s *site) write(name, content string) {
	s.t.Helper()
	writeOld(s.t, filepath.Join(s.root, name), content, old)
}

func writeOld(t testing.TB, path, content string, mtime time.Time) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, mtime, mtime); err != nil {
		t.Fatal(err)
	}
}

func (s *site) symlink(target, name string) {
	s.t.Helper()
	if err := os.Symlink(target, filepath.Join(s.root, name)); err != nil {
		s.t.Skip(err)
	}
}

func (s *site) stat(path string) *Entry   { return s.cache.Stat([]byte(path), s.now) }
func (s *site) lookup(path string) *Entry { return s.cache.Lookup([]byte(path), s.now) }
func (s *site) later()                    { s.now = s.now.Add(Staleness) }

func (s *site) runJobs() {
	jobs := s.jobs
	s.jobs = nil
	for _, job := range jobs {
		job()
	}
}

// content reads what an entry would send.
func content(t *testing.T, e *Entry) string {
	t.Helper()
	if body, ok := e.Memory(); ok {
		return string(body)
	}
	if e.File() == nil {
		t.Fatalf("%q is not ready: %s, status %d", e.key, e.Kind, e.Status())
	}
	body := make([]byte, e.Size())
	if n, err := e.File().ReadAt(body, 0); n != len(body) {
		t.Fatalf("read %d of %d: %v", n, len(body), err)
	}
	return string(body)
}

func TestStatKinds(t *testing.T) {
	s := newSite(t, nil)
	s.write("a/b.php", "x")
	tests := []struct {
		path string
		want Kind
	}{
		{"/", Dir},
		{"/a", Dir},
		{"/a/", Dir},
		{"/a/b.php", File},
		{"/a/b.php/", Missing},
		{"/a/b.php/c", Missing},
		{"/b", Missing},
		{"/b/", Missing},
		{"", Missing},
		{"a", Missing},
		{"/" + strings.Repeat("x", 300), Missing},
		{"/" + strings.Repeat("x", maxPathBytes), Missing},
		{"/x\x00", Missing},
	}
	for range 2 { // cold and cached
		for _, tt := range tests {
			got := s.stat(tt.path)
			if got.Kind != tt.want {
				t.Errorf("Stat(%q) = %s, want %s", tt.path, got.Kind, tt.want)
			}
			if got.File() != nil {
				t.Errorf("Stat(%q) opened the file", tt.path)
			}
		}
	}
	e := s.stat("/a/b.php")
	if e.Size() != 1 || !e.ModTime().Equal(old) || runtime.GOOS == "linux" && e.Inode() == 0 {
		t.Errorf("facts: %d bytes, %s, inode %d", e.Size(), e.ModTime(), e.Inode())
	}
}

func TestLookupHeatsUp(t *testing.T) {
	s := newSite(t, nil)
	s.write("a.txt", "hello")
	s.write("empty.txt", "")
	big := strings.Repeat("x", SmallBodyBytes+1)
	s.write("big.txt", big)
	if e := s.lookup("/a.txt"); e.File() == nil || content(t, e) != "hello" {
		t.Error("first look-up does not use the file")
	}
	e := s.lookup("/a.txt")
	if _, ok := e.Memory(); !ok || e.File() != nil || content(t, e) != "hello" {
		t.Error("second look-up does not use memory alone")
	}
	if _, ok := s.lookup("/empty.txt").Memory(); !ok {
		t.Error("empty file is not in memory")
	}
	for range 3 {
		if e := s.lookup("/big.txt"); e.File() == nil || content(t, e) != big {
			t.Error("big file is not sent from its descriptor")
		}
	}
	if s.cache.memory != 5 {
		t.Errorf("%d bytes charged", s.cache.memory)
	}
}

func TestStaleness(t *testing.T) {
	s := newSite(t, nil)
	s.write("a.txt", "one")
	s.lookup("/a.txt")
	first := s.lookup("/a.txt")
	if s.stat("/new.txt").Kind != Missing {
		t.Fatal("new.txt is there")
	}
	writeOld(t, filepath.Join(s.root, "a.txt"), "three", old.Add(time.Second))
	s.write("new.txt", "new")
	s.now = s.now.Add(Staleness - 1)
	if e := s.lookup("/a.txt"); e != first || content(t, e) != "one" {
		t.Error("asked again before time")
	}
	s.now = s.now.Add(1)
	if e := s.lookup("/a.txt"); content(t, e) != "three" {
		t.Errorf("still %q after a second", content(t, e))
	}
	if s.stat("/new.txt").Kind != File {
		t.Error("new.txt still missing after a second")
	}
	if err := os.Remove(filepath.Join(s.root, "a.txt")); err != nil {
		t.Fatal(err)
	}
	s.later()
	if s.lookup("/a.txt").Kind != Missing {
		t.Error("removed file still there after a second")
	}
	s.now = s.now.Add(-time.Hour)
	s.write("a.txt", "back")
	if s.lookup("/a.txt").Kind != File {
		t.Error("a clock that went back keeps old facts")
	}
}

func TestUnchangedIsKept(t *testing.T) {
	s := newSite(t, nil)
	s.write("a.txt", "one")
	s.lookup("/a.txt")
	first := s.lookup("/a.txt")
	for range 3 {
		s.later()
		if e := s.lookup("/a.txt"); e != first || !e.inMemory {
			t.Fatal("an unchanged file was read again")
		}
	}
	// Same size and time, other content: the change time or inode tells.
	if runtime.GOOS == "linux" {
		s.write("a.txt", "two")
		s.later()
		if e := s.lookup("/a.txt"); content(t, e) != "two" {
			t.Error("a rewrite that kept size and mtime was not seen")
		}
	}
}

func TestYoungIsNotKept(t *testing.T) {
	s := newSite(t, nil)
	writeOld(t, filepath.Join(s.root, "a.txt"), "one", s.now)
	first := s.lookup("/a.txt")
	if first.self.etag[0] != 'W' || len(first.modified) != 0 {
		t.Errorf("young file has %s and Last-Modified %q", first.self.etag, first.modified)
	}
	s.now = s.now.Add(2 * Staleness)
	second := s.lookup("/a.txt")
	if second == first || second.self.etag[0] == 'W' || len(second.modified) == 0 {
		t.Errorf("settled file has %s and Last-Modified %q", second.self.etag, second.modified)
	}
	if tagWeakEqual(first.self.etag, second.self.etag) {
		t.Error("the young tag equals the settled one")
	}
}

func TestRetainAcrossChange(t *testing.T) {
	s := newSite(t, nil)
	body := strings.Repeat("1", SmallBodyBytes+1)
	s.write("a.bin", body)
	e := s.lookup("/a.bin")
	e.Retain()
	if err := os.Rename(filepath.Join(s.root, "a.bin"), filepath.Join(s.root, "b.bin")); err != nil {
		t.Skip(err)
	}
	s.write("a.bin", "2")
	s.later()
	if now := s.lookup("/a.bin"); now == e || content(t, now) != "2" {
		t.Error("change not seen")
	}
	if content(t, e) != body {
		t.Error("retained file changed")
	}
	e.Release()
	if e.File() != nil {
		t.Error("file still open after the last Release")
	}
	defer func() {
		if recover() == nil {
			t.Error("a second Release went unnoticed")
		}
	}()
	e.Release()
}

func TestRetainWhileHeating(t *testing.T) {
	s := newSite(t, nil)
	s.write("a.txt", "one")
	e := s.lookup("/a.txt")
	e.Retain()
	if s.lookup("/a.txt") != e || !e.inMemory || e.File() == nil {
		t.Error("the file was closed under its user, or not read")
	}
	e.Release()
	if e.File() != nil {
		t.Error("file still open, although in memory and released")
	}
}

func TestBounds(t *testing.T) {
	s := newSite(t, func(c *Config) { c.Entries, c.MemoryBytes, c.OpenFiles = 8, 30, 3 })
	for i := range 20 {
		s.write(fmt.Sprintf("f%d.txt", i), "0123456789")
	}
	for i := range 20 {
		s.lookup(fmt.Sprintf("/f%d.txt", i))
		if i >= 3 && (s.cache.opened.n != 3 || s.cache.live.n > 8) {
			t.Fatalf("after %d: %d open, %d known", i, s.cache.opened.n, s.cache.live.n)
		}
	}
	for i := range 20 {
		path := fmt.Sprintf("/f%d.txt", i)
		s.lookup(path)
		if e := s.lookup(path); content(t, e) != "0123456789" {
			t.Fatal("wrong content")
		}
		if s.cache.memory > 30 {
			t.Fatalf("%d bytes held", s.cache.memory)
		}
	}
	for i := range 100 {
		s.stat(fmt.Sprintf("/missing%d", i))
	}
	if s.cache.missing.n != 2 || s.cache.live.n == 0 {
		t.Errorf("%d missing, %d live", s.cache.missing.n, s.cache.live.n)
	}
	if n := s.cache.missing.n + s.cache.live.n; n != len(s.cache.entries) {
		t.Errorf("%d in lists, %d in the map", n, len(s.cache.entries))
	}
}

func TestOpenFilesInUseStay(t *testing.T) {
	s := newSite(t, func(c *Config) { c.OpenFiles = 1 })
	for i := range 3 {
		s.write(fmt.Sprintf("f%d.txt", i), "x")
	}
	used := s.lookup("/f0.txt")
	used.Retain()
	idle := s.lookup("/f1.txt")
	s.lookup("/f2.txt")
	if used.File() == nil || idle.File() != nil {
		t.Error("the file in use was closed, or the idle one was not")
	}
	if s.lookup("/f1.txt").File() == nil && !idle.inMemory {
		t.Error("a closed file is not opened again")
	}
	used.Release()
}

func TestRootErrors(t *testing.T) {
	dir := realTemp(t)
	writeOld(t, filepath.Join(dir, "file"), "", old)
	for _, root := range []string{filepath.Join(dir, "none"), filepath.Join(dir, "file")} {
		if _, err := NewCache(Config{Root: root}); err == nil || !strings.HasPrefix(err.Error(), "static: root ") {
			t.Errorf("NewCache(%q): %v", root, err)
		}
	}
}
