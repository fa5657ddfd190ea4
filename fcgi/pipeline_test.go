package fcgi

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"sluice/loop"
)

// pipelined is a pool of one connection that pipelines after one quick request.
func pipelined(t *testing.T, e loop.Engine, b *backend, change func(o *Options)) (*Pool, *site) {
	t.Helper()
	o := Options{Servers: []Server{b.server(1)}, Pipeline: Pipelining{After: 1, QuickTime: time.Minute, BehindTime: time.Minute}}
	if change != nil {
		change(&o)
	}
	p := NewPool(o)
	p.Pipeline()
	s := start(t, e, p, 1)[0]
	s.call("first").ask().good()
	return p, s
}

// queue asks for all at once, and for one before them: so they all wait, and when
// the first of them has its turn, the second is written behind it.
func (s *site) queue(want Want, tokens ...string) (list []*call) {
	for _, token := range tokens {
		k := s.call(token)
		k.want, k.fresh = want, want.Fresh
		list = append(list, k)
	}
	s.on(func() {
		s.call("go").askNow()
		for _, k := range list {
			k.askNow()
		}
	})
	return list
}

var whole = Want{Whole: true}

// inPairs answers a and c only when the next one has been read too; the answers of
// a pair go out together.
func inPairs(p *peer) {
	var held []byte
	for {
		q, err := p.next()
		if err != nil {
			return
		}
		token := q.params["TOKEN"]
		held = append(held, reply(q.id, token)...)
		if token != "a" && token != "c" {
			p.send(held)
			held = nil
		}
	}
}

func TestPipeline(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		b := newBackend(t, "unix", inPairs)
		p, s := pipelined(t, e, b, nil)
		for _, k := range s.queue(whole, "a", "b", "c", "d", "last") {
			if r := k.good(); !r.reused {
				t.Errorf("%s: not reused", k.token)
			}
		}
		if n := b.accepted.Load(); n != 1 {
			t.Errorf("%d connections", n)
		}
		settled(t, p, []*site{s})
	})
}

// strict fails the test where a request lies behind another one: hangs are seen by
// nothing being there when an answer is about to be sent.
func strict(t *testing.T) func(p *peer) {
	return func(p *peer) {
		for {
			q, err := p.next()
			if err != nil {
				return
			}
			_ = p.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
			if _, err := p.r.Peek(1); err == nil {
				t.Errorf("something lies behind request %s", q.params["TOKEN"])
			}
			_ = p.SetReadDeadline(time.Time{})
			p.send(reply(q.id, q.params["TOKEN"]))
		}
	}
}

func TestNotPipelined(t *testing.T) {
	tests := []struct {
		name   string
		want   Want
		change func(o *Options)
	}{
		{"not allowed", whole, nil},
		{"can't be run twice", Want{}, nil},
		{"not on a kept connection", Want{Whole: true, Fresh: true}, nil},
		{"slow times", whole, func(o *Options) { o.Pipeline.QuickTime = 1 }},
		{"not yet", whole, func(o *Options) { o.Pipeline.After = 10 }},
		{"worker is about to be replaced", whole, func(o *Options) { o.RequestsMax = 1 }},
		{"a connection for each", whole, func(o *Options) { o.NoKeep = true }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBackend(t, "unix", strict(t))
			p, s := pipelined(t, loop.Portable, b, tt.change)
			p.pipelines.Store(tt.name != "not allowed")
			for _, k := range s.queue(tt.want, "a", "b", "c") {
				k.good()
			}
			settled(t, p, []*site{s})
		})
	}
}

// TestBehindSlow: who is behind a request that takes long is sent back, and its
// copy's answer is nobody's.
func TestBehindSlow(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		slow := make(chan struct{})
		b := scripted(t, "unix", func(p *peer, q request) bool {
			if q.params["TOKEN"] == "slow" {
				<-slow
			}
			p.send(reply(q.id, q.params["TOKEN"]))
			return true
		})
		p, s := pipelined(t, e, b, func(o *Options) { o.Pipeline.BehindTime = time.Millisecond })
		list := s.queue(whole, "slow", "behind", "behind, too", "waits")
		for _, k := range list[1 : 1+behindMax] {
			if r := k.wait(); !errors.Is(r.err, ErrBehind) || r.refused || r.started {
				t.Fatalf("%s: %+v", k.token, r)
			}
		}
		close(slow)
		list[0].good()
		list[3].good()
		s.call("after").ask().good()
		settled(t, p, []*site{s})
	})
}

// TestBehindBroken: whatever happens to the request before, who is behind it is
// told that he has to ask again, or gets his answer.
func TestBehindBroken(t *testing.T) {
	tests := []struct {
		name   string
		script func(p *peer, id uint16) // of the request before
		before error                    // of that one; nil: well
		behind error
	}{
		{"dies", func(*peer, uint16) {}, errAny, ErrBehind},
		{"dies within its answer", func(p *peer, id uint16) { p.send(reply(id, "before")[:12]) }, errAny, ErrBehind},
		{"breaks the protocol", func(p *peer, id uint16) { p.send(reply(id+5, "before")) }, errAny, ErrBehind},
		{"dies at once after its answer", func(p *peer, id uint16) { p.send(reply(id, "before")) }, nil, errAny},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			engines(t, func(t *testing.T, e loop.Engine) {
				b := scripted(t, "unix", func(p *peer, q request) bool {
					if q.params["TOKEN"] != "before" {
						p.send(reply(q.id, q.params["TOKEN"]))
						return true
					}
					if _, err := p.r.Peek(1); err != nil { // it is there
						t.Error(err)
					}
					tt.script(p, q.id)
					return false
				})
				p, s := pipelined(t, e, b, nil)
				list := s.queue(whole, "before", "behind", "behind, too", "later")
				is := func(k *call, want error) {
					r := k.wait()
					if (want == nil) != (r.err == nil) || (errors.Is(want, ErrBehind) && !errors.Is(r.err, ErrBehind)) {
						t.Errorf("%s: %v, want %v", k.token, r.err, want)
					}
					if want != nil && k.token == "behind" && r.started {
						t.Error("behind: has started")
					}
				}
				is(list[0], tt.before)
				is(list[1], tt.behind)
				for _, k := range list[2:] {
					_ = k.wait() // may have been behind, too
				}
				s.call("after").ask().good()
				settled(t, p, []*site{s})
			})
		})
	}
}

// errAny stands for any error.
var errAny = errors.New("any")

// TestBehindGivenUp: requests are given up in all places.
func TestBehindGivenUp(t *testing.T) {
	for _, kill := range []bool{false, true} {
		for _, token := range []string{"before", "behind"} {
			t.Run(fmt.Sprintf("%s, killed %v", token, kill), func(t *testing.T) {
				engines(t, func(t *testing.T, e loop.Engine) {
					goOn := make(chan struct{})
					b := scripted(t, "unix", func(p *peer, q request) bool {
						if q.params["TOKEN"] == "before" {
							<-goOn
						}
						p.send(reply(q.id, q.params["TOKEN"]))
						return true
					})
					p, s := pipelined(t, e, b, nil)
					list := s.queue(whole, "before", "behind", "behind, too", "later")
					eventually(t, "one is behind", func() (ok bool) {
						s.on(func() { ok = list[1].conn != nil })
						return ok
					})
					s.on(func() {
						k := list[0]
						if token == "behind" {
							k = list[1]
						}
						k.over = true
						if kill {
							k.conn.Kill()
						} else {
							k.conn.Abandon(time.Second)
						}
					})
					close(goOn)
					if token == "before" {
						for _, k := range list[1 : 1+behindMax] {
							if r := k.wait(); !errors.Is(r.err, ErrBehind) {
								t.Errorf("%s: %v", k.token, r.err)
							}
						}
					} else {
						list[0].good()
						// Its own worker is the one that was given up.
						if r := list[2].wait(); r.err != nil && !errors.Is(r.err, ErrBehind) {
							t.Errorf("behind, too: %v", r.err)
						}
					}
					list[3].good()
					s.call("after").ask().good()
					settled(t, p, []*site{s})
				})
			})
		}
	}
}

// TestAgain: who was behind has its old place, before all others and whatever the
// queue's bound.
func TestAgain(t *testing.T) {
	goOn := make(chan struct{})
	var order []string // by one connection at a time
	b := scripted(t, "unix", func(p *peer, q request) bool {
		order = append(order, q.params["TOKEN"])
		if q.params["TOKEN"] == "slow" {
			<-goOn
		}
		p.send(reply(q.id, q.params["TOKEN"]))
		return true
	})
	p, s := pipelined(t, loop.Portable, b, func(o *Options) { o.Pipeline.BehindTime, o.Queue = time.Millisecond, 4 })
	list := s.queue(whole, "slow", "behind", "behind, too", "waits")
	for _, k := range list[1 : 1+behindMax] {
		if r := k.wait(); !errors.Is(r.err, ErrBehind) {
			t.Fatalf("%s: %v", k.token, r.err)
		}
	}
	full := s.queue(whole, "x", "y") // and the one of queue
	again := s.call("again")
	again.want = Want{Whole: true, Again: true}
	s.on(func() { again.t = list[1].t })
	again.ask()
	s.on(func() {
		if s.lp.first != &again.t || again.t.at != list[1].t.at {
			t.Error("it is not the first")
		}
	})
	close(goOn)
	again.good()
	list[3].good()
	for _, k := range full {
		_ = k.wait()
	}
	settled(t, p, []*site{s})
	if i := slices.Index(order, "again"); i < 0 || i > slices.Index(order, "waits") {
		t.Errorf("order %v", order)
	}
}

// TestAskAfterClose: requests in flight may still ask again when the pool is being
// closed; they get what is left of it, and nothing is dialled for nothing.
func TestAskAfterClose(t *testing.T) {
	goOn := make(chan struct{})
	b := scripted(t, "unix", func(p *peer, q request) bool {
		if q.params["TOKEN"] == "slow" {
			<-goOn
		}
		p.send(reply(q.id, q.params["TOKEN"]))
		return true
	})
	p := NewPool(Options{Servers: []Server{b.server(2)}})
	s := start(t, loop.Portable, p, 1)[0]
	slow := s.call("slow").ask()
	eventually(t, "it is asked", func() (ok bool) {
		s.on(func() { ok = slow.conn != nil })
		return ok
	})
	s.on(s.lp.Close)
	s.call("late").ask().good()
	close(goOn)
	slow.good()
	settled(t, p, []*site{s})
	if n := b.accepted.Load(); n > 2 {
		t.Errorf("%d connections", n)
	}
}

// TestBehindAtTheEnd: when the loop ends nobody asks again.
func TestBehindAtTheEnd(t *testing.T) {
	goOn := make(chan struct{})
	defer close(goOn)
	b := scripted(t, "unix", func(p *peer, q request) bool {
		if q.params["TOKEN"] == "slow" {
			<-goOn
			return false
		}
		p.send(reply(q.id, q.params["TOKEN"]))
		return true
	})
	p, s := pipelined(t, loop.Portable, b, nil)
	list := s.queue(whole, "slow", "behind")
	eventually(t, "one is behind", func() (ok bool) {
		s.on(func() { ok = list[1].conn != nil })
		return ok
	})
	// Also who is in the queue then, and has its old place, does not get a new one.
	again := s.call("again")
	again.want = Want{Whole: true, Again: true}
	s.on(again.askNow)
	s.l.Stop()
	for _, k := range list {
		if r := k.wait(); !errors.Is(r.err, loop.ErrStopped) {
			t.Errorf("%s: %v", k.token, r.err)
		}
	}
	<-s.l.Done()
	if n := p.InUse(); n != 0 {
		t.Errorf("%d permits are gone", n)
	}
}
