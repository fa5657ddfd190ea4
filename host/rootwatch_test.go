package host

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// Only another folder under the same real path is a replaced root.
func TestRootWatch(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	in := func(name string) string { return filepath.Join(dir, name) }
	for _, name := range []string{"live/www", "next/www", "third/www", "blue", "green", "fourth"} {
		must(os.MkdirAll(in(name), 0o755))
	}
	point := func(to string) {
		t.Helper()
		must(os.Symlink(to, in("link.new")))
		if err := os.Rename(in("link.new"), in("link")); err != nil {
			t.Skip(err)
		}
	}
	point("blue")
	w := newRootWatch([]string{in("live/www"), in("link"), in("none")})
	wants := func(what string, want bool) {
		t.Helper()
		if got := w.look(); got != want {
			t.Errorf("%s: replaced is %v", what, got)
		}
		if w.look() {
			t.Errorf("%s: replaced once more", what)
		}
	}
	wants("nothing changed", false)
	must(os.WriteFile(in("live/www/new.php"), []byte("x"), 0o644))
	wants("a file is new", false)
	must(os.Rename(in("live/www"), in("old")))
	wants("the root is away", false)
	must(os.Rename(in("next/www"), in("live/www")))
	wants("the root is another one", true)
	must(os.Rename(in("live"), in("older")))
	must(os.Rename(in("third"), in("live")))
	wants("the folder above the root is another one", true)
	must(os.Rename(in("live/www"), in("live/w")))
	must(os.Rename(in("live/w"), in("live/www")))
	wants("away and back", false)
	point("green")
	wants("a switched link", false)
	must(os.Rename(in("blue"), in("oldest")))
	must(os.Rename(in("fourth"), in("blue")))
	wants("a folder that is not used", false)
	point("blue")
	wants("a switched link to a folder that was another one", true)
	must(os.MkdirAll(in("none"), 0o755))
	wants("a root that was not there", false)
	for i := range 2 * rootRealMax {
		name := fmt.Sprint("release", i)
		must(os.Mkdir(in(name), 0o755))
		point(name)
		w.look()
	}
	if len(w.known) > rootRealMax {
		t.Errorf("%d folders are remembered", len(w.known))
	}
}
