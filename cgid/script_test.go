package cgid

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
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
		if got := phpFiles(nil).isPHP(path, nil); got != tt.want {
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
		if !phpFiles(nil).isPHP(path, nil) {
			t.Errorf("%s: false, want true", path)
		}
	}
}

// PHP is known behind any name, by what the file is.
func TestIsPHPByContent(t *testing.T) {
	dir, bin := t.TempDir(), t.TempDir()
	write := func(path, text string) string {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
		return path
	}
	binary := "\x7fELF" + strings.Repeat("php", compareBytes) + "end"
	original := write(filepath.Join(bin, "original"), binary)
	replaced := write(filepath.Join(bin, "replaced"), "\x7fELF an old one")
	list := newPHPFiles([]string{original, original, bin, filepath.Join(bin, "none"), replaced})
	if len(list) != 2 {
		t.Fatalf("%d files are known, want 2", len(list))
	}
	hard := filepath.Join(dir, "hard.cgi")
	oldOne := filepath.Join(dir, "old.cgi")
	if err := errors.Join(os.Link(original, hard), os.Link(replaced, oldOne), os.Remove(replaced)); err != nil {
		t.Fatal(err)
	}
	write(replaced, "\x7fELF an upgrade")
	copied := write(filepath.Join(dir, "copy.cgi"), binary)
	if runtime.GOOS != "windows" {
		if err := os.Symlink(copied, filepath.Join(bin, "linked")); err != nil {
			t.Fatal(err)
		}
	}
	for name, tt := range map[string]struct {
		text string
		want bool
	}{
		"interpreter":        {"#!" + copied + "\n", true},
		"interpreter, words": {"#! " + hard + " -d a=b\n", true},
		"relative":           {"#!./copy.cgi\n", true},
		"env":                {"#!/usr/bin/env original\n", true},
		"env, link":          {"#!/usr/bin/env linked\n", true},
		"env -S":             {"#!/usr/bin/env -S X=1 original -q\n", true},
		"env -Sname":         {"#!/usr/bin/env -Soriginal\n", true},
		"env, long option":   {"#!/usr/bin/env --split-string='" + copied + "' -q\n", true},
		"nice":               {"#!/usr/bin/nice " + copied + "\n", true},
		"by a script":        {"#!" + dir + "/interpreter\n", true},
		"upgraded":           {"\x7fELF an upgrade", true},
		"size by chance":     {binary[:len(binary)-1] + "x", false},
		"of another":         {"#!/bin/sh\necho\n", false},
		"itself":             {"#!" + dir + "/itself " + dir + "/itself\n", false},
		"env of another":     {"#!/usr/bin/env perl\n", false},
	} {
		if got := list.isPHP(write(filepath.Join(dir, name), tt.text), []string{dir, bin}); got != tt.want && name != "by a script" {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
	for _, path := range []string{hard, copied, oldOne, original, filepath.Join(dir, "by a script")} { // all are written by now
		if !list.isPHP(path, nil) {
			t.Errorf("%s: false, want true", path)
		}
	}
}
