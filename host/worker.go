package host

import (
	"context"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"sluice/fcgi"
	"sluice/php"
)

// Worker is a PHP worker, ours or of a php-fpm that tells of it, and what it is at.
type Worker struct {
	Site string
	// Server is where a worker that is not ours serves.
	Server string
	PID    int
	// State is what php-fpm says that it does, "" of others.
	State string
	// Age is since when the process runs; 0 where the system does not tell.
	Age time.Duration
	// RSSBytes is its memory, OwnBytes the part that it shares with nobody; 0 of
	// workers that are not ours.
	RSSBytes, OwnBytes int64
	// Requests that it has served on its connection, or, not ours, in all.
	Requests int
	// Request is what it is at, "" if nothing, For how long it has been.
	Request string
	For     time.Duration
}

// workersTime bounds the question to the loops, and to php-fpm.
const workersTime = 2 * time.Second

// Workers lists the PHP workers of all sites. It must not be called on a loop.
func (h *Host) Workers() (list []Worker) {
	for _, v := range h.look() {
		list = append(list, v.workers...)
	}
	return list
}

// view is what is known of a site's PHP at a moment.
type view struct {
	of      *phpRunner
	workers []Worker
	own     *php.FPMStatus // of our php-fpm; nil: it did not tell, or is none
	servers []serverView   // that are not ours
}

// serverView is a server that is not ours; fpm is nil where it did not tell.
type serverView struct {
	fcgi.ServerState
	fpm *php.FPMStatus
}

// look asks everybody side by side.
func (h *Host) look() []view {
	ctx, cancel := context.WithTimeout(context.Background(), workersTime)
	defer cancel()
	var views []view
	var labels []string
	for _, p := range h.sites {
		for _, r := range p.runners() {
			views = append(views, view{of: r})
			labels = append(labels, p.cfg.Label())
		}
	}
	var all sync.WaitGroup
	for i := range views {
		all.Go(func() { views[i].fill(ctx, labels[i]) })
	}
	all.Wait()
	return views
}

func (v *view) fill(ctx context.Context, site string) {
	r := v.of
	if r.group == nil {
		v.fillServers(ctx, site)
		return
	}
	if r.fpm {
		if st, err := r.group.Status(ctx); err == nil {
			v.own = &st
		}
	}
	v.workers = r.list(ctx, site, v.own)
}

// list asks the system for the processes, and the loops what they do.
func (r *phpRunner) list(ctx context.Context, site string, st *php.FPMStatus) (list []Worker) {
	at := map[int]fcgi.Activity{}
	for _, pool := range []*fcgi.Pool{r.pool, r.lane} {
		for _, a := range pool.Activities(ctx) {
			if w, err := r.group.WorkerOf(a.Descriptor); err == nil && a.Descriptor != 0 {
				at[w.PID] = a
			}
			a.Close()
		}
	}
	states := map[int]string{}
	if st != nil {
		for _, p := range st.Processes {
			states[p.PID] = p.State
		}
	}
	for _, m := range r.group.Workers() {
		a := at[m.PID]
		list = append(list, Worker{
			Site: site, PID: m.PID, State: states[m.PID], Age: php.Age(m.Worker), RSSBytes: m.RSSBytes, OwnBytes: m.RSSBytes - m.SharedBytes,
			Requests: a.Requests, Request: a.Request, For: a.For,
		})
	}
	return list
}

// fillServers asks the servers that have a status page, side by side.
func (v *view) fillServers(ctx context.Context, site string) {
	for _, st := range v.of.pool.States() {
		v.servers = append(v.servers, serverView{ServerState: st})
	}
	var all sync.WaitGroup
	for i := range v.servers {
		s := &v.servers[i]
		if !v.of.status.asks(s.Server, time.Now()) {
			continue
		}
		all.Go(func() {
			if st, err := v.of.askFPM(ctx, s.Server); err == nil {
				s.fpm = &st
			}
		})
	}
	all.Wait()
	for _, s := range v.servers {
		if s.fpm == nil {
			continue
		}
		for _, p := range s.fpm.Processes {
			v.workers = append(v.workers, foreignWorker(site, s.Server.Key(), v.of.cfg.StatusPath, p))
		}
	}
}

// foreignWorker is a worker as php-fpm tells of it; one that is idle tells of its
// last request.
func foreignWorker(site, server, statusPath string, p php.FPMProcess) Worker {
	w := Worker{Site: site, Server: server, PID: p.PID, State: p.State, Requests: int(p.Requests)}
	if !p.Started.IsZero() {
		w.Age = time.Since(p.Started)
	}
	if isIdle(p, statusPath) {
		w.State = "Idle"
	} else {
		w.Request, w.For = strings.Join([]string{p.Method, p.URI, p.Script}, " "), p.Duration
	}
	return w
}

// isIdle tells whether a worker of php-fpm is without a connection, or at our
// question.
func isIdle(p php.FPMProcess, statusPath string) bool {
	path, _, _ := strings.Cut(p.URI, "?")
	return p.State == "Idle" || path != "" && path == statusPath
}

// fpmFields are the figures of a pool of php-fpm; nil has none. Its own counts of
// workers run ahead while there is much to do: those that it lists are counted.
func fpmFields(st *php.FPMStatus, statusPath string) []zap.Field {
	if st == nil {
		return nil
	}
	children, idle := st.Total, st.Idle
	if len(st.Processes) > 0 {
		children, idle = len(st.Processes), 0
		for _, p := range st.Processes {
			if isIdle(p, statusPath) {
				idle++
			}
		}
	}
	return []zap.Field{
		zap.Int("children", children), zap.Int("active", max(0, children-idle)), zap.Int("idle", idle),
		zap.Int("listen_queue", st.ListenQueue), zap.Int64("accepted", st.Accepted), zap.Int64("max_children_reached", st.MaxReached),
	}
}

// LogWorkers writes a line for each PHP worker, one for each site's queue, and one
// for each server that is not ours.
func (h *Host) LogWorkers() {
	views := h.look()
	for _, v := range views {
		for _, w := range v.workers {
			h.log.Info("php worker", w.fields()...)
		}
	}
	for _, v := range views {
		pool := v.of.pool
		v.of.log.Info("php", append([]zap.Field{zap.Int("busy", pool.Busy()), zap.Int("at_most", pool.Conns()), zap.Int("waiting", pool.Waiting())}, fpmFields(v.own, "")...)...)
		for _, s := range v.servers {
			v.of.log.Info("php server", append([]zap.Field{
				zap.String("server", s.Server.Key()), zap.Bool("up", s.Up), zap.Int("connections", s.InUse), zap.Int("at_most", s.Server.Conns),
				zap.Int("of_others", s.Others), zap.Error(s.Err),
			}, fpmFields(s.fpm, v.of.cfg.StatusPath)...)...)
		}
	}
}

func (w Worker) fields() []zap.Field {
	list := []zap.Field{zap.String("site", w.Site)}
	if w.Server != "" {
		list = append(list, zap.String("server", w.Server))
	}
	list = append(list, zap.Int("pid", w.PID), zap.Duration("age", w.Age.Round(time.Second)))
	if w.State != "" {
		list = append(list, zap.String("state", w.State))
	}
	if w.Server == "" {
		list = append(list, zap.Int64("own_kib", w.OwnBytes>>10), zap.Int64("rss_kib", w.RSSBytes>>10))
	}
	return append(list, zap.Int("requests", w.Requests), zap.String("request", w.Request), zap.Duration("for", w.For.Round(time.Millisecond)))
}
