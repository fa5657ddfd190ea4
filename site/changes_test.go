package site

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sluice/static"
)

// unwatched is a site whose folders nobody watches, and a clock that tests move:
// it looks again after Staleness.
func unwatched(t *testing.T, files map[string]string) *Host {
	t.Helper()
	h := ruled(t, files)
	s := h.all[0].Site
	if s.changes.watcher != nil {
		_ = s.changes.watcher.Close()
		s.changes.watcher = nil
	}
	return h
}

// later makes everything that is known as old as if d had passed.
func later(h *Host, d time.Duration) {
	w := &h.all[0].rules.world
	for _, f := range w.files {
		f.checked = f.checked.Add(-d)
	}
	for _, f := range w.texts {
		f.checked = f.checked.Add(-d)
	}
}

func remove(t *testing.T, h *Host, name string) {
	t.Helper()
	if err := os.RemoveAll(filepath.Join(h.rootDir(), name)); err != nil {
		t.Fatal(err)
	}
}

// Without a watch a change is in force when Staleness has passed, not before, and
// at the cost of no more than a look.
func TestChangedRulesWithoutWatch(t *testing.T) {
	h := unwatched(t, map[string]string{"d/a.txt": "a", "d/e/a.txt": "a"})
	const target = "/d/e/a.txt"
	for i, step := range []struct {
		do     func()
		status int
	}{
		{func() { write(t, h, "d/.htaccess", "Require all denied\n") }, 403},
		{func() { write(t, h, "d/.htaccess", "Redirect 302 / /x\n") }, 302},
		{func() { write(t, h, "d/.htaccess", "Redirect 301 / /x\n") }, 301}, // as long, and as old
		{func() { write(t, h, "d/.htaccess", "Redirect oops\nNonsense\n") }, 500},
		{func() { remove(t, h, "d/.htaccess") }, 200},
		{func() { write(t, h, "d/e/.htaccess", "Redirect gone /\n") }, 410},
		{func() { remove(t, h, "d/e/.htaccess"); write(t, h, ".htaccess", "Require all denied\n") }, 403},
		{func() { remove(t, h, ".htaccess") }, 200},
		{func() { remove(t, h, "d/e/.htaccess"); write(t, h, "d/e/.htaccess/x", "a folder of that name\n") }, 200},
	} {
		before := answered(t, h, get(target)).status
		step.do()
		if got := answered(t, h, get(target)).status; got != before {
			t.Errorf("step %d: at once %d, want %d as before", i, got, before)
		}
		later(h, static.Staleness)
		expect(t, target, answered(t, h, get(target)), step.status)
	}
}

// The same text is the same file, so that nothing is merged or compiled again.
func TestUnchangedRulesAreKept(t *testing.T) {
	h := unwatched(t, map[string]string{"d/.htaccess": "Options -Indexes\n"})
	w, dir := &h.all[0].rules.world, h.rootDir()+"/d/"
	answered(t, h, get("/d/x"))
	first := w.Htaccess(dir)
	later(h, static.Staleness)
	write(t, h, "d/.htaccess", "Options -Indexes\n") // written again
	if first == nil || w.Htaccess(dir) != first {
		t.Error("compiled again though the text is the same")
	}
	later(h, static.Staleness)
	write(t, h, "d/.htaccess", "Options +Indexes\n")
	if w.Htaccess(dir) == first {
		t.Error("another text of the same length went unnoticed")
	}
}

// A change is in force as soon as the system has told of it.
func TestChangedRulesWithWatch(t *testing.T) {
	onLoops(t, func(t *testing.T, l *running) {
		l.start(ruledOptions(tree(t, map[string]string{"d/a.txt": "a", "d/e/a.txt": "a", "d/users": "u:x"})))
		s := l.host.all[0].Site
		if s.changes.watcher == nil {
			t.Skip("nothing can be watched here")
		}
		const target = "/d/e/a.txt"
		l.serve(get(target)) // now its folders are watched
		for i, step := range []struct {
			do     func()
			status int
		}{
			{func() { write(t, l.host, "d/.htaccess", "Require all denied\n") }, 403},
			{func() { write(t, l.host, "d/.htaccess", "Redirect 301 / /x\n") }, 301},
			{func() { write(t, l.host, "d/.htaccess", "Redirect 302 / /x\n") }, 302},
			{func() { remove(t, l.host, "d/.htaccess") }, 200},
			{func() { write(t, l.host, "d/e/new", "Redirect gone /\n") }, 200},
			{func() { rename(t, l.host, "d/e/new", "d/e/.htaccess") }, 410},
			{func() { rename(t, l.host, "d/e/.htaccess", "d/e/old") }, 200},
			{func() { write(t, l.host, ".htaccess", "Require all denied\n") }, 403},
			{func() { remove(t, l.host, ".htaccess") }, 200},
			{func() { write(t, l.host, "f/.htaccess", "Redirect gone /\n"); write(t, l.host, "f/e/a.txt", "a") }, 200},
			{func() { rename(t, l.host, "d", "was"); rename(t, l.host, "f", "d") }, 410}, // a deployment
			{func() { remove(t, l.host, "d/.htaccess") }, 200},
		} {
			if step.status == 200 && i == 0 {
				continue
			}
			step.do()
			start, got := time.Now(), 0
			for time.Since(start) < 5*static.Staleness {
				if got = l.serve(get(target)).status; got == step.status {
					break
				}
				time.Sleep(2 * time.Millisecond)
			}
			if took := time.Since(start); got != step.status {
				t.Fatalf("step %d: status %d, want %d", i, got, step.status)
			} else if took > static.Staleness/2 {
				t.Errorf("step %d: in force after %v, though folders are watched", i, took)
			}
		}
	})
}

func rename(t *testing.T, h *Host, from, to string) {
	t.Helper()
	if err := os.Rename(filepath.Join(h.rootDir(), from), filepath.Join(h.rootDir(), to)); err != nil {
		t.Fatal(err)
	}
}

// A broken file refuses its folder and those below, says where and why, and no
// other folder is hurt.
func TestBrokenRules(t *testing.T) {
	h := ruled(t, map[string]string{
		"a.txt": "a", "bad/.htaccess": "Options -Indexes\nNonsenseDirective on\n", "bad/a.txt": "a", "bad/deep/a.txt": "a", "bad/x.php": phpSource,
		"good/.htaccess": "Header set X-Rule yes\n", "good/a.txt": "a",
		"open/.htaccess": "<Files secret>\nRequire all denied\n", "open/secret": "s",
		"pattern/.htaccess": "RewriteEngine On\nRewriteRule ^(a - [F]\n", "pattern/a.txt": "a",
	})
	for _, target := range []string{"/bad/a.txt", "/bad/deep/a.txt", "/bad/x.php", "/bad/", "/bad/none", "/open/secret", "/pattern/a.txt"} {
		expect(t, target, answered(t, h, get(target)), 500)
	}
	expect(t, "good", answered(t, h, get("/good/a.txt")), 200, "X-Rule: yes")
	expect(t, "root", answered(t, h, get("/a.txt")), 200)
	// The log names the file, the line and the directive.
	h = ruled(t, map[string]string{"bad/.htaccess": "Options -Indexes\nNonsenseDirective on\n", "bad/a.txt": "a"})
	rec := answered(t, h, get("/bad/a.txt"))
	if !rec.reported(filepath.Join(h.rootDir(), "bad/.htaccess")+":2") || !rec.reported("NonsenseDirective") {
		t.Errorf("reports %+v", rec.reports)
	}
	write(t, h, "bad/.htaccess", "Options -Indexes\n")
	later(h, static.Staleness)
	expect(t, "repaired", answered(t, h, get("/bad/a.txt")), 200)
}

// A file that can't be read may guard its folder, so that refuses it.
func TestUnreadableRules(t *testing.T) {
	h := ruled(t, map[string]string{"d/a.txt": "a", "big/.htaccess": strings.Repeat("#\n", htaccessBytesMax/2+1), "big/a.txt": "a", "l/a.txt": "a"})
	expect(t, "too large", answered(t, h, get("/big/a.txt")), 500)
	if err := os.Symlink(".htaccess", filepath.Join(h.rootDir(), "l/.htaccess")); err == nil {
		rec := answered(t, h, get("/l/a.txt"))
		if expect(t, "a link to itself", rec, 500); len(rec.reports) == 0 {
			t.Error("nobody is told")
		}
	}
	expect(t, "beside", answered(t, h, get("/d/a.txt")), 200)
}

// A document root that is replaced (a deployment by symbolic link) brings its own
// rules.
func TestReplacedRootBringsItsRules(t *testing.T) {
	dir := tree(t, map[string]string{"1/a.txt": "one", "1/.htaccess": "Header set X-Root one\n", "2/a.txt": "two", "2/.htaccess": "Header set X-Root two\n"})
	link := filepath.Join(dir, "current")
	if err := os.Symlink("1", link); err != nil {
		t.Skip(err)
	}
	onLoops(t, func(t *testing.T, l *running) {
		l.start(ruledOptions(link))
		want := map[string]string{"one": "2", "two": "1"}
		for range 2 {
			now := l.serve(get("/a.txt")).field("X-Root")
			next := filepath.Join(dir, "next")
			if err := os.Symlink(want[now], next); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(next, link); err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			for ; ; time.Sleep(2 * time.Millisecond) {
				rec := l.serve(get("/a.txt"))
				if rec.field("X-Root") != rec.body.String() {
					t.Fatalf("the rules of %q with the file of %q", rec.field("X-Root"), rec.body.String())
				}
				if rec.field("X-Root") != now {
					break
				}
				if time.Since(start) > 5*static.Staleness {
					t.Fatal("the new root is not noticed")
				}
			}
		}
	})
}

// Two sites' loops hear of a change; one that has left does not.
func TestLoopsThatLeave(t *testing.T) {
	o := ruledOptions(tree(t, map[string]string{"a.txt": "a"}))
	h := hostOf(t, o)
	s := h.all[0].Site
	if s.changes.watcher == nil {
		t.Skip("nothing can be watched here")
	}
	other, err := NewHost(h.loop, []*Site{s})
	if err != nil {
		t.Fatal(err)
	}
	h.Close()
	if n := len(s.changes.locals); n != 1 || s.changes.locals[0] != other.all[0] {
		t.Errorf("%d loops hear of changes", n)
	}
	if dir := t.TempDir(); !s.changes.watcher.Add(dir) {
		t.Error("watching ended with a loop that was not the last")
	}
	other.Close()
	if dir := t.TempDir(); s.changes.watcher.Add(dir) {
		t.Error("watching goes on without loops")
	}
}
