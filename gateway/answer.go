package gateway

import (
	"errors"
	"fmt"
	"time"

	"sluice/fcgi"
)

// errNoHead: the script ended without having said anything.
var errNoHead = errors.New("gateway: the backend ended the request without a response head")

func durationAtLeast(ns int64) time.Duration { return max(time.Duration(ns), time.Millisecond) }

// Stdout implements fcgi.Stream.
func (r *Request) Stdout(p []byte) {
	if r.state == discarding {
		return
	}
	if !r.headDone {
		n, done, err := r.head.Feed(p, &r.res)
		if err != nil {
			r.bad(err)
			return
		}
		if !done {
			return
		}
		r.headDone = true
		p = p[n:]
		r.giveStderr() // whoever intercepts may be done before it returns
		if r.client.Intercept(&r.res) {
			r.client = nil
			r.become(discarding)
			return
		}
	}
	if len(p) > 0 {
		r.held = append(r.held, p)
	}
}

// bad: the response can't be understood. The worker may finish.
func (r *Request) bad(err error) {
	r.giveStderr()
	c := r.client
	r.client = nil
	r.become(discarding)
	c.Fail(Failure{Status: 502, Err: err})
}

// Turn implements fcgi.Stream: all that has arrived for now is in held.
func (r *Request) Turn() {
	if !r.headDone || r.state == discarding || (len(r.held) == 0 && !r.res.Unbuffered) {
		return
	}
	if r.res.Unbuffered { // a stream may go on for ever, but not in silence
		r.lp.l.Arm(&r.limit, r.lp.opts.RequestTime)
	}
	n := len(r.pend)
	for _, p := range r.held {
		n += len(p)
	}
	if r.res.Unbuffered || n >= flushBytes {
		r.flushNow()
		return
	}
	for _, p := range r.held {
		r.pend = append(r.pend, p...)
	}
	r.held = r.held[:0]
	if !r.flush.Armed() {
		r.lp.l.Arm(&r.flush, flushTime)
	}
}

// flushNow gives the client what was collected.
func (r *Request) flushNow() {
	r.flush.Stop()
	if r.state == running {
		r.become(relaying)
		r.client.Head(&r.res, r.res.ContentLength)
	}
	if r.state == relaying {
		r.emitAll()
	}
}

func (r *Request) emitAll() {
	r.emit(r.pend)
	r.pend = r.pend[:0]
	for _, p := range r.held {
		r.emit(p)
	}
	r.held = r.held[:0]
	r.hold()
}

// emit gives content to the client, or to the spool when he is slow.
func (r *Request) emit(p []byte) {
	if d := r.res.ContentLength; d >= 0 && r.emitted+int64(len(p)) > d {
		p = p[:d-r.emitted]
		r.cut = true
	}
	if len(p) == 0 {
		return
	}
	r.emitted += int64(len(p))
	if r.waiting() || r.client.Full() {
		if !r.outInit {
			r.outInit = true
			r.out.Init(r.lp.opts.Store, r.lp.l, (*outSide)(r))
		}
		r.out.Write(p)
		return
	}
	r.client.Body(p)
}

// waiting tells whether content waits in the spool.
func (r *Request) waiting() bool { return r.outInit && r.out.Unread() > 0 }

// hold stops the script where a slow client has no more room. A stream is not
// spooled further than what has arrived.
//
// A shared connection never waits for a client, only for the disk: streams are
// spooled like all else, and whoever is too far behind is broken off.
func (r *Request) hold() {
	if r.conn == nil || r.paused || !r.waiting() {
		return
	}
	if r.conn.Shared() {
		if r.out.Size() > r.lp.opts.SharedSpoolBytes {
			r.fail(Failure{Status: 502, Err: fmt.Errorf("gateway: the client is %d octets behind a response whose connection others share", r.out.Unread())})
		} else if r.out.Full() {
			r.paused = true
			r.conn.Pause()
		}
		return
	}
	if r.res.Unbuffered || r.out.Full() || r.out.Size() > spoolFileBytesMax {
		r.paused = true
		r.conn.Pause()
	}
}

// Resume: the client takes more.
func (r *Request) Resume() {
	if r.state != relaying && r.state != draining {
		return
	}
	for r.waiting() && !r.client.Full() {
		b, f, off, n := r.out.Take(takeBytes)
		switch {
		case f != nil:
			r.client.BodyFile(f, off, n)
		case n > 0:
			r.client.Body(b)
		default:
			return // SpoolReady calls again
		}
	}
	if r.waiting() {
		return
	}
	if r.state == draining {
		r.complete()
		return
	}
	if r.outInit {
		r.out.Forget()
	}
	r.unhold()
}

func (r *Request) unhold() {
	if r.paused && r.conn != nil && !r.out.Full() {
		r.paused = false
		r.conn.Resume()
	}
}

// outSide is the owner of the spooled response.
type outSide Request

// SpoolRoom implements spool.Owner.
func (s *outSide) SpoolRoom() {
	r := (*Request)(s)
	if r.conn == nil || r.state != relaying {
		return
	}
	if r.conn.Shared() || (!r.res.Unbuffered && r.out.Size() <= spoolFileBytesMax) {
		r.unhold()
	}
}

// SpoolReady implements spool.Owner.
func (s *outSide) SpoolReady() { (*Request)(s).Resume() }

// SpoolFailed implements spool.Owner.
func (s *outSide) SpoolFailed(err error) {
	(*Request)(s).fail(Failure{Status: 507, Err: err})
}

// Ended implements fcgi.Stream.
func (r *Request) Ended(end fcgi.EndRequestBody) {
	c := r.conn
	r.conn = nil
	r.endedAt = r.lp.l.Now()
	r.paused = false
	r.limit.Stop()
	r.flush.Stop()
	r.giveStderr()
	switch {
	case r.state == discarding:
		r.lp.recycle(r)
	case c != nil && r.mayMove(c, end.ProtocolStatus):
		r.again(c)
	case end.ProtocolStatus != fcgi.RequestComplete:
		f := Failure{Status: 502, Err: fmt.Errorf("gateway: END_REQUEST with protocolStatus %v", end.ProtocolStatus)}
		if end.ProtocolStatus == fcgi.Overloaded {
			f.Status, f.RetryAfter = 503, 5
		}
		r.fail(f)
	case !r.headDone:
		r.fail(Failure{Status: 502, Err: errNoHead})
	case r.state == running:
		r.whole()
	default:
		r.emitAll()
		r.become(draining)
		r.Resume()
	}
}

// whole: the response is here at once, so its length is known.
func (r *Request) whole() {
	n := int64(len(r.pend))
	for _, p := range r.held {
		n += int64(len(p))
	}
	if d := r.res.ContentLength; d >= 0 {
		if n < d && !r.bodiless() {
			r.fail(Failure{Status: 502, Err: r.errShort(n)})
			return
		}
		n = d
	}
	r.become(relaying)
	if r.bodiless() && n == 0 {
		n = r.res.ContentLength
	}
	r.client.Head(&r.res, n)
	r.emitAll()
	r.become(draining)
	r.Resume()
}

// bodiless: the response has no content whatever its head says (RFC 9110 §6.4.1).
func (r *Request) bodiless() bool {
	return r.Env.Request.Is("HEAD") || r.res.Status == 304 || r.res.Status == 204
}

func (r *Request) errShort(n int64) error {
	return fmt.Errorf("gateway: the script declared Content-Length %d and sent %d octets", r.res.ContentLength, n)
}

// complete: the client has everything. A response shorter than declared must
// not look complete.
func (r *Request) complete() {
	if d := r.res.ContentLength; d >= 0 && r.emitted < d && !r.bodiless() {
		r.fail(Failure{Status: 502, Err: r.errShort(r.emitted)})
		return
	}
	if r.cut && r.lp.opts.Log != nil {
		r.lp.opts.Log.Trouble(r.asker(), fmt.Errorf("gateway: the script sent more than its Content-Length %d; the rest was cut off", r.res.ContentLength))
	}
	r.finish()
}

// Stderr implements fcgi.Stream.
func (r *Request) Stderr(p []byte) {
	n := min(len(p), stderrBytesMax-len(r.stderr))
	r.stderr = append(r.stderr, p[:n]...)
	r.stderrLost += int64(len(p) - n)
}

// giveStderr logs what was written to STDERR; it never affects the response.
func (r *Request) giveStderr() {
	if len(r.stderr) > 0 && r.client != nil && r.lp.opts.Log != nil {
		r.lp.opts.Log.Stderr(r.asker(), r.stderr, r.stderrLost)
	}
	r.stderr, r.stderrLost = r.stderr[:0], 0
}
