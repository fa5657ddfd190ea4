package proxied

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"sluice/fcgi"
)

// exchange is one request and the other server's answer.
type exchange struct {
	s     *Server
	c     *conn
	begun // id, keep
	asked asked

	ctx    context.Context // ends, with its cause, when the exchange has to
	cancel context.CancelCauseFunc
	idle   *time.Timer // ends it when nothing has moved for Options.IdleTime

	stdin *io.PipeWriter // the connection's reader gives content here
	body  *io.PipeReader

	said bool        // part of an answer has been sent
	held atomic.Bool // the gateway lets us wait: that is not the other server's silence
}

// fault is an answer of ours.
type fault struct {
	status int
	text   string
}

func (f *fault) Error() string { return "proxied: " + f.text }

// errIdle: nothing has moved for Options.IdleTime.
var errIdle = errors.New("proxied: the other server was silent for too long")

func newExchange(c *conn, b begun, a asked) *exchange {
	e := &exchange{s: c.s, c: c, begun: b, asked: a}
	e.ctx, e.cancel = context.WithCancelCause(c.s.ctx)
	e.body, e.stdin = io.Pipe()
	return e
}

// do answers the request.
func (e *exchange) do() {
	defer e.s.work.Done()
	e.idle = time.AfterFunc(e.s.opts.IdleTime, func() {
		e.cancel(errIdle)
		_ = e.body.CloseWithError(errIdle)
	})
	err := e.pass()
	e.idle.Stop()
	_ = e.body.CloseWithError(io.ErrClosedPipe) // what else comes is thrown away
	if cause := context.Cause(e.ctx); cause != nil && err != nil {
		err = cause
	}
	e.cancel(nil)
	e.end(err)
}

// moved: something has been read or written.
func (e *exchange) moved() {
	if !e.held.Load() {
		e.idle.Reset(e.s.opts.IdleTime)
	}
}

// pass asks the other server and relays its answer.
func (e *exchange) pass() error {
	req, t, err := e.request()
	if err != nil {
		return err
	}
	res, err := e.s.transport(t, req, e.asked.fresh).RoundTrip(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode == http.StatusSwitchingProtocols {
		return &fault{502, "the other server switched protocols, which nobody asked for"}
	}
	if err := e.send(responseHead(res)); err != nil {
		return err
	}
	return e.relay(res.Body)
}

// request is what the other server is sent.
func (e *exchange) request() (*http.Request, *Target, error) {
	a := &e.asked
	t, err := ParseTarget(a.target)
	if err != nil {
		return nil, nil, &fault{500, strings.TrimPrefix(err.Error(), "proxied: ")}
	}
	if !e.s.allowed.Has(&t) {
		return nil, nil, &fault{403, fmt.Sprintf("%.200q is none of the servers that may be asked", a.target)}
	}
	h, err := a.requestFields()
	if err != nil {
		return nil, nil, err
	}
	u := &url.URL{Scheme: "http", Host: t.hostField(), Opaque: t.URI}
	if t.TLS {
		u.Scheme = "https"
	}
	if strings.HasPrefix(t.URI, "//") { // Opaque would be taken for an authority
		path, query, _ := strings.Cut(t.URI, "?")
		u.Opaque, u.RawPath, u.RawQuery = "", path, query
		if u.Path, err = url.PathUnescape(path); err != nil {
			u.Path, u.RawPath = path, ""
		}
	}
	ctx := e.ctx
	if t.Socket != "" {
		ctx = context.WithValue(ctx, socketKey{}, t.Socket)
	}
	req := (&http.Request{Method: a.method, URL: u, Host: u.Host, Header: h, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}).WithContext(ctx)
	if n, err := strconv.ParseInt(a.length, 10, 64); err == nil && n > 0 {
		req.ContentLength, req.Body = n, &content{e}
	}
	return req, &t, nil
}

// content is the request's, for Transport.
type content struct{ e *exchange }

func (c *content) Read(p []byte) (int, error) {
	n, err := c.e.body.Read(p)
	c.e.moved()
	return n, err
}

func (c *content) Close() error { return c.e.body.CloseWithError(io.ErrClosedPipe) }

// relay sends the content of the answer.
func (e *exchange) relay(r io.Reader) error {
	const head = fcgi.HeaderBytes
	buf := make([]byte, head+pieceBytes+8) // padding may follow
	for {
		n, err := r.Read(buf[head : head+pieceBytes])
		if n > 0 {
			padding := -n & 7
			fcgi.AppendHeader(buf[:0], fcgi.Stdout, e.id, n, padding)
			clear(buf[head+n : head+n+padding])
			if err := e.write(buf[:head+n+padding]); err != nil {
				return err
			}
		}
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
	}
}

func (e *exchange) send(text []byte) error {
	return e.write(fcgi.AppendStream(nil, fcgi.Stdout, e.id, text))
}

// write sends records. The gateway may let them wait as long as it wants to: it
// watches the client.
func (e *exchange) write(records []byte) error {
	e.held.Store(true)
	e.idle.Stop()
	e.said = true
	if err := e.c.send(records); err != nil {
		return errGone
	}
	e.held.Store(false)
	e.moved()
	return nil
}

// end ends the request: whole, with a fault, or broken off.
func (e *exchange) end(err error) {
	var b []byte
	switch {
	case err == nil, errors.Is(err, errAborted):
	case e.said, errors.Is(err, errGone), errors.Is(err, errClosing):
		if !errors.Is(err, errGone) && !errors.Is(err, errClosing) {
			e.s.opts.Log(fmt.Errorf("proxied: the answer of %.200q broke off: %w", e.asked.target, err))
		}
		_ = e.c.nc.Close()
		e.c.over()
		return
	default:
		b = fcgi.AppendStream(b, fcgi.Stdout, e.id, faultHead(e.asked.target, err))
	}
	b = fcgi.AppendRecord(b, fcgi.Stdout, e.id, nil)
	b = fcgi.AppendEndRequest(b, e.id, 0, fcgi.RequestComplete)
	e.c.over()
	if e.c.send(b) != nil || !e.keep {
		_ = e.c.nc.Close()
	}
}

// faultHead is the head of an answer of ours.
func faultHead(target string, err error) []byte {
	status := 502
	var f *fault
	var name *net.DNSError
	var op *net.OpError
	switch {
	case errors.As(err, &f):
		status = f.status
	case errors.Is(err, errIdle):
		status = 504
	case errors.As(err, &name): // as Apache
		status = 500
	case errors.As(err, &op) && op.Op == "dial":
		status = 503
	}
	text := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7F {
			return '?'
		}
		return r
	}, fmt.Sprintf("[P] to %.200q: %s", target, strings.TrimPrefix(err.Error(), "proxied: ")))
	return fmt.Appendf(nil, "Status: %d\r\n%s: %s\r\n\r\n", status, FaultField, text)
}
