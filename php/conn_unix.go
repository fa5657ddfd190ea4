//go:build unix

package php

import (
	"net"
	"runtime"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// retireSignal makes a worker end when its connection does.
const retireSignal = syscall.SIGTERM

// interruptSignal is what PHP's own time limit raises (zend_set_timeout).
var interruptSignal = func() syscall.Signal {
	if runtime.GOOS == "darwin" && runtime.GOARCH == "arm64" {
		return syscall.SIGALRM
	}
	return syscall.SIGPROF
}()

// peerAddress returns the path or host:port that a descriptor is connected to.
func peerAddress(fd uintptr) (string, error) {
	sa, err := unix.Getpeername(int(fd))
	if err != nil {
		return "", err
	}
	switch sa := sa.(type) {
	case *unix.SockaddrUnix:
		return sa.Name, nil
	case *unix.SockaddrInet4:
		return net.JoinHostPort(net.IP(sa.Addr[:]).String(), strconv.Itoa(sa.Port)), nil
	default:
		return "", unix.EAFNOSUPPORT
	}
}

func shutdownWrite(fd uintptr) error { return unix.Shutdown(int(fd), unix.SHUT_WR) }
