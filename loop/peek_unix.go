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
	var errno unix.Errno
	if err != nil && !errors.As(err, &errno) {
		return err
	}
	return peeked(n, errno)
}

// peeked says what recv(2) with MSG_PEEK has found.
func peeked(n int, errno unix.Errno) error {
	switch {
	case errno == unix.EAGAIN:
		return nil
	case errno != 0:
		return errno
	case n == 0:
		return io.EOF
	default:
		return errUnexpected
	}
}
