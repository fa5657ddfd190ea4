package fcgi

// room is what a branch must have for a request.
type room uint8

const (
	// anyRoom: a connection that is there, or the right to make one.
	anyRoom room = iota
	// ready: a connection that is there.
	ready
	// toDial: the right to make a connection.
	toDial
)

// has tells whether there is that room.
func (b *branch) has(r room) bool {
	switch r {
	case ready:
		return b.isReady()
	case toDial:
		return b.mayDial()
	case anyRoom:
	}
	return b.isReady() || b.mayDial()
}

func (b *branch) isReady() bool {
	for _, c := range b.lp.idle {
		if c.b.s == b.s && !c.away() {
			return true
		}
	}
	return b.roomiest() != nil
}

func (b *branch) mayDial() bool {
	if b.dialTimer.Armed() || b.s.gone.Load() || b.s.used.Load() >= b.s.conns() {
		return false
	}
	switch b.s.at() {
	case asking:
		return false
	case multi:
		return b.dialing == 0 && b.shared < sharedConnsMax
	case unknown, single:
	}
	return true
}

// choose picks the server for t among those that have room: of two drawn by
// their weights the first, unless it clearly has more to do for its weight than
// the second. That is nearly as good as the least of all, does not send all loops
// to the same one, and gives each its share when there is little to do. nil means
// to wait.
func (lp *Local) choose(t *Ticket, r room) *branch {
	if len(lp.branches) == 1 {
		if b := lp.branches[0]; b.has(r) {
			return b
		}
		return nil
	}
	if w := lp.wanted(t); w != nil {
		if w.has(r) {
			return w
		}
		return nil
	}
	if d := t.drawn; r == toDial && d != nil {
		// That one has no idle connection. To draw again would give its share to
		// those that have.
		t.drawn = nil
		if !d.s.gone.Load() && d.s.health.circuit(lp.l.Now()) != open && d.has(r) {
			return d
		}
	}
	if b := lp.pick(t, r, false); b != nil {
		if r == anyRoom {
			t.drawn = b
		}
		return b
	}
	if lp.anySound(t) {
		return nil
	}
	return lp.pick(t, r, true)
}

// pick chooses among the servers that are up and not to be avoided; at last
// among all.
func (lp *Local) pick(t *Ticket, r room, last bool) *branch {
	now := lp.l.Now()
	list := lp.candidates[:0]
	for _, b := range lp.branches {
		if b.s.gone.Load() || (!last && (b.avoided(t) || b.s.health.circuit(now) == open)) || !b.has(r) {
			continue
		}
		list = append(list, b)
	}
	lp.candidates = list
	switch len(list) {
	case 0:
		return nil
	case 1:
		return list[0]
	}
	first := lp.draw(list, now)
	a := list[first]
	list[first] = list[len(list)-1]
	rest := list[:len(list)-1]
	return lesser(a, rest[lp.draw(rest, now)], now)
}

// draw answers the index of one of the list, each as often as its weight says.
func (lp *Local) draw(list []*branch, now int64) int {
	if len(list) == 1 {
		return 0
	}
	var sum uint64
	for _, b := range list {
		sum += uint64(b.weight(now))
	}
	n := (uint64(lp.rand()) * sum) >> 32
	for i, b := range list {
		w := uint64(b.weight(now))
		if n < w {
			return i
		}
		n -= w
	}
	return len(list) - 1 // a weight has grown meanwhile
}

// lesser is a, unless it has as much to do already, for its weight, as b would
// have with one request more. Where neither is so, as when both are idle, the
// draw decides: the load alone would give all to the one with more weight.
func lesser(a, b *branch, now int64) *branch {
	if int64(a.load())*b.weight(now) >= int64(b.load()+1)*a.weight(now) {
		return b
	}
	return a
}

// load is what the server has to do, for this loop and for others.
func (b *branch) load() int { return b.running + b.dialing + int(b.s.others.Load()) }

// weight is the server's, less while it starts slowly.
func (b *branch) weight(now int64) int64 {
	return int64(max(1, b.s.conf.Load().Weight)) * b.s.health.share(now, &b.lp.pool.opts.Health)
}

func (b *branch) avoided(t *Ticket) bool {
	return t.want.Avoid != "" && t.want.Avoid == *b.s.key.Load()
}

// wanted is the server that t insists on, while it is up.
func (lp *Local) wanted(t *Ticket) *branch {
	if t.want.Server == "" {
		return nil
	}
	for _, b := range lp.branches {
		if *b.s.key.Load() == t.want.Server {
			if b.s.gone.Load() || b.avoided(t) || b.s.health.circuit(lp.l.Now()) != sound {
				return nil
			}
			return b
		}
	}
	return nil
}

// anySound tells whether a server is up that t may use.
func (lp *Local) anySound(t *Ticket) bool {
	now := lp.l.Now()
	for _, b := range lp.branches {
		if !b.s.gone.Load() && !b.avoided(t) && b.s.health.circuit(now) == sound {
			return true
		}
	}
	return false
}

// mayUse tells whether a connection to b, which has become free, is for t.
func (lp *Local) mayUse(b *branch, t *Ticket) bool {
	if w := lp.wanted(t); w != nil {
		return w.s == b.s
	}
	return !b.avoided(t) || !lp.anySound(t)
}

// serveReady gives the first in the queue that can use one a connection that is
// there.
func (lp *Local) serveReady() bool {
	n := 0
	for t := lp.first; t != nil && n < pickyTicketsMax; t, n = t.next, n+1 {
		b := lp.choose(t, ready)
		if b == nil {
			if lp.picky == 0 {
				return false
			}
			continue
		}
		lp.dequeue(t) // so that nobody else gives it one meanwhile
		if b.take(t) {
			return true
		}
		lp.putFirst(t)
		return false
	}
	return false
}

// take gives t a connection of the server that was chosen.
func (b *branch) take(t *Ticket) bool {
	b.s.health.take(b.lp.l.Now(), &b.lp.pool.opts.Health)
	return b.serve(t)
}

// rand is a number at random (xorshift), the same ones in each run.
func (lp *Local) rand() uint32 {
	x := lp.random
	x ^= x << 13
	x ^= x >> 17
	x ^= x << 5
	lp.random = x
	return x
}
