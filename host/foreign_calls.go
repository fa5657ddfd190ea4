package host

import (
	"slices"
	"sync"

	"sluice/conf"
	"sluice/fcgi"
	"sluice/gateway"
	"sluice/php"
)

// foreignWorkers are the processes of FastCGI servers that are not ours, as far as
// they run on this machine and their status pages name them. The zero value knows
// none.
type foreignWorkers struct {
	mu   sync.Mutex
	pids map[string][]int // by the server's address
}

func (f *foreignWorkers) saw(s fcgi.Server, st php.FPMStatus) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.pids == nil {
		f.pids = map[string][]int{}
	}
	pids := f.pids[s.Address][:0]
	for _, p := range st.Processes {
		pids = append(pids, p.PID)
	}
	f.pids[s.Address] = pids
}

// calls tells whether a connection was made by one of them.
func (f *foreignWorkers) calls(from gateway.Caller) bool {
	f.mu.Lock()
	var all []int
	for _, pids := range f.pids {
		all = append(all, pids...)
	}
	f.mu.Unlock()
	return len(all) > 0 && php.CalledBy(from.Client, from.Server, all)
}

// laneConns is how many connections more a server that is not ours gets for the
// site's calls to itself.
const laneConns = 1

// laneOf is the lane to servers that are not ours: a connection for each call, so
// that none is kept that others could use.
func laneOf(list []conf.Upstream, r *phpRunner) *upstreams {
	list = slices.Clone(list)
	for i := range list {
		list[i].Conns, list[i].Weight = laneConns, 0
	}
	return newUpstreams(list, conf.Balance{ResolveTime: r.cfg.Balance.ResolveTime}, fcgi.Options{
		NoKeep: true, Queue: r.cfg.Queue, QueueTime: r.cfg.QueueTime,
	}, r.log)
}
