//go:build unix

package main

import (
	"os"
	"os/signal"
	"syscall"
)

func notifyMore(c chan<- os.Signal) { signal.Notify(c, syscall.SIGUSR1, syscall.SIGHUP) }

func isReopen(s os.Signal) bool { return s == syscall.SIGUSR1 }
func isReload(s os.Signal) bool { return s == syscall.SIGHUP && !interactive() }

// interactive: on a terminal SIGHUP means that it has gone.
func interactive() bool {
	st, err := os.Stdin.Stat()
	return err == nil && st.Mode()&os.ModeCharDevice != 0 && st.Name() != os.DevNull
}
