package fcgi

import (
	"slices"
	"sync/atomic"
	"time"

	"sluice/loop"
)

// Local is a loop's part of a pool: the connections and the queue of that loop.
type Local struct {
	pool *Pool
	l    *loop.Loop

	// Owned by the loop:
	branches   []*branch // one for each server of the list
	idle       []*Conn   // the one used last is taken first
	shared     []*mux
	first      *Ticket // first come, first served
	last       *Ticket
	queued     int
	picky      int        // of the queued
	queueTimer loop.Timer // for the first ticket's deadline
	idleTimer  loop.Timer
	lookTimer  loop.Timer // while requests wait
	// lingerTimer runs while there are idle connections whose workers may be away.
	lingerTimer loop.Timer
	// behindTimer runs while there are followers, quick counts requests in a row
	// that took little time, up to Pipelining.After.
	behindTimer loop.Timer
	quick       int
	asked       uint64 // numbers tickets
	dialing     int
	conns       int
	own         map[*Conn]struct{} // all that are not shared
	random      uint32
	candidates  []*branch // memory of pick
	ending      bool      // Close was called: nothing is kept any more
	checks      *checks

	// Read by other loops:
	idleCount   atomic.Int32
	sharedCount atomic.Int32
	oldest      atomic.Int64 // Ticket.at of first, 0 if none waits
}

// Ask queues t for a connection.
func (lp *Local) Ask(a Asker, t *Ticket, w Want) {
	if lp.l.Stopping() {
		a.Refused(ErrStopped)
		return
	}
	if err := lp.pool.Down(); err != nil {
		a.Refused(err)
		return
	}
	at, number := lp.l.Now(), lp.asked
	if w.Again {
		at, number = t.at, t.number
	} else {
		lp.asked++
	}
	*t = Ticket{asker: a, at: at, number: number, want: w}
	// Those for whom a connection is being made are not overtaken by who takes one
	// that is there, nor those who wait for a certain server: it is not that one.
	if (w.Again || lp.queued-lp.picky <= lp.dialing) && lp.serve(t) {
		return
	}
	if err := lp.pool.allDown(lp.l.Now()); err != nil {
		a.Refused(err)
		return
	}
	switch {
	case w.Again:
		lp.putBack(t)
	case lp.pool.waiting.Load() >= int64(lp.pool.opts.Queue):
		a.Refused(ErrQueueFull)
		return
	default:
		lp.enqueue(t)
	}
	lp.lookNow()
	if lp.first == nil {
		return
	}
	if lp.conns == 0 {
		lp.reclaim()
	}
	if !lp.lookTimer.Armed() {
		lp.l.Arm(&lp.lookTimer, fairness)
		lp.lookSoon()
	}
}

// lookNow opens connections for who waits; a permit may have come back
// meanwhile.
func (lp *Local) lookNow() {
	lp.dialFor()
	// With several servers, the one that was to be dialled may have lost its last
	// permit to another loop, or gone down, while a connection to another is idle.
	for len(lp.branches) > 1 && (lp.dialing == 0 || lp.picky > 0) && lp.serveReady() {
	}
}

// lookAgain serves a request that still waits by what is free elsewhere: an idle
// connection of another loop (our own may be at long requests), or a permit whose
// coming free was told to a loop that needed it no more.
func (lp *Local) lookAgain() {
	if lp.first == nil {
		return
	}
	lp.lookNow()
	for lp.first != nil && len(lp.idle) > 0 && lp.serveReady() {
	}
	if lp.first != nil && lp.dialing == 0 && lp.l.Now()-lp.first.at >= int64(fairness) {
		lp.reclaim()
	}
	if lp.first != nil {
		lp.l.Arm(&lp.lookTimer, fairness)
		lp.lookSoon()
	}
}

// serve gives t a connection that is there.
func (lp *Local) serve(t *Ticket) bool {
	if len(lp.branches) == 1 {
		return lp.branches[0].serve(t)
	}
	b := lp.choose(t, anyRoom)
	return b != nil && b.isReady() && b.take(t)
}

func (lp *Local) grant(c *Conn, t *Ticket) {
	c.become(busy)
	c.id = c.id%requestIDs + 1
	c.stdinOpen, c.got, c.sentAt = true, 0, c.c.Written()
	c.counted, c.left.who, c.grantedAt = true, t.want.Left, lp.l.Now()
	c.b.running++
	c.stream = t.asker.Granted(c)
	lp.pipeline(c)
}

// takeIdle takes the idle connection at i out of the list.
func (lp *Local) takeIdle(i int) *Conn {
	c := lp.idle[i]
	lp.idle = slices.Delete(lp.idle, i, i+1)
	lp.idleCount.Store(int32(len(lp.idle)))
	return c
}

// release takes back a connection whose request has ended well.
func (lp *Local) release(c *Conn) {
	c.become(idle)
	keep := lp.pool.opts.KeepTime
	switch {
	case c.mayLinger() && lp.lingered(): // others will take the next request
		c.close()
		return
	case c.b.s.gone.Load(), c.b.s.at() == multi, c.b.s.surplus(), keep > 0 && lp.l.Now()-c.since > int64(keep):
		lp.whenBack(c, c.close)
		return
	case lp.pool.opts.RequestsMax > 0 && c.served >= lp.pool.opts.RequestsMax:
		lp.retire(c)
		return
	}
	other, since := lp.pool.neediest(lp)
	t := lp.firstFor(c.b)
	switch {
	case t != nil && (other == nil || t.at <= since+int64(fairness)):
		if c.b.fresh(t) {
			c.close() // gone dials the fresh one with its permit
			return
		}
		lp.dequeue(t)
		lp.grant(c, t)
	case other != nil, lp.ending:
		lp.whenBack(c, c.close) // gone passes the permit on
	default:
		lp.keepIdle(c)
	}
}

func (lp *Local) keepIdle(c *Conn) {
	c.idleSince = lp.l.Now()
	lp.idle = append(lp.idle, c)
	lp.idleCount.Store(int32(len(lp.idle)))
	c.sound()
	lp.lookSoon()
	if d := lp.pool.opts.IdleTime; d > 0 && !lp.idleTimer.Armed() {
		lp.l.Arm(&lp.idleTimer, d)
	}
}

func (lp *Local) expireIdle() {
	limit := lp.l.Now() - int64(lp.pool.opts.IdleTime)
	for _, c := range slices.Clone(lp.idle) { // the one idle for longest first
		if c.idleSince > limit {
			lp.l.Arm(&lp.idleTimer, time.Duration(c.idleSince-limit))
			return
		}
		c.closeIdle()
	}
	if len(lp.idle) > 0 {
		lp.l.Arm(&lp.idleTimer, lp.pool.opts.IdleTime)
	}
}

// gone is called by Conn.close. The permit goes to whoever has waited longest.
func (lp *Local) gone(c *Conn, was connState) {
	if was == idle {
		if i := slices.Index(lp.idle, c); i >= 0 {
			lp.takeIdle(i)
		}
	}
	if was == dialing || was == probing {
		c.countDial(-1)
	}
	c.uncount()
	delete(lp.own, c)
	lp.goneFrom(c.b)
}

// goneFrom gives a connection's permit back.
func (lp *Local) goneFrom(b *branch) {
	lp.conns--
	b.s.used.Add(-1)
	lp.passPermit()
}

func (lp *Local) passPermit() {
	other, since := lp.pool.neediest(lp)
	if lp.first != nil && (other == nil || lp.first.at <= since+int64(fairness)) {
		lp.dialFor()
		return
	}
	if other != nil {
		other.l.Post(other.dialFor)
	}
}

// reclaim asks another loop for one of its idle connections' permits, or, by who
// has none at all, for one of a shared connection.
func (lp *Local) reclaim() {
	for _, other := range lp.pool.all() {
		if other != lp && (other.idleCount.Load() > 0 || (lp.conns == 0 && other.sharedCount.Load() > 0)) {
			other.l.Post(other.yield)
			return
		}
	}
}

// reclaimOf asks the other loops for an idle connection to s.
func (lp *Local) reclaimOf(s *server) {
	for _, other := range lp.pool.all() {
		if other == lp || other.idleCount.Load() == 0 {
			continue
		}
		other.l.Post(func() {
			_ = slices.ContainsFunc(slices.Clone(other.idle), func(c *Conn) bool { return c.b.s == s && c.closeIdle() })
		})
	}
}

// yield gives up the idle connection that was unused longest, or uses a shared
// one for nothing new.
func (lp *Local) yield() {
	if len(lp.idle) > 0 {
		_ = slices.ContainsFunc(slices.Clone(lp.idle), (*Conn).closeIdle) // the first that can be
	} else if len(lp.shared) > 0 {
		lp.shared[0].drain()
	}
}

func (lp *Local) downChanged() {
	if err := lp.pool.Down(); err != nil {
		lp.refuseAll(err)
		return
	}
	for _, b := range lp.branches {
		b.rested()
	}
	lp.dialFor()
}

func (lp *Local) serversChanged() {
	lp.setBranches()
	ended := map[*server]int32{}
	for _, c := range slices.Clone(lp.idle) {
		switch s := c.b.s; {
		case s.gone.Load():
			c.close()
		case s.used.Load()-ended[s] > s.conns(): // a worker that is left gives its memory back
			ended[s]++
			lp.takeIdle(slices.Index(lp.idle, c))
			lp.retire(c)
		}
	}
	for _, m := range slices.Clone(lp.shared) {
		if m.b.s.gone.Load() || m.b.s.surplus() {
			m.drain()
		}
	}
	lp.dialFor()
}

// Close closes what is idle; requests in flight go on, and their connections
// are closed after them.
func (lp *Local) Close() {
	lp.ending = true
	lp.endChecks()
	for _, c := range slices.Clone(lp.idle) {
		c.close()
	}
	for _, m := range slices.Clone(lp.shared) {
		m.drain()
	}
	lp.refuseAll(ErrStopped)
}
