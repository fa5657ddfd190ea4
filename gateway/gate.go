package gateway

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"sluice/fcgi"
)

// Gate bounds how many requests of a kind, such as those for one script or those
// of one client, are inside a backend at once. Further ones wait before it, first
// come, first served, for as long as they might wait for a worker; they take no
// place in the backend's queue. A Gate is shared by all loops.
type Gate struct {
	// Name says in messages what is bounded.
	Name string
	// Max is how many may be inside, of each key; 0 or less: any number.
	Max func() int

	mu    sync.Mutex
	rooms map[netip.Addr]*gateRoom
	waits int
}

// Through is a gate on a request's way, and what its requests are counted by; the
// zero address where all are counted together.
type Through struct {
	Gate *Gate
	Key  netip.Addr
	// NotOwn: a site's call to itself (Options.Calls) need not wait here.
	NotOwn bool
}

// gateRoom is what is inside by one key, and who waits to get in.
type gateRoom struct {
	inside      int
	waits       int
	first, last *pass
}

// ErrGate: too many requests of a kind wait already, or have waited for too long.
var ErrGate = errors.New("gateway: too many requests of this kind")

// pass is a request's way through a gate. What is in it is guarded by the gate's
// lock, but for r, which belongs to the request's loop.
type pass struct {
	at         Through
	lp         *Local
	r          *Request // nil: it has gone away
	state      passState
	prev, next *pass
}

type passState uint8

const (
	passOutside passState = iota
	passWaiting
	passInside
)

// enter lets p in, or puts it into the queue; err says that it is too long.
func (g *Gate) enter(p *pass) (inside bool, err error) {
	limit := g.Max()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.rooms == nil {
		g.rooms = map[netip.Addr]*gateRoom{}
	}
	room := g.rooms[p.at.Key]
	if room == nil {
		room = &gateRoom{}
		g.rooms[p.at.Key] = room
	}
	if limit <= 0 || room.inside < limit && room.first == nil {
		room.inside++
		p.state = passInside
		return true, nil
	}
	if g.waits >= gateWaitsMax || p.at.Key.IsValid() && room.waits >= gateKeyWaitsMax {
		return false, fmt.Errorf("%w: %d wait for %s", ErrGate, g.waits, g.Name)
	}
	g.waits++
	room.waits++
	p.state, p.prev, p.next = passWaiting, room.last, nil
	if room.last != nil {
		room.last.next = p
	} else {
		room.first = p
	}
	room.last = p
	return false, nil
}

// leave takes p out of the gate, wherever it is, and lets the next ones in.
func (g *Gate) leave(p *pass) {
	limit := g.Max()
	g.mu.Lock()
	room := g.rooms[p.at.Key]
	switch p.state {
	case passOutside:
	case passWaiting:
		g.unlink(room, p)
	case passInside:
		room.inside--
	}
	p.state = passOutside
	var called *pass // of all that are let in, by next
	for room != nil && room.first != nil && (limit <= 0 || room.inside < limit) {
		n := room.first
		g.unlink(room, n)
		room.inside++
		n.state = passInside
		n.next, called = called, n
	}
	if room != nil && room.inside == 0 && room.first == nil {
		delete(g.rooms, p.at.Key)
	}
	g.mu.Unlock()
	for n := called; n != nil; {
		p := n
		n, p.next = n.next, nil
		p.lp.l.Post(p.called)
	}
}

func (g *Gate) unlink(room *gateRoom, p *pass) {
	if p.prev != nil {
		p.prev.next = p.next
	} else {
		room.first = p.next
	}
	if p.next != nil {
		p.next.prev = p.prev
	} else {
		room.last = p.prev
	}
	p.prev, p.next = nil, nil
	g.waits--
	room.waits--
}

// skip takes p out of the queue, and tells whether it was there still.
func (g *Gate) skip(p *pass) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if p.state != passWaiting { // it has been let in, and is about to hear of it
		return false
	}
	g.unlink(g.rooms[p.at.Key], p)
	p.state = passOutside
	return true
}

// mayBeOwn tells whether somebody has to look if r is a call of the site to itself
// that need not wait before p's gate.
func (r *Request) mayBeOwn(p *pass) bool {
	return p.at.NotOwn && !r.looked && r.Caller.Client.IsValid() && r.lp.opts.Calls != nil
}

// waitBefore sets the time for a request before a gate.
func (r *Request) waitBefore(p *pass) {
	left := max(0, time.Duration(r.gateUntil-r.lp.l.Now()))
	if r.mayBeOwn(p) {
		left = min(left, laneTime)
	}
	r.lp.l.Arm(&r.limit, left)
}

// waitedBefore is called when that time is over.
func (r *Request) waitedBefore(p *pass) {
	lp := r.lp
	switch {
	case r.gateUntil <= lp.l.Now():
		r.Refused(fmt.Errorf("%w: no turn for %s within %v", ErrGate, p.at.Gate.Name, lp.opts.Pool.QueueTime()))
		return
	case !r.mayBeOwn(p) || !lp.opts.looking.CompareAndSwap(false, true): // one is looked at at a time
		r.waitBefore(p)
		return
	}
	r.looked = true
	r.waitBefore(p)
	turn, caller := r.turn, r.Caller
	go func() {
		ours := lp.opts.Calls(caller)
		lp.opts.looking.Store(false)
		if ours {
			lp.l.Post(func() {
				if r.turn == turn && p.r == r && p.at.Gate.skip(p) {
					p.called()
				}
			})
		}
	}()
}

// called: p was let in after it had waited.
func (p *pass) called() {
	if r := p.r; r != nil {
		r.limit.Stop()
		r.goIn()
	}
}

// passes are all those of a request that a backend has.
type passes []*pass

// Left implements fcgi.Leaver.
func (ps *passes) Left() {
	for _, p := range *ps {
		p.r = nil
		p.at.Gate.leave(p)
	}
}

// goIn leads a request through its gates, and then to the pool.
func (r *Request) goIn() {
	for len(r.passes) < len(r.Gates) {
		p := &pass{at: r.Gates[len(r.passes)], lp: r.lp, r: r}
		r.passes = append(r.passes, p)
		switch inside, err := p.at.Gate.enter(p); {
		case err != nil:
			r.Refused(err)
			return
		case !inside:
			r.gateUntil, r.looked = r.lp.l.Now()+int64(r.lp.opts.Pool.QueueTime()), false
			r.waitBefore(p)
			return
		}
	}
	r.askPool(r.lp.pool)
}

// leaveGates is for a request that no backend has got.
func (r *Request) leaveGates() {
	r.passes.Left()
	r.passes = nil
}

// waitedTooLong is called while a request waits: before a gate, or for a worker,
// if it comes from this machine.
func (r *Request) waitedTooLong() {
	if len(r.passes) > 0 && !r.ticket.Waiting() {
		r.waitedBefore(r.passes[len(r.passes)-1])
		return
	}
	// As long as workers become free nobody is stuck. One request at a time is looked
	// at: behind a proxy on this machine all come from it.
	ended := r.lp.opts.Pool.Ended()
	moves := ended != r.ended
	r.ended = ended
	if moves {
		r.pause = min(2*r.pause, laneTimeMax)
	}
	if moves || r.lp.opts.Lane.Free() == 0 || !r.lp.opts.looking.CompareAndSwap(false, true) {
		r.lp.l.Arm(&r.limit, r.pause)
		return
	}
	turn, caller, lp := r.turn, r.Caller, r.lp
	go func() {
		ours := lp.opts.Calls(caller)
		lp.opts.looking.Store(false)
		if ours {
			lp.l.Post(func() {
				if r.turn == turn && r.state == queued && r.ticket.Waiting() {
					r.pool.Cancel(&r.ticket)
					r.askPool(lp.lane)
				}
			})
		}
	}()
}

// askPool waits for a worker of a pool. What may be a site's call to itself is looked
// at when it has waited for a while.
func (r *Request) askPool(pool *fcgi.Local) {
	r.pool = pool
	want := fcgi.Want{Fresh: r.fresh, Check: !r.safe(), Whole: r.mayFollow(), Again: r.sentBack, Server: r.Prefer, Avoid: r.avoid}
	r.sentBack = false
	if len(r.passes) > 0 {
		all := r.passes
		want.Left = &all
	}
	pool.Ask(r, &r.ticket, want)
	if r.Caller.Client.IsValid() && r.lp.lane != nil && pool != r.lp.lane && r.ticket.Waiting() {
		r.ended, r.pause = r.lp.opts.Pool.Ended(), laneTime
		r.lp.l.Arm(&r.limit, laneTime)
	}
}
