//go:build !linux

package php

// ProcessorTime tells nothing here.
func ProcessorTime() (all, idle int64, ok bool) { return 0, 0, false }
