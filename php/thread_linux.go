package php

import (
	"os"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// onThread runs f on a thread that ends with it, so that f may change what the
// kernel keeps for each thread and leave it so.
func onThread(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // for good
		f()
	}()
	<-done
}

// asOwner runs f with the file system identity of the user that a process runs
// as, and without privileges on files: that is what /proc asks for where root
// lacks CAP_SYS_PTRACE, as in most containers (ptrace(2), access mode checking).
func asOwner(pid string, f func()) {
	info, err := os.Stat("/proc/" + pid)
	if err != nil {
		return
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || int(st.Uid) == os.Geteuid() {
		return
	}
	onThread(func() {
		if unix.Setfsgid(int(st.Gid)) == nil && unix.Setfsuid(int(st.Uid)) == nil {
			f()
		}
	})
}

// inUserNamespace reports whether our root is not the machine's.
func inUserNamespace() bool {
	m, err := os.ReadFile("/proc/self/uid_map")
	return err == nil && strings.Join(strings.Fields(string(m)), " ") != "0 0 4294967295"
}

// withEffective runs f as a user by its effective number only: signals that a
// file sends later (F_SETOWN) are allowed or not by who asked for them.
func withEffective(uid uint32, f func()) {
	onThread(func() {
		const keep = ^uintptr(0)
		// The call of package syscall would change all threads.
		if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, keep, uintptr(uid), keep); errno == 0 {
			f()
		}
	})
}
