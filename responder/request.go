package responder

import (
	"context"
	"errors"
	"net"
	"time"

	"sluice/fcgi"
)

// Handler answers one request.
type Handler interface {
	// Do answers the request: it calls End or Cut, once, and may go on after that.
	// It has a goroutine of its own.
	Do()
	// Stdin takes content, which is its own only until it returns, or the end of
	// it. It is called by the connection's reader, which waits for it, from Begin's
	// end on until the request has ended.
	Stdin(p []byte, eof bool)
}

// Request is a request from the end of its PARAMS on.
type Request struct {
	// ID is the requestId of its records.
	ID uint16

	c       *conn
	keep    bool // the connection stays after END_REQUEST
	handler Handler
	ctx     context.Context // of the request, until Do has returned
	cancel  context.CancelCauseFunc
}

// Why a request's context ends, besides the causes of who answers it; and why
// nothing more of it can be sent.
var (
	// ErrGone: the gateway has closed the connection.
	ErrGone = errors.New("responder: the connection was closed")
	// ErrAborted: ABORT_REQUEST has come.
	ErrAborted = errors.New("responder: the request was aborted")
	// ErrClosing: Server.Close was called.
	ErrClosing = errors.New("responder: the server is closing")
	// ErrEnded: the request has been answered; the connection is another's.
	ErrEnded = errors.New("responder: the request has ended")
)

func (r *Request) do() {
	defer r.c.s.work.Done()
	defer r.cancel(nil)
	r.handler.Do()
}

// Context ends, with its cause, when the request has to.
func (r *Request) Context() context.Context { return r.ctx }

// Cancel ends the request's context.
func (r *Request) Cancel(cause error) { r.cancel(cause) }

// Socket is the connection's, to be closed when a Send must not wait any longer, or
// to have its write deadline set, which End clears.
func (r *Request) Socket() net.Conn { return r.c.nc }

// Send sends records of the request, as long as it takes: the gateway may let them
// wait. The error is ErrGone, or ErrEnded after End or Cut.
func (r *Request) Send(records []byte) error {
	r.c.wmu.Lock()
	defer r.c.wmu.Unlock()
	if r.c.inFlight(r.ID) != r {
		return ErrEnded
	}
	if r.c.write(records) != nil {
		return ErrGone
	}
	return nil
}

// End sends the rest of STDOUT and END_REQUEST. The next request may be in flight
// when it returns.
func (r *Request) End(content []byte, appStatus uint32) {
	b := fcgi.AppendStream(nil, fcgi.Stdout, r.ID, content)
	b = fcgi.AppendRecord(b, fcgi.Stdout, r.ID, nil)
	b = fcgi.AppendEndRequest(b, r.ID, appStatus, fcgi.RequestComplete)
	r.c.wmu.Lock()
	defer r.c.wmu.Unlock()
	// END_REQUEST may be answered with BEGIN_REQUEST at once.
	r.c.put(nil)
	_ = r.c.nc.SetWriteDeadline(time.Time{})
	if r.c.write(b) == nil && !r.keep {
		r.c.finish()
	}
}

// Cut ends the request by closing the connection without END_REQUEST, so that half
// an answer can't look complete.
func (r *Request) Cut() {
	_ = r.c.nc.Close()
	r.c.put(nil)
}
