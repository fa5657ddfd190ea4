package host

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"go.uber.org/zap"

	"sluice/accesslog"
	"sluice/conf"
	"sluice/front"
	"sluice/loop"
	"sluice/php"
	"sluice/site"
	"sluice/spool"
	"sluice/static"
)

// Options say how a configuration is brought to life.
type Options struct {
	// Logger takes all messages; nil: the log that the configuration names.
	Logger *zap.Logger
	// Embedded: nothing is listened on; requests come by Handler.
	Embedded bool
}

// Host is everything that runs.
type Host struct {
	cfg    *conf.Config
	opts   Options
	engine loop.Engine
	loops  []*loop.Loop
	sites  []*Site
	front  *front.Server
	logs   *logs
	log    *zap.Logger
	// requests is log for what happens to requests: a flood must not fill the disk.
	requests *zap.Logger
	addrs    []string
	failed   chan error // one place for each loop
	ended    sync.WaitGroup
	sessions sync.Mutex // guards the sites' gofast
	stopped  bool       // guarded by sessions
}

const (
	// probeTime bounds the question for PHP's limits.
	probeTime = 5 * time.Second
	// phpGrace is how long workers may take to end after the last request.
	phpGrace = 3 * time.Second
)

// Start starts everything that a configuration asks for, which must not change
// from then on. An error may be a *Fault; then nothing is left running.
func Start(cfg *conf.Config, opts Options) (*Host, error) {
	h := &Host{cfg: cfg, opts: opts}
	if err := h.prepare(); err != nil {
		h.abandon()
		return nil, err
	}
	h.run()
	for _, p := range h.sites {
		if p.php != nil && p.php.group != nil {
			go p.watchRoots()
		}
	}
	return h, nil
}

// prepare does all that can fail; the loops do not run yet.
func (h *Host) prepare() error {
	if err := h.openLogs(); err != nil {
		return err
	}
	if err := h.makeLoops(); err != nil {
		return err
	}
	store := &spool.Store{Dir: h.cfg.SpoolDir}
	compressor := static.NewCompressor(1)
	states := stateFolders(h.cfg)
	for i := range h.cfg.Sites {
		s := &h.cfg.Sites[i]
		if err := mayRunCGI(s); err != nil {
			return err
		}
		runner, err := newPHP(s, h.log)
		if err != nil {
			return err
		}
		p, err := wireSite(s, states, store, compressor, runner, h.log)
		if err != nil {
			runner.abandon()
			return err
		}
		h.sites = append(h.sites, p)
	}
	if err := h.makeFront(); err != nil {
		return err
	}
	if !h.opts.Embedded {
		warnOfOneClient(h.cfg, h.log)
		if err := h.listen(); err != nil {
			return err
		}
	}
	return h.startPHP()
}

// run starts the loops.
func (h *Host) run() {
	h.failed = make(chan error, len(h.loops))
	for _, l := range h.loops {
		h.ended.Go(func() {
			if err := l.Run(); err != nil {
				h.failed <- err
				if h.opts.Embedded { // nobody listens to Failed
					h.log.Error("an event loop has failed", zap.Error(err))
				}
			}
		})
	}
}

// abandon gives back what was made before a start failed.
func (h *Host) abandon() {
	h.Kill()
	if h.front == nil && len(h.loops) > 0 && len(h.sites) > 0 {
		var sites []*site.Site
		for _, p := range h.sites {
			sites = append(sites, p.site)
		}
		if sh, err := site.NewHost(h.loops[0], sites); err == nil {
			sh.Close() // what they watch
			defer sh.Free()
		}
	}
	h.run() // a loop gives its descriptors back when it ends
	if h.front != nil {
		h.front.Close()
	}
	h.end()
}

// end ends the loops and the logs.
func (h *Host) end() {
	for _, l := range h.loops {
		l.Stop()
	}
	h.ended.Wait()
	if h.front != nil {
		h.front.Free()
	}
	h.logs.close()
}

// Handler serves requests of other servers by the same way as those of clients.
func (h *Host) Handler() http.Handler { return h.front }

// Failed tells of a loop that ended by itself; then the host should be stopped.
func (h *Host) Failed() <-chan error { return h.failed }

// Log is where the host's messages go.
func (h *Host) Log() *zap.Logger { return h.log }

// ReopenLogs opens the log files by their names again, after a rotation.
func (h *Host) ReopenLogs() { h.logs.reopen() }

func (h *Host) openLogs() error {
	h.logs = &logs{access: map[conf.AccessLog]*accesslog.Log{}, report: func(err error) {
		h.log.Error("log", zap.Error(err))
	}}
	if h.log = h.opts.Logger; h.log == nil {
		f, err := openErrorFile(h.cfg.ErrorLog)
		if err != nil {
			return err
		}
		h.logs.err = f
		if h.log, err = newLogger(h.cfg.LogLevel, f); err != nil {
			return err
		}
	}
	h.requests = sampled(h.log)
	return nil
}

func (h *Host) makeLoops() error {
	loops, engine, passed, err := loop.NewLoops(loop.Engine(h.cfg.Engine), h.loopsOn)
	if err != nil {
		return at(StageConfig, err)
	}
	if passed != nil {
		h.log.Info("engine", zap.String("taken", string(engine)), zap.NamedError("instead", passed))
	}
	h.engine, h.loops = engine, loops
	return nil
}

// loopsOn is how many loops an engine is to have.
func (h *Host) loopsOn(engine loop.Engine) int {
	switch {
	case h.cfg.Loops != 0:
		return h.cfg.Loops
	case engine == loop.Portable:
		return 1 // its goroutines use all processors anyway
	default:
		return loopsDefault()
	}
}

// startPHP starts the workers of all sites side by side and learns PHP's
// limits.
func (h *Host) startPHP() error {
	ctx, cancel := context.WithTimeout(context.Background(), probeTime)
	defer cancel()
	errs := make([]error, len(h.sites))
	var wg sync.WaitGroup
	for i, p := range h.sites {
		for _, u := range p.programs {
			if err := u.start(ctx); err != nil {
				return at(StagePHP, err)
			}
		}
		if p.php == nil {
			continue
		}
		wg.Add(1)
		go func() {
			defer wg.Done()
			if errs[i] = p.php.start(ctx); errs[i] == nil {
				p.learn(ctx, h.log)
			}
		}()
	}
	wg.Wait()
	return errors.Join(errs...)
}

// learn makes the body limit that of PHP, unless it is configured.
func (p *Site) learn(ctx context.Context, log *zap.Logger) {
	err := p.php.probe(ctx)
	if p.php.upstreams != nil {
		go p.php.watchServers(err == nil || errors.Is(err, php.ErrRefused), p.follow)
	}
	switch {
	case err == nil:
		p.follow(*p.php.facts.Load())
	case p.cfg.BodyMax == conf.BodyFollowsPHP:
		log.Warn("PHP did not tell its limits", zap.String("site", p.cfg.Label()), zap.Error(err), zap.Int64("body_max", bodyMaxUnknown))
		p.bodyMax.Store(bodyMaxUnknown)
	}
}

// follow takes over what PHP has said of itself.
func (p *Site) follow(f php.Facts) {
	if p.cfg.BodyMax == conf.BodyFollowsPHP {
		p.bodyMax.Store(f.PostMaxBytes)
	}
}

// Stop ends everything: first no new connections, then the requests in flight,
// for at most limit, then the workers, then the loops. The error tells that
// requests were cut off.
func (h *Host) Stop(limit time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	sessions := make(chan error, 1)
	go func() { sessions <- h.drainSessions(ctx) }()
	err := errors.Join(h.front.Drain(ctx), <-sessions)
	h.closeSessions()
	if err != nil {
		h.log.Warn("stopping", zap.Error(err))
	}
	h.front.Close()
	h.endOthers(phpGrace)
	h.end()
	return err
}

// Kill ends the workers and programs at once, for a process that is about to exit.
func (h *Host) Kill() { h.endOthers(0) }

// endOthers ends what runs outside the loops.
func (h *Host) endOthers(grace time.Duration) {
	for _, p := range h.sites {
		if p.php != nil {
			p.php.stop(grace)
		}
		if p.variants != nil {
			p.variants.stop(grace)
		}
		p.php.abandon()
		p.Close()
	}
}
