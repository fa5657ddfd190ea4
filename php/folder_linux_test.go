package php

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestStaleFoldersAreRemoved(t *testing.T) {
	parent := t.TempDir()
	live, err := newFolder(parent, nil)
	if err != nil {
		t.Fatal(err)
	}
	stale, young, other := filepath.Join(parent, folderPrefix+"1"), filepath.Join(parent, folderPrefix+"2"), filepath.Join(parent, "other")
	old := time.Now().Add(-time.Hour)
	for _, path := range []string{stale, young, other} {
		if err := os.MkdirAll(filepath.Join(path, "ini"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{live.path, stale, other} {
		if err := os.Chtimes(path, old, old); err != nil {
			t.Fatal(err)
		}
	}
	removeStale(parent, time.Now())
	for path, want := range map[string]bool{live.path: true, young: true, other: true, stale: false} {
		if _, err := os.Stat(path); (err == nil) != want {
			t.Errorf("%s is there: %v, want %v", path, err == nil, want)
		}
	}
	if err := live.remove(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(live.path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("removed folder: %v", err)
	}
}
