package site

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// eventually waits for what the test sees from outside the loop.
func (l *running) eventually(what string, cond func() bool) {
	l.t.Helper()
	for end := time.Now().Add(5 * time.Second); !cond(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			l.t.Fatalf("waited in vain for: %s", what)
		}
	}
}

const viewsOn = "Options +MultiViews\nAddLanguage en .en\nAddLanguage de .de\n"

func TestMultiViews(t *testing.T) {
	onLoops(t, func(t *testing.T, l *running) {
		dir := tree(t, map[string]string{
			".htaccess": viewsOn, "page.html.en": "english", "page.html.de": "deutsch", "sub.d/x": "", "app.php": phpSource,
			"err/.htaccess": "ErrorDocument 406 /page\n", "err/pic.png": "",
		})
		o := ruledOptions(dir)
		l.start(o)
		for _, c := range []struct {
			language, want string
			status         int
		}{{"en", "english", 200}, {"de", "deutsch", 200}, {"fr", "", 406}} {
			rec := l.serve(get("/page", "Accept-Language: "+c.language))
			expect(t, c.language, rec, c.status, "Vary: negotiate,accept-language")
			switch {
			case c.status == 200 && rec.body.String() != c.want:
				t.Errorf("%s: %q", c.language, rec.body.String())
			case c.status == 200:
				expect(t, c.language, rec, 200, "TCN: choice", "Content-Location: page.html."+c.language, "Content-Language: "+c.language)
			case !strings.Contains(rec.body.String(), `<a href="page.html.de">page.html.de</a>, type text/html, language de`):
				t.Errorf("%s: %q", c.language, rec.body.String())
			}
		}
		rec := l.serve(get("/err/pic", "Accept: text/html", "Accept-Language: en"))
		if expect(t, "406 by another variant", rec, 406); rec.body.String() != "english" {
			t.Errorf("ErrorDocument: %q", rec.body.String())
		}
		expect(t, "no type", l.serve(get("/app")), 404)
		expect(t, "a folder", l.serve(get("/sub")), 404)
		// A new variant is there within a second.
		if err := os.WriteFile(filepath.Join(dir, "page.html.fr"), []byte("fr"), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, ".htaccess"), []byte(viewsOn+"AddLanguage fr .fr\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		l.eventually("the new variant", func() bool {
			return l.serve(get("/page", "Accept-Language: fr")).body.String() == "fr"
		})
	})
}

// TestFolderAskedOnce: many requests that wait for one folder all get an answer.
func TestFolderAskedOnce(t *testing.T) {
	onLoops(t, func(t *testing.T, l *running) {
		files := map[string]string{".htaccess": viewsOn}
		for i := range 300 {
			files["many/f"+strconv.Itoa(i)+".txt"] = strconv.Itoa(i)
		}
		l.start(ruledOptions(tree(t, files)))
		var recs []*recorder
		for i := range 50 {
			_, rec := l.begin(get("/many/f" + strconv.Itoa(i)))
			recs = append(recs, rec)
		}
		for i, rec := range recs {
			l.until("f"+strconv.Itoa(i), func() bool { return rec.finished > 0 })
			l.do(func() {
				if rec.body.String() != strconv.Itoa(i) {
					t.Errorf("f%d: %d %q", i, rec.status, rec.body.String())
				}
			})
		}
	})
}

func TestReadNames(t *testing.T) {
	dir := tree(t, map[string]string{"foo.d/x": "", "foo.d-x": "", "foo.dx": "", "a": ""})
	if err := os.Symlink("foo.d", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	names, err := readNames(dir)
	if got := strings.Join(names, " "); err != nil || got != "a foo.d-x foo.d/ foo.dx link" {
		t.Errorf("readNames = %q, %v", got, err)
	}
	if names, err := readNames(filepath.Join(dir, "none")); err == nil || names != nil {
		t.Errorf("a missing folder has names %q", names)
	}
	if names, err := readNames(filepath.Join(dir, "foo.d", "x")); len(names) != 0 {
		t.Errorf("a file has names %q, %v", names, err)
	}
}
