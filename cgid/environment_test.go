package cgid

import (
	"slices"
	"strings"
	"testing"

	"sluice/fcgi"
)

func pairs(list ...string) (b []byte) {
	for _, p := range list {
		name, value, _ := strings.Cut(p, "=")
		b = fcgi.AppendPair(b, name, value)
	}
	return b
}

func TestParseParams(t *testing.T) {
	got, err := parseParams(pairs("SCRIPT_FILENAME=/a", "QUERY_STRING=q=1", "REQUEST_METHOD=PUT", "HTTP_PROXY=p", "HTTP_PROXY_X=p",
		"A=1", "B=", "A=2", "_x1=y", "=v", "1A=", "A-B=", "A B=", "Ä=", "NUL=a\x00b", "GATEWAY_INTERFACE=x", "BASH_FUNC_x%%=() {"))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"SCRIPT_FILENAME=/a", "QUERY_STRING=q=1", "REQUEST_METHOD=PUT", "HTTP_PROXY_X=p", "A=2", "B=", "_x1=y"}
	if got.script != "/a" || got.query != "q=1" || got.method != "PUT" || !slices.Equal(got.pairs, want) {
		t.Errorf("got %q", got)
	}
	env := got.environment([]string{"PATH=/mine", "A=3", "C=1", "C=2"})
	want = append(append([]string{"GATEWAY_INTERFACE=CGI/1.1"}, want...), "C=2", "PATH=/mine")
	slices.Sort(want)
	slices.Sort(env)
	if !slices.Equal(slices.DeleteFunc(env, isSystem), want) {
		t.Errorf("environment %q, want %q", env, want)
	}
	got.pairs = []string{"PATH=/theirs"}
	if env := got.environment([]string{"PATH=/mine"}); !slices.Contains(env, "PATH=/theirs") || slices.Contains(env, "PATH=/mine") {
		t.Errorf("environment %q", env)
	}
	for _, b := range []string{"\x01", "\x05\x01abc", "\x80\x00"} {
		if _, err := parseParams([]byte(b)); err == nil {
			t.Errorf("%q: no error", b)
		}
	}
}

func isSystem(pair string) bool { return slices.Contains(systemEnvironment(), pair) }

func TestArguments(t *testing.T) {
	for _, tt := range []struct {
		method, query string
		want          []string
	}{
		{"GET", "one", []string{"one"}},
		{"HEAD", "one+two", []string{"one", "two"}},
		{"GET", "a%20b+c%2Bd+%C3%A4+a%3Db", []string{"a b", "c+d", "ä", "a=b"}},
		{"GET", "a++b", []string{"a", "", "b"}},
		{"GET", "", nil},
		{"GET", "a=b", nil},
		{"GET", "a+b&c=d", nil},
		{"POST", "one", nil},
		{"GET", "-s", nil}, // CVE-2012-1823
		{"GET", "%2Ds", nil},
		{"GET", "one+-d", nil},
		{"GET", "one+%", nil},
		{"GET", "one+%00", nil},
		{"GET", "a%0Ab", nil},
		{"GET", "a;b", nil},
		{"GET", "a%24(b)", nil},
		{"GET", "a*", nil},
		{"GET", strings.Repeat("+", argumentsMax), nil},
		{"GET", strings.Repeat("x", argumentsBytesMax+1), nil},
	} {
		req := request{method: tt.method, query: tt.query}
		if got := req.arguments(); !slices.Equal(got, tt.want) {
			t.Errorf("%s ?%.40s: %q, want %q", tt.method, tt.query, got, tt.want)
		}
	}
}

func FuzzParams(f *testing.F) {
	f.Add(pairs("SCRIPT_FILENAME=/a", "QUERY_STRING=a+b", "REQUEST_METHOD=GET"))
	f.Add([]byte("\x80\x00\x00\x01\x01AB"))
	f.Fuzz(func(t *testing.T, b []byte) {
		req, err := parseParams(b)
		if err != nil {
			return
		}
		seen := map[string]bool{}
		for _, pair := range req.environment(nil) {
			name, _, ok := strings.Cut(pair, "=")
			if !ok || !nameIsFit([]byte(name)) || strings.ContainsRune(pair, 0) || seen[name] || name == "HTTP_PROXY" {
				t.Fatalf("environment has %q", pair)
			}
			seen[name] = true
		}
		for _, word := range req.arguments() {
			if strings.HasPrefix(word, "-") || strings.ContainsAny(word, shellCharacters+"\x00") {
				t.Fatalf("argument %q of %q", word, req.query)
			}
		}
	})
}
