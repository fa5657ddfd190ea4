//go:build unix

package loop

import "golang.org/x/sys/unix"

func dupFd(fd uintptr) (uintptr, func(), error) {
	n, err := unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return 0, nil, err
	}
	return uintptr(n), func() { _ = unix.Close(n) }, nil
}
