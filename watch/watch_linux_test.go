package watch

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// watching returns a Watcher and a channel of what it tells.
func watching(t *testing.T) (*Watcher, chan Change) {
	t.Helper()
	told := make(chan Change, 1000)
	w, err := New(func(list []Change) {
		for _, c := range list {
			told <- c
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	return w, told
}

// expect waits for a change of a name.
func expect(t *testing.T, told chan Change, dir, name string) Change {
	t.Helper()
	limit := time.After(5 * time.Second)
	for {
		select {
		case c := <-told:
			if c.Dir == dir && c.Name == name {
				return c
			}
		case <-limit:
			t.Fatalf("nothing was told of %q in %q", name, dir)
		}
	}
}

func write(t *testing.T, path string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(path), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestChangesAreTold(t *testing.T) {
	w, told := watching(t)
	dir := t.TempDir()
	file := filepath.Join(dir, ".htaccess")
	for range 2 { // once more does no harm
		if !w.Add(dir) {
			t.Fatal("the folder is not watched")
		}
	}
	steps := []func() error{
		func() error { write(t, file); return nil },
		func() error { write(t, file); return nil },
		func() error { return os.Chmod(file, 0o600) },
		func() error { return os.Rename(file, filepath.Join(dir, "other")) },
		func() error { return os.Rename(filepath.Join(dir, "other"), file) },
		func() error { return os.Remove(file) },
	}
	for _, step := range steps {
		if err := step(); err != nil {
			t.Fatal(err)
		}
		expect(t, told, dir, ".htaccess")
	}
}

func TestFolderThatComesAgainIsWatchedAgain(t *testing.T) {
	w, told := watching(t)
	parent := t.TempDir()
	dir := filepath.Join(parent, "site")
	for range 3 {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if !w.Add(parent) || !w.Add(dir) {
			t.Fatal("not watched")
		}
		write(t, filepath.Join(dir, "a"))
		expect(t, told, dir, "a")
		if err := os.Rename(dir, filepath.Join(parent, "old")); err != nil {
			t.Fatal(err)
		}
		if c := expect(t, told, parent, "site"); !c.Folder {
			t.Errorf("%+v is a folder", c)
		}
		if err := os.RemoveAll(filepath.Join(parent, "old")); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAddOfWhatIsNoFolder(t *testing.T) {
	w, _ := watching(t)
	file := filepath.Join(t.TempDir(), "f")
	write(t, file)
	if w.Add(file) || w.Add(file+"/none") {
		t.Error("a file is watched as a folder")
	}
}
