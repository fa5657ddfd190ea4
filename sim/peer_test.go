package sim

import (
	"io"
	"syscall"
)

// What the peer of sluice does with his end of a link. An error of
// loop.ErrAgain's kind does not exist here: 0 octets and no error mean "later".

// recv takes up to n octets that sluice has sent.
func (l *link) recv(n int) ([]byte, error) {
	switch {
	case len(l.out.buf) > 0:
		n = min(n, len(l.out.buf))
		b := l.out.buf[:n:n]
		l.out.buf = l.out.buf[n:]
		l.w.move("%s peer takes %d", l.name, n)
		return b, nil
	case l.peerReset:
		return nil, syscall.ECONNRESET
	case l.out.eof:
		return nil, io.EOF
	}
	return nil, nil
}

// send gives sluice octets and answers how many went.
func (l *link) send(b []byte) (int, error) {
	switch {
	case l.peerReset:
		return 0, syscall.ECONNRESET
	case l.unix && (l.closed || l.in.dead):
		return 0, syscall.EPIPE
	case l.closed:
		l.resetPeer()
		return len(b), nil
	}
	n := max(0, min(len(b), l.in.room-len(l.in.buf)))
	if n > 0 {
		l.in.buf = append(l.in.buf, b[:n]...)
		l.w.move("%s peer sends %d", l.name, n)
	}
	return n, nil
}

// hangup closes. What was not read makes it a reset.
func (l *link) hangup() {
	l.w.move("%s peer closes, %d unread", l.name, len(l.out.buf))
	l.reset = l.reset || len(l.out.buf) > 0
	l.peerClosed, l.in.eof, l.out.dead, l.out.buf = true, true, true, nil
}

// abort closes with a reset.
func (l *link) abort() {
	l.hangup()
	l.reset = true
}

// shutdown ends what the peer sends; he goes on reading.
func (l *link) shutdown() {
	l.w.move("%s peer shuts its side", l.name)
	l.in.eof = true
}
