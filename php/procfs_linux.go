package php

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
)

// procStat is what we need of /proc/PID/stat (proc_pid_stat(5)).
type procStat struct {
	pid     int
	state   byte
	ppid    int
	pgrp    int
	started uint64 // clock ticks after boot
}

func readStat(pid int) (procStat, error) {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return procStat{}, err
	}
	return parseStat(b)
}

var errStat = errors.New("malformed /proc/PID/stat")

// parseStat reads "1 (a (b) c) S 0 1 …": the name may hold anything, so the
// fields are counted from its last parenthesis.
func parseStat(b []byte) (procStat, error) {
	end := bytes.LastIndexByte(b, ')')
	begin := bytes.IndexByte(b, ' ')
	if end < 0 || begin < 0 {
		return procStat{}, fmt.Errorf("php: %w: %q", errStat, b)
	}
	const startedField = 19 // the 22nd of the file
	fields := strings.Fields(string(b[end+1:]))
	if len(fields) <= startedField {
		return procStat{}, fmt.Errorf("php: %w: %q", errStat, b)
	}
	var s procStat
	var errs [4]error
	s.pid, errs[0] = strconv.Atoi(string(b[:begin]))
	s.state = fields[0][0]
	s.ppid, errs[1] = strconv.Atoi(fields[1])
	s.pgrp, errs[2] = strconv.Atoi(fields[2])
	s.started, errs[3] = strconv.ParseUint(fields[startedField], 10, 64)
	if err := errors.Join(errs[:]...); err != nil {
		return procStat{}, fmt.Errorf("php: %w: %w", errStat, err)
	}
	return s, nil
}

// dead is true of a process that only waits to be reaped.
func (s procStat) dead() bool { return s.state == 'Z' || s.state == 'X' }

// processes returns all living processes that match.
func processes(match func(procStat) bool) []procStat {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	names, err := dir.Readdirnames(-1)
	_ = dir.Close()
	if err != nil {
		return nil
	}
	var found []procStat
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		if s, err := readStat(pid); err == nil && !s.dead() && match(s) {
			found = append(found, s)
		}
	}
	return found
}

func groupMembers(pgid int) []procStat {
	return processes(func(s procStat) bool { return s.pgrp == pgid })
}

// childrenOf returns the living children of a process: from the kernel's list
// where it has one (CONFIG_PROC_CHILDREN), else by looking at all processes.
func childrenOf(pid int) []procStat {
	p := strconv.Itoa(pid)
	b, err := os.ReadFile("/proc/" + p + "/task/" + p + "/children")
	if err != nil {
		return processes(func(s procStat) bool { return s.ppid == pid })
	}
	var found []procStat
	for _, word := range strings.Fields(string(b)) {
		child, err := strconv.Atoi(word)
		if err != nil {
			continue
		}
		if s, err := readStat(child); err == nil && !s.dead() && s.ppid == pid {
			found = append(found, s)
		}
	}
	return found
}

// holdsSocket reports whether a process has the socket with this inode open.
func holdsSocket(pid int, inode uint32) bool {
	want := "socket:[" + strconv.FormatUint(uint64(inode), 10) + "]"
	has, err := holdsFile(strconv.Itoa(pid), want)
	if errors.Is(err, fs.ErrPermission) {
		asOwner(strconv.Itoa(pid), func() { has, _ = holdsFile(strconv.Itoa(pid), want) })
	}
	return has
}

// holdsFile reports whether a descriptor of a process leads to want. err says that
// not all could be looked at.
func holdsFile(pid, want string) (bool, error) {
	folder := "/proc/" + pid + "/fd"
	dir, err := os.Open(folder)
	if err != nil {
		return false, err
	}
	names, err := dir.Readdirnames(-1)
	_ = dir.Close()
	for _, name := range names {
		target, e := os.Readlink(folder + "/" + name)
		if e == nil && target == want {
			return true, nil
		}
		if errors.Is(e, fs.ErrPermission) {
			err = e
		}
	}
	return false, err
}

// residentBytes returns the memory of a process: all, and what it shares with
// others (opcache, the binary).
func residentBytes(pid int) (rss, shared int64, err error) {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/statm")
	if err != nil {
		return 0, 0, fmt.Errorf("php: memory of worker %d: %w", pid, err)
	}
	var size, resident, sharedPages int64
	if _, err := fmt.Sscan(string(b), &size, &resident, &sharedPages); err != nil {
		return 0, 0, fmt.Errorf("php: memory of worker %d: %w", pid, err)
	}
	page := int64(os.Getpagesize())
	return resident * page, sharedPages * page, nil
}
