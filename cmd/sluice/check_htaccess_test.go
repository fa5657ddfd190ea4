package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice/conf"
	"sluice/rewrite"
	"sluice/site"
)

// checkTree is a folder whose .htaccess files have one finding of each kind, and more.
func checkTree(t *testing.T) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	other := t.TempDir()
	for name, content := range map[string]string{
		"b/.htaccess":         "RewriteEngine On\nModPagespeed on\nBogus\n\nRewriteRule ^( x\n",
		"a/.htaccess":         "Header set X-A b early\n",
		"a/deep/er/.htaccess": "<Files x>\n",
		"good/.htaccess":      "Require all granted\n",
		"htaccess.txt":        "Bogus\n",
	} {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(other, ".htaccess"), []byte("Bogus\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(other, filepath.Join(dir, "link")); err != nil {
		t.Skip(err)
	}
	return dir
}

func TestCheckFolder(t *testing.T) {
	dir := checkTree(t)
	var c htaccessCheck
	if err := c.folder(dir, conf.Overrides{}); err != nil {
		t.Fatal(err)
	}
	c.sort()
	var b bytes.Buffer
	err := c.tell(&b, false)
	var ee *exitError
	if !errors.As(err, &ee) || ee.code != exitConfig || !strings.HasPrefix(err.Error(), "3 error(s)") {
		t.Errorf("error %v", err)
	}
	var places []string
	for line := range strings.Lines(strings.ReplaceAll(b.String(), dir+"/", "")) {
		w := strings.Fields(line)
		places = append(places, strings.Join(w[:min(3, len(w))], " "))
	}
	want := []string{
		"a/.htaccess:1: warning Header:", "a/deep/er/.htaccess:1: error <Files:",
		"b/.htaccess:2: skipped ModPagespeed:", "b/.htaccess:3: error Bogus:", "b/.htaccess:5: error RewriteRule:", "link: warning symlinks:",
		"4 .htaccess file(s):",
	}
	if got := strings.Join(places, "\n"); got != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s\nof\n%s", got, strings.Join(want, "\n"), b.String())
	}
	if !strings.HasSuffix(b.String(), "4 .htaccess file(s): 3 error(s), 2 warning(s), 1 directive(s) skipped\n") {
		t.Errorf("summary: %s", b.String())
	}
}

func TestCheckClasses(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, ".htaccess"), []byte("Require all granted\nOptions -Indexes\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		override string
		files    int
		errors   int
	}{{"", 1, 0}, {"All", 1, 0}, {"AuthConfig", 1, 1}, {"FileInfo", 1, 2}, {"None", 0, 0}} {
		var c htaccessCheck
		if err := c.folder(dir, conf.Overrides{Override: tt.override}); err != nil {
			t.Fatal(err)
		}
		if c.files != tt.files || c.count(rewrite.Broken) != tt.errors {
			t.Errorf("%q: %d file(s), %v", tt.override, c.files, c.findings)
		}
	}
}

func TestCheckConfigSites(t *testing.T) {
	dir := checkTree(t)
	file := filepath.Join(dir, "sluice.toml")
	text := "[[site]]\nnames = [\"a.example\"]\nroot = \"a\"\nallow_override = \"FileInfo\"\n[[site]]\nnames = [\"b.example\"]\nroot = \"b\"\nallow_override = \"None\"\n"
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	var c htaccessCheck
	if err := c.config(file, conf.Overrides{}); err != nil {
		t.Fatal(err)
	}
	c.sort()
	var b bytes.Buffer
	if err := c.tell(&b, true); err == nil {
		t.Error("no error")
	}
	var got struct {
		Files, Errors, Warnings int
		Findings                []findingJSON
	}
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got.Files != 2 || got.Errors != 1 || got.Warnings != 1 || len(got.Findings) != 2 || got.Findings[1].Line != 1 || got.Findings[1].Level != "error" {
		t.Errorf("%s", b.String())
	}
}

// TestCheckUnreadable: what serving refuses is an error here, too.
func TestCheckUnreadable(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "x", ".htaccess"), 0o755); err != nil { // a folder is no file: ignored
		t.Fatal(err)
	}
	if err := os.Symlink("nowhere", filepath.Join(dir, ".htaccess")); err != nil {
		t.Skip(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "big"), bytes.Repeat([]byte("#\n"), 3<<20), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "y"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("../big", filepath.Join(dir, "y", ".htaccess")); err != nil {
		t.Fatal(err)
	}
	var c htaccessCheck
	if err := c.walk(dir, site.Dialect(rewrite.OverrideAll, false)); err != nil {
		t.Fatal(err)
	}
	if c.files != 1 || len(c.findings) != 1 || !strings.Contains(c.findings[0].Message, "larger") {
		t.Errorf("%d file(s), %v", c.files, c.findings)
	}
}
