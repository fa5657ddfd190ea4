//go:build !linux

package php

// AvailableMemory is 0, for unknown, on this system.
func AvailableMemory() int64 { return 0 }
