package site

import (
	"testing"

	"sluice/cgi"
	"sluice/http1"
	"sluice/loop"
	"sluice/rewrite"
)

// silent is a Stream that keeps nothing.
type silent struct{ status int }

func (s *silent) Continue()                            {}
func (s *silent) Head(h *Head)                         { s.status = h.Status }
func (s *silent) Write([]byte)                         {}
func (s *silent) WriteShared([]byte)                   {}
func (s *silent) WriteFile(f loop.FileRef, _, _ int64) { f.Release() }
func (s *silent) Full() bool                           { return false }
func (s *silent) Finish()                              {}
func (s *silent) Break()                               {}
func (s *silent) PauseContent()                        {}
func (s *silent) ResumeContent()                       {}
func (s *silent) Report(Report)                        {}

const wordpressRules = `
RewriteEngine On
RewriteRule .* - [E=HTTP_AUTHORIZATION:%{HTTP:Authorization}]
RewriteBase /
RewriteRule ^index\.php$ - [L]
RewriteCond %{REQUEST_FILENAME} !-f
RewriteCond %{REQUEST_FILENAME} !-d
RewriteRule . /index.php [L]
`

// ruledHost is a site over a folder, with or without a .htaccess.
func ruledHost(tb testing.TB, htaccess string, obeyed bool) *Host {
	tb.Helper()
	files := map[string]string{"index.php": "<?php", "style.css": "body{}", "wp-content/a/b.css": "x"}
	if htaccess != "" {
		files[".htaccess"] = htaccess
	}
	o := options(tree(tb, files))
	if obeyed {
		o.Htaccess = &Htaccess{Allowed: rewrite.OverrideAll}
	}
	return hostOf(tb, o)
}

func ask(tb testing.TB, h *Host, head string) func() {
	tb.Helper()
	var p http1.Parser
	var hd http1.Head
	p.Init(&http1.Limits{})
	p.Begin(&hd)
	if _, ev, err := p.Feed([]byte(head)); err != nil || ev != http1.HeadComplete {
		tb.Fatal(ev, err)
	}
	x, out := &Exchange{}, &silent{}
	return func() {
		x.Reset()
		x.Req, x.Stream = &hd.Request, out
		h.Serve(x)
	}
}

var benchFields = []string{"Host: example.org", "User-Agent: Mozilla/5.0 (X11; Linux x86_64)", "Accept: text/html", "Accept-Language: en", "Cookie: a=1; b=2"}

func BenchmarkStatic(b *testing.B) {
	for _, bb := range []struct {
		name, htaccess string
		obeyed         bool
	}{{"off", "", false}, {"none", "", true}, {"wordpress", wordpressRules, true}} {
		b.Run(bb.name, func(b *testing.B) {
			do := ask(b, ruledHost(b, bb.htaccess, bb.obeyed), request("GET", "/wp-content/a/b.css", benchFields...))
			do()
			b.ReportAllocs()
			for b.Loop() {
				do()
			}
		})
	}
}

// A file in a folder without .htaccess costs no memory, whether rules are obeyed
// or not.
func TestStaticWithoutRulesDoesNotAllocate(t *testing.T) {
	for _, obeyed := range []bool{false, true} {
		h := ruledHost(t, "", obeyed)
		t.Cleanup(h.Close)
		do := ask(t, h, request("GET", "/wp-content/a/b.css", benchFields...))
		do()
		if n := testing.AllocsPerRun(200, do); n != 0 {
			t.Errorf("rules obeyed: %t: %v allocations per request", obeyed, n)
		}
	}
}

// BenchmarkScript has a script run by nobody: it is what the rules add to one.
func BenchmarkScript(b *testing.B) {
	for _, bb := range []struct {
		name, htaccess string
		obeyed         bool
	}{{"off", "", false}, {"none", "", true}, {"wordpress", wordpressRules, true}} {
		b.Run(bb.name, func(b *testing.B) {
			h := ruledHost(b, bb.htaccess, bb.obeyed)
			var p http1.Parser
			var hd http1.Head
			p.Init(&http1.Limits{})
			p.Begin(&hd)
			if _, _, err := p.Feed([]byte(request("GET", "/index.php", benchFields...))); err != nil {
				b.Fatal(err)
			}
			x, out := &Exchange{}, &silent{}
			var sink pairCount
			told := func(e *cgi.Environment) { e.Emit(&sink) }
			b.ReportAllocs()
			for b.Loop() {
				x.Reset()
				x.Req, x.Stream, x.Rehearse = &hd.Request, out, told
				h.Serve(x)
			}
		})
	}
}

type pairCount int

func (c *pairCount) Pair(name, value []byte) { *c += pairCount(len(name) + len(value)) }
