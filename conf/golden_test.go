package conf

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite testdata and docs/configuration.md")

// golden compares with a file, or rewrites it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("differs from %s; if that is right: go test ./conf -update\n got: %s\nwant: %s", name, got, want)
	}
}

// eachFile runs over the .toml files of a folder of testdata as if they lay
// among the sites. Paths in what it returns start with DIR.
func eachFile(t *testing.T, pattern string, run func(t *testing.T, name string, data []byte) string, ending string) {
	t.Helper()
	dir := sites(t)
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no files %s: %v", pattern, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".toml"), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := run(t, filepath.Join(dir, "sluice.toml"), data)
			got = strings.ReplaceAll(got, dir, "DIR")
			golden(t, strings.TrimSuffix(file, ".toml")+ending, got)
		})
	}
}

func TestGood(t *testing.T) {
	eachFile(t, "testdata/good/*.toml", func(t *testing.T, name string, data []byte) string {
		c, err := Parse(name, data, Overrides{})
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		if err := enc.Encode(c); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}, ".json")
}

func TestBad(t *testing.T) {
	eachFile(t, "testdata/bad/*.toml", func(t *testing.T, name string, data []byte) string {
		c, err := Parse(name, data, Overrides{})
		if err == nil || c != nil {
			t.Fatalf("Parse = %v, %v, want nothing and an error", c, err)
		}
		var b strings.Builder
		for _, f := range Faults(err) {
			b.WriteString(f.Error() + "\n")
		}
		return b.String()
	}, ".txt")
}
