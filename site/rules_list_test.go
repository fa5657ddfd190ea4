package site

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func listedFiles() map[string]string {
	return map[string]string{
		".htaccess": "Options +Indexes\nIndexOptions FancyIndexing\nHeader set X-Rule yes\n",
		"l/b.txt":   "bb", "l/a.txt": "a", "l/.hidden": "h", "l/.git/config": "h", "l/Z/x": "", "l/app.php": phpSource, "l/old.bak": "b", "l/UPPER": "",
		"l/<b>&\"x.txt": "x", "l/ignored.log": "i", "l/denied/.htaccess": "Require all denied\n", "l/100%.txt": "p", "l/sp ace?.txt": "s", "l/refused.txt": "r",
		"l/.htaccess":   "IndexIgnore *.log\n<Files refused.txt>\nRequire all denied\n</Files>\nHeaderName head.html\nReadmeName foot.txt\n",
		"l/head.html":   "<h2>top</h2>",
		"l/foot.txt":    "<bottom>",
		"off/.htaccess": "Options -Indexes\n", "off/a": "",
		"index/a": "", "index/index.html": "own",
		"bad/.htaccess": "HeaderName /app.php\nReadmeName /.env\n", "bad/a": "", "app.php": phpSource, ".env": "secret",
		"priv/a": "", "down/.htaccess": "IndexOrderDefault Descending Name\nIndexOptions +IgnoreCase\n", "down/a": "", "down/b": "", "down/c": "",
	}
}

// inOrder tells whether all parts are in s, one behind the other.
func inOrder(s string, parts ...string) bool {
	for _, p := range parts {
		i := strings.Index(s, p)
		if i < 0 {
			return false
		}
		s = s[i+len(p):]
	}
	return true
}

func TestListing(t *testing.T) {
	onLoops(t, func(t *testing.T, l *running) {
		o := ruledOptions(tree(t, listedFiles()))
		o.Deny = below{"/priv"}
		l.start(o)
		rec := l.serve(get("/l/"))
		body := rec.body.String()
		expect(t, "list", rec, 200, "X-Rule: yes", "Content-Type: text/html;charset=UTF-8")
		if int64(rec.body.Len()) != rec.length {
			t.Errorf("length %d, said %d", rec.body.Len(), rec.length)
		}
		if !inOrder(body, "<h2>top</h2>", "100%25.txt", "%3cb%3e", "UPPER", "Z/", "a.txt", "app.php", "b.txt", "&lt;bottom&gt;") && !inOrder(body, "<h2>top</h2>", "a.txt", "b.txt", "&lt;bottom&gt;") {
			t.Errorf("order: %s", body)
		}
		for _, not := range []string{".hidden", ".git", ".htaccess", "ignored.log", "denied", "refused.txt", "<b>", "<bottom>", phpSource, "sp ace?.txt\""} {
			if strings.Contains(body, not) {
				t.Errorf("shows %q: %s", not, body)
			}
		}
		for _, link := range []string{`href="a.txt"`, `href="100%25.txt"`, `href="Z/"`, `href="sp%20ace%3f.txt"`, `href="/"`} {
			if !strings.Contains(strings.ToLower(body), strings.ToLower(link)) {
				t.Errorf("no %s: %s", link, body)
			}
		}
		if body := l.serve(get("/l/?C=N;O=D")).body.String(); !inOrder(body, `href="b.txt"`, `href="a.txt"`) {
			t.Errorf("descending: %s", body)
		}
		if body := l.serve(get("/down/")).body.String(); !inOrder(body, `href="c"`, `href="b"`, `href="a"`) {
			t.Errorf("descending by default: %s", body)
		}
		if body := l.serve(get("/")).body.String(); strings.Contains(body, "priv") || !strings.Contains(body, `href="l/"`) {
			t.Errorf("a denied path in: %s", body)
		}
		body = l.serve(get("/bad/")).body.String()
		if strings.Contains(body, "source") || strings.Contains(body, "secret") {
			t.Errorf("an insert that must not be read: %s", body)
		}
		for _, tt := range []struct {
			head   string
			status int
		}{
			{get("/off/"), 403},
			{get("/l"), 301},
			{get("/priv/"), 404},
			{get("/l/denied/"), 403},
			{get("/l/.git/"), 404},
			{request("POST", "/l/", "Host: x"), 404},
			{request("HEAD", "/l/", "Host: x"), 200},
		} {
			expect(t, tt.head, l.serve(tt.head), tt.status)
		}
		if body := l.serve(get("/index/")).body.String(); body != "own" {
			t.Errorf("a folder with an index: %q", body)
		}
	})
}

// A link in a query or a path is text, never markup.
func TestListingIsNoHole(t *testing.T) {
	onLoops(t, func(t *testing.T, l *running) {
		l.start(ruledOptions(tree(t, map[string]string{".htaccess": "Options +Indexes\nIndexOptions FancyIndexing\n", "<script>x<": "", "<i>/\"onload=x": "", "d/javascript:alert(1)": ""})))
		for _, target := range []string{"/", "/%3Ci%3E/", "/?C=N%22%3E%3Cscript%3E", "/?C=N;O=A\"><script>", "/d/", "/?P=<script>*"} {
			rec := l.serve(get(target))
			expect(t, target, rec, 200)
			if body := rec.body.String(); strings.Contains(body, "<script>") || strings.Contains(body, "<i>") || strings.Contains(body, `"onload=`) || strings.Contains(body, `href="javascript:`) {
				t.Errorf("%s: %s", target, body)
			}
		}
	})
}

// What leads out of the root is not told of.
func TestListingOfLinks(t *testing.T) {
	onLoops(t, func(t *testing.T, l *running) {
		outside := tree(t, map[string]string{"secret.txt": "0123456789"})
		dir := tree(t, map[string]string{".htaccess": "Options +Indexes\nIndexOptions FancyIndexing\n", "in.txt": ""})
		for name, to := range map[string]string{"leak.txt": filepath.Join(outside, "secret.txt"), "nowhere": filepath.Join(outside, "none"), "good": filepath.Join(dir, "in.txt")} {
			if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
				t.Skip(err)
			}
		}
		l.start(ruledOptions(dir))
		body := l.serve(get("/")).body.String()
		if strings.Contains(body, "leak") || strings.Contains(body, "nowhere") || !strings.Contains(body, `href="good"`) || !strings.Contains(body, `href="in.txt"`) {
			t.Errorf("%s", body)
		}
	})
}

// Who may see a folder is not known before his password is; it is left out.
func TestListingOfGuardedFolder(t *testing.T) {
	onLoops(t, func(t *testing.T, l *running) {
		o := guarded(t)
		if err := os.WriteFile(filepath.Join(o.Roots[0].Config.Root, ".htaccess"), []byte("Options +Indexes\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		l.start(o)
		for _, fields := range [][]string{nil, {as("bcrypt", "secret")}, {as("bcrypt", "wrong")}} {
			rec := l.serve(get("/", fields...))
			if body := rec.body.String(); strings.Contains(body, `href="in/"`) || !strings.Contains(body, "open.txt") {
				t.Errorf("%q: %s", fields, body)
			}
		}
		expect(t, "in", l.serve(get("/in/a.txt", as("bcrypt", "secret"))), 200)
		if body := l.serve(get("/", as("bcrypt", "secret"))).body.String(); !strings.Contains(body, `href="in/"`) {
			t.Errorf("a password that is known: %s", body)
		}
	})
}

func TestListingThatIsTooLong(t *testing.T) {
	if testing.Short() {
		t.Skip("makes many files")
	}
	dir := t.TempDir()
	for i := range listingEntriesMax + 1 {
		if err := os.Symlink("x", filepath.Join(dir, fmt.Sprintf("f%06d", i))); err != nil {
			t.Skip(err)
		}
	}
	if list, err := readFolder(dir); err == nil || !strings.Contains(err.Error(), "too many to list") {
		t.Errorf("%d entries, %v", len(list), err)
	}
	if err := os.Remove(filepath.Join(dir, "f000000")); err != nil {
		t.Fatal(err)
	}
	if list, err := readFolder(dir); err != nil || len(list) != 0 { // links that lead nowhere
		t.Errorf("%d entries, %v", len(list), err)
	}
	if _, err := readFolder(filepath.Join(dir, "none")); err == nil {
		t.Error("a folder that is not there was read")
	}
}

// A folder that vanishes between the rules and the reading is an error, and a
// client that leaves meanwhile gets nothing.
func TestListingInterrupted(t *testing.T) {
	onLoops(t, func(t *testing.T, l *running) {
		dir := tree(t, map[string]string{".htaccess": "Options +Indexes\n", "gone/a": "", "a": ""})
		l.start(ruledOptions(dir))
		var x, y *Exchange
		var first, second *recorder
		x, first = exchange(t, get("/gone/"))
		y, second = exchange(t, get("/"))
		expect(t, "before", l.serve(get("/gone/")), 200)
		l.do(func() {
			l.host.Serve(visitor(x))
			x.Gone()
			x.Reset()
			x.Req, x.Stream = y.Req, second
			l.host.Serve(visitor(x))
		})
		l.until("the second", func() bool { return second.finished == 1 })
		l.do(func() {
			if first.heads != 0 || second.status != 200 || second.heads != 1 {
				t.Errorf("first %d heads, second %d, %d heads", first.heads, second.status, second.heads)
			}
		})
		l.do(func() {
			x, first = exchange(t, get("/gone/"))
			l.host.Serve(visitor(x))
			a, page := x.ruling.a, fmt.Errorf("site: %w", os.ErrPermission)
			x.Gone() // its own reading is over
			x.done = false
			x.sendListing(a, nil, page)
		})
		l.do(func() { expect(t, "unreadable", first, 500) })
	})
}
