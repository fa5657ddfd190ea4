package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.uber.org/zap"

	"sluice/conf"
	"sluice/gateway"
	"sluice/session"
	"sluice/site"
)

// gofastSession is a site's PHP for gofast code: the site's pool, on the host's loops.
type gofastSession struct {
	transport *session.Transport
	places    []session.Place
}

// Session gives gofast code the PHP of the site that serves a host[:port] and a
// path as a URL has it. Its requests take the same workers, by the same queue, as
// the site's own. The answer is the same for each call, and ends with the host.
func (h *Host) Session(authority, path string) (*session.Transport, error) {
	p := h.siteOf(authority, path)
	switch {
	case p == nil:
		return nil, fmt.Errorf("host: no site serves %q of %q", path, authority)
	case p.php == nil:
		return nil, fmt.Errorf("host: site %s has no PHP", p.cfg.Label())
	case p.cfg.PHP.Isolation.Chroot != "":
		return nil, fmt.Errorf("host: site %s has its PHP in a chroot, where it knows files by other names than gofast code would give", p.cfg.Label())
	}
	h.sessions.Lock()
	defer h.sessions.Unlock()
	if h.stopped {
		return nil, session.ErrClosed
	}
	if p.gofast != nil && !p.gofast.transport.Closed() {
		return p.gofast.transport, nil
	}
	places, err := h.places(p)
	if err != nil {
		return nil, err
	}
	t, err := session.New(session.Options{
		Places: places, Sticky: p.sticky,
		Guard: session.Guard{Check: p.scriptGuard()},
	})
	if err != nil {
		return nil, err
	}
	p.gofast = &gofastSession{t, places}
	return t, nil
}

func (h *Host) siteOf(authority, path string) *Site {
	s := h.front.SiteOf(authority, path)
	if i := slices.IndexFunc(h.sites, func(p *Site) bool { return p.site == s }); i >= 0 && s != nil {
		return h.sites[i]
	}
	return nil
}

// places are the loops with their part of a site's PHP. The one of before, if
// somebody has closed the transport, serves again.
func (h *Host) places(p *Site) ([]session.Place, error) {
	if p.gofast != nil {
		return p.gofast.places, nil
	}
	backend := &gateway.Options{
		Pool: p.php.pool, Store: p.store, RequestTime: p.cfg.PHP.RequestTime, RetrySafe: p.php.retrySafe(),
		Log: sessionLog{h.requests, p.cfg.Label()},
	}
	var list []session.Place
	for _, l := range h.loops {
		made := make(chan *gateway.Local, 1)
		if !l.Post(func() { made <- backend.On(l) }) {
			return nil, session.ErrClosed
		}
		list = append(list, session.Place{Loop: l, Local: <-made})
	}
	return list, nil
}

// drainSessions waits for what gofast code has under way; nothing more begins.
func (h *Host) drainSessions(ctx context.Context) error {
	h.sessions.Lock()
	h.stopped = true
	h.sessions.Unlock()
	var errs []error
	for _, p := range h.sites {
		if p.gofast != nil {
			errs = append(errs, p.gofast.transport.Drain(ctx))
		}
	}
	return errors.Join(errs...)
}

// closeSessions gives up what is left, and the connections, after drainSessions.
func (h *Host) closeSessions() {
	for _, p := range h.sites {
		if p.gofast == nil {
			continue
		}
		p.gofast.transport.Close()
		for _, at := range p.gofast.places {
			at.Loop.Post(at.Local.Close)
		}
	}
}

// scriptGuard refuses the files that a request for a URL of the site would not run
// either: outside of its folders, by their own path or by links, hidden, denied,
// or where no script may run. .htaccess files are not asked.
func (p *Site) scriptGuard() func(file string) error {
	cfg := p.cfg
	folders := []conf.Alias{{Dir: cfg.Root}}
	folders = append(folders, cfg.Aliases...)
	return func(file string) error {
		// After a link ".." is not where Clean takes it to be.
		if !filepath.IsAbs(file) || slices.Contains(strings.Split(filepath.ToSlash(file), "/"), "..") {
			return &session.Refusal{Status: 403, Err: fmt.Errorf("host: SCRIPT_FILENAME %q is no plain absolute path", file)}
		}
		real, err := filepath.EvalSymlinks(file)
		if err != nil || !isFile(real) {
			return &session.Refusal{Status: 404, Err: fmt.Errorf("host: SCRIPT_FILENAME %q is no file", file)}
		}
		if cfg.Symlinks != "follow" && !insideAny(real, folders, cfg.FollowInto) && !insideSettled(real, cfg.FollowFound) {
			return &session.Refusal{Status: 403, Err: fmt.Errorf("host: SCRIPT_FILENAME %q leads out of the site's folders", file)}
		}
		url, in, ok := urlOf(filepath.Clean(file), folders)
		switch {
		case !slices.ContainsFunc(cfg.PHP.Extensions, func(ext string) bool { return strings.HasSuffix(file, ext) }):
			return &session.Refusal{Status: 403, Err: fmt.Errorf("host: SCRIPT_FILENAME %q is no script", file)}
		case !ok:
			return &session.Refusal{Status: 403, Err: fmt.Errorf("host: SCRIPT_FILENAME %q is not in the site's folders", file)}
		case p.never(url), scriptless(cfg, folders).Holds(filepath.ToSlash(real), filepath.ToSlash(resolved(in.Dir)), strings.TrimPrefix(url, in.Prefix)):
			return &session.Refusal{Status: 403, Err: fmt.Errorf("host: the site does not run %q", file)}
		}
		return nil
	}
}

// urlOf is the path, below the site's own, of a file in one of its folders, and the
// folder. Of folders in each other the innermost counts.
func urlOf(file string, folders []conf.Alias) (url string, in conf.Alias, ok bool) {
	longest := -1
	for _, f := range folders {
		for _, dir := range []string{f.Dir, resolved(f.Dir)} {
			if rel, err := filepath.Rel(dir, file); err == nil && filepath.IsLocal(rel) && rel != "." && len(dir) > longest {
				longest, url, in = len(dir), f.Prefix+"/"+filepath.ToSlash(rel), f
			}
		}
	}
	return url, in, longest >= 0
}

func insideAny(real string, folders []conf.Alias, more []string) bool {
	dirs := slices.Clone(more)
	for _, f := range folders {
		dirs = append(dirs, f.Dir)
	}
	return slices.ContainsFunc(dirs, func(dir string) bool {
		rel, err := filepath.Rel(resolved(dir), real)
		return err == nil && filepath.IsLocal(rel)
	})
}

// insideSettled is insideAny for folders that were found, which count while no symlink
// leads elsewhere by their names.
func insideSettled(real string, dirs []string) bool {
	dirs = slices.DeleteFunc(slices.Clone(dirs), func(dir string) bool { return resolved(dir) != dir })
	return insideAny(real, nil, dirs)
}

// scriptless is where no script of a site runs, as of now.
func scriptless(cfg *conf.Site, folders []conf.Alias) *site.Scriptless {
	var roots []site.RealRoot
	for _, f := range folders {
		roots = append(roots, site.RealRoot{Prefix: f.Prefix, Dir: filepath.ToSlash(resolved(f.Dir))})
	}
	return site.NewScriptless(cfg.NoPHP, roots)
}

func isFile(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.Mode().IsRegular()
}

// sessionLog writes what happens to gofast code's requests.
type sessionLog struct {
	log  *zap.Logger
	site string
}

// Stderr implements gateway.Log.
func (s sessionLog) Stderr(_ gateway.Client, text []byte, lost int64) {
	reportStderr(s.log, site.Report{Stderr: text, Lost: lost}, []zap.Field{zap.String("site", s.site)})
}

// Dropped implements gateway.Log; the guard is who drops here.
func (sessionLog) Dropped(gateway.Client, int) {}

// Trouble implements gateway.Log.
func (s sessionLog) Trouble(_ gateway.Client, err error) {
	s.log.Warn("request of a session failed", zap.String("site", s.site), zap.Error(err))
}
