package php

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// Binary is a php-cgi that has told its version.
type Binary struct {
	Path    string // absolute
	Version string // "8.2.35"
	// Notice is something the administrator should know, "" if there is nothing.
	Notice string
}

// ErrNoBinary is wrapped by Find's error when there is no php-cgi at all.
var ErrNoBinary = errors.New("no php-cgi found")

// Find returns the php-cgi to use. hint is a path, a folder, or a name to look
// up in PATH; "" and "auto" search PATH and the usual places of Linux
// distributions, Homebrew and Windows. It runs "php-cgi -v", at most five
// seconds for each candidate.
func Find(hint string) (Binary, error) {
	f := finder{goos: runtime.GOOS, lookPath: exec.LookPath, glob: filepath.Glob, limit: versionLimit}
	return f.find(hint)
}

// finder has what Find asks the system, so that tests can answer.
type finder struct {
	goos     string
	lookPath func(string) (string, error)
	glob     func(string) ([]string, error)
	limit    time.Duration // of one run of php-cgi -v
}

func (f finder) find(hint string) (Binary, error) {
	if hint != "" && hint != "auto" {
		return f.named(hint)
	}
	var faults []error
	for _, path := range f.candidates() {
		b, err := f.examine(path)
		if err == nil {
			return b, nil
		}
		faults = append(faults, err)
	}
	if len(faults) > 0 {
		return Binary{}, fmt.Errorf("php: no usable php-cgi: %w", errors.Join(faults...))
	}
	return Binary{}, fmt.Errorf("php: %w: %s, or --php /path/to/php-cgi, or --php off", ErrNoBinary, f.advice())
}

// named examines what the administrator asked for, and nothing else.
func (f finder) named(hint string) (Binary, error) {
	path := hint
	if info, err := os.Stat(hint); err == nil && info.IsDir() {
		path = filepath.Join(hint, f.exe("php-cgi"))
	}
	found, err := f.lookPath(path)
	if err != nil {
		return Binary{}, fmt.Errorf("php: --php %q: %w: give the path of a php-cgi, or --php auto to search for one", hint, err)
	}
	return f.examine(found)
}

func (f finder) examine(path string) (Binary, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return Binary{}, fmt.Errorf("php: %q: %w", path, err)
	}
	out, err := runVersion(abs, f.limit)
	if err != nil {
		return Binary{}, err
	}
	version, err := parseVersion(abs, out)
	if err != nil {
		return Binary{}, err
	}
	return Binary{Path: abs, Version: version, Notice: versionNotice(f.goos, version)}, nil
}

// candidates lists existing files, best first: PATH before well-known folders,
// the plain name before a version, newer versions before older.
func (f finder) candidates() []string {
	var list []string
	add := func(path string) {
		if !slices.Contains(list, path) {
			list = append(list, path)
		}
	}
	if path, err := f.lookPath("php-cgi"); err == nil {
		add(path)
	}
	for _, minor := range []string{"8.5", "8.4", "8.3", "8.2", "8.1", "8.0", "7.4"} {
		for _, name := range []string{"php-cgi" + minor, "php-cgi" + strings.ReplaceAll(minor, ".", "")} {
			if path, err := f.lookPath(name); err == nil {
				add(path)
			}
		}
	}
	for _, pattern := range f.places() {
		matches, err := f.glob(pattern)
		if err != nil {
			continue // the patterns are constants; a bad one finds nothing
		}
		slices.Sort(matches)
		for _, path := range slices.Backward(matches) {
			add(path)
		}
	}
	return list
}

func (f finder) places() []string {
	switch f.goos {
	case "windows":
		return []string{
			`C:\php\php-cgi.exe`, `C:\php*\php-cgi.exe`, `C:\tools\php*\php-cgi.exe`,
			`C:\Program Files\PHP\php-cgi.exe`, `C:\Program Files\PHP\*\php-cgi.exe`, `C:\xampp\php\php-cgi.exe`,
		}
	case "darwin":
		return []string{
			"/opt/homebrew/bin/php-cgi", "/opt/homebrew/opt/php*/bin/php-cgi",
			"/usr/local/bin/php-cgi", "/usr/local/opt/php*/bin/php-cgi",
		}
	default:
		return []string{
			"/usr/bin/php-cgi", "/usr/bin/php-cgi[0-9]*", "/usr/local/bin/php-cgi", "/usr/local/bin/php-cgi[0-9]*",
			"/usr/local/php*/bin/php-cgi", "/opt/php*/bin/php-cgi", "/opt/remi/php*/root/usr/bin/php-cgi",
			"/home/linuxbrew/.linuxbrew/bin/php-cgi",
		}
	}
}

func (f finder) advice() string {
	switch f.goos {
	case "windows":
		return `unpack PHP from windows.php.net into C:\php`
	case "darwin":
		return "brew install php"
	default:
		return "apt-get install php-cgi (Fedora: dnf install php-cli; Alpine: apk add php-cgi)"
	}
}

func (f finder) exe(name string) string {
	if f.goos == "windows" {
		return name + ".exe"
	}
	return name
}
