package php

import (
	"io/fs"
	"path"
	"slices"
	"time"
)

// sweepNowAndThen removes what scripts have forgotten in tmp and uploads: systemd
// and others clean the folders that they know, after as long a time.
func (p *Private) sweepNowAndThen() {
	every := time.NewTicker(sweepEvery)
	defer every.Stop()
	for {
		p.sweep(time.Now().Add(-sweepAge))
		select {
		case <-every.C:
		case <-p.end:
			return
		}
	}
}

// sweep removes files last changed before a time, and folders that are as old and
// empty. Faults are not reported: what stays is met again next time.
func (p *Private) sweep(before time.Time) {
	for _, name := range []string{"tmp", "uploads"} {
		top := path.Join(p.site, name)
		var old []string
		_ = fs.WalkDir(p.base.FS(), top, func(at string, e fs.DirEntry, err error) error {
			select {
			case <-p.end:
				return fs.SkipAll
			default:
			}
			if err != nil || at == top {
				return nil //nolint:nilerr // it may have gone just now
			}
			if info, err := e.Info(); err == nil && info.ModTime().Before(before) {
				old = append(old, at)
			}
			return nil
		})
		for _, at := range slices.Backward(old) { // what is in a folder before the folder
			_ = p.base.Remove(at)
		}
	}
}
