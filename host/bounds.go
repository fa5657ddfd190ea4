package host

import (
	"strings"

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

func endsInAny(s string, endings []string) bool {
	for _, e := range endings {
		if strings.HasSuffix(s, e) {
			return true
		}
	}
	return false
}
