package conf

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFromDir(t *testing.T) {
	dir := tree(t, wordpressFiles...)
	c, err := FromDir(dir, Overrides{})
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Sites) != 1 || len(c.Listen) != 1 || c.Listen[0].String() != ":8080" {
		t.Fatalf("FromDir = %+v", c)
	}
	s := c.Sites[0]
	if !s.Default() || s.Label() != "default" || s.App != AppWordPress || s.Root != dir || s.FrontController != "/index.php" || s.PHP.Mode != PHPAuto {
		t.Errorf("site %+v", s)
	}
	fromFile, err := Parse(filepath.Join(dir, "sluice.toml"), []byte("[[site]]\nroot = \".\"\n"), Overrides{})
	if err != nil {
		t.Fatal(err)
	}
	if a, b := toJSON(t, c), toJSON(t, fromFile); a != b {
		t.Errorf("a folder gives %s\na file naming it %s", a, b)
	}
}

func TestOverrides(t *testing.T) {
	dir := sites(t)
	t.Chdir(filepath.Join(dir, "bin"))
	file := `
listen = ":80"
hidden_files = "refuse"
access_log = "-"
[[site]]
names = "a.example"
root = "static"
php = { use = "off", workers = 2 }
access_log = "logs/a.log"
[[site]]
root = "plain"
`
	c, err := Parse(filepath.Join(dir, "sluice.toml"), []byte(file), Overrides{
		Listen: []string{"127.0.0.1:0", "unix:s.sock"}, PHP: "./php-cgi", Workers: "7", HiddenFiles: "apache",
		Engine: "portable", AccessLog: "off", LogLevel: "error",
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Listen) != 2 || c.Listen[1].String() != "unix:"+filepath.Join(dir, "bin", "s.sock") {
		t.Errorf("listen %v", c.Listen)
	}
	if c.Engine != "portable" || c.LogLevel != "error" || c.AccessLog.Path != "off" {
		t.Errorf("server %+v", c)
	}
	for _, s := range c.Sites {
		want := PHP{Mode: PHPBinary, Path: filepath.Join(dir, "bin", "php-cgi"), Workers: 7}
		if s.PHP.Mode != want.Mode || s.PHP.Path != want.Path || s.PHP.Workers != want.Workers {
			t.Errorf("site %s: php %+v, want %+v", s.Label(), s.PHP, want)
		}
		if s.HiddenFiles != "apache" || s.AccessLog != nil {
			t.Errorf("site %s: %+v", s.Label(), s)
		}
	}
}

func TestOverrideFaults(t *testing.T) {
	dir := sites(t)
	bad := Overrides{
		Listen: []string{"80"}, PHP: "maybe", Workers: "0", HiddenFiles: "show", Engine: "kqueue",
		AccessLog: filepath.Join(dir, "nowhere", "x.log"), LogLevel: "loud",
	}
	want := []string{"--listen: ", "--php: ", "--workers: ", "--hidden-files: ", "--engine: ", "--log-level: ", "--access-log: "}
	_, fromDir := FromDir(filepath.Join(dir, "static"), bad)
	_, fromFile := Parse(filepath.Join(dir, "sluice.toml"), []byte("[[site]]\nroot = \"static\""), bad)
	for _, err := range []error{fromDir, fromFile} {
		all := Faults(err)
		if len(all) != len(want) {
			t.Errorf("%d faults, want %d: %v", len(all), len(want), err)
			continue
		}
		for i, f := range all {
			if !strings.HasPrefix(f.Error(), want[i]) || f.Line != 0 {
				t.Errorf("fault %d = %q, want one of %q", i, f, want[i])
			}
		}
	}
	// What only the checks find is the flag's fault as well, not the file's.
	_, err := Parse(filepath.Join(dir, "sluice.toml"), []byte("[[site]]\nroot = \"static\""), Overrides{PHP: "/no/php-cgi"})
	if !errors.Is(err, fs.ErrNotExist) || !strings.HasPrefix(err.Error(), "conf: --php: php-cgi \"/no/php-cgi\"") {
		t.Errorf("missing php-cgi: %v", err)
	}
}

func TestLoad(t *testing.T) {
	dir := sites(t)
	name := filepath.Join(dir, "sluice.toml")
	if err := os.WriteFile(name, []byte("[[site]]\nroot = \"static\"\nwokers = 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Load(name, Overrides{})
	if want := "conf: " + name + ":3:1: unknown key \"wokers\""; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("Load = %v, want %s", err, want)
	}
	if err := os.WriteFile(name, []byte("\xef\xbb\xbf[[site]]\r\nroot = \"static\"\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if c, err := Load(name, Overrides{}); err != nil || c.Sites[0].Root != filepath.Join(dir, "static") {
		t.Errorf("Load of a file with a byte order mark = %+v, %v", c, err)
	}
	for path, want := range map[string]string{
		dir:                                "is a folder; name the file in it",
		filepath.Join(dir, "nothere.toml"): "no such file; check the path given to --config",
	} {
		if _, err := Load(path, Overrides{}); err == nil || !strings.Contains(err.Error(), want) || len(Faults(err)) != 1 {
			t.Errorf("Load(%q) = %v, want %q", path, err, want)
		}
	}
	if err := os.Truncate(name, fileBytesMax+1); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(name, Overrides{}); err == nil || !strings.Contains(err.Error(), "is larger than 4MiB") {
		t.Errorf("Load of a large file = %v", err)
	}
}

// TestSitesShareNothing changes one site and looks at the other and a second
// configuration.
func TestSitesShareNothing(t *testing.T) {
	dir := sites(t)
	file := []byte("index = [\"a\", \"b\"]\nno_php = \"/x\"\n[php]\nini.a = 1\n[headers]\nset.A = \"1\"\n" +
		"[[site]]\nnames = \"a.example\"\nroot = \"static\"\n[site.headers]\nset.A = \"2\"\n[[site]]\nroot = \"static\"\n")
	c, err := Parse(filepath.Join(dir, "sluice.toml"), file, Overrides{})
	if err != nil {
		t.Fatal(err)
	}
	a, b := &c.Sites[0], &c.Sites[1]
	if a.Headers.Set[0].Value != "2" || b.Headers.Set[0].Value != "1" {
		t.Errorf("headers %v and %v", a.Headers, b.Headers)
	}
	a.Index[0], a.NoPHP[0], a.PHP.Ini["a"], a.PHP.Extensions[0], a.MIME["z"] = "changed", "changed", "changed", "changed", "changed"
	if strings.Contains(toJSON(t, b), "changed") {
		t.Errorf("the other site changed: %s", toJSON(t, b))
	}
}
