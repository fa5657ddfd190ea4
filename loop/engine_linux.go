package loop

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// pollers make the engines that not every system has.
var pollers = map[Engine]func() (Poller, error){
	Epoll:   newEpoll,
	IOUring: newUringPoller,
}

// autoOrder is what Auto tries, the best first; docs/engines.md has the measurements.
var autoOrder = []Engine{IOUring, Epoll}

// measuredMajor and measuredMinor are the oldest Linux on which IOUring was measured
// and found better than Epoll. Older ones have it too, but Auto leaves it alone.
const measuredMajor, measuredMinor = 6, 18

// unmeasured says why Auto should not take an engine, though it may be had.
func unmeasured(e Engine) error {
	if e != IOUring {
		return nil
	}
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return fmt.Errorf("loop: uname: %w", err)
	}
	return oldLinux(unix.ByteSliceToString(name.Release[:]))
}

func oldLinux(release string) error {
	var major, minor int
	_, err := fmt.Sscanf(release, "%d.%d", &major, &minor)
	if err != nil || major < measuredMajor || major == measuredMajor && minor < measuredMinor {
		return fmt.Errorf("loop: io_uring has been measured on Linux %d.%d and newer, not on %s; --engine io_uring takes it all the same", measuredMajor, measuredMinor, release)
	}
	return nil
}
