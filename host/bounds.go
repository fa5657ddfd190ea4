package host

import (
	"net"
	"net/netip"
	"slices"
	"strings"

	"go.uber.org/zap"

	"sluice/conf"
	"sluice/gateway"
	"sluice/site"
)

// boundPHP sets up the gates before a site's PHP.
func (r *phpRunner) boundPHP(opts *site.Options) {
	if n := r.cfg.ClientRequests; n > 0 {
		opts.ClientGate = &gateway.Gate{Name: "the client (php.client_requests)", Max: func() int { return n }}
	}
	for _, b := range r.cfg.PathRequests {
		opts.PathGates = append(opts.PathGates, site.PathGate{
			Paths:   conf.Patterns{b.Pattern},
			AsAsked: !endsInAny(b.Pattern, r.cfg.Extensions),
			Gate: &gateway.Gate{
				Name: b.Pattern + " (php.path_requests)",
				Max: func() int {
					if !b.Percent {
						return b.N
					}
					return max(1, r.pool.Conns()*b.N/100)
				},
			},
		})
	}
}

// warnOfOneClient says that a bound for each client is one for all: who listens on
// this machine only has a proxy before it, and believes none.
func warnOfOneClient(cfg *conf.Config, log *zap.Logger) {
	if len(cfg.TrustedProxies) > 0 || cfg.TrustUnix || slices.ContainsFunc(cfg.Listen, reachable) {
		return
	}
	for i := range cfg.Sites {
		if s := &cfg.Sites[i]; s.PHP.ClientRequests > 0 {
			log.Warn("php.client_requests counts all visitors as one client: sluice listens on this machine only, so they come through a proxy, and trusted_proxies names none",
				zap.String("site", s.Label()), zap.Int("client_requests", s.PHP.ClientRequests))
		}
	}
}

// reachable tells whether other machines can connect.
func reachable(l conf.Listen) bool {
	if l.Network == "unix" {
		return false
	}
	name, _, err := net.SplitHostPort(l.Address)
	if err != nil || name == "localhost" {
		return err != nil
	}
	a, err := netip.ParseAddr(name)
	return err != nil || !a.IsLoopback()
}

func endsInAny(s string, endings []string) bool {
	for _, e := range endings {
		if strings.HasSuffix(s, e) {
			return true
		}
	}
	return false
}
