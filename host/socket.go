package host

import (
	"errors"
	"net"
	"os"
	"runtime"
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

// socketMode is that of the sockets that are listened on: connecting takes the
// permission to write, and a proxy in front has a user of its own.
const socketMode = 0o666

// openSocket has everybody connect whom the folder lets in, whatever the umask.
func openSocket(path string) error {
	if runtime.GOOS == "windows" {
		return nil // such modes are unknown there
	}
	return os.Chmod(path, socketMode)
}
