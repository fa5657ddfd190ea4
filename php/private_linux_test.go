package php

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

func openPrivateFor(t *testing.T, o PrivateOptions) *Private {
	t.Helper()
	p, err := OpenPrivate(o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPrivateSettings(t *testing.T) {
	p := &Private{path: "/c/.s/x", opts: PrivateOptions{Chroot: "/c"}}
	files := map[string]string{"session.save_handler": "files"}
	for _, tt := range []struct {
		name            string
		own, configured map[string]string
		want            []string
	}{
		{"all", nil, files, []string{
			"session.gc_divisor=1000", "session.gc_probability=1", "session.save_path=/.s/x/sessions", "sys_temp_dir=/.s/x/tmp", "upload_tmp_dir=/.s/x/uploads",
		}},
		{"php does not tell", nil, nil, []string{"sys_temp_dir=/.s/x/tmp", "upload_tmp_dir=/.s/x/uploads"}},
		{"redis in php.ini", nil, map[string]string{"session.save_handler": "redis"}, []string{"sys_temp_dir=/.s/x/tmp", "upload_tmp_dir=/.s/x/uploads"}},
		{"redis of the site", map[string]string{"session.save_handler": "redis"}, files, []string{"sys_temp_dir=/.s/x/tmp", "upload_tmp_dir=/.s/x/uploads"}},
		{"the site's own", map[string]string{"session.save_path": "/s", "sys_temp_dir": "/t", "upload_tmp_dir": "/u"}, files, nil},
		{"own removal", map[string]string{"session.gc_probability": "0"}, files, []string{
			"session.gc_divisor=1000", "session.save_path=/.s/x/sessions", "sys_temp_dir=/.s/x/tmp", "upload_tmp_dir=/.s/x/uploads",
		}},
		{"open_basedir", map[string]string{"open_basedir": "/srv"}, nil, []string{
			"open_basedir=/srv:/.s/x/sessions:/.s/x/tmp:/.s/x/uploads", "sys_temp_dir=/.s/x/tmp", "upload_tmp_dir=/.s/x/uploads",
		}},
	} {
		var got []string
		set := p.Settings(tt.own, tt.configured)
		for _, name := range slices.Sorted(maps.Keys(set)) {
			got = append(got, name+"="+set[name])
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestPrivateFolders(t *testing.T) {
	state := filepath.Join(t.TempDir(), "deep", "state")
	o := PrivateOptions{Site: "a.test/b", State: state}
	one, two := openPrivateFor(t, o), openPrivateFor(t, o)
	if want := filepath.Join(state, "a.test%2Fb", "tmp"); one.Tmp() != want {
		t.Errorf("Tmp() = %s, want %s", one.Tmp(), want)
	}
	if err := one.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(two.Tmp()); err != nil {
		t.Errorf("the first sluice took the second one's folder away: %v", err)
	}
	session := filepath.Join(two.Path(), "sessions", "sess_a")
	if err := os.WriteFile(session, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := two.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(session); err != nil {
		t.Errorf("a session is gone: %v", err)
	}
	if _, err := os.Stat(two.Tmp()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an empty folder is left: %v", err)
	}
	for _, bad := range []PrivateOptions{
		{Site: "a", State: "state"},
		{Site: "a", State: "/a;b"},
		{Site: "a", State: "/a:b"},
		{Site: "a", State: "/elsewhere", Chroot: t.TempDir()},
		{Site: "a", State: session},
	} {
		if p, err := OpenPrivate(bad); err == nil {
			t.Errorf("%+v passes", bad)
			_ = p.Close()
		}
	}
}

func TestFolderName(t *testing.T) {
	for site, want := range map[string]string{
		"example.org": "example.org", "example.org/blog": "example.org%2Fblog", "..": "%2E.", "*.a": "%2A.a", "[::1]": "%5B%3A%3A1%5D", "a%2Fb": "a%252Fb",
	} {
		if got := folderName(site); got != want {
			t.Errorf("folderName(%q) = %q, want %q", site, got, want)
		}
	}
}

func TestPrivateOfAnotherUser(t *testing.T) {
	needRoot(t)
	state := filepath.Join(openDir(t), "state")
	a := openPrivateFor(t, PrivateOptions{Site: "a", State: state, Account: alice})
	b := openPrivateFor(t, PrivateOptions{Site: "b", State: state, Account: bob})
	defer func() { _ = errors.Join(a.Close(), b.Close()) }()
	for _, name := range privateFolders {
		file := filepath.Join(a.Path(), name, "x")
		var write, read, list, swap error
		as(alice, func() {
			write = os.WriteFile(file, []byte("x"), 0o644)
			swap = os.Rename(filepath.Dir(file), filepath.Dir(file)+"2")
		})
		as(bob, func() {
			_, read = os.ReadFile(file)
			_, list = os.ReadDir(filepath.Dir(file))
		})
		if write != nil || !errors.Is(read, fs.ErrPermission) || !errors.Is(list, fs.ErrPermission) || !errors.Is(swap, fs.ErrPermission) {
			t.Errorf("%s: own write %v, own rename %v, other's read %v, list %v", name, write, swap, read, list)
		}
	}
	if p, err := OpenPrivate(PrivateOptions{Site: "a", State: state, Account: bob}); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("another user takes folders that are in use: %v", err)
		_ = p.Close()
	}
	if err := os.Chmod(filepath.Dir(state), 0o700); err != nil {
		t.Fatal(err)
	}
	if p, err := OpenPrivate(PrivateOptions{Site: "c", State: state, Account: bob}); err == nil || !strings.Contains(err.Error(), "may not enter") {
		t.Errorf("folders that the user can't get to: %v", err)
		_ = p.Close()
	}
}

// A site that gets another user keeps its sessions, and files that are somebody's
// elsewhere stay his.
func TestPrivateHandedOver(t *testing.T) {
	needRoot(t)
	dir := openDir(t)
	state := filepath.Join(dir, "state")
	o := PrivateOptions{Site: "a", State: state, Account: alice}
	p := openPrivateFor(t, o)
	sessions, secret := filepath.Join(p.Path(), "sessions"), filepath.Join(dir, "secret")
	err := errors.Join(
		os.WriteFile(secret, nil, 0o600), os.Link(secret, filepath.Join(sessions, "hard")), os.Symlink(secret, filepath.Join(sessions, "soft")),
		os.WriteFile(filepath.Join(sessions, "sess_1"), nil, 0o600), os.Chown(filepath.Join(sessions, "sess_1"), int(alice.UID), int(alice.GID)),
		p.Close(),
	)
	if err != nil {
		t.Fatal(err)
	}
	o.Account = bob
	p = openPrivateFor(t, o)
	defer func() { _ = p.Close() }()
	for path, want := range map[string]int{sessions: 54322, filepath.Join(sessions, "sess_1"): 54322, secret: 0} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := ownerOf(info); got != want {
			t.Errorf("%s belongs to %d, want %d", path, got, want)
		}
	}
}

// In a chroot the folder above belongs to the account, which may put links there.
func TestPrivateIsNoWayOut(t *testing.T) {
	needRoot(t)
	jail, outside := openDir(t), openDir(t)
	if err := errors.Join(os.Chown(jail, int(alice.UID), int(alice.GID)), os.Symlink(outside, filepath.Join(jail, ".sluice"))); err != nil {
		t.Fatal(err)
	}
	o := PrivateOptions{Site: "a", State: filepath.Join(jail, ".sluice"), Account: alice, Chroot: jail}
	if p, err := OpenPrivate(o); err == nil {
		t.Error("folders were made behind a link")
		_ = p.Close()
	}
	if entries, err := os.ReadDir(outside); err != nil || len(entries) != 0 {
		t.Errorf("outside are %v, %v", entries, err)
	}
	if err := os.Remove(filepath.Join(jail, ".sluice")); err != nil {
		t.Fatal(err)
	}
	p := openPrivateFor(t, o)
	if got := p.Settings(nil, nil)["sys_temp_dir"]; got != "/.sluice/a/tmp" {
		t.Errorf("scripts see %s", got)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if entries, err := os.ReadDir(jail); err != nil || len(entries) != 0 {
		t.Errorf("left in the chroot: %v, %v", entries, err)
	}
}

// What nobody has touched since a moment goes; what is new, locked, no file, or
// only to be reached by a link out of the folder stays.
func TestSweep(t *testing.T) {
	state := t.TempDir()
	p := openPrivateFor(t, PrivateOptions{Site: "a", State: state})
	defer func() { _ = p.Close() }()
	other := openPrivateFor(t, PrivateOptions{Site: "b", State: state})
	defer func() { _ = other.Close() }()
	write := func(p *Private, name string) {
		t.Helper()
		file := filepath.Join(p.Path(), name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, nil, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	gone := []string{"tmp/old", "uploads/old", "tmp/olddir/old", "tmp/empty/old", "uploads/unlocked"}
	for _, name := range append([]string{"sessions/old", "tmp/locked"}, gone...) {
		write(p, name)
	}
	write(other, "sessions/old")
	locked, err := os.Open(filepath.Join(p.Path(), "tmp/locked"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = locked.Close() }()
	err = errors.Join(
		syscall.Flock(int(locked.Fd()), syscall.LOCK_SH),
		os.Symlink("../../b/sessions", filepath.Join(p.Path(), "tmp/link")),
		syscall.Mkfifo(filepath.Join(p.Path(), "tmp/fifo"), 0o600),
	)
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(30 * time.Millisecond) // the clock of files is coarse
	moment := time.Now()
	time.Sleep(30 * time.Millisecond)
	keep := []string{"tmp/new", "tmp/olddir/new", "tmp/unpacked"}
	for _, name := range keep {
		write(p, name)
	}
	old := moment.Add(-11 * 24 * time.Hour) // as tar leaves them: new all the same
	if err := os.Chtimes(filepath.Join(p.Path(), "tmp/unpacked"), old, old); err != nil {
		t.Fatal(err)
	}
	p.sweep(moment)
	for _, name := range append(keep, "sessions/old", "tmp/locked", "tmp/link", "tmp/fifo") {
		if _, err := os.Lstat(filepath.Join(p.Path(), name)); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Lstat(filepath.Join(other.Path(), "sessions/old")); err != nil {
		t.Errorf("a file of another site: %v", err)
	}
	for _, name := range gone {
		if _, err := os.Lstat(filepath.Join(p.Path(), name)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is still there: %v", name, err)
		}
	}
}

func TestParseConfigured(t *testing.T) {
	for _, tt := range []struct{ name, text, handler, open string }{
		{"fpm", "open_basedir => /a => /b\nsession.save_handler => user => redis\n", "redis", "/b"},
		{"fpm without", "open_basedir => no value => no value\nsession.save_handler => files => files\n", "files", ""},
		{"cgi", "<tr><td class=\"e\">open_basedir</td><td class=\"v\">/a&amp;b</td><td class=\"v\">/a&amp;b</td></tr>\n" +
			"<tr><td class=\"e\">session.save_handler</td><td class=\"v\">files</td><td class=\"v\">files</td></tr>\n", "files", "/a&b"},
		{"cgi without", "<tr><td class=\"e\">open_basedir</td><td class=\"v\"><i>no value</i></td><td class=\"v\"><i>no value</i></td></tr>\n" +
			"<tr><td class=\"e\">session.save_handler</td><td class=\"v\">files</td><td class=\"v\">files</td></tr>\n", "files", ""},
	} {
		got, err := parseConfigured([]byte(tt.text))
		if err != nil || got["session.save_handler"] != tt.handler || got["open_basedir"] != tt.open {
			t.Errorf("%s: %v, %v", tt.name, got, err)
		}
	}
	if got, err := parseConfigured([]byte("open_basedir => no value => no value\n")); err != nil || len(got) != 0 {
		t.Errorf("a PHP without sessions: %v, %v", got, err)
	}
	if _, err := parseConfigured([]byte("nothing")); err == nil {
		t.Error("nothing is an answer")
	}
}

// PHP uses the folders, and removes old sessions by itself.
func TestPrivateSessions(t *testing.T) {
	for _, mode := range []Mode{ModeAuto, ModeFPM} {
		t.Run(mode.String(), func(t *testing.T) {
			start, find := startGroup, phpCGI
			if mode == ModeFPM {
				start, find = startFPM, phpFPM
			}
			bin, err := find()
			if err != nil {
				t.Skip(err)
			}
			configured, err := Configured(t.Context(), bin, nil)
			if err != nil || configured["session.save_handler"] != "files" {
				t.Fatalf("Configured() = %v, %v", configured, err)
			}
			p := openPrivateFor(t, PrivateOptions{Site: "a", State: t.TempDir()})
			t.Cleanup(func() { _ = p.Close() })
			// Every session looks for old ones, not one in a thousand.
			own := map[string]string{"session.gc_divisor": "1"}
			g := start(t, func(o *Options) {
				o.Ini = p.Settings(own, configured)
				maps.Copy(o.Ini, own)
			})
			stale := filepath.Join(p.Path(), "sessions", "sess_stale")
			old := time.Now().Add(-24 * time.Hour)
			if err := errors.Join(os.WriteFile(stale, nil, 0o600), os.Chtimes(stale, old, old)); err != nil {
				t.Fatal(err)
			}
			got := dial(t, g.Servers()[0]).get(script(t, "<?php session_start(); $_SESSION['a'] = 1; echo dirname(tempnam(sys_get_temp_dir(), 'x'));"))
			if got != p.Tmp() {
				t.Errorf("temporary files lie in %q, want %q", got, p.Tmp())
			}
			left, err := os.ReadDir(filepath.Dir(stale))
			if err != nil || len(left) != 1 || left[0].Name() == "sess_stale" {
				t.Errorf("sessions: %v, %v; want the new one", left, err)
			}
		})
	}
}
