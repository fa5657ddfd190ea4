package host

import (
	"go.uber.org/zap"

	"sluice/fcgi"
	"sluice/gateway"
	"sluice/proxied"
	"sluice/site"
	"sluice/spool"
)

// startServers starts what answers FastCGI requests inside sluice, if it is wanted.
func (p *Site) startServers(opts *site.Options, store *spool.Store) error {
	if p.cfg.CGI.Enabled() {
		if err := p.startCGI(opts, store); err != nil {
			return err
		}
	}
	if len(p.cfg.ProxyTo) > 0 {
		return p.startProxy(opts, store)
	}
	return nil
}

// startProxy starts the server that passes requests of [P] on.
func (p *Site) startProxy(opts *site.Options, store *spool.Store) error {
	server, err := proxied.Start(proxied.Options{
		To:  p.cfg.ProxyTo,
		Log: func(err error) { p.log.Warn("proxy", zap.Error(err)) },
	})
	if err != nil {
		return err
	}
	p.proxy = server
	pool := fcgi.NewPool(fcgi.Options{
		Servers: []fcgi.Server{{Network: "unix", Address: server.Address(), Conns: server.Concurrency()}},
		Queue:   p.cfg.PHP.Queue, QueueTime: p.cfg.PHP.QueueTime,
	})
	// proxied has a limit for silence; how long an answer takes in all is its
	// server's and its client's business.
	opts.Proxy = &gateway.Options{Pool: pool, Store: store, RequestTime: proxied.WholeTimeMax, Log: site.Log{}}
	return nil
}

func (p *Site) closeProxy() {
	if p.proxy == nil {
		return
	}
	if err := p.proxy.Close(); err != nil {
		p.log.Warn("stopping the proxy", zap.Error(err))
	}
}
