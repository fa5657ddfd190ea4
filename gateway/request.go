package gateway

import (
	"errors"
	"fmt"
	"time"

	"sluice/cgi"
	"sluice/fcgi"
	"sluice/loop"
	"sluice/spool"
)

// state says where a request is.
type state uint8

const (
	// fresh: Begin was called; Start leads on.
	fresh state = iota
	// collecting: content is still arriving from the client.
	collecting
	// queued: waits for a worker.
	queued
	// running: a worker has it; the client has got nothing yet.
	running
	// relaying: the response's head has been passed on.
	relaying
	// draining: the backend is done; the client has not read everything.
	draining
	// discarding: the client needs nothing more; the worker finishes.
	discarding
	numStates
)

func (s state) String() string {
	return [...]string{"fresh", "collecting", "queued", "running", "relaying", "draining", "discarding"}[s]
}

var may = [numStates][numStates]bool{
	fresh:      {collecting: true, queued: true},
	collecting: {queued: true},
	queued:     {running: true},
	running:    {queued: true, relaying: true, discarding: true},
	relaying:   {draining: true, discarding: true},
}

// Request is one request on its way through a backend. It implements fcgi.Asker
// and fcgi.Stream.
type Request struct {
	// Env is filled by the caller between Begin and Start; what it points to
	// must live until the request has ended.
	Env cgi.Environment

	// Prefer is the key of the server (fcgi.Server.Key) that the request should
	// go to, while it is up; filled like Env.
	Prefer string

	// Role is what the backend is asked to be (§6); 0 is Responder. Filled like
	// Env, as are the next three; see role.go.
	Role fcgi.Role
	// Data is the file that a Filter is given.
	Data Data
	// Override are meta-variables that replace those of the same name, also what
	// a client's field line became: the Variables of a Verdict.
	Override []cgi.Variable
	// Pairs, encoded by fcgi.AppendPair, are given in place of Options.Params and
	// of what Env makes; only CONTENT_LENGTH is added. Env.Request is needed all
	// the same.
	Pairs []byte
	// Gates are passed, in this order, before the request may have a worker; the
	// slice must live until the request has ended.
	Gates []Through
	// Caller is the client's connection if it comes from this machine; it may be a
	// call of the site to itself: see Options.Lane.
	Caller Caller

	lp     *Local
	client Client
	state  state
	conn   fcgi.Channel
	server string      // who has, or had, the request
	pool   *fcgi.Local // where ticket is
	ticket fcgi.Ticket
	passes passes
	turn   uint32 // tells this use of the object from another one
	// While a call that may be the site's own waits: what Pool.Ended said last, and
	// how long it waits for a change.
	ended uint64
	pause time.Duration
	// While it waits before a gate: until when, and whether somebody has looked whose
	// call it is.
	gateUntil int64
	looked    bool
	limit     loop.Timer
	buf       []byte

	// The request's content.
	body    spool.Spool
	hasBody bool
	sending bool // STDIN, or a Filter's DATA, is not complete
	data    dataSide

	// The response; see answer.go.
	head     cgi.HeadReader
	res      cgi.Response
	headDone bool
	held     [][]byte // content of this turn, in the loop's read buffer
	pend     []byte   // content of earlier turns
	flush    loop.Timer
	out      spool.Spool
	outInit  bool
	emitted  int64
	cut      bool // more content than was declared
	paused   bool

	stderr     []byte
	stderrLost int64
	tries      int    // times that it was sent again
	fresh      bool   // not on a kept connection
	first      bool   // not behind another request
	sentBack   bool   // from behind another request
	avoid      string // the server that broke off
	// When it asked for a worker, when one had it (the last one, if it was sent
	// again), and when that one was done; 0: not yet.
	askedAt, grantedAt, endedAt int64
}

func (r *Request) reset() {
	r.Env = cgi.Environment{Scratch: r.Env.Scratch}
	r.client, r.conn, r.state = nil, nil, fresh
	r.Prefer, r.server, r.avoid = "", "", ""
	r.Role, r.Override, r.Pairs = 0, nil, nil
	r.Gates, r.passes, r.Caller = nil, nil, Caller{}
	r.turn++
	r.dropData()
	r.hasBody, r.sending = false, false
	r.head.Reset()
	r.headDone, r.outInit, r.cut, r.paused = false, false, false, false
	r.held, r.pend, r.emitted = r.held[:0], r.pend[:0], 0
	if cap(r.pend) > 4*flushBytes {
		r.pend = nil
	}
	r.stderr, r.stderrLost = r.stderr[:0], 0
	r.tries, r.fresh, r.first, r.sentBack = 0, false, false, false
}

func (r *Request) become(next state) {
	if !may[r.state][next] {
		panic("gateway: request may not go from " + r.state.String() + " to " + next.String())
	}
	r.state = next
}

// Start lets the request go. With content, Content and ContentEnd follow;
// without, it asks for a worker at once.
func (r *Request) Start(hasContent bool) {
	if !hasContent {
		r.ask()
		return
	}
	r.hasBody = true
	r.body.Init(r.lp.opts.Store, r.lp.l, (*bodySide)(r))
	r.become(collecting)
}

// Content brings a piece of the request's content; it is copied.
func (r *Request) Content(p []byte) {
	if r.state != collecting {
		return
	}
	r.body.Write(p)
	if r.body.Full() {
		r.client.PauseContent()
	}
}

// ContentPipe is where the client may put the rest of the content; nil: nowhere. What
// has gone from there to a backend can't be sent again.
func (r *Request) ContentPipe(left int64) *loop.Pipe {
	if r.state != collecting || r.safe() || !r.lp.opts.Pool.Exclusive() {
		return nil
	}
	return r.body.Pipe(left)
}

// Piped counts octets of the content that were put there.
func (r *Request) Piped(n int64) {
	if r.state == collecting {
		r.body.Piped(n)
	}
}

// ContentEnd: the content is complete, so its length is known.
func (r *Request) ContentEnd() {
	if r.state != collecting {
		return
	}
	r.Env.ContentLength = r.body.Size()
	r.ask()
}

func (r *Request) ask() {
	r.become(queued)
	if r.askedAt == 0 {
		r.askedAt = r.lp.l.Now()
	}
	r.grantedAt, r.endedAt = 0, 0
	r.goIn()
}

// safe tells whether the request may be sent twice (RFC 9110 §9.2.1).
func (r *Request) safe() bool {
	q := r.Env.Request
	return q.Is("GET") || q.Is("HEAD") || q.Is("OPTIONS")
}

// Granted implements fcgi.Asker: a worker is there.
func (r *Request) Granted(c fcgi.Channel) fcgi.Stream {
	r.become(running)
	r.conn, r.server, r.passes = c, c.Server(), nil // the channel tells when they are left
	r.grantedAt = r.lp.l.Now()
	r.lp.l.Arm(&r.limit, r.lp.opts.RequestTime)
	r.data.rewind()
	b := r.appendParams(fcgi.AppendBeginRequest(r.buf[:0], c.ID(), r.role(), fcgi.KeepConn), c.ID())
	r.sending = r.hasBody || r.role() == fcgi.Filter
	if !r.hasBody && r.role() != fcgi.Authorizer { // to which no STDIN is sent (§6.3)
		b = fcgi.AppendHeader(b, fcgi.Stdin, c.ID(), 0, 0)
	}
	if !r.sending {
		c.StdinDone()
	}
	r.buf = b
	c.Write(b)
	if r.sending {
		r.feed()
	}
	return r
}

// feed writes STDIN, and DATA after it, as far as the connection takes it.
func (r *Request) feed() {
	for r.sending && !r.conn.Full() {
		if !r.hasBody || r.data.turn {
			r.feedData()
			continue
		}
		b, f, off, n := r.body.Take(stdinBytes)
		if n == 0 && r.body.Unread() > 0 {
			return // SpoolReady calls again
		}
		r.writeRecord(fcgi.Stdin, b, f, off, n)
		if n == 0 {
			r.streamDone()
		}
	}
}

// writeRecord writes one record of a stream, whose content is b or a range of f;
// n 0 ends the stream.
func (r *Request) writeRecord(t fcgi.Type, b []byte, f loop.FileRef, off, n int64) {
	var h [fcgi.HeaderBytes]byte
	r.conn.Write(fcgi.AppendHeader(h[:0], t, r.conn.ID(), int(n), 0))
	switch {
	case f != nil:
		r.conn.WriteFile(f, off, n)
	case n > 0 && n < 4<<10:
		r.conn.Write(b)
	case n > 0:
		r.conn.WriteShared(b)
	}
}

// streamDone: STDIN has been written; a Filter's DATA follows.
func (r *Request) streamDone() {
	if r.role() == fcgi.Filter && !r.data.turn {
		r.data.turn = true
		return
	}
	r.sending = false
	r.conn.StdinDone()
}

// Drained implements fcgi.Stream.
func (r *Request) Drained() {
	if r.sending {
		r.feed()
	}
}

// bodySide is the owner of the request's content.
type bodySide Request

// SpoolRoom implements spool.Owner.
func (s *bodySide) SpoolRoom() {
	if s.state == collecting {
		s.client.ResumeContent()
	}
}

// SpoolReady implements spool.Owner.
func (s *bodySide) SpoolReady() {
	if r := (*Request)(s); r.sending && r.conn != nil {
		r.feed()
	}
}

// SpoolFailed implements spool.Owner. A worker that has got a part of the content
// is ended with its request: the rest will never come.
func (s *bodySide) SpoolFailed(err error) {
	r := (*Request)(s)
	if c := r.conn; c != nil {
		r.conn = nil
		c.Kill()
	}
	r.fail(Failure{Status: 507, Err: err})
}

// Refused implements fcgi.Asker: there will be no worker.
func (r *Request) Refused(err error) {
	f := Failure{Status: 502, Err: err}
	if errors.Is(err, fcgi.ErrQueueFull) || errors.Is(err, fcgi.ErrQueueTime) || errors.Is(err, fcgi.ErrStopped) || errors.Is(err, fcgi.ErrAllDown) || errors.Is(err, ErrGate) {
		f.Status, f.RetryAfter = 503, 5
	}
	if down := r.lp.opts.Pool.Down(); down != nil {
		f.Status, f.RetryAfter = 503, 5
	}
	r.fail(f)
}

// timeOut: the limit is over.
func (r *Request) timeOut() {
	if r.state == queued {
		r.waitedTooLong()
		return
	}
	r.giveStderr()
	if c := r.conn; c != nil {
		r.conn = nil
		c.Kill()
	}
	if r.state == discarding {
		r.lp.recycle(r)
		return
	}
	r.fail(Failure{Status: 504, Err: fmt.Errorf("gateway: the script was not done after %v (limits: request time)", r.lp.opts.RequestTime)})
}

// Abort: the client has gone. The script ends as its ignore_user_abort says.
func (r *Request) Abort() {
	if r.letGo() {
		r.lp.recycle(r)
	}
}

// letGo leaves the queue or the worker, and tells whether r is done. It is not
// while a worker of its own still has to be sent the content: half of it must
// never be taken for all, so r finishes that alone. (On a shared connection
// ABORT_REQUEST says that it is half.)
func (r *Request) letGo() bool {
	r.giveStderr()
	r.client = nil
	switch {
	case r.state == queued:
		if r.ticket.Waiting() {
			r.pool.Cancel(&r.ticket)
		}
		r.leaveGates()
	case r.conn == nil:
	case !r.conn.Shared() && (r.sending || r.conn.Queued() > 0):
		r.flush.Stop()
		r.become(discarding)
		r.out.Close()
		if r.paused { // nobody else will
			r.paused = false
			r.conn.Resume()
		}
		return false
	default:
		left := int64(r.lp.opts.RequestTime) - (r.lp.l.Now() - r.grantedAt)
		c := r.conn
		r.conn = nil
		c.Abandon(durationAtLeast(left))
	}
	return true
}

// fail ends the request without a (whole) response. The worker is not waited
// for.
func (r *Request) fail(f Failure) {
	c := r.client
	if r.letGo() {
		r.lp.recycle(r)
	}
	if c != nil { // he may have gone before
		c.Fail(f)
	}
}

// finish ends it well.
func (r *Request) finish() {
	c := r.client
	r.lp.recycle(r)
	c.End()
}

// Server is the key of the server that has the request, or had it last; empty
// before one does. Client.Head may ask.
func (r *Request) Server() string { return r.server }

// Times tells how long the request has waited for a worker, its content being
// complete, and how long one has had it, or had it; ran is 0 if none did. Client.End
// and Client.Fail may still ask.
func (r *Request) Times() (waited, ran time.Duration) {
	now := r.lp.l.Now()
	switch {
	case r.askedAt == 0:
		return 0, 0
	case r.grantedAt == 0:
		return time.Duration(now - r.askedAt), 0
	case r.endedAt != 0:
		now = r.endedAt
	}
	return time.Duration(r.grantedAt - r.askedAt), time.Duration(now - r.grantedAt)
}

// Describe implements fcgi.Describer.
func (r *Request) Describe() string {
	if r.client == nil { // its memory may be another request's by now
		return "a request whose client needs nothing more"
	}
	q := r.Env.Request
	uri := r.Env.RequestURI
	if len(uri) == 0 {
		uri = q.Target
	}
	return fmt.Sprintf("%.16s %.200s", q.Method, uri)
}
