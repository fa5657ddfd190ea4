package host

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.uber.org/zap"

	"sluice/fcgi"
	"sluice/php"
)

const (
	// fpmLookTime is how often a php-fpm that is not ours is asked how it does.
	fpmLookTime = 5 * time.Second
	// fpmAbsentTime is the same of one that has not been there yet.
	fpmAbsentTime = time.Second
	// fpmAnswerTime is how long its answer may take: one that is busy says nothing
	// for a while.
	fpmAnswerTime = 2 * time.Second
	// fpmNoPageTime is after how long one without a status page is asked again.
	fpmNoPageTime = time.Minute
)

// watchServers keeps an eye on PHP that others use as well, until endLooking: what
// its limits are, as soon as it tells (known: it has), how many connections it can
// serve, how much it does for others, and whether those wait.
func (r *phpRunner) watchServers(known bool, learned func(php.Facts)) {
	if known {
		r.lookAtServers()
	}
	for {
		every := fpmLookTime
		if !known {
			every = fpmAbsentTime
		}
		timer := time.NewTimer(every)
		select {
		case <-r.ending:
			timer.Stop()
			return
		case <-timer.C:
		}
		if !known {
			ctx, cancel := context.WithTimeout(context.Background(), fpmAnswerTime)
			err := r.probeServers(ctx)
			cancel()
			if known = err == nil || errors.Is(err, php.ErrRefused); err == nil {
				learned(*r.facts.Load())
			}
		}
		r.lookAtServers()
	}
}

// probeServers asks the servers for PHP's limits, until one has told.
func (r *phpRunner) probeServers(ctx context.Context) error {
	var errs []error
	for _, st := range r.pool.States() {
		facts, err := php.ProbeAddress(ctx, st.Server.Network, st.Server.Address)
		if err == nil {
			r.facts.Store(&facts)
			r.isPHP()
			return nil
		}
		errs = append(errs, err)
	}
	if len(errs) == 0 {
		return errors.New("no server has an address")
	}
	return errors.Join(errs...)
}

// isPHP notes that what answers is PHP, and so how it uses its connections.
func (r *phpRunner) isPHP() {
	r.pipeline()
	r.pool.Linger()
}

// lookAtServers looks at all side by side.
func (r *phpRunner) lookAtServers() {
	var all sync.WaitGroup
	for _, st := range r.pool.States() {
		if r.status.asks(st.Server, time.Now()) {
			all.Go(func() { r.lookAtFPM(st) })
		}
	}
	all.Wait()
}

func (r *phpRunner) lookAtFPM(of fcgi.ServerState) {
	ctx, cancel := context.WithTimeout(context.Background(), fpmAnswerTime)
	defer cancel()
	st, err := r.askFPM(ctx, of.Server)
	if err != nil {
		r.log.Debug("php-fpm did not tell how it does", zap.String("server", of.Server.Key()), zap.Error(err))
		r.pool.Observe(of.Server, 0)
		return
	}
	r.isPHP()
	r.foreign.saw(of.Server, st)
	others := max(0, st.Active-of.InUse)
	r.pool.Observe(of.Server, others)
	if others > 0 && (st.Idle <= 1 || st.ListenQueue > 0) {
		r.pool.GiveBack(of.Server)
	}
	if n := connsOf(st); r.pool.SetConns(of.Server, n) {
		r.log.Debug("php-fpm serves another number of connections", zap.String("server", of.Server.Key()), zap.Int("now", n), zap.Int("before", of.Server.Conns))
	}
}

// askFPM asks a php-fpm for its status, in which whoever is at our question counts
// as idle.
func (r *phpRunner) askFPM(ctx context.Context, of fcgi.Server) (php.FPMStatus, error) {
	st, err := php.ReadFPMStatus(ctx, of.Network, of.Address, r.cfg.StatusPath)
	r.status.answered(of, time.Now(), err)
	if st.Active > 0 {
		st.Active, st.Idle = st.Active-1, st.Idle+1
	}
	return st, err
}

// connsOf is how many connections a php-fpm may be given, where that is for us to
// find out: one of its children is left for others.
func connsOf(st php.FPMStatus) int {
	n, exact := st.Children()
	if !exact {
		n = max(n, externalConnsDefault+1) // more are started when they are needed
	}
	return max(1, n-1)
}

// statusPages knows which servers have no status page, so that they are left alone
// for a while. Its zero value knows nothing.
type statusPages struct {
	off  bool // nobody is to be asked
	mu   sync.Mutex
	none map[string]time.Time // by address: when it said so
}

func (p *statusPages) asks(s fcgi.Server, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	at, none := p.none[s.Address]
	return !p.off && (!none || now.Sub(at) >= fpmNoPageTime)
}

func (p *statusPages) answered(s fcgi.Server, now time.Time, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case errors.Is(err, php.ErrFPMPath), errors.Is(err, php.ErrStatus):
		if p.none == nil {
			p.none = map[string]time.Time{}
		}
		p.none[s.Address] = now
	case err == nil:
		delete(p.none, s.Address)
	}
}
