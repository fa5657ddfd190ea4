package fcgi

import (
	"errors"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"sluice/loop"
)

// Requests wait for a server that was there, as long as DialTime says, and no
// longer than usual for one that never was.
func TestDialTime(t *testing.T) {
	var count atomic.Int32
	b := newBackend(t, "unix", named("x", &count, 0))
	there := NewPool(Options{Servers: []Server{b.server(2)}, DialTime: 20 * time.Second, Foreign: true})
	s := start(t, loop.Auto, there, 1)
	s[0].call("x").ask().good()
	b.stop()
	waits := s[0].call("x").ask()

	never := Server{Network: "unix", Address: filepath.Join(t.TempDir(), "none"), Conns: 2}
	other := start(t, loop.Auto, NewPool(Options{Servers: []Server{never}, DialTime: 20 * time.Second}), 1)
	began := time.Now()
	r := other[0].call("x").ask().wait()
	if took := time.Since(began); !r.refused || took < dialTimeDefault/2 || took > 10*time.Second {
		t.Errorf("who was never there: after %v: %+v", took, r)
	}
	if r := other[0].call("x").ask().wait(); !errors.Is(r.err, ErrAllDown) {
		t.Errorf("then: %+v", r)
	}
	b.revive(t, named("x", &count, 0))
	waits.good()
	settled(t, there, s)
}

// SetConns says what was guessed, and nothing else; a server keeps what it was told
// when the list comes again.
func TestSetConns(t *testing.T) {
	known := Server{Network: "unix", Address: "/known", Conns: 3}
	guessed := Server{Network: "unix", Address: "/guessed", Conns: 4, Guessed: true}
	p := NewPool(Options{Servers: []Server{known, guessed}})
	conns := func() [2]int {
		st := p.States()
		return [2]int{st[0].Server.Conns, st[1].Server.Conns}
	}
	if p.SetConns(known, 9) || !p.SetConns(guessed, 9) || p.SetConns(guessed, 9) || p.SetConns(Server{Network: "unix", Address: "/none"}, 9) {
		t.Error("changed is wrong")
	}
	p.SetServers([]Server{known, guessed})
	if got := conns(); got != [2]int{3, 9} {
		t.Errorf("%v", got)
	}
	guessed.Conns, guessed.Guessed = 2, false
	p.SetServers([]Server{known, guessed})
	if got := conns(); got != [2]int{3, 2} {
		t.Errorf("configured: %v", got)
	}
}

// Trim leaves what was used a moment ago, and so many of the others, on whatever
// loop they are.
func TestTrim(t *testing.T) {
	var count atomic.Int32
	b := newBackend(t, "unix", named("x", &count, 200*time.Millisecond))
	p := NewPool(Options{Servers: []Server{b.server(6)}})
	s := start(t, loop.Auto, p, 2)
	var calls []*call
	for i := range 6 {
		calls = append(calls, s[i%2].call("x").ask())
	}
	for _, c := range calls {
		c.good()
	}
	eventually(t, "all connections are idle", func() bool { return p.InUse() == 6 && p.Busy() == 0 })
	p.Trim(2, time.Hour)
	time.Sleep(20 * time.Millisecond)
	if n := p.InUse(); n != 6 {
		t.Errorf("%d connections are left of 6 that were just used", n)
	}
	for _, keep := range []int{2, 0} {
		p.Trim(keep, time.Millisecond)
		eventually(t, "the others are closed", func() bool { return p.InUse() <= keep })
		time.Sleep(20 * time.Millisecond)
		if n := p.InUse(); n != keep {
			t.Errorf("%d connections are left, want %d", n, keep)
		}
	}
	settled(t, p, s)
}
