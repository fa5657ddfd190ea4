package rewrite

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCorpus reads every file of the corpus: none is refused but those that
// Apache refuses too.
func TestCorpus(t *testing.T) {
	paths, err := filepath.Glob(oracleDir + "corpus/*.htaccess")
	if err != nil || len(paths) == 0 {
		t.Skip("the corpus is not here")
	}
	skipped := map[string]int{}
	for _, p := range paths {
		b, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		text := strings.ReplaceAll(string(b), "@DOCROOT@", "/srv")
		f := CompileAll(text, filepath.Base(p), "/srv/", &Dialect{Allowed: OverrideAll})
		if f.Fault != nil {
			t.Errorf("%s", f.Fault)
		}
		for _, n := range f.Findings {
			if n.Level == Skipped {
				skipped[toLower(n.Directive)]++
			}
		}
	}
	t.Logf("%d files, skipped: %v", len(paths), skipped)
}

// TestCorpusPatterns compares the fast and the slow engine, and the literal
// filter, on every pattern of the corpus and on every URL of the cases.
func TestCorpusPatterns(t *testing.T) {
	paths, err := filepath.Glob(oracleDir + "corpus/*.htaccess")
	if err != nil || len(paths) == 0 {
		t.Skip("the corpus is not here")
	}
	subjects := []string{
		"", "/", "index.php", "wp-admin/", "a/b/c.css", "static.txt", "eval(base64_decode", "union all select",
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/120 Safari/537.36", "semalt.com", "../../etc/passwd",
		"/vendor/phpunit/x.php", "caf\xc3\xa9", "GLOBALS=1", "mosConfig_x=1", "a=%3Cscript%3E", ".git/config", "HTTrack 3.0",
	}
	patterns := 0
	for _, p := range paths {
		b, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		tree, fault := parseTree(p, string(b))
		if fault != nil {
			continue
		}
		eachPattern(tree, func(source string, fold bool) {
			patterns++
			comparePattern(t, source, fold, subjects)
		})
	}
	t.Logf("%d patterns", patterns)
}

func eachPattern(tree []*node, yield func(source string, fold bool)) {
	for _, n := range tree {
		eachPattern(n.children, yield)
		switch n.key {
		case "rewriterule", "rewritecond":
			a, count, _, err := rewriteArgs(n.args)
			if err != nil {
				continue
			}
			p := a[1]
			if n.key == "rewriterule" {
				p = a[0]
			}
			p = strings.TrimPrefix(p, "!")
			yield(p, count > 2 && strings.Contains(toUpper(a[2]), "NC"))
		case "redirectmatch":
			for _, w := range words(n.args) {
				yield(w, false)
			}
		case "setenvifnocase", "setenvif":
			if w := words(n.args); len(w) > 1 {
				yield(w[1], n.key == "setenvifnocase")
			}
		}
	}
}

// comparePattern holds that filter, fast and slow engine agree.
func comparePattern(t testing.TB, source string, fold bool, subjects []string) {
	t.Helper()
	p, err := CompilePattern(source, fold)
	if err != nil || p.fast == nil {
		return
	}
	tr, err := translate(source, fold)
	if err != nil {
		t.Fatal(err)
	}
	again := newTranslator(source, fold, true)
	if err := again.run(); err != nil {
		t.Fatal(err)
	}
	if tr.slow {
		return
	}
	slow, err := compileSlow(again.out.String())
	if err != nil {
		return
	}
	for _, s := range subjects {
		var a, b, c Match
		x := p.Find(s, &a)
		y, err := slow.match(s, &b)
		same := x == y && a.Group(0) == b.Group(0) && a.Group(1) == b.Group(1) && a.Group(2) == b.Group(2)
		if err == nil && !same { // an error: it took too long, which says nothing
			t.Errorf("pattern %q (fold %v) on %q: fast %v %q %q, slow %v %q %q", source, fold, s, x, a.Group(0), a.Group(1), y, b.Group(0), b.Group(1))
		}
		if z := p.find(s, &c); z != x {
			t.Errorf("pattern %q on %q: %v with the filter, %v without", source, s, x, z)
		}
		if p.MatchString(s) != x {
			t.Errorf("pattern %q on %q: MatchString and Find disagree", source, s)
		}
	}
}
