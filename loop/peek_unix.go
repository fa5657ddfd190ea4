//go:build unix

package loop

import (
	"errors"
	"io"

	"golang.org/x/sys/unix"
)

// peekFd answers nil when nothing is to be read and the peer has not closed.
func peekFd(fd uintptr) error {
	var b [1]byte
	n, _, err := unix.Recvfrom(int(fd), b[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
	switch {
	case errors.Is(err, unix.EAGAIN):
		return nil
	case err != nil:
		return err
	case n == 0:
		return io.EOF
	default:
		return errUnexpected
	}
}
