package loop

import (
	"bytes"
	"crypto/sha1"
	"errors"
	"io"
	"math/rand"
	"net"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// More of what every engine must do alike.

// turns counts how often a loop has waited, to see one that never sleeps.
type turns struct {
	Poller
	n atomic.Int64
}

func (p *turns) Wait(evs []Event, timeout time.Duration) (int, error) {
	p.n.Add(1)
	return p.Poller.Wait(evs, timeout)
}

func counted(l *Loop) *turns {
	p := &turns{Poller: l.poller}
	l.poller = p
	return p
}

// sleeps fails when the loop goes on and on turning though nothing happens.
func (p *turns) sleeps(t *testing.T, when string) {
	t.Helper()
	var n int64
	for range 20 {
		before := p.n.Load()
		time.Sleep(100 * time.Millisecond)
		if n = p.n.Load() - before; n <= 20 {
			return
		}
	}
	t.Errorf("%s: still %d turns in 100ms of nothing", when, n)
}

// exchange sends and expects the same back, in pieces of random size.
func exchange(c net.Conn, seed int64, total int) error {
	r := rand.New(rand.NewSource(seed))
	sent := make([]byte, total)
	r.Read(sent)
	errs := make(chan error, 1)
	go func() {
		for rest := sent; len(rest) > 0; {
			n := min(len(rest), 1+r.Intn(30_000))
			if _, err := c.Write(rest[:n]); err != nil {
				errs <- err
				return
			}
			rest = rest[n:]
		}
		errs <- nil
	}()
	got := make([]byte, total)
	if _, err := io.ReadFull(c, got); err != nil {
		return err
	}
	if !bytes.Equal(got, sent) {
		return errors.New("the echo differs")
	}
	return <-errs
}

func TestManyEchoes(t *testing.T) {
	engines(t, func(t *testing.T, l *Loop) {
		addr := listen(t, l, echo)
		run(t, l)
		manyEchoes(t, addr, 60, 100_000)
		waitFor(t, "the connections' end", func() bool { return l.Conns() == 0 })
	})
}

func manyEchoes(t *testing.T, addr string, conns, total int) {
	t.Helper()
	var wg sync.WaitGroup
	for i := range conns {
		wg.Go(func() {
			c, err := net.Dial("tcp", addr)
			if err != nil {
				t.Error(err)
				return
			}
			defer func() { _ = c.Close() }()
			_ = c.SetDeadline(time.Now().Add(20 * time.Second))
			for k := range 3 { // small, large, small
				n := total
				if k != 1 {
					n = 100
				}
				if err := exchange(c, int64(i), n); err != nil {
					t.Errorf("connection %d, exchange %d of %d octets: %v", i, k, n, err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// A large upload, paused now and then, arrives whole, and small messages after
// it as before it.
func TestUpload(t *testing.T) {
	engines(t, func(t *testing.T, l *Loop) {
		const total = 4 << 20
		hash := sha1.New()
		got := 0
		var resume Timer
		addr := listen(t, l, func(c *Conn) Handler {
			resume.Init(c.Resume)
			return &funcs{data: func(c *Conn, p []byte) {
				if got == total {
					c.Write(p)
					return
				}
				before := got / (total / 8)
				hash.Write(p)
				if got += len(p); got == total {
					c.Write(hash.Sum(nil))
				} else if got/(total/8) != before {
					c.Pause()
					c.l.Arm(&resume, 5*time.Millisecond)
				}
			}}
		})
		run(t, l)
		c := dial(t, addr)
		body := make([]byte, total)
		rand.New(rand.NewSource(5)).Read(body)
		if _, err := c.Write(body); err != nil {
			t.Fatal(err)
		}
		sum := make([]byte, sha1.Size)
		if _, err := io.ReadFull(c, sum); err != nil {
			t.Fatal(err)
		}
		if want := sha1.Sum(body); !bytes.Equal(sum, want[:]) {
			t.Fatal("the upload arrived changed")
		}
		for i := range 100 {
			if err := exchange(c, int64(i), 50); err != nil {
				t.Fatalf("message %d after the upload: %v", i, err)
			}
		}
	})
}

// Whatever the peer has done, a loop that can do nothing sleeps.
func TestSleeps(t *testing.T) {
	for name, tt := range map[string]struct {
		serve func(c *Conn, p []byte)
		peer  func(c *net.TCPConn) error
	}{
		"idle": {func(*Conn, []byte) {}, func(*net.TCPConn) error { return nil }},
		"paused, more to read": {
			func(c *Conn, _ []byte) { c.Pause() },
			func(c *net.TCPConn) error { _, err := c.Write(make([]byte, 200_000)); return err },
		},
		"paused, half closed": {func(c *Conn, _ []byte) { c.Pause() }, (*net.TCPConn).CloseWrite},
		"paused, reset": {
			func(c *Conn, _ []byte) { c.Pause() },
			func(c *net.TCPConn) error { _ = c.SetLinger(0); return c.Close() },
		},
		"blocked":              {func(c *Conn, _ []byte) { flood(c) }, func(*net.TCPConn) error { return nil }},
		"blocked, half closed": {func(c *Conn, _ []byte) { flood(c) }, (*net.TCPConn).CloseWrite},
	} {
		t.Run(name, func(t *testing.T) {
			engines(t, func(t *testing.T, l *Loop) {
				p := counted(l)
				addr := listen(t, l, func(*Conn) Handler {
					return &funcs{data: tt.serve, eof: func(*Conn) {}}
				})
				run(t, l)
				c := dial(t, addr)
				if _, err := c.Write([]byte("x")); err != nil {
					t.Fatal(err)
				}
				time.Sleep(10 * time.Millisecond)
				if err := tt.peer(c.(*net.TCPConn)); err != nil {
					t.Fatal(err)
				}
				p.sleeps(t, name)
			})
		})
	}
}

// flood queues more than any socket takes.
func flood(c *Conn) {
	for range 400 {
		c.WriteShared(zeros)
	}
}

var zeros = make([]byte, 64<<10)

// dialled is an open connection of l, which runs, over a Unix socket, and its peer.
func dialled(t *testing.T, l *Loop, h DialHandler) (c *Conn, peer net.Conn) {
	t.Helper()
	ln, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	on(t, l, func() { c, err = l.Dial("unix", ln.Addr().String(), h) })
	if err != nil {
		t.Fatal(err)
	}
	if peer, err = ln.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = peer.Close() })
	waitFor(t, "the connection", func() (ok bool) { on(t, l, func() { ok = c.Open() }); return ok })
	return c, peer
}

// A kept connection's state is seen between events, too; its end at once.
func TestIdle(t *testing.T) {
	for _, closes := range []bool{false, true} {
		engines(t, func(t *testing.T, l *Loop) {
			run(t, l)
			c, peer := dialled(t, l, &funcs{eof: func(*Conn) {}})
			idle := func() (err error) {
				on(t, l, func() { c.Pause(); err = c.Idle() })
				return err
			}
			if err := idle(); err != nil {
				t.Fatalf("a silent connection: %v", err)
			}
			if closes {
				_ = peer.Close()
				if idle() == nil {
					t.Error("the end is not seen at once")
				}
			} else {
				_, _ = peer.Write([]byte("surprise"))
				waitFor(t, "the unexpected octets", func() bool { return idle() != nil })
			}
			on(t, l, c.Abort)
		})
	}
}

// What a peer said before he closed is heard, though what he is sent fails.
func TestLastWords(t *testing.T) {
	engines(t, func(t *testing.T, l *Loop) {
		run(t, l)
		for range 20 {
			heard, gone := "", make(chan string, 1)
			over := func() {
				select {
				case gone <- heard:
				default:
				}
			}
			h := &funcs{
				data:   func(_ *Conn, p []byte) { heard += string(p) },
				eof:    func(c *Conn) { c.Abort(); over() },
				closed: func(*Conn, error) { over() },
			}
			c, peer := dialled(t, l, h)
			on(t, l, func() { // at once, so that the write fails before anything is read
				_, _ = peer.Write([]byte("last words"))
				_ = peer.Close()
				c.Write(make([]byte, 100_000))
			})
			if got := <-gone; got != "last words" {
				t.Fatalf("heard %q", got)
			}
		}
	})
}

// StopReading gives what has come, makes the peer's writes fail, costs nothing
// while it is waited, and tells of the hang-up.
func TestStopReading(t *testing.T) {
	engines(t, func(t *testing.T, l *Loop) {
		p := counted(l)
		run(t, l)
		came := make(chan struct{}, 10)
		gone := make(chan error, 1)
		h := &funcs{
			data:   func(c *Conn, _ []byte) { c.Pause(); came <- struct{}{} },
			closed: func(_ *Conn, err error) { gone <- err },
		}
		c, peer := dialled(t, l, h)
		_, _ = peer.Write([]byte("first"))
		<-came
		_, _ = peer.Write([]byte("second"))
		time.Sleep(20 * time.Millisecond)
		var rest []byte
		able := false
		on(t, l, func() { able = c.StopReading(func(p []byte) { rest = append(rest, p...) }) })
		if !able {
			on(t, l, c.Abort)
			t.Skip("this engine can't")
		}
		if string(rest) != "second" {
			t.Errorf("the rest is %q, want %q", rest, "second")
		}
		if _, err := peer.Write([]byte("third")); err == nil {
			t.Error("the peer could still write")
		}
		p.sleeps(t, "deaf")
		_ = peer.Close()
		select {
		case err := <-gone:
			if err == nil {
				t.Error("the connection failed without a reason")
			}
		case <-time.After(5 * time.Second):
			t.Fatal("nobody was told of the hang-up")
		}
	})
}

// The peer's reset reaches whoever waits to write.
func TestResetWhileBlocked(t *testing.T) {
	engines(t, func(t *testing.T, l *Loop) {
		gone := make(chan error, 1)
		addr := listen(t, l, func(*Conn) Handler {
			return &funcs{
				data:   func(c *Conn, _ []byte) { flood(c); c.Pause() },
				closed: func(_ *Conn, err error) { gone <- err },
			}
		})
		run(t, l)
		c := dial(t, addr).(*net.TCPConn)
		_, _ = c.Write([]byte("x"))
		_, _ = io.ReadFull(c, make([]byte, 1000))
		_ = c.SetLinger(0)
		_ = c.Close()
		select {
		case err := <-gone:
			if err == nil {
				t.Error("the connection failed without a reason")
			}
		case <-time.After(5 * time.Second):
			t.Fatal("nobody was told of the reset")
		}
	})
}
