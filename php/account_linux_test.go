package php

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// Numbers without a name do: nothing on the machine has to be made for the test.
var (
	alice = &Account{Name: "alice", UID: 54321, GID: 54321, Groups: []uint32{54320}, Home: "/nonexistent"}
	bob   = &Account{UID: 54322, GID: 54322}
)

// needRoot is loud about what is not tested.
func needRoot(t testing.TB) {
	t.Helper()
	if os.Geteuid() == 0 {
		return
	}
	text := "NOT TESTED: " + strings.ToUpper(t.Name()) + " NEEDS root"
	if os.Getenv("CI") == "true" {
		t.Fatal(text)
	}
	t.Skip(text)
}

// as runs f on a thread that has the rights on files of an account.
func as(a *Account, f func()) {
	onThread(func() {
		if err := errors.Join(unix.Setfsgid(int(a.GID)), unix.Setfsuid(int(a.UID))); err != nil {
			panic(err)
		}
		f()
	})
}

func connects(path string) error {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	return unix.Connect(fd, &unix.SockaddrUnix{Name: path})
}

func TestWorkersOfAnotherUser(t *testing.T) {
	needRoot(t)
	g := startGroup(t, func(o *Options) {
		o.Account, o.Dir, o.Ini = alice, openDir(t), map[string]string{"user_agent": "secret"}
	})
	file := openScript(t, `<?php
		preg_match_all('/^(Cap(?:Inh|Prm|Eff|Amb)|Groups):\s*(.*?)\s*$/m', file_get_contents('/proc/self/status'), $m);
		echo json_encode([posix_getuid(), posix_geteuid(), posix_getegid(), implode(' ', $m[2]), getenv('HOME'), getenv('USER'), ini_get('user_agent')]);`)
	k := dial(t, g.Servers()[0])
	want := `[54321,54321,54321,"54320 ` + strings.Repeat("0000000000000000 ", 3) + `0000000000000000","\/nonexistent","alice","secret"]`
	if got := k.get(file); got != want {
		t.Errorf("workers are %s, want %s", got, want)
	}
	if facts, err := g.Probe(t.Context()); err != nil || facts.SAPI != "cgi-fcgi" {
		t.Errorf("Probe() = %+v, %v", facts, err)
	}
	env := k.get(openScript(t, "<?php echo getenv('PHP_FCGI_CHILDREN'), isset($_SERVER['PHP_INI_SCAN_DIR']);"))
	if env != "" {
		t.Errorf("scripts see how php was started: %q", env)
	}
	if w := workerOf(t, g, k); w.PID == 0 {
		t.Error("the worker is not found")
	} else if err := g.Interrupt(w); err != nil {
		t.Errorf("Interrupt: %v", err)
	}
	k = dial(t, g.Servers()[0])
	k.get(file)
	k.fd(func(fd uintptr) {
		if err := g.Retire(fd); err != nil {
			t.Errorf("Retire: %v", err)
		}
	})
	if err := g.Reload(t.Context(), nil); err != nil {
		t.Errorf("Reload: %v", err)
	}
	if got := dial(t, g.Servers()[0]).get(file); got != want {
		t.Errorf("after a reload workers are %s", got)
	}
	closedFolder(t, g)
}

// closedFolder: whose workers they are can read what PHP reads, and nobody but
// sluice can connect.
func closedFolder(t *testing.T, g *Group) {
	t.Helper()
	socket, ini := g.Servers()[0].Address, filepath.Join(g.folder.ini(), "sluice.ini")
	for _, a := range []*Account{alice, bob} {
		var connect, read, put, list error
		as(a, func() {
			connect = connects(socket)
			_, read = os.ReadFile(ini)
			put = os.Symlink("/etc/shadow", filepath.Join(g.folder.ini(), "x"))
			_, list = os.ReadDir(g.folder.path)
		})
		if !errors.Is(connect, fs.ErrPermission) || !errors.Is(put, fs.ErrPermission) || !errors.Is(list, fs.ErrPermission) {
			t.Errorf("user %s: connect %v, put a link %v, list %v; want permission denied", a, connect, put, list)
		}
		if a == alice && read != nil || a == bob && !errors.Is(read, fs.ErrPermission) {
			t.Errorf("user %s reads the settings: %v", a, read)
		}
	}
}

// A folder that the user cannot get to is not used.
func TestFolderWhereTheUserGets(t *testing.T) {
	needRoot(t)
	parent := openDir(t)
	if err := os.Chmod(parent, 0o700); err != nil {
		t.Fatal(err)
	}
	f, err := newFolder(parent, alice)
	if err != nil {
		t.Fatal(err)
	}
	if filepath.Dir(f.path) == parent {
		t.Errorf("folder %s: user %s may not enter %s", f.path, alice, parent)
	}
	if err := f.remove(); err != nil {
		t.Error(err)
	}
}

func TestKilledSluiceLeavesNothingOfAnotherUser(t *testing.T) {
	needRoot(t)
	for _, mode := range []Mode{ModeAuto, ModeFPM} {
		for _, sig := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM} {
			killSluice(t, mode, sig, func(cmd *exec.Cmd) {
				openHelperDir(t, cmd, 0o711)
				cmd.Env = append(cmd.Env, "SLUICE_PHP_UID=54321")
			})
		}
	}
}

// The root of a user namespace may not signal everybody; rootless containers.
func TestKilledSluiceInUserNamespace(t *testing.T) {
	needRoot(t)
	if out, err := exec.Command("unshare", "--user", "true").CombinedOutput(); err != nil {
		t.Skipf("NOT TESTED: no user namespaces here: %v %s", err, out)
	}
	program := filepath.Join(openDir(t), "sluice")
	if err := copyFile(program, os.Args[0]); err != nil {
		t.Fatal(err)
	}
	killSluice(t, ModeAuto, syscall.SIGKILL, func(cmd *exec.Cmd) {
		openHelperDir(t, cmd, 0o777)
		cmd.Path, cmd.Env = program, append(cmd.Env, "SLUICE_PHP_UID=4321")
		cmd.SysProcAttr = &syscall.SysProcAttr{
			Cloneflags:                 syscall.CLONE_NEWUSER,
			UidMappings:                []syscall.SysProcIDMap{{HostID: 700000, Size: 65536}},
			GidMappings:                []syscall.SysProcIDMap{{HostID: 700000, Size: 65536}},
			GidMappingsEnableSetgroups: true,
			Credential:                 &syscall.Credential{},
		}
	})
}

// openHelperDir lets others into the folder that the helper uses.
func openHelperDir(t *testing.T, cmd *exec.Cmd, mode os.FileMode) {
	t.Helper()
	for _, entry := range cmd.Env {
		if dir, ok := strings.CutPrefix(entry, "SLUICE_PHP_DIR="); ok {
			if err := os.Chmod(dir, mode); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func copyFile(to, from string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// Root without CAP_SYS_PTRACE, as Docker has it, finds and looks after workers of
// another user all the same.
func TestWithoutPtrace(t *testing.T) {
	needRoot(t)
	if os.Getenv("SLUICE_PHP_NO_PTRACE") == "" {
		cmd := exec.Command("setpriv", "--bounding-set=-sys_ptrace", "--inh-caps=-sys_ptrace", os.Args[0], "-test.run=^TestWithoutPtrace$", "-test.v")
		cmd.Env = append(os.Environ(), "SLUICE_PHP_NO_PTRACE=1")
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS") {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	g := startGroup(t, func(o *Options) { o.Account, o.Dir = alice, openDir(t) })
	k := dial(t, g.Servers()[0])
	file := openScript(t, "<?php echo getmypid(), ' ', getenv('PHP_FCGI_CHILDREN');")
	w := workerOf(t, g, k2(k, file))
	if got, want := k.get(file), fmt.Sprintf("%d ", w.PID); got != want {
		t.Errorf("script says %q, want %q", got, want)
	}
	if _, err := os.Open(fmt.Sprintf("/proc/%d/mem", w.PID)); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("the capability is still there: %v", err)
	}
	if err := g.Kill(w, syscall.SIGKILL); err != nil {
		t.Errorf("Kill: %v", err)
	}
	// The marker is out of reach here; the group counts.
	pid := g.State().PID
	if err := g.Stop(0); err != nil || len(groupMembers(pid)) != 0 {
		t.Errorf("Stop: %v, left %v", err, groupMembers(pid))
	}
}

// k2 is the connection after a request, so that a worker has it.
func k2(k *kept, file string) *kept {
	k.t.Helper()
	k.get(file)
	return k
}

func TestAccountCheck(t *testing.T) {
	for _, tt := range []struct {
		name string
		opts Options
		euid int
		ok   bool
	}{
		{"none", Options{}, 1000, true},
		{"as root", Options{Account: alice}, 0, true},
		{"ourselves", Options{Account: bob}, 54322, true},
		{"not root", Options{Account: alice}, 1000, false},
		{"bad name", Options{Account: &Account{Name: "a\nb"}}, 0, false},
		{"bad home", Options{Account: &Account{Home: "a\nb"}}, 0, false},
	} {
		if err := tt.opts.Account.check(tt.euid); (err == nil) != tt.ok {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	for _, o := range []Options{
		{Chroot: "/srv", Mode: ModeShared, Account: alice},
		{Chroot: "/srv", Mode: ModeFPM},
		{Chroot: "srv", Mode: ModeFPM, Account: alice},
		{Chroot: "/srv", Mode: ModeFPM, Account: &Account{}},
		{Chroot: "/srv", Mode: ModeFPM, Account: alice, ProbeDir: "/srvx"},
	} {
		if o.checkChroot() == nil {
			t.Errorf("%+v passes", o)
		}
	}
}

func TestReaches(t *testing.T) {
	needRoot(t)
	dir := openDir(t)
	deep := filepath.Join(dir, "a", "b")
	if err := errors.Join(os.MkdirAll(deep, 0o755), os.Chmod(deep, 0o750), os.Symlink(deep, filepath.Join(dir, "link"))); err != nil {
		t.Fatal(err)
	}
	want := func(a *Account, path, blocked string) {
		t.Helper()
		if got, err := a.Reaches(path); err != nil || got != blocked {
			t.Errorf("%s to %s: blocked at %q, %v; want %q", a, path, got, err, blocked)
		}
	}
	want(alice, filepath.Join(dir, "a"), "")
	want(alice, filepath.Join(dir, "link"), deep)
	want(&Account{}, deep, "")
	for _, gid := range []int{54321, 54320} {
		if err := os.Chown(deep, 0, gid); err != nil {
			t.Fatal(err)
		}
		want(alice, deep, "")
		want(bob, deep, deep)
	}
	if err := os.Chown(deep, 54321, 0); err != nil {
		t.Fatal(err)
	}
	want(alice, deep, "")
	if err := os.Chmod(deep, 0o055); err != nil {
		t.Fatal(err)
	}
	want(alice, deep, deep)
	want(bob, deep, "")
}
