package host

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"sluice/fcgi"
	"sluice/gateway"
	"sluice/php"
)

const (
	// laneWorkers serve a site's calls to itself when all others are taken.
	laneWorkers = 1
	// workersAutoGrowth: where nobody says how many workers there may be, so many
	// times those at the beginning.
	workersAutoGrowth = 4
)

// decideWorkers says how many own workers there are at first and at most. Those
// that do not run scripts share nearly all of their memory with their parent.
func (r *phpRunner) decideWorkers() {
	first, most := r.cfg.Workers, r.cfg.WorkersMax
	if first == 0 {
		first = php.AutoWorkers(runtime.NumCPU(), php.AvailableMemory())
		if most == 0 {
			most = max(first, min(workersAutoGrowth*first, int(php.AvailableMemory()/workerGuessBytes)))
		}
		if most < first {
			first = most
		}
	}
	r.conns = first
	r.sizer = sizer{min: first, max: max(first, most), now: first}
	r.laneWorkers = laneWorkers
	if runtime.GOOS == "windows" { // each has an address of its own there
		r.sizer.max, r.laneWorkers = first, 0
	}
	r.workers.Store(int32(first))
}

// useServers sends requests to the group's addresses. Where each worker has its
// own, all are used and none is left for a lane.
func (r *phpRunner) useServers() {
	r.servers.Lock() // what is asked for last is also used last
	defer r.servers.Unlock()
	servers := r.group.Servers()
	if len(servers) == 0 {
		return // it has been stopped
	}
	if len(servers) == 1 {
		s := fcgi.Server{Network: servers[0].Network, Address: servers[0].Address, Conns: r.laneWorkers}
		r.lane.SetServers([]fcgi.Server{s})
		s.Conns = int(r.workers.Load())
		r.pool.SetServers([]fcgi.Server{s})
		return
	}
	var list []fcgi.Server
	for _, s := range servers {
		list = append(list, fcgi.Server{Network: s.Network, Address: s.Address, Conns: s.Workers})
	}
	r.pool.SetServers(list)
}

// size changes the number of workers in use until endLooking.
func (r *phpRunner) size() {
	tick := time.NewTicker(sizeLookTime)
	defer tick.Stop()
	all, idle, known := php.ProcessorTime()
	last := time.Now()
	for {
		select {
		case <-r.ending:
			return
		case <-tick.C:
		}
		now := time.Now()
		l := look{after: now.Sub(last), waiting: r.pool.Waiting(), busy: r.pool.Busy(), idle: -1}
		last = now
		if a, i, ok := php.ProcessorTime(); ok && known && a > all {
			l.idle = float64(i-idle) / float64(a-all)
			all, idle = a, i
		}
		if l.waiting > 0 {
			l.each, l.free = r.workerMemory(), php.AvailableMemory()
		}
		before := r.sizer.now
		n, why := r.sizer.step(l)
		if why == "" {
			continue
		}
		r.workers.Store(int32(n))
		r.useServers()
		r.log.Info("php workers", zap.Int("now", n), zap.Int("before", before), zap.String("because", why))
	}
}

// workerMemory is what a worker that has run scripts has for itself, in octets.
func (r *phpRunner) workerMemory() (most int64) {
	for _, w := range r.group.Workers() {
		most = max(most, w.RSSBytes-w.SharedBytes)
	}
	return most
}

func (r *phpRunner) endLooking() {
	if r.ending == nil {
		return // it did not come so far
	}
	select {
	case <-r.ending:
	default:
		close(r.ending)
	}
}

// calls tells whether a script of the site has made a connection. It takes its time.
func (p *Site) calls(from gateway.Caller) bool {
	return slices.ContainsFunc(p.runners(), func(r *phpRunner) bool {
		if r.group == nil {
			return r.foreign.calls(from)
		}
		return r.group.Calls(from.Client, from.Server)
	})
}

// renew replaces the workers by fresh ones without losing a request.
func (r *phpRunner) renew(ctx context.Context) error {
	if r.group == nil {
		return nil
	}
	return r.group.Reload(ctx, func([]php.Server) { r.useServers() })
}

// RenewPHP replaces the PHP workers of all sites by fresh ones, which read php.ini
// and the program itself anew; no request is lost. What fails goes on as it was.
func (h *Host) RenewPHP(ctx context.Context) {
	var all sync.WaitGroup
	for _, p := range h.sites {
		all.Go(func() { _ = p.renewPHP(ctx) }) // it has said what failed
	}
	all.Wait()
}

// renewPHP is RenewPHP for a site.
func (p *Site) renewPHP(ctx context.Context) error {
	var all sync.WaitGroup
	list := p.runners()
	errs := make([]error, len(list))
	for i, r := range list {
		if r.group == nil {
			continue
		}
		all.Go(func() {
			switch errs[i] = r.renew(ctx); {
			case errs[i] == nil:
				r.log.Info("php workers were replaced by fresh ones")
			case !errors.Is(errs[i], php.ErrStopped):
				r.log.Error("php workers were not replaced", zap.Error(errs[i]))
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// runners are all that runs PHP for a site.
func (p *Site) runners() (list []*phpRunner) {
	if p.php != nil {
		list = append(list, p.php)
	}
	if v := p.variants; v != nil {
		v.mu.Lock()
		defer v.mu.Unlock()
		for _, m := range v.made {
			list = append(list, m.runner)
		}
	}
	return list
}
