//go:build linux

package integration

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Two users by number, who need no entry anywhere.
const (
	aliceUID = 54321
	bobUID   = 54322
)

// isolationScript does what it is asked to and says how that went.
const isolationScript = `<?php
header('Content-Type: text/plain');
$path = $_GET['path'] ?? '';
switch ($_GET['do']) {
case 'who': echo posix_geteuid(), ' ', posix_getegid(), ' ', implode(',', posix_getgroups()); break;
case 'count': session_start(); echo $_SESSION['n'] = ($_SESSION['n'] ?? 0) + 1; break;
case 'where': session_start(); echo session_save_path(), '/sess_', session_id(), "\n", tempnam(sys_get_temp_dir(), 'x'), "\n"; break;
case 'upload': echo dirname($_FILES['f']['tmp_name']), ' ', file_get_contents($_FILES['f']['tmp_name']); break;
case 'read': echo @file_get_contents($path) === false ? 'no' : 'yes'; break;
case 'list': echo @scandir($path) === false ? 'no' : 'yes'; break;
case 'write': echo @file_put_contents($path, 'x') === false ? 'no' : 'yes'; break;
case 'connect': echo @stream_socket_client('unix://' . $path) === false ? 'no' : 'yes'; break;
case 'parent': echo posix_getppid(); break;
case 'kill': echo posix_kill((int) $path, 0) ? 'yes' : 'no'; break;
case 'opcache': opcache_compile_file(__FILE__); echo implode("\n", array_keys(opcache_get_status()['scripts'] ?? [])); break;
case 'stay': set_time_limit(0); file_put_contents($path, 'x'); exec('sleep 600 & sleep 600');
}`

// isolated are two sites, whose folders belong to two users.
func isolated(t *testing.T) (dir string) {
	t.Helper()
	if !asRoot() {
		missing(t, "root")
	}
	dir = workDir(t)
	for name, uid := range map[string]int{"a": aliceUID, "b": bobUID} {
		root := filepath.Join(dir, name)
		writeFile(t, filepath.Join(root, "do.php"), isolationScript)
		writeFile(t, filepath.Join(root, "who.cgi"), "#!/bin/sh\necho\nid -u; id -g; id -G\n")
		for _, path := range []string{root, filepath.Join(root, "do.php"), filepath.Join(root, "who.cgi")} {
			if err := os.Chown(path, uid, uid); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path, 0o700); err != nil {
				t.Fatal(err)
			}
		}
	}
	return dir
}

// isolatedConf leaves one site to be found by its owner and names the other's user.
func isolatedConf(dir, more string) string {
	return fmt.Sprintf(`
listen = ["{addr}"]
spool_dir = "%[1]s"
hidden_files = "apache"
cgi.extensions = [".cgi"]
[php]
state = "%[1]s/state"
workers = 2
%[2]s
[php.ini]
"opcache.file_update_protection" = 0
[[site]]
names = ["a.test"]
root = "%[1]s/a"
[[site]]
names = ["a.test"]
path = "/blog"
root = "%[1]s/b"
[[site]]
names = ["b.test"]
root = "%[1]s/b"
php.user = "%[3]d"
`, dir, more, bobUID)
}

func do(t *testing.T, s *server, host, what, path string, lines ...string) string {
	t.Helper()
	a := askHost(t, s, host, "/do.php?do="+what+"&path="+path, lines...)
	if a.status != http.StatusOK {
		t.Fatalf("%s on %s: status %d %s\n%s", what, host, a.status, excerpt(a.body), s.proc.tail(2000))
	}
	return strings.TrimSpace(a.body)
}

func TestIsolation(t *testing.T) {
	for _, manager := range []string{"cgi", "fpm"} {
		t.Run(manager, func(t *testing.T) {
			dir := isolated(t)
			s := startSluiceConf(t, isolatedConf(dir, fmt.Sprintf("manager = %q", manager)))
			for host, uid := range map[string]int{"a.test": aliceUID, "b.test": bobUID} {
				if got, want := do(t, s, host, "who", ""), fmt.Sprintf("%d %d", uid, uid); got != want && got != fmt.Sprintf("%s %d", want, uid) {
					t.Errorf("%s runs as %q, want %q", host, got, want)
				}
				if a := askHost(t, s, host, "/who.cgi"); strings.Join(strings.Fields(a.body), " ") != fmt.Sprintf("%d %d %d", uid, uid, uid) {
					t.Errorf("CGI program on %s runs as %q", host, a.body)
				}
			}
			if a := askHost(t, s, "a.test", "/blog/do.php?do=who"); !strings.HasPrefix(a.body, fmt.Sprint(bobUID)) {
				t.Errorf("the application below a path runs as %q", a.body)
			}
			isolatedFiles(t, s, dir)
			isolatedWorkers(t, s)
			if got := do(t, s, "a.test", "opcache", ""); strings.Contains(got, filepath.Join(dir, "b")) || !strings.Contains(got, filepath.Join(dir, "a")) {
				t.Errorf("opcache of a.test has %q", got)
			}
		})
	}
}

// isolatedFiles: what one site has, the other's scripts can't get at.
func isolatedFiles(t *testing.T, s *server, dir string) {
	t.Helper()
	own := map[string][]string{}
	for _, host := range []string{"a.test", "b.test"} {
		own[host] = strings.Fields(do(t, s, host, "where", ""))
		if len(own[host]) != 2 || !strings.HasPrefix(own[host][0], filepath.Join(dir, "state", host)+"/") || !strings.HasPrefix(own[host][1], filepath.Join(dir, "state", host)+"/") {
			t.Fatalf("%s has its session and temporary file at %q", host, own[host])
		}
	}
	for _, path := range append(own["b.test"], filepath.Join(dir, "b", "do.php")) {
		if got := do(t, s, "b.test", "read", path); got != "yes" {
			t.Errorf("b.test can't read its own %s", path)
		}
		if got := do(t, s, "a.test", "read", path); got != "no" {
			t.Errorf("a.test reads %s of b.test", path)
		}
		if got := do(t, s, "a.test", "list", filepath.Dir(path)); got != "no" {
			t.Errorf("a.test lists %s of b.test", filepath.Dir(path))
		}
		if got := do(t, s, "a.test", "write", filepath.Join(filepath.Dir(path), "new")); got != "no" {
			t.Errorf("a.test writes to %s of b.test", filepath.Dir(path))
		}
	}
	made := filepath.Join(dir, "a", "made")
	if got := do(t, s, "a.test", "write", made); got != "yes" {
		t.Fatal("a.test can't write to its own folder")
	}
	info, err := os.Stat(made)
	if err != nil {
		t.Fatal(err)
	}
	if st, ok := info.Sys().(*syscall.Stat_t); !ok || st.Uid != aliceUID || st.Gid != aliceUID || info.Mode()&0o002 != 0 {
		t.Errorf("what a.test made: %+v %s", info.Sys(), info.Mode())
	}
	contentType, body := multipartBody(t, nil, upload{field: "f", name: "f.txt", contentType: "text/plain", data: []byte("sent")})
	a := raw(t, s.addr, "POST", fmt.Sprintf("POST /do.php?do=upload HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s", contentType, len(body), body))
	if want := filepath.Join(dir, "state", "a.test", "uploads") + " sent"; a.body != want {
		t.Errorf("upload: status %d %q, want %q", a.status, a.body, want)
	}
}

// isolatedWorkers: sites reach neither each other's workers nor, past sluice, their
// own.
func isolatedWorkers(t *testing.T, s *server) {
	t.Helper()
	sockets := listeningSockets(t, descendants(s.proc.pid()))
	if len(sockets) < 2 {
		t.Fatalf("sockets of the workers: %q", sockets)
	}
	for _, socket := range sockets {
		if got := do(t, s, "a.test", "connect", socket); got != "no" {
			t.Errorf("a.test connects to %s", socket)
		}
		if got := do(t, s, "a.test", "list", filepath.Dir(socket)); got != "no" {
			t.Errorf("a.test lists %s", filepath.Dir(socket))
		}
	}
	if got := do(t, s, "a.test", "kill", do(t, s, "b.test", "parent", "")); got != "no" {
		t.Error("a.test may signal a process of b.test")
	}
}

// listeningSockets are the paths that processes listen on.
func listeningSockets(t *testing.T, list []procID) (paths []string) {
	t.Helper()
	table, err := os.ReadFile("/proc/net/unix")
	if err != nil {
		t.Fatal(err)
	}
	held := map[string]bool{}
	for _, id := range list {
		files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", id.pid))
		for _, file := range files {
			if target, err := os.Readlink(file); err == nil {
				held[strings.Trim(strings.TrimPrefix(target, "socket:"), "[]")] = true
			}
		}
	}
	for _, line := range strings.Split(string(table), "\n") {
		if f := strings.Fields(line); len(f) == 8 && held[f[6]] && filepath.IsAbs(f[7]) && f[3] == "00010000" {
			paths = append(paths, f[7])
		}
	}
	return paths
}

// A session outlives sluice, however that ends, and nothing else does.
func TestIsolationRestart(t *testing.T) {
	dir := isolated(t)
	conf := isolatedConf(dir, "")
	cookie := ""
	for i, sig := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM, syscall.SIGKILL} {
		s := startSluiceConf(t, conf)
		a := askHost(t, s, "b.test", "/do.php?do=count", cookie)
		if got, want := strings.TrimSpace(a.body), fmt.Sprint(i+1); got != want {
			t.Fatalf("start %d: the session counts %q, want %s", i, got, want)
		}
		if cookie == "" {
			cookie = "Cookie: " + strings.SplitN(a.header.Get("Set-Cookie"), ";", 2)[0]
		}
		mark := filepath.Join(dir, "b", fmt.Sprint("mark", i))
		if sig == syscall.SIGKILL { // a busy worker, with children
			c := dial(t, s.addr)
			if _, err := fmt.Fprintf(c, "GET /do.php?do=stay&path=%s HTTP/1.1\r\nHost: b.test\r\n\r\n", mark); err != nil {
				t.Fatal(err)
			}
			if !eventually(20*time.Second, func() bool { _, err := os.Stat(mark); return err == nil }) {
				t.Fatal("the script does not run")
			}
		}
		left := descendants(s.proc.pid())
		if len(left) < 4 {
			t.Fatalf("%d processes before the end", len(left))
		}
		s.proc.signal(t, sig)
		if _, ok := s.proc.waitGone(20 * time.Second); !ok {
			t.Fatalf("sluice does not end on %v", sig)
		}
		gone := eventually(20*time.Second, func() bool {
			for _, id := range left {
				if id.alive() {
					return false
				}
			}
			return true
		})
		if !gone {
			t.Errorf("after %v processes are left", sig)
		}
	}
}

// PHP in a chroot sees nothing else, and nobody is served what it keeps there.
func TestIsolationChroot(t *testing.T) {
	dir := isolated(t)
	s := startSluiceConf(t, fmt.Sprintf(`
listen = ["{addr}"]
hidden_files = "apache"
[[site]]
names = ["a.test"]
root = "%s/a"
php = { manager = "fpm", chroot = true, workers = 1 }
`, dir))
	if got := do(t, s, "a.test", "read", "/etc/passwd"); got != "no" {
		t.Error("a script in a chroot reads /etc/passwd")
	}
	where := strings.Fields(do(t, s, "a.test", "where", ""))
	if len(where) != 2 || !strings.HasPrefix(where[0], "/.sluice/a.test/sessions/") {
		t.Fatalf("session and temporary file at %q", where)
	}
	session := filepath.Join(dir, "a", where[0])
	if _, err := os.Stat(session); err != nil {
		t.Error(err)
	}
	if a := askHost(t, s, "a.test", where[0]); a.status == http.StatusOK {
		t.Errorf("a session is served: %q", a.body)
	}
	if got := do(t, s, "a.test", "read", "/do.php"); got != "yes" {
		t.Error("a script in a chroot does not see itself")
	}
}
