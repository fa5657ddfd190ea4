package loop

import (
	"errors"
	"os"
)

// errNotPiped: what is to be read next can't go into the pipe.
var errNotPiped = errors.New("loop: not into the pipe")

// Pipe holds octets in the kernel on their way from one connection to another,
// which saves two copies of them (splice(2)). It is a FileRef for Conn.WriteFile,
// which takes them out again; offsets mean nothing. It belongs to one loop.
//
// Whoever may still fill or empty it holds a reference.
type Pipe struct {
	l    *Loop
	r, w int // descriptors
	held int64
	most int64 // of the next ReadInto
	refs int
}

// Piper is a Handler that may call Conn.ReadInto.
type Piper interface {
	Handler
	// Piped: n octets have come, which Data would have brought, and are in the pipe.
	Piped(c *Conn, n int64)
}

// piper is a Socket that can move octets from and to a pipe.
type piper interface {
	// ReadPipe is Read into p. It answers errNotPiped when only Read can go on.
	ReadPipe(p *Pipe, n int64) (int, error)
	WritePipe(p *Pipe, n int64) (int, error)
}

// Retain makes one more reference.
func (p *Pipe) Retain() *Pipe {
	p.refs++
	return p
}

// Held is the number of octets in it.
func (p *Pipe) Held() int64 { return p.held }

// File implements FileRef: there is none to be had.
func (p *Pipe) File() *os.File { return nil }

// Release implements FileRef.
func (p *Pipe) Release() {
	if p.refs--; p.refs == 0 {
		p.l.pipes--
		p.close()
	}
}

// Pipe makes an empty pipe with one reference; nil: none is to be had.
func (l *Loop) Pipe() *Pipe {
	l.mustOwn()
	if l.pipes == pipesMax || l.stop {
		return nil
	}
	p := newPipe(l)
	if p != nil {
		p.refs = 1
		l.pipes++
	}
	return p
}

// Pipes tells whether ReadInto may be of use.
func (c *Conn) Pipes() bool {
	_, ok := c.sock.(piper)
	return ok && c.state == open
}

// ReadInto has what is read next, at most most octets, moved into p if that can be
// done; the handler, a Piper, is told by Piped. Else Data brings it. Either way the
// one after it is up to Data again. A nil p takes it back.
func (c *Conn) ReadInto(p *Pipe, most int64) {
	c.l.mustOwn()
	c.leavePipe()
	if p != nil && c.Pipes() {
		c.into = p.Retain()
		p.most = most
	}
}

// leavePipe: nothing more is read into a pipe.
func (c *Conn) leavePipe() {
	if c.into != nil {
		c.into.Release()
		c.into = nil
	}
}

// readPipe does what ReadInto asked for.
func (c *Conn) readPipe() error {
	p := c.into
	n, err := c.sock.(piper).ReadPipe(p, min(p.most, pipeReadBytes))
	if errors.Is(err, ErrAgain) {
		return err
	}
	c.into = nil
	if err == nil {
		p.held += int64(n)
		c.h.(Piper).Piped(c, int64(n))
	}
	p.Release()
	return err
}
