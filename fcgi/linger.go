package fcgi

// Lingering: a script under php-fpm may end its request and go on
// (fastcgi_finish_request): END_REQUEST has come, the connection is kept, and its
// worker reads nothing for seconds. Nothing on the wire tells; but PHP passes over an
// empty STDIN record before a request (fcgi_read_request in its source), and on a Unix
// socket can be seen whether it has read that. So one is written to each connection
// that becomes idle, and while it lies there the worker is away: another connection is
// taken, and this one is not closed either, for its worker would not take the one that
// came in its place, and the others are bound to theirs.
//
// Where all are busy the next request goes to the worker that has just ended one,
// without waiting for it to read, so it may meet one that lingers. Once such a worker
// was seen, for a while no connection is kept: then php-fpm deals the requests out to
// those of its workers that are free.

// Linger says that the servers are php-fpm's. Any goroutine may call it.
func (p *Pool) Linger() { p.lingers.Store(true) }

// lingered tells whether a worker was seen lingering not long ago.
func (lp *Local) lingered() bool { return lp.l.Now() < lp.pool.lingered.Load() }

// mayLinger tells whether it can happen to c, and be seen.
func (c *Conn) mayLinger() bool {
	return c.lp.pool.lingers.Load() && c.b.s.conf.Load().Network == "unix"
}

// sound writes what the worker of a connection without a request reads once it is free.
func (c *Conn) sound() {
	if c.mayLinger() {
		var stdin [HeaderBytes]byte
		c.c.Write(AppendHeader(stdin[:0], Stdin, c.id, 0, 0))
		c.awaySince = 0
		if !c.lp.lingerTimer.Armed() {
			c.lp.l.Arm(&c.lp.lingerTimer, lingerLook)
		}
	}
}

// away tells whether a worker has not read sound's record. (Of a request it reads the
// last octets only before the next one, so while it is at one this says nothing.)
func (c *Conn) away() bool {
	if !c.mayLinger() {
		return false
	}
	if c.c.Queued() == 0 {
		if n, err := c.c.Unread(); err != nil || n == 0 {
			return false
		}
	}
	// Seen twice, because a system that stood still shows late what is not so.
	switch now := c.lp.l.Now(); {
	case c.awaySince == 0:
		c.awaySince = now
	case now-c.awaySince >= int64(lingerLook):
		c.lp.pool.lingered.Store(now + int64(lingerMemory))
	}
	return true
}

// lookIdle notes which workers are away, though nobody asks for them at the moment.
func (lp *Local) lookIdle() {
	some := false
	for _, c := range lp.idle {
		some = c.away() || some
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

// whenBack calls then, which gives up a connection that is taken out of use, as soon as
// its worker is back: until then its permit is not to be had.
func (lp *Local) whenBack(c *Conn, then func()) {
	c.become(retiring)
	if !c.mayLinger() || lp.ending {
		then()
		return
	}
	c.sound()
	pause, until := lingerPause, lp.l.Now()+int64(lingerTimeMax)
	c.limit.Init(func() {
		switch {
		case c.state != retiring:
		case c.away() && !lp.ending && lp.l.Now() < until:
			pause = min(2*pause, leavePauseMax)
			lp.l.Arm(&c.limit, pause)
		default:
			then()
		}
	})
	lp.l.Arm(&c.limit, pause)
}

// closeIdle closes an idle connection, unless its worker is away, and tells whether
// that was so.
func (c *Conn) closeIdle() bool {
	if c.away() {
		return false
	}
	c.close()
	return true
}
