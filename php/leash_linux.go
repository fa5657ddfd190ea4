package php

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// leash holds one php-cgi and all that it forks: a process group that ends when
// told, and when sluice ends (see the package comment).
type leash struct {
	cmd   *exec.Cmd
	pgid  int
	alive int // write end of the pipe whose closing kills the group; never written to
	read  *os.File
	as    *Account
}

// prepare makes cmd's process leader of a new group, tied to this thread, and run
// as an account; nil is ourselves.
func (l *leash) prepare(cmd *exec.Cmd, as *Account) error {
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		return os.NewSyscallError("pipe2", err)
	}
	l.read, l.alive = os.NewFile(uintptr(ends[0]), "leash"), ends[1]
	cmd.ExtraFiles = []*os.File{l.read}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	as.credential(cmd.SysProcAttr)
	l.as = as
	return nil
}

// attach is called once the process runs.
func (l *leash) attach(cmd *exec.Cmd) error {
	l.cmd, l.pgid = cmd, cmd.Process.Pid
	fd := l.read.Fd()
	if err := l.own(fd); err != nil {
		return os.NewSyscallError("F_SETOWN", err)
	}
	if _, err := unix.FcntlInt(fd, unix.F_SETSIG, int(unix.SIGKILL)); err != nil {
		return os.NewSyscallError("F_SETSIG", err)
	}
	if _, err := unix.FcntlInt(fd, unix.F_SETFL, unix.O_ASYNC); err != nil {
		return os.NewSyscallError("F_SETFL", err)
	}
	err := l.read.Close()
	l.read = nil
	return err
}

// own makes the group the one that hears of the pipe's end. The kernel looks then
// whether who has asked for it here may signal each process; the root of a user
// namespace may signal its own processes only.
func (l *leash) own(fd uintptr) (err error) {
	set := func() { _, err = unix.FcntlInt(fd, unix.F_SETOWN, -l.pgid) }
	if l.as != nil && inUserNamespace() {
		withEffective(l.as.UID, set)
		return err
	}
	set()
	return err
}

// awaitExit returns when the leader has exited, and leaves it unreaped: until
// then its number stands for its group and no other.
func (l *leash) awaitExit() {
	for {
		err := unix.Waitid(unix.P_PID, l.pgid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			return
		}
	}
}

// terminate asks all of the group to end.
func (l *leash) terminate() { _ = unix.Kill(-l.pgid, unix.SIGTERM) }

// quit asks the leader alone to end, which tells its children: php-fpm's do not
// finish their requests on SIGTERM.
func (l *leash) quit() { _ = unix.Kill(l.pgid, unix.SIGQUIT) }

// kill ends all of the group.
func (l *leash) kill() { _ = unix.Kill(-l.pgid, unix.SIGKILL) }

// empty reports whether no process of the group is alive.
func (l *leash) empty() bool { return len(groupMembers(l.pgid)) == 0 }

// release reaps the leader and gives back all that the leash holds.
func (l *leash) release() {
	_ = l.cmd.Wait() // its status is in cmd.ProcessState
	// As process 1 (a container) sluice inherits what the leader left.
	for deadline := time.Now().Add(goneLimit); time.Now().Before(deadline); {
		pid, err := unix.Wait4(-l.pgid, nil, unix.WNOHANG, nil)
		if err != nil || pid == 0 {
			break
		}
	}
	l.discard()
}

// discard gives back the descriptors of a leash whose process did not start.
func (l *leash) discard() {
	if l.read != nil {
		_ = l.read.Close()
	}
	_ = unix.Close(l.alive)
}
