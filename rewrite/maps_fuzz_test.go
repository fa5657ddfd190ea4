package rewrite

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// A map's text gives words for words, the first value of a key, and nothing else.
func FuzzTextMap(f *testing.F) {
	f.Add("# comment\nkey  value ignored\nkey second\nalone\n", 1)
	f.Add("a a|b||c\r\n#b c\n\t d\te\n\n", -7)
	f.Add("k v", 0)
	f.Fuzz(func(t *testing.T, text string, at int) {
		m := parseMap(text)
		for k, v := range m {
			if len(strings.Fields(k)) != 1 || len(strings.Fields(v)) != 1 || !strings.Contains(text, k) || !strings.Contains(text, v) {
				t.Fatalf("parseMap(%q) has %q for %q", text, v, k)
			}
		}
		// The same map, written again: a space keeps a key with "#" from being a comment.
		var b strings.Builder
		for _, k := range slices.Sorted(maps.Keys(m)) {
			b.WriteString(" " + k + "\t" + m[k] + " rest\n" + k + " second\n")
		}
		if again := parseMap("# comment\n" + b.String()); !maps.Equal(again, m) {
			t.Fatalf("%q became %q", m, again)
		}
		pick := func(n int) int { return int(uint(at) % uint(n)) }
		for k, v := range m {
			if part, ok := RandomMap(text, pick).Lookup(k); !ok || !slices.Contains(strings.Split(v, "|"), part) {
				t.Fatalf("%q of %q: %q, %v", k, v, part, ok)
			}
		}
	})
}
