package cgid

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
)

// refusal is why a program is not run, and what the client is told.
type refusal struct {
	status int
	err    error
}

func (r *refusal) Error() string { return r.err.Error() }
func (r *refusal) Unwrap() error { return r.err }

func refuse(status int, format string, args ...any) error {
	return &refusal{status, fmt.Errorf("cgid: "+format, args...)}
}

// inspect says why a file can't be run as a CGI program, with the status that
// Apache 2.4 gives for it.
func inspect(path string) error {
	if !filepath.IsAbs(path) {
		return refuse(500, "SCRIPT_FILENAME %q is no absolute path", path)
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return refuse(404, "%w", err)
	case errors.Is(err, fs.ErrPermission):
		return refuse(403, "%w", err)
	case err != nil:
		return refuse(500, "%w", err)
	case info.IsDir():
		return refuse(403, "%q is a folder, no program", path)
	case !info.Mode().IsRegular():
		return refuse(403, "%q is no regular file", path)
	}
	if why := notExecutable(path, info); why != "" {
		return refuse(500, "%q can't be executed: %s", path, why)
	}
	if isPHP(path) {
		return refuse(403, "%q is php or starts php-cgi; as a CGI program it would take what clients send for options or code (CVE-2012-1823), so it is never run: let sluice serve PHP files itself, by php = \"auto\" or the address of a php-fpm", path)
	}
	return nil
}

var (
	// phpProgram is the name of a PHP interpreter: php, php8.2, php-cgi8.2,
	// php8.2-cgi, php.cgi, php5.fcgi, php-cgi.exe…
	phpProgram = regexp.MustCompile(`(?i)^php[0-9.]*([-_.](cgi|fcgi|fastcgi|cli|fpm|dbg|wrapper)[0-9.]*)*(\.exe)?$`)
	phpCGI     = regexp.MustCompile(`(?i)^php[0-9.]*[-_]?(cgi|fcgi|fastcgi|fpm)[0-9.]*(\.exe)?$`)
	// wrapped is a shell script's line that runs php-cgi.
	wrapped = regexp.MustCompile(`(?mi)^[ \t]*([^#\n]*[ \t;&|])?([^ \t\n#]*/)?php[0-9.]*-?f?cgi[0-9.]*([ \t;&|]|$)`)
	shell   = regexp.MustCompile(`^(ba|da|k|z|a)?sh$`)
)

// isPHP tells whether running the file would run PHP with the request as its
// options or its program: PHP itself, whatever link it hides behind, and
// scripts that php-cgi interprets or that start it. A script for php, the
// command line program, is not one: it takes nothing from a request by itself.
func isPHP(path string) bool {
	if phpProgram.MatchString(filepath.Base(path)) || phpProgram.MatchString(realBase(path)) {
		return true
	}
	head := headOf(path)
	line, text, _ := bytes.Cut(head, []byte("\n"))
	if !bytes.HasPrefix(line, []byte("#!")) {
		return false
	}
	words := strings.Fields(string(line[2:]))
	for i, word := range words {
		if phpCGI.MatchString(filepath.Base(word)) || (i == 0 && phpCGI.MatchString(realBase(word))) {
			return true
		}
	}
	for _, word := range words[:min(len(words), 2)] { // "sh", "env sh"
		if shell.MatchString(filepath.Base(word)) {
			return wrapped.Match(text)
		}
	}
	return false
}

// realBase is the name of what a path leads to.
func realBase(path string) string {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return ""
	}
	return filepath.Base(real)
}

// headOf is the beginning of a file, empty if it can't be read: a program need
// not be readable.
func headOf(path string) []byte {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer func() { _ = f.Close() }()
	b := make([]byte, scriptHeadBytes)
	n, err := io.ReadFull(f, b)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return b[:n]
}

// explain makes a start's error one that helps: the kernel says "no such file"
// of a script whose interpreter is missing.
func explain(path string, err error) error {
	line, _, _ := bytes.Cut(headOf(path), []byte("\n"))
	hint := ""
	switch {
	case errors.Is(err, syscall.ENOEXEC):
		hint = "; it is no program and has no #! line, or its #! line is not the first"
	case errors.Is(err, fs.ErrNotExist) && bytes.HasSuffix(line, []byte("\r")):
		hint = fmt.Sprintf("; the lines of the script end with CR LF, which becomes part of the interpreter's name %q", line[min(2, len(line)):])
	case errors.Is(err, fs.ErrNotExist) && bytes.HasPrefix(line, []byte("#!")):
		hint = fmt.Sprintf("; the interpreter of its first line is missing: %.100q", line)
	case errors.Is(err, fs.ErrPermission):
		hint = "; this user may not execute it or its interpreter, or its file system is mounted noexec"
	case errors.Is(err, syscall.E2BIG):
		hint = "; the environment is too large, look for very long cookies"
	}
	return refuse(500, "start %q: %w%s", path, err, hint)
}
