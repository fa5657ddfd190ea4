package host

import (
	"context"
	"time"

	"go.uber.org/zap"

	"sluice/conf"
	"sluice/fcgi"
	"sluice/gateway"
	"sluice/site"
	"sluice/spool"
)

// upstreams are FastCGI servers that are not ours.
type upstreams struct {
	pool     *fcgi.Pool
	resolver fcgi.Resolver
	stop     context.CancelFunc
}

const (
	// externalConnsDefault is how many connections a FastCGI server that is not
	// ours gets when nobody says: Debian's php-fpm has 5 children, and one must
	// be left for others.
	externalConnsDefault = 4
	// externalRestartTime is how long requests wait for a server that refuses
	// connections where there is no other: it may be about to come back. After that
	// they are refused at once until it is there. externalFailTime is the same for
	// several servers, of which one is up at most times.
	externalRestartTime = 10 * time.Second
	externalFailTime    = 300 * time.Millisecond
	// externalIdleTime gives them back to others soon.
	externalIdleTime = 2 * time.Second
)

// newUpstreams makes the pool of some servers. Names that have no address yet are
// asked for again and again.
func newUpstreams(list []conf.Upstream, b conf.Balance, opts fcgi.Options, log *zap.Logger) *upstreams {
	opts.Foreign, opts.IdleTime, opts.KeepTime, opts.Health.Path = true, externalIdleTime, b.KeepTime, b.HealthPath
	opts.DialTime = externalRestartTime
	if len(list) > 1 {
		opts.DialTime = externalFailTime
	}
	if opts.QueueTime > 0 {
		opts.DialTime = min(opts.DialTime, opts.QueueTime)
	}
	u := &upstreams{pool: fcgi.NewPool(opts)}
	u.resolver = fcgi.Resolver{Pool: u.pool, Every: b.ResolveTime, Failed: func(s fcgi.Server, err error) {
		log.Warn("a FastCGI server's name has no address", zap.String("server", s.Key()), zap.Error(err))
	}}
	for _, s := range list {
		u.resolver.Servers = append(u.resolver.Servers, upstreamServer(s))
	}
	return u
}

func upstreamServer(s conf.Upstream) fcgi.Server {
	out := fcgi.Server{Network: s.Network, Address: s.Address, Conns: s.Conns, Name: s.Name, Weight: s.Weight, Mux: fcgi.MuxOff}
	if out.Conns == 0 {
		out.Conns, out.Guessed = externalConnsDefault, true
	}
	switch s.Multiplex {
	case "auto":
		out.Mux = fcgi.MuxAuto
	case "on":
		out.Mux = fcgi.MuxOn
	}
	return out
}

// start looks the names up, and goes on doing so.
func (u *upstreams) start(ctx context.Context) error {
	err := u.resolver.Resolve(ctx)
	if !u.resolver.Named() {
		return err
	}
	background, cancel := context.WithCancel(context.Background())
	u.stop = cancel
	go u.resolver.Run(background)
	return nil // a name may have an address later
}

func (u *upstreams) close() {
	if u != nil && u.stop != nil {
		u.stop()
	}
}

// program is a FastCGI program with a part in a site's requests.
func (p *Site) program(servers []conf.Upstream, store *spool.Store) *gateway.Options {
	u := newUpstreams(servers, p.cfg.PHP.Balance, fcgi.Options{Queue: p.cfg.PHP.Queue, QueueTime: p.cfg.PHP.QueueTime}, p.log)
	p.programs = append(p.programs, u)
	return &gateway.Options{
		Pool: u.pool, Store: store, RequestTime: p.cfg.FastCGI.RequestTime, Log: site.Log{}, Params: params(p.cfg), RetrySafe: p.cfg.PHP.Balance.Retry,
	}
}

// usePrograms sets up a site's application, authorizers and filters.
func (p *Site) usePrograms(opts *site.Options, store *spool.Store) {
	if len(p.cfg.FastCGI.Servers) > 0 {
		opts.App, opts.AppAll = p.program(p.cfg.FastCGI.Servers, store), p.cfg.FastCGI.Pass == "all"
	}
	for _, a := range p.cfg.Authorizers {
		opts.Authorizers = append(opts.Authorizers, site.Authorizer{
			Paths: conf.Patterns{a.Pattern}, Backend: p.program(a.Servers, store), Script: a.Script,
		})
	}
	for _, f := range p.cfg.Filters {
		opts.Filters = append(opts.Filters, site.Filter{Paths: conf.Patterns{f.Pattern}, Backend: p.program(f.Servers, store)})
	}
}
