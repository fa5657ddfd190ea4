package rewrite

import "testing"

func TestProxyTarget(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		location string
		raw      bool
		args     string // "-": no query
		want     string
		status   int
	}{
		{"http://A.Example/b c", false, "-", "http://a.example/b%20c", 0},
		{"http://a", false, "-", "http://a/", 0},
		{"http://a/", false, "", "http://a/?", 0},
		{"HTTP://a:8080/x", false, "y=%20", "http://a:8080/x?y=%20", 0},
		{"http://u:p@a/x", false, "-", "http://a/x", 0},
		{"https://[2001:DB8::1]:81/x", false, "-", "https://[2001:db8::1]:81/x", 0},
		{"http://[::1]/x", false, "-", "http://[::1]/x", 0},
		{"http://a/%41é\"<>[]{}^|`\\#?", false, "-", "http://a/%2541%C3%A9%22%3C%3E%5B%5D%7B%7D%5E%7C%60%5C%23%3F", 0},
		{"http://a/~$-_.+!*'(),;:@&=/", false, "-", "http://a/~$-_.+!*'(),;:@&=/", 0},
		{"http://a/%41?b", true, "c", "http://a/%41?b", 0}, // the query is in it
		{"http://a/b c", true, "-", "", 403},
		{"http://a/b", false, "c d", "", 403},
		{"http://a/b", false, "c\x7f", "", 403},
		{"http://a:0/", false, "-", "", 400},
		{"http://a:99999/", false, "-", "", 400},
		{"http://a:x/", false, "-", "", 400},
		{"http:///x", false, "-", "", 400},
		{"http://a b/x", false, "-", "", 400},
		{"unix:/s ock|http://Host/b c", false, "q", "unix:/s ock|http://host/b%20c?q", 0},
		{"unix:/sock", false, "-", "unix:/sock", 0},
		{"fcgi://a/b c", false, "q", "fcgi://a/b c", 0},
		{"nonsense", false, "-", "nonsense", 0},
	} {
		a := Answer{Location: tt.location, Args: tt.args, HasArgs: tt.args != "-", r: &record{proxyRaw: tt.raw}}
		if got, status := a.ProxyTarget(); got != tt.want || status != tt.status {
			t.Errorf("%q raw %v, query %q: %q, %d; want %q, %d", tt.location, tt.raw, tt.args, got, status, tt.want, tt.status)
		}
	}
}

func TestProxyTargetOfRules(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ rule, target, want string }{
		{"RewriteRule ^p/(.*)$ http://b/$1 [P]", "/p/a%20b?c=%20", "http://b/a%20b?c=%20"},
		{"RewriteRule ^p/(.*)$ http://b/$1 [P,NE]", "/p/a%25b?c", "http://b/a%b?c"},
		{"RewriteRule ^p/(.*)$ http://b/q?x=$1 [P,QSA]", "/p/1?c", "http://b/q?x=1&c"},
		{"RewriteRule ^p/(.*)$ http://b/$1 [P,QSD]", "/p/1?c", "http://b/1"},
	} {
		q, _ := world(t, on(tt.rule))
		q.Site.Proxy, q.Target, q.Fields = true, tt.target, []Field{{"Host", "example.com"}}
		a := q.Run()
		if got, status := a.ProxyTarget(); a.Kind != AnswerProxy || got != tt.want || status != 0 {
			t.Errorf("%s, %s: %v to %q, %d; want %q", tt.rule, tt.target, a.Kind, got, status, tt.want)
		}
	}
}
