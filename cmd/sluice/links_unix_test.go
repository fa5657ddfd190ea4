//go:build unix

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Links out of the document root are not followed unless somebody says so, whoever
// made them; that they are not is said at the start and by check, with what to write.
func TestLinksOut(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, "shared/note.txt", "shared")
	write(t, dir, "www/index.html", "front")
	write(t, dir, "www/sub/page.html", "page")
	for link, to := range map[string]string{
		"etc": "/etc", "shared": filepath.Join(dir, "shared"), "sub/pw": "/etc/passwd", "sub/note": filepath.Join(dir, "shared/note.txt"), "home": "index.html",
	} {
		if err := os.Symlink(to, filepath.Join(dir, "www", link)); err != nil {
			t.Fatal(err)
		}
	}
	root := filepath.Join(dir, "www")
	if err := os.Symlink("www", filepath.Join(dir, "current")); err != nil {
		t.Fatal(err)
	}
	configs := map[string]string{
		"strict": "symlinks = \"inside\"\n", "named": "follow_into = [\"shared\"]\n", "all": "symlinks = \"follow\"\n",
	}
	for name, text := range configs {
		write(t, dir, name+".toml", fmt.Sprintf("listen = \"127.0.0.1:0\"\n[[site]]\nroot = %q\nphp = \"off\"\n%s", root, text))
	}
	for _, tt := range []struct {
		name    string
		args    []string
		targets map[string]int
		banner  string // "" for no word of links
		warned  bool
	}{
		{"zero", []string{root}, map[string]int{"/etc/passwd": 403, "/sub/pw": 403, "/shared/note.txt": 403, "/sub/note": 403}, "", true},
		{"behind a link", []string{filepath.Join(dir, "current")}, map[string]int{"/etc/passwd": 403, "/sub/page.html": 200}, "", true},
		{"strict", nil, map[string]int{"/etc/passwd": 403, "/sub/pw": 403, "/shared/note.txt": 403}, "", true},
		{"named", nil, map[string]int{"/etc/passwd": 403, "/sub/pw": 403, "/shared/note.txt": 200, "/sub/note": 200}, "links into " + filepath.Join(dir, "shared"), true},
		{"all", nil, map[string]int{"/etc/passwd": 200, "/sub/pw": 200, "/shared/note.txt": 200}, "every symbolic link", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			args := append([]string{"--listen", "127.0.0.1:0", "--php", "off"}, tt.args...)
			if tt.args == nil {
				args = []string{"--config", filepath.Join(dir, tt.name+".toml")}
			}
			p := serveFor(t, args...)
			tt.targets["/home"], tt.targets["/"] = 200, 200
			for target, want := range tt.targets {
				if code, body := p.get(target); code != want || code != 200 && strings.Contains(body, "shared") {
					t.Errorf("%s: %d %q, want %d", target, code, body, want)
				}
			}
			if _, said, ok := strings.Cut(p.told(), "follows    "); ok != (tt.banner != "") || !strings.HasPrefix(said, tt.banner) {
				t.Errorf("banner %q, want %q in it", p.told(), tt.banner)
			}
			p.signal(syscall.SIGTERM)
			p.exits(0)
			if log := p.log(); strings.Contains(log, "/etc -> /etc (") != tt.warned || strings.Contains(log, "follow_into = [") != tt.warned {
				t.Errorf("warned is not %v: %s", tt.warned, log)
			}
		})
	}
	for _, args := range [][]string{{"check", root}, {"check", "--config", filepath.Join(dir, "strict.toml")}} {
		code, out, fault := run(t, dir, args...)
		if want := root + "/shared: warning  symlinks: leads out of the document root to " + dir + "/shared"; code != 0 || !strings.Contains(out, want) || !strings.Contains(out, `follow_into = ["`+dir+`/shared"]`) {
			t.Errorf("%q: exit %d, %s, %s", args, code, out, fault)
		}
	}
}
