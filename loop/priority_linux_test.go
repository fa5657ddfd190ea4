package loop

import (
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// TestPriority: while a loop runs its thread goes before others, as far as the
// system lets it, and no longer once the loop has ended.
func TestPriority(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	nice := func() int {
		n, err := unix.Getpriority(unix.PRIO_PROCESS, 0)
		if err != nil {
			t.Error(err)
		}
		return 20 - n
	}
	before := nice()
	want := before
	if unix.Setpriority(unix.PRIO_PROCESS, 0, before-niceLess) == nil {
		want = before - niceLess
		if err := unix.Setpriority(unix.PRIO_PROCESS, 0, before); err != nil {
			t.Fatal(err)
		}
	} else {
		t.Log("this user may not raise a priority")
	}
	l, err := New(Portable)
	if err != nil {
		t.Fatal(err)
	}
	l.Post(func() {
		if got := nice(); got != want {
			t.Errorf("nice %d, want %d", got, want)
		}
		l.Stop()
	})
	if err := l.Run(); err != nil {
		t.Error(err)
	}
	if got := nice(); got != before {
		t.Errorf("nice %d after the end, before %d", got, before)
	}
}
