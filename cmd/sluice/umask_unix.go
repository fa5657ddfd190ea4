//go:build unix

package main

import (
	"slices"
	"syscall"

	"sluice/conf"
)

// tightenUmask keeps what sluice, its workers and programs create from being
// anybody's to write to, whatever started sluice. With a socket to listen on the
// umask may be meant for that.
func tightenUmask(listen []conf.Listen) {
	if !slices.ContainsFunc(listen, func(l conf.Listen) bool { return l.Network == "unix" }) {
		syscall.Umask(syscall.Umask(0o077) | 0o002)
	}
}
