package main

import "golang.org/x/sys/unix"

// adoptOrphans makes workers whose parent was killed our children, so that they
// are reaped also where process 1 doesn't do it, as in containers.
func adoptOrphans() { _ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) }
