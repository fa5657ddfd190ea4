package session

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/yookoala/gofast"

	"sluice/fcgi"
	"sluice/gateway"
)

// piped gives the flow of an exchange the form that gofast's client reads: the
// records of one response on a connection.
type piped struct {
	net.Conn // nil: gofast uses Read, Write and Close only
	x        *exchange
	done     func()

	ready sync.Mutex // held until resp is there
	resp  *gofast.ResponsePipe

	// Owned by who reads:
	out     []byte // records that are being read
	buf     []byte // their memory
	file    item   // of which records are to be made
	discard bool   // gofast can't have the rest
	eof     bool
	headed  bool
}

// Write takes what gofast sends for nothing.
func (p *piped) Write(b []byte) (int, error) { return len(b), nil }

// Close implements net.Conn. Client.Close is who gives requests up.
func (p *piped) Close() error { return nil }

// SetDeadline implements net.Conn; there is none.
func (p *piped) SetDeadline(time.Time) error { return nil }

// closePipe unblocks a ResponsePipe that nobody reads.
func (p *piped) closePipe() {
	p.ready.Lock()
	defer p.ready.Unlock()
	p.done()
	if p.resp != nil {
		p.resp.Close()
	}
}

// Read implements net.Conn.
func (p *piped) Read(b []byte) (int, error) {
	for len(p.out) == 0 {
		if p.eof {
			return 0, io.EOF
		}
		p.fill()
	}
	n := copy(b, p.out)
	p.out = p.out[n:]
	return n, nil
}

// fill makes records of the next item.
func (p *piped) fill() {
	if p.file.file != nil {
		p.fromFile()
		return
	}
	it, ok := p.x.flow.take()
	p.out = p.buf[:0]
	switch {
	case !ok:
		p.eof = true
	case it.head != nil:
		p.headed = true
		p.head(it.head)
	case it.file != nil:
		p.file = it
	case it.failure != nil:
		p.failed(it.failure)
	case it.end:
		p.end()
	case !p.discard:
		p.out = fcgi.AppendStream(p.out, fcgi.Stdout, 1, it.b)
	}
	p.buf = p.out
}

// end is the last that is read.
func (p *piped) end() {
	p.out = fcgi.AppendEndRequest(p.out, 1, 0, fcgi.RequestComplete)
	p.eof = true
	if p.x != nil {
		p.x.stop()
		p.done()
	}
}

func (p *piped) fromFile() {
	b := make([]byte, min(p.file.n, pieceBytes))
	n, err := p.x.readFile(&p.file, b)
	if err != nil {
		p.out = p.buf[:0]
		p.failed(&gateway.Failure{Status: http.StatusBadGateway, Err: err})
		p.x.drop()
		return
	}
	if !p.discard {
		p.out = fcgi.AppendStream(p.buf[:0], fcgi.Stdout, 1, b[:n])
		p.buf = p.out
	}
}

// head writes the response's head. gofast's reader stops for ever at a line of
// 1024 octets, so such a response is a failure.
func (p *piped) head(h *head) {
	for _, f := range h.fields {
		if n := len(f[0]) + len(f[1]); n > lineBytesMax {
			p.discard = true
			p.plain(http.StatusBadGateway, 0, fmt.Errorf("session: the response field %s has %d octets; gofast can take %d", f[0], n, lineBytesMax))
			return
		}
	}
	b := append(strconv.AppendInt([]byte("Status: "), int64(h.status), 10), ' ')
	b = append(append(b, h.reason[:min(len(h.reason), lineBytesMax)]...), "\r\n"...)
	for _, f := range h.fields {
		b = append(append(append(append(b, f[0]...), ": "...), f[1]...), "\r\n"...)
	}
	if h.length >= 0 {
		b = append(strconv.AppendInt(append(b, "Content-Length: "...), h.length, 10), "\r\n"...)
	}
	p.out = fcgi.AppendStream(p.out, fcgi.Stdout, 1, append(b, "\r\n"...))
}

// failed ends the response. One that has begun breaks off without END_REQUEST.
func (p *piped) failed(f *gateway.Failure) {
	if !p.headed {
		p.plain(f.Status, f.RetryAfter, f.Err)
		p.end()
		return
	}
	p.out = fcgi.AppendStream(p.out, fcgi.Stderr, 1, []byte(f.Err.Error()))
	p.eof = true
	p.x.stop()
	p.done()
}

// refused makes p a whole response that no backend has given.
func (p *piped) refused(no *Refusal) {
	p.done = func() {}
	p.plain(no.Status, 0, no.Err)
	p.end()
}

// plain is a response of our own, and why in the log.
func (p *piped) plain(status, retryAfter int, why error) {
	head := fmt.Sprintf("Status: %d %s\r\nContent-Type: text/plain; charset=utf-8\r\n", status, http.StatusText(status))
	if retryAfter > 0 {
		head += fmt.Sprintf("Retry-After: %d\r\n", retryAfter)
	}
	p.out = fcgi.AppendStream(p.out, fcgi.Stdout, 1, []byte(head+"\r\n"+http.StatusText(status)+"\n"))
	p.out = fcgi.AppendStream(p.out, fcgi.Stderr, 1, []byte(why.Error()))
}
