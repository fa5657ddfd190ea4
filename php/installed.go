package php

import (
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
)

// Installed lists the php-cgi and php-fpm programs in PATH and at the usual places
// of this machine, under all names that they have there. It runs none of them.
func Installed() []string {
	f := finder{goos: runtime.GOOS, lookPath: exec.LookPath, glob: filepath.Glob}
	list := f.candidates()
	f.fpm = true
	return slices.Concat(list, f.candidates())
}
