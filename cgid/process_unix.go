//go:build unix

package cgid

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// group is the leader's process group: Setpgid makes it.
type group struct{}

func (group) attach(*os.Process) error { return nil }

func (a *Account) credential(attr *syscall.SysProcAttr) {
	attr.Credential = &syscall.Credential{Uid: a.UID, Gid: a.GID, Groups: a.Groups}
}

// terminate asks all of the group to end.
func (p *process) terminate() { _ = unix.Kill(-p.p.Pid, unix.SIGTERM) }

// kill ends all of the group.
func (p *process) kill() { _ = unix.Kill(-p.p.Pid, unix.SIGKILL) }

// notExecutable says why the kernel won't execute a file, "" if it may.
func notExecutable(_ string, info os.FileInfo) string {
	if info.Mode()&0o111 == 0 {
		return "it has no execute permission (chmod +x)"
	}
	return ""
}

// systemEnvironment is what no program can do without.
func systemEnvironment() []string { return nil }

// exitStatus is a status as shells write it.
func exitStatus(state *os.ProcessState) uint32 {
	if ws, ok := state.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return 128 + uint32(ws.Signal())
	}
	return uint32(state.ExitCode())
}
