package conf

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Load reads and checks a sluice.toml. Relative paths in it start from its own
// folder. The error holds all faults, see Faults.
func Load(path string, flags Overrides) (*Config, error) {
	data, err := readConfig(path)
	if err != nil {
		var fs faults
		fs.add(err)
		return nil, fs.err()
	}
	return Parse(path, data, flags)
}

func readConfig(path string) ([]byte, *Fault) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fileFault(path, err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		return nil, &Fault{File: path, Msg: fmt.Sprintf("is a folder; name the file in it, %q, or serve the folder: sluice serve %s", filepath.Join(path, "sluice.toml"), path)}
	}
	data, err := io.ReadAll(io.LimitReader(f, fileBytesMax+1))
	if err != nil {
		return nil, fileFault(path, err)
	}
	if len(data) > fileBytesMax {
		return nil, &Fault{File: path, Msg: fmt.Sprintf("is larger than %s, which no configuration is", formatSize(fileBytesMax))}
	}
	return data, nil
}

func fileFault(path string, err error) *Fault {
	f := &Fault{File: path, Err: err}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		f.Msg = "no such file; check the path given to --config, or serve a folder without one: sluice serve DIR"
	case errors.Is(err, fs.ErrPermission):
		f.Msg = "no permission to read it; give the user sluice runs as r on it and x on the folders above"
	default:
		f.Msg = fmt.Sprintf("cannot read it: %v", err)
	}
	return f
}

// Parse is Load for the text of a file of that name. It looks at the folders
// that the text names.
func Parse(name string, data []byte, flags Overrides) (*Config, error) {
	fs := &faults{}
	base, err := filepath.Abs(filepath.Dir(name))
	if err != nil {
		return nil, fmt.Errorf("conf: %s: %w", name, err)
	}
	if data == nil {
		data = []byte{}
	}
	d := &decoder{file: name, base: base, data: data, faults: fs}
	root, bad := readTOML(data, d.fault)
	dr := newDraft(d, root)
	dr.decode()
	dr.override(flags)
	// What a broken file seems to lack may stand in its unread part.
	if bad > 0 {
		return nil, fs.err()
	}
	dr.check()
	if err := fs.err(); err != nil {
		return nil, err
	}
	return &dr.config, nil
}

// FromDir makes the configuration for a folder without a sluice.toml: one
// default site with what Detect finds. The folder's faults come without a file
// name, those of flags with the flag's.
func FromDir(dir string, flags Overrides) (*Config, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("conf: folder %q: %w", dir, err)
	}
	fs := &faults{}
	dr := newDraft(&decoder{base: abs, faults: fs}, &node{shape: shapeTable})
	s := dr.inherit()
	s.Dir = abs
	dr.config.Sites = []Site{s}
	dr.nodes = []*node{{shape: shapeTable}}
	dr.override(flags)
	dr.check()
	if err := fs.err(); err != nil {
		return nil, err
	}
	return &dr.config, nil
}
