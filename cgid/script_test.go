package cgid

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

func TestIsPHP(t *testing.T) {
	dir := t.TempDir()
	for _, tt := range []struct {
		name, text string
		want       bool
	}{
		{"php", "", true},
		{"php8.2", "", true},
		{"php-cgi", "", true},
		{"PHP-CGI8.2", "", true},
		{"php8.2-cgi", "", true},
		{"php.cgi", "", true},
		{"php5.fcgi", "", true},
		{"php-fpm8.2", "", true},
		{"php-wrapper", "", true},
		{"phpstats.cgi", "#!/usr/bin/perl\n", false},
		{"hphp.cgi", "#!/bin/sh\n", false},
		{"a1", "#!/usr/bin/php-cgi\n<?php", true},
		{"a2", "#! /usr/bin/php-cgi8.2 -d x=y\n", true},
		{"a3", "#!/usr/bin/env php-cgi\n", true},
		{"a4", "#!/usr/bin/env -S php8.2-cgi -q\n", true},
		{"a5", "#!/usr/bin/php\n", false},
		{"a6", "#!/bin/sh\nPHPRC=/etc\nexport PHPRC\nexec /usr/bin/php-cgi \"$@\"\n", true},
		{"a7", "#!/usr/bin/env bash\nphp8.2-cgi\n", true},
		{"a8", "#!/bin/bash\nX=1 exec /usr/bin/php5-cgi\n", true},
		{"a9", "#!/bin/sh\n# exec php-cgi is not for plain CGI\nexec perl x.pl\n", false},
		{"a10", "#!/bin/sh\necho /usr/bin/php-cgi-is-a-file\n", false},
		{"a11", "#!/usr/bin/perl\nprint 'php-cgi ';\n", false},
		{"a12", "", false},
		{"a13", "\x7fELF php-cgi", false},
	} {
		path := filepath.Join(dir, tt.name)
		if err := os.WriteFile(path, []byte(tt.text), 0o755); err != nil {
			t.Fatal(err)
		}
		if got := isPHP(path); got != tt.want {
			t.Errorf("%s %q: %v, want %v", tt.name, tt.text, got, tt.want)
		}
	}
	if runtime.GOOS == "windows" {
		return
	}
	for _, link := range []struct{ name, to string }{{"hidden.cgi", "php-cgi"}, {"twice.cgi", "hidden.cgi"}, {"interpreter", "php8.2-cgi"}} {
		if err := os.Symlink(link.to, filepath.Join(dir, link.name)); err != nil {
			t.Fatal(err)
		}
	}
	behind := filepath.Join(dir, "behind")
	if err := os.WriteFile(behind, []byte("#!"+dir+"/interpreter\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir + "/hidden.cgi", dir + "/twice.cgi", behind} {
		if !isPHP(path) {
			t.Errorf("%s: false, want true", path)
		}
	}
}
