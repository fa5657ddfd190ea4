package fcgi

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"sluice/loop"
)

func TestActivities(t *testing.T) {
	release := make(chan struct{})
	b := newBackend(t, "unix", func(p *peer) {
		for {
			q, err := p.next()
			if err != nil {
				return
			}
			if q.params["TOKEN"] == "slow" {
				<-release
			}
			p.send(reply(q.id, q.params["TOKEN"]))
		}
	})
	p := NewPool(Options{Servers: []Server{b.server(4)}})
	s := start(t, loop.Auto, p, 2)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if list := p.Activities(ctx); len(list) != 0 {
		t.Errorf("%d activities before any request", len(list))
	}
	s[0].call("quick").ask().good()
	s[0].call("quick").ask().good()
	slow := s[1].call("slow").ask()
	eventually(t, "both are told of", func() bool {
		idle, busy := 0, 0
		for _, a := range p.Activities(ctx) {
			switch {
			case a.Request == "" && a.Requests == 2:
				idle++
			case a.Request == "token slow" && a.For >= 0 && a.Requests == 0:
				busy++
			}
			a.Close()
		}
		return idle == 1 && busy == 1 && p.Busy() == 1 && p.Free() == 3
	})
	close(release)
	slow.good()
	ended, stop := context.WithCancel(t.Context())
	stop()
	p.Activities(ended) // whatever the loops still answer is given back
	settled(t, p, s)
}

// Fewer connections than before: the workers that are left over begin anew.
func TestSurplusIsRetired(t *testing.T) {
	var retired atomic.Int32
	b := newBackend(t, "unix", func(p *peer) {
		for {
			q, err := p.next()
			if err != nil {
				return
			}
			time.Sleep(5 * time.Millisecond) // so that all connections are made
			p.send(reply(q.id, q.params["TOKEN"]))
		}
	})
	opts := Options{Servers: []Server{b.server(6)}, Retire: func(_ Server, fd uintptr) error {
		retired.Add(1)
		return errClosed // it is closed at once
	}}
	p := NewPool(opts)
	s := start(t, loop.Auto, p, 1)
	if got := flood(s, 120, 6, Want{}); got["x"] != 120 {
		t.Fatalf("%v", got)
	}
	before := p.InUse()
	p.SetServers([]Server{b.server(2)})
	eventually(t, "two are left", func() bool { return p.InUse() == 2 })
	if n := int(retired.Load()); n != before-2 {
		t.Errorf("%d workers of %d were retired, want all but two", n, before)
	}
	if got := flood(s, 60, 6, Want{}); got["x"] != 60 {
		t.Fatalf("%v", got)
	}
	settled(t, p, s)
}
