package fcgi

import (
	"errors"
	"testing"
	"time"
)

const second = int64(time.Second)

func settings() *Health {
	h := &Health{Fails: 3, Window: 10 * time.Second, OpenTime: time.Second, SlowStart: 8 * time.Second}
	h.setDefaults()
	return h
}

var errTest = errors.New("refused")

// What happens to a server, and where its circuit is after it.
func TestCircuit(t *testing.T) {
	fail := func(h *health, at int64) { h.failed(at, settings(), errTest) }
	good := func(h *health, at int64) { h.ok(at) }
	goes := func(h *health, at int64) { h.take(at, settings()) }
	badCheck := func(h *health, at int64) { h.checked(at, errTest) }
	goodCheck := func(h *health, at int64) { h.checked(at, nil) }
	type step struct {
		do func(*health, int64)
		at int64
	}
	tests := []struct {
		name  string
		steps []step
		at    int64
		want  circuit
	}{
		{"nothing", nil, 1, sound},
		{"two fail", []step{{fail, 1}, {fail, 2}}, 3, sound},
		{"three fail", []step{{fail, 1}, {fail, 2}, {fail, 3}}, 4, open},
		{"a success between", []step{{fail, 1}, {fail, 2}, {good, 3}, {fail, 4}}, 5, sound},
		{"too far apart", []step{{fail, 1}, {fail, 2}, {fail, 11 * second}}, 11 * second, sound},
		{"its time is over", []step{{fail, 1}, {fail, 1}, {fail, 1}}, 1 + second, trying},
		{"one tries", []step{{fail, 1}, {fail, 1}, {fail, 1}, {goes, 1 + second}}, 1 + second, open},
		{"and it goes well", []step{{fail, 1}, {fail, 1}, {fail, 1}, {goes, 1 + second}, {good, 2 + second}}, 2 + second, sound},
		{"and it fails", []step{{fail, 1}, {fail, 1}, {fail, 1}, {goes, 1 + second}, {fail, 1 + second}}, 1 + second, open},
		{"and is heard of no more", []step{{fail, 1}, {fail, 1}, {fail, 1}, {goes, 1 + second}}, 3 * second, trying},
		{"one check fails", []step{{badCheck, 1}}, 1, sound},
		{"two checks fail", []step{{badCheck, 1}, {badCheck, 2}}, 3600 * second, open},
		{"a check between", []step{{badCheck, 1}, {goodCheck, 2}, {badCheck, 3}}, 4, sound},
		{"a request does not overrule the checks", []step{{badCheck, 1}, {badCheck, 2}, {good, 3}}, 4, open},
		{"a check does", []step{{badCheck, 1}, {badCheck, 2}, {goodCheck, 3}}, 4, sound},
		{"also requests that failed", []step{{fail, 1}, {fail, 1}, {fail, 1}, {goodCheck, 3}}, 4, sound},
		{"a failed request does not shorten it", []step{{badCheck, 1}, {badCheck, 2}, {fail, 3}, {fail, 3}, {fail, 3}}, 100 * second, open},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var h health
			for _, s := range tt.steps {
				s.do(&h, s.at)
			}
			if got := h.circuit(tt.at); got != tt.want {
				t.Errorf("%v, want %v", got, tt.want)
			}
			if down := h.downSince(); (down != 0) != (tt.want != sound) {
				t.Errorf("down since %d", down)
			}
		})
	}
}

// Of those that find a circuit trying, one goes.
func TestOneTrial(t *testing.T) {
	var h health
	h.trip(1, 1+second)
	if h.take(2, settings()) {
		t.Error("one may go while it is open")
	}
	if !h.take(1+second, settings()) || h.take(1+second, settings()) {
		t.Error("not exactly one may try")
	}
	if !h.take(3*second, settings()) {
		t.Error("after the trial was lost nobody may try")
	}
	h.ok(3 * second)
	for range 3 {
		if !h.take(3*second, settings()) {
			t.Error("a sound circuit refuses")
		}
	}
}

func TestSlowStart(t *testing.T) {
	var h health
	o := settings()
	if n := h.share(1, o); n != shareWhole {
		t.Errorf("a server that never failed has %d of %d", n, shareWhole)
	}
	h.trip(1, 2)
	h.ok(10 * second)
	for _, tt := range []struct{ after, want int64 }{{0, shareWhole / 16}, {2 * second, shareWhole / 4}, {4 * second, shareWhole / 2}, {8 * second, shareWhole}} {
		if n := h.share(10*second+tt.after, o); n != tt.want {
			t.Errorf("after %d s: %d, want %d", tt.after/second, n, tt.want)
		}
	}
}
