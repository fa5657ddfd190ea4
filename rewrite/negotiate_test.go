package rewrite

import (
	"sort"
	"strconv"
	"strings"
	"testing"
)

// listedEnv is a fakeEnv whose folders can be read once they were asked for
// before.
type listedEnv struct {
	*fakeEnv
	slow, closed bool
	asked        int
}

func (e *listedEnv) FolderNames(dir string) ([]string, bool) {
	e.asked++
	if e.slow && e.asked == 1 {
		return nil, false
	}
	if e.closed {
		return nil, true
	}
	names := []string{}
	for p, f := range e.files {
		if rest, in := strings.CutPrefix(p, dir); in && !strings.Contains(rest, "/") {
			if f.Kind == Directory {
				rest += "/"
			}
			names = append(names, rest)
		}
	}
	sort.Strings(names)
	return names, true
}

const views = "Options +MultiViews\nAddLanguage en .en\nAddLanguage de .de\nAddEncoding x-gzip .gz\n"

// TestMultiViews holds what Apache 2.4 answers (TestNegotiationAsApache has more
// of it, where there is one).
func TestMultiViews(t *testing.T) {
	for _, c := range []struct{ htaccess, target, field, want string }{
		{"", "/page", "", "file /page.html.de | Content-Location: page.html.de | TCN: choice | Vary: negotiate,accept-language"},
		{"", "/page", "Accept-Language: en", "file /page.html.en | Content-Location: page.html.en | TCN: choice | Vary: negotiate,accept-language"},
		{"", "/page", "Accept-Language: fr", "status 406 | Alternates: {\"page.html.de\" 1 {type text/html} {language de} {length 5}}, " +
			"{\"page.html.en\" 1 {type text/html} {language en} {length 9}} | TCN: list | Vary: negotiate,accept-language"},
		{"ForceLanguagePriority Fallback\nLanguagePriority en de\n", "/page", "Accept-Language: fr", "file /page.html.en | Content-Location: page.html.en | TCN: choice | Vary: negotiate,accept-language"},
		{"LanguagePriority en de\n", "/page", "", "file /page.html.en | Content-Location: page.html.en | TCN: choice | Vary: negotiate,accept-language"},
		{"", "/page", "Negotiate: trans", "status 300 | Alternates: {\"page.html.de\" 1 {type text/html} {language de} {length 5}}, " +
			"{\"page.html.en\" 1 {type text/html} {language en} {length 9}} | TCN: list | Vary: negotiate,accept-language"},
		{"", "/page.html.en", "", "file /page.html.en"},
		{"", "/js", "", "file /js.txt | Content-Location: js.txt | TCN: choice | Vary: negotiate,accept-encoding"},
		{"", "/js", "Accept-Encoding: gzip", "file /js.txt.gz | Content-Encoding: gzip | Content-Location: js.txt.gz | TCN: choice | Vary: negotiate,accept-encoding"},
		{"", "/js/a/b?c", "", "status 404"}, // no PATH_INFO for files
		{"Options -MultiViews\n", "/page", "", "status 404"},
		{"RewriteEngine On\nRewriteRule ^page$ hello.php\n", "/page", "", "file /page.html.de | Content-Location: page.html.de | TCN: choice | Vary: negotiate,accept-language"},
		{"", "/hello", "", "status 404"}, // .php has no media type
		{"AddType application/x-httpd-php .php\n", "/hello", "", "script /hello.php | Content-Location: hello.php | TCN: choice | Vary: negotiate"},
		{"AddType application/x-httpd-php .php\n", "/hello/a?b", "", "script /hello.php +/a ?b"},
		{"MultiviewsMatch Any\n", "/hello", "", "script /hello.php | Content-Location: hello.php | TCN: choice | Vary: negotiate"},
		{"", "/none", "", "status 404"},
	} {
		q, e := world(t, views+c.htaccess)
		for name, size := range map[string]int64{"page.html.de": 5, "page.html.en": 9, "js.txt": 50, "js.txt.gz": 9} {
			e.files["/srv/"+name] = FileInfo{Kind: Regular, Size: size}
		}
		e.files["/srv/page.d"] = FileInfo{Kind: Directory}
		q.Env, q.Target = &listedEnv{fakeEnv: e}, c.target
		if name, value, ok := strings.Cut(c.field, ": "); ok {
			q.Fields = append(q.Fields, Field{name, value})
		}
		a := q.Run()
		p := &Response{Status: a.Status}
		if a.Meta.Encoding != "" {
			p.Fields = append(p.Fields, Field{"Content-Encoding", a.Meta.Encoding})
		}
		a.Respond(p)
		fields := append(p.Always, p.Fields...)
		sort.Slice(fields, func(i, j int) bool { return fields[i].Name < fields[j].Name })
		got := summary(q, a)
		for _, f := range fields {
			got += " | " + f.Name + ": " + f.Value
		}
		if strings.Contains(c.target, "?") {
			got, _, _ = strings.Cut(got, " |")
		}
		if got != c.want {
			t.Errorf("%q %s %s:\n got  %s\n want %s", c.htaccess, c.target, c.field, got, c.want)
		}
		if listed := a.Variants != ""; listed != (a.Status == 300 || a.Status == 406) {
			t.Errorf("%s %s: status %d with variants %q", c.target, c.field, a.Status, a.Variants)
		}
	}
}

func TestFolderReader(t *testing.T) {
	q, e := world(t, views)
	e.files["/srv/page.txt"] = FileInfo{Kind: Regular}
	for _, c := range []struct {
		env  Env
		want []string
	}{
		{&listedEnv{fakeEnv: e, slow: true}, []string{"pending 0", "file /page.txt"}},
		{&listedEnv{fakeEnv: e, closed: true}, []string{"status 403"}},
		{e, []string{"status 404"}},
	} {
		q.Env = c.env
		for i, want := range c.want {
			q.Reset()
			q.Target = "/page"
			if got := summary(q, q.Run()); got != want {
				t.Errorf("%T, run %d: got %q, want %q", c.env, i, got, want)
			}
		}
	}
}

func TestVariantsBound(t *testing.T) {
	q, e := world(t, views)
	for i := range 2 * variantsMax {
		e.files["/srv/page."+itoa(i+1)+".txt"] = FileInfo{Kind: Regular}
		e.files["/srv/page.txt."+itoa(i+1)+".de"] = FileInfo{Kind: Regular}
	}
	env := &listedEnv{fakeEnv: e}
	q.Env, q.Target = env, "/page.txt"
	q.Fields = append(q.Fields, Field{"Accept", strings.Repeat("a/b,", 5000) + "text/plain"})
	if got := summary(q, q.Run()); got != "status 404" {
		t.Errorf("got %q", got)
	}
	if n := len(q.records); n > variantsMax+2 || len(e.logs) != 2 || !strings.HasPrefix(e.logs[0], "only 256 files") {
		t.Errorf("%d records; %q", n, e.logs)
	}
	if n := len(q.acceptList("Accept").items); n != acceptItemsMax {
		t.Errorf("%d items of Accept", n)
	}
}

func TestAcceptItems(t *testing.T) {
	for in, want := range map[string]string{
		"text/html;q=0.5, text/plain": "text/html 0.5 2|text/plain 1 0",
		"TEXT/HTML ; Level=3 ; Q=.25": "text/html 0.25 3",
		"a b;q=0,c;q=2":               "a 1 0|b 0 0|c 1 0",
		`a;x="q=0,;";q="0.125"`:       "a 0.125 0",
		" , ;q=0":                     " 1 0| 0 0",
		"a;q=0.98765":                 "a 0.987 0",
		"a;q":                         "a 1 0",
	} {
		q := &Request{Fields: []Field{{"Accept", in}}}
		var got []string
		for _, a := range q.acceptList("Accept").items {
			got = append(got, a.name+" "+strings.TrimSuffix(strings.TrimRight(floatText(a.quality), "0"), ".")+" "+itoa(int(a.level)))
		}
		if s := strings.Join(got, "|"); s != want {
			t.Errorf("%q: got %q, want %q", in, s, want)
		}
	}
}

func floatText(f float32) string { return strconv.FormatFloat(float64(f), 'f', 3, 32) }

func FuzzAccept(f *testing.F) {
	for _, s := range []string{"", "text/html;q=0.5,*/*", `;;,"`, "a;q=.", "\"a\\\",b", "*;q=0, x-gzip"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		q := &Request{Fields: []Field{{"Accept", s}, {"Negotiate", s}}}
		l := q.acceptList("Accept")
		for _, a := range l.items {
			if !(a.quality >= 0 && a.quality <= 1) || a.name != toLower(a.name) {
				t.Errorf("%q: %+v", s, a)
			}
		}
		if n := q.negotiate(); n.remote && !n.choose {
			t.Errorf("%q: %+v", s, n)
		}
	})
}
