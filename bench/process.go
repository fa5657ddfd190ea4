//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// process is a program that was started for the measurement.
type process struct {
	cmd    *exec.Cmd
	output string        // path of what it printed
	done   chan struct{} // closed at its end
}

// startProcess starts a program in a process group of its own. What it prints
// goes to a file in dir.
func startProcess(dir, name string, env []string, argv ...string) (*process, error) {
	out, err := os.Create(filepath.Join(dir, name+".out"))
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = out, out
	// Killing bench must not leave servers behind.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	err = cmd.Start()
	err = errors.Join(err, out.Close())
	if err != nil {
		return nil, fmt.Errorf("bench: %s: %w", argv[0], err)
	}
	p := &process{cmd: cmd, output: out.Name(), done: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // ProcessState says it
		close(p.done)
	}()
	return p, nil
}

// stop ends the process and its group.
func (p *process) stop() {
	pid := p.cmd.Process.Pid
	_ = syscall.Kill(pid, syscall.SIGTERM) // it may be gone
	select {
	case <-p.done:
	case <-time.After(stopWait):
	}
	_ = syscall.Kill(-pid, syscall.SIGKILL) // whatever is left of the group
}

// died returns an error if the process has ended by itself.
func (p *process) died() error {
	select {
	case <-p.done:
		text, _ := os.ReadFile(p.output)
		return fmt.Errorf("bench: %s ended (%v):\n%s", p.cmd.Path, p.cmd.ProcessState, bytes.TrimSpace(text))
	default:
		return nil
	}
}

// usage is what a server has used so far.
type usage struct {
	cpu time.Duration // user and system
	pss int           // proportional set size, KiB
}

// serverUsage sums over a process and its descendants without php.
func serverUsage(root int) (usage, error) {
	children, err := processTree()
	if err != nil {
		return usage{}, err
	}
	var sum usage
	pending := []int{root}
	for len(pending) > 0 {
		pid := pending[len(pending)-1]
		pending = pending[:len(pending)-1]
		s, err := readStat(pid)
		if err != nil {
			if pid == root {
				return usage{}, err
			}
			continue // ended meanwhile
		}
		if strings.HasPrefix(s.name, "php") {
			continue
		}
		sum.cpu += s.cpu
		sum.pss += readPSS(pid)
		pending = append(pending, children[pid]...)
	}
	return sum, nil
}

// processTree maps each process to its children.
func processTree() (map[int][]int, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	children := map[int][]int{}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if s, err := readStat(pid); err == nil {
			children[s.parent] = append(children[s.parent], pid)
		}
	}
	return children, nil
}

type stat struct {
	name   string
	parent int
	cpu    time.Duration
}

// clockTick is the unit of /proc/PID/stat: USER_HZ is 100 on all of Linux.
const clockTick = 10 * time.Millisecond

func readStat(pid int) (stat, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return stat{}, err
	}
	return parseStat(string(text))
}

// parseStat reads proc(5)'s "pid (comm) state ppid …"; comm may hold anything.
func parseStat(text string) (stat, error) {
	from, to := strings.IndexByte(text, '('), strings.LastIndexByte(text, ')')
	if from < 0 || to < from {
		return stat{}, fmt.Errorf("bench: stat line %q", text)
	}
	f := strings.Fields(text[to+1:])
	if len(f) < 13 {
		return stat{}, fmt.Errorf("bench: stat line %q", text)
	}
	parent, err1 := strconv.Atoi(f[1])
	user, err2 := strconv.Atoi(f[11])
	system, err3 := strconv.Atoi(f[12])
	return stat{text[from+1 : to], parent, time.Duration(user+system) * clockTick}, errors.Join(err1, err2, err3)
}

// readPSS returns 0 if the kernel does not tell.
func readPSS(pid int) int {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "Pss:"); ok {
			n, _ := strconv.Atoi(strings.Fields(rest)[0])
			return n
		}
	}
	return 0
}

// raiseDescriptorLimit sets the limit that children inherit, as far as allowed,
// and returns it.
func raiseDescriptorLimit() (uint64, error) {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return 0, err
	}
	if l.Max < descriptorsWanted {
		higher := syscall.Rlimit{Cur: descriptorsWanted, Max: descriptorsWanted}
		if syscall.Setrlimit(syscall.RLIMIT_NOFILE, &higher) == nil {
			return descriptorsWanted, nil
		}
	}
	// Also when nothing changes: a limit that was set is what Go hands down.
	l.Cur = min(l.Max, descriptorsWanted)
	return l.Cur, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &l)
}
