//go:build linux

package integration

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const (
	// noticeMax is a second, as promised, and what a busy machine takes for the
	// requests.
	noticeMax = 1900 * time.Millisecond
	// freshMax is noticeMax for scripts, which fresh workers may have to start for:
	// a moment, but not on a busy machine.
	freshMax = 10 * time.Second
	// renewMax is freshMax behind another renewal: there are five seconds between
	// them.
	renewMax = freshMax + 5*time.Second
)

// release makes a folder with one version of a site. opcache tells scripts apart by
// path and whole seconds.
func release(t *testing.T, root, name string, built time.Time) {
	t.Helper()
	for file, text := range map[string]string{
		"index.php":            "<?php echo 'php " + name + " ', __DIR__;",
		"version.txt":          "static " + name,
		"only" + name + ".php": "<?php echo 'only';",
		"sleep.php":            faultScripts["sleep.php"],
	} {
		writeFile(t, filepath.Join(root, file), text)
		if err := os.Chtimes(filepath.Join(root, file), built, built); err != nil {
			t.Fatal(err)
		}
	}
}

func rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

// TestFaultDeploySwitch: a document root that is a switched link or a renamed
// folder is noticed within a second, whatever the files' times.
func TestFaultDeploySwitch(t *testing.T) {
	hourly := func(i int) time.Time { return time.Now().Add(time.Duration(i-10) * time.Hour) }
	always := func(int) time.Time { return time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC) }
	for name, built := range map[string]func(int) time.Time{"other times": hourly, "same times": always} {
		t.Run(name, func(t *testing.T) { deploySwitch(t, built) })
	}
}

func deploySwitch(t *testing.T, built func(int) time.Time) {
	dir := workDir(t)
	in := func(name string) string { return filepath.Join(dir, "releases", name) }
	for i, name := range []string{"1", "2", "3"} {
		release(t, in(name), name, built(i))
	}
	current := filepath.Join(dir, "current")
	point := func(name string) {
		t.Helper()
		next := filepath.Join(dir, "next")
		if err := os.Symlink(filepath.Join("releases", name), next); err != nil {
			t.Fatal(err)
		}
		rename(t, next, current)
	}
	point("1")
	s := startSluice(t, site{root: current})
	serves := func(name string) bool {
		php, static := get(t, s, "/"), get(t, s, "/version.txt")
		only := get(t, s, "/only"+name+".php")
		return strings.HasPrefix(php.body, "php "+name) && static.body == "static "+name && only.body == "only"
	}
	for range 20 {
		if !serves("1") {
			t.Fatal("release 1 is not served")
		}
	}
	point("2")
	if !eventually(noticeMax, func() bool { return serves("2") }) {
		t.Errorf("the switched link is not noticed: %q, %q", get(t, s, "/").body, get(t, s, "/version.txt").body)
	}
	if a := get(t, s, "/only1.php"); a.status != http.StatusNotFound {
		t.Errorf("a script of the old release: status %d", a.status)
	}
	time.Sleep(time.Second) // a folder that was never seen was never replaced
	rename(t, in("2"), in("old"))
	rename(t, in("3"), in("2"))
	if !eventually(noticeMax, func() bool { return get(t, s, "/version.txt").body == "static 3" }) {
		t.Errorf("the renamed folder is not noticed: %q", get(t, s, "/version.txt").body)
	}
	if !eventually(freshMax, func() bool { return serves("3") }) {
		t.Errorf("the renamed folder's scripts are not noticed: %q", get(t, s, "/").body)
	}
}

// TestFaultDeployScripts: a replaced folder's scripts run though PHP sees the same
// paths and times, without a request for a file; what is in flight finishes.
func TestFaultDeployScripts(t *testing.T) {
	for _, manager := range []string{"cgi", "fpm"} {
		t.Run(manager, func(t *testing.T) {
			if manager == "fpm" {
				tool(t, "php-fpm", "php-fpm[0-9]*")
			}
			deployScripts(t, manager)
		})
	}
}

func deployScripts(t *testing.T, manager string) {
	dir := workDir(t)
	mark := makeDir(t, filepath.Join(dir, "mark"))
	if err := os.Chmod(mark, 0o777); err != nil {
		t.Fatal(err)
	}
	in := func(name string) string { return filepath.Join(dir, name) }
	for _, name := range []string{"1", "2", "3"} {
		release(t, filepath.Join(in(name), "public"), name, time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC))
	}
	rename(t, in("1"), in("live"))
	conf := "listen = [\"{addr}\"]\n[[site]]\nroot = %q\n[site.php]\nworkers = 2\nmanager = %q\n"
	s := startSluiceConf(t, fmt.Sprintf(conf, filepath.Join(in("live"), "public"), manager))
	runs := func(name string) bool { return strings.HasPrefix(get(t, s, "/index.php").body, "php "+name+" ") }
	for range 10 {
		if !runs("1") {
			t.Fatalf("release 1: %q", get(t, s, "/index.php").body)
		}
	}
	flight := inFlight(s, "GET", at("sleep.php", mark, "s", "4", "id", "long"), "")
	markedPid(t, mark, "long")
	before := phpOf(t, s)
	rename(t, in("live"), in("old"))
	rename(t, in("2"), in("live"))
	if !eventually(freshMax, func() bool { return runs("2") }) {
		t.Errorf("the scripts of the replaced folder still run: %q", get(t, s, "/index.php").body)
	}
	for range 10 {
		if !runs("2") {
			t.Errorf("after the new one, the old one again: %q", get(t, s, "/index.php").body)
		}
	}
	if a := await(t, "the request in flight", flight, 15*time.Second); a.status != http.StatusOK || !strings.HasPrefix(a.body, "slept") {
		t.Errorf("the request in flight: status %d, %q\n%s", a.status, a.body, s.proc.tail(2000))
	}
	if !eventually(10*time.Second, func() bool {
		for _, id := range before {
			if id.alive() {
				return false
			}
		}
		return true
	}) {
		t.Error("replaced workers stay")
	}
	rename(t, in("live"), in("older"))
	rename(t, in("3"), in("live"))
	if !eventually(renewMax, func() bool { return runs("3") }) {
		t.Errorf("the folder replaced once more: %q", get(t, s, "/index.php").body)
	}
}
