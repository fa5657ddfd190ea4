package php

import (
	"os"
	"os/exec"
	"testing"
)

func TestParseStat(t *testing.T) {
	line := "42 (a) b (c) R 7 40 40 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 1 0 987654 1 1"
	s, err := parseStat([]byte(line))
	if want := (procStat{pid: 42, state: 'R', ppid: 7, pgrp: 40, started: 987654}); s != want || err != nil {
		t.Errorf("parseStat = %+v, %v; want %+v", s, err, want)
	}
	for _, bad := range []string{"", "42", "42 (x) R 1 2", "x (y) R 7 40 40 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 1 0 987654"} {
		if _, err := parseStat([]byte(bad)); err == nil {
			t.Errorf("parseStat(%q) has no error", bad)
		}
	}
}

func FuzzParseStat(f *testing.F) {
	f.Add([]byte("42 (a) b (c) R 7 40 40 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 1 0 987654 1 1"))
	f.Fuzz(func(_ *testing.T, b []byte) { _, _ = parseStat(b) })
}

func TestProcesses(t *testing.T) {
	cmd := exec.Command("sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	pid := cmd.Process.Pid
	has := func(list []procStat) bool {
		for _, s := range list {
			if s.pid == pid && s.ppid == os.Getpid() && s.started != 0 {
				return true
			}
		}
		return false
	}
	byScan := processes(func(s procStat) bool { return s.ppid == os.Getpid() })
	if !has(byScan) {
		t.Errorf("child %d not found by scanning: %v", pid, byScan)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a zombie does not count", func() bool {
		return !has(processes(func(s procStat) bool { return s.pid == pid }))
	})
	_ = cmd.Wait()
}

func TestMemory(t *testing.T) {
	rss, shared, err := residentBytes(os.Getpid())
	if err != nil || rss < 1<<20 || shared > rss {
		t.Errorf("own memory: %d, %d, %v", rss, shared, err)
	}
	if got := parseMeminfo("MemTotal: 10 kB\nMemAvailable:    2048 kB\n"); got != 2<<20 {
		t.Errorf("parseMeminfo = %d", got)
	}
	if got := parseMeminfo("MemAvailable: x kB\n"); got != 0 {
		t.Errorf("parseMeminfo(malformed) = %d", got)
	}
	if got := AvailableMemory(); got < 1<<20 {
		t.Errorf("AvailableMemory = %d", got)
	}
	dir := t.TempDir()
	for name, text := range map[string]string{"memory.max": "1000\n", "memory.current": "400\n"} {
		if err := os.WriteFile(dir+"/"+name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got, ok := groupMemory(dir); got != 600 || !ok {
		t.Errorf("groupMemory = %d, %v; want 600", got, ok)
	}
	if err := os.WriteFile(dir+"/memory.max", []byte("max\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, ok := groupMemory(dir); ok {
		t.Error("an unlimited control group has a limit")
	}
}
