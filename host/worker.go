package host

import (
	"context"
	"time"

	"go.uber.org/zap"

	"sluice/fcgi"
	"sluice/php"
)

// Worker is a PHP worker of ours and what it is at.
type Worker struct {
	Site string
	PID  int
	// Age is since when the process runs; 0 where the system does not tell.
	Age time.Duration
	// RSSBytes is its memory, OwnBytes the part that it shares with nobody.
	RSSBytes, OwnBytes int64
	// Requests that it has served on its connection.
	Requests int
	// Request is what it is at, "" if nothing, For how long it has been.
	Request string
	For     time.Duration
}

// workersTime bounds the question to the loops.
const workersTime = 2 * time.Second

// Workers lists the PHP workers of all sites. It must not be called on a loop.
func (h *Host) Workers() (list []Worker) {
	ctx, cancel := context.WithTimeout(context.Background(), workersTime)
	defer cancel()
	for _, p := range h.sites {
		for _, r := range p.runners() {
			if r.group != nil {
				list = append(list, r.list(ctx, p.cfg.Label())...)
			}
		}
	}
	return list
}

// list asks the system for the processes, and the loops what they do.
func (r *phpRunner) list(ctx context.Context, site string) (list []Worker) {
	at := map[int]fcgi.Activity{}
	for _, pool := range []*fcgi.Pool{r.pool, r.lane} {
		for _, a := range pool.Activities(ctx) {
			if w, err := r.group.WorkerOf(a.Descriptor); err == nil && a.Descriptor != 0 {
				at[w.PID] = a
			}
			a.Close()
		}
	}
	for _, m := range r.group.Workers() {
		a := at[m.PID]
		list = append(list, Worker{
			Site: site, PID: m.PID, Age: php.Age(m.Worker), RSSBytes: m.RSSBytes, OwnBytes: m.RSSBytes - m.SharedBytes,
			Requests: a.Requests, Request: a.Request, For: a.For,
		})
	}
	return list
}

// LogWorkers writes a line for each PHP worker, and one for each site's queue.
func (h *Host) LogWorkers() {
	for _, w := range h.Workers() {
		h.log.Info("php worker", zap.String("site", w.Site), zap.Int("pid", w.PID), zap.Duration("age", w.Age.Round(time.Second)),
			zap.Int64("own_kib", w.OwnBytes>>10), zap.Int64("rss_kib", w.RSSBytes>>10), zap.Int("requests", w.Requests),
			zap.String("request", w.Request), zap.Duration("for", w.For.Round(time.Millisecond)))
	}
	for _, p := range h.sites {
		for _, r := range p.runners() {
			r.log.Info("php", zap.Int("busy", r.pool.Busy()), zap.Int("at_most", r.pool.Conns()), zap.Int("waiting", r.pool.Waiting()))
			if r.group != nil {
				continue
			}
			for _, st := range r.pool.States() {
				r.log.Info("php server", zap.String("server", st.Server.Key()), zap.Bool("up", st.Up), zap.Int("connections", st.InUse), zap.Int("of_others", st.Others), zap.Error(st.Err))
			}
		}
	}
}
