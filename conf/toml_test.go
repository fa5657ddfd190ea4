package conf

import (
	"testing"

	"github.com/pelletier/go-toml/v2"
)

var tomlTables = []string{
	"", "a = 1", "a.b = 1\na.c = 2", "[a]\nb = 1\n[c]", "[[a]]\nb = 1\n[[a]]\nb = 2", "[a.b.c]\nx = 1\n[a]\ny = 2\n[a.b]\nz = 3",
	"[a]\nb.c = 1\n[a.b.d]\ne = 1", "[[a]]\n[a.b]\nc = 1\n[[a]]\n[a.b]\nc = 2", "a = { b.c = 1, b.d = 2 }", "[[a]]\n[[a.b]]\n[[a.b]]",
	"a = [{ b = 1 }, { b = 2 }]", "\"a b\".'c.d' = 1", "[a . b]\nc=1",
	// and not so good ones
	"a = 1\na = 2", "[a]\n[a]", "a = 1\n[a]", "a = {}\n[a.b]", "a = { b = 1 }\na.c = 2", "a = []\n[[a]]", "[a]\n[[a]]", "[[a]]\n[a]",
	"a.b = 1\n[a]", "[a.b]\n[a]\nb.c = 1", "a.b = 1\na.b.c = 2", "a = { b = 1, b = 2 }", "a = { b.c = 1, b = 2 }", "a = [1\nb = 2",
	"a = { b = { c = 1 }, b.d = 2 }", "[a]\nb.c = 1\n[a.b]", "= 1", "a", "[a", "a = \"\xff\"", "a = 'x", "a = \"\"\"", "\x00",
}

// TestTreeAgreesWithGoTOML wants the same documents refused.
func TestTreeAgreesWithGoTOML(t *testing.T) {
	for _, doc := range tomlTables {
		var v map[string]any
		want := toml.Unmarshal([]byte(doc), &v)
		var faults []string
		_, bad := readTOML([]byte(doc), func(_ int, _, msg string) { faults = append(faults, msg) })
		if (want == nil) != (len(faults) == 0) || (len(faults) == 0 && bad != 0) {
			t.Errorf("readTOML(%q): faults %q, go-toml says %v", doc, faults, want)
		}
	}
}

func TestSyntaxFaultsAreBounded(t *testing.T) {
	var doc []byte
	for range 1000 {
		doc = append(doc, "a = =\n"...)
	}
	n := 0
	if _, bad := readTOML(doc, func(int, string, string) { n++ }); bad != syntaxFaultsMax || n != syntaxFaultsMax {
		t.Errorf("%d faults reported, %d counted, want %d", n, bad, syntaxFaultsMax)
	}
}
