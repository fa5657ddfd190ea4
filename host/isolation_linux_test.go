package host

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/zap"

	"sluice/conf"
	"sluice/php"
)

// openDir is a folder that every user can enter.
func openDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "sluice-test-") //nolint:usetesting // t.TempDir is closed to other users
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func needRoot(t *testing.T) {
	t.Helper()
	switch {
	case os.Geteuid() == 0:
	case os.Getenv("CI") == "true":
		t.Fatal("NOT TESTED: needs root")
	default:
		t.Skip("NOT TESTED: needs root")
	}
}

func TestWhoRuns(t *testing.T) {
	needRoot(t)
	dir := openDir(t)
	s := &conf.Site{Root: dir}
	ask := func() (uid uint32, r runAs) {
		t.Helper()
		r, err := whoRuns(s)
		if err != nil {
			t.Fatal(err)
		}
		if r.account == nil {
			return 0, r
		}
		return r.account.UID, r
	}
	if uid, r := ask(); uid != 0 || !r.root || !strings.Contains(r.warning, "belongs to root") {
		t.Errorf("root's folder: %d %+v", uid, r)
	}
	if err := os.Chown(dir, 54321, 54322); err != nil {
		t.Fatal(err)
	}
	if uid, r := ask(); uid != 54321 || r.account.GID != 54322 || r.root || r.warning != "" {
		t.Errorf("a user's folder: %d %+v", uid, r)
	}
	if err := os.Chmod(dir, 0o055); err != nil {
		t.Fatal(err)
	}
	if uid, r := ask(); uid != 0 || !strings.Contains(r.warning, "may not enter") {
		t.Errorf("a folder that its owner can't enter: %d %+v", uid, r)
	}
	if err := os.Chown(dir, overflowUID, 0); err != nil {
		t.Fatal(err)
	}
	if uid, r := ask(); uid != 0 || !r.root {
		t.Errorf("nobody's folder: %d %+v", uid, r)
	}
	s.PHP.Isolation.Account = &conf.Account{UID: 54323}
	if uid, r := ask(); uid != 54323 || r.warning != "" {
		t.Errorf("configured: %d %+v", uid, r)
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if uid, r := ask(); uid != 54323 || !strings.Contains(r.warning, "may not enter") {
		t.Errorf("configured, and kept out: %d %+v", uid, r)
	}
	s.PHP.Isolation.Account = &conf.Account{Name: "root"}
	if uid, r := ask(); uid != 0 || r.root || r.warning != "" {
		t.Errorf("root by configuration: %d %+v", uid, r)
	}
}

func TestMayChroot(t *testing.T) {
	needRoot(t)
	dir := openDir(t)
	for _, tt := range []struct {
		account *php.Account
		want    string
	}{{nil, "name a user"}, {&php.Account{}, "name a user"}, {&php.Account{UID: 54321}, ""}} {
		if err := mayChroot(dir, tt.account); (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: %v", tt.account, err)
		}
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := mayChroot(dir, &php.Account{UID: 54321}); err == nil || !strings.Contains(err.Error(), "may not enter") {
		t.Errorf("a closed chroot: %v", err)
	}
}

func TestStateFolder(t *testing.T) {
	home := t.TempDir()
	t.Setenv("STATE_DIRECTORY", "")
	t.Setenv("XDG_STATE_HOME", "")
	t.Setenv("HOME", home)
	want := filepath.Join(home, ".local/state/sluice")
	if os.Geteuid() == 0 {
		want = "/var/lib/sluice"
	}
	site := &conf.Site{}
	for _, tt := range []struct {
		name string
		set  func()
		want string
	}{
		{"default", func() {}, want},
		{"systemd", func() { t.Setenv("STATE_DIRECTORY", "/s/one:/s/two") }, "/s/one"},
		{"chroot", func() { site.PHP.Isolation.Chroot = "/jail" }, "/jail/.sluice"},
		{"configured", func() { site.PHP.Isolation.State = "/c" }, "/c"},
		{"off", func() { site.PHP.Isolation.State = conf.StateOff }, ""},
	} {
		if tt.set(); stateFolder(site) != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, stateFolder(site), tt.want)
		}
	}
}

func TestStateName(t *testing.T) {
	a, b := stateName(&conf.Site{Dir: "/a"}), stateName(&conf.Site{Dir: "/b", Names: []string{"*"}})
	if a == b || !strings.HasPrefix(a, "default-") || !strings.HasPrefix(b, "default-") {
		t.Errorf("two default sites: %q, %q", a, b)
	}
	if got := stateName(&conf.Site{Dir: "/a", Names: []string{"x.test"}, Path: "/blog"}); got != "x.test/blog" {
		t.Errorf("a site of a path: %q", got)
	}
}

// Sessions in what a site serves are never sent.
func TestDeniedState(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink(dir, filepath.Join(dir, "alias")); err != nil {
		t.Fatal(err)
	}
	s := &conf.Site{Root: filepath.Join(dir, "www"), Deny: conf.Patterns{"/secret"}, Aliases: []conf.Alias{{Prefix: "/all", Dir: filepath.Join(dir, "alias")}}}
	for _, tt := range []struct {
		state  string
		denied []string
		open   []string
	}{
		{filepath.Join(dir, "www/.s"), []string{"/.s", "/.s/x", "/all/www/.s/y", "/secret"}, []string{"/.sx", "/www/.s"}},
		{filepath.Join(dir, "www"), []string{"/a", "/all/www/a"}, nil}, // all of it
		{filepath.Join(dir, "state"), []string{"/all/state/a", "/secret"}, []string{"/state/a"}},
		{"/elsewhere", []string{"/secret"}, []string{"/elsewhere", "/"}},
	} {
		other := conf.Site{}
		other.PHP.Isolation.State = tt.state
		s.PHP.Isolation.State = conf.StateOff
		m := denied(s, stateFolders(&conf.Config{Sites: []conf.Site{*s, other, other}})) // whosever it is
		for _, path := range tt.denied {
			if !m.Match(path) {
				t.Errorf("state %s: %s is served", tt.state, path)
			}
		}
		for _, path := range tt.open {
			if m.Match(path) {
				t.Errorf("state %s: %s is refused", tt.state, path)
			}
		}
	}
}

// A user that sluice can't become is a fault at the start, not when asked what
// would be.
func TestUserWithoutRoot(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("NOT TESTED: needs another user than root")
	}
	cfg := configOf(t, "listen = [\"127.0.0.1:0\"]\n[[site]]\nroot = \".\"\ncgi.extensions = [\".cgi\"]\nphp = { use = \"off\", user = \"0\" }\n")
	if sites, _, err := Pretend(cfg); err != nil {
		t.Error(err)
	} else {
		sites[0].Close()
	}
	_, err := Start(cfg, Options{Logger: zap.NewNop()})
	var f *Fault
	if !errors.As(err, &f) || f.Stage != StageConfig || !strings.Contains(err.Error(), "does not run as root") {
		t.Errorf("Start() = %v", err)
	}
}
