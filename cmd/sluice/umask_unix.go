//go:build unix

package main

import "syscall"

// tightenUmask keeps what sluice, its workers and programs create from being
// anybody's to write to, whatever started sluice. The sockets that it listens on
// have a mode of their own.
func tightenUmask() { syscall.Umask(syscall.Umask(0o077) | 0o002) }
