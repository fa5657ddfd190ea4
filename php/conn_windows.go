package php

import (
	"net"
	"strconv"
	"syscall"

	"golang.org/x/sys/windows"
)

// retireSignal ends the process: Windows knows no gentler way, and it is idle.
const retireSignal = syscall.SIGKILL

// interruptSignal is 0: there are no signals on Windows.
const interruptSignal = syscall.Signal(0)

// peerAddress returns the host:port that a descriptor is connected to.
func peerAddress(fd uintptr) (string, error) {
	sa, err := windows.Getpeername(windows.Handle(fd))
	if err != nil {
		return "", err
	}
	inet, ok := sa.(*windows.SockaddrInet4)
	if !ok {
		return "", windows.WSAEAFNOSUPPORT
	}
	return net.JoinHostPort(net.IP(inet.Addr[:]).String(), strconv.Itoa(inet.Port)), nil
}

func shutdownWrite(fd uintptr) error {
	return windows.Shutdown(windows.Handle(fd), windows.SHUT_WR)
}
