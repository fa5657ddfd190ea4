//go:build unix

package static

import (
	"net"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

func TestSpecialFilesAreNotServed(t *testing.T) {
	onFolders(t, func(t *testing.T, reopen func(string) (folder, error)) {
		s := folderSite(t, reopen, nil)
		if err := unix.Mkfifo(filepath.Join(s.root, "fifo"), 0o644); err != nil {
			t.Skip(err)
		}
		l, err := net.Listen("unix", filepath.Join(s.root, "sock"))
		if err != nil {
			t.Skip(err)
		}
		defer func() { _ = l.Close() }()
		for _, path := range []string{"/fifo", "/sock"} {
			e := s.lookup(path) // must not wait for a writer
			if e.Kind != Special || e.Ready() || e.Status() != 404 {
				t.Errorf("%s is %s, ready %v, status %d", path, e.Kind, e.Ready(), e.Status())
			}
		}
	})
}

func TestFIFOSwappedIn(t *testing.T) {
	onFolders(t, func(t *testing.T, reopen func(string) (folder, error)) {
		s := folderSite(t, reopen, nil)
		s.write("a", "x")
		if s.stat("/a").Kind != File {
			t.Fatal("not there")
		}
		if err := os.Remove(filepath.Join(s.root, "a")); err != nil {
			t.Fatal(err)
		}
		if err := unix.Mkfifo(filepath.Join(s.root, "a"), 0o644); err != nil {
			t.Skip(err)
		}
		if e := s.lookup("/a"); e.Kind != Special || e.Ready() {
			t.Errorf("%s, ready %v", e.Kind, e.Ready())
		}
	})
}

func TestDeviceIsNotServed(t *testing.T) {
	s := newSite(t, func(c *Config) { c.Symlinks = Follow })
	s.symlink("/dev/zero", "zero")
	if e := s.lookup("/zero"); e.Kind != Special || e.Ready() {
		t.Errorf("%s, ready %v", e.Kind, e.Ready())
	}
}

func TestForbidden(t *testing.T) {
	onFolders(t, func(t *testing.T, reopen func(string) (folder, error)) {
		s := folderSite(t, reopen, nil)
		s.write("a.php", "x")
		s.write("dir/b", "x")
		for _, name := range []string{"a.php", "dir"} {
			path := filepath.Join(s.root, name)
			if err := os.Chmod(path, 0); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = os.Chmod(path, 0o755) })
		}
		s.stat("/") // opens the root: nobody may not pass the folders above
		dropPrivileges(t)
		if e := s.stat("/a.php"); e.Kind != File {
			t.Errorf("an unreadable script is %s", e.Kind)
		}
		if e := s.lookup("/a.php"); e.Kind != File || e.Ready() || e.Status() != 403 {
			t.Errorf("%s, ready %v, status %d", e.Kind, e.Ready(), e.Status())
		}
		if e := s.lookup("/dir/b"); e.Kind != Forbidden || e.Status() != 403 {
			t.Errorf("behind a closed folder: %s, status %d", e.Kind, e.Status())
		}
	})
}

func TestDescriptorsExhausted(t *testing.T) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Skip(err)
	}
	s := newSite(t, nil)
	for _, name := range []string{"a", "b", "c"} {
		s.write(name, "x")
	}
	idle := s.lookup("/a")
	low := limit
	low.Cur = 0
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &low); err != nil {
		t.Skip(err)
	}
	e := s.lookup("/b")
	err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit)
	if err != nil {
		t.Fatal(err)
	}
	if e.Kind != Failed || e.Status() != 503 || len(s.cache.entries) != 1 {
		t.Errorf("without descriptors: %s, status %d, %d entries", e.Kind, e.Status(), len(s.cache.entries))
	}
	if idle.File() != nil {
		t.Error("idle files were not closed to help")
	}
	if e := s.lookup("/b"); !e.Ready() {
		t.Errorf("with descriptors again: %s, status %d", e.Kind, e.Status())
	}
}
