package site

import (
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"sluice/watch"
)

// changes brings what happens in watched folders to the loops. A site whose
// folders can't be watched looks again every second all the same.
type changes struct {
	watcher *watch.Watcher // nil: nothing is watched
	roots   []string       // the absolute paths of Options.Roots

	mu     sync.Mutex
	locals []*local
}

func (s *Site) startWatching() {
	for _, r := range s.opts.Roots {
		dir, err := filepath.Abs(r.Config.Root)
		if err != nil {
			return // an acceleration only
		}
		s.changes.roots = append(s.changes.roots, dir)
	}
	w, err := watch.New(s.changed)
	if err != nil {
		return
	}
	s.changes.watcher = w
	for _, dir := range s.changes.roots {
		w.Add(filepath.Dir(dir))
	}
}

// watchFolder has changes in a folder told.
func (c *changes) watchFolder(dir string) {
	if c.watcher != nil {
		c.watcher.Add(dir)
	}
}

func (c *changes) join(sl *local) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.locals = append(c.locals, sl)
}

// leave ends a loop's part; with the last one nothing is watched any more.
func (c *changes) leave(sl *local) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.locals = slices.DeleteFunc(c.locals, func(l *local) bool { return l == sl })
	if len(c.locals) == 0 && c.watcher != nil {
		_ = c.watcher.Close()
	}
}

// changed is called by the watcher's goroutine.
func (s *Site) changed(list []watch.Change) {
	list = slices.Clone(list)
	s.changes.mu.Lock()
	defer s.changes.mu.Unlock()
	for _, sl := range s.changes.locals {
		sl.loop.Post(func() {
			for i := range list {
				sl.forget(&list[i])
			}
		})
	}
}

// forget drops what is known of a name that something happened to.
func (s *local) forget(c *watch.Change) {
	dir := strings.TrimSuffix(c.Dir, "/")
	path := dir + "/" + c.Name
	for i := range s.roots {
		r := &s.roots[i]
		if abs := s.changes.roots[i]; abs == path || abs == dir && c.Name == "" {
			r.cache.ExpireRoot()
			s.rules.world.forget()
			s.changes.watchFolder(filepath.Dir(abs))
		}
		if real := r.cache.RealRoot(); real != "" && (path == real || strings.HasPrefix(path, real+"/")) {
			r.cache.Expire(path[len(real):], c.Folder || c.Name == "")
		}
	}
	delete(s.rules.world.texts, path)
	delete(s.rules.world.others, path)
	delete(s.rules.world.links, path)
	delete(s.rules.world.folders, dir+"/")
	switch {
	case c.Name == ".htaccess":
		delete(s.rules.world.files, dir+"/")
	case c.Folder || c.Name == "":
		for known := range s.rules.world.files {
			if strings.HasPrefix(known, strings.TrimSuffix(path, "/")+"/") {
				delete(s.rules.world.files, known)
			}
		}
	}
}
