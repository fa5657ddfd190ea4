//go:build unix

package php

import (
	"io/fs"
	"slices"
	"syscall"
)

// credential makes a process run as the account, without sluice's groups and, as
// the kernel has it, without capabilities.
func (a *Account) credential(attr *syscall.SysProcAttr) {
	if a != nil {
		attr.Credential = &syscall.Credential{Uid: a.UID, Gid: a.GID, Groups: a.Groups}
	}
}

// mayEnter reads the permission bits; ACLs, which it does not know, show their
// mask in those of the group.
func (a *Account) mayEnter(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !ok || a.UID == 0:
		return true
	case st.Uid == a.UID:
		return info.Mode()&0o100 != 0
	case st.Gid == a.GID || slices.Contains(a.Groups, st.Gid):
		return info.Mode()&0o010 != 0
	default:
		return info.Mode()&0o001 != 0
	}
}

// ownerOf is the number of a file's owner.
func ownerOf(info fs.FileInfo) (uid int, known bool) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return int(st.Uid), true
}

// linksOf is how many names a file has.
func linksOf(info fs.FileInfo) int {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0
	}
	return int(st.Nlink)
}
