package php

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// sharedWorker finds the child of one of leaders that holds the other end of a connected
// Unix socket.
func sharedWorker(leaders []int, connFd uintptr) (Worker, error) {
	if len(leaders) == 0 {
		return Worker{}, ErrWorkerGone
	}
	inode, err := peerInode(connFd)
	if err != nil {
		return Worker{}, err
	}
	if inode == 0 && hungUp(connFd) {
		return Worker{}, ErrWorkerGone
	}
	if inode == 0 {
		return Worker{}, ErrNotAccepted
	}
	for _, leader := range leaders {
		for _, s := range childrenOf(leader) {
			if holdsSocket(s.pid, inode) {
				return Worker{PID: s.pid, Started: s.started}, nil
			}
		}
	}
	if s, ok := orphanedWorker(leaders, inode); ok {
		return Worker{PID: s.pid, Started: s.started}, nil
	}
	return Worker{}, fmt.Errorf("%w: nobody holds socket %d", ErrWorkerGone, inode)
}

// orphanedWorker looks for a worker whose leader did not wait for it, as a
// php-cgi that is being replaced: it is still in the leader's process group. What
// a script has started there may have inherited the socket, and is younger.
func orphanedWorker(leaders []int, inode uint32) (oldest procStat, ok bool) {
	for _, leader := range leaders {
		for _, s := range groupMembers(leader) {
			if holdsSocket(s.pid, inode) && (!ok || s.started < oldest.started) {
				oldest, ok = s, true
			}
		}
	}
	return oldest, ok
}

// hungUp tells a connection that was closed from one that was not yet accepted.
func hungUp(fd uintptr) bool {
	fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
	n, err := unix.Poll(fds, 0)
	return err == nil && n == 1 && fds[0].Revents&(unix.POLLHUP|unix.POLLRDHUP) != 0
}

func children(leader int) []Worker {
	var list []Worker
	for _, s := range childrenOf(leader) {
		list = append(list, Worker{PID: s.pid, Started: s.started})
	}
	return list
}

// isStatusWorker tells the child that php-fpm has for its status socket by its
// title.
func isStatusWorker(pid int) bool {
	title, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline")
	return err == nil && strings.HasSuffix(strings.TrimRight(string(title), "\x00 "), "_status")
}

// isChild reports whether w is alive and a child, or of the group, of one of
// leaders.
func isChild(leaders []int, w Worker) bool {
	s, err := readStat(w.PID)
	return err == nil && !s.dead() && (slices.Contains(leaders, s.ppid) || slices.Contains(leaders, s.pgrp)) && s.started == w.Started
}

// signalChild signals w if it is a child of one of leaders. The pidfd is opened before the check,
// so that the signal cannot reach a later process with the same number.
func signalChild(leaders []int, w Worker, sig syscall.Signal) error {
	fd, err := unix.PidfdOpen(w.PID, 0)
	switch {
	case errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EPERM):
		fd = -1 // Linux before 5.3, or a sandbox: check and hope for the microsecond
	case err != nil:
		return ErrWorkerGone
	default:
		defer func() { _ = unix.Close(fd) }()
	}
	if !isChild(leaders, w) {
		return ErrWorkerGone
	}
	if fd < 0 {
		err = unix.Kill(w.PID, sig)
	} else {
		err = unix.PidfdSendSignal(fd, sig, nil, 0)
	}
	if errors.Is(err, unix.ESRCH) {
		return ErrWorkerGone
	}
	return os.NewSyscallError("kill", err)
}

func memoryOf(pid int) (rss, shared int64, err error) { return residentBytes(pid) }
