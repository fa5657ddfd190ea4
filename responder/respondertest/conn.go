// Package respondertest is a gateway's end of a connection to a responder.Server, for
// the tests of those that have one. It imports the standard library and fcgi.
package respondertest

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"sluice/fcgi"
)

// patience is how long a test waits for what must come, on a busy machine.
const patience = 20 * time.Second

// Conn is a connection. What goes wrong with it ends the test.
type Conn struct {
	*net.UnixConn
	T *testing.T

	dec fcgi.Decoder
	in  []byte // received, not decoded
	buf [64 << 10]byte
}

// Dial connects to a server.
func Dial(t *testing.T, address string) *Conn {
	t.Helper()
	nc, err := net.Dial("unix", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = nc.Close() })
	return &Conn{UnixConn: nc.(*net.UnixConn), T: t}
}

// Send sends records.
func (c *Conn) Send(b []byte) {
	c.T.Helper()
	if _, err := c.Write(b); err != nil {
		c.T.Fatal(err)
	}
}

// Event is the next record, false at the end of the connection.
func (c *Conn) Event() (fcgi.Event, bool) {
	c.T.Helper()
	for {
		if len(c.in) > 0 {
			n, ev, ok, err := c.dec.Next(c.in)
			c.in = c.in[n:]
			if err != nil {
				c.T.Fatal(err)
			}
			if ok {
				return ev, true
			}
			continue
		}
		_ = c.SetReadDeadline(time.Now().Add(patience))
		n, err := c.Read(c.buf[:])
		c.in = c.buf[:n]
		if n == 0 {
			if !errors.Is(err, io.EOF) && !strings.Contains(err.Error(), "reset") {
				c.T.Fatal(err)
			}
			return fcgi.Event{}, false
		}
	}
}

// Answer is what came for a request.
type Answer struct {
	Out, Err string // STDOUT, STDERR
	End      fcgi.EndRequestBody
	Cut      bool // the connection ended before END_REQUEST
}

// Answer reads a request's answer to its end.
func (c *Conn) Answer(id uint16) Answer {
	c.T.Helper()
	var out, errs bytes.Buffer
	for {
		ev, ok := c.Event()
		switch {
		case !ok:
			return Answer{out.String(), errs.String(), fcgi.EndRequestBody{}, true}
		case ev.ID != id:
			c.T.Fatalf("%v of request %d, want %d", ev.Type, ev.ID, id)
		case ev.Type == fcgi.Stdout:
			out.Write(ev.Content)
		case ev.Type == fcgi.Stderr:
			errs.Write(ev.Content)
		case ev.Type == fcgi.EndRequest:
			end, err := fcgi.ParseEndRequest(ev.Content)
			if err != nil {
				c.T.Fatal(err)
			}
			return Answer{out.String(), errs.String(), end, false}
		default:
			c.T.Fatalf("unexpected %v", ev.Type)
		}
	}
}

// Eventually waits for what must come true.
func Eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}
