package php

import (
	"os"
	"strconv"
	"strings"
	"time"
)

// clockTicks is sysconf(_SC_CLK_TCK), which Linux has fixed for programs.
const clockTicks = 100

// Age is since when a worker runs, to a hundredth of a second; 0 if it is not known.
func Age(w Worker) time.Duration {
	b, err := os.ReadFile("/proc/uptime")
	if err != nil || w.Started == 0 {
		return 0
	}
	up, _, _ := strings.Cut(string(b), " ")
	seconds, err := strconv.ParseFloat(up, 64)
	if err != nil {
		return 0
	}
	return max(0, time.Duration(seconds*float64(time.Second))-time.Duration(w.Started)*(time.Second/clockTicks))
}
