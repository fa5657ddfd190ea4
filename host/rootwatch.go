package host

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"sluice/php"
)

const (
	// rootLookTime is between two looks at a site's document roots.
	rootLookTime = 500 * time.Millisecond
	// rootRenewPause is between two renewals, however often a root is replaced;
	// after failures it doubles up to rootRenewPauseMax.
	rootRenewPause    = 5 * time.Second
	rootRenewPauseMax = 5 * time.Minute
	// rootRenewTime is how long fresh workers may take to start.
	rootRenewTime = 15 * time.Second
	// rootRealMax bounds the folders remembered, which deploys by symlink leave
	// behind.
	rootRealMax = 64
)

// rootWatch notices document roots that are replaced by another folder of the same
// path. opcache tells scripts apart by path and mtime in whole seconds, so it would
// go on with the old ones, for ever where mtimes are equal; only fresh workers
// begin anew. A switched symlink makes new paths, and needs nothing.
//
// The caches of the loops (static.Cache) notice it too, each for itself and when
// requests come; this does not wait for any.
type rootWatch struct {
	roots []string
	known map[string]os.FileInfo // by real path
}

func newRootWatch(roots []string) *rootWatch {
	w := &rootWatch{roots: roots, known: map[string]os.FileInfo{}}
	w.look()
	return w
}

// look tells whether a real path leads to another folder than before, a root that
// was away meanwhile included.
func (w *rootWatch) look() (replaced bool) {
	for _, root := range w.roots {
		path, err := filepath.EvalSymlinks(root)
		if err != nil {
			continue
		}
		info, err := os.Stat(path)
		if err != nil {
			continue
		}
		old := w.known[path]
		if old != nil && os.SameFile(old, info) {
			continue
		}
		replaced = replaced || old != nil
		if len(w.known) >= rootRealMax {
			clear(w.known)
		}
		w.known[path] = info
	}
	return replaced
}

// watchRoots renews a site's own workers when a document root is replaced, until
// the site's PHP ends.
func (p *Site) watchRoots() {
	w := newRootWatch(p.roots())
	tick := time.NewTicker(rootLookTime)
	defer tick.Stop()
	var renewed time.Time
	pause := rootRenewPause
	for wanted := false; ; {
		select {
		case <-p.php.ending:
			return
		case <-tick.C:
		}
		wanted = w.look() || wanted
		if !wanted || time.Since(renewed) < pause {
			continue
		}
		p.log.Info("a document root was replaced: fresh php workers, since opcache may hold the old scripts")
		renewed = time.Now()
		err := p.renewForRoot()
		switch {
		case err == nil, errors.Is(err, php.ErrStopped): // what does not run yet begins anew
			wanted, pause = false, rootRenewPause
		case errors.Is(err, php.ErrUnsupported):
			p.log.Warn("php workers can't be replaced here: opcache may go on with old scripts until a restart")
			return
		default:
			pause = min(2*pause, rootRenewPauseMax)
		}
	}
}

func (p *Site) renewForRoot() error {
	ctx, cancel := context.WithTimeout(context.Background(), rootRenewTime)
	defer cancel()
	return p.renewPHP(ctx)
}

// roots are the folders that scripts of the site are in.
func (p *Site) roots() []string {
	list := []string{p.cfg.Root}
	for _, a := range p.cfg.Aliases {
		list = append(list, a.Dir)
	}
	return list
}
