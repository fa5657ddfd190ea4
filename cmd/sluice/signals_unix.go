//go:build unix

package main

import (
	"os"
	"os/signal"
	"syscall"
)

func notifyMore(c chan<- os.Signal) {
	signal.Notify(c, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGHUP)
}

func isReopen(s os.Signal) bool { return s == syscall.SIGUSR1 }
func isStatus(s os.Signal) bool { return s == syscall.SIGUSR2 }
func isReload(s os.Signal) bool { return s == syscall.SIGHUP && !interactive() }

// interactive: on a terminal SIGHUP means that it has gone. The null device,
// which daemons have as standard input, is a character device too.
func interactive() bool {
	st, err := os.Stdin.Stat()
	if err != nil || st.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull)
	return err != nil || !os.SameFile(st, null)
}
