package cgid

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
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
// Apache 2.4 gives for it. search is the program's PATH.
func (s *Server) inspect(path string, search []string) error {
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
	if s.php.isPHP(path, search) {
		return refuse(403, "%q is php, a copy of it, or starts php-cgi; as a CGI program it would take what clients send for options or code (CVE-2012-1823), so it is never run: let sluice serve PHP files itself, by php = \"auto\" or the address of a php-fpm", path)
	}
	return nil
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
