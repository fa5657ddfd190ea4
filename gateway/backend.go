package gateway

import (
	"net/netip"
	"sync/atomic"
	"time"

	"sluice/cgi"
	"sluice/fcgi"
	"sluice/loop"
	"sluice/spool"
)

// Options are a backend's settings.
type Options struct {
	Pool *fcgi.Pool
	// Lane has workers for a site's calls to itself, when they can't get one of
	// Pool: a page may wait for such a call, so that all workers could be waiting
	// for each other. nil: there are none. Calls tells whether a request's
	// connection is such a call; it may take its time, and runs in a goroutine.
	Lane  *fcgi.Pool
	Calls func(from Caller) bool
	Store *spool.Store
	// RequestTime limits a request from the moment a worker has it; then the
	// worker is ended and the client gets 504.
	RequestTime time.Duration
	// RetrySafe is how often a safe request (GET, HEAD, OPTIONS) is sent again
	// whose backend broke off before the client got anything, though the script may
	// have begun: what a restart of a backend that is not ours looks like. 0: only
	// when a kept connection broke at once.
	RetrySafe int
	// SharedSpoolBytes bounds what of one response waits for a slow client where
	// the script can't wait for him, because others share its connection; over it
	// the request is aborted and the client broken off. 0 is 1 GiB.
	SharedSpoolBytes int64
	// Params are the pairs that are the same for every request, encoded by
	// fcgi.AppendPair.
	Params []byte
	// Log is told what is worth a line in the log.
	Log Log

	looking atomic.Bool // Calls runs
}

// Caller is a connection from this machine to itself.
type Caller struct{ Client, Server netip.AddrPort }

// Log takes what happens to requests. Its methods are called on the loops.
type Log interface {
	// Stderr brings what a script wrote to STDERR, with how many octets more
	// were not kept.
	Stderr(c Client, text []byte, dropped int64)
	// Dropped: n field lines were not passed on, because their names could be
	// mistaken for others.
	Dropped(c Client, n int)
	// Trouble is an answer that was not as it should be, though the client got
	// one.
	Trouble(c Client, err error)
}

// Client is who asked, and gets the response. Its methods are called on the
// loop. After End or Fail nothing more is called.
type Client interface {
	// Intercept may take the answer over when the head is there (X-Sendfile,
	// local redirects): then the rest of the response is thrown away.
	Intercept(res *cgi.Response) bool
	// Head begins the response; length is that of the content, -1 if not known.
	Head(res *cgi.Response, length int64)
	// Body brings content, which dies when it returns.
	Body(p []byte)
	BodyFile(f loop.FileRef, off, n int64)
	// Full asks to wait for Request.Resume.
	Full() bool
	// End: the response is complete.
	End()
	// Fail: there is no response, or no end of it.
	Fail(f Failure)
	// PauseContent and ResumeContent hold back the request's content.
	PauseContent()
	ResumeContent()
}

// Failure says why a request got no (whole) response, in the terms of RFC 9110.
type Failure struct {
	Status     int
	RetryAfter int // seconds, 0 for none
	Err        error
}

// Local is a loop's part of a backend.
type Local struct {
	opts *Options
	pool *fcgi.Local
	lane *fcgi.Local // nil: none
	l    *loop.Loop
	free []*Request
}

// On gives a loop its part.
func (o *Options) On(l *loop.Loop) *Local {
	if o.RequestTime <= 0 {
		o.RequestTime = requestTimeDefault
	}
	if o.SharedSpoolBytes <= 0 {
		o.SharedSpoolBytes = sharedSpoolBytesDefault
	}
	lp := &Local{opts: o, pool: o.Pool.On(l), l: l}
	if o.Lane != nil {
		lp.lane = o.Lane.On(l)
	}
	return lp
}

// Close gives idle connections back; requests in flight go on.
func (lp *Local) Close() {
	lp.pool.Close()
	if lp.lane != nil {
		lp.lane.Close()
	}
}

// Begin makes a request for a client. The caller fills Env, then calls Start.
func (lp *Local) Begin(c Client) *Request {
	var r *Request
	if n := len(lp.free); n > 0 {
		r = lp.free[n-1]
		lp.free = lp.free[:n-1]
	} else {
		r = &Request{lp: lp}
		r.limit.Init(r.timeOut)
		r.flush.Init(r.flushNow)
	}
	r.client = c
	r.askedAt, r.grantedAt, r.endedAt = 0, 0, 0 // which Times tells until here
	return r
}

func (lp *Local) recycle(r *Request) {
	r.limit.Stop()
	r.flush.Stop()
	r.body.Close()
	r.out.Close()
	r.reset()
	if len(lp.free) < requestsKeptMax {
		lp.free = append(lp.free, r)
	}
}
