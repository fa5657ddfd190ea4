package loop

import (
	"bytes"
	"crypto/sha1"
	"errors"
	"fmt"
	"io"
	"math/rand"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	checkOwner = true
	os.Exit(m.Run())
}

func engineList() []Engine {
	list := []Engine{Portable}
	for _, e := range []Engine{Epoll, IOUring} {
		if pollers[e] != nil {
			list = append(list, e)
		}
	}
	return list
}

// engines runs a test on every engine of this system.
func engines(t *testing.T, f func(t *testing.T, l *Loop)) {
	for _, e := range engineList() {
		t.Run(string(e), func(t *testing.T) {
			f(t, newLoopOf(t, e))
		})
	}
}

func newLoopOf(t *testing.T, e Engine) *Loop {
	t.Helper()
	l, err := New(e)
	if e == IOUring && refused(err) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// refused tells whether the kernel, not a mistake, is why there is no io_uring.
func refused(err error) bool {
	return errors.Is(err, syscall.ENOSYS) || errors.Is(err, syscall.EPERM)
}

func run(t *testing.T, l *Loop) {
	t.Helper()
	go func() { _ = l.Run() }()
	t.Cleanup(func() {
		l.Stop()
		select {
		case <-l.Done():
		case <-time.After(5 * time.Second):
			t.Error("the loop did not stop")
		}
	})
}

// on runs fn on the loop and waits for it.
func on(t *testing.T, l *Loop, fn func()) {
	t.Helper()
	done := make(chan struct{})
	l.Post(func() { fn(); close(done) })
	select {
	case <-done:
	case <-time.After(5 * time.Second):
		t.Fatal("the loop did not run a posted function")
	}
}

// funcs is a Handler made of functions.
type funcs struct {
	data      func(c *Conn, p []byte)
	eof       func(c *Conn)
	drained   func(c *Conn)
	closed    func(c *Conn, err error)
	connected func(c *Conn)
}

func (f *funcs) Data(c *Conn, p []byte) {
	if f.data != nil {
		f.data(c, p)
	}
	for i := range p { // what is read dies with the callback
		p[i] = 0xDD
	}
}

func (f *funcs) EOF(c *Conn) {
	if f.eof != nil {
		f.eof(c)
		return
	}
	c.Close(false)
}

func (f *funcs) Drained(c *Conn) {
	if f.drained != nil {
		f.drained(c)
	}
}

func (f *funcs) Closed(c *Conn, err error) {
	if f.closed != nil {
		f.closed(c, err)
	}
}

func (f *funcs) Connected(c *Conn) {
	if f.connected != nil {
		f.connected(c)
	}
}

func listen(t *testing.T, l *Loop, accept Accept) string {
	t.Helper()
	ln, err := l.Listen("tcp", "127.0.0.1:0", accept, ListenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return ln.Addr().String()
}

func dial(t *testing.T, addr string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func echo(*Conn) Handler { return &funcs{data: func(c *Conn, p []byte) { c.Write(p) }} }

func TestEcho(t *testing.T) {
	engines(t, func(t *testing.T, l *Loop) {
		addr := listen(t, l, echo)
		run(t, l)
		for range 3 {
			c := dial(t, addr)
			for i := range 50 {
				msg := fmt.Sprintf("message %d", i)
				if _, err := io.WriteString(c, msg); err != nil {
					t.Fatal(err)
				}
				got := make([]byte, len(msg))
				if _, err := io.ReadFull(c, got); err != nil || string(got) != msg {
					t.Fatalf("echo = %q, %v; want %q", got, err, msg)
				}
			}
		}
	})
}

// A slow reader must not make the output grow: whoever feeds it stops at the
// high mark, and everything arrives in order all the same.
func TestBackpressure(t *testing.T) {
	engines(t, func(t *testing.T, l *Loop) {
		const total = 8 << 20
		src := make([]byte, total)
		rand.New(rand.NewSource(1)).Read(src)
		var most atomic.Int64
		addr := listen(t, l, func(*Conn) Handler {
			rest := src
			sizes := rand.New(rand.NewSource(2))
			feed := func(c *Conn) {
				for len(rest) > 0 && !c.Full() {
					n := min(len(rest), 1+sizes.Intn(40<<10))
					c.Write(rest[:n])
					rest = rest[n:]
					most.Store(max(most.Load(), c.Queued()))
				}
				if len(rest) == 0 {
					c.Close(true)
				}
			}
			return &funcs{data: func(c *Conn, p []byte) { feed(c) }, drained: feed}
		})
		run(t, l)
		c := dial(t, addr)
		_, _ = c.Write([]byte("go"))
		got := make([]byte, 0, total)
		buf := make([]byte, 100<<10)
		for {
			n, err := c.Read(buf)
			got = append(got, buf[:n]...)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if len(got)%7 == 0 {
				time.Sleep(time.Millisecond)
			}
		}
		if !bytes.Equal(got, src) {
			t.Fatalf("got %d octets, sha1 %x; want %d, %x", len(got), sha1.Sum(got), total, sha1.Sum(src))
		}
		if m := most.Load(); m > outHighBytes+64<<10 {
			t.Fatalf("queued up to %d octets; the high mark is %d", m, outHighBytes)
		}
	})
}

type ref struct {
	f        *os.File
	released *atomic.Int32
}

func (r ref) File() *os.File { return r.f }
func (r ref) Release()       { r.released.Add(1) }

// Bytes and file ranges keep their order, and the file is released once.
func TestSendFile(t *testing.T) {
	engines(t, func(t *testing.T, l *Loop) {
		body := make([]byte, 3<<20)
		rand.New(rand.NewSource(3)).Read(body)
		name := filepath.Join(t.TempDir(), "f")
		if err := os.WriteFile(name, body, 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = f.Close() }()
		var released atomic.Int32
		addr := listen(t, l, func(*Conn) Handler {
			return &funcs{data: func(c *Conn, p []byte) {
				c.Write([]byte("head"))
				c.WriteFile(ref{f, &released}, 10, int64(len(body)-10))
				c.WriteShared([]byte("mid"))
				c.WriteFile(ref{f, &released}, 0, 10)
				c.Write([]byte("tail"))
				c.Close(true)
			}}
		})
		run(t, l)
		c := dial(t, addr)
		_, _ = c.Write([]byte("go"))
		got, err := io.ReadAll(c)
		want := "head" + string(body[10:]) + "mid" + string(body[:10]) + "tail"
		if err != nil || string(got) != want {
			t.Fatalf("got %d octets, %v; want %d", len(got), err, len(want))
		}
		if n := released.Load(); n != 2 {
			t.Fatalf("released %d times, want 2", n)
		}
	})
}

func TestReleaseOnAbort(t *testing.T) {
	engines(t, func(t *testing.T, l *Loop) {
		f, err := os.CreateTemp(t.TempDir(), "")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = f.Close() }()
		if err := f.Truncate(64 << 20); err != nil {
			t.Fatal(err)
		}
		var released atomic.Int32
		addr := listen(t, l, func(*Conn) Handler {
			return &funcs{data: func(c *Conn, p []byte) {
				c.WriteFile(ref{f, &released}, 0, 64<<20)
			}}
		})
		run(t, l)
		c := dial(t, addr)
		_, _ = c.Write([]byte("go"))
		_, _ = io.ReadFull(c, make([]byte, 1000))
		_ = c.Close()
		waitFor(t, "the file's release", func() bool { return released.Load() == 1 })
		waitFor(t, "the connection's end", func() bool { return l.Conns() == 0 })
	})
}

func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); !ok(); {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

func TestPauseResume(t *testing.T) {
	engines(t, func(t *testing.T, l *Loop) {
		var got atomic.Int64
		conns := make(chan *Conn, 1)
		addr := listen(t, l, func(c *Conn) Handler {
			conns <- c
			return &funcs{
				data: func(c *Conn, p []byte) { got.Add(int64(len(p))); c.Pause() },
				eof:  func(c *Conn) { c.Abort() },
			}
		})
		run(t, l)
		c := dial(t, addr)
		go func() {
			_, _ = c.Write(make([]byte, 1<<20))
			_ = c.Close()
		}()
		sc := <-conns
		waitFor(t, "the first data", func() bool { return got.Load() > 0 })
		time.Sleep(30 * time.Millisecond)
		first := got.Load()
		if first > readBufferBytes {
			t.Fatalf("a paused connection brought %d octets", first)
		}
		// The peer may be gone by now: what it sent must come all the same.
		for l.Conns() > 0 {
			on(t, l, func() {
				if sc.state == open {
					sc.Resume()
				}
			})
		}
		if got.Load() != 1<<20 {
			t.Fatalf("got %d octets, want %d", got.Load(), 1<<20)
		}
	})
}

func TestTimers(t *testing.T) {
	engines(t, func(t *testing.T, l *Loop) {
		run(t, l)
		var order []int
		done := make(chan struct{})
		timers := make([]Timer, 6)
		on(t, l, func() {
			for i := range timers {
				timers[i].Init(func() {
					order = append(order, i)
					if i == 4 {
						close(done)
					}
				})
			}
			l.Arm(&timers[4], 90*time.Millisecond)
			l.Arm(&timers[2], 40*time.Millisecond)
			l.Arm(&timers[1], 20*time.Millisecond)
			l.Arm(&timers[3], 10*time.Millisecond)
			l.Arm(&timers[3], 60*time.Millisecond) // later
			l.Arm(&timers[0], 80*time.Millisecond)
			l.Arm(&timers[0], 5*time.Millisecond) // earlier
			l.Arm(&timers[5], 30*time.Millisecond)
			timers[5].Stop()
		})
		<-done
		if fmt.Sprint(order) != "[0 1 2 3 4]" {
			t.Fatalf("fired in order %v", order)
		}
		on(t, l, func() {
			if len(l.timers) != 0 {
				t.Errorf("%d timers left in the heap", len(l.timers))
			}
		})
	})
}

// The heap keeps its invariant under random use.
func TestTimerHeap(t *testing.T) {
	l := &Loop{}
	r := rand.New(rand.NewSource(4))
	timers := make([]Timer, 200)
	fired := 0
	for i := range timers {
		tm := &timers[i]
		tm.Init(func() {
			fired++
			if l.now < tm.at {
				t.Fatalf("timer of %d fired at %d", tm.at, l.now)
			}
		})
	}
	for range 20000 {
		tm := &timers[r.Intn(len(timers))]
		switch r.Intn(4) {
		case 0, 1:
			l.Arm(tm, time.Duration(1+r.Intn(1000)))
		case 2:
			if r.Intn(2) == 0 {
				tm.Stop()
			} else {
				l.Forget(tm)
			}
		case 3:
			l.now += int64(r.Intn(50))
			l.timers.fire(l.now)
		}
		for i, tm := range l.timers {
			if int(tm.pos) != i+1 || (i > 0 && l.timers[(i-1)/2].at > tm.at) || (tm.deadline != 0 && tm.at > tm.deadline) {
				t.Fatalf("heap broken at %d", i)
			}
		}
	}
	if fired == 0 {
		t.Fatal("no timer fired")
	}
}

func TestDial(t *testing.T) {
	engines(t, func(t *testing.T, l *Loop) {
		targets := [][2]string{{"tcp", "127.0.0.1:0"}, {"unix", filepath.Join(t.TempDir(), "s")}}
		for i, a := range targets {
			ln, err := l.Listen(a[0], a[1], echo, ListenOptions{})
			if err != nil {
				t.Fatal(err)
			}
			targets[i][1] = ln.Addr().String()
		}
		run(t, l)
		for _, a := range targets {
			dialEcho(t, l, a[0], a[1])
		}
	})
}

func dialEcho(t *testing.T, l *Loop, network, addr string) {
	got := make(chan string, 1)
	l.Post(func() {
		h := &funcs{
			connected: func(c *Conn) { c.Write([]byte("hello")) },
			data:      func(c *Conn, p []byte) { got <- string(p); c.Abort() },
			closed:    func(c *Conn, err error) { got <- err.Error() },
		}
		c, err := l.Dial(network, addr, h)
		if err != nil {
			got <- err.Error()
		} else if c.Open() {
			h.Connected(c)
		}
	})
	select {
	case s := <-got:
		if s != "hello" {
			t.Errorf("%s: got %q", network, s)
		}
	case <-time.After(5 * time.Second):
		t.Errorf("%s: no answer", network)
	}
}

func TestDialRefused(t *testing.T) {
	engines(t, func(t *testing.T, l *Loop) {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		addr := ln.Addr().String()
		_ = ln.Close()
		run(t, l)
		got := make(chan error, 1)
		l.Post(func() {
			if _, err := l.Dial("tcp", addr, &funcs{closed: func(c *Conn, err error) { got <- err }}); err != nil {
				got <- err
			}
		})
		select {
		case err := <-got:
			if err == nil {
				t.Fatal("connected to a closed port")
			}
		case <-time.After(5 * time.Second):
			t.Fatal("no answer")
		}
		waitFor(t, "no connection", func() bool { return l.Conns() == 0 })
	})
}

// The peer goes on sending after we have closed: our last bytes arrive all the
// same, instead of being overtaken by a reset.
func TestLinger(t *testing.T) {
	engines(t, func(t *testing.T, l *Loop) {
		addr := listen(t, l, func(*Conn) Handler {
			return &funcs{data: func(c *Conn, p []byte) {
				c.Write([]byte("refused"))
				c.Close(true)
			}}
		})
		run(t, l)
		c := dial(t, addr)
		for range 20 {
			if _, err := c.Write(make([]byte, 64<<10)); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(c)
		if err != nil || string(got) != "refused" {
			t.Fatalf("got %q, %v", got, err)
		}
		waitFor(t, "the connection's end", func() bool { return l.Conns() == 0 })
	})
}

func TestHalfClose(t *testing.T) {
	engines(t, func(t *testing.T, l *Loop) {
		addr := listen(t, l, func(*Conn) Handler {
			var all []byte
			return &funcs{
				data: func(c *Conn, p []byte) { all = append(all, p...) },
				eof:  func(c *Conn) { c.Write(all); c.Close(true) },
			}
		})
		run(t, l)
		c := dial(t, addr)
		_, _ = c.Write([]byte("abc"))
		_ = c.(*net.TCPConn).CloseWrite()
		if got, err := io.ReadAll(c); err != nil || string(got) != "abc" {
			t.Fatalf("got %q, %v", got, err)
		}
	})
}

func TestPostOrder(t *testing.T) {
	engines(t, func(t *testing.T, l *Loop) {
		run(t, l)
		var got []int
		for i := range 1000 {
			l.Post(func() { got = append(got, i) })
		}
		on(t, l, func() {
			for i, v := range got {
				if i != v {
					t.Errorf("position %d holds %d", i, v)
					return
				}
			}
			if len(got) != 1000 {
				t.Errorf("%d of 1000 ran", len(got))
			}
		})
	})
}

func TestBalance(t *testing.T) {
	for _, e := range engineList() {
		t.Run(string(e), func(t *testing.T) {
			loops := make([]*Loop, 3)
			for i := range loops {
				loops[i] = newLoopOf(t, e)
			}
			ln, err := loops[0].Listen("tcp", "127.0.0.1:0", echo, ListenOptions{Loops: loops})
			if err != nil {
				t.Fatal(err)
			}
			addr := ln.Addr().String()
			for _, l := range loops {
				run(t, l)
			}
			for range 30 {
				c := dial(t, addr)
				_, _ = c.Write([]byte("x"))
				if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
					t.Fatal(err)
				}
			}
			for i, l := range loops {
				if n := l.Conns(); n != 10 {
					t.Errorf("loop %d has %d connections, want 10", i, n)
				}
			}
		})
	}
}

// Over the bound, connections wait in the backlog and are served later.
func TestConnsMax(t *testing.T) {
	engines(t, func(t *testing.T, l *Loop) {
		ln, err := l.Listen("tcp", "127.0.0.1:0", echo, ListenOptions{ConnsMax: 2})
		if err != nil {
			t.Fatal(err)
		}
		run(t, l)
		addr := ln.Addr().String()
		a, b := dial(t, addr), dial(t, addr)
		waitFor(t, "two connections", func() bool { return l.Conns() == 2 })
		c := dial(t, addr)
		_, _ = c.Write([]byte("x"))
		time.Sleep(50 * time.Millisecond)
		if n := l.Conns(); n != 2 {
			t.Fatalf("%d connections, want 2", n)
		}
		_ = a.Close()
		_ = b.Close()
		if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
	})
}

// A stopped loop leaves no goroutine behind, and says no to Post.
func TestStop(t *testing.T) {
	before := runtime.NumGoroutine()
	engines(t, func(t *testing.T, l *Loop) {
		addr := listen(t, l, echo)
		go func() { _ = l.Run() }()
		c := dial(t, addr)
		_, _ = c.Write([]byte("x"))
		_, _ = io.ReadFull(c, make([]byte, 1))
		l.Stop()
		<-l.Done()
		if _, err := c.Read(make([]byte, 1)); err == nil {
			t.Fatal("the connection outlived its loop")
		}
		if l.Post(func() {}) {
			t.Fatal("a stopped loop took a function")
		}
		if _, err := net.Dial("tcp", addr); err == nil {
			t.Fatal("the listener outlived its loop")
		}
	})
	waitFor(t, "the goroutines", func() bool { return runtime.NumGoroutine() <= before+1 })
}

func TestEngineNames(t *testing.T) {
	if _, err := New("kqueue"); err == nil {
		t.Fatal("an unknown engine was accepted")
	}
	loops, e, _, err := NewLoops(Auto, one)
	if err != nil || e == Auto {
		t.Fatalf("auto resolves to %q, %v", e, err)
	}
	_ = loops[0].poller.Close()
}

func one(Engine) int { return 1 }

// closing counts a poller's end.
type closing struct {
	Poller
	n *int
}

func (p closing) Close() error {
	*p.n++
	return p.Poller.Close()
}

// Auto falls back, and says why.
func TestAutoFallsBack(t *testing.T) {
	oldPollers, oldOrder := pollers, autoOrder
	t.Cleanup(func() { pollers, autoOrder = oldPollers, oldOrder })
	fast, no := Engine("fast"), errors.New("the kernel says no")
	pollers = map[Engine]func() (Poller, error){
		fast:  func() (Poller, error) { return nil, no },
		Epoll: func() (Poller, error) { return newPortable(), nil },
	}
	for _, tt := range []struct {
		order  []Engine
		want   Engine
		passed bool
	}{
		{[]Engine{fast, Epoll}, Epoll, true},
		{[]Engine{Epoll, fast}, Epoll, false},
		{[]Engine{fast}, Portable, true},
		{nil, Portable, false},
	} {
		autoOrder = tt.order
		_, got, passed, err := NewLoops(Auto, one)
		if got != tt.want || errors.Is(passed, no) != tt.passed || err != nil {
			t.Errorf("order %v: took %q, passed over: %v, %v", tt.order, got, passed, err)
		}
	}
	made, closed := 0, 0
	pollers[fast] = func() (Poller, error) { // one, and not the next
		if made++; made > 1 {
			return nil, no
		}
		return closing{newPortable(), &closed}, nil
	}
	autoOrder = []Engine{fast, Epoll}
	loops, got, passed, err := NewLoops(Auto, func(Engine) int { return 2 })
	if len(loops) != 2 || got != Epoll || !errors.Is(passed, no) || err != nil || closed != 1 {
		t.Errorf("two loops: %d on %q, passed over: %v, %v; %d closed", len(loops), got, passed, err, closed)
	}
	if _, _, _, err := NewLoops(fast, one); !errors.Is(err, no) {
		t.Errorf("loops asked for by name: %v, want %v", err, no)
	}
}
