package rewrite

import (
	"testing"
	"time"
)

// FuzzParse: no text panics or hangs the parser, the compiler, or a request.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		wordpress, serverText, "<If \"true\">\nHeader set A b\n</If>\n<Else>\n</Else>", "RewriteRule ^(", "<Files x>", "a\\\n b",
		"Options All -Indexes\nRewriteEngine On\nRewriteRule ^(.*)$ x/$1 [N]", "Require expr %{REQUEST_URI} =~ /x/",
		"SetEnvIf Host (.) A=$1\nRedirectMatch ^/(.)(.*) /$2$1\nErrorDocument 404 /x\nRewriteEngine on\nRewriteRule . %{LA-U:REQUEST_URI}${m:$1|%1}",
	} {
		f.Add(s, "/a/b?c=d")
	}
	f.Fuzz(func(t *testing.T, text, target string) {
		q, e := world(t, "")
		e.add(t, "/srv/", text)
		q.Target = target
		q.Fields = []Field{{"Host", "example.com"}, {"X", target}}
		a := q.Run()
		p := &Response{Status: a.Status, ContentType: "text/html", Own: a.Kind == AnswerStatus}
		if a.Kind != AnswerPending {
			a.Respond(p)
		}
		CompileAll(text, "x", "/srv", &Dialect{Allowed: OverrideFileInfo})
	})
}

// FuzzExpr: no expression panics, and it means the same each time.
func FuzzExpr(f *testing.F) {
	for _, s := range []string{
		`%{REQUEST_URI} =~ m#^/(a)#i && $1 == 'a'`, `-n req('Host') || !(1 -lt 2)`, `%{HTTP_HOST} in {'a', "b$0", tolower('C')}`,
		`'192.0.2.1' -ipmatch '192.0.2.0/24'`, `"a%{escape:x%{QUERY_STRING}}" -strmatch '*x*'`, `true and not false`, `unbase64(md5('x')) . '1' == 'x'`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, source string) {
		began := time.Now()
		defer func() {
			if d := time.Since(began); d > 500*time.Millisecond {
				t.Errorf("%d octets took %v", len(source), d)
			}
		}()
		q, _ := world(t, "")
		q.Target = "/a/b?c=d"
		r := q.Run().r
		if e, err := CompileExpr(source); err == nil {
			one, err1 := e.test(&exprScope{r: r})
			two, err2 := e.test(&exprScope{r: r})
			if one != two || (err1 == nil) != (err2 == nil) {
				t.Fatalf("%q is %v (%v), then %v (%v)", source, one, err1, two, err2)
			}
		}
		if e, err := CompileStringExpr(source); err == nil {
			if _, err := e.expand(&exprScope{r: r}); err != nil {
				t.Log(err)
			}
		}
	})
}

// FuzzPattern compares the translation for Go's regexp, with its filters, with
// the one for the back-tracking engine.
func FuzzPattern(f *testing.F) {
	for _, s := range []string{
		`^(a|b)*c$`, `(?i)[^k]\w+`, `a{2,3}?b`, `\x41\d[[:alpha:]-]`, `(?:x|y)+\.php$`, `[^\x80-\xff]`, `\Qa.b\E`, `(ab|a)(c|bcd)`, `.*=(eval|base64)`, `\b[\w.]+\B`,
	} {
		f.Add(s, "abcabc", true)
		f.Add(s, "\xe9KSx.php", false)
	}
	f.Fuzz(func(t *testing.T, source, subject string, fold bool) {
		if len(source) > 40 || len(subject) > 30 {
			return
		}
		comparePattern(t, source, fold, []string{subject, subject + source, ""})
	})
}
