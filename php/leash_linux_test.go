package php

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// kill -9 of sluice leaves no php behind: not the idle, not the busy, not what a
// script has started.
func TestKilledSluiceLeavesNothing(t *testing.T) {
	if _, err := phpCGI(); err != nil {
		t.Skip(err)
	}
	for _, sig := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM} {
		killSluice(t, ModeAuto, sig, nil)
	}
}

func TestKilledSluiceLeavesNoFPM(t *testing.T) {
	if _, err := phpFPM(); err != nil {
		t.Skip(err)
	}
	for _, sig := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM} {
		killSluice(t, ModeFPM, sig, nil)
	}
}

// killSluice kills a sluice with busy workers; change may be nil.
func killSluice(t *testing.T, mode Mode, sig syscall.Signal, change func(*exec.Cmd)) {
	t.Helper()
	id := fmt.Sprintf("h%d-%s-%d.", os.Getpid(), mode, sig)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "SLUICE_PHP_HELPER="+id, "SLUICE_PHP_DIR="+dirFor(t, id), "SLUICE_PHP_MODE="+mode.String())
	cmd.Stderr = os.Stderr
	if change != nil {
		change(cmd)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill()
		for _, left := range marked(id) {
			_ = syscall.Kill(left.pid, syscall.SIGKILL)
		}
	}()
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	server := Server{Network: "unix", Address: strings.TrimSpace(line)}
	for _, text := range []string{"exec('sleep 600 & sleep 600');", "while (true);"} {
		dial(t, server).send(openScript(t, "<?php set_time_limit(0); "+text))
	}
	// Parent, two workers, a shell and two sleeps.
	eventually(t, "six processes", func() bool { return len(marked(id)) == 6 })
	if err := cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	wantNoneLeft(t, id)
}

// A stopped group takes along what scripts have started in its process group.
func TestStopEndsWhatScriptsStarted(t *testing.T) {
	g := startGroup(t, nil)
	pid := g.State().PID
	dial(t, g.Servers()[0]).get(script(t, "<?php exec('sleep 600 >/dev/null 2>&1 &');"))
	if n := len(groupMembers(pid)); n != 4 {
		t.Fatalf("%d processes in the group, want 4", n)
	}
	if err := g.Stop(0); err != nil {
		t.Fatal(err)
	}
	if left := groupMembers(pid); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}

// A daemon that a script started in a session of its own lives on with php's
// output open; Stop does not wait for it.
func TestStopDoesNotWaitForDaemons(t *testing.T) {
	g := startGroup(t, nil)
	dial(t, g.Servers()[0]).get(script(t, "<?php proc_close(proc_open('setsid sleep 2 &', [1 => ['file', '/dev/null', 'w'], 2 => fopen('php://stderr', 'w')], $pipes));"))
	began := time.Now()
	if err := g.Stop(0); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("Stop took %s", took)
	}
}
