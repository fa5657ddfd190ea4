package fcgi

import (
	"errors"
	"fmt"
	"math/rand"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sluice/loop"
)

// scripted answers each request by what the script says of its token.
func scripted(t *testing.T, network string, script func(p *peer, q request) (goOn bool)) *backend {
	return newBackend(t, network, func(p *peer) {
		for {
			q, err := p.next()
			if err != nil || !script(p, q) {
				return
			}
		}
	})
}

func TestAnswer(t *testing.T) {
	tests := []struct {
		name   string
		answer func(id uint16) []byte
		out    string
		stderr string
		end    EndRequestBody
		err    string
		kept   bool
	}{
		{"plain", func(id uint16) []byte { return reply(id, "hello") }, "hello", "", EndRequestBody{}, "", true},
		{"without the record that ends STDOUT", func(id uint16) []byte {
			return AppendEndRequest(AppendRecord(nil, Stdout, id, []byte("hello")), id, 3, RequestComplete)
		}, "hello", "", EndRequestBody{AppStatus: 3}, "", true},
		{"only the end", func(id uint16) []byte { return AppendEndRequest(nil, id, 0, Overloaded) }, "", "", EndRequestBody{ProtocolStatus: Overloaded}, "", true},
		{"both streams mixed", func(id uint16) []byte {
			b := AppendRecord(nil, Stderr, id, []byte("warning 1\n"))
			b = AppendRecord(b, Stdout, id, []byte("hel"))
			b = AppendRecord(b, Stderr, id, []byte("warning 2\n"))
			b = AppendRecord(b, Stderr, id, nil)
			return append(b, reply(id, "lo")...)
		}, "hello", "warning 1\nwarning 2\n", EndRequestBody{}, "", true},
		{"management records are passed over", func(id uint16) []byte {
			b := AppendUnknownType(nil, 12)
			b = AppendRecord(b, GetValuesResult, 0, AppendPair(nil, "FCGI_MPXS_CONNS", "0"))
			return append(b, reply(id, "hello")...)
		}, "hello", "", EndRequestBody{}, "", true},
		{"200 kB", func(id uint16) []byte { return reply(id, strings.Repeat("0123456789", 20000)) }, strings.Repeat("0123456789", 20000), "", EndRequestBody{}, "", true},
		{"END_REQUEST of another request", func(id uint16) []byte {
			return AppendEndRequest(AppendRecord(nil, Stdout, id, []byte("hel")), 77, 0, 0)
		}, "hel", "", EndRequestBody{}, "END_REQUEST for unknown request 77", false},
		{"STDOUT of another request", func(id uint16) []byte { return reply(id+requestIDs, "secret") }, "", "", EndRequestBody{}, "STDOUT for unknown request", false},
		{"STDOUT of the last request", func(id uint16) []byte { return reply(id%requestIDs+1, "secret") }, "", "", EndRequestBody{}, "STDOUT for unknown request", false},
		{"END_REQUEST too short", func(id uint16) []byte { return AppendRecord(nil, EndRequest, id, []byte("1234567")) }, "", "", EndRequestBody{}, "7 octets", false},
		{"BEGIN_REQUEST", func(id uint16) []byte { return AppendBeginRequest(nil, id, Responder, 0) }, "", "", EndRequestBody{}, "BEGIN_REQUEST from the backend", false},
		{"PARAMS", func(id uint16) []byte { return AppendRecord(nil, Params, id, []byte("x")) }, "", "", EndRequestBody{}, "PARAMS from the backend", false},
		{"unknown type", func(id uint16) []byte { return AppendRecord(nil, 99, id, []byte("x")) }, "", "", EndRequestBody{}, "unknown type 99", false},
		{"HTTP", func(uint16) []byte { return []byte("HTTP/1.1 400 Bad Request\r\n\r\n") }, "", "", EndRequestBody{}, "no FastCGI", false},
		{"leftover record", func(id uint16) []byte {
			return append(reply(id, "hello"), AppendRecord(nil, Stdout, id, []byte("secret"))...)
		}, "hello", "", EndRequestBody{}, "", false},
		{"leftover answer", func(id uint16) []byte { return append(reply(id, "hello"), reply(id, "secret")...) }, "hello", "", EndRequestBody{}, "", false},
		{"leftover octet", func(id uint16) []byte { return append(reply(id, "hello"), 1) }, "hello", "", EndRequestBody{}, "", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			engines(t, func(t *testing.T, e loop.Engine) {
				b := scripted(t, "unix", func(p *peer, q request) bool {
					if q.params["TOKEN"] == "odd" {
						p.send(tt.answer(q.id))
					} else {
						p.send(reply(q.id, q.params["TOKEN"]))
					}
					return true
				})
				p := NewPool(Options{Servers: []Server{b.server(1)}})
				s := start(t, e, p, 1)
				s[0].call("before").ask().good()
				r := s[0].call("odd").ask().wait()
				if r.out != tt.out || r.stderr != tt.stderr || r.end != tt.end {
					t.Errorf("got %.60q, stderr %q, end %+v", r.out, r.stderr, r.end)
				}
				if (r.err == nil) != (tt.err == "") || (r.err != nil && !strings.Contains(r.err.Error(), tt.err)) {
					t.Errorf("error %v, want %q", r.err, tt.err)
				}
				if after := s[0].call("after").ask().good(); after.reused != tt.kept {
					t.Errorf("the connection was kept: %v, want %v", after.reused, tt.kept)
				}
				settled(t, p, s)
			})
		})
	}
}

// The backend dies at every octet of its answer: the request fails unless all
// of it had come, and never hangs.
func TestBackendDiesAtEveryOctet(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		whole := append(AppendRecord(nil, Stderr, 1, []byte("oh")), reply(1, "Status: 200\r\n\r\nhello")...)
		for _, half := range []bool{false, true} { // close, or half-close
			var cut atomic.Int32
			b := scripted(t, "unix", func(p *peer, q request) bool {
				p.send(whole[:cut.Load()])
				if half {
					_ = p.Conn.(*net.UnixConn).CloseWrite()
					_, _ = p.r.ReadByte() // until we close
				}
				return false
			})
			p := NewPool(Options{Servers: []Server{b.server(1)}})
			s := start(t, e, p, 1)
			for i := range len(whole) + 1 {
				cut.Store(int32(i))
				r := s[0].call("x").ask().wait()
				switch {
				case i == len(whole) && (r.err != nil || r.out != "Status: 200\r\n\r\nhello" || r.stderr != "oh"):
					t.Fatalf("whole answer, then closed: %+v", r)
				case i < len(whole) && (r.err == nil || r.started != (i > 0) || !r.accepted || !strings.HasPrefix("Status: 200\r\n\r\nhello", r.out)):
					t.Fatalf("cut at %d: %+v", i, r)
				case i < len(whole) && !errors.Is(r.err, errClosed):
					t.Fatalf("cut at %d: error %v does not say that the backend closed", i, r.err)
				}
			}
			settled(t, p, s)
		}
	})
}

// A worker that has closed its kept connection: the request that finds out fails
// without having been accepted or started, so it can be sent again, and a
// request that asks for a check never meets it.
func TestKeptConnectionDied(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		for _, check := range []bool{false, true} {
			var peers sync.Map
			b := scripted(t, "unix", func(p *peer, q request) bool {
				peers.Store(p.number, p)
				p.send(reply(q.id, q.params["TOKEN"]))
				return true
			})
			p := NewPool(Options{Servers: []Server{b.server(1)}})
			s := start(t, e, p, 1)
			for round := 1; round < 30; round++ {
				s[0].call("first").ask().good()
				k := s[0].call("second")
				k.check = check
				s[0].on(func() { // within one turn, so that the loop can't hear of it before
					last, _ := peers.Load(int(b.accepted.Load()))
					_ = last.(*peer).Close()
					if e == loop.Portable {
						time.Sleep(time.Millisecond) // its reader is a goroutine
					}
					k.askNow()
				})
				r := k.wait()
				if check && (r.err != nil || r.reused) {
					t.Fatalf("round %d, with check: %+v", round, r)
				}
				if !check && (r.err == nil || r.started || !r.reused || r.refused) {
					t.Fatalf("round %d, without check: %+v", round, r)
				}
				if !check && e != loop.Portable && r.accepted {
					t.Fatalf("round %d: a closed socket accepted something", round)
				}
			}
			settled(t, p, s)
		}
	})
}

// What a backend says on an idle connection is nobody's answer.
func TestUnaskedData(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		var last atomic.Pointer[peer]
		b := scripted(t, "unix", func(p *peer, q request) bool {
			last.Store(p)
			p.send(reply(q.id, q.params["TOKEN"]))
			return true
		})
		p := NewPool(Options{Servers: []Server{b.server(1)}})
		s := start(t, e, p, 1)
		s[0].call("a").ask().good()
		last.Load().send(reply(2, "secret"))
		eventually(t, "the connection is closed", func() bool { return p.InUse() == 0 })
		s[0].call("b").ask().good()

		// At the same moment as the next request: then that one may fail, but
		// gets no other's answer. With check it does not even fail.
		for i := range 40 {
			k := s[0].call(fmt.Sprint("c", i))
			k.check = i%2 == 0
			s[0].on(func() {
				id := uint16(0)
				for _, c := range s[0].lp.idle {
					id = c.id
				}
				if id != 0 {
					last.Load().send(reply(id, "secret"))
				}
				if e == loop.Portable {
					time.Sleep(time.Millisecond)
				}
				k.askNow()
			})
			r := k.wait()
			if strings.Contains(r.out, "secret") || (r.err == nil && r.out != k.token) || (k.check && r.err != nil) {
				t.Fatalf("request %s: %+v", k.token, r)
			}
		}
		settled(t, p, s)
	})
}

// A connection whose request was not sent whole is not used again.
func TestEndBeforeStdinWasSent(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		b := newBackend(t, "unix", func(p *peer) {
			for { // answers at the end of PARAMS
				typ, id, content, err := p.record()
				if err != nil {
					return
				}
				if typ == Params && len(content) == 0 {
					p.send(reply(id, "early"))
				}
			}
		})
		p := NewPool(Options{Servers: []Server{b.server(1)}})
		s := start(t, e, p, 1)
		for i := range 6 {
			k := s[0].call("early")
			k.unended = i%2 == 0
			if r := k.ask().good(); r.reused != (i%2 == 0 && i > 0) {
				t.Errorf("request %d: reused %v", i, r.reused)
			}
		}
		// All written, but not all taken by the kernel.
		k := s[0].call("early")
		k.granted = func(c Channel) {
			c.WriteShared(make([]byte, 4<<20))
			c.StdinDone()
		}
		if r := k.ask().wait(); r.err == nil && r.out == "early" {
			if after := s[0].call("early").ask().good(); after.reused {
				t.Error("a connection with unsent octets was used again")
			}
		}
		settled(t, p, s)
	})
}

// A request that is given up takes nothing from the next, and its worker counts
// as taken while it is at it.
func TestAbandon(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		for _, network := range []string{"unix", "tcp"} {
			g := newGate(t, network)
			p := NewPool(Options{Servers: []Server{g.server(1)}})
			s := start(t, e, p, 1)
			for i := range 5 {
				k := s[0].call(fmt.Sprint("gone", i)).ask()
				g.next(t)
				next := s[0].call(fmt.Sprint("next", i)).ask()
				s[0].on(func() {
					k.conn.Abandon(time.Hour)
					k.conn.Abandon(time.Hour)
				})
				g.none(t) // the worker is not free yet
				g.pass <- struct{}{}
				if got := g.next(t); got != next.token {
					t.Fatalf("%s: got %q", network, got)
				}
				g.pass <- struct{}{}
				next.good()
				if len(k.res) > 0 || k.out.Len() > 0 {
					t.Errorf("%s: the abandoned request heard something", network)
				}
			}
			if g.most.Load() > 1 {
				t.Errorf("%s: %d requests at once on 1 worker", network, g.most.Load())
			}
			settled(t, p, s)
		}
	})
}

// One that was paused is found out as well.
func TestAbandonWhilePaused(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		big := strings.Repeat("x", 4<<20)
		b := scripted(t, "unix", func(p *peer, q request) bool {
			if q.params["TOKEN"] == "big" {
				if _, err := p.Write(reply(q.id, big)); err != nil {
					return false
				}
				return true
			}
			p.send(reply(q.id, q.params["TOKEN"]))
			return true
		})
		p := NewPool(Options{Servers: []Server{b.server(1)}})
		s := start(t, e, p, 1)
		k := s[0].call("big")
		k.granted = func(c Channel) { c.Pause() }
		k.ask()
		next := s[0].call("next").ask()
		time.Sleep(10 * time.Millisecond)
		if len(next.res) > 0 {
			t.Fatal("a worker served two")
		}
		s[0].on(func() {
			if k.out.Len() > 0 {
				t.Error("a paused connection brought something")
			}
			k.conn.Abandon(time.Hour)
		})
		next.good()
		settled(t, p, s)
	})
}

// Paused for one request, the connection must not be deaf for the next.
func TestPauseEndsWithTheRequest(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		b := newBackend(t, "unix", echo)
		p := NewPool(Options{Servers: []Server{b.server(1)}})
		s := start(t, e, p, 1)
		for i := range 5 {
			k := s[0].call(fmt.Sprint("p", i))
			paused := make(chan Channel, 1)
			k.granted = func(c Channel) { c.Pause(); paused <- c }
			k.ask()
			c := <-paused
			time.Sleep(2 * time.Millisecond)
			s[0].on(c.Resume)
			k.good()
			s[0].call(fmt.Sprint("q", i)).ask().good()
		}
		settled(t, p, s)
	})
}

// chaos is a backend that misbehaves at random.
func chaos(seed int64) func(p *peer) {
	return func(p *peer) {
		r := rand.New(rand.NewSource(seed + int64(p.number)))
		for {
			q, err := p.next()
			if err != nil {
				return
			}
			token := q.params["TOKEN"]
			whole := reply(q.id, token)
			if r.Intn(8) == 0 {
				time.Sleep(time.Duration(r.Intn(2000)) * time.Microsecond)
			}
			switch r.Intn(24) {
			case 0: // dies somewhere
				p.send(whole[:r.Intn(len(whole))])
				return
			case 1: // wrong id
				p.send(reply(q.id+7, "secret"))
			case 2: // leftover, at once or later
				p.send(append(whole, reply(q.id, "secret")...))
			case 3:
				p.send(whole)
				time.Sleep(time.Duration(r.Intn(300)) * time.Microsecond)
				p.send(reply(q.id, "secret"))
			case 4: // closes after a good answer
				p.send(whole)
				return
			case 5: // in pieces
				k := r.Intn(len(whole))
				p.send(whole[:k])
				time.Sleep(100 * time.Microsecond)
				p.send(whole[k:])
			default:
				p.send(whole)
			}
		}
	}
}

// Thousands of requests from several loops, with clients that give up at random
// and a backend that does anything: nobody gets another's answer, every request
// ends, and no permit is lost.
func TestChaos(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		for _, network := range []string{"unix", "tcp"} {
			t.Run(network, func(t *testing.T) {
				b := newBackend(t, network, chaos(1))
				p := NewPool(Options{Servers: []Server{b.server(3)}, Queue: 20, QueueTime: 300 * time.Millisecond, RequestsMax: 50, IdleTime: 5 * time.Millisecond})
				s := start(t, e, p, 2)
				var wg sync.WaitGroup
				var good, failed, refused, gone atomic.Int32
				for i := range 12 {
					wg.Add(1)
					go func() {
						defer wg.Done()
						r := rand.New(rand.NewSource(int64(i)))
						for j := range 100 {
							k := s[i%2].call(fmt.Sprint("token-", i, "-", j, ";"))
							k.fresh, k.check = r.Intn(10) == 0, r.Intn(2) == 0
							k.ask()
							if r.Intn(4) == 0 {
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
							case res.err == nil && res.out == k.token:
								good.Add(1)
							default:
								t.Errorf("request %s: %+v", k.token, res)
							}
						}
					}()
				}
				wg.Wait()
				t.Logf("%d good, %d failed, %d refused, %d given up; %d connections", good.Load(), failed.Load(), refused.Load(), gone.Load(), b.accepted.Load())
				b.bounded(t, e, 3)
				if good.Load() < 300 {
					t.Errorf("only %d requests went well", good.Load())
				}
				settled(t, p, s)
			})
		}
	})
}

// giveUp lets go of k as a client does that has gone, or a time limit.
func giveUp(k *call, r *rand.Rand) {
	switch {
	case k.over:
	case k.t.Waiting():
		k.site.lp.Cancel(&k.t)
	case r.Intn(4) == 0:
		k.conn.Kill()
	default:
		k.conn.Abandon(20 * time.Millisecond)
	}
	if !k.over {
		k.over = true // anything that still comes panics
	}
}
