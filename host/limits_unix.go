//go:build unix

package host

import "syscall"

// connsMax leaves descriptors for workers, files and logs.
func connsMax(configured int) int {
	if configured > 0 {
		return configured
	}
	var r syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r) != nil {
		return 0
	}
	n := int(min(r.Cur, 1<<30))
	return n - max(128, n/8)
}
