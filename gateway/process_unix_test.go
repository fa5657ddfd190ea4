//go:build unix

package gateway

import (
	"os/exec"
	"syscall"
	"testing"
)

// endWithTest starts a program in a process group of its own, which is ended
// with the test.
func endWithTest(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
	})
}
