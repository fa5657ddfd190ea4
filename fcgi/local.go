package fcgi

import (
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"sluice/loop"
)

// Asker wants a connection for one request.
type Asker interface {
	// Granted gives it; the Stream receives the answer. It may be called from
	// within Ask.
	Granted(c *Conn) Stream
	// Refused says that there will be none.
	Refused(err error)
}

// Ticket is an Asker's place in the queue; embed it in what asks.
type Ticket struct {
	asker  Asker
	at     int64
	fresh  bool
	check  bool
	queued bool
	prev   *Ticket
	next   *Ticket
}

// Waiting tells whether the ticket is in the queue.
func (t *Ticket) Waiting() bool { return t.queued }

// Local is a loop's part of a pool: the connections and the queue of that loop.
type Local struct {
	pool *Pool
	l    *loop.Loop

	// Owned by the loop:
	idle       []*Conn // the one used last is taken first
	first      *Ticket // first come, first served
	last       *Ticket
	queueTimer loop.Timer // for the first ticket's deadline
	dialTimer  loop.Timer
	idleTimer  loop.Timer
	lookTimer  loop.Timer // while requests wait
	dialPause  time.Duration
	dialSince  int64 // since when dialling fails; 0 = it does not
	dialing    int
	conns      int
	ending     bool // Close was called: nothing is kept any more

	// Read by other loops:
	idleCount atomic.Int32
	oldest    atomic.Int64 // Ticket.at of first, 0 if none waits
}

// Ask queues t for a connection. fresh wants a new one, because a kept one has
// just broken. check wants a kept one looked at before it is used, because the
// request can't be repeated.
func (lp *Local) Ask(a Asker, t *Ticket, fresh, check bool) {
	if err := lp.pool.Down(); err != nil {
		a.Refused(err)
		return
	}
	*t = Ticket{asker: a, at: lp.l.Now(), fresh: fresh, check: check}
	if lp.first == nil && lp.serve(t) {
		return
	}
	if lp.pool.waiting.Load() >= int64(lp.pool.opts.Queue) {
		a.Refused(ErrQueueFull)
		return
	}
	lp.enqueue(t)
	lp.dialFor() // a permit may have come back meanwhile
	if lp.first == nil {
		return
	}
	if lp.conns == 0 {
		lp.reclaim()
	}
	if !lp.lookTimer.Armed() {
		lp.l.Arm(&lp.lookTimer, fairness)
	}
}

// lookAgain serves a request that still waits by what is free elsewhere: an idle
// connection of another loop (our own may be at long requests), or a permit whose
// coming free was told to a loop that needed it no more.
func (lp *Local) lookAgain() {
	if lp.first == nil {
		return
	}
	lp.dialFor()
	if lp.first != nil && lp.dialing == 0 && lp.l.Now()-lp.first.at >= int64(fairness) {
		lp.reclaim()
	}
	if lp.first != nil {
		lp.l.Arm(&lp.lookTimer, fairness)
	}
}

// Cancel takes t out of the queue.
func (lp *Local) Cancel(t *Ticket) {
	if t.queued {
		lp.dequeue(t)
	}
}

// serve gives t an idle connection or dials for it.
func (lp *Local) serve(t *Ticket) bool {
	for len(lp.idle) > 0 {
		c := lp.popIdle()
		switch {
		case c.server.gone.Load(), t.fresh:
			c.close()
		case t.check && c.c.Idle() != nil:
			c.close()
		default:
			lp.grant(c, t)
			return true
		}
	}
	return false
}

func (lp *Local) grant(c *Conn, t *Ticket) {
	c.become(busy)
	c.id = c.id%requestIDs + 1
	c.stdinOpen, c.got, c.sentAt = true, 0, c.c.Sent()
	c.stream = t.asker.Granted(c)
}

func (lp *Local) popIdle() *Conn {
	n := len(lp.idle) - 1
	c := lp.idle[n]
	lp.idle[n] = nil
	lp.idle = lp.idle[:n]
	lp.idleCount.Store(int32(n))
	return c
}

// release takes back a connection whose request has ended well.
func (lp *Local) release(c *Conn) {
	c.become(idle)
	switch {
	case c.server.gone.Load():
		c.close()
		return
	case lp.pool.opts.RequestsMax > 0 && c.served >= lp.pool.opts.RequestsMax:
		lp.retire(c)
		return
	}
	other, since := lp.pool.neediest(lp)
	t := lp.first
	switch {
	case t != nil && (other == nil || t.at <= since+int64(fairness)):
		if t.fresh {
			c.close() // gone dials the fresh one with its permit
			return
		}
		lp.dequeue(t)
		lp.grant(c, t)
	case other != nil, lp.ending:
		c.close() // gone passes the permit on
	default:
		lp.keepIdle(c)
	}
}

func (lp *Local) keepIdle(c *Conn) {
	c.idleSince = lp.l.Now()
	lp.idle = append(lp.idle, c)
	lp.idleCount.Store(int32(len(lp.idle)))
	if d := lp.pool.opts.IdleTime; d > 0 && !lp.idleTimer.Armed() {
		lp.l.Arm(&lp.idleTimer, d)
	}
}

func (lp *Local) expireIdle() {
	limit := lp.l.Now() - int64(lp.pool.opts.IdleTime)
	for len(lp.idle) > 0 && lp.idle[0].idleSince <= limit {
		lp.idle[0].close() // gone removes it
	}
	if len(lp.idle) > 0 {
		lp.l.Arm(&lp.idleTimer, time.Duration(lp.idle[0].idleSince-limit))
	}
}

// retire ends the worker behind an idle connection. It stays open until the
// worker has closed it, so that nothing can be sent to a worker that leaves.
func (lp *Local) retire(c *Conn) {
	c.become(retiring)
	if lp.pool.opts.Retire == nil {
		c.close()
		return
	}
	fd, ok := c.dup()
	if !ok {
		c.close()
		return
	}
	c.limit.Init(c.close)
	lp.l.Arm(&c.limit, retireTime)
	s := c.server.Server
	go func() {
		err := lp.pool.opts.Retire(s, fd.fd)
		fd.close()
		if err != nil {
			lp.l.Post(c.close)
		}
	}()
}

// kill ends the worker behind c, first politely. c is closed when END_REQUEST
// or the end of the connection shows that the worker is free.
func (lp *Local) kill(c *Conn) {
	if lp.pool.opts.Kill == nil {
		c.close()
		return
	}
	fd, ok := c.dup()
	if !ok {
		c.close()
		return
	}
	s := c.server.Server
	go func() {
		force, err := lp.pool.opts.Kill(s, fd.fd)
		fd.close()
		lp.l.Post(func() { lp.killed(c, force, err) })
	}()
}

// killed is called when the request was told to end.
func (lp *Local) killed(c *Conn, force func(), err error) {
	switch {
	case c.state == closed:
	case err != nil:
		c.close()
	default:
		end := lp.l.Now() + int64(killTime)
		c.limit.Init(func() {
			if c.drainedByPeer() {
				c.close()
			} else if lp.l.Now() >= end {
				// Closing first would let the worker take a connection that
				// the signal then breaks.
				go func() {
					force()
					lp.l.Post(c.close)
				}()
			} else {
				lp.l.Arm(&c.limit, killLook)
			}
		})
		lp.l.Arm(&c.limit, killLook)
	}
}

// gone is called by Conn.close. The permit goes to whoever has waited longest.
func (lp *Local) gone(c *Conn, was connState) {
	lp.conns--
	if was == idle {
		if i := slices.Index(lp.idle, c); i >= 0 {
			lp.idle = slices.Delete(lp.idle, i, i+1)
			lp.idleCount.Store(int32(len(lp.idle)))
		}
	}
	if was == dialing {
		lp.dialing--
	}
	c.server.used.Add(-1)
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

// reclaim asks another loop for one of its idle connections' permits.
func (lp *Local) reclaim() {
	for _, other := range lp.pool.locals {
		if other != lp && other.idleCount.Load() > 0 {
			other.l.Post(other.yield)
			return
		}
	}
}

// yield gives up the idle connection that was unused longest.
func (lp *Local) yield() {
	if len(lp.idle) > 0 {
		lp.idle[0].close()
	}
}

// dialFor opens a connection for every waiting request that has none coming.
func (lp *Local) dialFor() {
	if lp.dialTimer.Armed() {
		return
	}
	for lp.dialing < lp.queueLen(lp.dialing+1) {
		s := lp.pool.permit()
		if s == nil {
			return
		}
		if !lp.dial(s) {
			return
		}
	}
}

// queueLen counts the queue, but no further than limit.
func (lp *Local) queueLen(limit int) int {
	n := 0
	for t := lp.first; t != nil && n < limit; t = t.next {
		n++
	}
	return n
}

func (lp *Local) dial(s *server) bool {
	c := &Conn{lp: lp, server: s, state: dialing}
	nc, err := lp.l.Dial(s.Network, s.Address, c)
	if err != nil {
		s.used.Add(-1)
		lp.dialFailed(err)
		return false
	}
	c.c = nc
	lp.conns++
	lp.dialing++
	if nc.Open() {
		lp.dialed(c, nil)
	}
	return true
}

// dialed is called when a connection attempt has ended.
func (lp *Local) dialed(c *Conn, err error) {
	if err != nil {
		lp.dialFailed(err)
		c.close()
		return
	}
	lp.dialSince, lp.dialPause = 0, 0
	t := lp.first
	if t == nil {
		c.close() // whoever wanted it has gone, and php closes silent connections
		return
	}
	lp.dialing--
	lp.dequeue(t)
	lp.grant(c, t)
}

// dialFailed tries again after a pause, until DialTime is over; then the
// requests that wait on this loop are refused.
func (lp *Local) dialFailed(err error) {
	now := lp.l.Now()
	if lp.dialSince == 0 {
		lp.dialSince = now
	}
	limit := lp.pool.opts.DialTime
	if errors.Is(err, loop.ErrBusy) {
		limit = lp.pool.opts.QueueTime // it lives, it is only busy
	}
	if now-lp.dialSince > int64(limit) {
		lp.dialSince, lp.dialPause = 0, 0
		lp.refuseAll(err)
		return
	}
	lp.dialPause = min(max(2*lp.dialPause, dialRetryMin), dialRetryMax)
	lp.l.Arm(&lp.dialTimer, lp.dialPause)
}

func (lp *Local) dialAgain() { lp.dialFor() }

func (lp *Local) refuseAll(err error) {
	for t := lp.first; t != nil; t = lp.first {
		lp.dequeue(t)
		t.asker.Refused(err)
	}
}

func (lp *Local) downChanged() {
	if err := lp.pool.Down(); err != nil {
		lp.refuseAll(err)
		return
	}
	lp.dialTimer.Stop()
	lp.dialSince, lp.dialPause = 0, 0
	lp.dialFor()
}

func (lp *Local) serversChanged() {
	for _, c := range slices.Clone(lp.idle) {
		if c.server.gone.Load() {
			c.close()
		}
	}
	lp.dialFor()
}

// Close closes what is idle; requests in flight go on, and their connections
// are closed after them.
func (lp *Local) Close() {
	lp.ending = true
	for _, c := range slices.Clone(lp.idle) {
		c.close()
	}
	lp.refuseAll(ErrStopped)
}

// The queue.

func (lp *Local) enqueue(t *Ticket) {
	t.queued, t.prev, t.next = true, lp.last, nil
	if lp.last != nil {
		lp.last.next = t
	} else {
		lp.first = t
	}
	lp.last = t
	lp.pool.waiting.Add(1)
	lp.queueChanged()
}

func (lp *Local) dequeue(t *Ticket) {
	if t.prev != nil {
		t.prev.next = t.next
	} else {
		lp.first = t.next
	}
	if t.next != nil {
		t.next.prev = t.prev
	} else {
		lp.last = t.prev
	}
	t.queued, t.prev, t.next = false, nil, nil
	lp.pool.waiting.Add(-1)
	lp.queueChanged()
}

func (lp *Local) queueChanged() {
	if lp.first == nil {
		lp.oldest.Store(0)
		lp.queueTimer.Stop()
		return
	}
	lp.oldest.Store(lp.first.at)
	if !lp.queueTimer.Armed() {
		lp.l.Arm(&lp.queueTimer, lp.pool.opts.QueueTime)
	}
}

// expire refuses whoever has waited too long.
func (lp *Local) expire() {
	limit := lp.l.Now() - int64(lp.pool.opts.QueueTime)
	for t := lp.first; t != nil && t.at <= limit; t = lp.first {
		lp.dequeue(t)
		t.asker.Refused(ErrQueueTime)
	}
	if lp.first != nil {
		lp.l.Arm(&lp.queueTimer, time.Duration(lp.first.at-limit))
	}
}
