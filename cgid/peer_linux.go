package cgid

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// peerGone tells whether the other end has closed, or refuses to read, though
// there may be octets left to read from it: sending nothing fails then.
func peerGone(nc net.Conn) bool {
	sc, ok := nc.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return true
	}
	var sendErr error
	err = raw.Control(func(fd uintptr) {
		_, sendErr = unix.SendmsgN(int(fd), nil, nil, nil, unix.MSG_NOSIGNAL|unix.MSG_DONTWAIT)
	})
	return err != nil || sendErr == unix.EPIPE || sendErr == unix.ECONNRESET
}
