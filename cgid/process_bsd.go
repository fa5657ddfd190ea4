//go:build unix && !linux

package cgid

import "syscall"

func groupAttr() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

func (p *process) release() {}
