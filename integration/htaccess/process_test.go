//go:build linux

package htaccess_test

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
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

const (
	stopGrace = 8 * time.Second  // between SIGTERM and SIGKILL
	startMax  = 20 * time.Second // until a server must listen
)

// startProcess runs cmd in its own process group, output to dir/name.log. The
// child is gone when the test ends.
func startProcess(t testing.TB, dir, name string, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{name: name, cmd: cmd, log: filepath.Join(dir, name+".log"), gone: make(chan struct{})}
	out, err := os.OpenFile(p.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = out, out
	// Pdeathsig ends the children of a test run that is itself killed.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	if err := cmd.Start(); err != nil {
		t.Fatalf("htaccess: start %s: %v", name, err)
	}
	_ = out.Close()
	go func() {
		_ = cmd.Wait()
		close(p.gone)
	}()
	t.Cleanup(p.stop)
	return p
}

func (p *process) running() bool {
	select {
	case <-p.gone:
		return false
	default:
		return true
	}
}

// stop ends the process, by force if it does not go by itself.
func (p *process) stop() {
	if !p.running() {
		return
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.gone:
	case <-time.After(stopGrace):
		_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
		<-p.gone
	}
}

// tail is the end of a log file, for messages.
func tail(path string, n int) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-n):])
}

// freeAddrs are addresses nobody listens on at this moment, all different.
func freeAddrs(t testing.TB, n int) []string {
	t.Helper()
	var all []string
	var open []net.Listener
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, l)
		all = append(all, l.Addr().String())
	}
	for _, l := range open {
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// awaitListening waits until something accepts on addr or the process ends.
func awaitListening(t testing.TB, p *process, network, addr string) {
	t.Helper()
	for end := time.Now().Add(startMax); ; time.Sleep(10 * time.Millisecond) {
		if !p.running() {
			t.Fatalf("htaccess: %s ended at start: %v\n%s", p.name, p.cmd.ProcessState, tail(p.log, 4096))
		}
		if c, err := net.DialTimeout(network, addr, time.Second); err == nil {
			_ = c.Close()
			return
		}
		if time.Now().After(end) {
			t.Fatalf("htaccess: %s does not listen on %s after %v\n%s", p.name, addr, startMax, tail(p.log, 4096))
		}
	}
}
