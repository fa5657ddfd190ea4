//go:build unix && !linux

package static

import "golang.org/x/sys/unix"

// openNonblock keeps the open of a FIFO from waiting for its writer.
const openNonblock = unix.O_NONBLOCK | unix.O_NOCTTY

func openFolder(path string) (folder, error) { return openRootFolder(path) }
