package main

import "syscall"

// descriptorsWanted is enough for half a million connections; who wants more
// raises the limit before the start.
const descriptorsWanted = 1 << 20

// raiseDescriptors asks for more descriptors than the hard limit, which root
// may have. Go has raised the soft limit to the hard one before main.
func raiseDescriptors() {
	var r syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r) != nil {
		return
	}
	for want := uint64(descriptorsWanted); want > r.Max; want /= 2 {
		next := r
		next.Cur, next.Max = want, want
		if syscall.Setrlimit(syscall.RLIMIT_NOFILE, &next) == nil {
			return
		}
	}
}
