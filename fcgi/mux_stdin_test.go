package fcgi

import (
	"bytes"
	"fmt"
	"sync"
	"testing"

	"sluice/loop"
)

// STDIN of many requests is written in turns: a small request is not behind all
// of a large one's content.
func TestStdinInTurns(t *testing.T) {
	var mu sync.Mutex
	var trace []string
	_, srv := newMuxer(t, &muxer{
		serve: func(p *muxPeer, q request) {
			want := bytes.Repeat([]byte(q.params["TOKEN"]), len(q.stdin))[:len(q.stdin)]
			out := q.params["TOKEN"]
			if !bytes.Equal(q.stdin, want) {
				out = "content of another"
			}
			p.send(reply(q.id, out))
		},
		order: func(typ Type, id uint16, n int) {
			mu.Lock()
			defer mu.Unlock()
			if typ == Stdin {
				trace = append(trace, fmt.Sprint(id))
			}
		},
	})
	srv.Conns = 1
	p := NewPool(Options{Servers: []Server{srv}})
	s := start(t, loop.Auto, p, 1)
	const pieces = 40
	var feeders []*feeder
	s[0].on(func() {
		for i := range 5 {
			f := &feeder{call: s[0].call(string(rune('a' + i))), left: pieces}
			feeders = append(feeders, f)
			s[0].lp.Ask(f, &f.t, Want{Left: f})
		}
	})
	for _, f := range feeders {
		f.good()
	}
	// From when all have begun until the first has ended, nobody has two turns
	// more than another.
	mu.Lock()
	defer mu.Unlock()
	had, from, to := map[string]int{}, -1, -1
	for i, id := range trace {
		if had[id]++; len(had) == 5 && from < 0 {
			from = i
		}
		if had[id] == pieces {
			to = i
			break
		}
	}
	if from < 0 || to < from {
		t.Fatalf("not all at once: %v", trace)
	}
	had = map[string]int{}
	for _, id := range trace[from:to] {
		had[id]++
	}
	for id, n := range had {
		if least := (to - from) / 5; n > least+2 || n < least-2 || least < 10 {
			t.Errorf("request %s had %d of %d turns: %v", id, n, to-from, had)
		}
	}
	settledShared(t, p, s)
}

// feeder is a call with content.
type feeder struct {
	*call
	left int
}

func (f *feeder) Granted(c Channel) Stream {
	f.unended = true
	f.call.Granted(c)
	f.feed()
	return f
}

func (f *feeder) Drained() { f.feed() }

func (f *feeder) feed() {
	for f.left > 0 && !f.conn.Full() {
		f.left--
		piece := bytes.Repeat([]byte(f.token), 65528)
		var h [HeaderBytes]byte
		f.conn.Write(AppendHeader(h[:0], Stdin, f.conn.ID(), len(piece), 0))
		f.conn.WriteShared(piece)
		clear(piece) // it was copied
		if f.left == 0 {
			f.conn.Write(AppendHeader(h[:0], Stdin, f.conn.ID(), 0, 0))
			f.conn.StdinDone()
		}
	}
}
