package conf

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2"
)

func toJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// FuzzParse: no panic; a configuration or faults, never both or neither; each
// fault lies in the file; what go-toml refuses is refused.
func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"testdata/good/*.toml", "testdata/bad/*.toml", "../docs/*.toml"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, name := range files {
			data, err := os.ReadFile(name)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	for _, doc := range tomlTables {
		f.Add([]byte(doc))
	}
	f.Add([]byte("[[site]]\nroot = \".\"\n"))
	name := filepath.Join(f.TempDir(), "sluice.toml")
	f.Fuzz(func(t *testing.T, data []byte) {
		before := bytes.Clone(data)
		c, err := Parse(name, data, Overrides{})
		if !bytes.Equal(before, data) {
			t.Fatal("Parse wrote to its input")
		}
		if (c == nil) == (err == nil) {
			t.Fatalf("Parse = %v, %v", c, err)
		}
		if err == nil {
			var v map[string]any
			if err := toml.Unmarshal(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")), &v); err != nil {
				t.Fatalf("accepted what go-toml refuses: %v", err)
			}
			return
		}
		all := Faults(err)
		if len(all) == 0 {
			t.Fatalf("an error without faults: %v", err)
		}
		lines := bytes.Split(data, []byte("\n"))
		for _, fault := range all {
			if fault.File != name || fault.Msg == "" {
				t.Fatalf("fault %+v", fault)
			}
			if fault.Line == 0 && fault.Column == 0 {
				continue
			}
			if fault.Line < 1 || fault.Line > len(lines) || fault.Column < 1 || fault.Column > utf8.RuneCount(lines[fault.Line-1])+1 {
				t.Fatalf("fault %v outside of the file", fault)
			}
		}
	})
}

// FuzzPatterns: a pattern of a path's own segments matches it and what is
// below, whatever the case.
func FuzzPatterns(f *testing.F) {
	f.Add("/a/b")
	f.Add("/wp-content/uploads/x.php")
	f.Fuzz(func(t *testing.T, path string) {
		p, err := parsePattern(path)
		if err != nil || p[0] != '/' {
			return
		}
		set := Patterns{p}
		if !set.Match(p) || !set.Match(p+"/x.php") || !set.Match(string(bytes.Map(upperASCII, []byte(p)))) && utf8.ValidString(p) {
			t.Fatalf("pattern %q does not match itself", p)
		}
	})
}

func upperASCII(r rune) rune {
	if r >= 'a' && r <= 'z' {
		return r - 0x20
	}
	return r
}
