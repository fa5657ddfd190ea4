package php

import (
	"io/fs"
	"os"
	"syscall"
	"time"
)

// lastUse is when a file was last changed, in any way, or read: what comes out of an
// archive is new though its content's date is old.
func lastUse(info fs.FileInfo) time.Time {
	last := info.ModTime()
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		for _, at := range []syscall.Timespec{st.Ctim, st.Atim} {
			if t := time.Unix(at.Unix()); t.After(last) {
				last = t
			}
		}
	}
	return last
}

// inUse tells whether somebody holds a lock on a file.
func inUse(r *os.Root, name string) bool {
	info, err := r.Lstat(name)
	if err != nil || !info.Mode().IsRegular() {
		return false
	}
	f, err := r.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }()
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil
}
