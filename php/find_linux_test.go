package php

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const cgiVersion = "cat <<E\nPHP Warning:  something in Unknown on line 0\nPHP 8.3.1-dev (cgi-fcgi) (built: Jan 1 2024 00:00:00)\nCopyright (c) The PHP Group\nE\n"

func TestFindNamed(t *testing.T) {
	good := fakeBinary(t, cgiVersion).Path
	tests := []struct{ name, hint, want string }{
		{"path", good, ""},
		{"folder", filepath.Dir(good), ""},
		{"missing", "/nonexistent/php-cgi", "no such file"},
		{"command line PHP", fakeBinary(t, "echo 'PHP 8.2.1 (cli) (built: x)'").Path, "is not a php-cgi but PHP 8.2.1 for cli"},
		{"not PHP", fakeBinary(t, "echo hello").Path, `-v says "hello"; apt-get install php-cgi`},
		{"silent", fakeBinary(t, "exit 0").Path, "is not a php-cgi: -v says nothing; apt-get install php-cgi"},
		{"fails", fakeBinary(t, "echo broken >&2; exit 3").Path, "exit status 3: broken; apt-get install php-cgi"},
		{"fails silently", fakeBinary(t, "exit 3").Path, "exit status 3; apt-get install php-cgi"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b, err := Find(tt.hint)
			if tt.want != "" {
				if err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("Find(%q) = %v, want %q", tt.hint, err, tt.want)
				}
				return
			}
			if err != nil || b.Path != good || b.Version != "8.3.1-dev" || b.Notice != "" {
				t.Errorf("Find(%q) = %+v, %v", tt.hint, b, err)
			}
		})
	}
}

func TestFindGivesUpOnSilence(t *testing.T) {
	began := time.Now()
	f := finder{goos: "linux", lookPath: exec.LookPath, limit: 100 * time.Millisecond}
	_, err := f.find(fakeBinary(t, "sleep 3").Path)
	if err == nil || !strings.Contains(err.Error(), "did not answer in 100ms") || time.Since(began) > 2*time.Second {
		t.Errorf("find = %v after %s", err, time.Since(began))
	}
}

func TestFindSearches(t *testing.T) {
	good, bad := fakeBinary(t, cgiVersion).Path, fakeBinary(t, "exit 1").Path
	none := func(string) (string, error) { return "", os.ErrNotExist }
	noGlob := func(string) ([]string, error) { return nil, nil }

	_, err := finder{goos: "linux", lookPath: none, glob: noGlob, limit: versionLimit}.find("")
	if !errors.Is(err, ErrNoBinary) || !strings.Contains(err.Error(), "apt-get install php-cgi") || !strings.Contains(err.Error(), "--php off") {
		t.Errorf("nothing there: %v", err)
	}
	f := finder{goos: "linux", lookPath: func(name string) (string, error) {
		if name == "php-cgi" {
			return bad, nil
		}
		return "", os.ErrNotExist
	}, glob: noGlob, limit: versionLimit}
	if _, err := f.find("auto"); err == nil || !strings.Contains(err.Error(), "no usable php-cgi") || !strings.Contains(err.Error(), "exit status 1; apt-get install php-cgi") {
		t.Errorf("only a broken one: %v", err)
	}
	f.glob = func(pattern string) ([]string, error) {
		if pattern == "/usr/bin/php-cgi" {
			return []string{good}, nil
		}
		return nil, nil
	}
	if b, err := f.find("auto"); err != nil || b.Path != good {
		t.Errorf("a broken one before a good one: %+v, %v", b, err)
	}
}

func TestFindFPMBinary(t *testing.T) {
	fpm := strings.Replace(cgiVersion, "cgi-fcgi", "fpm-fcgi", 1)
	good := fakeBinary(t, fpm).Path
	if b, err := FindFPMBinary(good); err != nil || b.Path != good || b.Version != "8.3.1-dev" {
		t.Errorf("FindFPMBinary = %+v, %v", b, err)
	}
	if _, err := FindFPMBinary(fakeBinary(t, cgiVersion).Path); err == nil || !strings.Contains(err.Error(), "is not a php-fpm but PHP 8.3.1-dev for cgi-fcgi") {
		t.Errorf("a php-cgi: %v", err)
	}
	f := finder{
		goos:     "linux",
		lookPath: func(string) (string, error) { return "", os.ErrNotExist },
		glob: func(pattern string) ([]string, error) {
			if pattern == "/usr/sbin/php-fpm[0-9]*" {
				return []string{"/usr/sbin/php-fpm7.4", good}, nil
			}
			return nil, nil
		},
		limit: versionLimit, fpm: true,
	}
	if b, err := f.find(""); err != nil || b.Path != good {
		t.Errorf("find = %+v, %v", b, err)
	}
	f.glob = func(string) ([]string, error) { return nil, nil }
	if _, err := f.find(""); !errors.Is(err, ErrNoFPMBinary) || !strings.Contains(err.Error(), "apt-get install php-fpm") {
		t.Errorf("nothing there: %v", err)
	}
	f.goos = "windows"
	if _, err := f.find(""); !errors.Is(err, ErrNoFPMBinary) || !strings.Contains(err.Error(), "none for Windows") {
		t.Errorf("on Windows: %v", err)
	}
}

func TestCandidatesOrder(t *testing.T) {
	f := finder{
		goos: "linux",
		lookPath: func(name string) (string, error) {
			if name == "php-cgi8.1" || name == "php-cgi8.3" {
				return "/bin/" + name, nil
			}
			return "", os.ErrNotExist
		},
		glob: func(pattern string) ([]string, error) {
			if pattern == "/usr/bin/php-cgi[0-9]*" {
				return []string{"/usr/bin/php-cgi7.4", "/usr/bin/php-cgi8.2"}, nil
			}
			return nil, nil
		},
	}
	want := []string{"/bin/php-cgi8.3", "/bin/php-cgi8.1", "/usr/bin/php-cgi8.2", "/usr/bin/php-cgi7.4"}
	if got := f.candidates(); !slices.Equal(got, want) {
		t.Errorf("candidates = %q, want %q", got, want)
	}
}

func TestVersionNotice(t *testing.T) {
	tests := map[string]bool{
		"7.4.33": true, "8.0.30": true, "8.1.28": true, "8.1.29": false, "8.2.19": true, "8.2.20": false,
		"8.3.7": true, "8.3.8": false, "8.3.8RC1": false, "8.4.0": false, "9.0.0": false, "nonsense": false,
	}
	for version, want := range tests {
		if got := versionNotice("windows", version) != ""; got != want {
			t.Errorf("notice for %s: %v, want %v", version, got, want)
		}
		if versionNotice("linux", version) != "" {
			t.Errorf("notice for %s on Linux", version)
		}
	}
}
