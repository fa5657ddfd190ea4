package listing

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

const apacheModuleDir = "/usr/lib/apache2/modules"

// apache is a real Apache over a folder of its own; .htaccess counts in it.
type apache struct {
	t        *testing.T
	root     string
	url      string
	compared *int
}

// startApache skips the test, saying why, where there is no Apache.
func startApache(t *testing.T) *apache {
	t.Helper()
	bin, err := exec.LookPath("apache2")
	if err != nil {
		bin = "/usr/sbin/apache2"
	}
	for _, need := range []string{bin, apacheModuleDir + "/mod_autoindex.so"} {
		if _, err := os.Stat(need); err != nil {
			t.Skipf("the differential with Apache did not run: %v (apt-get install apache2)", err)
		}
	}
	dir := t.TempDir()
	root := filepath.Join(dir, "root")
	must(t, os.Mkdir(root, 0o755))
	for _, d := range []string{dir, filepath.Dir(dir)} {
		must(t, os.Chmod(d, 0o755)) // the workers are another user
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	addr := l.Addr().String()
	must(t, l.Close())
	var conf strings.Builder
	for _, m := range []string{"mpm_event", "authz_core", "autoindex", "mime", "dir"} {
		fmt.Fprintf(&conf, "LoadModule %s_module %s/mod_%s.so\n", m, apacheModuleDir, m)
	}
	if os.Getuid() == 0 {
		conf.WriteString("User www-data\nGroup www-data\n")
	}
	fmt.Fprintf(&conf, "ServerName localhost\nListen %s\nPidFile %s/pid\nMutex file:%s default\nErrorLog %s/error.log\n", addr, dir, dir, dir)
	fmt.Fprintf(&conf, "TypesConfig /dev/null\nAddType text/html .html\nAddType text/plain .txt\n")
	fmt.Fprintf(&conf, "StartServers 1\nThreadsPerChild 8\nMinSpareThreads 8\nMaxSpareThreads 16\nMaxRequestWorkers 16\n")
	fmt.Fprintf(&conf, "DocumentRoot %s\nDirectoryIndex disabled\n<Directory %s>\nOptions Indexes\nAllowOverride All\nRequire all granted\n</Directory>\n", root, root)
	conf.WriteString("<FilesMatch \"^\\.ht\">\nRequire all denied\n</FilesMatch>\n")
	file := filepath.Join(dir, "apache.conf")
	must(t, os.WriteFile(file, []byte(conf.String()), 0o600))

	cmd := exec.Command(bin, "-d", dir, "-f", file, "-DFOREGROUND")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	must(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
		if text, err := os.ReadFile(filepath.Join(dir, "error.log")); err == nil && t.Failed() {
			t.Logf("apache: %s%s", out.String(), text)
		}
	})
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			_ = c.Close()
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("apache does not listen: %v: %s", err, out.String())
		}
	}
	return &apache{t, root, "http://" + addr, new(int)}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// get returns status, Content-Type and content.
func (a *apache) get(path, query string) (int, string, string) {
	a.t.Helper()
	target := a.url + string(appendEscapedPath(nil, path))
	if query != "" {
		target += "?" + query
	}
	resp, err := http.Get(target)
	must(a.t, err)
	body, err := io.ReadAll(resp.Body)
	must(a.t, err)
	must(a.t, resp.Body.Close())
	return resp.StatusCode, resp.Header.Get("Content-Type"), string(body)
}

// file makes a file with a size and an age.
func (a *apache) file(path string, size int64, age time.Duration) {
	a.t.Helper()
	name := filepath.Join(a.root, path)
	must(a.t, os.MkdirAll(filepath.Dir(name), 0o755))
	must(a.t, os.WriteFile(name, nil, 0o644))
	must(a.t, os.Truncate(name, size))
	at := time.Date(2025, 3, 9, 13, 5, 59, 123456789, time.Local).Add(-age)
	must(a.t, os.Chtimes(name, at, at))
}

// entries reads a folder as a caller of Render does.
func (a *apache) entries(path string, describe map[string]string, forbidden bool) []Entry {
	a.t.Helper()
	list, err := os.ReadDir(filepath.Join(a.root, path))
	must(a.t, err)
	var out []Entry
	for _, d := range list {
		info, err := d.Info()
		must(a.t, err)
		if forbidden || !strings.HasPrefix(d.Name(), ".ht") {
			out = append(out, Entry{
				Name: d.Name(), Dir: d.IsDir(), Size: info.Size(), ModTime: info.ModTime(),
				Description: describe[d.Name()],
			})
		}
	}
	// The order of the input must not count.
	rand.Shuffle(len(out), func(i, k int) { out[i], out[k] = out[k], out[i] })
	return out
}

// setup is one folder's configuration in both forms.
type setup struct {
	outer    string // IndexOptions of the root
	middle   string // and of the folder above
	inner    string
	order    string
	describe map[string]string
	query    string
	style    string
	insert   string
	extra    string // further lines of .htaccess
	page     func(*Page)
}

// compare asks Apache and renders, and wants the same octets.
func (a *apache) compare(path string, s setup) {
	a.t.Helper()
	var written []string
	defer func() {
		for _, name := range written {
			must(a.t, os.Remove(name))
		}
	}()
	write := func(dir, words, more string) {
		text := more
		if words != "" {
			text = "IndexOptions " + words + "\n" + more
		}
		name := filepath.Join(a.root, dir, ".htaccess")
		must(a.t, os.WriteFile(name, []byte(text), 0o644))
		written = append(written, name)
	}
	var more strings.Builder
	if s.order != "" {
		fmt.Fprintf(&more, "IndexOrderDefault %s\n", s.order)
	}
	for name, text := range s.describe {
		fmt.Fprintf(&more, "AddDescription \"%s\" %s\n", strings.ReplaceAll(text, `"`, `\"`), name)
	}
	if s.style != "" {
		fmt.Fprintf(&more, "IndexStyleSheet %s\n", s.style)
	}
	if s.insert != "" {
		fmt.Fprintf(&more, "IndexHeadInsert \"%s\"\n", s.insert)
	}
	more.WriteString(s.extra)
	var levels [][]string
	if path != "/" && s.outer != "" {
		write("/", s.outer, "")
		levels = append(levels, strings.Fields(s.outer))
	}
	if s.middle != "" {
		write(filepath.Dir(strings.TrimSuffix(path, "/")), s.middle, "")
		levels = append(levels, strings.Fields(s.middle))
	}
	write(path, s.inner, more.String())
	if s.inner != "" || more.Len() > 0 {
		levels = append(levels, strings.Fields(s.inner))
	}
	options, err := ParseOptions(levels...)
	status, kind, want := a.get(path, s.query)
	*a.compared++
	if (err != nil) != (status == 500) {
		a.t.Fatalf("ParseOptions(%q): %v, Apache's status %d", levels, err, status)
	}
	if err != nil {
		return
	}
	if status != 200 {
		a.t.Fatalf("%s: status %d", path, status)
	}
	p := Page{
		Path: path, Query: s.query, Entries: a.entries(path, s.describe, options.ShowForbidden()), Options: options,
		Order: s.order, StyleSheet: s.style, HeadInsert: s.insert,
	}
	if s.page != nil {
		s.page(&p)
	}
	if got := string(Render([]byte("before"), &p)); got != "before"+want {
		a.t.Fatalf("%s %+v:\n%s", path, s, firstDifference(got[len("before"):], want))
	}
	if got := options.ContentType(); got != kind {
		a.t.Fatalf("ContentType of %q = %q, Apache says %q", levels, got, kind)
	}
}

func firstDifference(got, want string) string {
	g, w := strings.SplitAfter(got, "\n"), strings.SplitAfter(want, "\n")
	for i := range max(len(g), len(w)) {
		var a, b string
		if i < len(g) {
			a = g[i]
		}
		if i < len(w) {
			b = w[i]
		}
		if a != b {
			return fmt.Sprintf("line %d\n  got  %q\n  want %q", i+1, a, b)
		}
	}
	return "equal"
}

// oddNames are what a stranger may upload.
var oddNames = []string{
	`<script>alert(1)<`, `"onmouseover=alert(1) x="`, `'apos'`, `a&amp;b`, `&lt;`, `100%25`, `50%`, `a b  c`,
	"javascript:alert(1)", ":colon", "a:b", "tab\tnew\nline", "\xff\xfe latin", "\xe4\xf6\xfc", "äöü", "日本語の長い長いファイル名です",
	"ABC", "abc", "Abd", "aBa", "_x", "~tilde", "back\\slash", "q?x=1", "hash#1", "semi;colon", "+plus+", "..dots", ".hidden", "...",
	"fn1.1.zz", "fn1.01.zz", "fn1.001.zz", "fn1.10.zz", "fn1.9.zz", "fn10", "fn9", "fn 9", "fn  10", "fn010", "fn01", "1", "10", "2", "02", "0.5", "0.10",
	strings.Repeat("long", 20), "exactly-twenty-three-ch", "exactly-twenty-four-chrs", "page.html", "note.txt", "a[b]c", "[", "x-]", "*", "?",
}

func (a *apache) populate() {
	sizes := []int64{
		0, 1, 9, 972, 973, 1023, 1024, 1025, 1075, 1076, 9216, 9216 + 972, 9216 + 973, 10239, 10240, 10751, 10752,
		972*1024 - 1, 972 * 1024, 973*1024 - 1, 973 * 1024, 1 << 20, 9<<20 + 972<<10, 10 << 20, 1<<30 + 1<<29, 11 << 30, 972 << 30,
	}
	for i, size := range sizes {
		a.file(fmt.Sprintf("/top/sizes/%02d", i), size, time.Duration(i)*36*time.Hour)
	}
	for c := 1; c < 256; c++ {
		if c != '/' {
			a.file("/top/octets/x"+string([]byte{byte(c)})+"y", int64(c), time.Duration(c%7)*time.Hour)
		}
	}
	for i, name := range oddNames {
		a.file("/top/odd/"+name, int64(i%11)*700, time.Duration(i%9)*1000*time.Hour)
	}
	for i, name := range []string{"dir", "Dir2", "dir10", "dir9", `<b>"dir"&`, "c:", "z"} {
		a.file("/top/odd/"+name+"/child", 5, 0)
		at := time.Date(2024, 2, i+1, 0, 0, 0, 0, time.Local)
		must(a.t, os.Chtimes(filepath.Join(a.root, "top/odd", name), at, at))
	}
	must(a.t, os.MkdirAll(filepath.Join(a.root, "top", `e<m>"p&t'y:`), 0o755))
}

var descriptions = map[string]string{
	"page.html": "<b>bold</b> text that is quite a bit longer than the column is wide",
	"note.txt":  "short", "fn10": "&auml;&ouml;&uuml; entities count once, do they not indeed", "fn9": "9", "ABC": "10", "dir9": "a folder &amp; more",
}

func TestAgainstApache(t *testing.T) {
	a := startApache(t)
	a.populate()
	options := []string{
		"", "None", "FancyIndexing", "FancyIndexing HTMLTable", "HTMLTable", "FancyIndexing XHTML", "HTMLTable XHTML", "XHTML",
		"FancyIndexing NameWidth=*", "FancyIndexing NameWidth=5", "FancyIndexing NameWidth=60 DescriptionWidth=*", "HTMLTable NameWidth=*",
		"HTMLTable NameWidth=12 DescriptionWidth=12", "FancyIndexing DescriptionWidth=20", "FancyIndexing -NameWidth -DescriptionWidth",
		"FancyIndexing NameWidth=7 NameWidth=*", "FancyIndexing NameWidth=4", "FancyIndexing DescriptionWidth=11", "FancyIndexing NameWidth",
		"FancyIndexing FoldersFirst", "FoldersFirst", "FancyIndexing FoldersFirst IgnoreCase", "FancyIndexing IgnoreCase", "FancyIndexing VersionSort",
		"FancyIndexing VersionSort IgnoreCase FoldersFirst", "VersionSort", "VersionSort IgnoreCase", "FancyIndexing SuppressColumnSorting",
		"HTMLTable SuppressColumnSorting", "FancyIndexing SuppressSize", "FancyIndexing SuppressLastModified", "FancyIndexing SuppressDescription",
		"FancyIndexing SuppressIcon", "FancyIndexing SuppressRules", "FancyIndexing SuppressIcon SuppressSize SuppressLastModified SuppressDescription SuppressRules",
		"HTMLTable SuppressSize", "HTMLTable SuppressLastModified", "HTMLTable SuppressDescription", "HTMLTable SuppressIcon", "HTMLTable SuppressRules",
		"FancyIndexing IconsAreLinks", "HTMLTable IconsAreLinks", "FancyIndexing IgnoreClient", "FancyIndexing SuppressHTMLPreamble", "FancyIndexing UseOldDateFormat",
		"HTMLTable UseOldDateFormat", "FancyIndexing Charset=UTF-8", "FancyIndexing Charset=", "FancyIndexing Type=text/plain", "FancyIndexing TrackModified ShowForbidden",
		"FancyIndexing IconWidth IconHeight=20", "FancyIndexing +HTMLTable", "+HTMLTable FancyIndexing", "+FancyIndexing +HTMLTable", "+FancyIndexing -FancyIndexing",
		"-FancyIndexing +FancyIndexing", "+FancyIndexing NameWidth=*", "None +FancyIndexing", "None FancyIndexing", "FancyIndexing None", "+None", "Nonsense",
		"-IconWidth=3", "-NameWidth=9", "fancyINDEXING htmltable", "FancyIndexing NameWidth=12junk",
	}
	t.Run("options", func(t *testing.T) {
		for _, o := range options {
			for _, query := range []string{"", "C=M;O=D", "C=S;O=A", "C=D&O=D", "C=N;O=D"} {
				a.in(t).compare("/top/odd/", setup{inner: o, query: query, describe: descriptions})
			}
		}
	})
	t.Run("queries", func(t *testing.T) {
		for _, query := range queries() {
			for _, o := range []string{"FancyIndexing", "HTMLTable VersionSort", "", "FancyIndexing IgnoreClient FoldersFirst"} {
				a.in(t).compare("/top/odd/", setup{inner: o, query: query, describe: descriptions})
			}
		}
	})
	t.Run("levels", func(t *testing.T) {
		r := rand.New(rand.NewPCG(4, 4))
		words := []string{
			"FancyIndexing", "+FancyIndexing", "-FancyIndexing", "HTMLTable", "+HTMLTable", "-HTMLTable", "+SuppressSize", "-SuppressSize", "NameWidth=*",
			"+NameWidth=30", "-NameWidth", "DescriptionWidth=*", "-DescriptionWidth", "+XHTML", "-XHTML", "None", "+FoldersFirst", "VersionSort", "Charset=UTF-8", "UseOldDateFormat",
		}
		pick := func() string {
			var out []string
			for range r.IntN(4) {
				out = append(out, words[r.IntN(len(words))])
			}
			return strings.Join(out, " ")
		}
		for i := range 400 {
			s := setup{outer: pick(), middle: pick(), inner: pick()}
			if i%2 == 0 {
				s.describe = descriptions
			}
			a.in(t).compare("/top/odd/", s)
		}
	})
	t.Run("order", func(t *testing.T) {
		for _, order := range []string{"Ascending Name", "descending name", "Ascending Date", "Descending Date", "Ascending Size", "Descending Size", "ascending Description", "Descending Description"} {
			for _, query := range []string{"", "C=S", "O=A", "O=D;V=1"} {
				for _, o := range []string{"FancyIndexing", "HTMLTable FoldersFirst", ""} {
					a.in(t).compare("/top/odd/", setup{inner: o, order: order, query: query, describe: descriptions})
				}
			}
		}
	})
	t.Run("folders", func(t *testing.T) {
		for _, path := range []string{"/", "/top/", "/top/sizes/", "/top/octets/", `/top/e<m>"p&t'y:/`, `/top/odd/<b>"dir"&/`, "/top/odd/c:/"} {
			for _, o := range []string{"FancyIndexing", "HTMLTable", "", "FancyIndexing NameWidth=*"} {
				for _, query := range []string{"", "C=S;O=D", "C=M;O=A;V=1", "V=1"} {
					a.in(t).compare(path, setup{inner: o, query: query})
				}
			}
		}
	})
	t.Run("random", func(t *testing.T) {
		r := rand.New(rand.NewPCG(7, 7))
		all := queries()
		for range 400 {
			var words []string
			for name := range flagWords {
				words = append(words, name)
			}
			slices.Sort(words)
			r.Shuffle(len(words), func(i, k int) { words[i], words[k] = words[k], words[i] })
			s := setup{inner: strings.Join(words[:r.IntN(9)], " "), query: all[r.IntN(len(all))], describe: descriptions}
			if r.IntN(3) == 0 {
				s.style = "/s.css?a&b"
				s.insert = "<meta name=robots>"
			}
			a.in(t).compare("/top/odd/", s)
		}
	})
	t.Run("frames", func(t *testing.T) { frames(a.in(t)) })
	t.Logf("%d answers compared", *a.compared)
}

func (a *apache) in(t *testing.T) *apache { return &apache{t, a.root, a.url, a.compared} }

// frames compares headers, readmes, style sheets and what surrounds them.
func frames(a *apache) {
	html := []byte("<h2>Hello <i>you</i></h2>\n")
	plain := []byte("1 < 2 & \"3\" > '2'\n")
	must(a.t, os.WriteFile(filepath.Join(a.root, "h.html"), html, 0o644))
	must(a.t, os.WriteFile(filepath.Join(a.root, "h.txt"), plain, 0o644))
	inserts := map[string]*Insert{"/h.html": {html, false}, "/h.txt": {plain, true}, "/missing.html": nil}
	for _, o := range []string{"", "SuppressHTMLPreamble", "FancyIndexing SuppressHTMLPreamble", "FancyIndexing", "HTMLTable XHTML AddAltClass", "FancyIndexing HTMLTable AddAltClass"} {
		for header, h := range inserts {
			for readme, r := range inserts {
				a.compare("/top/sizes/", setup{
					inner: o, extra: "HeaderName " + header + "\nReadmeName " + readme + "\n",
					page: func(p *Page) { p.Header, p.Readme = h, r },
				})
			}
		}
		for _, style := range []string{"", "/style.css"} {
			a.compare("/top/odd/", setup{inner: o, style: style, insert: "  <meta name='x'>", describe: descriptions})
		}
		a.compare("/top/odd/", setup{inner: o, extra: "IndexIgnore ..\n", page: func(p *Page) { p.HideParent = true }})
	}
	titles(a)
}

// titles compares ScanHTMLTitles.
func titles(a *apache) {
	for name, text := range map[string]string{
		"a.html": "<html><TITLE>First &amp; last</title>", "b.html": "<title>\r\n two\nlines </title>", "c.html": "no title",
		"d.html": "<<title>x", "e.html": "<title>unclosed", "f.txt": "<title>not HTML</title>", "g.html": "a\x00<title>behind zero</title>",
		"h.html": strings.Repeat("x", TitleBytesMax-20) + "<title>at the very end of it", "i.html": strings.Repeat("x", TitleBytesMax) + "<title>beyond",
	} {
		must(a.t, os.MkdirAll(filepath.Join(a.root, "top/titles"), 0o755))
		must(a.t, os.WriteFile(filepath.Join(a.root, "top/titles", name), []byte(text), 0o644))
	}
	for _, o := range []string{"ScanHTMLTitles FancyIndexing", "ScanHTMLTitles HTMLTable DescriptionWidth=*", "ScanHTMLTitles", "FancyIndexing"} {
		for _, query := range []string{"", "F=0", "F=1;C=D", "F=2;C=D;O=D"} {
			a.compare("/top/titles/", setup{inner: o, query: query, page: func(p *Page) {
				if !p.ScanTitles() {
					return
				}
				for i, e := range p.Entries {
					content, err := os.ReadFile(filepath.Join(a.root, "top/titles", e.Name))
					must(a.t, err)
					if strings.HasSuffix(e.Name, ".html") {
						p.Entries[i].Description = Title(content)
					}
				}
			}})
		}
	}
}

func queries() []string {
	list := []string{
		"F=0", "F=1", "F=2", "F=3", "V=0", "V=1", "V=2", "C=N", "C=M", "C=S", "C=D", "C=X", "O=D", "O=A", "O=X", "C", "C=", "C=NN", "C=N;", "C=N&&O=D",
		"C=S;O=D;F=2;V=1;P=*", "F=2&F=1&F=0", "F=0;F=2", "V=1;V=0;C=S", "c=S", "x=1;C=S", "C=S;x=1;O=D", "C=S;O=D;", ";C=S", "&", "=",
		"C=%53", "C=N;O=D;P=", "P=*;P=", "P=*;P=;P=%", "P=%", "P=%zz", "P=%2F", "P=%2f", "P=%00", "P=a+b", "P=a%20b*", "P=.*", "P=*.*", "P=%2e*",
		"P=?hidden", "P=[.]hidden", "P=\\*", "P=%5c*", "P=%22%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E", "P=%22%3E%3Cscript%3Ealert(1)", "P='onx", "P=&quot;C=S",
		"P=x&P=fn*;F=2", "P=%26quot%3B;F=2",
	}
	for _, pattern := range []string{
		"*", "**", "?", "??", "fn*", "FN*", "*1*", "fn?", "fn[0-9]", "fn[!0-9]*", "fn[^0-9]*", "[a-c]*", "[A-C]*", "[", "*[", "[]", "[]x]*", "[a", "[a-", "[a-]*", "x-[]]", "x[]-]]",
		"[!]]*", "*[bB]*", "a[b]c", "a[[]b[]]c", "[*]", "[?]", "*.zz", "*.*.zz", "fn1.*1.zz", "*.hidden", ".*", "..*", "...", "*\xff*", "[\x80-\xff]*", "[ä-ü]*", "[z-a]*", "[a-\xff]*", "[\x80-z]*", "*%*", "[--9]*",
		"[a-c-e]*", "*a*b*c*", "abc", "abc*", "*abc", "d*", "dir?*", "",
	} {
		var b strings.Builder
		for i := range len(pattern) {
			fmt.Fprintf(&b, "%%%02X", pattern[i])
		}
		list = append(list, "P="+b.String(), "C=N;O=D;P="+b.String()+";F=2")
	}
	return list
}
