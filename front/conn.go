package front

import (
	"net/netip"

	"sluice/http1"
	"sluice/loop"
	"sluice/site"
)

// phase says where a connection is.
type phase uint8

const (
	// idle: between requests; nothing of the next one has come. It holds no
	// buffer.
	idle phase = iota
	// head: part of a head has come.
	head
	// exchanging: a request is being served.
	exchanging
	// discarding: the response is complete, unwanted content still arrives.
	discarding
	// closing: nothing more is read or answered.
	closing
	numPhases
)

func (p phase) String() string {
	return [...]string{"idle", "head", "exchanging", "discarding", "closing"}[p]
}

var may = [numPhases][numPhases]bool{
	idle:       {head: true, exchanging: true, closing: true},
	head:       {exchanging: true, closing: true},
	exchanging: {idle: true, discarding: true, closing: true},
	discarding: {idle: true, closing: true},
}

// conn is an HTTP/1 connection of a client.
type conn struct {
	lf    *local
	c     *loop.Conn
	ep    *endpoint
	cur   *stream // nil in idle and closing
	phase phase
	// feeding: feed is on the stack, and goes on by itself.
	feeding bool
	served  uint32
	parser  http1.Parser
	input   []byte // what came behind the request under way
	timer   loop.Timer
	// mark is what the time limits compare with: when content last came, and
	// how much the client had taken.
	contentAt int64
	taken     int64
	prev      *conn
	next      *conn
}

func (h *conn) become(next phase) {
	if !may[h.phase][next] {
		panic("front: connection may not go from " + h.phase.String() + " to " + next.String())
	}
	h.phase = next
}

func (lf *local) accept(c *loop.Conn, ep *endpoint) loop.Handler {
	if lf.draining {
		return nil
	}
	h := &conn{lf: lf, c: c, ep: ep, next: lf.first}
	if lf.first != nil {
		lf.first.prev = h
	}
	lf.first = h
	h.parser.Init(&lf.limits)
	h.timer.Init(h.timeOut)
	lf.loop.Arm(&h.timer, lf.srv.opts.HeadTime)
	return h
}

// forget takes the connection off the list.
func (h *conn) forget() {
	if h.prev != nil {
		h.prev.next = h.next
	} else {
		h.lf.first = h.next
	}
	if h.next != nil {
		h.next.prev = h.prev
	}
	h.lf.loop.Forget(&h.timer)
	h.lf.checkDrained()
}

// close ends the connection after what is queued.
func (h *conn) close(linger bool) {
	if h.phase == closing {
		return
	}
	h.become(closing)
	h.forget()
	h.input = nil
	h.c.Close(linger)
}

// abort ends it at once.
func (h *conn) abort() {
	if h.phase == closing {
		return
	}
	h.become(closing)
	h.forget()
	h.input = nil
	h.c.Abort()
}

// Data implements loop.Handler.
func (h *conn) Data(_ *loop.Conn, p []byte) {
	if len(h.input) > 0 {
		h.keep(p)
		return
	}
	if rest := h.feed(p); len(rest) > 0 {
		h.keep(rest)
	}
}

// keep stores what came behind the request under way. The connection is paused,
// so it is at most what one read brought.
func (h *conn) keep(p []byte) {
	if h.phase == closing {
		return
	}
	h.input = append(h.input, p...)
	h.c.Pause()
}

// feed gives the parser what came, and answers what has to wait until the
// request under way is done.
func (h *conn) feed(p []byte) []byte {
	h.feeding = true
	defer func() { h.feeding = false }()
	for h.phase != closing {
		if h.phase == idle {
			if len(p) == 0 {
				return nil
			}
			if h.c.Full() { // answers are not read: Drained goes on
				return p
			}
			h.begin()
		}
		if s := h.cur; s.contentDone && !s.finished {
			return p
		}
		n, ev, err := h.parser.Feed(p)
		p = p[n:]
		if err != nil {
			h.refuse(err)
			return nil
		}
		h.event(ev)
		if ev == http1.NeedMore {
			if h.phase == idle {
				continue
			}
			h.waitForMore()
			return nil
		}
	}
	return nil
}

func (h *conn) event(ev http1.Event) {
	s := h.cur
	switch ev {
	case http1.HeadComplete:
		h.serve(s)
	case http1.Content:
		h.contentAt = h.lf.loop.Now()
		if s.finished || !s.Wanted() {
			h.discard(s, len(h.parser.Piece))
			return
		}
		s.Content(h.parser.Piece)
	case http1.Complete:
		s.contentDone = true
		if !s.finished {
			s.ContentEnd()
		}
		if s.finished && h.phase != closing {
			h.nextRequest()
		}
	case http1.NeedMore:
	}
}

// Piped implements loop.Piper: content has come, and is where ContentPipe said.
func (h *conn) Piped(_ *loop.Conn, n int64) {
	s := h.cur
	h.contentAt = h.lf.loop.Now()
	h.parser.Skip(n)
	if s.finished || !s.Wanted() {
		h.discard(s, int(n))
	} else {
		s.Piped(n)
	}
	h.feed(nil)
}

// pipeContent has the content to come moved on without being looked at, where
// somebody wants it so.
func (h *conn) pipeContent() {
	if left := h.parser.Left(); left > 0 && !h.cur.finished && h.c.Pipes() {
		h.c.ReadInto(h.cur.ContentPipe(left), left)
	}
}

// discard counts content that nobody wants.
func (h *conn) discard(s *stream, n int) {
	if s.discarded += int64(n); s.discarded > discardBytesMax && s.finished {
		h.endStream()
		h.close(true)
	}
}

// begin starts reading a request.
func (h *conn) begin() {
	h.become(head)
	h.cur = h.lf.stream(h)
	h.parser.Begin(&h.cur.head)
}

// waitForMore sets the time limit for the rest of what has begun.
func (h *conn) waitForMore() {
	switch {
	case h.phase == head && !h.cur.slow:
		h.cur.slow = true
		h.lf.loop.Arm(&h.timer, h.lf.srv.opts.HeadTime)
	case h.phase == exchanging || h.phase == discarding:
		h.lf.loop.Arm(&h.timer, h.lf.srv.opts.BodyTime)
		h.pipeContent()
	}
}

// serve hands a request with a complete head to the sites.
func (h *conn) serve(s *stream) {
	h.become(exchanging)
	h.served++
	opts := &h.lf.srv.opts
	s.started = h.lf.loop.Now()
	h.contentAt, h.taken = s.started, h.c.Sent()
	h.lf.loop.Arm(&h.timer, opts.SendTime)
	s.keepAlive = s.head.KeepAlive && !h.lf.draining &&
		(opts.RequestsMax == 0 || int(h.served) < opts.RequestsMax)
	s.Req = &s.head.Request
	s.HasContent = s.head.Chunked || s.head.ContentLength > 0
	s.Stream = s
	h.identify(s)
	if h.trusted() {
		hop{&s.Exchange, opts.Trusted}.forwarded()
	}
	h.lf.host.Serve(&s.Exchange)
}

// identify says who is at either end of the connection.
func (h *conn) identify(s *stream) {
	remote := h.c.Remote()
	s.Client, s.ClientPort = remote.Addr(), remote.Port()
	s.Server = h.server()
}

// server is our end of the connection.
func (h *conn) server() netip.AddrPort {
	if h.ep.unix || !h.ep.addr.Addr().IsUnspecified() {
		return h.ep.addr
	}
	return h.c.Local()
}

// refuse answers a request that can't be understood; nobody knows where the
// next one would begin.
func (h *conn) refuse(err *http1.Error) {
	s := h.cur
	if h.phase == head {
		h.become(exchanging)
		s.started = h.lf.loop.Now()
		h.identify(s)
		s.Req = &s.head.Request
		s.Stream = s
		s.keepAlive, s.contentDone = false, true
		h.lf.host.Reject(&s.Exchange, err.Status, err)
		return
	}
	if s.finished { // nobody wanted this content, and the response is on its way
		h.endStream()
		h.close(true)
		return
	}
	s.Gone() // broken content: half of it must not be taken for all
	s.Report(site.Report{Site: s.Site(), Status: err.Status, Err: err})
	if !s.headSent {
		s.keepAlive, s.contentDone = false, true
		h.lf.host.Reject(&s.Exchange, err.Status, err)
		return
	}
	h.endStream()
	h.abort()
}

// finished is called by the stream when its response is complete.
func (h *conn) finished() {
	s := h.cur
	s.log()
	if !s.keepAlive || h.lf.draining {
		// Who did not ask for the end may send another request meanwhile.
		needLinger := (s.HasContent && (!s.contentDone || s.head.Chunked)) || s.head.KeepAlive || len(h.input) > 0
		h.endStream()
		h.close(needLinger)
		return
	}
	if !s.contentDone {
		h.become(discarding)
		h.c.Resume()
		return
	}
	if h.feeding {
		return // event or feed goes on
	}
	h.nextRequest()
	h.takeInput()
}

// nextRequest makes the connection idle.
func (h *conn) nextRequest() {
	h.become(idle)
	h.endStream()
	h.lf.loop.Arm(&h.timer, h.lf.srv.opts.IdleTime)
	if h.lf.draining {
		h.close(false)
	}
}

// takeInput goes on with what came meanwhile.
func (h *conn) takeInput() {
	for h.phase == idle && len(h.input) > 0 && !h.c.Full() {
		in := h.input
		h.input = nil
		if rest := h.feed(in); len(rest) > 0 {
			h.input = rest
			return
		}
	}
	if h.phase != closing && len(h.input) == 0 {
		h.c.Resume()
	}
}

func (h *conn) endStream() {
	h.parser.End()
	h.lf.release(h.cur)
	h.cur = nil
}

// EOF implements loop.Handler: the client sends no more. It may have closed
// altogether, which can't be told apart, so a script is not left running for
// nobody.
func (h *conn) EOF(*loop.Conn) {
	switch h.phase {
	case idle, head:
		if h.cur != nil {
			h.endStream()
		}
		h.close(false)
	case exchanging, discarding:
		h.gone()
		h.abort()
	case closing, numPhases:
	}
}

// Closed implements loop.Handler.
func (h *conn) Closed(*loop.Conn, error) {
	if h.phase == closing {
		return
	}
	h.gone()
	h.become(closing)
	h.forget()
	h.input = nil
}

// gone ends the exchange because the client has left.
func (h *conn) gone() {
	if s := h.cur; s != nil {
		if h.phase == exchanging {
			if !s.finished {
				s.Gone()
				if s.Status == 0 {
					s.Status = 499 // nginx's number for it, known to log readers
				}
				s.log()
			}
		}
		h.endStream()
	}
}

// Drained implements loop.Handler.
func (h *conn) Drained(*loop.Conn) {
	switch {
	case h.phase == exchanging && h.cur.headSent:
		h.cur.Resume()
	case h.phase == idle:
		h.takeInput()
	}
}

// timeOut applies the time limits. Moving a deadline later costs nothing, so
// here is looked up what the current phase's limit really is.
func (h *conn) timeOut() {
	opts := &h.lf.srv.opts
	switch h.phase {
	case idle:
		h.timeOutIdle()
	case head:
		if !h.parser.Started() { // only empty lines came
			h.endStream()
			h.close(false)
			return
		}
		h.refuse(errHeadTime)
	case exchanging, discarding:
		h.timeOutExchange(opts)
	case closing, numPhases:
	}
}

// timeOutIdle ends a connection without requests. One that waits for its client
// to read before the next request is not idle while he does.
func (h *conn) timeOutIdle() {
	if len(h.input) == 0 {
		h.close(false)
		return
	}
	if h.c.Sent() == h.taken {
		h.abort()
		return
	}
	h.taken = h.c.Sent()
	h.lf.loop.Arm(&h.timer, h.lf.srv.opts.SendTime)
}

func (h *conn) timeOutExchange(opts *Options) {
	now, s := h.lf.loop.Now(), h.cur
	if !s.contentDone && !h.c.Paused() {
		left := int64(opts.BodyTime) - (now - h.contentAt)
		if left <= 0 {
			h.refuse(errBodyTime)
			return
		}
		h.lf.loop.Arm(&h.timer, durationOf(left))
		return
	}
	if h.c.Queued() > 0 && h.c.Sent() == h.taken {
		h.gone()
		h.abort()
		return
	}
	h.taken = h.c.Sent()
	h.lf.loop.Arm(&h.timer, opts.SendTime)
}
