package proxied

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"

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

	mu  sync.Mutex // guards now
	now *exchange  // request in flight, nil between requests

	wmu sync.Mutex // one record after the other
}

// begun is what BEGIN_REQUEST said.
type begun struct {
	id   uint16 // 0: nothing has begun
	keep bool
}

var (
	// errGone: the peer has closed the connection.
	errGone = errors.New("proxied: the connection was closed")
	// errAborted: ABORT_REQUEST has come.
	errAborted = errors.New("proxied: the request was aborted")
)

// serve reads records until the connection ends, which ends the request too.
func (c *conn) serve() {
	defer c.s.forget(c)
	err := c.read()
	var op *net.OpError
	if !errors.Is(err, io.EOF) && !errors.As(err, &op) {
		c.s.opts.Log(err)
	}
	c.cancel(0, errGone)
	_ = c.nc.Close()
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
		c.content(ev)
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
		return fmt.Errorf("proxied: %v from the gateway", ev.Type)
	default:
		return c.send(fcgi.AppendUnknownType(nil, ev.Type))
	}
	return nil
}

func (c *conn) begin(ev fcgi.Event) error {
	if len(ev.Content) < 8 || ev.ID == 0 {
		return fmt.Errorf("proxied: BEGIN_REQUEST of request %d has %d octets of content", ev.ID, len(ev.Content))
	}
	role := fcgi.Role(ev.Content[0])<<8 | fcgi.Role(ev.Content[1])
	switch {
	case role != fcgi.Responder:
		return c.send(fcgi.AppendEndRequest(nil, ev.ID, 0, fcgi.UnknownRole))
	case c.next.id != 0 || c.current(0) != nil:
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
			return fmt.Errorf("proxied: PARAMS are over %d octets", paramsBytesMax)
		}
		return nil
	}
	a, err := parseParams(c.params)
	if err != nil {
		return err
	}
	e := newExchange(c, c.next, a)
	c.next = begun{}
	c.mu.Lock()
	c.now = e
	c.mu.Unlock()
	c.s.work.Add(1)
	go e.do()
	return nil
}

// content gives octets of STDIN to the exchange, and waits until it takes them: at
// most for Options.IdleTime.
func (c *conn) content(ev fcgi.Event) {
	e := c.current(ev.ID)
	switch {
	case e == nil:
	case ev.EOF:
		_ = e.stdin.Close()
	default:
		_, _ = e.stdin.Write(ev.Content) // fails where nobody wants it any more
	}
}

// values answers GET_VALUES (§4.1).
func (c *conn) values(asked []byte) error {
	var answer []byte
	for len(asked) > 0 {
		name, _, n, err := fcgi.ConsumePair(asked)
		if err != nil {
			return fmt.Errorf("proxied: GET_VALUES: %w", err)
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

// current is the request in flight if it has that id; 0 is any.
func (c *conn) current(id uint16) *exchange {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.now == nil || id != 0 && c.now.id != id {
		return nil
	}
	return c.now
}

// cancel ends the request in flight if it has that id; 0 is any.
func (c *conn) cancel(id uint16, cause error) {
	if e := c.current(id); e != nil {
		e.cancel(cause)
		_ = e.stdin.CloseWithError(cause)
	}
}

// over frees the place before END_REQUEST is written, which the gateway may answer
// with BEGIN_REQUEST at once.
func (c *conn) over() {
	c.mu.Lock()
	c.now = nil
	c.mu.Unlock()
}

// send writes records. After half a record nothing can follow.
func (c *conn) send(b []byte) error {
	c.wmu.Lock()
	defer c.wmu.Unlock()
	_, err := c.nc.Write(b)
	if err != nil {
		_ = c.nc.Close()
	}
	return err
}
