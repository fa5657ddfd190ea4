package rewrite

import (
	"fmt"
	"strings"
	"testing"
)

// TestTraceDetails: each kind tells its place and what it saw.
func TestTraceDetails(t *testing.T) {
	for _, c := range []struct{ name, file, target, want string }{
		{"variables", "SetEnv A 1\nSetEnvIf Request_URI ^/s B=2 !C", "/static.txt", "set 2 B=2|set 2 unset C|set 1 A=1"},
		{"request header", "RequestHeader set X-A \"b c\"", "/static.txt", "request 1 X-A: b c"},
		{"old access", "Order Allow,Deny\nDeny from all", "/static.txt", "access 1 Order, Allow, Deny: denied"},
		{"section", "<Files \"*.txt\">\nRequire all denied\n</Files>\n<FilesMatch \"\\.x$\">\n</FilesMatch>", "/static.txt", "section 1 <Files *.txt> true|section 4 <FilesMatch \\.x$> false|access 2 Require all denied: denied"},
		{"else", "<If \"true\">\n</If>\n<Else>\n</Else>", "/static.txt", "section 1 <If \"true\"> true|section 3 <Else> false"},
		{"off", "RewriteRule x y", "/static.txt", "skip 1 RewriteEngine is off"},
		{"condition", "RewriteEngine on\nRewriteCond %{HTTP_HOST} ^www\nRewriteRule ^ x [L]", "/static.txt", "rule 3 RewriteRule ^ x [L] \"static.txt\" true|cond 2 RewriteCond %{HTTP_HOST} ^www \"example.com\" false"},
	} {
		t.Run(c.name, func(t *testing.T) {
			q, _ := world(t, c.file)
			var got steps
			q.Trace, q.Target = &got, c.target
			q.Fields = []Field{{"Host", "example.com"}}
			q.Host = "example.com"
			q.Run()
			var seen []string
			for _, e := range got {
				if strings.HasSuffix(e.File, ".htaccess") && e.Line > 0 {
					seen = append(seen, detail(e))
				}
			}
			if s := strings.Join(seen, "|"); s != c.want {
				t.Errorf("got  %s\nwant %s", s, c.want)
			}
		})
	}
}

func detail(e Event) string {
	s := fmt.Sprintf("%v %d ", e.Kind, e.Line)
	switch e.Kind { //nolint:exhaustive // those of the test
	case TraceRequest, TraceHeader:
		return s + e.Before + ": " + e.After
	case TraceAccess:
		return s + e.Directive + ": " + e.After
	case TraceSection:
		return s + fmt.Sprintf("%s %v", e.Directive, e.Matched)
	case TraceRule, TraceCond:
		return s + fmt.Sprintf("%s %q %v", e.Directive, e.Before, e.Matched)
	}
	return s + e.After
}

// TestTraceResponse: response headers tell their line and value.
func TestTraceResponse(t *testing.T) {
	q, _ := world(t, "Header always set X-A a\nHeader set X-B b env=nope\nHeader set Content-Type text/x\nAddDefaultCharset utf-8")
	var got steps
	q.Target = "/static.txt"
	a := q.Run()
	q.Trace = &got
	a.Respond(&Response{Status: 200, ContentType: "text/plain"})
	var seen []string
	for _, e := range got {
		seen = append(seen, fmt.Sprintf("%s %d %v", detail(e), e.Line, e.Matched))
	}
	const want = "header 0 Content-Type: text/plain; charset=utf-8 0 true|header 1 X-A: a 1 true|header 2 X-B:  2 false|header 3 Content-Type: text/x 3 true"
	if s := strings.Join(seen, "|"); s != want {
		t.Errorf("got  %s\nwant %s", s, want)
	}
}

// TestTraceAnswer: an error's answer is told as it is given.
func TestTraceAnswer(t *testing.T) {
	for _, c := range []struct{ name, file, target, want string }{
		{"text", "ErrorDocument 404 \"not here\"", "/none.txt", "status handler 404 ; handler status 404 not here"},
		{"redirect", "Redirect 301 /a http://b.example/", "/a", "status mod_alias 301 http://b.example/; handler status 301 http://b.example/"},
		{"slash", "", "/dir", "status mod_dir 301 http://example.com/dir/; handler status 301 http://example.com/dir/"},
	} {
		t.Run(c.name, func(t *testing.T) {
			q, e := world(t, c.file)
			e.files["/srv/dir"] = FileInfo{Kind: Directory}
			var got steps
			q.Trace, q.Target = &got, c.target
			q.Run()
			var seen []string
			for _, e := range got {
				if e.Kind == TraceStatus || e.Kind == TraceHandler {
					seen = append(seen, fmt.Sprintf("%v %s %d %s", e.Kind, e.Directive, e.Status, e.After))
				}
			}
			if s := strings.Join(seen, "; "); s != c.want {
				t.Errorf("got  %s\nwant %s", s, c.want)
			}
		})
	}
}
