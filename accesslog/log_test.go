package accesslog

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

func testOptions(t *testing.T) (Options, *reports) {
	t.Helper()
	seen := new(reports)
	return Options{Path: filepath.Join(t.TempDir(), "access.log"), Report: seen.add}, seen
}

// reports gathers what a Log reports.
type reports struct {
	mu   sync.Mutex
	list []error
}

func (r *reports) add(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.list = append(r.list, err)
}

func (r *reports) all() []error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]error(nil), r.list...)
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("after 5 s still not: %s", what)
		}
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// testLoop runs posted functions on one goroutine, as a loop does.
type testLoop struct {
	work chan func()
	done chan struct{}
}

func newTestLoop() *testLoop {
	l := &testLoop{make(chan func(), 16), make(chan struct{})}
	go func() {
		defer close(l.done)
		for f := range l.work {
			f()
		}
	}()
	return l
}

func (l *testLoop) post(f func()) { l.work <- f }

func TestManyLoopsLoseNothingAndKeepTheirOrder(t *testing.T) {
	const loops, lines = 4, 3000
	o, seen := testOptions(t)
	l, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	for loop := range loops {
		wait.Go(func() {
			w := l.Writer(nil)
			r := exampleRecord()
			for n := range lines {
				r.Target = fmt.Appendf(nil, "/%d/%d/", loop, n)
				w.Append(&r)
				if n%500 == 499 {
					w.Flush()
				}
			}
			w.Close()
		})
	}
	wait.Wait()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	next := make([]int, loops)
	pattern := regexp.MustCompile(`^192\.0\.2\.7 .* "GET /(\d)/(\d+)/ HTTP/1\.1" 200 1234 "[^"]*" "[^"]*"$`)
	for _, line := range strings.Split(strings.TrimSuffix(read(t, o.Path), "\n"), "\n") {
		if !pattern.MatchString(line) {
			t.Fatalf("broken line %q", line)
		}
		var loop, n int
		if _, err := fmt.Sscanf(line[strings.Index(line, "GET "):], "GET /%d/%d/", &loop, &n); err != nil {
			t.Fatal(err)
		}
		if n != next[loop] {
			t.Fatalf("loop %d: line %d where %d was due", loop, n, next[loop])
		}
		next[loop]++
	}
	for loop, n := range next {
		if n != lines {
			t.Errorf("loop %d: %d lines, want %d", loop, n, lines)
		}
	}
	if s := l.Stats(); s.Lines != loops*lines || s.Dropped != 0 || s.Bytes != uint64(len(read(t, o.Path))) {
		t.Errorf("stats %+v", s)
	}
	if len(seen.all()) != 0 {
		t.Errorf("reported %v", seen.all())
	}
}

func TestIdleLoopIsFlushedByTheClock(t *testing.T) {
	o, _ := testOptions(t)
	out, err := openFile(o.Path)
	if err != nil {
		t.Fatal(err)
	}
	l := start(o, out, 5*time.Millisecond)
	loop := newTestLoop()
	w := l.Writer(loop.post)
	loop.post(func() {
		r := exampleRecord()
		w.Append(&r)
	})
	eventually(t, "the line is in the file", func() bool { return strings.Count(read(t, o.Path), "\n") == 1 })
	loop.post(w.Close)
	eventually(t, "the writer is forgotten", func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return len(l.writers) == 0
	})
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	close(loop.work)
	<-loop.done
}

func TestFullBufferGoesOutByItself(t *testing.T) {
	o, _ := testOptions(t)
	l, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	w := l.Writer(nil)
	r := exampleRecord()
	for range 2 * bufferBytesFlush / 100 {
		w.Append(&r)
	}
	eventually(t, "64 KiB are written", func() bool { return len(read(t, o.Path)) >= bufferBytesFlush })
	w.Close()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

// logrotate renames the file and sends SIGUSR1.
func TestReopenAfterRename(t *testing.T) {
	o, seen := testOptions(t)
	l, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	w := l.Writer(nil)
	say := func(target string) {
		r := exampleRecord()
		r.Target = []byte(target)
		w.Append(&r)
		w.Flush()
	}
	say("/one")
	eventually(t, "/one is written", func() bool { return strings.Contains(read(t, o.Path), "/one") })
	if err := os.Rename(o.Path, o.Path+".1"); err != nil {
		t.Fatal(err)
	}
	say("/two") // still to the renamed file
	eventually(t, "/two is written", func() bool { return strings.Contains(read(t, o.Path+".1"), "/two") })
	for range 2 { // twice in a row must not leak the first
		if err := l.Reopen(); err != nil {
			t.Fatal(err)
		}
	}
	say("/three")
	w.Close()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if got := read(t, o.Path); strings.Count(got, "\n") != 1 || !strings.Contains(got, "/three") {
		t.Errorf("new file: %q", got)
	}
	if got := read(t, o.Path+".1"); strings.Contains(got, "/three") {
		t.Errorf("renamed file: %q", got)
	}
	if err := l.Reopen(); err == nil {
		t.Error("Reopen after Close: no error")
	}
	if len(seen.all()) != 0 {
		t.Errorf("reported %v", seen.all())
	}
}

// An idle log lets go of a removed file at once: its space must be freed.
func TestReopenWithoutTraffic(t *testing.T) {
	o, _ := testOptions(t)
	f := newFakeFile()
	l := start(o, f, time.Hour)
	if err := l.Reopen(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the old file is closed", f.isClosed)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestReopenFailureKeepsTheOldFile(t *testing.T) {
	o, _ := testOptions(t)
	dir := filepath.Join(filepath.Dir(o.Path), "sub")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	o.Path = filepath.Join(dir, "access.log")
	l, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(dir, dir+"2"); err != nil {
		t.Skipf("an open file's folder cannot be renamed here: %v", err)
	}
	if err := l.Reopen(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Reopen: %v", err)
	}
	w := l.Writer(nil)
	r := exampleRecord()
	w.Append(&r)
	w.Close()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if got := read(t, filepath.Join(dir+"2", "access.log")); strings.Count(got, "\n") != 1 {
		t.Errorf("old file: %q", got)
	}
}

func TestOpenFailureNamesTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "missing", "access.log")
	if _, err := Open(Options{Path: path}); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("Open: %v", err)
	}
}

// /dev/full is a disk that is always full.
func TestDiskFullIsReportedOnce(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip(err)
	}
	seen := new(reports)
	l, err := Open(Options{Path: "/dev/full", Report: seen.add})
	if err != nil {
		t.Fatal(err)
	}
	w := l.Writer(nil)
	r := exampleRecord()
	for range 5 {
		w.Append(&r)
		w.Append(&r)
		w.Flush()
	}
	w.Close()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if got := seen.all(); len(got) != 1 || !errors.Is(got[0], syscall.ENOSPC) || !strings.Contains(got[0].Error(), "/dev/full") {
		t.Errorf("reported %v", got)
	}
	if s := l.Stats(); s.Dropped != 10 || s.Lines != 0 || s.Errors != 5 {
		t.Errorf("stats %+v", s)
	}
}

// fakeFile is a disk under the test's command.
type fakeFile struct {
	mu     sync.Mutex
	got    bytes.Buffer
	room   int           // octets until it is full; -1: no end
	gate   chan struct{} // if not nil, a write waits for it
	closed bool
}

func newFakeFile() *fakeFile { return &fakeFile{room: -1} }

func (f *fakeFile) Name() string { return "fake" }

func (f *fakeFile) Write(b []byte) (int, error) {
	if f.gate != nil {
		<-f.gate
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.room >= 0 && len(b) > f.room {
		n, _ := f.got.Write(b[:f.room])
		f.room = 0
		return n, syscall.ENOSPC
	}
	if f.room >= 0 {
		f.room -= len(b)
	}
	return f.got.Write(b)
}

func (f *fakeFile) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	return nil
}

func (f *fakeFile) isClosed() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.closed
}

func (f *fakeFile) setRoom(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.room = n
}

// A line cut short by a full disk must not swallow the next good one.
func TestHalfLineIsEnded(t *testing.T) {
	o, seen := testOptions(t)
	f := newFakeFile()
	f.room = 150 // one line of 118 octets and a part of the next
	l := start(o, f, time.Hour)
	w := l.Writer(nil)
	r := exampleRecord()
	w.Append(&r)
	w.Append(&r)
	w.Flush()
	eventually(t, "the write has failed", func() bool { return l.Stats().Errors == 1 })
	w.Append(&r)
	w.Flush()
	eventually(t, "another write has failed", func() bool { return l.Stats().Errors == 2 })
	f.setRoom(-1)
	r.Target = []byte("/good")
	w.Append(&r)
	w.Flush()
	eventually(t, "the line is written", func() bool { return l.Stats().Lines == 2 })
	f.setRoom(0)
	w.Append(&r)
	w.Close()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(f.got.String(), "\n")
	if len(lines) != 4 || !strings.Contains(lines[2], "/good HTTP/1.1") || !strings.HasPrefix(lines[2], "192.0.2.7 ") {
		t.Errorf("file: %q", f.got.String())
	}
	if s := l.Stats(); s.Dropped != 3 {
		t.Errorf("stats %+v", s)
	}
	// One report per row of failures.
	if got := seen.all(); len(got) != 2 {
		t.Errorf("reported %v", got)
	}
}

func TestHangingDiskDropsAndReports(t *testing.T) {
	o, seen := testOptions(t)
	f := newFakeFile()
	f.gate = make(chan struct{})
	l := start(o, f, 2*time.Millisecond)
	w := l.Writer(nil)
	r := exampleRecord()
	r.Referer = bytes.Repeat([]byte{'r'}, 8000)
	// More than the queue, the buffer of the loop and the one in the write hold.
	const lines = (queueBuffersMax + 4) * (bufferBytesFlush/8000 + 1)
	for range lines {
		w.Append(&r)
	}
	dropped := l.Stats().Dropped
	if dropped == 0 || dropped > lines/10 {
		t.Fatalf("%d of %d lines dropped while the disk hangs", dropped, lines)
	}
	eventually(t, "drops are reported while the disk hangs", func() bool {
		return len(seen.all()) > 0 && strings.Contains(seen.all()[0].Error(), "lines dropped")
	})
	close(f.gate)
	w.Close()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if s := l.Stats(); s.Lines+s.Dropped != lines {
		t.Errorf("stats %+v do not add up to %d", s, lines)
	}
	if got := uint64(strings.Count(f.got.String(), "\n")); got != l.Stats().Lines {
		t.Errorf("%d lines in the file, stats %+v", got, l.Stats())
	}
}

func TestAppendAfterCloseIsCounted(t *testing.T) {
	o, _ := testOptions(t)
	l, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	w := l.Writer(nil)
	w.Close()
	r := exampleRecord()
	w.Append(&r)
	if s := l.Stats(); s.Dropped != 1 {
		t.Errorf("stats %+v", s)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
}

func TestLogsGoroutinesEnd(t *testing.T) {
	before := runtime.NumGoroutine()
	o, _ := testOptions(t)
	l, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "both goroutines have ended", func() bool { return runtime.NumGoroutine() <= before })
}

func TestAppendAllocatesNothing(t *testing.T) {
	for _, format := range []Format{Combined, JSON} {
		o, _ := testOptions(t)
		o.Format = format
		l, err := Open(o)
		if err != nil {
			t.Fatal(err)
		}
		w := l.Writer(nil)
		r := exampleRecord()
		w.Append(&r)
		n := testing.AllocsPerRun(100, func() {
			r.Time = r.Time.Add(time.Second)
			w.Append(&r)
		})
		if n != 0 {
			t.Errorf("%v: %v allocations per line", format, n)
		}
		w.Close()
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func BenchmarkAppend(b *testing.B) {
	for _, format := range []Format{Combined, JSON} {
		b.Run(format.String(), func(b *testing.B) {
			l := start(Options{Format: format}, newFakeFile(), time.Hour)
			w := l.Writer(nil)
			r := exampleRecord()
			b.ReportAllocs()
			for b.Loop() {
				w.Append(&r)
				if len(w.buf) >= bufferBytesFlush {
					w.buf, w.lines = w.buf[:0], 0
				}
			}
			w.Close()
			if err := l.Close(); err != nil {
				b.Fatal(err)
			}
		})
	}
}
