package fcgi

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"sluice/loop"
)

// Pipelining: while a worker is at a request, the next one already lies in its
// socket. It does not have to be woken for it, nor stand idle until the loop has
// seen the end of the first. But nobody knows how long the first will take, so this
// is for times when all are quick, for requests that may be run twice, and for a
// few milliseconds: who is still behind then goes back to the queue, and what the
// worker answers to its copy is thrown away.

// Pipelining says when a request is written behind another one on the same
// connection. Zero values mean the defaults.
type Pipelining struct {
	// After is how many requests in a row, on one loop, have to have been quick.
	After int
	// QuickTime is how long a quick one is with its worker at most.
	QuickTime time.Duration
	// BehindTime is how long a request stays behind another one at most.
	BehindTime time.Duration
}

func (p *Pipelining) setDefaults() {
	if p.After <= 0 {
		p.After = quickRequestsDefault
	}
	if p.QuickTime <= 0 {
		p.QuickTime = quickTimeDefault
	}
	if p.BehindTime <= 0 {
		p.BehindTime = behindTimeDefault
	}
}

// ErrBehind: a request that was written behind another one has to be asked for
// again, for that one takes long, or its connection has ended.
var ErrBehind = errors.New("fcgi: the request before it on the connection is not done")

// follower is a request that was written behind the one its connection is at, and
// its Channel, also once it is its turn.
type follower struct {
	*Conn
	ahead  bool   // it is its turn: Conn's fields are about it
	stream Stream // nil: given up
	id     uint16
	sentAt int64
	at     int64
	number uint64        // of its Ticket
	limit  time.Duration // see Abandon
	left   departure
}

// pipeline writes the next requests of the queue behind the one that c is at.
func (lp *Local) pipeline(c *Conn) {
	for t := lp.first; t != nil && lp.mayFollow(c, t); t = lp.first {
		lp.dequeue(t)
		last := c.id
		if n := len(c.behind); n > 0 {
			last = c.behind[n-1].id
		}
		f := &c.followers[last%requestIDs]
		*f = follower{Conn: c, id: last%requestIDs + 1, at: lp.l.Now(), number: t.number, sentAt: c.c.Written(), left: departure{t.want.Left}}
		c.behind = append(c.behind, f)
		c.b.running++
		f.stream = t.asker.Granted(f)
	}
	if len(c.behind) > 0 && !lp.behindTimer.Armed() {
		lp.l.Arm(&lp.behindTimer, lp.pool.opts.Pipeline.BehindTime)
	}
}

// mayFollow: all is quick, nothing else is to be done with c after its request,
// and t could be asked for again.
func (lp *Local) mayFollow(c *Conn, t *Ticket) bool {
	opts := &lp.pool.opts
	switch {
	case !lp.pool.pipelines.Load(), lp.lingered(), c.b.s.conf.Load().Network != "unix": // a reset would overtake answers
		return false
	case lp.quick < opts.Pipeline.After, !t.want.Whole, t.want.Fresh, t.picky(), len(lp.branches) != 1:
		return false
	case c.state != busy, len(c.behind) == behindMax, c.stdinOpen, !c.c.Open():
		return false
	case c.b.s.gone.Load(), c.b.s.surplus(), lp.ending, opts.NoKeep:
		return false
	case opts.RequestsMax > 0 && c.served+len(c.behind)+2 >= opts.RequestsMax, opts.KeepTime > 0 && lp.l.Now()-c.since > int64(opts.KeepTime):
		return false
	}
	other, since := lp.pool.neediest(lp)
	return other == nil || t.at <= since+int64(fairness)
}

// advance: it is the turn of who was written behind the request that has ended.
// left octets of its answer are here already.
func (c *Conn) advance(left int) {
	f := c.behind[0]
	c.behind = slices.Delete(c.behind, 0, 1)
	f.ahead = true
	c.id, c.sentAt, c.got = f.id, f.sentAt, int64(left)
	c.counted, c.left, c.grantedAt = true, f.left, c.lp.l.Now()
	c.stream = f.stream
	f.stream, f.left = nil, departure{}
	switch {
	case c.stream == nil:
		c.stream = givenUp{c, f.limit}
	case left == 0: // else the worker may be done with it, and gone
		c.lp.pipeline(c)
	}
}

// leaveBehind tells those who are behind that nothing will come of it.
func (c *Conn) leaveBehind(err error) {
	for len(c.behind) > 0 {
		f := c.behind[0]
		c.behind = slices.Delete(c.behind, 0, 1)
		c.b.running--
		f.left.tell()
		f.back(err)
	}
}

// back: the request is asked for again, though the worker may still meet it.
func (f *follower) back(err error) {
	if st := f.stream; st != nil {
		f.stream = nil
		st.Failed(err)
	}
}

// lookBehind finds those that are behind for too long. One of them is enough to
// say that the times are over in which all is quick.
func (lp *Local) lookBehind() {
	now, some := lp.l.Now(), false
	var late []*follower
	for c := range lp.own {
		for _, f := range c.behind {
			switch {
			case f.stream == nil:
			case now-f.at >= int64(lp.pool.opts.Pipeline.BehindTime):
				late = append(late, f)
			default:
				some = true
			}
		}
	}
	if len(late) > 0 {
		lp.quick = 0
	}
	slices.SortFunc(late, func(a, b *follower) int { return cmp.Compare(a.number, b.number) })
	for _, f := range late {
		f.limit = givenUpTime
		f.back(ErrBehind)
	}
	if some {
		lp.l.Arm(&lp.behindTimer, lp.pool.opts.Pipeline.BehindTime)
	}
}

// took notes how long a request was with its worker.
func (lp *Local) took(d int64) {
	p := &lp.pool.opts.Pipeline
	if d > int64(p.QuickTime) {
		lp.quick = 0
	} else if lp.quick < p.After {
		lp.quick++
	}
}

// givenUp takes the answer to a request that was given up while it was behind
// another one, until it can be given up like any other.
type givenUp struct {
	c     *Conn
	limit time.Duration
}

func (givenUp) Stdout([]byte)        {}
func (givenUp) Stderr([]byte)        {}
func (givenUp) Drained()             {}
func (givenUp) Ended(EndRequestBody) {}
func (givenUp) Failed(error)         {}
func (g givenUp) Turn()              { g.c.Abandon(g.limit) }

// ID implements Channel.
func (f *follower) ID() uint16 { return f.id }

// StdinDone implements Channel: all was written at once.
func (f *follower) StdinDone() {}

// WriteFile implements Channel: there is no content.
func (f *follower) WriteFile(ref loop.FileRef, _, _ int64) { ref.Release() }

// Started implements Channel.
func (f *follower) Started() bool { return f.ahead && f.Conn.Started() }

// Reused implements Channel.
func (f *follower) Reused() bool { return true }

// Accepted implements Channel.
func (f *follower) Accepted() bool { return f.c.Sent() > f.sentAt }

// Pause implements Channel.
func (f *follower) Pause() {
	if f.ahead {
		f.Conn.Pause()
	}
}

// Resume implements Channel.
func (f *follower) Resume() {
	if f.ahead {
		f.Conn.Resume()
	}
}

// Abandon implements Channel. Who is behind still has to be met by the worker.
func (f *follower) Abandon(limit time.Duration) {
	if f.ahead {
		f.Conn.Abandon(limit)
		return
	}
	f.stream, f.limit = nil, limit
}

// Kill implements Channel.
func (f *follower) Kill() {
	if f.ahead {
		f.Conn.Kill()
		return
	}
	f.stream, f.limit = nil, givenUpTime
}
