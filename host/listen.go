package host

import (
	"errors"
	"fmt"
	"net/netip"
	"syscall"

	"go.uber.org/zap"

	"sluice/accesslog"
	"sluice/conf"
	"sluice/front"
	"sluice/http1"
	"sluice/site"
)

func (h *Host) makeFront() error {
	cfg := h.cfg
	var sites []*site.Site
	access := map[string]*accesslog.Log{}
	for _, p := range h.sites {
		sites = append(sites, p.site)
		a := cfg.AccessLog
		if p.cfg.AccessLog != nil {
			a = *p.cfg.AccessLog
		}
		log, err := h.logs.openAccess(a)
		if err != nil {
			return err
		}
		access[p.cfg.Label()] = log
	}
	var dropped droppedFields
	var err error
	h.front, err = front.New(front.Options{
		Sites: sites, Loops: h.loops, Software: software(),
		HTTP1:    http1.Limits{RequestLineBytes: cfg.Limits.RequestLine, HeadBytes: cfg.Limits.Head, FieldLines: cfg.Limits.Fields},
		HeadTime: cfg.Limits.HeadTime, BodyTime: cfg.Limits.BodyTime, SendTime: cfg.Limits.SendTime,
		IdleTime: cfg.KeepAlive.Idle, RequestsMax: cfg.KeepAlive.Requests, ConnsMax: connsMax(cfg.Limits.Connections), SharePort: cfg.ReusePort,
		Trusted: cfg.TrustedProxies, TrustedUnix: cfg.TrustUnix,
		AccessLog: func(label string) *accesslog.Log { return access[label] },
		Report: func(r site.Report, a netip.Addr, req string) {
			if r.Dropped > 0 {
				dropped.report(h.log, r.Dropped, req, a)
				return
			}
			report(h.requests, r, a, req)
		},
		AcceptError: func(err error) {
			h.log.Error("accepting connections rests for a moment", zap.Error(err))
		},
	})
	if err != nil {
		return err
	}
	return nil
}

// listen opens the addresses of the configuration.
func (h *Host) listen() error {
	for _, l := range h.cfg.Listen {
		if l.Network == "unix" {
			removeLeftSocket(l.Address)
		}
		addr, err := h.front.Listen(l.Network, l.Address)
		if err != nil {
			return at(StageListen, explainListen(l, err))
		}
		if l.Network == "unix" {
			h.addrs = append(h.addrs, "unix:"+addr.String())
		} else {
			h.addrs = append(h.addrs, addr.String())
		}
	}
	return nil
}

// explainListen says what to do about an address that can't be had.
func explainListen(l conf.Listen, err error) error {
	hint := ""
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		hint = "another program listens there; stop it, or choose another address with --listen (several sluices share one if all have reuse_port = true)"
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
