package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"go.uber.org/zap"

	"sluice/accesslog"
	"sluice/conf"
	"sluice/front"
	"sluice/http1"
	"sluice/loop"
	"sluice/site"
	"sluice/spool"
	"sluice/static"
)

// daemon is everything that runs.
type daemon struct {
	cfg    *conf.Config
	engine loop.Engine
	loops  []*loop.Loop
	sites  []*siteParts
	front  *front.Server
	logs   *logs
	log    *zap.Logger
	// requests is log for what happens to requests: a flood must not fill the disk.
	requests *zap.Logger
	addrs    []string
	failed   chan error
	ended    sync.WaitGroup
}

const (
	// probeTime bounds the question for PHP's limits.
	probeTime = 5 * time.Second
	// phpGrace is how long workers may take to end after the last request.
	phpGrace = 3 * time.Second
)

func start(cfg *conf.Config) (*daemon, error) {
	d := &daemon{cfg: cfg, failed: make(chan error, 1)}
	if err := d.openLogs(); err != nil {
		return nil, err
	}
	if err := d.makeLoops(); err != nil {
		return nil, err
	}
	store := &spool.Store{Dir: cfg.SpoolDir}
	compressor := static.NewCompressor(1)
	for i := range cfg.Sites {
		s := &cfg.Sites[i]
		runner, err := newPHP(s, d.log)
		if err != nil {
			return nil, err
		}
		p, err := wireSite(s, store, compressor, runner, d.log)
		if err != nil {
			return nil, err
		}
		d.sites = append(d.sites, p)
	}
	if err := d.makeFront(); err != nil {
		return nil, err
	}
	if err := d.startPHP(); err != nil {
		d.killPHP()
		return nil, err
	}
	for _, l := range d.loops {
		d.ended.Add(1)
		go func() {
			defer d.ended.Done()
			if err := l.Run(); err != nil {
				d.failed <- err
			}
		}()
	}
	return d, nil
}

func (d *daemon) openLogs() error {
	f, err := openErrorFile(d.cfg.ErrorLog)
	if err != nil {
		return err
	}
	if d.log, err = newLogger(d.cfg.LogLevel, f); err != nil {
		return err
	}
	d.requests = sampled(d.log)
	d.logs = &logs{err: f, access: map[conf.AccessLog]*accesslog.Log{}, report: func(err error) {
		d.log.Error("log", zap.Error(err))
	}}
	return nil
}

func (d *daemon) makeLoops() error {
	engine, passed, err := loop.Engine(d.cfg.Engine).Choose()
	if err != nil {
		return exitWith(exitConfig, err)
	}
	if passed != nil {
		d.log.Info("engine", zap.String("taken", string(engine)), zap.NamedError("instead", passed))
	}
	d.engine = engine
	n := d.cfg.Loops
	if n == 0 {
		n = loopsDefault()
	}
	if engine == loop.Portable && d.cfg.Loops == 0 {
		n = 1 // its goroutines use all processors anyway
	}
	for range n {
		l, err := loop.New(engine)
		if err != nil {
			return err
		}
		d.loops = append(d.loops, l)
	}
	return nil
}

func (d *daemon) makeFront() error {
	cfg := d.cfg
	var sites []*site.Site
	access := map[string]*accesslog.Log{}
	for _, p := range d.sites {
		sites = append(sites, p.site)
		a := cfg.AccessLog
		if p.cfg.AccessLog != nil {
			a = *p.cfg.AccessLog
		}
		log, err := d.logs.openAccess(a)
		if err != nil {
			return err
		}
		access[p.cfg.Label()] = log
	}
	var dropped droppedFields
	var err error
	d.front, err = front.New(front.Options{
		Sites: sites, Loops: d.loops, Software: software(),
		HTTP1:    http1.Limits{RequestLineBytes: cfg.Limits.RequestLine, HeadBytes: cfg.Limits.Head, FieldLines: cfg.Limits.Fields},
		HeadTime: cfg.Limits.HeadTime, BodyTime: cfg.Limits.BodyTime, SendTime: cfg.Limits.SendTime,
		IdleTime: cfg.KeepAlive.Idle, RequestsMax: cfg.KeepAlive.Requests, ConnsMax: connsMax(cfg.Limits.Connections),
		Trusted: cfg.TrustedProxies, TrustedUnix: cfg.TrustUnix,
		AccessLog: func(label string) *accesslog.Log { return access[label] },
		Report: func(r site.Report, a netip.Addr, req string) {
			if r.Dropped > 0 {
				dropped.report(d.log, r.Dropped, req, a)
				return
			}
			report(d.requests, r, a, req)
		},
		AcceptError: func(err error) {
			d.log.Error("accepting connections rests for a moment", zap.Error(err))
		},
	})
	if err != nil {
		return err
	}
	for _, l := range cfg.Listen {
		if l.Network == "unix" {
			removeLeftSocket(l.Address)
		}
		addr, err := d.front.Listen(l.Network, l.Address)
		if err != nil {
			return exitWith(exitListen, explainListen(l, err))
		}
		if l.Network == "unix" {
			d.addrs = append(d.addrs, "unix:"+addr.String())
		} else {
			d.addrs = append(d.addrs, addr.String())
		}
	}
	return nil
}

// explainListen says what to do about an address that can't be had.
func explainListen(l conf.Listen, err error) error {
	hint := ""
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		hint = "another program listens there; stop it, or choose another address with --listen"
	case errors.Is(err, syscall.EACCES):
		hint = "no permission; ports below 1024 need root or CAP_NET_BIND_SERVICE (setcap cap_net_bind_service=+ep sluice)"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		hint = "this machine has no such address"
	}
	if hint != "" {
		return fmt.Errorf("can't listen on %s: %s (%w)", l, hint, err)
	}
	return fmt.Errorf("can't listen on %s: %w", l, err)
}

// startPHP starts the workers of all sites side by side and learns PHP's
// limits.
func (d *daemon) startPHP() error {
	ctx, cancel := context.WithTimeout(context.Background(), probeTime)
	defer cancel()
	errs := make([]error, len(d.sites))
	var wg sync.WaitGroup
	for i, p := range d.sites {
		if p.app != nil {
			if err := p.app.start(ctx); err != nil {
				return exitWith(exitPHP, err)
			}
		}
		if p.php == nil {
			continue
		}
		wg.Add(1)
		go func() {
			defer wg.Done()
			if errs[i] = p.php.start(ctx); errs[i] == nil {
				p.learn(ctx, d.log)
			}
		}()
	}
	wg.Wait()
	return errors.Join(errs...)
}

// learn makes the body limit that of PHP, unless it is configured.
func (p *siteParts) learn(ctx context.Context, log *zap.Logger) {
	err := p.php.probe(ctx)
	if p.cfg.BodyMax != conf.BodyFollowsPHP {
		return
	}
	if err != nil {
		log.Warn("PHP did not tell its limits", zap.String("site", p.cfg.Label()), zap.Error(err), zap.Int64("body_max", bodyMaxUnknown))
		p.bodyMax.Store(bodyMaxUnknown)
		return
	}
	p.bodyMax.Store(p.php.facts.PostMaxBytes)
}

// stop ends everything: first no new connections, then the requests in flight,
// then the workers, then the loops.
func (d *daemon) stop(limit time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	err := d.front.Drain(ctx)
	if err != nil {
		d.log.Warn("stopping", zap.Error(err))
	}
	d.front.Close()
	for _, p := range d.sites {
		if p.php != nil {
			p.php.stop(phpGrace)
		}
		if p.variants != nil {
			p.variants.stop(phpGrace)
		}
		p.stopOthers()
	}
	for _, l := range d.loops {
		l.Stop()
	}
	d.ended.Wait()
	d.logs.close()
	return err
}

func (d *daemon) killPHP() {
	for _, p := range d.sites {
		if p.php != nil {
			p.php.stop(0)
		}
		if p.variants != nil {
			p.variants.stop(0)
		}
		p.stopOthers()
	}
}

// banner tells what runs.
func (d *daemon) banner(w io.Writer) {
	_, _ = fmt.Fprintf(w, "sluice %s\n", version)
	for _, a := range d.addrs {
		_, _ = fmt.Fprintf(w, "  listening  %s\n", shownAddress(a))
	}
	for _, p := range d.sites {
		name := p.cfg.App
		if p.cfg.AppVersion != "" {
			name += " " + p.cfg.AppVersion
		}
		_, _ = fmt.Fprintf(w, "  site       %s: %s\n  docroot    %s\n", p.cfg.Label(), name, p.cfg.Root)
		if fc := p.cfg.FrontController; fc != "" {
			_, _ = fmt.Fprintf(w, "  front      %s\n", fc)
		}
		_, _ = fmt.Fprintf(w, "  php        %s\n", p.describePHP())
	}
	_, _ = fmt.Fprintf(w, "  engine     %s, %d loop(s)\n", d.engine, len(d.loops))
}

func shownAddress(a string) string {
	if ap, err := netip.ParseAddrPort(a); err == nil {
		host := ap.Addr().String()
		if ap.Addr().IsUnspecified() {
			host = "localhost"
		} else if ap.Addr().Is6() {
			host = "[" + host + "]"
		}
		return fmt.Sprintf("http://%s:%d/", host, ap.Port())
	}
	return a
}

func (p *siteParts) describePHP() string {
	if p.php == nil {
		return "off"
	}
	r := p.php
	v := r.facts.Version
	if v == "" {
		v = r.bin.Version
	}
	text := fmt.Sprintf("%s (%s), %d workers", v, r.where, r.conns)
	if r.group == nil {
		text = fmt.Sprintf("%s at %s, up to %d connections", v, r.where, r.conns)
	}
	if err := r.pool.Down(); err != nil {
		text += "; NOT RUNNING: " + err.Error()
	}
	return text
}
