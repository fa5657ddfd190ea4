package session

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// LoadKey reads a key for Sticky from a file, which it makes with a new key if it
// is not there: so cookies outlive restarts, and several machines can share the
// file. What is in it, without white space around it, is the key. A file that
// others can read or write is refused.
func LoadKey(path string) ([]byte, error) {
	key, err := readKey(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	if err := makeKey(path); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("session: making a key: %w", err)
	}
	return readKey(path) // another process may have been quicker
}

func readKey(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("session: %w", err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("session: %w", err)
	}
	if !info.Mode().IsRegular() || othersMay(info.Mode()) {
		return nil, fmt.Errorf("session: key file %s has mode %v; it has to be a file that others can't read or write", path, info.Mode())
	}
	b, err := io.ReadAll(io.LimitReader(f, keyFileBytesMax+1))
	if err != nil {
		return nil, fmt.Errorf("session: %w", err)
	}
	b = bytes.TrimSpace(b)
	if len(b) < keyBytesMin || len(b) > keyFileBytesMax {
		return nil, fmt.Errorf("session: key file %s has %d octets; %d to %d are needed", path, len(b), keyBytesMin, keyFileBytesMax)
	}
	return b, nil
}

// makeKey writes the whole file before it gets its name.
func makeKey(path string) error {
	var raw [keyBytesNew]byte
	_, _ = rand.Read(raw[:]) // never fails
	f, err := os.CreateTemp(filepath.Dir(path), ".key-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }()
	_, err = f.WriteString(hex.EncodeToString(raw[:]) + "\n")
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		return err
	}
	return os.Link(f.Name(), path) // fails if there is one by now
}
