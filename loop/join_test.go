package loop

import (
	"bytes"
	"io"
	"testing"
	"time"
)

// What several events of a turn write goes out once, at its end, unless it is
// much; without JoinWrites each event's goes out by itself.
func TestJoinWrites(t *testing.T) {
	for _, e := range engineList() {
		t.Run(string(e), func(t *testing.T) { testJoinWrites(t, e) })
	}
}

func testJoinWrites(t *testing.T, e Engine) {
	l := newLoopOf(t, e)
	conns := make(chan *Conn, 1)
	addr := listen(t, l, func(c *Conn) Handler { conns <- c; return &funcs{} })
	run(t, l)
	peer := dial(t, addr)
	c := <-conns
	big := bytes.Repeat([]byte("x"), joinBytesMax)
	var queued []int64
	turn := func(steps ...func()) {
		// All are posted while the loop is busy, so they run in one turn.
		hold, done := make(chan struct{}), make(chan struct{})
		l.Post(func() { <-hold })
		for _, step := range steps {
			l.Post(step)
			l.Post(func() { queued = append(queued, c.Queued()) })
		}
		l.Post(func() { close(done) })
		close(hold)
		select {
		case <-done:
		case <-time.After(5 * time.Second):
			t.Fatal("the loop did not run what was posted")
		}
	}
	turn(func() { c.Write([]byte("by ")) }, func() { c.Write([]byte("itself, ")) })
	turn(func() { c.JoinWrites(); c.Write([]byte("one ")) }, func() { c.Write([]byte("and two, ")) })
	turn(func() { c.Write([]byte("little ")) }, func() { c.WriteShared(big) }, func() { c.Write([]byte(" and last")) })
	want := "by itself, one and two, little " + string(big) + " and last"
	got := make([]byte, len(want))
	if _, err := io.ReadFull(peer, got); err != nil || string(got) != want {
		t.Fatalf("received %d octets (%v), want %d", len(got), err, len(want))
	}
	if e != Epoll {
		return // others may take what is sent a little later
	}
	on(t, l, func() {
		for i, n := range []int64{0, 0, 4, 13, 7} {
			if queued[i] != n {
				t.Errorf("queued %v after the steps; step %d should leave %d", queued, i, n)
			}
		}
		if queued[5] >= joinBytesMax {
			t.Errorf("%d octets are still queued, %d are much", queued[5], joinBytesMax)
		}
	})
}

// What is left of a turn is not lost when the connection is closed in it.
func TestJoinWritesClose(t *testing.T) {
	engines(t, func(t *testing.T, l *Loop) {
		addr := listen(t, l, func(*Conn) Handler {
			return &funcs{data: func(c *Conn, _ []byte) {
				c.JoinWrites()
				c.Write([]byte("goodbye"))
				c.Close(false)
			}}
		})
		run(t, l)
		peer := dial(t, addr)
		if _, err := peer.Write([]byte("go")); err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(peer); err != nil || string(got) != "goodbye" {
			t.Fatalf("received %q, %v", got, err)
		}
	})
}
