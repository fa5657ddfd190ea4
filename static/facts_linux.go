package static

import (
	"os"
	"syscall"
)

// ownerOf is the user a file belongs to.
func ownerOf(info os.FileInfo) uint32 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return st.Uid
	}
	return 0
}

func inodeOf(info os.FileInfo) (dev, inode uint64, change int64) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, 0, 0
	}
	return uint64(st.Dev), st.Ino, st.Ctim.Nano() //nolint:unconvert // Dev is 32 bits wide on some architectures
}
