package php

import (
	"bytes"
	"os"
	"strconv"
)

// ProcessorTime is what the machine's processors have done since it was started,
// in ticks: all of it, and how much they were idle. ok is false where the system
// does not tell.
func ProcessorTime() (all, idle int64, ok bool) {
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, 0, false
	}
	return parseProcessorTime(b)
}

// parseProcessorTime reads "cpu  user nice system idle iowait irq softirq steal …"
// (proc_stat(5)); guests' time is a part of user.
func parseProcessorTime(b []byte) (all, idle int64, ok bool) {
	line, _, _ := bytes.Cut(b, []byte("\n"))
	words := bytes.Fields(line)
	const known = 8
	if len(words) < 1+known || string(words[0]) != "cpu" {
		return 0, 0, false
	}
	for i, w := range words[1 : 1+known] {
		n, err := strconv.ParseInt(string(w), 10, 64)
		if err != nil {
			return 0, 0, false
		}
		all += n
		if i == 3 || i == 4 {
			idle += n
		}
	}
	return all, idle, true
}
