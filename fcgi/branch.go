package fcgi

import (
	"errors"
	"slices"
	"time"

	"sluice/loop"
)

// branch is a loop's part of a server.
type branch struct {
	lp *Local
	s  *server

	running   int // requests of this loop at the server
	dialing   int
	shared    int        // shared connections that take requests
	dialTimer loop.Timer // while armed it is not dialled
	dialPause time.Duration
	dialSince int64 // since when dialling fails; 0 = it does not
	busy      bool  // it failed because the backlog is full
}

// setBranches follows the pool's list of servers.
func (lp *Local) setBranches() {
	old := lp.branches
	lp.branches = nil
	for _, s := range lp.pool.roster.Load().now {
		i := slices.IndexFunc(old, func(b *branch) bool { return b.s == s })
		if i >= 0 {
			lp.branches = append(lp.branches, old[i])
			continue
		}
		b := &branch{lp: lp, s: s}
		b.dialTimer.Init(lp.dialFor)
		lp.branches = append(lp.branches, b)
	}
	for _, b := range old {
		if !slices.Contains(lp.branches, b) {
			lp.l.Forget(&b.dialTimer)
		}
	}
}

// serve gives t an idle connection, or a part of a shared one.
func (b *branch) serve(t *Ticket) bool {
	lp := b.lp
	for i := len(lp.idle) - 1; i >= 0; i = min(i, len(lp.idle)) - 1 {
		if lp.idle[i].b.s != b.s || lp.idle[i].away() {
			continue
		}
		if b.needsNew(t) && b.s.used.Load() < b.s.conns() {
			break // beside those that are kept
		}
		c := lp.takeIdle(i)
		switch {
		case b.s.gone.Load(), b.fresh(t), (t.want.Check || t.want.Fresh) && c.c.Idle() != nil:
			c.close()
		default:
			lp.grant(c, t)
			return true
		}
	}
	if m := b.roomiest(); m != nil {
		m.grant(t)
		return true
	}
	return false
}

// fresh tells whether t needs a new connection to b: kept ones of the server that
// broke off are doubtful, those of others need only be looked at.
func (b *branch) fresh(t *Ticket) bool {
	return t.want.Fresh && (t.want.Avoid == "" || b.avoided(t)) || b.needsNew(t)
}

// needsNew tells whether t may not be lost on a connection that its server closes
// at the same moment. No look at it can tell: php-fpm's child closes a little
// after its last answer.
func (b *branch) needsNew(t *Ticket) bool { return b.lp.pool.opts.Foreign && t.want.Check }

// roomiest is the shared connection with the fewest requests, if any has room.
func (b *branch) roomiest() *mux {
	var best *mux
	for _, m := range b.lp.shared {
		if m.b.s == b.s && m.room() && (best == nil || m.load() < best.load()) {
			best = m
		}
	}
	return best
}

// rested forgets that dialling failed.
func (b *branch) rested() {
	b.dialTimer.Stop()
	b.dialSince, b.dialPause, b.busy = 0, 0, false
}

// dialFor opens a connection for every waiting request that has none coming.
func (lp *Local) dialFor() {
	for lp.dialing < lp.queued && !lp.l.Stopping() {
		b := lp.nextDial()
		if b == nil || !b.dial(nil) {
			return
		}
	}
}

// nextDial is where to dial for the first request that has no connection coming.
func (lp *Local) nextDial() *branch {
	n := 0
	for t := lp.first; t != nil && n < lp.dialing+pickyTicketsMax; t, n = t.next, n+1 {
		if n < lp.dialing {
			continue
		}
		if b := lp.choose(t, toDial); b != nil {
			return b
		}
		if lp.picky == 0 {
			return nil
		}
	}
	return nil
}

// dial opens a connection, for the queue or for own. It answers false when
// there was no permit left.
func (b *branch) dial(own *Ticket) bool {
	lp := b.lp
	if !b.s.permit() {
		return false
	}
	c := &Conn{lp: lp, b: b, state: dialing, since: lp.l.Now(), own: own}
	switch b.s.at() {
	case unknown:
		c.asks = b.s.nature.CompareAndSwap(uint32(unknown), uint32(asking))
	case asking, single, multi:
	}
	b.s.health.take(lp.l.Now(), &lp.pool.opts.Health)
	nc, err := lp.l.Dial(b.s.conf.Load().Network, b.s.conf.Load().Address, c)
	if err != nil {
		b.s.used.Add(-1)
		c.become(closed)
		b.dialFailed(c, err)
		c.refuseOwn(err)
		return true
	}
	c.c = nc
	lp.conns++
	lp.own[c] = struct{}{}
	c.countDial(1)
	if nc.Open() {
		lp.dialed(c, nil)
		return true
	}
	c.limit.Init(func() { c.broken(errConnectTime) })
	lp.l.Arm(&c.limit, lp.pool.opts.ConnectTime)
	return true
}

// errConnectTime: the server may be switched off, or packets to it are thrown away.
var errConnectTime = errors.New("fcgi: no connection to the backend in time")

// countDial counts the attempts that are made for the queue.
func (c *Conn) countDial(n int) {
	if c.own == nil {
		c.lp.dialing += n
	}
	c.b.dialing += n
}

func (c *Conn) refuseOwn(err error) {
	if c.own != nil {
		c.own.asker.Refused(err)
	}
}

// dialed is called when a connection attempt has ended.
func (lp *Local) dialed(c *Conn, err error) {
	if err != nil {
		c.b.dialFailed(c, err)
		c.close()
		c.refuseOwn(err)
		return
	}
	c.limit.Stop()
	c.b.rested()
	c.b.s.met.Store(true)
	if c.b.s.health.downSince() != 0 && !lp.anySound(&Ticket{}) {
		c.b.s.health.reached(lp.l.Now())
	}
	if c.asks {
		c.ask()
		return
	}
	lp.connected(c)
}

// connected uses a new connection.
func (lp *Local) connected(c *Conn) {
	if c.b.s.at() == multi {
		lp.share(c)
		return
	}
	t := c.own
	if t == nil {
		if t = lp.firstFor(c.b); t == nil {
			c.close() // whoever wanted it has gone, and php closes silent connections
			return
		}
		lp.dequeue(t)
	}
	c.countDial(-1)
	lp.grant(c, t)
}

// dialFailed tries again after a pause, until DialTime is over; then the
// requests that wait on this loop are refused. Other servers are tried at once.
func (b *branch) dialFailed(c *Conn, err error) {
	lp, now := b.lp, b.lp.l.Now()
	opts := &lp.pool.opts
	if c.asks {
		b.s.nature.CompareAndSwap(uint32(asking), uint32(unknown))
	}
	if b.dialSince == 0 {
		b.dialSince = c.since
	}
	b.busy = errors.Is(err, loop.ErrBusy) // it lives
	if !b.busy {
		b.s.health.failed(now, &opts.Health, err)
		b.s.relearn()
	}
	b.dialPause = min(max(2*b.dialPause, dialRetryMin), dialRetryMax)
	lp.l.Arm(&b.dialTimer, b.dialPause)
	if lp.hopeless(now) {
		for _, o := range lp.branches {
			o.dialTimer.Stop()
			o.dialPause = 0
			if o.busy {
				o.dialSince = 0
				continue
			}
			o.s.health.trip(o.failingSince(), now+int64(opts.Health.OpenTime))
		}
		lp.refuseAll(err)
	}
}

// failingSince is since when the server can't be reached; 0 if it can.
func (b *branch) failingSince() int64 {
	since := b.dialSince
	if down := b.s.health.downSince(); down != 0 && (since == 0 || down < since) {
		since = down
	}
	return since
}

// hopeless tells that every server has failed for longer than it may, and none is
// left to try.
func (lp *Local) hopeless(now int64) bool {
	opts := &lp.pool.opts
	if len(lp.branches) == 0 {
		return false // they are still to come
	}
	for _, b := range lp.branches {
		limit := b.s.dialTime(opts)
		if b.busy {
			limit = opts.QueueTime
		}
		since := b.failingSince()
		if b.mayDial() || (b.dialSince == 0 && b.s.used.Load() > 0) {
			return false
		}
		if since == 0 || now-since < int64(limit) {
			return false
		}
	}
	return true
}
