package static

import (
	"os"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// dropPrivileges lets the rest of a test touch files as nobody: root may read
// everything.
func dropPrivileges(t *testing.T) {
	if os.Geteuid() != 0 {
		return
	}
	runtime.LockOSThread()
	if _, err := unix.SetfsuidRetUid(65534); err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() {
		if _, err := unix.SetfsuidRetUid(0); err != nil {
			t.Error(err)
		}
		runtime.UnlockOSThread()
	})
}
