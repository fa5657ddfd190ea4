//go:build unix

package host

import (
	"os"
	"path/filepath"
	"syscall"
)

// systemStateFolder is where programs of the system, and of a user, keep such
// things (FHS 3.0, XDG base directories), "" where there is no home.
func systemStateFolder() string {
	if os.Geteuid() == 0 {
		return "/var/lib/sluice"
	}
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "sluice")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	if info, err := os.Stat(home); err != nil || !info.IsDir() {
		return ""
	}
	return filepath.Join(home, ".local", "state", "sluice")
}

func fileOwner(path string) (uid, gid uint32, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, 0, err
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return st.Uid, st.Gid, nil
	}
	return 0, 0, nil
}
