package cgid

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"sluice/fcgi"
)

// conn is one connection from the gateway: one request at a time.
type conn struct {
	s  *Server
	nc net.Conn

	// Owned by the reading goroutine:
	dec    fcgi.Decoder
	next   begun  // request whose PARAMS are coming
	params []byte // of next

	mu  sync.Mutex // guards run
	run *run       // request in flight, nil between requests

	wmu sync.Mutex // one record after the other
}

// begun is what BEGIN_REQUEST said.
type begun struct {
	id   uint16 // 0: nothing has begun
	keep bool
}

var (
	// errGone: the peer has closed the connection.
	errGone = errors.New("cgid: the connection was closed")
	// errAborted: ABORT_REQUEST has come.
	errAborted = errors.New("cgid: the request was aborted")
)

// serve reads records until the connection ends, which ends the request too.
func (c *conn) serve() {
	defer c.s.forget(c)
	if err := c.read(); !errors.Is(err, io.EOF) && !isBroken(err) {
		c.s.opts.Log("", err)
	}
	c.cancel(0, errGone)
	_ = c.nc.Close()
}

// isBroken tells a connection's end from a fault of the protocol.
func isBroken(err error) bool {
	var op *net.OpError
	return errors.As(err, &op)
}

// read takes records until there are no more, and says why.
func (c *conn) read() error {
	buf := make([]byte, pieceBytes)
	for {
		n, err := c.nc.Read(buf)
		for p := buf[:n]; len(p) > 0; {
			k, ev, ok, err := c.dec.Next(p)
			p = p[k:]
			if err == nil && ok {
				err = c.event(ev)
			}
			if err != nil {
				return err
			}
		}
		if err != nil {
			return err
		}
	}
}

func (c *conn) event(ev fcgi.Event) error {
	switch ev.Type {
	case fcgi.BeginRequest:
		return c.begin(ev)
	case fcgi.Params:
		return c.param(ev)
	case fcgi.Stdin:
		if r := c.current(ev.ID); r != nil {
			r.feed(ev.Content, ev.EOF)
		}
	case fcgi.AbortRequest:
		if ev.ID != 0 && c.next.id == ev.ID {
			c.next = begun{}
			return c.send(fcgi.AppendEndRequest(nil, ev.ID, 0, fcgi.RequestComplete))
		}
		c.cancel(ev.ID, errAborted)
	case fcgi.GetValues:
		return c.values(ev.Content)
	case fcgi.Data: // of the filter role
	case fcgi.EndRequest, fcgi.Stdout, fcgi.Stderr, fcgi.GetValuesResult, fcgi.UnknownType:
		return fmt.Errorf("cgid: %v from the gateway", ev.Type)
	default:
		return c.send(fcgi.AppendUnknownType(nil, ev.Type))
	}
	return nil
}

func (c *conn) begin(ev fcgi.Event) error {
	if len(ev.Content) < 8 || ev.ID == 0 {
		return fmt.Errorf("cgid: BEGIN_REQUEST of request %d has %d octets of content", ev.ID, len(ev.Content))
	}
	role := fcgi.Role(ev.Content[0])<<8 | fcgi.Role(ev.Content[1])
	switch {
	case role != fcgi.Responder:
		return c.send(fcgi.AppendEndRequest(nil, ev.ID, 0, fcgi.UnknownRole))
	case c.next.id != 0 || c.busy():
		return c.send(fcgi.AppendEndRequest(nil, ev.ID, 0, fcgi.CantMpxConn))
	}
	c.next = begun{ev.ID, ev.Content[2]&fcgi.KeepConn != 0}
	c.params = c.params[:0]
	return nil
}

func (c *conn) param(ev fcgi.Event) error {
	if ev.ID != c.next.id || ev.ID == 0 {
		return nil // of a request that was refused
	}
	if !ev.EOF {
		c.params = append(c.params, ev.Content...)
		if len(c.params) > paramsBytesMax {
			return fmt.Errorf("cgid: PARAMS are over %d octets", paramsBytesMax)
		}
		return nil
	}
	req, err := parseParams(c.params)
	if err != nil {
		return err
	}
	r := newRun(c, c.next, req)
	c.next = begun{}
	c.mu.Lock()
	c.run = r
	c.mu.Unlock()
	c.s.work.Add(1)
	go r.do()
	return nil
}

// values answers GET_VALUES (§4.1).
func (c *conn) values(asked []byte) error {
	var answer []byte
	for len(asked) > 0 {
		name, _, n, err := fcgi.ConsumePair(asked)
		if err != nil {
			return fmt.Errorf("cgid: GET_VALUES: %w", err)
		}
		asked = asked[n:]
		switch string(name) {
		case "FCGI_MAX_CONNS", "FCGI_MAX_REQS":
			answer = fcgi.AppendPair(answer, name, fmt.Sprint(c.s.Concurrency()))
		case "FCGI_MPXS_CONNS":
			answer = fcgi.AppendPair(answer, name, "0")
		}
	}
	return c.send(fcgi.AppendRecord(nil, fcgi.GetValuesResult, 0, answer))
}

func (c *conn) busy() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.run != nil
}

func (c *conn) current(id uint16) *run {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.run == nil || c.run.id != id {
		return nil
	}
	return c.run
}

// cancel ends the request in flight if it has that id; 0 is any.
func (c *conn) cancel(id uint16, cause error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.run != nil && (id == 0 || c.run.id == id) {
		c.run.cancel(cause)
	}
}

// send writes records.
func (c *conn) send(b []byte) error {
	c.wmu.Lock()
	defer c.wmu.Unlock()
	return c.write(b)
}

// write is called with wmu. After half a record nothing can follow.
func (c *conn) write(b []byte) error {
	_, err := c.nc.Write(b)
	if err != nil {
		_ = c.nc.Close()
	}
	return err
}

// sendFor writes records of a request, unless it is over.
func (c *conn) sendFor(r *run, b []byte) (sent bool, err error) {
	c.wmu.Lock()
	defer c.wmu.Unlock()
	if r.answered.Load() {
		return false, nil
	}
	return true, c.write(b)
}

// last writes the last records of a request and tells whether that went well.
// The place is free before END_REQUEST is written, which the gateway may answer
// with BEGIN_REQUEST at once.
func (c *conn) last(r *run, b []byte) bool {
	c.wmu.Lock()
	defer c.wmu.Unlock()
	r.answered.Store(true)
	c.mu.Lock()
	c.run = nil
	c.mu.Unlock()
	_ = c.nc.SetWriteDeadline(time.Time{})
	return c.write(b) == nil
}

// finish says that nothing more is sent, and leaves the peer some time to read
// it: closing with something of its unread would look like a failure.
func (c *conn) finish() {
	w, ok := c.nc.(interface{ CloseWrite() error })
	if !ok || w.CloseWrite() != nil {
		_ = c.nc.Close()
		return
	}
	_ = c.nc.SetReadDeadline(time.Now().Add(lingerTime))
}
