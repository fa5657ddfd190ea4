package php

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// sharedWorker finds the child of leader that holds the other end of a connected
// Unix socket.
func sharedWorker(leader int, connFd uintptr) (Worker, error) {
	if leader == 0 {
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
	for _, s := range childrenOf(leader) {
		if holdsSocket(s.pid, inode) {
			return Worker{PID: s.pid, Started: s.started}, nil
		}
	}
	return Worker{}, fmt.Errorf("%w: nobody holds socket %d", ErrWorkerGone, inode)
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

// isChild reports whether w is alive and leader's.
func isChild(leader int, w Worker) bool {
	s, err := readStat(w.PID)
	return err == nil && leader != 0 && !s.dead() && s.ppid == leader && s.started == w.Started
}

// signalChild signals w if it is leader's. The pidfd is opened before the check,
// so that the signal cannot reach a later process with the same number.
func signalChild(leader int, w Worker, sig syscall.Signal) error {
	fd, err := unix.PidfdOpen(w.PID, 0)
	switch {
	case errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EPERM):
		fd = -1 // Linux before 5.3, or a sandbox: check and hope for the microsecond
	case err != nil:
		return ErrWorkerGone
	default:
		defer func() { _ = unix.Close(fd) }()
	}
	if !isChild(leader, w) {
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
