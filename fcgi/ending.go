package fcgi

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
	s := *c.b.s.conf.Load()
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
	s := *c.b.s.conf.Load()
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
