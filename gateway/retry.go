package gateway

import (
	"errors"

	"sluice/fcgi"
	"sluice/loop"
)

// Failed implements fcgi.Stream: the connection broke.
func (r *Request) Failed(err error) {
	c := r.conn
	r.conn = nil
	r.limit.Stop()
	r.giveStderr()
	switch {
	case r.state == discarding:
		r.lp.recycle(r)
	case r.state == running && errors.Is(err, fcgi.ErrBehind):
		r.first, r.sentBack = true, true
		r.rewind()
		r.ask()
	case r.state == running && r.mayRetry(c, err):
		r.again(c)
	default:
		r.fail(Failure{Status: 502, Err: err})
	}
}

// mayRetry tells whether a request whose connection broke before the client got
// anything may be sent again. Where nothing of it was taken, or a kept
// connection broke at once (its worker may have closed it just before), the
// script can't have run, or running it twice does no harm: once. With
// Options.RetrySafe, safe requests are sent again also after the script had
// begun.
func (r *Request) mayRetry(c fcgi.Channel, err error) bool {
	if errors.Is(err, loop.ErrStopped) || !r.body.Repeatable() {
		return false
	}
	if r.tries < r.lp.opts.RetrySafe && r.safe() {
		return true
	}
	if r.tries > 0 || !c.Reused() || c.Started() {
		return false
	}
	if !c.Accepted() {
		return true
	}
	return r.safe() && r.lp.l.Now()-r.grantedAt < int64(staleTime)
}

// mayMove tells whether a request that its backend has turned away (§5.5) may be
// sent again: it was not run, whatever its method. One that can't share its
// connection gets another, and too busy a server is passed over.
func (r *Request) mayMove(c fcgi.Channel, status fcgi.ProtocolStatus) bool {
	if r.state != running || r.headDone || r.tries >= triesMax || !r.body.Repeatable() {
		return false
	}
	switch status {
	case fcgi.CantMpxConn:
		return c.Shared()
	case fcgi.Overloaded:
		return r.lp.opts.Pool.Several()
	case fcgi.RequestComplete, fcgi.UnknownRole:
	}
	return false
}

// again asks for another connection, to another server if there is one.
func (r *Request) again(c fcgi.Channel) {
	r.tries++
	r.fresh = true
	if r.lp.opts.Pool.Several() {
		r.avoid = c.Server()
	}
	r.rewind()
	r.ask()
}

// rewind forgets what a backend has answered.
func (r *Request) rewind() {
	r.sending, r.paused = false, false
	r.flush.Stop()
	r.head.Reset()
	r.headDone, r.held, r.pend = false, r.held[:0], r.pend[:0]
	r.body.Rewind()
}

// mayFollow tells whether the request may be written behind another one that the
// backend is at; once that has failed, it waits for its turn. A backend may run it
// twice then, so it must not have a query: that is where applications that should
// know better say what a GET is to change. Nor may it have passed a gate, for its
// copy would keep the place.
func (r *Request) mayFollow() bool {
	return !r.first && !r.hasBody && len(r.Gates) == 0 && r.role() == fcgi.Responder && r.safe() && len(r.Env.Query) == 0 && r.Pairs == nil
}
