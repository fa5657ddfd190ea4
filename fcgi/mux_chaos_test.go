package fcgi

import (
	"fmt"
	"math/rand"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sluice/loop"
)

// muxChaos is a backend on whose connections requests interleave, and which
// misbehaves at random: it dies, forgets aborts or answers them late or twice,
// turns requests away, and ends them before it has read all.
func muxChaos(seed int64) *muxer {
	var mu sync.Mutex
	r := rand.New(rand.NewSource(seed))
	random := func(n int) int {
		mu.Lock()
		defer mu.Unlock()
		return r.Intn(n)
	}
	return &muxer{
		serve: func(p *muxPeer, q request) {
			token := q.params["TOKEN"]
			go func() {
				time.Sleep(time.Duration(random(1500)) * time.Microsecond)
				switch random(60) {
				case 0: // dies somewhere, with all the others
					whole := reply(q.id, token)
					p.mu.Lock() // nobody may write behind half a record
					defer p.mu.Unlock()
					_, _ = p.Write(whole[:random(len(whole))])
					_ = p.Close()
					return
				case 1:
					p.send(AppendEndRequest(nil, q.id, 0, Overloaded))
					return
				case 2:
					p.send(reply(q.id+1000, "secret")) // breaks the connection
					return
				}
				for i := range len(token) {
					p.send(AppendRecord(nil, Stdout, q.id, []byte(token[i:i+1])))
					if random(10) == 0 {
						time.Sleep(50 * time.Microsecond)
					}
				}
				p.send(AppendEndRequest(nil, q.id, 0, 0))
			}()
		},
		abort: func(p *muxPeer, id uint16) {
			switch random(3) { // the request goes on all the same
			case 0:
				p.send(AppendEndRequest(nil, id, 0, 0))
			case 1:
				p.send(append(AppendRecord(nil, Stdout, id, []byte("secret")), AppendEndRequest(nil, id, 0, 0)...))
			}
		},
	}
}

// Thousands of requests from several loops on few connections, with clients that
// give up at random: nobody gets another's answer, every request ends, and
// nothing is left.
func TestSharedChaos(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		for seed := range int64(3) {
			b := newBackend(t, "unix", muxChaos(seed).run)
			srv := b.server(3)
			srv.Mux, srv.Requests = MuxOn, 20
			p := NewPool(Options{Servers: []Server{srv}, Queue: 30, QueueTime: time.Second})
			s := start(t, e, p, 2)
			var wg sync.WaitGroup
			var good, failed, away, refused, gone atomic.Int32
			for i := range 30 {
				wg.Add(1)
				go func() {
					defer wg.Done()
					r := rand.New(rand.NewSource(int64(i)))
					for j := range 40 {
						k := s[i%2].call(fmt.Sprint("token-", i, "-", j, ";"))
						k.ask()
						if r.Intn(5) == 0 {
							time.Sleep(time.Duration(r.Intn(1500)) * time.Microsecond)
							s[i%2].on(func() { giveUp(k, r) })
							gone.Add(1)
							continue
						}
						switch res := k.wait(); {
						case res.refused:
							refused.Add(1)
						case res.err != nil && strings.HasPrefix(k.token, res.out):
							failed.Add(1)
						case res.err == nil && res.end.ProtocolStatus == Overloaded && res.out == "":
							away.Add(1)
						case res.err == nil && res.out == k.token:
							good.Add(1)
						default:
							t.Errorf("request %s: %+v", k.token, res)
						}
					}
				}()
			}
			wg.Wait()
			t.Logf("%d good, %d failed, %d turned away, %d refused, %d given up; %d connections", good.Load(), failed.Load(), away.Load(), refused.Load(), gone.Load(), b.accepted.Load())
			if good.Load() < 200 || b.accepted.Load() < 3 {
				t.Errorf("only %d requests went well", good.Load())
			}
			b.bounded(t, e, 3)
			for _, x := range s {
				x.on(x.lp.Close)
			}
			eventually(t, "all permits are back", func() bool { return p.InUse() == 0 && p.Waiting() == 0 })
			for _, x := range s {
				x.on(func() {
					if x.lp.conns+x.lp.dialing+x.lp.queued+x.lp.picky+len(x.lp.shared)+x.lp.branches[0].running+x.lp.branches[0].shared != 0 {
						t.Errorf("left: %d connections, %d dialing, %d queued, %d shared, %d running", x.lp.conns, x.lp.dialing, x.lp.queued, len(x.lp.shared), x.lp.branches[0].running)
					}
				})
			}
		}
	})
}
