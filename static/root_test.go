package static

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// onFolders runs a test on what openFolder chooses and on os.Root.
func onFolders(t *testing.T, test func(t *testing.T, reopen func(string) (folder, error))) {
	t.Run("default", func(t *testing.T) { test(t, openFolder) })
	t.Run("os.Root", func(t *testing.T) { test(t, openRootFolder) })
}

// folderSite is a site on a given kind of folder.
func folderSite(t *testing.T, reopen func(string) (folder, error), change func(*Config)) *site {
	s := newSite(t, change)
	if reopen != nil {
		s.cache.root.close()
		s.cache.root.reopen = reopen
	}
	return s
}

func TestSymlinks(t *testing.T) {
	onFolders(t, func(t *testing.T, reopen func(string) (folder, error)) {
		outside := realTemp(t)
		writeOld(t, filepath.Join(outside, "secret.txt"), "secret", old)
		writeOld(t, filepath.Join(outside, "shared/s.txt"), "shared", old)
		writeOld(t, filepath.Join(outside, "shared-not/s.txt"), "secret", old)
		s := folderSite(t, reopen, func(c *Config) {
			c.AllowedTargets = []string{filepath.Join(outside, "none"), filepath.Join(outside, "shared")}
		})
		s.write("dir/in.txt", "in")
		s.symlink("dir/in.txt", "rel")
		s.symlink("../root/dir/in.txt", "climb")
		s.symlink(filepath.Join(s.root, "dir/in.txt"), "abs")
		s.symlink(filepath.Join(s.root, "dir"), "absdir")
		s.symlink(filepath.Join(outside, "secret.txt"), "leak")
		s.symlink(outside, "leakdir")
		s.symlink("../..", "up")
		s.symlink(filepath.Join(outside, "shared"), "sharedlink")
		s.symlink(filepath.Join(outside, "shared/s.txt"), "sharedfile")
		s.symlink(filepath.Join(outside, "shared-not/s.txt"), "almost")
		s.symlink("dangling-target", "dangling")
		s.symlink("loop", "loop")
		s.symlink(filepath.Join(outside, "secret.txt"), "dir/in.txt.gz")
		tests := []struct {
			path, content string
			kind          Kind
		}{
			{"/rel", "in", File},
			{"/climb", "in", File},
			{"/abs", "in", File},
			{"/absdir", "", Dir},
			{"/absdir/in.txt", "in", File},
			{"/leak", "", Escape},
			{"/leakdir", "", Escape},
			{"/leakdir/secret.txt", "", Escape},
			{"/up", "", Escape},
			{"/../../" + filepath.Base(filepath.Dir(s.root)), "", Escape},
			{"/sharedlink", "", Dir},
			{"/sharedlink/s.txt", "shared", File},
			{"/sharedlink/../secret.txt", "", Escape},
			{"/sharedfile", "shared", File},
			{"/almost", "", Escape},
			{"/dangling", "", Missing},
		}
		for range 3 {
			for _, tt := range tests {
				e := s.lookup(tt.path)
				if tt.path == "/sharedlink/../secret.txt" && e.Kind == Missing {
					continue // os.Root resolves ".." by the name, not the target
				}
				if e.Kind != tt.kind {
					t.Errorf("Lookup(%q) = %s, want %s", tt.path, e.Kind, tt.kind)
					continue
				}
				if e.Kind == File && content(t, e) != tt.content {
					t.Errorf("Lookup(%q) holds %q, want %q", tt.path, content(t, e), tt.content)
				}
				if e.Kind == Escape && (e.Ready() || e.Status() != 403) {
					t.Errorf("Lookup(%q) can be sent, status %d", tt.path, e.Status())
				}
			}
			if e := s.lookup("/loop"); e.Kind != Escape && e.Kind != Forbidden {
				t.Errorf("loop is %s", e.Kind)
			}
			if e := s.lookup("/dir/in.txt"); e.siblings[Gzip] != nil {
				t.Error("a sibling leads out of the root")
			}
		}
	})
}

// What nobody configured is followed into as long as it is the folder that was found:
// who may replace it could let it lead anywhere.
func TestSettledTargets(t *testing.T) {
	onFolders(t, func(t *testing.T, reopen func(string) (folder, error)) {
		outside := realTemp(t)
		for _, name := range []string{"up/found", "up/named", "etc", "public", "else/found"} {
			writeOld(t, filepath.Join(outside, name, "s.txt"), name, old)
		}
		s := folderSite(t, reopen, func(c *Config) {
			c.AllowedTargets = []string{filepath.Join(outside, "up/named")}
			c.SettledTargets = []string{filepath.Join(outside, "up/found")}
		})
		s.symlink(filepath.Join(outside, "up/found"), "found")
		s.symlink(filepath.Join(outside, "up/named"), "named")
		expect := func(when, path, want string, kind Kind) {
			t.Helper()
			s.later()
			if e := s.lookup(path); e.Kind != kind || kind == File && content(t, e) != want {
				t.Errorf("%s: %s is %s", when, path, e.Kind)
			}
		}
		rename := func(from, to string) {
			t.Helper()
			if err := os.Rename(filepath.Join(outside, from), filepath.Join(outside, to)); err != nil {
				t.Fatal(err)
			}
		}
		link := func(target, name string) {
			t.Helper()
			if err := os.Symlink(target, filepath.Join(outside, name)); err != nil {
				t.Fatal(err)
			}
		}
		expect("at first", "/found/s.txt", "up/found", File)
		for name, target := range map[string]string{"found": "../etc", "named": "../public"} {
			rename("up/"+name, "up/"+name+".old")
			link(target, "up/"+name)
		}
		expect("now a link", "/found/s.txt", "", Escape)
		expect("now a link", "/found", "", Escape)
		expect("configured", "/named/s.txt", "public", File)
		if err := os.Remove(filepath.Join(outside, "up/found")); err != nil {
			t.Fatal(err)
		}
		rename("up/found.old", "up/found")
		expect("as before", "/found/s.txt", "up/found", File)
		rename("up", "up.old")
		link("else", "up")
		expect("a link on the way", "/found/s.txt", "", Escape)
	})
}

func TestSymlinksFollow(t *testing.T) {
	outside := realTemp(t)
	writeOld(t, filepath.Join(outside, "x.txt"), "out", old)
	s := newSite(t, func(c *Config) { c.Symlinks = Follow })
	s.symlink(outside, "link")
	if e := s.lookup("/link/x.txt"); e.Kind != File || content(t, e) != "out" {
		t.Errorf("followed to %s", e.Kind)
	}
	if e := s.lookup("/../../../../../../../../etc/passwd"); e.Kind != Missing {
		t.Errorf("dot segments lead to %s", e.Kind)
	}
}

func TestSymlinkSwappedBetweenStatAndOpen(t *testing.T) {
	onFolders(t, func(t *testing.T, reopen func(string) (folder, error)) {
		outside := realTemp(t)
		writeOld(t, filepath.Join(outside, "a.txt"), "secret", old)
		s := folderSite(t, reopen, nil)
		s.write("a.txt", "fine")
		if s.stat("/a.txt").Kind != File {
			t.Fatal("not there")
		}
		if err := os.Remove(filepath.Join(s.root, "a.txt")); err != nil {
			t.Fatal(err)
		}
		s.symlink(filepath.Join(outside, "a.txt"), "a.txt")
		if e := s.lookup("/a.txt"); e.Kind != Escape || e.Ready() {
			t.Errorf("%s, ready %v", e.Kind, e.Ready())
		}
	})
}

func TestRootSwitchedSymlink(t *testing.T) {
	onFolders(t, func(t *testing.T, reopen func(string) (folder, error)) {
		dir := realTemp(t)
		writeOld(t, filepath.Join(dir, "v1/a.txt"), "one", old)
		writeOld(t, filepath.Join(dir, "v2/a.txt"), "two", old)
		current := filepath.Join(dir, "current")
		if err := os.Symlink("v1", current); err != nil {
			t.Skip(err)
		}
		s := folderSite(t, reopen, func(c *Config) { c.Root = current })
		s.lookup("/a.txt")
		if e := s.lookup("/a.txt"); content(t, e) != "one" || s.cache.RealRoot() != filepath.Join(dir, "v1") {
			t.Fatalf("%q in %s", content(t, e), s.cache.RealRoot())
		}
		if err := os.Symlink("v2", current+".new"); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(current+".new", current); err != nil {
			t.Fatal(err)
		}
		before := s.cache.Generation()
		s.later()
		if e := s.lookup("/a.txt"); content(t, e) != "two" || s.cache.RealRoot() != filepath.Join(dir, "v2") {
			t.Errorf("after the switch: %q in %s", content(t, e), s.cache.RealRoot())
		}
		if s.cache.Generation() != before+1 {
			t.Errorf("generation %d, was %d", s.cache.Generation(), before)
		}
	})
}

func TestRootReplacedByRename(t *testing.T) {
	onFolders(t, func(t *testing.T, reopen func(string) (folder, error)) {
		s := folderSite(t, reopen, nil)
		s.write("a.txt", "one")
		s.write("gone.txt", "x")
		big := strings.Repeat("x", SmallBodyBytes+1)
		s.write("big.bin", big)
		kept := s.lookup("/big.bin")
		kept.Retain()
		s.lookup("/gone.txt")
		if content(t, s.lookup("/a.txt")) != "one" {
			t.Fatal("wrong content")
		}
		if err := os.Rename(s.root, s.root+".old"); err != nil {
			t.Skip(err)
		}
		s.later()
		if e := s.lookup("/a.txt"); e.Kind != Missing || s.cache.RealRoot() != "" || s.cache.RootError() == nil {
			t.Errorf("without a root: %s in %q", e.Kind, s.cache.RealRoot())
		}
		s.write("a.txt", "two")
		// A missing root is looked for at each look-up, without the clock.
		if e := s.lookup("/a.txt"); content(t, e) != "two" {
			t.Errorf("after the rename: %q", content(t, e))
		}
		if s.cache.RootError() != nil {
			t.Error(s.cache.RootError())
		}
		if s.lookup("/gone.txt").Kind != Missing {
			t.Error("a file of the old root is still there")
		}
		if content(t, kept) != big {
			t.Error("a file being sent was lost")
		}
		kept.Release()
	})
}
