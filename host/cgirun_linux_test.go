package host

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// What cgi.output_max says holds, and 0 is no bound.
func TestCGIOutputMax(t *testing.T) {
	for _, tt := range []struct {
		line   string
		status int
	}{
		{`output_max = "1KiB"`, 502},
		{`output_max = "4KiB"`, 200},
		{`output_max = 0`, 200},
		{``, 200},
	} {
		root := t.TempDir()
		// In one write, so that nothing has been sent when the limit is passed.
		programFile(t, filepath.Join(root, "cgi-bin", "a"), "#!/bin/sh\nexec printf 'Content-Type: text/plain\\n\\n%2000d' 1\n")
		h := serveConfig(t, nil, "[[site]]\nroot = \""+root+"\"\nphp = \"off\"\napp = \"static\"\n[site.cgi]\nfolders = [\"/cgi-bin\"]\n"+tt.line+"\n")
		if rec := ask(h, "GET", "/cgi-bin/a", ""); rec.Code != tt.status || tt.status == 200 && rec.Body.Len() != 2000 {
			t.Errorf("%q: status %d, %d octets, want %d", tt.line, rec.Code, rec.Body.Len(), tt.status)
		}
	}
}

// The machine's php-cgi is no CGI program, whatever its name.
func TestCGINeverPHP(t *testing.T) {
	php, err := exec.LookPath("php-cgi")
	if err != nil {
		t.Skip(err)
	}
	content, err := os.ReadFile(php)
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	renamed := filepath.Join(root, "interpreter")
	programFile(t, renamed, string(content))
	for name, text := range map[string]string{
		"copy.cgi": string(content), "by.cgi": "#!" + renamed + "\n<?php echo 1;", "env.cgi": "#!/usr/bin/env -S " + renamed + " -q\n<?php echo 1;",
		"fine.cgi": "#!/bin/sh\necho Content-Type: text/plain\necho\necho fine\n",
	} {
		programFile(t, filepath.Join(root, "cgi-bin", name), text)
	}
	h := serveConfig(t, nil, fmt.Sprintf("[[site]]\nroot = %q\nphp = \"off\"\napp = \"static\"\ncgi = { folders = [\"/cgi-bin\"] }\n", root))
	for name, want := range map[string]int{"copy.cgi": 403, "by.cgi": 403, "env.cgi": 403, "fine.cgi": 200} {
		if rec := ask(h, "GET", "/cgi-bin/"+name, ""); rec.Code != want {
			t.Errorf("%s: status %d, want %d: %.200s", name, rec.Code, want, rec.Body)
		}
	}
}

func programFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
}
