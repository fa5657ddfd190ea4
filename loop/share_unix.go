//go:build unix

package loop

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// sharePort lets other processes of the same user listen on the same address.
func sharePort(_, _ string, c syscall.RawConn) error {
	var err error
	ctl := c.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1) })
	return errors.Join(ctl, err)
}
