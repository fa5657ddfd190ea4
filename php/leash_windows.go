package php

import (
	"fmt"
	"os/exec"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"
)

// leash holds one php-cgi and all that it starts: a job that ends when its last
// handle is closed, at the latest with sluice.
type leash struct {
	job  windows.Handle
	wait func() error
}

func (l *leash) prepare(cmd *exec.Cmd, _ *Account) error {
	job, err := windows.CreateJobObject(nil, nil)
	if err != nil {
		return fmt.Errorf("create job: %w", err)
	}
	l.job = job
	var info windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION
	info.BasicLimitInformation.LimitFlags = windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE
	if _, err := windows.SetInformationJobObject(job, windows.JobObjectExtendedLimitInformation,
		uintptr(unsafe.Pointer(&info)), uint32(unsafe.Sizeof(info))); err != nil {
		l.discard()
		return fmt.Errorf("set job limits: %w", err)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{HideWindow: true, CreationFlags: windows.CREATE_NEW_PROCESS_GROUP}
	return nil
}

func (l *leash) attach(cmd *exec.Cmd) error {
	l.wait = cmd.Wait
	process, err := windows.OpenProcess(windows.PROCESS_SET_QUOTA|windows.PROCESS_TERMINATE, false, uint32(cmd.Process.Pid))
	if err != nil {
		return fmt.Errorf("open process %d: %w", cmd.Process.Pid, err)
	}
	err = windows.AssignProcessToJobObject(l.job, process)
	_ = windows.CloseHandle(process)
	if err != nil {
		return fmt.Errorf("assign process %d to job: %w", cmd.Process.Pid, err)
	}
	return nil
}

func (l *leash) awaitExit() { _ = l.wait() }

// terminate ends the job at once: php-cgi on Windows has no signal to ask with.
func (l *leash) terminate() { l.kill() }

// quit is for php-fpm, which does not exist on Windows.
func (l *leash) quit() { l.kill() }

func (l *leash) kill() { _ = windows.TerminateJobObject(l.job, 1) }

// empty is true: a job's processes are gone when TerminateJobObject returns, and
// the leader has been waited for.
func (l *leash) empty() bool { return true }

func (l *leash) release() { l.discard() }

func (l *leash) discard() { _ = windows.CloseHandle(l.job) }
