package conf

import (
	"slices"
	"strings"
	"testing"
)

func TestPatterns(t *testing.T) {
	for _, tt := range []struct {
		pattern, path string
		want          bool
	}{
		{"/wp-content/uploads", "/wp-content/uploads", true},
		{"/wp-content/uploads", "/wp-content/uploads/2024/x.php", true},
		{"/wp-content/uploads", "/wp-content/uploads/", true},
		{"/wp-content/uploads", "/wp-content//uploads/x.php", true},
		{"/wp-content/uploads", "/WP-Content/UPLOADS/x.php", true},
		{"/wp-content/uploads", "/wp-content/uploadsx/x.php", false},
		{"/wp-content/uploads", "/wp-content", false},
		{"/wp-content/uploads", "/a/wp-content/uploads/x.php", false},
		{"/sites/*/files", "/sites/default/files/x.php", true},
		{"/sites/*/files", "/sites/a/b/files/x.php", false},
		{"/sites/*/files", "/sites/files", false},
		{"*.inc", "/a/b.inc", true},
		{"*.inc", "/b.INC", true},
		{"*.inc", "/b.inc/c.txt", true},
		{"*.inc", "/b.inc.php", false},
		{"*.inc", "/.inc", true},
		{"composer.json", "/x/composer.json", true},
		{"composer.json", "/composer.json5", false},
		{"wp-config*", "/wp-config.php", true},
		{"wp-config*", "/wp-admin/setup-config.php", false},
		{"a?c", "/abc", true},
		{"a?c", "/ac", false},
		{"*a*b*", "/xxaxxbxx", true},
		{"*a*b*", "/xxbxxaxx", false},
		{"*", "/", false},
		{"/x", "", false},
	} {
		if got := (Patterns{"nothing", tt.pattern}).Match(tt.path); got != tt.want {
			t.Errorf("Patterns{%q}.Match(%q) = %v, want %v", tt.pattern, tt.path, got, tt.want)
		}
	}
}

func TestPatternIsQuick(t *testing.T) {
	// A backtracking matcher would take 2^n steps here.
	if matchSegment(strings.Repeat("*a", 60)+"b", strings.Repeat("a", 4000)) {
		t.Error("matches")
	}
}

func TestPatternsDoNotAllocate(t *testing.T) {
	ps := Patterns{"/wp-content/uploads", "/sites/*/files", "*.inc"}
	if n := testing.AllocsPerRun(100, func() { ps.Match("/wp-content/themes/a/index.php") }); n != 0 {
		t.Errorf("Match allocates %v times", n)
	}
}

func TestPresetPatternsAreGood(t *testing.T) {
	for _, p := range presets {
		for _, list := range []Patterns{p.noPHP, p.deny, p.private} {
			for _, s := range list {
				if got, err := parsePattern(s); err != nil || got != s {
					t.Errorf("%s: parsePattern(%q) = %q, %v", p.kind, s, got, err)
				}
			}
		}
	}
}

func TestPatternFolders(t *testing.T) {
	ps := Patterns{"/up", "/files/*", "cache", "/sites/*/files", "/a/*.php", "/*"}
	if got, want := ps.Folders(), []string{"/up", "/files", "/sites/*/files", "/a/*.php"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
