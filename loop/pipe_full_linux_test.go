package loop

import (
	"net"
	"testing"

	"golang.org/x/sys/unix"
)

// brimful sends so many small pieces, each of which is read alone, that the pipe has no
// place left though none has come after its octets.
func brimful(t *testing.T, l *Loop, c net.Conn, last **piping) (sent int64) {
	t.Helper()
	_ = c.(*net.TCPConn).SetNoDelay(true)
	send := func(n int) {
		if _, err := c.Write(make([]byte, n)); err != nil {
			t.Fatal(err)
		}
		sent += int64(n)
		waitFor(t, "the piece is read", func() (ok bool) {
			on(t, l, func() { ok = *last != nil && (*last).got == sent })
			return ok
		})
	}
	for send(200_000); ; send(10) {
		full := false
		on(t, l, func() {
			p := *last
			if p.pipe != nil && p.piped > 0 {
				fds := []unix.PollFd{{Fd: int32(p.pipe.w), Events: unix.POLLOUT}}
				n, err := unix.Poll(fds, 0)
				full = n == 0 && err == nil
			}
			if p.overfull > 0 {
				t.Fatal("the pipe was full before")
			}
		})
		if full {
			return sent
		}
	}
}

// What comes when the pipe has no place left is seen as ever: the peer's end, and more.
func TestPipeFull(t *testing.T) {
	for _, how := range []string{"EOF", "closed", "data", "urgent"} {
		t.Run(how, func(t *testing.T) {
			piperEngines(t, func(t *testing.T, l *Loop) {
				ended := make(chan string, 1)
				var last *piping
				addr := listen(t, l, func(*Conn) Handler {
					p := &piping{t: t, want: 1 << 20}
					p.eof = func(c *Conn) { ended <- "EOF"; c.Close(false); p.pipe.Release() }
					p.closed = func(*Conn, error) { ended <- "closed"; p.pipe.Release() }
					last = p
					return p
				})
				run(t, l)
				c := dial(t, addr).(*net.TCPConn)
				sent := brimful(t, l, c, &last)
				switch how {
				case "closed":
					_ = c.SetLinger(0)
				case "data", "urgent":
					if how == "urgent" { // which splice(2) never passes
						raw, err := c.SyscallConn()
						if err != nil {
							t.Fatal(err)
						}
						_ = raw.Control(func(fd uintptr) { err = unix.Sendto(int(fd), []byte("!"), unix.MSG_OOB, nil) })
						if err != nil {
							t.Fatal(err)
						}
					}
					if _, err := c.Write(make([]byte, 100_000)); err != nil {
						t.Fatal(err)
					}
					waitFor(t, "it comes as data", func() (ok bool) {
						on(t, l, func() { ok = last.got == sent+100_000 && last.overfull == 100_000 })
						return ok
					})
				}
				_ = c.Close()
				want := how
				if want != "closed" {
					want = "EOF"
				}
				if got := <-ended; got != want {
					t.Errorf("got %s, want %s", got, want)
				}
				waitFor(t, "the pipe is closed", func() bool { return openPipes(t) == 0 })
			})
		})
	}
}

// A pipe that takes only a part of what is there does not hide the rest, also not while
// the connection waits for its peer to read.
func TestPipeTakesLess(t *testing.T) {
	piperEngines(t, func(t *testing.T, l *Loop) {
		var last *piping
		var conn *Conn
		addr := listen(t, l, func(c *Conn) Handler {
			last, conn = &piping{t: t, want: 10 << 20}, c
			return last
		})
		run(t, l)
		for round := range 4 {
			on(t, l, func() { last = nil })
			c := dial(t, addr)
			_ = c.(*net.TCPConn).SetNoDelay(true)
			sent := int64(0)
			send := func(n int) {
				if _, err := c.Write(make([]byte, n)); err != nil {
					t.Fatal(err)
				}
				sent += int64(n)
				waitFor(t, "what was sent is read", func() (ok bool) {
					on(t, l, func() { ok = last != nil && last.got == sent })
					return ok
				})
			}
			send(200_000)
			on(t, l, func() { conn.Write(make([]byte, 16<<20)) }) // more than anybody takes unread
			for range 240 + 3*round {
				send(10)
			}
			send(500_000)
			on(t, l, func() {
				conn.Abort()
				if last.pipe != nil {
					last.pipe.Release()
				}
			})
			_ = c.Close()
		}
	})
}
