package fcgi

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"sluice/loop"
)

// Options are a pool's settings. Zero values mean the defaults.
type Options struct {
	Servers []Server
	// NoKeep closes every connection after its request.
	NoKeep bool
	// Queue bounds the requests that wait for a worker; over it: ErrQueueFull.
	Queue int
	// QueueTime bounds how long each waits; over it: ErrQueueTime.
	QueueTime time.Duration
	// DialTime bounds the attempts to connect to a backend that refuses; where none
	// has succeeded yet, the default does if that is less.
	DialTime time.Duration
	// ConnectTime bounds one attempt to connect to a server that says nothing.
	ConnectTime time.Duration
	// IdleTime gives an unused connection back; 0 keeps it for ever.
	IdleTime time.Duration
	// KeepTime is how long a connection is kept in all; 0 is for ever. Who shares
	// a backend with others has to stand in line again: a php-fpm child serves
	// nobody else while its connection is kept.
	KeepTime time.Duration
	// Foreign servers may close a kept connection at any time, as php-fpm does when
	// it is reloaded: a request that can't be repeated gets a new one.
	Foreign bool
	// Pipeline says when a request is written behind another one; Pool.Pipeline
	// allows it.
	Pipeline Pipelining
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
	// Health says when a server is down.
	Health Health
}

// Why a request got no connection.
var (
	ErrQueueFull = errors.New("fcgi: too many requests wait for a worker")
	ErrQueueTime = errors.New("fcgi: no worker became free in time")
	ErrStopped   = errors.New("fcgi: the pool has been closed")
	ErrAllDown   = errors.New("fcgi: no server of the backend is up")
)

// Pool shares the connections to a backend among loops.
//
// Invariant: of each server at most Conns connections exist, counted by
// server.used from before the dial until after the close. (When SetServers
// makes Conns less, the surplus is closed as it becomes free.)
type Pool struct {
	opts    Options
	locals  atomic.Pointer[[]*Local] // never changed, but replaced under mu
	roster  atomic.Pointer[roster]
	waiting atomic.Int64
	ended   atomic.Uint64 // requests that workers are done with
	down    atomic.Pointer[error]
	// pipelines: see Pipeline.
	pipelines atomic.Bool
	// lingers: see Linger. lingered is until when a worker that does is remembered.
	lingers  atomic.Bool
	lingered atomic.Int64
	mu       sync.Mutex // guards SetServers
}

// roster is the list of servers at a moment; it never changes.
type roster struct {
	now []*server
	// left are those that were taken off the list and still have connections.
	left []*server
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
	if opts.ConnectTime <= 0 {
		opts.ConnectTime = connectTimeDefault
	}
	opts.Health.setDefaults()
	opts.Pipeline.setDefaults()
	p := &Pool{opts: opts}
	p.roster.Store(&roster{})
	p.SetServers(opts.Servers)
	return p
}

// SetServers replaces the servers; connections to those that are gone are
// closed as they become free. One whose address was there before keeps its
// connections and its health, with its new settings. Of several with the same
// address the first counts. Any goroutine may call it.
func (p *Pool) SetServers(list []Server) {
	p.mu.Lock()
	defer p.mu.Unlock()
	old := p.roster.Load()
	known := slices.Concat(old.now, old.left)
	next := &roster{}
	for _, conf := range list {
		is := func(s *server) bool { return s.is(conf) }
		if slices.ContainsFunc(next.now, is) {
			continue
		}
		if i := slices.IndexFunc(known, is); i >= 0 {
			known[i].configure(conf)
			next.now = append(next.now, known[i])
			continue
		}
		next.now = append(next.now, newServer(conf))
	}
	for _, s := range next.now {
		s.gone.Store(false)
	}
	for _, s := range known {
		if slices.Contains(next.now, s) {
			continue
		}
		s.gone.Store(true) // before used is read: see server.permit
		if s.used.Load() > 0 {
			next.left = append(next.left, s)
		}
	}
	p.roster.Store(next)
	for _, lp := range p.all() {
		lp.l.Post(lp.serversChanged)
	}
}

// SetDown makes every request fail at once with err, those that wait included;
// nil lets them go on. Any goroutine may call it.
func (p *Pool) SetDown(err error) {
	if err == nil {
		p.down.Store(nil)
		for _, s := range p.roster.Load().now {
			s.health.openUntil.Store(0)
		}
	} else {
		p.down.Store(&err)
	}
	for _, lp := range p.all() {
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

// Pipeline allows to write requests behind others, for servers that read no further
// than to a request's end, as PHP does; on Unix sockets only. Any goroutine may call
// it.
func (p *Pool) Pipeline() { p.pipelines.Store(true) }

// Waiting is the number of requests that wait for a worker.
func (p *Pool) Waiting() int { return int(p.waiting.Load()) }

// InUse is the number of connections.
func (p *Pool) InUse() int {
	r, n := p.roster.Load(), 0
	for _, s := range r.now {
		n += int(s.used.Load())
	}
	for _, s := range r.left {
		n += int(s.used.Load())
	}
	return n
}

// Conns is how many connections there may be.
func (p *Pool) Conns() int {
	n := 0
	for _, s := range p.roster.Load().now {
		n += int(s.conns())
	}
	return n
}

// Busy is how many connections are not idle.
func (p *Pool) Busy() int {
	n := p.InUse()
	for _, lp := range p.all() {
		n -= int(lp.idleCount.Load())
	}
	return max(n, 0)
}

// Free is how many connections are idle or may still be made.
func (p *Pool) Free() int {
	return max(p.Conns()-p.Busy(), 0)
}

// Ended counts the requests that have ended; it stands still when all workers are
// stuck.
func (p *Pool) Ended() uint64 { return p.ended.Load() }

// QueueTime is how long a request may wait.
func (p *Pool) QueueTime() time.Duration { return p.opts.QueueTime }

// Several tells whether there is more than one server.
func (p *Pool) Several() bool { return len(p.roster.Load().now) > 1 }

// Exclusive tells whether a request has its connection to itself, and to the only
// server: it will never be turned away to be sent elsewhere.
func (p *Pool) Exclusive() bool {
	now := p.roster.Load().now
	return len(now) == 1 && now[0].at() == single
}

// ServerState is what is known of a server; for metrics and the log.
type ServerState struct {
	Server      Server
	InUse       int    // connections
	Others      int    // requests of others; see Observe
	Up          bool   // its circuit is not open
	Multiplexes string // "unknown", "asking", "single" or "multi"
	Err         error  // the last failure
}

// States answers one ServerState for each server. Any goroutine may call it.
func (p *Pool) States() []ServerState {
	var list []ServerState
	for _, s := range p.roster.Load().now {
		st := ServerState{
			Server: *s.conf.Load(), InUse: int(s.used.Load()), Others: int(s.others.Load()),
			Up: s.health.openUntil.Load() == 0, Multiplexes: s.at().String(),
		}
		if e := s.health.err.Load(); e != nil {
			st.Err = *e
		}
		list = append(list, st)
	}
	return list
}

// Observe notes how many requests of others, who are not told of in any other way,
// a server of the list is at: of several servers the one with less to do is chosen.
// Any goroutine may call it.
func (p *Pool) Observe(of Server, others int) {
	for _, s := range p.roster.Load().now {
		if s.is(of) {
			s.others.Store(int32(others))
		}
	}
}

// GiveBack closes the idle connections to a server, for others wait for its
// workers. Any goroutine may call it.
func (p *Pool) GiveBack(of Server) {
	for _, lp := range p.all() {
		lp.l.Post(func() {
			for _, c := range slices.Clone(lp.idle) {
				if c.b.s.is(of) {
					c.closeIdle()
				}
			}
		})
	}
}

// SetConns says how many connections a server of the list may be given, if its
// number was Guessed. It tells whether that is another one than before. Any
// goroutine may call it.
func (p *Pool) SetConns(of Server, n int) (changed bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.roster.Load().now {
		if conf := *s.conf.Load(); s.is(of) && conf.Guessed && conf.Conns != n {
			conf.Conns = n
			s.conf.Store(&conf)
			changed = true
		}
	}
	if changed {
		for _, lp := range p.all() {
			lp.l.Post(lp.serversChanged)
		}
	}
	return changed
}

// Trim closes connections that have been idle for longer than age, but leaves keep
// connections in all, busy ones counted. Any goroutine may call it.
func (p *Pool) Trim(keep int, age time.Duration) { p.trim(p.all(), keep, age) }

// trim goes from loop to loop, so that no two close the same surplus.
func (p *Pool) trim(loops []*Local, keep int, age time.Duration) {
	if len(loops) == 0 || p.InUse() <= keep {
		return
	}
	lp := loops[0]
	lp.l.Post(func() {
		limit := lp.l.Now() - int64(age)
		for _, c := range slices.Clone(lp.idle) { // the one idle for longest first
			if c.idleSince > limit || p.InUse() <= keep {
				break
			}
			c.closeIdle()
		}
		p.trim(loops[1:], keep, age)
	})
}

// allDown is not nil when every server has been down for so long that nobody
// should wait for one, and it is not the time to try one again.
func (p *Pool) allDown(now int64) error {
	var why error
	for _, s := range p.roster.Load().now {
		since := s.health.downSince()
		if since == 0 || now-since <= int64(s.dialTime(&p.opts)) || s.health.circuit(now) != open {
			return nil
		}
		if e := s.health.err.Load(); e != nil {
			why = *e
		}
	}
	if why == nil {
		return nil // no servers at all: they are still to come
	}
	return fmt.Errorf("%w: %w", ErrAllDown, why)
}

// all are the loops' parts.
func (p *Pool) all() []*Local {
	if l := p.locals.Load(); l != nil {
		return *l
	}
	return nil
}

// On gives a loop its part of the pool. To be called for each before requests
// come.
func (p *Pool) On(l *loop.Loop) *Local {
	p.mu.Lock() // SetServers tells all, or this one sees the new list
	defer p.mu.Unlock()
	lp := &Local{pool: p, l: l, own: map[*Conn]struct{}{}, random: uint32(len(p.all()))*2654435761 + 1}
	lp.queueTimer.Init(lp.expire)
	lp.idleTimer.Init(lp.expireIdle)
	lp.lookTimer.Init(lp.lookAgain)
	lp.lingerTimer.Init(lp.lookIdle)
	lp.behindTimer.Init(lp.lookBehind)
	lp.setBranches()
	all := append(slices.Clone(p.all()), lp)
	p.locals.Store(&all)
	if len(all) == 1 && p.opts.Health.Path != "" {
		lp.beginChecks()
	}
	return lp
}

// wake has all loops look at their queues: more is possible than before.
func (p *Pool) wake() {
	for _, lp := range p.all() {
		lp.l.Post(lp.lookNow)
	}
}

// neediest is the Local other than self whose oldest request has waited
// longest; nil if none waits.
func (p *Pool) neediest(self *Local) (*Local, int64) {
	var who *Local
	since := int64(0)
	for _, lp := range p.all() {
		if lp == self {
			continue
		}
		if at := lp.oldest.Load(); at != 0 && (who == nil || at < since) {
			who, since = lp, at
		}
	}
	return who, since
}
