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

// ErrNoFPMBinary is the same of FindFPMBinary.
var ErrNoFPMBinary = errors.New("no php-fpm found")

// Find returns the php-cgi to use. hint is a path, a folder, or a name to look
// up in PATH; "" and "auto" search PATH and the usual places of Linux
// distributions, Homebrew and Windows. It runs "php-cgi -v", at most five
// seconds for each candidate.
func Find(hint string) (Binary, error) {
	f := finder{goos: runtime.GOOS, lookPath: exec.LookPath, glob: filepath.Glob, limit: versionLimit}
	return f.find(hint)
}

// FindFPMBinary is Find for a php-fpm to run ourselves (ModeFPM).
func FindFPMBinary(hint string) (Binary, error) {
	f := finder{goos: runtime.GOOS, lookPath: exec.LookPath, glob: filepath.Glob, limit: versionLimit, fpm: true}
	return f.find(hint)
}

// finder has what Find asks the system, so that tests can answer.
type finder struct {
	goos     string
	lookPath func(string) (string, error)
	glob     func(string) ([]string, error)
	limit    time.Duration // of one run of php-cgi -v
	fpm      bool          // php-fpm instead of php-cgi
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
		return Binary{}, fmt.Errorf("php: no usable %s: %w; %s", f.program(), errors.Join(faults...), f.instead())
	}
	if f.fpm {
		return Binary{}, fmt.Errorf("php: %w: %s", ErrNoFPMBinary, f.instead())
	}
	return Binary{}, fmt.Errorf("php: %w: %s", ErrNoBinary, f.instead())
}

// named examines what the administrator asked for, and nothing else.
func (f finder) named(hint string) (Binary, error) {
	path := hint
	if info, err := os.Stat(hint); err == nil && info.IsDir() {
		path = filepath.Join(hint, f.exe(f.program()))
	}
	found, err := f.lookPath(path)
	if err != nil {
		return Binary{}, fmt.Errorf("php: --php %q: %w: give the path of a %s, or --php auto to search for one", hint, err, f.program())
	}
	b, err := f.examine(found)
	if err != nil {
		return Binary{}, fmt.Errorf("%w; %s", err, f.instead())
	}
	return b, nil
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
	version, err := parseVersion(abs, f.program(), out)
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
	if path, err := f.lookPath(f.program()); err == nil {
		add(path)
	}
	for _, minor := range []string{"8.5", "8.4", "8.3", "8.2", "8.1", "8.0", "7.4"} {
		for _, name := range []string{f.program() + minor, f.program() + strings.ReplaceAll(minor, ".", "")} {
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

func (f finder) program() string {
	if f.fpm {
		return ModeFPM.program()
	}
	return ModeAuto.program()
}

func (f finder) places() []string {
	if f.fpm {
		return f.placesFPM()
	}
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

func (f finder) placesFPM() []string {
	switch f.goos {
	case "windows":
		return nil // there is no php-fpm
	case "darwin":
		return []string{
			"/opt/homebrew/sbin/php-fpm", "/opt/homebrew/opt/php*/sbin/php-fpm",
			"/usr/local/sbin/php-fpm", "/usr/local/opt/php*/sbin/php-fpm",
		}
	default:
		return []string{
			"/usr/sbin/php-fpm", "/usr/sbin/php-fpm[0-9]*", "/usr/local/sbin/php-fpm", "/usr/local/sbin/php-fpm[0-9]*",
			"/usr/local/php*/sbin/php-fpm", "/opt/php*/sbin/php-fpm", "/opt/remi/php*/root/usr/sbin/php-fpm",
			"/home/linuxbrew/.linuxbrew/sbin/php-fpm",
		}
	}
}

func (f finder) advice() string {
	switch f.goos {
	case "windows":
		if f.fpm {
			return "there is none for Windows, use php-cgi"
		}
		return `unpack PHP from windows.php.net into C:\php`
	case "darwin":
		return "brew install php"
	default:
		if f.fpm {
			return "apt-get install php-fpm (Fedora: dnf install php-fpm; Alpine: apk add php-fpm)"
		}
		return "apt-get install php-cgi (Fedora: dnf install php-cli; Alpine: apk add php-cgi)"
	}
}

// instead is what to do when there is no program to use.
func (f finder) instead() string {
	if f.fpm {
		return f.advice() + ", or give its path"
	}
	return f.advice() + ", or --php /path/to/php-cgi, or --php off"
}

func (f finder) exe(name string) string {
	if f.goos == "windows" {
		return name + ".exe"
	}
	return name
}
