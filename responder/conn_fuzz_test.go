package responder

import (
	"bytes"
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice/fcgi"
)

// fedConn gives octets in pieces, and keeps what is written.
type fedConn struct {
	net.Conn
	in  *bytes.Reader
	max int // octets of a piece

	mu     sync.Mutex
	out    bytes.Buffer
	closed bool
}

func (c *fedConn) Read(p []byte) (int, error) { return c.in.Read(p[:min(len(p), c.max)]) }

func (c *fedConn) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return 0, net.ErrClosed
	}
	return c.out.Write(p)
}

func (c *fedConn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	return nil
}

func (c *fedConn) SetWriteDeadline(time.Time) error { return nil }
func (c *fedConn) SetReadDeadline(time.Time) error  { return nil }

// fedHandler answers when its STDIN has ended, with that.
type fedHandler struct {
	r     *Request
	stdin []byte
	eof   chan struct{}
	over  bool
}

func (h *fedHandler) Stdin(p []byte, eof bool) {
	if h.over {
		return
	}
	h.stdin = append(h.stdin, p...)
	if eof {
		h.over = true
		close(h.eof)
	}
}

func (h *fedHandler) Do() {
	select {
	case <-h.eof:
		h.r.End(h.stdin, 0)
	case <-h.r.Context().Done():
		h.r.Cut()
	}
}

// Whatever a gateway sends, what it gets are whole records, no more answers than it
// has asked for, and each request's PARAMS are what was sent under its number.
func FuzzConn(f *testing.F) {
	begin := func(id uint16, role fcgi.Role, params string) []byte {
		b := fcgi.AppendBeginRequest(nil, id, role, fcgi.KeepConn)
		return fcgi.AppendRecord(fcgi.AppendStream(b, fcgi.Params, id, []byte(params)), fcgi.Params, id, nil)
	}
	whole := fcgi.AppendRecord(fcgi.AppendStream(begin(1, fcgi.Responder, "params"), fcgi.Stdin, 1, []byte("content")), fcgi.Stdin, 1, nil)
	f.Add(whole, uint16(1<<15))
	f.Add(append(fcgi.AppendRecord(nil, fcgi.GetValues, 0, fcgi.AppendPair(fcgi.AppendPair(nil, []byte("FCGI_MAX_REQS"), ""), []byte("x"), "")), whole...), uint16(1))
	f.Add(append(begin(1, fcgi.Responder, "a"), append(begin(2, fcgi.Filter, "b"), fcgi.AppendAbortRequest(nil, 1)...)...), uint16(5))
	f.Add(append(fcgi.AppendAbortRequest(fcgi.AppendBeginRequest(nil, 9, fcgi.Responder, 0), 9), fcgi.AppendHeader(nil, 77, 0, 0, 3)...), uint16(2))
	f.Fuzz(func(t *testing.T, in []byte, piece uint16) {
		asked, sent := askedFor(in)
		nc := &fedConn{in: bytes.NewReader(in), max: 1 + int(piece)}
		ctx, cancel := context.WithCancelCause(t.Context())
		s := &Server{ctx: ctx, cancel: cancel, conns: map[*conn]struct{}{}}
		var got [][]byte
		s.opts = Options{Name: "fuzz", Concurrency: 3, Log: func(error) {}, Begin: func(r *Request, params []byte) (Handler, error) {
			if len(params) > paramsBytesMax {
				t.Errorf("%d octets of PARAMS", len(params))
			}
			got = append(got, bytes.Clone(params))
			return &fedHandler{r: r, eof: make(chan struct{})}, nil
		}}
		s.work.Add(1)
		(&conn{s: s, nc: nc}).serve()
		s.work.Wait()
		for _, p := range got {
			if !slices.ContainsFunc(sent, func(all string) bool { return strings.HasSuffix(all, string(p)) }) {
				t.Fatalf("PARAMS %q, of %q", p, in)
			}
		}
		ends, err := answers(nc.out.Bytes())
		if err != nil || ends > asked {
			t.Fatalf("%d requests have %d ends, %v: %q of %q", asked, ends, err, nc.out.Bytes(), in)
		}
	})
}

// askedFor counts the BEGIN_REQUESTs of a stream, and answers what the PARAMS of
// each may end: all that came under its number until they were complete.
func askedFor(in []byte) (begun int, params []string) {
	sums := map[uint16]string{}
	var dec fcgi.Decoder
	for len(in) > 0 {
		n, ev, ok, err := dec.Next(in)
		if err != nil {
			break
		}
		in = in[n:]
		switch {
		case !ok:
		case ev.Type == fcgi.BeginRequest:
			begun++
		case ev.Type == fcgi.Params && ev.EOF:
			params = append(params, sums[ev.ID])
			sums[ev.ID] = ""
		case ev.Type == fcgi.Params:
			sums[ev.ID] += string(ev.Content)
		}
	}
	return begun, params
}

// answers counts the END_REQUESTs of what was written, which has to be whole records.
func answers(out []byte) (ends int, err error) {
	for len(out) > 0 {
		if len(out) < fcgi.HeaderBytes {
			return ends, errCut
		}
		size := fcgi.HeaderBytes + int(out[4])<<8 + int(out[5]) + int(out[6])
		if len(out) < size || out[0] != fcgi.Version {
			return ends, errCut
		}
		if fcgi.Type(out[1]) == fcgi.EndRequest {
			if _, err := fcgi.ParseEndRequest(out[fcgi.HeaderBytes:size]); err != nil {
				return ends, err
			}
			ends++
		}
		out = out[size:]
	}
	return ends, nil
}

var errCut = errors.New("half a record")
