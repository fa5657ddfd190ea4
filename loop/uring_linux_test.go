package loop

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// sized makes a loop on rings that are too small for their work.
func sized(t *testing.T, size uringSize) (*Loop, *uringPoller) {
	t.Helper()
	p, err := newUringSized(size)
	if refused(err) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return newLoop(p, time.Now, epoch), p
}

// settled fails unless the kernel has given everything back but what conns and
// listeners still use.
func (p *uringPoller) settled(t *testing.T, l *Loop) {
	t.Helper()
	waitFor(t, "requests and buffers to come back", func() bool {
		ok := false
		on(t, l, func() {
			ok = p.flying == 0 && p.bufs.lent == int(p.bufs.mask)+1 && len(p.slots) == len(p.free)
		})
		return ok
	})
}

// Nothing is lost when everything runs out: buffers, and places in both rings.
func TestUringShortOfAll(t *testing.T) {
	l, p := sized(t, uringSize{requests: 4, answers: 8, buffers: 4, bufferBytes: 512})
	var starved, overflowed atomic.Int64
	p.take = func(c cqe) {
		if c.res == -int32(unix.ENOBUFS) {
			starved.Add(1)
		}
		if p.ring.sqFlags.Load()&sqCQOverflow != 0 {
			overflowed.Add(1)
		}
		p.completed(c)
	}
	addr := listen(t, l, echo)
	run(t, l)
	manyEchoes(t, addr, 100, 20_000)
	waitFor(t, "the connections' end", func() bool { return l.Conns() == 0 })
	p.settled(t, l)
	if starved.Load() == 0 || overflowed.Load() == 0 {
		t.Errorf("%d receives found no buffer, %d answers came while others found no place; the test needs both",
			starved.Load(), overflowed.Load())
	}
}

// Who always sends more than there are buffers does not keep others from being read.
func TestUringShortOfBuffersIsFair(t *testing.T) {
	l, _ := sized(t, uringSize{requests: 64, answers: 512, buffers: 8, bufferBytes: 512})
	answer := &funcs{data: func(c *Conn, p []byte) { c.Write(p[:1]) }}
	addr := listen(t, l, func(*Conn) Handler { return answer })
	run(t, l)
	const conns, answers = 100, 20
	done := make(chan error, conns)
	for range conns {
		c := dial(t, addr)
		go func() {
			for b := make([]byte, 6000); ; {
				if _, err := c.Write(b); err != nil {
					return
				}
			}
		}()
		go func() {
			_, err := io.ReadFull(c, make([]byte, answers))
			done <- err
			_, _ = io.Copy(io.Discard, c)
		}()
	}
	for range conns {
		if err := <-done; err != nil {
			t.Fatalf("somebody got less than %d answers: %v", answers, err)
		}
	}
}

// A connection that is not read from keeps no lent buffer, and what it had
// received ahead is bounded.
func TestUringPausedHoldsNoBuffer(t *testing.T) {
	l, p := sized(t, uringDefault)
	conns := make(chan *Conn, 1)
	addr := listen(t, l, func(c *Conn) Handler {
		conns <- c
		return &funcs{data: func(c *Conn, _ []byte) { c.Pause() }}
	})
	run(t, l)
	c := dial(t, addr)
	go func() { _, _ = c.Write(make([]byte, 8<<20)) }()
	sc := <-conns
	time.Sleep(50 * time.Millisecond)
	on(t, l, func() {
		s := sc.sock.(*uringSocket)
		if on, err := unix.GetsockoptInt(s.fd, unix.IPPROTO_TCP, unix.TCP_NODELAY); on == 0 || err != nil {
			t.Errorf("TCP_NODELAY is %d, %v", on, err)
		}
		if p.bufs.lent != uringBufferCount || len(s.held) > 512<<10 {
			t.Errorf("%d of %d buffers are lent, %d octets held", p.bufs.lent, uringBufferCount, len(s.held))
		}
	})
	_ = c.Close()
	on(t, l, sc.Abort)
	p.settled(t, l)
}

// Connections come and go in all ways; nothing of them stays.
func TestUringLevel(t *testing.T) {
	l, p := sized(t, uringDefault)
	addr := listen(t, l, func(*Conn) Handler {
		return &funcs{data: func(c *Conn, p []byte) {
			c.Write(p)
			switch p[0] {
			case 'a':
				c.Abort()
			case 'c':
				c.Close(false)
			case 'l':
				c.Close(true)
			}
		}}
	})
	run(t, l)
	round := func() {
		for _, how := range []string{"a", "c", "l", "peer", "reset"} {
			c, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			_ = c.SetDeadline(time.Now().Add(5 * time.Second))
			_, _ = c.Write([]byte(how))
			_, _ = c.Read(make([]byte, 10))
			if how == "reset" {
				_ = c.(*net.TCPConn).SetLinger(0)
			}
			_ = c.Close()
		}
		waitFor(t, "the connections' end", func() bool { return l.Conns() == 0 })
		p.settled(t, l)
	}
	round()
	before := descriptors(t)
	for range 40 {
		round()
	}
	if after := descriptors(t); after > before+2 {
		t.Errorf("%d descriptors, %d before", after, before)
	}
}

func descriptors(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

// A listener's address is free as soon as Close returns, and a loop that never
// ran can be closed.
func TestUringListenerClose(t *testing.T) {
	l, _ := sized(t, uringDefault)
	ln, err := l.Listen("tcp", "127.0.0.1:0", echo, ListenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	early, err := l.Listen("tcp", "127.0.0.1:0", echo, ListenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	early.Close()
	run(t, l)
	dial(t, ln.Addr().String())
	on(t, l, ln.Close)
	for _, addr := range []string{ln.Addr().String(), early.Addr().String()} {
		if c, err := net.Dial("tcp", addr); err == nil {
			_ = c.Close()
			t.Errorf("connected to %s, which is closed", addr)
		}
	}
	idle, err := newUringSized(uringDefault)
	if err != nil {
		t.Fatal(err)
	}
	if err := idle.Close(); err != nil {
		t.Error(err)
	}
	idle.Wake() // too late, and no harm
}

// An address is soon free when its process is killed, though the poller's ring is still
// there with all that it was asked for: what accepts is a ring of its own, which goes
// with its descriptor.
func TestUringKeepsNoAddress(t *testing.T) {
	l, _ := sized(t, uringDefault)
	ln, err := l.Listen("unix", filepath.Join(t.TempDir(), "s"), echo, ListenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	run(t, l)
	addr := ln.Addr().String()
	c, err := net.Dial("unix", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	waitFor(t, "a connection", func() bool { return l.Conns() == 1 })
	on(t, l, func() { // what the system does
		a := ln.acc.(*uringAcceptor)
		l.poller.(*uringPoller).acceptors = nil
		a.closed = true
		_ = unix.Close(a.fd)
		_ = a.ring.close()
		a.ln.(*net.UnixListener).SetUnlinkOnClose(false)
		_ = a.ln.Close()
	})
	waitFor(t, "nobody listens", func() bool {
		c, err := net.Dial("unix", addr)
		if err == nil {
			_ = c.Close()
		}
		return err != nil
	})
}

func TestUringRefused(t *testing.T) {
	for errno, want := range map[unix.Errno]string{
		unix.ENOSYS: "no io_uring",
		unix.EPERM:  "kernel.io_uring_disabled",
		unix.EINVAL: "Linux 6.1",
		unix.ENOMEM: "RLIMIT_MEMLOCK",
	} {
		if got := uringRefused("io_uring_setup", errno).Error(); !strings.Contains(got, want) {
			t.Errorf("%v: %q does not say %q", errno, got, want)
		}
	}
	if _, err := newUring(1<<30, 1<<30); err == nil {
		t.Error("the kernel gave a ring of a thousand million places")
	}
}
