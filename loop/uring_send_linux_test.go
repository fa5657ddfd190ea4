package loop

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// tight is a connection between a loop and a peer with little room in between.
func tight(t *testing.T, l *Loop, h Handler) (*Conn, *net.UnixConn) {
	t.Helper()
	conns := make(chan *Conn, 1)
	ln, err := l.Listen("unix", filepath.Join(t.TempDir(), "s"),
		func(c *Conn) Handler { conns <- c; return h }, ListenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	run(t, l)
	peer, err := net.Dial("unix", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = peer.Close() })
	_ = peer.SetDeadline(time.Now().Add(10 * time.Second))
	c := <-conns
	on(t, l, func() {
		if err := unix.SetsockoptInt(c.sock.Descriptor(), unix.SOL_SOCKET, unix.SO_SNDBUF, 8<<10); err != nil {
			t.Error(err)
		}
	})
	return c, peer.(*net.UnixConn)
}

// refusals counts messages that the ring could not send, or not whole.
func refusals(p *uringPoller) *atomic.Int64 {
	var n atomic.Int64
	p.take = func(c cqe) {
		if uringOp(c.userData>>60) == uringPost {
			if s := p.slots[uint32(c.userData)].s; c.res != int32(s.owner.outLen) {
				n.Add(1)
			}
		}
		p.completed(c)
	}
	return &n
}

const messageBytes = 1000

func message(i int) []byte {
	b := make([]byte, messageBytes)
	binary.BigEndian.PutUint32(b, uint32(i))
	return b
}

// messages sends n of them, one in each turn, and then closes.
func messages(c *Conn, n int) *funcs {
	i := 0
	var step func()
	step = func() {
		if i == n {
			c.Close(false)
			return
		}
		c.WriteShared(message(i))
		if i++; !c.Full() {
			c.l.Post(step)
		}
	}
	c.l.Post(step)
	return &funcs{drained: func(*Conn) { step() }}
}

// What the ring could not send comes first when the peer reads again, nothing
// twice and nothing lost, even when the connection was closed meanwhile.
func TestUringPostedInOrder(t *testing.T) {
	for _, n := range []int{2, 10, 2000} {
		l, p := sized(t, uringDefault)
		short := refusals(p)
		c, peer := tight(t, l, &funcs{})
		on(t, l, func() { c.SetHandler(messages(c, n)) })
		for range 25 { // what comes meanwhile must not mix with what goes
			_, _ = peer.Write([]byte("and you?"))
			time.Sleep(2 * time.Millisecond)
		}
		got, err := io.ReadAll(peer)
		if (err != nil && !errors.Is(err, unix.ECONNRESET)) || len(got) != n*messageBytes {
			t.Fatalf("got %d octets, %v; want %d", len(got), err, n*messageBytes)
		}
		for i := range n {
			if m := got[i*messageBytes:][:messageBytes]; !bytes.Equal(m, message(i)) {
				t.Fatalf("message %d is number %d", i, binary.BigEndian.Uint32(m))
			}
		}
		if n > 100 && short.Load() == 0 {
			t.Error("the ring could send everything; the test needs a refusal")
		}
		waitFor(t, "the connection's end", func() bool { return l.Conns() == 0 })
		p.settled(t, l)
	}
}

// A closed connection whose peer takes nothing is given up after a while.
func TestUringLateIsBounded(t *testing.T) {
	l, p := sized(t, uringDefault)
	short := refusals(p)
	c, peer := tight(t, l, &funcs{})
	on(t, l, func() {
		var step func()
		step = func() { // until a message was refused, and then no more
			if short.Load() == 0 {
				c.WriteShared(message(0))
				c.l.Post(step)
				return
			}
			c.Abort()
		}
		c.l.Post(step)
	})
	waitFor(t, "the close", func() bool { return l.Conns() == 0 })
	late := func(d time.Duration) (n int) {
		on(t, l, func() {
			p.endLate(func() time.Time { return time.Now().Add(d) })
			n = len(p.late)
		})
		return n
	}
	waitFor(t, "the socket to wait for its peer", func() bool { return late(0) == 1 })
	if n := late(uringLateTime / 2); n != 1 {
		t.Errorf("%d sockets wait after half the time, want 1", n)
	}
	if n := late(2 * uringLateTime); n != 0 {
		t.Errorf("%d sockets wait after all the time", n)
	}
	p.settled(t, l)
	_ = peer.Close()
}

// An error that comes late still ends the connection.
func TestUringPostedError(t *testing.T) {
	l, p := sized(t, uringDefault)
	gone := make(chan error, 1)
	c, peer := tight(t, l, &funcs{eof: func(*Conn) {}, closed: func(_ *Conn, err error) { gone <- err }})
	_ = peer.CloseWrite()
	time.Sleep(10 * time.Millisecond)
	on(t, l, func() {
		_ = unix.Shutdown(c.sock.Descriptor(), unix.SHUT_WR)
		c.Write([]byte("too late"))
	})
	// A peer that has ended is read from no more: the next write tells.
	var before int64
	waitFor(t, "the error", func() bool {
		on(t, l, func() { before = c.Sent() })
		on(t, l, func() { c.Write([]byte("still there?")) })
		select {
		case err := <-gone:
			return err != nil
		default:
			return false
		}
	})
	if after := c.Sent(); after > before {
		t.Errorf("%d octets count as sent, of which %d could not be", after, after-before)
	}
	p.settled(t, l)
}

// What the socket has taken and the system has not is still to be sent: the
// connection is not flushed, and an end before it was sent is no orderly one.
func TestEndBeforeAllIsSent(t *testing.T) {
	for _, e := range []Engine{Epoll, IOUring} {
		l := newLoopOf(t, e)
		conns := make(chan *Conn, 1)
		ln, err := l.Listen("tcp", "127.0.0.1:0", func(c *Conn) Handler { conns <- c; return &funcs{} }, ListenOptions{})
		if err != nil {
			t.Fatal(err)
		}
		run(t, l)
		peer := dial(t, ln.Addr().String())
		c := <-conns
		written := 0
		closed, flushed := make(chan struct{}), make(chan struct{})
		var step func()
		step = func() { // one small message in each turn, until one is refused
			if unsent(c) == 0 && !c.blocked {
				c.Write(make([]byte, 4000))
				written += 4000
				l.Post(step)
				return
			}
			c.Close(false)
			close(closed)
			l.Post(func() { l.WhenFlushed(func() { close(flushed) }) })
		}
		on(t, l, func() { c.ResetUnlessClosed(); step() })
		<-closed
		select {
		case <-flushed:
			t.Errorf("%s: flushed, with %d octets written to a peer who reads nothing", e, written)
		case <-time.After(50 * time.Millisecond):
		}
		l.Stop()
		<-l.Done()
		if n, err := io.Copy(io.Discard, peer); err == nil && n != int64(written) {
			t.Errorf("%s: %d of %d octets and then an orderly end", e, n, written)
		}
	}
}

// unsent counts what was taken from a Conn before this turn, and not yet sent.
func unsent(c *Conn) int64 { return c.sent - c.Sent() }
