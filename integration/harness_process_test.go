//go:build linux

package integration

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// process is a child of the test with its output in a file.
type process struct {
	name string
	cmd  *exec.Cmd
	log  string
	gone chan struct{}
}

// stopGrace is how long a child may take over SIGTERM before SIGKILL.
const stopGrace = 8 * time.Second

// startProcess runs cmd in its own process group, output to dir/name.log. The
// child and all of its descendants are gone when the test ends.
func startProcess(t testing.TB, dir, name string, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{name: name, cmd: cmd, log: filepath.Join(dir, name+".log"), gone: make(chan struct{})}
	out, err := os.OpenFile(p.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = out, out
	// Pdeathsig ends the children of a test run that is itself killed.
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid, cmd.SysProcAttr.Pdeathsig = true, syscall.SIGTERM
	if err := cmd.Start(); err != nil {
		t.Fatalf("integration: start %s: %v", name, err)
	}
	_ = out.Close()
	go func() {
		_ = cmd.Wait()
		close(p.gone)
	}()
	t.Cleanup(func() {
		p.stop()
		if t.Failed() {
			t.Logf("last output of %s:\n%s", name, p.tail(4096))
		}
	})
	return p
}

func (p *process) pid() int { return p.cmd.Process.Pid }

func (p *process) running() bool {
	select {
	case <-p.gone:
		return false
	default:
		return true
	}
}

// waitGone says whether the process ended within d, and how.
func (p *process) waitGone(d time.Duration) (*os.ProcessState, bool) {
	select {
	case <-p.gone:
		return p.cmd.ProcessState, true
	case <-time.After(d):
		return nil, false
	}
}

func (p *process) signal(t testing.TB, sig syscall.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		t.Fatalf("integration: signal %v to %s: %v", sig, p.name, err)
	}
}

// stop ends the process, then whatever of its descendants outlived it.
func (p *process) stop() {
	left := descendants(p.pid())
	if p.running() {
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
		if _, ok := p.waitGone(stopGrace); !ok {
			left = append(left, descendants(p.pid())...)
			_ = p.cmd.Process.Kill()
			<-p.gone
		}
	}
	for _, id := range left {
		if id.alive() {
			_ = syscall.Kill(id.pid, syscall.SIGKILL)
		}
	}
}

// tail is the end of the output, for messages.
func (p *process) tail(n int) string { return tailOf(p.log, n) }

func (p *process) output() string {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func tailOf(path string, n int) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	if len(text) > n {
		text = text[len(text)-n:]
	}
	return string(text)
}

// procID names a process for good: a pid alone may be used again.
type procID struct {
	pid   int
	start string
}

// alive is false for a zombie: it holds nothing any more.
func (id procID) alive() bool {
	stat, ok := readStat(id.pid)
	return ok && stat.start == id.start && stat.state != "Z" && stat.state != "X"
}

type procStat struct {
	name, state, start string
	ppid               int
	cpuTicks           int64
}

// readStat parses /proc/PID/stat, whose second field may hold spaces.
func readStat(pid int) (procStat, bool) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return procStat{}, false
	}
	open, end := bytes.IndexByte(text, '('), bytes.LastIndexByte(text, ')')
	if open < 0 || end < open {
		return procStat{}, false
	}
	rest := strings.Fields(string(text[end+1:]))
	if len(rest) < 20 {
		return procStat{}, false
	}
	ppid, err := strconv.Atoi(rest[1])
	if err != nil {
		return procStat{}, false
	}
	user, _ := strconv.ParseInt(rest[11], 10, 64)
	system, _ := strconv.ParseInt(rest[12], 10, 64)
	return procStat{
		name: string(text[open+1 : end]), state: rest[0], ppid: ppid, start: rest[19],
		cpuTicks: user + system,
	}, true
}

// descendants lists the living children of pid, theirs, and so on.
func descendants(pid int) []procID {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	children := map[int][]procID{}
	for _, e := range entries {
		id, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if stat, ok := readStat(id); ok {
			children[stat.ppid] = append(children[stat.ppid], procID{id, stat.start})
		}
	}
	var all []procID
	for queue := []int{pid}; len(queue) > 0; queue = queue[1:] {
		for _, c := range children[queue[0]] {
			all = append(all, c)
			queue = append(queue, c.pid)
		}
	}
	return all
}

// statusKiB reads one "VmXxx: 123 kB" line of /proc/PID/status; false when the
// process is gone.
func statusKiB(pid int, key string) (int64, bool) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, false
	}
	for _, line := range strings.Split(string(text), "\n") {
		if rest, ok := strings.CutPrefix(line, key+":"); ok {
			n, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(rest, "kB")), 10, 64)
			return n, err == nil
		}
	}
	return 0, false
}

// eventually polls until ok or the time is over.
func eventually(d time.Duration, ok func() bool) bool {
	for end := time.Now().Add(d); ; {
		if ok() {
			return true
		}
		if time.Now().After(end) {
			return false
		}
		time.Sleep(20 * time.Millisecond)
	}
}
