package fcgi

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"sluice/loop"
)

// Server is one address of a backend.
type Server struct {
	Network string // "unix" or "tcp"
	Address string
	// Conns is how many connections it may be given: a php worker serves one
	// connection at a time and is bound to it while it is kept.
	Conns int
}

// Options are a pool's settings. Zero values mean the defaults.
type Options struct {
	Servers []Server
	// NoKeep closes every connection after its request.
	NoKeep bool
	// Queue bounds the requests that wait for a worker; over it: ErrQueueFull.
	Queue int
	// QueueTime bounds how long each waits; over it: ErrQueueTime.
	QueueTime time.Duration
	// DialTime bounds the attempts to connect to a backend that refuses.
	DialTime time.Duration
	// IdleTime gives an unused connection back; 0 keeps it for ever.
	IdleTime time.Duration
	// RequestsMax is after how many requests of a connection Retire is called;
	// 0 is never.
	RequestsMax int
	// Retire makes the worker behind an idle connection, known by a descriptor
	// of it, leave. It runs in a goroutine. Without an error the worker closes
	// the connection.
	Retire func(s Server, fd uintptr) error
	// Kill ends the request that the worker behind a connection is at, and
	// answers how to end the worker itself if that is not enough. It runs in a
	// goroutine.
	Kill func(s Server, fd uintptr) (force func(), err error)
}

// Why a request got no connection.
var (
	ErrQueueFull = errors.New("fcgi: too many requests wait for a worker")
	ErrQueueTime = errors.New("fcgi: no worker became free in time")
	ErrStopped   = errors.New("fcgi: the pool has been closed")
)

// Pool shares the connections to a backend among loops.
//
// Invariant: of each server at most Conns connections exist, counted by
// server.used from before the dial until after the close.
type Pool struct {
	opts    Options
	locals  []*Local // fixed after the last On, before requests come
	servers atomic.Pointer[[]*server]
	waiting atomic.Int64
	down    atomic.Pointer[error]
	mu      sync.Mutex // guards SetServers
}

type server struct {
	Server
	keep bool
	used atomic.Int32
	gone atomic.Bool // replaced by SetServers
}

// NewPool makes a pool. Every loop that uses it must be announced by On.
func NewPool(opts Options) *Pool {
	if opts.Queue <= 0 {
		opts.Queue = queueDefault
	}
	if opts.QueueTime <= 0 {
		opts.QueueTime = queueTimeDefault
	}
	if opts.DialTime <= 0 {
		opts.DialTime = dialTimeDefault
	}
	p := &Pool{opts: opts}
	p.SetServers(opts.Servers)
	return p
}

// SetServers replaces the addresses; connections to those that are gone are
// closed as they become free. Any goroutine may call it.
func (p *Pool) SetServers(list []Server) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var old []*server
	if l := p.servers.Load(); l != nil {
		old = *l
	}
	next := make([]*server, 0, len(list))
	for _, s := range list {
		var same *server
		for _, o := range old {
			if o.Server == s {
				same = o
			}
		}
		if same == nil {
			same = &server{Server: s, keep: !p.opts.NoKeep}
		}
		next = append(next, same)
	}
	p.servers.Store(&next)
	for _, o := range old {
		kept := false
		for _, n := range next {
			kept = kept || n == o
		}
		o.gone.Store(!kept)
	}
	for _, lp := range p.locals {
		lp.l.Post(lp.serversChanged)
	}
}

// SetDown makes every request fail at once with err, those that wait included;
// nil lets them go on. Any goroutine may call it.
func (p *Pool) SetDown(err error) {
	if err == nil {
		p.down.Store(nil)
	} else {
		p.down.Store(&err)
	}
	for _, lp := range p.locals {
		lp.l.Post(lp.downChanged)
	}
}

// Down is what SetDown said last.
func (p *Pool) Down() error {
	if e := p.down.Load(); e != nil {
		return *e
	}
	return nil
}

// Waiting is the number of requests that wait for a worker.
func (p *Pool) Waiting() int { return int(p.waiting.Load()) }

// InUse is the number of connections.
func (p *Pool) InUse() int {
	n := 0
	for _, s := range *p.servers.Load() {
		n += int(s.used.Load())
	}
	return n
}

// Conns is how many connections there may be.
func (p *Pool) Conns() int {
	n := 0
	for _, s := range *p.servers.Load() {
		n += s.Conns
	}
	return n
}

// On gives a loop its part of the pool. To be called for each before requests
// come.
func (p *Pool) On(l *loop.Loop) *Local {
	lp := &Local{pool: p, l: l}
	lp.queueTimer.Init(lp.expire)
	lp.dialTimer.Init(lp.dialAgain)
	lp.idleTimer.Init(lp.expireIdle)
	lp.lookTimer.Init(lp.lookAgain)
	p.locals = append(p.locals, lp)
	return lp
}

// permit takes the right to open one connection, from the server that has most
// left.
func (p *Pool) permit() *server {
	for {
		var best *server
		free := int32(0)
		for _, s := range *p.servers.Load() {
			if f := int32(s.Conns) - s.used.Load(); f > free {
				best, free = s, f
			}
		}
		if best == nil {
			return nil
		}
		if best.used.Add(1) <= int32(best.Conns) {
			return best
		}
		best.used.Add(-1) // another loop was quicker
	}
}

// neediest is the Local other than self whose oldest request has waited
// longest; nil if none waits.
func (p *Pool) neediest(self *Local) (*Local, int64) {
	var who *Local
	since := int64(0)
	for _, lp := range p.locals {
		if lp == self {
			continue
		}
		if at := lp.oldest.Load(); at != 0 && (who == nil || at < since) {
			who, since = lp, at
		}
	}
	return who, since
}
