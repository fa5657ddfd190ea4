package fcgi

// retire ends the worker behind an idle connection, when it is really done. It stays
// open until the worker has closed it, so that nothing can be sent to a worker that
// leaves.
func (lp *Local) retire(c *Conn) {
	lp.whenBack(c, func() { lp.retireNow(c) })
}

func (lp *Local) retireNow(c *Conn) {
	c.limit.Init(c.close)
	retire := lp.pool.opts.Retire
	if lp.aside(c, retire != nil, func(s Server, fd uintptr) func() {
		if retire(s, fd) == nil {
			return func() {}
		}
		return c.close
	}) {
		lp.l.Arm(&c.limit, retireTime)
	}
}

// aside calls do, which may take its time, with a descriptor of c, and then what
// it returned, on the loop. Where it can't or shall not, c is closed.
func (lp *Local) aside(c *Conn, shall bool, do func(s Server, fd uintptr) (then func())) bool {
	if !shall {
		c.close()
		return false
	}
	fd, ok := c.dup()
	if !ok {
		c.close()
		return false
	}
	s := *c.b.s.conf.Load()
	go func() {
		then := do(s, fd.fd)
		fd.close()
		lp.l.Post(then)
	}()
	return true
}

// kill ends the worker behind c, first politely. c is closed when END_REQUEST
// or the end of the connection shows that the worker is free.
func (lp *Local) kill(c *Conn) {
	kill := lp.pool.opts.Kill
	lp.aside(c, kill != nil, func(s Server, fd uintptr) func() {
		force, err := kill(s, fd)
		return func() { lp.killed(c, force, err) }
	})
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
