package host

import (
	"context"
	"time"

	"go.uber.org/zap"

	"sluice/fcgi"
	"sluice/php"
)

const (
	// fpmLookTime is how often a php-fpm that is not ours is asked how it does.
	fpmLookTime = 5 * time.Second
	// fpmAnswerTime is how long its answer may take: one that is busy says nothing
	// for a while.
	fpmAnswerTime = 2 * time.Second
)

// watchFPM keeps an eye on php-fpm pools that others use as well, until endLooking:
// how many connections they can serve, how much they do for others, and whether
// those wait.
func (r *phpRunner) watchFPM() {
	tick := time.NewTicker(fpmLookTime)
	defer tick.Stop()
	for {
		select {
		case <-r.ending:
			return
		case <-tick.C:
		}
		for _, st := range r.pool.States() {
			r.lookAtFPM(st)
		}
	}
}

func (r *phpRunner) lookAtFPM(of fcgi.ServerState) {
	ctx, cancel := context.WithTimeout(context.Background(), fpmAnswerTime)
	defer cancel()
	st, err := php.ReadFPMStatus(ctx, of.Server.Network, of.Server.Address, r.cfg.StatusPath)
	if err != nil {
		r.log.Debug("php-fpm did not tell how it does", zap.String("server", of.Server.Key()), zap.Error(err))
		r.pool.Observe(of.Server, 0)
		return
	}
	others := max(0, st.Active-1-of.InUse) // one was at our question
	r.pool.Observe(of.Server, others)
	if others > 0 && (st.Idle == 0 || st.ListenQueue > 0) {
		r.pool.GiveBack(of.Server)
	}
	if n, ok := r.connsOf(st); ok && n != of.Server.Conns {
		only := of.Server
		only.Conns = n
		r.pool.SetServers([]fcgi.Server{only})
		r.log.Debug("php-fpm serves another number of connections", zap.Int("now", n), zap.Int("before", of.Server.Conns))
	}
}

// connsOf is how many connections a php-fpm may be given, where that is for us to
// find out: one of its children is left for others.
func (r *phpRunner) connsOf(st php.FPMStatus) (n int, ok bool) {
	if r.cfg.Workers != 0 || len(r.cfg.Servers) > 0 || r.upstreams.resolver.Named() {
		return 0, false
	}
	n, exact := st.Children()
	if !exact {
		n = max(n, externalConnsDefault+1) // more are started when they are needed
	}
	return max(1, n-1), true
}
