//go:build linux

package integration

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Exit codes of docs/usage.md.
const (
	exitConfig = 3
	exitListen = 4
	exitPHP    = 5
)

// nobody is the account that has no rights anywhere.
const nobody = 65534

// portsFrom is the first port that everybody may listen on.
func portsFrom(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile("/proc/sys/net/ipv4/ip_unprivileged_port_start")
	if err != nil {
		return 1024
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// programFor copies the program to where every user may run it.
func programFor(t *testing.T, dir string) string {
	t.Helper()
	bin := filepath.Join(dir, "sluice")
	text, err := os.ReadFile(sluiceBinary(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(bin, text, 0o755); err != nil {
		t.Fatal(err)
	}
	return bin
}

// asNobodyElse has a program run as a user that is not root, and where root's ports
// are anybody's in a network of its own.
func asNobodyElse(t *testing.T, cmd *exec.Cmd, port bool) {
	t.Helper()
	cmd.SysProcAttr = &syscall.SysProcAttr{}
	if os.Geteuid() == 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
	}
	if !port || portsFrom(t) >= 1024 {
		return
	}
	if os.Geteuid() != 0 || exec.Command("unshare", "--net", "true").Run() != nil {
		skipLoudly(t, "NOT TESTED: "+strings.ToUpper(t.Name())+" NEEDS PORTS THAT ARE NOT EVERYBODY'S, OR TO MAKE A NETWORK")
	}
	cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWNET
}

// TestStartWithoutPermission: who is not root is told what he may not, and how he
// may.
func TestStartWithoutPermission(t *testing.T) {
	dir := workDir(t)
	bin := programFor(t, dir)
	www, closed := filepath.Join(dir, "www"), filepath.Join(dir, "closed")
	writeFile(t, filepath.Join(www, "index.html"), "page")
	writeFile(t, filepath.Join(closed, "in", "index.html"), "page")
	conf := filepath.Join(dir, "sluice.toml")
	writeFile(t, conf, "[[site]]\nroot = \"www\"\n")
	for path, mode := range map[string]os.FileMode{closed: 0, conf: 0, www: 0o555} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.Chmod(path, 0o755) })
	}
	free := "127.0.0.1:0"
	for _, tt := range []struct {
		name string
		port bool
		args []string
		code int
		want []string
	}{
		{"folder", false, []string{closed, "--listen", free}, exitConfig, []string{"no permission", closed, "r and x"}},
		{"folder below one", false, []string{filepath.Join(closed, "in"), "--listen", free}, exitConfig, []string{"no permission", "closed/in", "folders above"}},
		{"configuration", false, []string{"--config", conf}, exitConfig, []string{"no permission", conf}},
		{"port", true, []string{www, "--php", "off", "--listen", "127.0.0.1:80"}, exitListen, []string{"no permission", "127.0.0.1:80", "below 1024", "CAP_NET_BIND_SERVICE"}},
		{"socket", false, []string{www, "--php", "off", "--listen", "unix:" + filepath.Join(www, "s")}, exitListen, []string{"no permission", "w and x", www}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cmd := exec.Command(bin, append([]string{"serve"}, tt.args...)...)
			cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir}
			asNobodyElse(t, cmd, tt.port)
			wantRefused(t, startProcess(t, workDir(t), "sluice", cmd), tt.code, tt.want)
		})
	}
}

// wantRefused: the program ends by itself and says why.
func wantRefused(t *testing.T, p *process, code int, want []string) {
	t.Helper()
	state, ended := p.waitGone(15 * time.Second)
	if !ended {
		t.Fatal("sluice runs")
	}
	if state.ExitCode() != code {
		t.Errorf("exit code %d, want %d", state.ExitCode(), code)
	}
	out := p.output()
	for _, text := range want {
		if !strings.Contains(out, text) {
			t.Errorf("no %q in\n%s", text, out)
		}
	}
	if strings.Contains(out, "goroutine ") || strings.Contains(out, "listening") || strings.Contains(out, ": \n") {
		t.Errorf("that is no message:\n%s", out)
	}
}

// jail is a folder with nothing but the program and two sites in it, for php-cgi is
// looked for in fixed places too.
func jail(t *testing.T) string {
	t.Helper()
	if os.Geteuid() != 0 {
		missing(t, "root, for chroot")
	}
	dir := workDir(t)
	bin := programFor(t, dir)
	libraries, _ := exec.Command("ldd", bin).Output() // none for a static program
	for _, word := range strings.Fields(string(libraries)) {
		if !filepath.IsAbs(word) {
			continue
		}
		makeDir(t, filepath.Join(dir, filepath.Dir(word)))
		if out, err := exec.Command("cp", "-L", word, filepath.Join(dir, word)).CombinedOutput(); err != nil {
			t.Fatalf("integration: %v: %s", err, out)
		}
	}
	writeFile(t, filepath.Join(dir, "php", "index.php"), "<?php echo 1;")
	writeFile(t, filepath.Join(dir, "static", "index.html"), "page")
	writeFile(t, filepath.Join(dir, "dev", "null"), "")
	makeDir(t, filepath.Join(dir, "tmp"))
	return dir
}

// TestStartWithoutPHP: where there is no php-cgi, or none that can be run, a site
// with scripts does not start and says what to do; one without does.
func TestStartWithoutPHP(t *testing.T) {
	dir := jail(t)
	start := func(t *testing.T, args ...string) *process {
		t.Helper()
		cmd := exec.Command("/sluice", append([]string{"serve"}, args...)...)
		cmd.Dir, cmd.Env = "/", []string{"PATH=/usr/bin:/bin", "HOME=/tmp"}
		cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: dir}
		return startProcess(t, workDir(t), "sluice", cmd)
	}
	advice := []string{"apt-get install php-cgi", "--php /path/to/php-cgi", "--php off"}
	serves := func(t *testing.T, status int, said string, args ...string) {
		t.Helper()
		s := &server{kind: "sluice", addr: freeAddr(t)}
		s.proc = start(t, append(args, "--listen", s.addr)...)
		awaitListening(t, s.proc, "tcp", s.addr)
		if a := get(t, s, "/"); a.status != status {
			t.Errorf("status %d, want %d", a.status, status)
		}
		if out := s.proc.output(); !strings.Contains(out, said) {
			t.Errorf("no %q in\n%s", said, out)
		}
	}
	free := "127.0.0.1:0"
	t.Run("none", func(t *testing.T) {
		wantRefused(t, start(t, "/php", "--listen", free), exitPHP, append(advice, "no php-cgi found"))
	})
	t.Run("none, static", func(t *testing.T) {
		serves(t, http.StatusOK, "no php-cgi found; this site seems to need none", "/static")
	})
	t.Run("none, off", func(t *testing.T) { serves(t, http.StatusForbidden, "php        off", "/php", "--php", "off") })
	for name, mode := range map[string]os.FileMode{"not executable": 0o644, "no program": 0o755} {
		path := filepath.Join(dir, "usr/bin/php-cgi")
		writeFile(t, path, "")
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		t.Run(name, func(t *testing.T) {
			wantRefused(t, start(t, "/php", "--listen", free), exitPHP, append(advice, "no usable php-cgi", "/usr/bin/php-cgi"))
		})
		t.Run(name+", static", func(t *testing.T) { serves(t, http.StatusOK, "php-cgi can't be used", "/static") })
	}
}
