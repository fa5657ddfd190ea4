package responder

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const prefix = "sluice-test-"

// A dead server's folder is removed; a living one's is not, nor a young one, nor
// that of others.
func TestStaleFolders(t *testing.T) {
	parent := t.TempDir()
	live, ln, err := listen(parent, prefix)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(live); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v, want mode 0700", info, err)
	}
	dead, young, other := filepath.Join(parent, prefix+"1"), filepath.Join(parent, prefix+"2"), filepath.Join(parent, "other-1")
	for _, dir := range []string{dead, young, other} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	old := time.Now().Add(-2 * staleFolderAge)
	for _, dir := range []string{dead, live, other} {
		if err := os.Chtimes(dir, old, old); err != nil {
			t.Fatal(err)
		}
	}
	removeStale(parent, prefix, time.Now())
	for dir, want := range map[string]bool{dead: false, young: true, live: true, other: true} {
		if _, err := os.Stat(dir); (err == nil) != want {
			t.Errorf("%s is there: %v, want %v", dir, err == nil, want)
		}
	}
	if err := ln.Close(); err != nil {
		t.Error(err)
	}
	if err := remove(live); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(live); !os.IsNotExist(err) {
		t.Errorf("after Remove: %v", err)
	}
}

// A path that no socket can have is made shorter.
func TestLongParent(t *testing.T) {
	parent := filepath.Join(t.TempDir(), strings.Repeat("x", socketPathMaxBytes))
	if err := os.Mkdir(parent, 0o700); err != nil {
		t.Fatal(err)
	}
	folder, ln, err := listen(parent, prefix)
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasPrefix(folder, parent) || len(ln.Addr().String()) > socketPathMaxBytes {
		t.Errorf("made in %s", folder)
	}
	_ = ln.Close()
	if err := remove(folder); err != nil {
		t.Error(err)
	}
}
