package fcgi

import (
	"bytes"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sluice/loop"
)

func TestParseValues(t *testing.T) {
	pairs := func(list ...string) (b []byte) {
		for i := 0; i < len(list); i += 2 {
			b = AppendPair(b, list[i], list[i+1])
		}
		return b
	}
	tests := []struct {
		name string
		in   []byte
		want values
		fail bool
	}{
		{"nothing", nil, values{}, false},
		{"all", pairs("FCGI_MAX_CONNS", "7", "FCGI_MAX_REQS", "50", "FCGI_MPXS_CONNS", "1"), values{7, 50, true}, false},
		{"php", pairs("FCGI_MAX_CONNS", "1", "FCGI_MAX_REQS", "1", "FCGI_MPXS_CONNS", "0"), values{1, 1, false}, false},
		{"Go", pairs("FCGI_MPXS_CONNS", "1"), values{0, 0, true}, false},
		{"others", pairs("X", "1", "fcgi_mpxs_conns", "1"), values{}, false},
		{"no numbers", pairs("FCGI_MAX_CONNS", "many", "FCGI_MAX_REQS", "-1", "FCGI_MPXS_CONNS", "yes"), values{}, false},
		{"too large", pairs("FCGI_MAX_CONNS", "99999999999"), values{}, false},
		{"cut off", pairs("FCGI_MPXS_CONNS", "1")[:10], values{}, true},
	}
	for _, tt := range tests {
		v, err := parseValues(tt.in)
		if v != tt.want || (err != nil) != tt.fail {
			t.Errorf("%s: %+v, error %v", tt.name, v, err)
		}
	}
}

func FuzzParseValues(f *testing.F) {
	f.Add(AppendPair(AppendPair(nil, "FCGI_MAX_REQS", "50"), "FCGI_MPXS_CONNS", "1"))
	f.Add([]byte{0x80, 0, 0, 1, 0, 'x'})
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := parseValues(b)
		if v.maxConns < 0 || v.maxReqs < 0 || (err != nil && v != values{}) {
			t.Errorf("%+v, %v", v, err)
		}
	})
}

// prober answers GET_VALUES by a function, and requests like echo. A nil answer
// is silence; "close" closes.
func prober(asked *atomic.Int32, answer func() []byte) func(p *peer) {
	return func(p *peer) {
		for {
			head, err := p.r.Peek(2)
			if err != nil {
				return
			}
			if Type(head[1]) != GetValues {
				q, err := p.next()
				if err != nil {
					return
				}
				p.send(reply(q.id, q.params["TOKEN"]))
				continue
			}
			asked.Add(1)
			_, id, content, err := p.record()
			if err != nil || id != 0 || !bytes.Contains(content, []byte("FCGI_MPXS_CONNS")) {
				return
			}
			b := answer()
			if string(b) == "close" {
				return
			}
			p.send(b)
		}
	}
}

func result1(list ...string) []byte {
	var b []byte
	for i := 0; i < len(list); i += 2 {
		b = AppendPair(b, list[i], list[i+1])
	}
	return AppendRecord(nil, GetValuesResult, 0, b)
}

// What a backend answers to GET_VALUES, and what it is then taken for. Requests
// are answered in each case, and the question is asked once.
func TestProbe(t *testing.T) {
	slow := result1("FCGI_MPXS_CONNS", "1")
	tests := []struct {
		name   string
		mode   Mux
		answer []byte
		want   nature
		asked  int32
	}{
		{"multiplexes", MuxAuto, result1("FCGI_MPXS_CONNS", "1"), multi, 1},
		{"ends it like a stream", MuxAuto, append(result1("FCGI_MPXS_CONNS", "1"), AppendHeader(nil, GetValuesResult, 0, 0, 0)...), multi, 1},
		{"does not", MuxAuto, result1("FCGI_MPXS_CONNS", "0"), single, 1},
		{"does not say", MuxAuto, result1("FCGI_MAX_REQS", "5"), single, 1},
		{"does not know the question", MuxAuto, AppendUnknownType(nil, GetValues), single, 1},
		{"does not answer", MuxAuto, nil, single, 1},
		{"closes", MuxAuto, []byte("close"), single, 1},
		{"answers nonsense", MuxAuto, []byte("HTTP/1.1 400 Bad Request\r\n\r\n"), single, 1},
		{"answers half a pair", MuxAuto, AppendRecord(nil, GetValuesResult, 0, []byte{15, 1, 'F'}), single, 1},
		{"says more than it was asked", MuxAuto, append(bytes.Clone(slow), reply(1, "secret")...), single, 1},
		{"is not asked", MuxOff, slow, single, 0},
		{"is known", MuxOn, slow, multi, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var asked atomic.Int32
			b := newBackend(t, "unix", prober(&asked, func() []byte { return tt.answer }))
			srv := b.server(2)
			srv.Mux = tt.mode
			p := NewPool(Options{Servers: []Server{srv}})
			s := start(t, loop.Auto, p, 2)
			var calls []*call
			for i := range 10 {
				calls = append(calls, s[i%2].call(fmt.Sprint("t", i)).ask())
			}
			for _, k := range calls {
				k.good()
			}
			if got := p.roster.Load().now[0].at(); got != tt.want || asked.Load() != tt.asked {
				t.Errorf("taken for %v, want %v; asked %d times, want %d", got, tt.want, asked.Load(), tt.asked)
			}
			s[0].call("after").ask().good()
			settledShared(t, p, s)
		})
	}
}

// GET_VALUES_RESULT octet by octet.
func TestProbeInPieces(t *testing.T) {
	var asked atomic.Int32
	b := newBackend(t, "unix", func(p *peer) {
		if _, _, _, err := p.record(); err != nil {
			return
		}
		asked.Add(1)
		for _, c := range result1("FCGI_MAX_CONNS", "3", "FCGI_MAX_REQS", "30", "FCGI_MPXS_CONNS", "1") {
			p.send([]byte{c})
			time.Sleep(100 * time.Microsecond)
		}
		echo(p)
	})
	srv := b.server(5)
	srv.Mux = MuxAuto
	p := NewPool(Options{Servers: []Server{srv}})
	s := start(t, loop.Auto, p, 1)
	s[0].call("x").ask().good()
	x := p.roster.Load().now[0]
	if x.at() != multi || x.conns() != 3 || x.requests() != 10 || asked.Load() != 1 {
		t.Errorf("%v, %d connections, %d requests on each", x.at(), x.conns(), x.requests())
	}
	settledShared(t, p, s)
}

// A backend that comes back may be another program.
func TestProbeAgainAfterRestart(t *testing.T) {
	var asked atomic.Int32
	b := newBackend(t, "tcp", prober(&asked, func() []byte { return result1("FCGI_MPXS_CONNS", "1") }))
	srv := b.server(2)
	srv.Mux = MuxAuto
	p := NewPool(Options{Servers: []Server{srv}, DialTime: 30 * time.Millisecond, Health: Health{OpenTime: 10 * time.Millisecond}})
	s := start(t, loop.Auto, p, 1)
	s[0].call("x").ask().good()
	b.stop()
	if r := s[0].call("y").ask().wait(); r.err == nil {
		t.Fatal("answered by nobody")
	}
	eventually(t, "the nature is forgotten", func() bool {
		r := s[0].call("z").ask().wait()
		return r.err != nil && p.roster.Load().now[0].at() == unknown
	})
	if st := p.States()[0]; st.Up || st.Err == nil || !strings.Contains(st.Err.Error(), "refused") {
		t.Errorf("%+v", st)
	}
}

// settledShared waits until no request is left, and checks the counters of
// shared connections too.
func settledShared(t *testing.T, p *Pool, sites []*site) {
	t.Helper()
	eventually(t, "the connections are idle", func() bool {
		conns, bad := 0, p.Waiting()
		for _, s := range sites {
			s.on(func() {
				conns += len(s.lp.idle) + len(s.lp.shared)
				bad += s.lp.conns - len(s.lp.idle) - len(s.lp.shared) + s.lp.dialing + s.lp.queued + s.lp.picky
				for _, m := range s.lp.shared {
					bad += m.live + m.aborted + len(m.turns) + m.paused
				}
				for _, b := range s.lp.branches {
					bad += b.running + b.dialing
				}
			})
		}
		return bad == 0 && conns == p.InUse()
	})
	for _, s := range sites {
		s.on(s.lp.Close)
	}
	eventually(t, "all permits are back after Close", func() bool { return p.InUse() == 0 })
	allLeft(t, sites)
}
