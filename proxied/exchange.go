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
	"sluice/responder"
)

// exchange is one request and the other server's answer.
type exchange struct {
	*responder.Request // its context ends when the exchange has to
	s                  *Server
	asked              asked

	idle *time.Timer // ends it when nothing has moved for Options.IdleTime

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

func (s *Server) begin(r *responder.Request, params []byte) (responder.Handler, error) {
	a, err := parseParams(params)
	if err != nil {
		return nil, err
	}
	e := &exchange{Request: r, s: s, asked: a}
	e.body, e.stdin = io.Pipe()
	return e, nil
}

// Do answers the request.
func (e *exchange) Do() {
	// The connection's reader does not wait for what has to end.
	release := context.AfterFunc(e.Context(), func() { _ = e.stdin.CloseWithError(context.Cause(e.Context())) })
	defer release()
	e.idle = time.AfterFunc(e.s.opts.IdleTime, func() { e.Cancel(errIdle) })
	err := e.pass()
	e.idle.Stop()
	_ = e.body.CloseWithError(io.ErrClosedPipe) // what else comes is thrown away
	if cause := context.Cause(e.Context()); cause != nil && err != nil {
		err = cause
	}
	e.end(err)
}

// Stdin gives octets to the other server, and waits until it takes them: at most
// for Options.IdleTime.
func (e *exchange) Stdin(p []byte, eof bool) {
	if eof {
		_ = e.stdin.Close()
		return
	}
	_, _ = e.stdin.Write(p) // fails where nobody wants it any more
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
	if err := e.write(fcgi.AppendStream(nil, fcgi.Stdout, e.ID, responseHead(res))); err != nil {
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
	ctx := e.Context()
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
	piece := new(responder.Piece)
	for {
		n, err := r.Read(piece.Room())
		if n > 0 {
			if err := e.write(piece.Stdout(e.ID, n)); err != nil {
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

// write sends records. The gateway may let them wait as long as it wants to: it
// watches the client.
func (e *exchange) write(records []byte) error {
	e.held.Store(true)
	e.idle.Stop()
	e.said = true
	if err := e.Send(records); err != nil {
		return err
	}
	e.held.Store(false)
	e.moved()
	return nil
}

// end ends the request: whole, with a fault, or broken off.
func (e *exchange) end(err error) {
	switch {
	case err == nil, errors.Is(err, responder.ErrAborted):
		e.End(nil, 0)
	case errors.Is(err, responder.ErrGone), errors.Is(err, responder.ErrClosing):
		e.Cut()
	case e.said:
		e.s.opts.Log(fmt.Errorf("proxied: the answer of %.200q broke off: %w", e.asked.target, err))
		e.Cut()
	default:
		e.End(faultHead(e.asked.target, err), 0)
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
