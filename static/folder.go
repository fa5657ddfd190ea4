package static

import (
	"errors"
	"os"
	"path/filepath"
)

// folder opens paths relative to one open folder. Names are slash-separated,
// without a leading slash; "." is the folder.
type folder interface {
	// stat follows symlinks but does not open the file.
	stat(name string) (facts, error)
	// open opens a regular file for reading; facts are of what was opened.
	// When facts.kind is not File, the file is nil.
	open(name string) (*os.File, facts, error)
	close() error
}

// rootFolder holds paths inside with os.Root. It works on all systems and
// stands in where openat2 is missing or forbidden by a sandbox.
type rootFolder struct{ root *os.Root }

func openRootFolder(path string) (folder, error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	return rootFolder{root}, nil
}

func (r rootFolder) close() error { return r.root.Close() }

func (r rootFolder) stat(name string) (facts, error) {
	info, err := r.root.Stat(filepath.FromSlash(name))
	if err != nil {
		return facts{}, escapeError(err)
	}
	return factsOf(info), nil
}

func (r rootFolder) open(name string) (*os.File, facts, error) {
	f, err := r.root.OpenFile(filepath.FromSlash(name), os.O_RDONLY|openNonblock, 0)
	if err != nil {
		return nil, facts{}, escapeError(err)
	}
	return regular(f)
}

// escapeError: os.Root has no error value for a path that escapes, so every
// error that has no other meaning may be one.
func escapeError(err error) error {
	if kindOfError(err) != Failed || outOfDescriptors(err) {
		return err
	}
	return errors.Join(errMayEscape, err)
}

// followFolder follows symlinks wherever they lead.
type followFolder struct{ path string }

func (f followFolder) close() error { return nil }

func (f followFolder) join(name string) string {
	// Cleaning an absolute name takes ".." away, should there be one.
	return filepath.Join(f.path, filepath.FromSlash(filepath.Clean("/"+name)))
}

func (f followFolder) stat(name string) (facts, error) {
	info, err := os.Stat(f.join(name))
	if err != nil {
		return facts{}, err
	}
	return factsOf(info), nil
}

func (f followFolder) open(name string) (*os.File, facts, error) {
	file, err := os.OpenFile(f.join(name), os.O_RDONLY|openNonblock, 0)
	if err != nil {
		return nil, facts{}, err
	}
	return regular(file)
}

// regular closes what is no regular file, whatever stat said before.
func regular(file *os.File) (*os.File, facts, error) {
	info, err := file.Stat()
	if err != nil {
		_ = file.Close()
		return nil, facts{}, err
	}
	f := factsOf(info)
	if f.kind != File {
		_ = file.Close()
		return nil, f, nil
	}
	return file, f, nil
}
