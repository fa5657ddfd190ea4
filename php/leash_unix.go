//go:build unix && !linux

package php

import (
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// leash holds one php-cgi and all that it forks: a process group.
type leash struct {
	pgid int
	wait func() error
}

func (l *leash) prepare(cmd *exec.Cmd, as *Account) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	as.credential(cmd.SysProcAttr)
	return nil
}

func (l *leash) attach(cmd *exec.Cmd) error {
	l.pgid = cmd.Process.Pid
	l.wait = cmd.Wait
	return nil
}

// awaitExit reaps the leader: waiting without reaping is not portable. Its number
// stays taken as a group as long as the group has members.
func (l *leash) awaitExit() { _ = l.wait() }

func (l *leash) terminate() { _ = unix.Kill(-l.pgid, unix.SIGTERM) }

// quit asks the leader alone, which tells its children.
func (l *leash) quit() { _ = unix.Kill(l.pgid, unix.SIGQUIT) }

func (l *leash) kill() { _ = unix.Kill(-l.pgid, unix.SIGKILL) }

func (l *leash) empty() bool { return unix.Kill(-l.pgid, 0) != nil }

func (l *leash) release() {}

func (l *leash) discard() {}
