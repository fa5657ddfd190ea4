//go:build linux

package integration

import (
	"bytes"
	"fmt"
	"html"
	"image"
	"image/color"
	"image/png"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// wiki is a wiki under test and who is logged in.
type wiki struct {
	*server
	site  site
	agent *agent
	like  *server // sluice over the same folder, as open as a stock Apache
	fpm   string  // the php-fpm that Apache asks
}

// wikiPassword has what forms, shells and URLs have to quote.
const wikiPassword = `a long Pass & phrase+7!`

// wikiStep stands on the ones before it.
type wikiStep struct {
	name string
	run  func(*testing.T, *wiki)
}

// go through the steps; the first failure ends it.
func (w *wiki) steps(t *testing.T, steps []wikiStep) {
	t.Helper()
	for _, step := range steps {
		ok := t.Run(step.name, func(t *testing.T) {
			w.agent.t = t
			step.run(t, w)
		})
		if !ok {
			t.Fatalf("step %q failed; the rest stands on it", step.name)
		}
	}
}

// startWiki serves the folder with PHP as the words say (php of a site).
func startWiki(t *testing.T, st site, php, more string) *server {
	t.Helper()
	if os.Getenv("INTEGRATION_HOST") == "nginx" {
		t.Skip("this is about .htaccess files, which nginx does not read")
	}
	if !hostIsSluice() {
		return startHost(t, st)
	}
	var ini strings.Builder
	for _, key := range sortedKeys(st.ini) {
		fmt.Fprintf(&ini, "%q = %q, ", key, st.ini[key])
	}
	return startSluiceConf(t, fmt.Sprintf(`
listen = ["{addr}"]
[[site]]
root = %q
%s
[site.php]
%s
workers = %d
ini = { %s }
`, st.root, more, php, st.workerCount(), strings.TrimSuffix(ini.String(), ", ")))
}

// hidden are the hidden fields of the form that has the text in its tag, as the
// page came; the caller fills in the others.
func (p page) hidden(t testing.TB, form string) url.Values {
	t.Helper()
	_, rest, ok := strings.Cut(p.body, form)
	if !ok {
		t.Fatalf("%s: no form with %q\n%s", p.url, form, excerpt(p.body))
	}
	rest, _, _ = strings.Cut(rest, "</form>")
	values := url.Values{}
	for _, tag := range inputTag.FindAllString(rest, -1) {
		attribute := map[string]string{}
		for _, m := range tagAttribute.FindAllStringSubmatch(tag, -1) {
			attribute[m[1]] = html.UnescapeString(m[2] + m[3])
		}
		if attribute["type"] == "hidden" {
			values.Add(attribute["name"], attribute["value"])
		}
	}
	return values
}

var (
	inputTag     = regexp.MustCompile(`<input\b[^>]*>`)
	tagAttribute = regexp.MustCompile(`([\w-]+)=(?:"([^"]*)"|'([^']*)')`)
)

// wikiPicture is a PNG of 400 by 300 that no optimiser would make smaller than
// its thumbnails.
func wikiPicture(t testing.TB) []byte {
	t.Helper()
	img := image.NewNRGBA(image.Rect(0, 0, 400, 300))
	for y := range 300 {
		for x := range 400 {
			img.SetNRGBA(x, y, color.NRGBA{uint8(x * y), uint8(x ^ y), uint8(x + 3*y), 255})
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// wantPNG fails the test unless the page is a whole PNG of that width.
func (p page) wantPNG(t testing.TB, width int) {
	t.Helper()
	p.want(t, 200)
	if got := p.header.Get("Content-Type"); got != "image/png" {
		t.Errorf("%s: Content-Type %q, want image/png", p.url, got)
	}
	img, err := png.Decode(strings.NewReader(p.body))
	if err != nil {
		t.Fatalf("%s: %d bytes: %v", p.url, len(p.body), err)
	}
	if got := img.Bounds().Dx(); got != width {
		t.Errorf("%s: a picture %d wide, want %d", p.url, got, width)
	}
}

// visit opens a page in a browser and wants its title and text, every request
// of it answered and nothing on the console.
func (w *wiki) visit(t *testing.T, path, title, text string) {
	t.Helper()
	b := startBrowser(t)
	b.open(w.url(path))
	b.awaitScript("document.readyState == 'complete'")
	if got := fmt.Sprint(b.script("return document.title")); !strings.Contains(got, title) {
		t.Errorf("the browser's title is %q, want %q in it", got, title)
	}
	if got := fmt.Sprint(b.script("return document.body.innerText")); !strings.Contains(got, text) {
		t.Errorf("the browser shows no %q:\n%s", text, excerpt(got))
	}
	if broken := fmt.Sprint(b.script("return [...document.images].filter(i => !i.complete || !i.naturalWidth).map(i => i.src).join(' ')")); broken != "" {
		t.Errorf("broken pictures in the browser: %s", broken)
	}
	for _, f := range b.failures() {
		t.Errorf("failed request in the browser: %s", f)
	}
	for _, e := range b.consoleErrors() {
		t.Errorf("error in the browser's console: %s", e)
	}
	if n := b.requests(); n < 5 {
		t.Errorf("the browser logged %d requests: too few to have seen the page's styles and scripts", n)
	}
}

// openToOthers lets Apache, which drops root, read what PHP made as root or
// what a package keeps to itself.
func openToOthers(t testing.TB, root string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.Type()&os.ModeSymlink != 0 {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		mode := info.Mode().Perm() | 0o444
		if d.IsDir() {
			mode |= 0o111
		}
		return os.Chmod(path, mode)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// readText is a file as a string.
func readText(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// copyParts copies what the patterns name below a package's folder.
func copyParts(t testing.TB, from, to string, patterns []string) {
	t.Helper()
	for _, pattern := range patterns {
		found, err := filepath.Glob(filepath.Join(from, pattern))
		if err != nil || len(found) == 0 {
			t.Fatalf("integration: nothing is %s in %s: %v", pattern, from, err)
		}
		for _, path := range found {
			target := filepath.Join(to, strings.TrimPrefix(path, from))
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			if info.IsDir() {
				copyTree(t, path, target)
				continue
			}
			writeFile(t, target, readText(t, path))
		}
	}
}
