package responder

import (
	"context"
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
	next   *Request // whose PARAMS are coming
	params []byte   // of next

	mu  sync.Mutex // guards now
	now *Request   // in flight, nil between requests

	wmu sync.Mutex // one record after the other
}

// serve reads records until the connection ends, which ends the request too.
func (c *conn) serve() {
	defer c.s.forget(c)
	if err := c.read(); !errors.Is(err, io.EOF) && !isBroken(err) {
		c.s.opts.Log(err)
	}
	c.cancel(0, ErrGone)
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
		if r := c.inFlight(ev.ID); r != nil {
			r.handler.Stdin(ev.Content, ev.EOF)
		}
	case fcgi.AbortRequest:
		if c.next != nil && c.next.ID == ev.ID {
			c.next = nil
			return c.send(fcgi.AppendEndRequest(nil, ev.ID, 0, fcgi.RequestComplete))
		}
		c.cancel(ev.ID, ErrAborted)
	case fcgi.GetValues:
		return c.values(ev.Content)
	case fcgi.Data: // of the filter role
	case fcgi.EndRequest, fcgi.Stdout, fcgi.Stderr, fcgi.GetValuesResult, fcgi.UnknownType:
		return c.s.errorf("%v from the gateway", ev.Type)
	default:
		return c.send(fcgi.AppendUnknownType(nil, ev.Type))
	}
	return nil
}

func (c *conn) begin(ev fcgi.Event) error {
	if len(ev.Content) < 8 || ev.ID == 0 {
		return c.s.errorf("BEGIN_REQUEST of request %d has %d octets of content", ev.ID, len(ev.Content))
	}
	role := fcgi.Role(ev.Content[0])<<8 | fcgi.Role(ev.Content[1])
	switch {
	case role != fcgi.Responder:
		return c.send(fcgi.AppendEndRequest(nil, ev.ID, 0, fcgi.UnknownRole))
	case c.next != nil || c.inFlight(0) != nil:
		return c.send(fcgi.AppendEndRequest(nil, ev.ID, 0, fcgi.CantMpxConn))
	}
	c.next = &Request{ID: ev.ID, c: c, keep: ev.Content[2]&fcgi.KeepConn != 0}
	c.params = c.params[:0]
	return nil
}

func (c *conn) param(ev fcgi.Event) error {
	if c.next == nil || c.next.ID != ev.ID {
		return nil // of a request that was refused
	}
	if !ev.EOF {
		c.params = append(c.params, ev.Content...)
		if len(c.params) > paramsBytesMax {
			return c.s.errorf("PARAMS are over %d octets", paramsBytesMax)
		}
		return nil
	}
	r := c.next
	c.next = nil
	r.ctx, r.cancel = context.WithCancelCause(c.s.ctx)
	var err error
	if r.handler, err = c.s.opts.Begin(r, c.params); err != nil {
		r.cancel(err)
		return err
	}
	c.put(r)
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
			return c.s.errorf("GET_VALUES: %w", err)
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

// inFlight is the request in flight if it has that id; 0 is any.
func (c *conn) inFlight(id uint16) *Request {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.now == nil || id != 0 && c.now.ID != id {
		return nil
	}
	return c.now
}

// put says which request is in flight.
func (c *conn) put(r *Request) {
	c.mu.Lock()
	c.now = r
	c.mu.Unlock()
}

// cancel ends the request in flight if it has that id; 0 is any.
func (c *conn) cancel(id uint16, cause error) {
	if r := c.inFlight(id); r != nil {
		r.cancel(cause)
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
