package fcgi

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sluice/loop"
)

// With fewer workers than loops everybody is served all the same.
func TestLoopsShareFewWorkers(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		for _, tt := range []struct{ loops, conns int }{{2, 1}, {3, 1}, {3, 2}} {
			t.Run(fmt.Sprintf("%d loops %d workers", tt.loops, tt.conns), func(t *testing.T) {
				var busy, most atomic.Int32
				b := newBackend(t, "unix", func(p *peer) {
					for {
						q, err := p.next()
						if err != nil {
							return
						}
						n := busy.Add(1)
						for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
						}
						time.Sleep(200 * time.Microsecond)
						busy.Add(-1)
						p.send(reply(q.id, q.params["TOKEN"]))
					}
				})
				p := NewPool(Options{Servers: []Server{b.server(tt.conns)}})
				s := start(t, e, p, tt.loops)
				var wg sync.WaitGroup
				var slowest atomic.Int64
				for i := range 4 * tt.loops {
					wg.Add(1)
					go func() {
						defer wg.Done()
						for j := range 12 {
							began := time.Now()
							s[i%tt.loops].call(fmt.Sprint(i, "-", j)).ask().good()
							if d := int64(time.Since(began)); d > slowest.Load() {
								slowest.Store(d)
							}
						}
					}()
				}
				wg.Wait()
				if int(most.Load()) > tt.conns {
					t.Errorf("%d requests at once on %d workers", most.Load(), tt.conns)
				}
				b.bounded(t, e, tt.conns)
				if d := time.Duration(slowest.Load()); d > 2*time.Second {
					t.Errorf("the slowest request took %v", d)
				}
				settled(t, p, s)
			})
		}
	})
}

// A loop whose own connections are at long requests gets another loop's idle
// one, though nothing happens on that loop.
func TestIdleConnectionOfAnotherLoop(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		g := newGate(t, "unix")
		p := NewPool(Options{Servers: []Server{g.server(2)}})
		s := start(t, e, p, 2)
		long := s[0].call("long").ask()
		g.next(t)
		other := s[1].call("other").ask()
		g.next(t)
		go func() { // "other" ends, "long" goes on
			g.pass <- struct{}{}
		}()
		var next *call
		select {
		case r := <-other.res:
			if r.out != "other" {
				t.Fatalf("%+v", r)
			}
			next = s[0].call("next")
		case r := <-long.res: // it was the other way round
			if r.out != "long" {
				t.Fatalf("%+v", r)
			}
			next = s[1].call("next")
			long = other
		case <-time.After(5 * time.Second):
			t.Fatal("neither ended")
		}
		next.ask()
		if got := g.next(t); got != "next" {
			t.Fatalf("got %q", got)
		}
		g.pass <- struct{}{}
		g.pass <- struct{}{}
		next.good()
		long.good()
		settled(t, p, s)
	})
}
