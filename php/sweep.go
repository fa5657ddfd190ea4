package php

import (
	"io/fs"
	"os"
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

// sweep removes files that nobody has changed or read since a time, and folders that
// are as old and empty. Faults are not reported: what stays is met again next time.
//
// It looks from within each folder: links that its owner makes lead nowhere else.
func (p *Private) sweep(before time.Time) {
	for _, name := range []string{"tmp", "uploads"} {
		if r, err := p.base.OpenRoot(path.Join(p.site, name)); err == nil {
			p.sweepIn(r, before)
			_ = r.Close()
		}
	}
}

func (p *Private) sweepIn(r *os.Root, before time.Time) {
	var old []string
	_ = fs.WalkDir(r.FS(), ".", func(at string, e fs.DirEntry, err error) error {
		select {
		case <-p.end:
			return fs.SkipAll
		default:
		}
		if err != nil || at == "." || !e.IsDir() && !e.Type().IsRegular() {
			return nil //nolint:nilerr // it may have gone just now
		}
		if info, err := e.Info(); err == nil && lastUse(info).Before(before) {
			old = append(old, at)
		}
		return nil
	})
	for _, at := range slices.Backward(old) { // what is in a folder before the folder
		if !inUse(r, at) {
			_ = r.Remove(at)
		}
	}
}
