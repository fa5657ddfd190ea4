//go:build unix

package site

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// mapped is a site with RewriteMaps; /NAME/KEY leads to /out/VALUE.txt.
func mapped(t *testing.T, maps map[string]string) (Options, string) {
	t.Helper()
	dir := tree(t, map[string]string{
		"out/none.txt":  "none",
		"out/a.txt":     "a",
		"out/b.txt":     "b",
		"out/UP.txt":    "UP",
		"out/.htaccess": "ErrorDocument 404 \"no %{REQUEST_URI}\"\n",
	})
	o := ruledOptions(dir)
	var rules strings.Builder
	rules.WriteString("RewriteEngine On\nRewriteRule ^two/(.*)/(.*)$ /out/${p:$1}-${p:$2}.txt\n")
	for name := range maps {
		rules.WriteString("RewriteRule ^" + name + "/(.*)$ /out/${" + name + ":$1|none}.txt\n")
	}
	if err := os.WriteFile(filepath.Join(dir, ".htaccess"), []byte(rules.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	o.Maps = maps
	return o, dir
}

// value is what a map says of a key.
func (l *running) value(name, key string) string {
	l.t.Helper()
	rec := l.serve(get("/" + name + "/" + key))
	if s, ok := strings.CutPrefix(rec.body.String(), "no /out/"); ok {
		return strings.TrimSuffix(s, ".txt")
	}
	return rec.body.String()
}

func TestFileMaps(t *testing.T) {
	onLoops(t, func(t *testing.T, l *running) {
		file := filepath.Join(t.TempDir(), "map")
		set := func(text string) {
			t.Helper()
			if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		set("key a\nother b\nmany a|b\n")
		o, _ := mapped(t, map[string]string{"t": "txt:" + file, "r": "rnd:" + file, "u": "int:toupper", "gone": "txt:" + file + ".missing"})
		l.start(o)
		for _, c := range [][3]string{{"t", "key", "a"}, {"t", "other", "b"}, {"t", "missing", "none"}, {"u", "up", "UP"}, {"gone", "key", "none"}, {"r", "key", "a"}} {
			if got := l.value(c[0], c[1]); got != c[2] {
				t.Errorf("map %s, key %s: %q, want %q", c[0], c[1], got, c[2])
			}
		}
		if rec := l.serve(get("/gone/key")); !rec.reported("no such file") {
			t.Errorf("a missing file is not reported: %+v", rec.reports)
		}
		seen := map[string]bool{}
		for range 60 {
			seen[l.value("r", "many")] = true
		}
		if !seen["a"] || !seen["b"] || len(seen) != 2 {
			t.Errorf("rnd chose %v", seen)
		}
		set("key b\n")
		started := time.Now()
		l.eventually("the changed map", func() bool { return l.value("t", "key") == "b" })
		if took := time.Since(started); took > 4*time.Second {
			t.Errorf("the change took %v", took)
		}
	})
}

// programOf writes a shell script and gives the map that runs it.
func programOf(t *testing.T, script string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "map.sh")
	if err := os.WriteFile(file, []byte(script), 0o644); err != nil {
		t.Fatal(err)
	}
	return "prg:/bin/sh " + file
}

// talker answers with its number, how often it was asked, and the key, and does
// what some keys say.
const talker = `n=0
while read -r key; do
	n=$((n+1))
	case $key in
	null) echo NULL;;
	die) exit 1;;
	quit) echo bye; exit 0;;
	slow) sleep 60; echo late;;
	long) head -c 100000 /dev/zero | tr '\0' x; echo;;
	pid) echo $$;;
	*) echo "$n.$key";;
	esac
done
`

func TestProgramMap(t *testing.T) {
	onLoops(t, func(t *testing.T, l *running) {
		o, _ := mapped(t, map[string]string{"p": programOf(t, talker)})
		l.start(o)
		p := l.host.all[0].maps.programs["p"]
		p.limit = 3 * time.Second
		for i, want := range []string{"1.x", "2.x", "3.y"} {
			if got := l.value("p", []string{"x", "x", "y"}[i]); got != want {
				t.Errorf("answer %d: %q, want %q", i, got, want)
			}
		}
		if got := l.value("two", "v/v"); got != "4.v-4.v" {
			t.Errorf("a key twice in a request: %q", got)
		}
		if got := l.value("two", "v/w"); got != "5.v-6.w" {
			t.Errorf("two keys in a request: %q", got)
		}
		if got := l.value("p", "null"); got != "none" {
			t.Errorf("NULL: %q", got)
		}
		if got := l.value("p", "a%0Ab"); got != "none" {
			t.Errorf("a line end in the key: %q", got)
		}
		if got := l.value("p", "x"); got != "8.x" {
			t.Errorf("after that: %q", got)
		}
		// One that ended after its answer is replaced at once.
		if got := l.value("p", "quit"); got != "bye" {
			t.Errorf("quit: %q", got)
		}
		if got := l.value("p", "x"); got != "1.x" {
			t.Errorf("after its end: %q", got)
		}
		for _, c := range [][2]string{{"slow", "did not answer in time"}, {"die", "instead of answering"}, {"long", "too long"}} {
			rec := l.serve(get("/p/" + c[0]))
			if rec.body.String() != "none" || !rec.reported(c[1]) {
				t.Errorf("%s: %q, %+v", c[0], rec.body.String(), rec.reports)
			}
			l.eventually("an answer after "+c[0], func() bool { return strings.HasSuffix(l.value("p", "x"), ".x") })
		}
	})
}

// TestProgramMapQueue: requests come while the program is busy.
func TestProgramMapQueue(t *testing.T) {
	onLoops(t, func(t *testing.T, l *running) {
		o, _ := mapped(t, map[string]string{"p": programOf(t, "while read -r key; do sleep 0.01; echo \"$key\"; done\n")})
		l.start(o)
		var recs []*recorder
		for i := range 40 {
			_, rec := l.begin(get("/p/k" + strconv.Itoa(i)))
			recs = append(recs, rec)
		}
		for i, rec := range recs {
			l.until("answer", func() bool { return rec.finished > 0 })
			l.do(func() {
				if want := "no /out/k" + strconv.Itoa(i) + ".txt"; rec.body.String() != want {
					t.Errorf("%q, want %q", rec.body.String(), want)
				}
			})
		}
	})
}

func TestProgramMapEnds(t *testing.T) {
	// It does not mind the end of its input, and has a child.
	for _, script := range []string{talker, "trap '' TERM INT HUP\nsleep 300 &\nread k; echo $$; while :; do sleep 1; done\n"} {
		p := newMapProgram("p", strings.Fields(strings.TrimPrefix(programOf(t, script), "prg:")))
		type said struct {
			value string
			found bool
			err   error
		}
		answers := make(chan said, 1)
		answer := func(value string, found bool, err error) { answers <- said{value, found, err} }
		p.ask("pid", answer)
		got := <-answers
		pid, err := strconv.Atoi(got.value)
		if got.err != nil || err != nil || pid <= 1 {
			t.Fatalf("answer %+v", got)
		}
		p.close()
		p.close()
		for end := time.Now().Add(5 * time.Second); !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("process %d is still there", pid)
			}
		}
		p.ask("pid", answer)
		if got := <-answers; got.found || !errors.Is(got.err, errMapClosed) {
			t.Errorf("asked after its end: %+v", got)
		}
	}
}

func TestProgramMapMissing(t *testing.T) {
	onLoops(t, func(t *testing.T, l *running) {
		o, _ := mapped(t, map[string]string{"p": "prg:/nonexistent/program"})
		l.start(o)
		for _, want := range []string{"no such file", "a moment ago"} {
			if rec := l.serve(get("/p/x")); rec.body.String() != "none" || !rec.reported(want) {
				t.Errorf("%q: %q, %+v", want, rec.body.String(), rec.reports)
			}
		}
	})
}

// TestMapParsedOnce: a file is parsed again only when it has changed.
func TestMapParsedOnce(t *testing.T) {
	file := filepath.Join(t.TempDir(), "map")
	if err := os.WriteFile(file, []byte("key a\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	long := time.Now().Add(-time.Hour)
	if err := os.Chtimes(file, long, long); err != nil {
		t.Fatal(err)
	}
	f := &mapFile{path: file}
	f.read()
	first := f.text.Load()
	f.read()
	if f.text.Load() != first {
		t.Error("looked at twice within a second")
	}
	first.checked = long
	// Nobody can tell this from the file that was read.
	if err := errors.Join(os.WriteFile(file, []byte("key b\n"), 0o644), os.Chtimes(file, long, long)); err != nil {
		t.Fatal(err)
	}
	f.read()
	second := f.text.Load()
	if v, ok := second.m.Lookup("key"); second == first || !ok || v != "a" {
		t.Errorf("looked at again: %+v", second)
	}
	second.checked = long
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	f.read()
	if third := f.text.Load(); third.err == nil || third.m != nil {
		t.Errorf("without the file: %+v", third)
	}
}

func TestBadMaps(t *testing.T) {
	for source, want := range map[string]string{"int:nope": "no internal function", "dbm:/x": "unknown type", "prg: ": "no program", "x": "unknown type"} {
		o := ruledOptions(t.TempDir())
		o.Maps = map[string]string{"m": source}
		if _, err := New(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("New with a map %q: %v", source, err)
		}
	}
}
