package site

import (
	"os"
	"runtime"
	"syscall"
)

// pinThread keeps the goroutine on its thread: with that thread the kernel ends
// the programs that it has started, so that a killed sluice leaves none behind.
func pinThread() { runtime.LockOSThread() }

func mapProcessAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// killMapProcess ends the program and what it has started.
func killMapProcess(p *os.Process) { _ = syscall.Kill(-p.Pid, syscall.SIGKILL) }
