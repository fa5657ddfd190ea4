package proxied

import "testing"

func TestParseTarget(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		in   string
		want Target
		host string // Host of the request
		bad  bool
	}{
		{in: "http://a.example/x?y", want: Target{Host: "a.example", URI: "/x?y"}, host: "a.example"},
		{in: "HTTP://A.Example:80", want: Target{Host: "A.Example:80", URI: "/"}, host: "a.example"},
		{in: "https://a:443/", want: Target{TLS: true, Host: "a:443", URI: "/"}, host: "a"},
		{in: "https://a:80?q", want: Target{TLS: true, Host: "a:80", URI: "/?q"}, host: "a:80"},
		{in: "http://[2001:db8::1]:8080/x", want: Target{Host: "[2001:db8::1]:8080", URI: "/x"}, host: "[2001:db8::1]:8080"},
		{in: "http://[::1]/x", want: Target{Host: "[::1]", URI: "/x"}, host: "[::1]"},
		{in: "wss://a/x", want: Target{TLS: true, Host: "a", URI: "/x"}, host: "a"},
		{in: "unix:/run/x.sock|http://a/b", want: Target{Socket: "/run/x.sock", Host: "a", URI: "/b"}, host: "a"},
		{in: "unix:relative|http://a/b", bad: true},
		{in: "unix:/run/x.sock", bad: true},
		{in: "unix:/run/x.sock|fcgi://a/b", bad: true},
		{in: "http:///x", bad: true},
		{in: "http://:80/x", bad: true},
		{in: "http://u@a/x", bad: true},
		{in: "http://a b/x", bad: true},
		{in: "file:///etc/passwd", bad: true},
		{in: "/x", bad: true},
		{in: "", bad: true},
	} {
		got, err := ParseTarget(tt.in)
		if (err != nil) != tt.bad {
			t.Errorf("ParseTarget(%q): %v", tt.in, err)
			continue
		}
		if !tt.bad && (got != tt.want || got.hostField() != tt.host) {
			t.Errorf("ParseTarget(%q) = %+v, Host %q; want %+v, %q", tt.in, got, got.hostField(), tt.want, tt.host)
		}
	}
}

func TestAllowed(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		list   []string
		target string
		want   bool
	}{
		{nil, "http://a/", false},
		{[]string{"*"}, "http://a/", true},
		{[]string{"*"}, "unix:/s|http://a/", true},
		{[]string{"a"}, "http://a/", true},
		{[]string{"A"}, "http://a:8080/", true},
		{[]string{"a:80"}, "http://A/", true},
		{[]string{"a:80"}, "https://a/", false},
		{[]string{"a:443"}, "https://a/", true},
		{[]string{"a:81"}, "http://a/", false},
		{[]string{"a"}, "http://a.b/", false},
		{[]string{"a"}, "unix:/s|http://a/", false},
		{[]string{"unix:/s"}, "unix:/s|http://a/", true},
		{[]string{"unix:/s"}, "unix:/s/../t|http://a/", false},
		{[]string{"[::1]"}, "http://[::1]:81/", true},
		{[]string{"[::1]:80"}, "http://[::1]/", true},
		{[]string{"::1"}, "http://[::1]/", true},
		{[]string{"127.0.0.1"}, "http://127.0.0.1:3000/x", true},
	} {
		a, err := ParseAllowed(tt.list)
		if err != nil {
			t.Fatal(err)
		}
		target, err := ParseTarget(tt.target)
		if err != nil {
			t.Fatal(err)
		}
		if got := a.Has(&target); got != tt.want {
			t.Errorf("%q has %s: %v, want %v", tt.list, tt.target, got, tt.want)
		}
	}
	for _, bad := range []string{"", "http://a", "a/b", "a:b", "u@a", "a b", "unix:x", ":80"} {
		if _, err := ParseAllowed([]string{bad}); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

func FuzzParseTarget(f *testing.F) {
	for _, s := range []string{"http://a/b?c", "https://[::1]:8/x", "unix:/a|http://b/", "ws://x", "http://", "unix:|"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := ParseTarget(s)
		if err != nil {
			return
		}
		host, port := got.split()
		if host == "" || port == "" || got.URI == "" || got.URI[0] != '/' || got.Socket != "" && got.Socket[0] != '/' {
			t.Errorf("ParseTarget(%q) = %+v", s, got)
		}
	})
}
