package php

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// AvailableMemory returns how many bytes processes can still take: of the
// machine, or of our control group where that is less; 0 if unknown.
func AvailableMemory() int64 {
	b, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	available := parseMeminfo(string(b))
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return available
	}
	for line := range strings.Lines(string(own)) {
		path, ok := strings.CutPrefix(strings.TrimSpace(line), "0::")
		if !ok {
			continue // version 1
		}
		if left, ok := groupMemory(filepath.Join("/sys/fs/cgroup", path)); ok && (available == 0 || left < available) {
			available = left
		}
	}
	return available
}

// parseMeminfo returns MemAvailable in bytes, 0 if it is not there.
func parseMeminfo(text string) int64 {
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) == 3 && fields[0] == "MemAvailable:" {
			kib, err := strconv.ParseInt(fields[1], 10, 64)
			if err != nil {
				return 0
			}
			return kib << 10
		}
	}
	return 0
}

// groupMemory returns what a control group (version 2) may still take; false if
// it has no limit.
func groupMemory(folder string) (int64, bool) {
	read := func(name string) (int64, bool) {
		b, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			return 0, false
		}
		n, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
		return n, err == nil
	}
	limit, limited := read("memory.max")
	used, known := read("memory.current")
	return max(limit-used, 1), limited && known
}
