//go:build !linux

package loop

var (
	pollers   map[Engine]func() (Poller, error)
	autoOrder []Engine
)
