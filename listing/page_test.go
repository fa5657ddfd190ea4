package listing

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
)

var at = time.Date(2025, 1, 2, 3, 4, 5, 0, time.UTC)

func mustOptions(t testing.TB, words string) Options {
	t.Helper()
	o, err := ParseOptions(strings.Fields(words))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestRenderPlain(t *testing.T) {
	got := string(Render(nil, &Page{Path: "/a&b/c/", Entries: []Entry{{Name: "z"}, {Name: "j:<x>\"", Dir: true}}}))
	want := "<!DOCTYPE HTML PUBLIC \"-//W3C//DTD HTML 4.01//EN\" \"http://www.w3.org/TR/html4/strict.dtd\">\n" +
		"<html>\n <head>\n  <title>Index of /a&amp;b/c</title>\n </head>\n <body>\n<h1>Index of /a&amp;b/c</h1>\n" +
		"<ul><li><a href=\"/a&amp;b/\"> Parent Directory</a></li>\n" +
		"<li><a href=\"./j:%3cx%3e%22/\"> j:&lt;x&gt;&quot;/</a></li>\n" +
		"<li><a href=\"z\"> z</a></li>\n</ul>\n</body></html>\n"
	if got != want {
		t.Errorf("Render:\n%s", firstDifference(got, want))
	}
}

func TestRenderFancy(t *testing.T) {
	got := string(Render(nil, &Page{
		Path: "/", Query: "C=S;O=D;P=*", Options: mustOptions(t, "FancyIndexing SuppressHTMLPreamble NameWidth=12"), Header: &Insert{Content: []byte("HEAD\n")}, Readme: &Insert{Content: []byte("FOOT\n")},
		Entries: []Entry{{Name: "small", Size: 5, ModTime: at}, {Name: "big-and-quite-long", Size: 5000, ModTime: at, Description: "text"}},
	}))
	want := "HEAD\n<pre>      <a href=\"?C=N;O=A;P=*\">Name</a>         <a href=\"?C=M;O=A;P=*\">Last modified</a>      <a href=\"?C=S;O=A;P=*\">Size</a>  <a href=\"?C=D;O=A;P=*\">Description</a><hr>" +
		"      <a href=\"big-and-quite-long\">big-and-q..&gt;</a> 2025-01-02 03:04  4.9K  text\n" +
		"      <a href=\"small\">small</a>        2025-01-02 03:04    5   \n<hr></pre>\nFOOT\n"
	if got != want {
		t.Errorf("Render:\n%s", firstDifference(got, want))
	}
}

// A description cut inside a tag or an entity that never ends stays inside the text.
func TestCutDescription(t *testing.T) {
	v := view{Options: mustOptions(t, "FancyIndexing DescriptionWidth=12")}
	for s, want := range map[string]string{
		"short": "short", "exactly12chr": "exactly12chr", "thirteenchars": "thirteencha>", "Tom & Jerry and all": "Tom & Jerry and all",
		"<i>tags</i> take no room": "<i>tags</i> take n>", "&lt;&lt;&lt;&lt;&lt;&lt;&lt;&lt;&lt;&lt;&lt;&lt;": "&lt;&lt;&lt;&lt;&lt;&lt;&lt;&lt;&lt;&lt;&lt;&lt;", "<open": "<open",
	} {
		if got := v.cutDescription(s, 12); got != want {
			t.Errorf("cutDescription(%q) = %q, want %q", s, got, want)
		}
	}
}

// Everything on a page without texts of the owner: these tags, links whose
// reference has no quote, bracket or scheme, and text without any of them.
var (
	pageTag = regexp.MustCompile(`^</?(?:html|head|title|body|h1|ul|li|pre|table|tr|td|th|a|hr)(?: /)?>$` +
		`|^<!DOCTYPE [^<>]*>$|^<html xmlns="http://www.w3.org/1999/xhtml">$` +
		`|^<a href="[^"<>\x00-\x20\x7f-\xff]*">$|^<t[dh] (?:valign="top"|align="right"|colspan="\d")>$`)
	link = regexp.MustCompile(`<a href="([^"]*)"`)
)

// checkPage finds what a stranger got through.
func checkPage(page string) error {
	for text := page; ; {
		i := strings.IndexAny(text, "<>\"")
		if i < 0 {
			break
		}
		end := strings.IndexByte(text[i:], '>')
		if text[i] != '<' || end < 0 {
			return fmt.Errorf("unescaped %q in text", text[i])
		}
		if tag := text[i : i+end+1]; !pageTag.MatchString(tag) {
			return fmt.Errorf("tag %q", tag)
		}
		text = text[i+end+1:]
	}
	for _, m := range link.FindAllStringSubmatch(page, -1) {
		if strings.HasPrefix(m[1], "//") {
			return fmt.Errorf("another host in %q", m[1])
		}
		if href, _, _ := strings.Cut(m[1], "/"); !strings.HasPrefix(href, "?") && href != "." && strings.Contains(href, ":") {
			return fmt.Errorf("a scheme in %q", m[1])
		}
	}
	return nil
}

func TestCheckPageFinds(t *testing.T) {
	for _, bad := range []string{"<script>", "a\"b", "a>b", `<a href="x" onclick="y">`, `<a href="javascript:x">`, "<a href='x'>", `<a href="//host/">`, "<"} {
		if checkPage(bad) == nil {
			t.Errorf("checkPage(%q) found nothing", bad)
		}
	}
}

func FuzzRender(f *testing.F) {
	for _, q := range queries() {
		f.Add("/a/", "name", "other", q, "FancyIndexing")
	}
	for _, name := range oddNames {
		f.Add("/"+name+"/", name, name+name, "F=2;P="+name, "+HTMLTable +IconsAreLinks NameWidth=6")
	}
	f.Add("//host//x//", "a", "b", "", "")
	f.Add("/", "a", "b", "C=D", "FancyIndexing XHTML VersionSort IgnoreCase NameWidth=*")
	f.Fuzz(func(t *testing.T, path, one, two, query, words string) {
		if !strings.HasPrefix(path, "/") || strings.HasPrefix(one, "/") || strings.HasPrefix(two, "/") || one == "" || two == "" {
			return
		}
		o, err := ParseOptions(strings.Fields(words))
		if err != nil {
			return
		}
		page := &Page{Path: path, Query: query, Options: o, Entries: []Entry{
			{Name: one, Size: int64(len(two)), ModTime: at}, {Name: two, Dir: true, ModTime: at.Add(time.Hour)},
		}}
		first := string(Render(nil, page))
		if err := checkPage(first); err != nil {
			t.Fatalf("Render(%q, %q, %q, %q, %q): %v", path, one, two, query, words, err)
		}
		page.Entries[0], page.Entries[1] = page.Entries[1], page.Entries[0]
		if again := string(Render(nil, page)); one != two && again != first {
			t.Fatalf("the order of entries counts: %s", firstDifference(again, first))
		}
	})
}
