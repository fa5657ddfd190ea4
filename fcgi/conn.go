package fcgi

import (
	"errors"
	"fmt"
	"time"

	"sluice/loop"
)

// requestIDs is how many ids a connection's requests take in turn: that of the
// request it is at, those behind, and another one, for else a record that a backend
// sends too late would pass for the next request's answer.
const requestIDs = behindMax + 2

// connState says what a connection is doing.
type connState uint8

const (
	// dialing: not yet connected; branch.go waits for it.
	dialing connState = iota
	// probing: GET_VALUES was sent; see probe.go.
	probing
	// idle: kept, in Local.idle.
	idle
	// busy: a Stream waits for its END_REQUEST.
	busy
	// leaving: the request was given up; the permit stays taken until the
	// worker is free, which it says by closing.
	leaving
	// retiring: taken out of use while its worker is being ended.
	retiring
	// handed: it has become a shared connection; see mux.go.
	handed
	// closed: given up; its permit is back.
	closed
	numConnStates
)

func (s connState) String() string {
	return [...]string{"dialing", "probing", "idle", "busy", "leaving", "retiring", "handed", "closed"}[s]
}

var connMay = [numConnStates][numConnStates]bool{
	dialing:  {probing: true, busy: true, handed: true, closed: true},
	probing:  {handed: true, closed: true},
	idle:     {busy: true, retiring: true, closed: true},
	busy:     {idle: true, leaving: true, retiring: true, closed: true},
	leaving:  {retiring: true, closed: true},
	retiring: {closed: true},
}

// Conn is one connection to a backend, with one request at a time. It belongs to
// a Local.
type Conn struct {
	lp     *Local
	b      *branch
	c      *loop.Conn
	dec    Decoder
	state  connState
	stream Stream
	served int
	id     uint16 // of the request, 1 to requestIDs
	// stdinOpen: STDIN's empty record has not been written. A connection whose
	// request was not sent whole can't be used again.
	stdinOpen  bool
	got        int64 // octets received for this request
	sentAt     int64 // loop.Conn.Written when the request began
	counted    bool  // in branch.running
	since      int64 // when it was dialled
	idleSince  int64
	leaveAt    int64 // when an abandoned request is over
	leavePause time.Duration
	deaf       bool // an abandoned request's answer can't be read any more
	// limit ends the worker of an abandoned request, or the wait for a retiring
	// one or for GET_VALUES_RESULT.
	limit loop.Timer
	asks  bool    // it is this connection that asks GET_VALUES
	said  *values // what it was told
	own   *Ticket // whom it was dialled for; nil: the queue
	left  departure
	// grantedAt is when the request got the connection.
	grantedAt int64
	awaySince int64 // since when away says so; 0: it does not
	// behind was written behind the request, first come, first served; see
	// pipeline.go.
	behind    []*follower
	followers [requestIDs]follower
}

func (c *Conn) become(next connState) {
	if !connMay[c.state][next] {
		panic("fcgi: connection may not go from " + c.state.String() + " to " + next.String())
	}
	c.state = next
}

// ID implements Channel.
func (c *Conn) ID() uint16 { return c.id }

// Write implements Channel.
func (c *Conn) Write(p []byte) { c.c.Write(p) }

// WriteShared implements Channel.
func (c *Conn) WriteShared(p []byte) { c.c.WriteShared(p) }

// WriteFile implements Channel.
func (c *Conn) WriteFile(f loop.FileRef, off, n int64) { c.c.WriteFile(f, off, n) }

// Full implements Channel.
func (c *Conn) Full() bool { return c.c.Full() }

// Queued implements Channel.
func (c *Conn) Queued() int64 { return c.c.Queued() }

// StdinDone implements Channel. Only then can the connection be used again.
func (c *Conn) StdinDone() { c.stdinOpen = false }

// Shared implements Channel.
func (c *Conn) Shared() bool { return false }

// Server implements Channel.
func (c *Conn) Server() string { return *c.b.s.key.Load() }

// Started implements Channel.
func (c *Conn) Started() bool { return c.got > 0 }

// Reused implements Channel.
func (c *Conn) Reused() bool { return c.served > 0 }

// Accepted implements Channel.
func (c *Conn) Accepted() bool { return c.c.Sent() > c.sentAt }

// Pause implements Channel.
func (c *Conn) Pause() { c.c.Pause() }

// Resume implements Channel.
func (c *Conn) Resume() { c.c.Resume() }

// Abandon gives up the request: nothing is said to the Stream any more, and
// what the backend still writes fails, so that php ends the script as its
// ignore_user_abort says. The worker counts as taken until it is really free;
// after limit it is ended like Kill does. It must not be called from within
// Stream.Stdout or Stderr, for the rest of the turn would be lost.
func (c *Conn) Abandon(limit time.Duration) {
	if c.state != busy {
		return
	}
	c.stream = nil
	c.become(leaving)
	behind := len(c.behind) > 0
	c.leaveBehind(ErrBehind)
	// php-cgi does not look at ABORT_REQUEST before the script has ended. So
	// this record lies unread in its queue for just as long; see leave.
	var abort [HeaderBytes]byte
	c.c.Write(AppendAbortRequest(abort[:0], c.id))
	now := c.lp.l.Now()
	c.leaveAt, c.leavePause = now+int64(limit), leavePauseMin
	ended := false
	c.deaf = c.c.StopReading(func(p []byte) { ended = ended || c.sawEnd(p) })
	if !c.deaf {
		c.leavePause = limit // the answer is read and thrown away instead
	}
	if ended && !behind { // else the worker is at what was written behind it
		c.close()
		return
	}
	c.limit.Init(c.leave)
	c.lp.l.Arm(&c.limit, min(c.leavePause, limit))
}

// leave looks whether an abandoned request's worker is free. The end of its
// output can't be seen: we have refused to read, and php-cgi, whose writes fail,
// does not close but reads until we do (fcgi_close in its source). Once it has
// read ABORT_REQUEST, or has gone, the script is over.
func (c *Conn) leave() {
	if c.state != leaving {
		return
	}
	left := time.Duration(c.leaveAt - c.lp.l.Now())
	if left <= 0 {
		c.Kill()
		return
	}
	if c.drainedByPeer() {
		c.close()
		return
	}
	c.leavePause = min(2*c.leavePause, leavePauseMax)
	c.lp.l.Arm(&c.limit, min(c.leavePause, left))
}

// drainedByPeer tells whether an abandoned request's worker has read
// ABORT_REQUEST, or has gone.
func (c *Conn) drainedByPeer() bool {
	if !c.deaf || c.c.Queued() > 0 {
		return false
	}
	n, err := c.c.Unread()
	return err != nil || n == 0
}

// Kill gives up the request and ends its worker by Options.Kill.
func (c *Conn) Kill() {
	if c.state != busy && c.state != leaving {
		return
	}
	c.stream = nil
	was, behind := c.state, len(c.behind) > 0 && c.behind[0].Accepted()
	c.c.DropOutput()
	c.become(retiring)
	c.leaveBehind(ErrBehind)
	switch {
	case was == leaving: // it has stopped reading for good
	case behind:
		// Whose last write fails reads no further request: it must not go on with
		// what lies behind, of which nobody would know.
		c.c.Write(AppendAbortRequest(nil, c.id))
		c.deaf = c.c.StopReading(func([]byte) {})
	default:
		c.c.Resume()
	}
	c.lp.kill(c)
}

// dupped is a second descriptor of a connection, so that the number can't become
// another connection's while a goroutine uses it.
type dupped struct {
	fd    uintptr
	close func()
}

func (c *Conn) dup() (dupped, bool) {
	fd, closeFd, err := c.c.Dup()
	return dupped{fd, closeFd}, err == nil
}

// Connected implements loop.DialHandler.
func (c *Conn) Connected(*loop.Conn) { c.lp.dialed(c, nil) }

// EOF implements loop.Handler.
func (c *Conn) EOF(*loop.Conn) { c.broken(errClosed) }

// Closed implements loop.Handler.
func (c *Conn) Closed(_ *loop.Conn, err error) { c.broken(err) }

// errClosed: the backend closed the connection (a php worker that crashes or
// is killed looks like this).
var errClosed = errors.New("fcgi: backend closed the connection before END_REQUEST")

// Drained implements loop.Handler.
func (c *Conn) Drained(*loop.Conn) {
	if c.state == busy {
		c.stream.Drained()
	}
}

// broken ends the connection for a reason that we did not ask for.
func (c *Conn) broken(err error) {
	st, was := c.stream, c.state
	c.stream = nil
	if errors.Is(err, loop.ErrStopped) {
		c.leaveBehind(err) // nobody is to ask again
	}
	switch was {
	case dialing:
		c.lp.dialed(c, err)
		return
	case probing:
		c.asked(single, nil)
		return
	case busy:
		if !c.Reused() || c.Started() { // else it may only have been closed before
			c.b.brokeOff(err)
		}
	case idle, leaving, retiring, handed, closed, numConnStates:
	}
	c.close()
	if was == busy && st != nil {
		st.Failed(err)
	}
}

// close closes the socket and gives the permit back.
func (c *Conn) close() {
	if c.state == closed || c.state == handed {
		return
	}
	was := c.state
	c.become(closed)
	c.c.Abort()
	c.lp.l.Forget(&c.limit)
	c.leaveBehind(ErrBehind)
	c.lp.gone(c, was)
}

// Data implements loop.Handler.
func (c *Conn) Data(_ *loop.Conn, p []byte) {
	switch c.state {
	case busy:
	case leaving, retiring: // the answer is thrown away
		if c.sawEnd(p) {
			c.close()
		}
		return
	case probing:
		c.answered(p)
		return
	case dialing, idle, handed, closed, numConnStates:
		c.close() // nobody asked: never take it for the next request's answer
		return
	}
	c.got += int64(len(p))
	for len(p) > 0 {
		n, ev, ok, err := c.dec.Next(p)
		p = p[n:]
		if err == nil && ok {
			err = c.event(ev, len(p))
		}
		if err != nil {
			c.broken(err)
			return
		}
		if c.state != busy { // the request has ended, or the stream gave up
			return
		}
	}
	c.stream.Turn()
}

// sawEnd looks for END_REQUEST in an abandoned answer: then the worker is free.
func (c *Conn) sawEnd(p []byte) bool {
	for len(p) > 0 {
		n, ev, ok, err := c.dec.Next(p)
		if p = p[n:]; err != nil || (ok && ev.Type == EndRequest) {
			return true
		}
	}
	return false
}

func (c *Conn) event(ev Event, left int) error {
	if ev.ID != c.id {
		if ev.ID == 0 { // management: nothing was asked, nothing is expected
			return nil
		}
		return fmt.Errorf("fcgi: %v for unknown request %d", ev.Type, ev.ID)
	}
	switch ev.Type {
	case Stdout, Stderr:
		giveStream(c.stream, ev)
	case EndRequest:
		body, err := ParseEndRequest(ev.Content)
		if err != nil {
			return err
		}
		c.end(body, left)
	case BeginRequest, AbortRequest, Params, Stdin, Data, GetValues, GetValuesResult, UnknownType:
		return fmt.Errorf("fcgi: %v from the backend", ev.Type)
	default:
		return fmt.Errorf("fcgi: record of unknown type %d from the backend", ev.Type)
	}
	return nil
}

// giveStream brings a record of STDOUT or STDERR; the one that ends it says nothing.
func giveStream(st Stream, ev Event) {
	switch {
	case len(ev.Content) == 0:
	case ev.Type == Stdout:
		st.Stdout(ev.Content)
	default:
		st.Stderr(ev.Content)
	}
}

// end passes the connection on before it tells the stream, so that the worker
// has its next request as early as can be. What the stream was given stays
// valid: it is in the loop's read buffer.
//
// Only a connection without any doubt is kept: all of the request was written
// and nothing follows END_REQUEST, unless somebody has been written behind it.
func (c *Conn) end(body EndRequestBody, left int) {
	st := c.stream
	c.stream = nil
	c.served++
	c.lp.pool.ended.Add(1)
	c.uncount()
	c.b.answered(body)
	c.c.Resume() // whoever was slow is not the next one's trouble
	c.lp.took(c.lp.l.Now() - c.grantedAt)
	whole := !c.stdinOpen && c.c.Open()
	switch {
	case whole && len(c.behind) > 0:
		c.advance(left)
	case whole && left == 0 && c.dec.Between() && c.c.Queued() == 0 && !c.lp.pool.opts.NoKeep:
		c.lp.release(c)
	default:
		c.close()
	}
	st.Ended(body)
}

// uncount: the server has one request less to do.
func (c *Conn) uncount() {
	if c.counted {
		c.counted = false
		c.b.running--
		c.left.tell()
	}
}

// answered notes that the server is alive, and how it took a request.
func (b *branch) answered(end EndRequestBody) {
	now := b.lp.l.Now()
	if end.ProtocolStatus == Overloaded && len(b.lp.branches) > 1 {
		b.s.health.failed(now, &b.lp.pool.opts.Health, errOverloaded)
		return
	}
	b.s.health.ok(now)
}

// errOverloaded: it has too much to do; others get its share for a while.
var errOverloaded = errors.New("fcgi: END_REQUEST with protocolStatus OVERLOADED")

// brokeOff notes that a connection broke. Where no other server could take over,
// that says nothing: it may be one script that crashes.
func (b *branch) brokeOff(err error) {
	if len(b.lp.branches) > 1 && !errors.Is(err, loop.ErrStopped) {
		b.s.health.failed(b.lp.l.Now(), &b.lp.pool.opts.Health, err)
	}
}
