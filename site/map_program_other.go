//go:build !linux

package site

import (
	"os"
	"syscall"
)

// pinThread is for Linux: elsewhere a program notices the end of its input.
func pinThread() {}

func mapProcessAttr() *syscall.SysProcAttr { return nil }

func killMapProcess(p *os.Process) { _ = p.Kill() }
