package session

import (
	"io/fs"
	"testing/fstest"
	"time"
)

// fstestFiles are names and contents, all of the same age.
type fstestFiles map[string]string

func (f fstestFiles) fs() fs.FS {
	m := fstest.MapFS{}
	for name, text := range f {
		m[name] = &fstest.MapFile{Data: []byte(text), Mode: 0o644, ModTime: time.Unix(1_000_000_000, 0)}
	}
	return m
}
