package cgid

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"
)

// group is a job that ends when its last handle is closed, at the latest with
// sluice.
type group struct{ job windows.Handle }

func (g *group) attach(p *os.Process) error {
	job, err := windows.CreateJobObject(nil, nil)
	if err != nil {
		return fmt.Errorf("create job: %w", err)
	}
	var info windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION
	info.BasicLimitInformation.LimitFlags = windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE
	_, err = windows.SetInformationJobObject(job, windows.JobObjectExtendedLimitInformation,
		uintptr(unsafe.Pointer(&info)), uint32(unsafe.Sizeof(info)))
	if err == nil {
		err = assign(job, p)
	}
	if err != nil {
		_ = windows.CloseHandle(job)
		return fmt.Errorf("job of process %d: %w", p.Pid, err)
	}
	g.job = job
	return nil
}

func assign(job windows.Handle, p *os.Process) error {
	process, err := windows.OpenProcess(windows.PROCESS_SET_QUOTA|windows.PROCESS_TERMINATE, false, uint32(p.Pid))
	if err != nil {
		return err
	}
	err = windows.AssignProcessToJobObject(job, process)
	_ = windows.CloseHandle(process)
	return err
}

// credential does nothing: users have no numbers on Windows.
func (a *Account) credential(*syscall.SysProcAttr) {}

// terminate ends the job at once: there is no signal to ask with.
func (p *process) terminate() { p.kill() }

func (p *process) kill() { _ = windows.TerminateJobObject(p.group.job, 1) }

// release ends, unlike elsewhere, what the program has left running.
func (p *process) release() { _ = windows.CloseHandle(p.group.job) }

func groupAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{HideWindow: true, CreationFlags: windows.CREATE_NEW_PROCESS_GROUP}
}

// notExecutable lets through what Windows runs without a command interpreter:
// the arguments of a .bat would be parsed by cmd.exe.
func notExecutable(path string, _ os.FileInfo) string {
	if strings.EqualFold(filepath.Ext(path), ".exe") {
		return ""
	}
	return "only .exe files are run on Windows"
}

// systemEnvironment is what no program can do without.
func systemEnvironment() []string { return []string{"SystemRoot=" + os.Getenv("SystemRoot")} }

func exitStatus(state *os.ProcessState) uint32 { return uint32(state.ExitCode()) }
