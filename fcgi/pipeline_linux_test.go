package fcgi

import (
	"errors"
	"testing"

	"sluice/loop"
)

// TestKillBehind: a worker whose request is ended does not go on with the copy of
// the next one: what it still writes fails.
func TestKillBehind(t *testing.T) {
	killed, wrote := make(chan struct{}), make(chan error, 1)
	b := scripted(t, "unix", func(p *peer, q request) bool {
		if q.params["TOKEN"] != "before" {
			p.send(reply(q.id, q.params["TOKEN"]))
			return true
		}
		<-killed
		_, err := p.Write(reply(q.id, "before"))
		wrote <- err
		return false
	})
	p, s := pipelined(t, loop.Epoll, b, func(o *Options) {
		o.Kill = func(Server, uintptr) (func(), error) {
			close(killed)
			return func() {}, nil
		}
	})
	list := s.queue(whole, "before", "behind")
	eventually(t, "one is behind", func() (ok bool) {
		s.on(func() { ok = list[1].conn != nil })
		return ok
	})
	s.on(func() {
		list[0].over = true
		list[0].conn.Kill()
	})
	if r := list[1].wait(); !errors.Is(r.err, ErrBehind) {
		t.Errorf("behind: %v", r.err)
	}
	if err := <-wrote; err == nil {
		t.Error("the worker could write, and would go on with what lies behind")
	}
	s.call("after").ask().good()
	settled(t, p, []*site{s})
}
