package spool

import (
	"bytes"
	"io"
	"math/rand"
	"net"
	"path/filepath"
	"testing"
	"time"

	"sluice/loop"
)

// source writes what a connection brings into the fixture's spool, and moves it into
// its pipe when it can.
type source struct {
	f    *fixture
	left int64
}

func (h *source) Data(c *loop.Conn, p []byte) {
	h.f.s.Write(p)
	h.took(c, int64(len(p)))
}

func (h *source) Piped(c *loop.Conn, n int64) {
	h.f.s.Piped(n)
	h.took(c, n)
}

func (h *source) took(c *loop.Conn, n int64) {
	if h.left -= n; h.left > 0 {
		c.ReadInto(h.f.s.Pipe(h.left), h.left)
	}
}

func (h *source) EOF(c *loop.Conn)         { c.Close(false) }
func (h *source) Drained(*loop.Conn)       {}
func (h *source) Closed(*loop.Conn, error) {}

// sink sends all of the spool.
type sink struct {
	f *fixture
}

func (h *sink) feed(c *loop.Conn) {
	for !c.Full() {
		b, file, off, n := h.f.s.Take(50_000)
		switch {
		case n == 0:
			c.Close(false)
			return
		case file != nil:
			c.WriteFile(file, off, n)
		default:
			c.WriteShared(b)
		}
	}
}

func (h *sink) Data(*loop.Conn, []byte)  {}
func (h *sink) EOF(*loop.Conn)           {}
func (h *sink) Drained(c *loop.Conn)     { h.feed(c) }
func (h *sink) Closed(*loop.Conn, error) {}
func (h *sink) Connected(c *loop.Conn)   { h.feed(c) }

// Content that goes through a pipe, with more in memory before and behind it, comes
// out whole, and once.
func TestPiped(t *testing.T) {
	f := newFixture(t, &Store{})
	content := make([]byte, 700_000)
	_, _ = rand.New(rand.NewSource(3)).Read(content)
	var addr string
	f.on(func() {
		ln, err := f.l.Listen("tcp", "127.0.0.1:0", func(*loop.Conn) loop.Handler {
			return &source{f: f, left: int64(len(content))}
		}, loop.ListenOptions{})
		if err != nil {
			t.Error(err)
			return
		}
		addr = ln.Addr().String()
	})
	sock := filepath.Join(t.TempDir(), "s")
	peer, err := net.Listen("unix", sock)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = peer.Close() }()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	rest := content
	send := func(n int) {
		if _, err := c.Write(rest[:n]); err != nil {
			t.Fatal(err)
		}
		rest = rest[n:]
	}
	send(100_000)
	for behind := false; !behind && len(rest) > 10_000; { // until the pipe has no place left
		send(1000)
		time.Sleep(50 * time.Microsecond)
		f.on(func() { behind = f.s.behind })
	}
	send(len(rest))
	for all := false; !all; { // go test's own time limit ends this
		f.on(func() { all = f.s.Size() == int64(len(content)) })
	}
	f.on(func() {
		if f.s.piped == 0 || f.s.pipeAt == 0 || f.s.pipeAt+f.s.piped == f.s.size {
			t.Errorf("%d octets in the pipe, %d before it, %d in all", f.s.piped, f.s.pipeAt, f.s.size)
		}
		// What was only taken, not sent, is still there.
		for n := int64(1); n > 0; {
			var file loop.FileRef
			if _, file, _, n = f.s.Take(1 << 20); file != nil {
				file.Release()
			}
		}
		if f.s.Unread() != 0 || !f.s.Repeatable() {
			t.Errorf("%d octets were not taken; repeatable: %v", f.s.Unread(), f.s.Repeatable())
		}
		f.s.Rewind()
		h := &sink{f: f}
		out, err := f.l.Dial("unix", sock, h)
		if err != nil {
			t.Error(err)
			return
		}
		h.feed(out)
	})
	in, err := peer.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = in.Close() }()
	got, err := io.ReadAll(in)
	if err != nil || !bytes.Equal(got, content) {
		t.Fatalf("got %d octets of %d, %v", len(got), len(content), err)
	}
	f.on(func() {
		if f.s.Repeatable() {
			t.Error("what has left the pipe is said to be repeatable")
		}
		f.s.Close()
		if n := f.store.used.Load(); n != 0 {
			t.Errorf("%d octets are still counted", n)
		}
	})
}

// No pipe for what goes to a file, for little, or behind what is in memory already.
func TestPipeRefused(t *testing.T) {
	f := newFixture(t, &Store{MemoryBytes: 256 << 10})
	f.on(func() {
		for _, tt := range []struct {
			left int64
			want bool
		}{{pipeBytesMin - 1, false}, {257 << 10, false}, {256 << 10, true}} {
			if got := f.s.Pipe(tt.left) != nil; got != tt.want {
				t.Errorf("a pipe for %d octets: %v", tt.left, got)
			}
		}
		f.s.Close()
	})
	busy := newFixture(t, &Store{BudgetBytes: 1})
	busy.on(func() {
		busy.s.Write(make([]byte, 10))
		if busy.s.Pipe(128<<10) != nil {
			t.Error("a pipe although memory is used up")
		}
		busy.s.Close()
	})
}
