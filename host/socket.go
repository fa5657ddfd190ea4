package host

import (
	"errors"
	"net"
	"os"
	"syscall"
)

// removeLeftSocket removes a Unix socket's file that nobody listens on any more:
// a program that was killed leaves it, and it would keep the next one from
// starting.
func removeLeftSocket(path string) {
	info, err := os.Lstat(path)
	if err != nil || info.Mode()&os.ModeSocket == 0 {
		return
	}
	c, err := net.Dial("unix", path)
	switch {
	case err == nil:
		_ = c.Close()
	case errors.Is(err, syscall.ECONNREFUSED):
		_ = os.Remove(path) // if that fails, listening says why
	}
}
