package fcgi

import (
	"cmp"
	"slices"
)

// Lingering: a script under php-fpm may end its request and go on
// (fastcgi_finish_request): END_REQUEST has come, the connection is kept, and its
// worker reads nothing for seconds. Nothing on the wire tells; but PHP passes over an
// empty STDIN record before a request (fcgi_read_request in its source), and on a Unix
// socket can be seen whether it has read that. So one is written to each connection
// that becomes idle, and while it lies there another connection is taken.
//
// As long as no worker of the pool was seen lingering, those that have just ended a
// request are trusted where there is no other, for waiting costs time; a request that
// meets the first one that lingers is asked for elsewhere if it may be run twice. From
// then on, for a while, only those are trusted that were seen to read.

// Linger says that the servers are php-fpm's. Any goroutine may call it.
func (p *Pool) Linger() { p.lingers.Store(true) }

// lingered tells whether a worker was seen lingering not long ago.
func (lp *Local) lingered() bool { return lp.l.Now() < lp.pool.lingered.Load() }

func (lp *Local) sawLinger() { lp.pool.lingered.Store(lp.l.Now() + int64(lingerMemory)) }

// mayLinger tells whether it can happen to c, and be seen.
func (c *Conn) mayLinger() bool {
	return c.lp.pool.lingers.Load() && c.b.s.conf.Load().Network == "unix"
}

// sound writes what the worker of an idle connection reads once it is free.
func (c *Conn) sound() {
	if c.mayLinger() {
		var stdin [HeaderBytes]byte
		c.c.Write(AppendHeader(stdin[:0], Stdin, c.id, 0, 0))
	}
}

// unread tells whether the worker has not read all that it was sent.
func (c *Conn) unread() bool {
	if c.c.Queued() > 0 {
		return true
	}
	n, err := c.c.Unread()
	return err == nil && n > 0
}

// away tells whether the worker of an idle connection has not come back, as far as
// can be seen.
func (c *Conn) away() bool {
	if !c.mayLinger() || !c.unread() {
		return false
	}
	if c.lp.l.Now()-c.idleSince >= int64(lingerLook) {
		c.lp.sawLinger()
	}
	return true
}

// awaited takes a connection whose worker will be back in a moment, if all goes as
// usual: it has only just ended a request.
func (b *branch) awaited(t *Ticket) *Conn {
	lp := b.lp
	if len(lp.idle) == 0 || lp.lingered() || b.s.used.Load() < b.s.conns() || b.needsNew(t) || t.want.Fresh || t.want.Check {
		return nil
	}
	for i := len(lp.idle) - 1; i >= 0; i-- {
		c := lp.idle[i]
		if c.b == b && lp.l.Now()-c.idleSince < int64(lingerPause) && c.c.Idle() == nil {
			return lp.takeIdle(i)
		}
	}
	return nil
}

// watch looks later whether c's worker has read the request that it was given as soon
// as, or before, it had ended another.
func (c *Conn) watch() {
	if c.watched = c.Reused() && c.mayLinger(); c.watched && !c.lp.lingerTimer.Armed() {
		c.lp.l.Arm(&c.lp.lingerTimer, lingerLook)
	}
}

// lookWatched finds the workers that have not read their request.
func (lp *Local) lookWatched() {
	var stuck []*Conn
	some, now := false, lp.l.Now()
	for c := range lp.own {
		switch {
		case !c.watched:
		case c.state != busy || c.got > 0:
			c.watched = false
		case now-c.grantedAt < int64(lingerLook):
			some = true
		default:
			c.watched = false
			if c.unread() {
				stuck = append(stuck, c)
			}
		}
	}
	slices.SortFunc(stuck, func(a, b *Conn) int { return cmp.Compare(a.grantedAt, b.grantedAt) })
	for _, c := range stuck {
		lp.sawLinger()
		if st := c.stream; c.whole && c.state == busy {
			c.lingers = true
			c.Abandon(lingerTimeMax)
			st.Failed(ErrBehind)
		}
	}
	if some {
		lp.l.Arm(&lp.lingerTimer, lingerLook)
	}
}

// lookSoon looks again whether workers have come back, for who waits.
func (lp *Local) lookSoon() {
	if lp.first != nil && len(lp.idle) > 0 && lp.pool.lingers.Load() {
		lp.l.Arm(&lp.lookTimer, lingerPause)
	}
}
