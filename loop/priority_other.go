//go:build !linux

package loop

// prefer does nothing: elsewhere a thread has no priority of its own.
func prefer() (giveBack func()) { return func() {} }
