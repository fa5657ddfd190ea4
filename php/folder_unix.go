//go:build unix

package php

import (
	"os"

	"golang.org/x/sys/unix"
)

// socketPathMaxBytes is what fits sockaddr_un everywhere: 108 bytes on Linux, 104
// on BSD, with a NUL.
const socketPathMaxBytes = 103

// lockFolder takes the folder's lock or fails; it ends with the returned file.
// systemd-tmpfiles leaves locked folders alone, too.
func lockFolder(path string) (*os.File, error) {
	dir, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(dir.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = dir.Close()
		return nil, &os.PathError{Op: "lock", Path: path, Err: err}
	}
	return dir, nil
}

// lockShared takes a folder's lock as one of many; it ends with the file.
func lockShared(dir *os.File) error {
	return os.NewSyscallError("flock", unix.Flock(int(dir.Fd()), unix.LOCK_SH))
}

// lockAlone tells whether nobody else has it, and keeps it from others.
func lockAlone(dir *os.File) bool {
	return unix.Flock(int(dir.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil
}
