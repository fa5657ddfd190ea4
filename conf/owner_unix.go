//go:build unix

package conf

import (
	"io/fs"
	"syscall"
)

// owners returns the user ids of two files' owners.
func owners(a, b fs.FileInfo) (ua, ub uint32, known bool) {
	sa, okA := a.Sys().(*syscall.Stat_t)
	sb, okB := b.Sys().(*syscall.Stat_t)
	if !okA || !okB {
		return 0, 0, false
	}
	return sa.Uid, sb.Uid, true
}
