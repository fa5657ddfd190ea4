//go:build !linux

package php

import (
	"io/fs"
	"os"
	"time"
)

// lastUse is when a file was last changed.
func lastUse(info fs.FileInfo) time.Time { return info.ModTime() }

// inUse is not known here.
func inUse(*os.Root, string) bool { return false }
