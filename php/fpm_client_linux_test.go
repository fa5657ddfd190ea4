package php

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os/exec"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// startProcess runs a program until the test ends.
func startProcess(t *testing.T, path string, args ...string) {
	t.Helper()
	runtime.LockOSThread() // the death signal comes when the thread ends
	t.Cleanup(runtime.UnlockOSThread)
	var out bytes.Buffer
	cmd := exec.Command(path, args...)
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(cmd.Process.Pid, syscall.SIGTERM)
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("%s said: %s", path, out.Bytes())
		}
	})
}

func TestReadFPMStatus(t *testing.T) {
	address := startExternalFPM(t, "pm = dynamic\npm.max_children = 4\npm.start_servers = 2\npm.min_spare_servers = 1\npm.max_spare_servers = 2\n"+
		"pm.status_path = /st\nping.path = /pi\nping.response = here")
	var s FPMStatus
	var err error
	eventually(t, "two workers are up", func() bool {
		s, err = ReadFPMStatus(t.Context(), "unix", address, "/st")
		return err != nil || len(s.Processes) >= 2
	})
	if err != nil || s.Pool != "www" || s.Manager != "dynamic" || s.Started.IsZero() || s.Accepted < 1 {
		t.Fatalf("ReadFPMStatus = %+v, %v", s, err)
	}
	if n, exact := s.Children(); n < 1 || n > 2 || exact {
		t.Errorf("Children() = %d, %t", n, exact)
	}
	for _, p := range s.Processes {
		if p.PID == 0 || p.State == "" || p.Started.IsZero() {
			t.Errorf("process %+v", p)
		}
	}
	if err := FPMPing(t.Context(), "unix", address, "/pi"); err != nil {
		t.Errorf("FPMPing = %v", err)
	}
	if err := FPMPing(t.Context(), "unix", address, "/none"); !errors.Is(err, ErrFPMPath) {
		t.Errorf("FPMPing of an unknown path = %v", err)
	}
	if _, err := ReadFPMStatus(t.Context(), "unix", address, "/none"); !errors.Is(err, ErrFPMPath) {
		t.Errorf("ReadFPMStatus of an unknown path = %v", err)
	}
	if _, err := ReadFPMStatus(t.Context(), "unix", address, "/pi"); !errors.Is(err, ErrStatus) {
		t.Errorf("ReadFPMStatus of the ping path = %v", err)
	}
	if _, err := ReadFPMStatus(t.Context(), "unix", address+"x", "/st"); err == nil {
		t.Error("no error without a socket")
	}
}

func TestFPMPingByTCP(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	startExternalFPM(t, "pm = static\npm.max_children = 1\n[tcp]\nlisten = "+address+"\npm = static\npm.max_children = 3\nping.path = /pi\npm.status_path = /st\n")
	if err := FPMPing(t.Context(), "tcp", address, "/pi"); err != nil {
		t.Errorf("FPMPing = %v", err)
	}
	eventually(t, "three workers are counted", func() bool {
		s, err := ReadFPMStatus(t.Context(), "tcp", address, "/st")
		n, exact := s.Children()
		return err == nil && s.Pool == "tcp" && n == 3 && exact
	})
	if facts, err := ProbeAddress(t.Context(), "tcp", address); err != nil || facts.SAPI != "fpm-fcgi" {
		t.Errorf("ProbeAddress = %+v, %v", facts, err)
	}
}

// A pool whose workers are all taken answers when one is free, or not in time.
func TestFPMPingWaits(t *testing.T) {
	address := startExternalFPM(t, "pm = static\npm.max_children = 1\nping.path = /pi")
	k := dial(t, Server{Network: "unix", Address: address})
	k.pid()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := FPMPing(ctx, "unix", address, "/pi"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("FPMPing of a busy pool = %v", err)
	}
	if err := k.conn.Close(); err != nil {
		t.Fatal(err)
	}
	if err := FPMPing(t.Context(), "unix", address, "/pi"); err != nil {
		t.Errorf("FPMPing = %v", err)
	}
}
