//go:build !linux

package loop

var (
	pollers   map[Engine]func() (Poller, error)
	autoOrder []Engine
)

// unmeasured says why Auto should not take an engine, though it may be had.
func unmeasured(Engine) error { return nil }
