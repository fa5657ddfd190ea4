package session

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/yookoala/gofast"

	"sluice/fcgi"
)

// Guard is what a request must be like after foreign middleware had it: gofast's
// own make several known holes. Always: no HTTP_PROXY (httpoxy); no variable made
// from a field line whose name could be mistaken for another's; Cookie lines
// joined as RFC 6265 wants; CONTENT_LENGTH is what really came.
type Guard struct {
	// Root is the folder that SCRIPT_FILENAME has to lie in; empty allows any.
	Root string
	// Extensions are those of SCRIPT_FILENAME that are run (".php"); none allows
	// any.
	Extensions []string
	// Check, if not nil, is asked last about a SCRIPT_FILENAME that is to be run.
	// The status of a *Refusal is the client's; other errors are 403.
	Check func(file string) error
	// Remote: the backend has other files than we, so that SCRIPT_FILENAME is not
	// looked at. Otherwise it must be a file, if there is a Root.
	Remote bool
}

// Refusal is a request that the guard does not let through.
type Refusal struct {
	Status int // for the client
	Err    error
}

func (r *Refusal) Error() string { return r.Err.Error() }

// Unwrap answers Err.
func (r *Refusal) Unwrap() error { return r.Err }

func (g *Guard) check() error {
	if g.Root != "" && !filepath.IsAbs(g.Root) {
		return fmt.Errorf("session: the guard's root %q is not an absolute path", g.Root)
	}
	for _, e := range g.Extensions {
		if !strings.HasPrefix(e, ".") {
			return fmt.Errorf("session: the guard's extension %q does not begin with a dot", e)
		}
	}
	return nil
}

// pairs encodes the request's parameters, those that may pass, in order.
func (g *Guard) pairs(req *gofast.Request) ([]byte, error) {
	if err := g.script(scriptOf(req)); err != nil {
		return nil, err
	}
	var header http.Header
	if req.Raw != nil {
		header = req.Raw.Header
	}
	clean := cleanFields(header)
	names := make([]string, 0, len(req.Params))
	for name := range req.Params {
		names = append(names, name)
	}
	slices.Sort(names)
	out := []byte{} // not nil, which would be none of ours
	for _, name := range names {
		value, keep, err := settled(name, req, clean)
		if err != nil {
			return nil, &Refusal{http.StatusBadRequest, err}
		}
		if keep {
			out = fcgi.AppendPair(out, name, value)
		}
		if len(out) > paramsBytesMax {
			return nil, &Refusal{http.StatusRequestHeaderFieldsTooLarge, fmt.Errorf("session: parameters of more than %d octets", paramsBytesMax)}
		}
	}
	return out, nil
}

// settled is what becomes of one parameter.
func settled(name string, req *gofast.Request, clean map[string]field) (value string, keep bool, err error) {
	value = req.Params[name]
	if name == "" || strings.ContainsAny(name, "=\x00\r\n") || strings.ContainsRune(value, 0) {
		return "", false, fmt.Errorf("session: the parameter %.60q has a name or value that can't be one", name)
	}
	switch name {
	case "HTTP_PROXY", "HTTP_CONTENT_LENGTH", "HTTP_CONTENT_TYPE", "HTTP_TRANSFER_ENCODING", "CONTENT_LENGTH", "FCGI_DATA_LAST_MOD", "FCGI_DATA_LENGTH":
		return "", false, nil
	case "PATH_INFO", "SCRIPT_NAME":
		return value, req.Role != gofast.RoleAuthorizer, nil // §6.3
	case "PATH_TRANSLATED": // RFC 3875 §4.1.6: only with a PATH_INFO
		return value, req.Role != gofast.RoleAuthorizer && req.Params["PATH_INFO"] != "", nil
	}
	if !strings.HasPrefix(name, "HTTP_") {
		return value, true, nil
	}
	if strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != "" {
		return "", false, nil
	}
	f := clean[name]
	if slices.Contains(f.unsafe, value) { // made from a line that poses as another
		return f.value, f.there, nil
	}
	if name == "HTTP_COOKIE" && value == f.commas {
		return f.value, true, nil
	}
	return value, true, nil
}

// field is what a client's field lines say about one variable.
type field struct {
	value  string // of the lines of the plain name
	commas string // the same as gofast joins them
	there  bool
	unsafe []string // what lines of other names would make of it
}

// cleanFields sorts out which lines a variable may be made from.
func cleanFields(header http.Header) map[string]field {
	out := make(map[string]field, len(header))
	for name, values := range header {
		folded := "HTTP_" + strings.ReplaceAll(strings.ToUpper(name), "-", "_")
		f := out[folded]
		commas := strings.Join(values, ",")
		if strings.Trim(name, "-0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
			f.unsafe = append(f.unsafe, commas)
		} else {
			separator := ", "
			if strings.EqualFold(name, "Cookie") {
				separator = "; "
			}
			f.value, f.commas, f.there = strings.Join(values, separator), commas, true
		}
		out[folded] = f
	}
	return out
}

// scriptOf is the file that the backend runs. PHP takes PATH_TRANSLATED where
// there is no SCRIPT_FILENAME.
func scriptOf(req *gofast.Request) string {
	if file := req.Params["SCRIPT_FILENAME"]; file != "" {
		return file
	}
	if req.Role == gofast.RoleAuthorizer || req.Params["PATH_INFO"] == "" { // it is not passed on
		return ""
	}
	return req.Params["PATH_TRANSLATED"]
}

// script looks whether a file may be run.
func (g *Guard) script(file string) error {
	if err := g.lies(file); err != nil || file == "" || g.Check == nil {
		return err
	}
	err := g.Check(file)
	var no *Refusal
	if err == nil || errors.As(err, &no) {
		return err
	}
	return &Refusal{http.StatusForbidden, err}
}

// lies looks where a file is and what it is called.
func (g *Guard) lies(file string) error {
	if file == "" {
		return nil
	}
	refuse := func(status int, format string) error {
		return &Refusal{status, fmt.Errorf("session: SCRIPT_FILENAME "+format, file)}
	}
	if strings.ContainsRune(file, 0) {
		return refuse(http.StatusBadRequest, "%q has a NUL")
	}
	if len(g.Extensions) > 0 && !slices.Contains(g.Extensions, filepath.Ext(file)) {
		return refuse(http.StatusForbidden, "%q is no script")
	}
	if g.Root == "" {
		return nil
	}
	below, err := filepath.Rel(g.Root, filepath.Clean(file))
	if err != nil || !filepath.IsAbs(file) || !filepath.IsLocal(below) || below == "." {
		return refuse(http.StatusForbidden, "%q is not below the root")
	}
	if g.Remote {
		return nil
	}
	switch info, err := os.Stat(file); {
	case errors.Is(err, fs.ErrNotExist), err == nil && !info.Mode().IsRegular():
		return refuse(http.StatusNotFound, "%q is no file")
	case err != nil:
		return refuse(http.StatusNotFound, "%q can't be looked at")
	}
	return nil
}
