package fcgi

import (
	"math"
	"sync/atomic"
	"time"
)

// Health says when a server is taken for down, and for up again. Zero values
// mean the defaults.
type Health struct {
	// Fails in a row, within Window, open a server's circuit: no request is sent
	// there while another server is up.
	Fails  int
	Window time.Duration
	// OpenTime is how long a circuit stays open before one request tries again.
	OpenTime time.Duration
	// SlowStart is how long a server that came back takes to get its full share.
	SlowStart time.Duration
	// Path is asked by a request of our own (php-fpm's ping.path) every Interval;
	// empty: no checks. An answer must come within Time and be a success.
	Path     string
	Interval time.Duration
	Time     time.Duration
}

func (h *Health) setDefaults() {
	if h.Fails <= 0 {
		h.Fails = healthFailsDefault
	}
	for _, d := range []struct {
		at  *time.Duration
		def time.Duration
	}{
		{&h.Window, healthWindowDefault},
		{&h.OpenTime, openTimeDefault},
		{&h.SlowStart, slowStartDefault},
		{&h.Interval, checkIntervalDefault},
		{&h.Time, checkTimeDefault},
	} {
		if *d.at <= 0 {
			*d.at = d.def
		}
	}
}

// circuit is where a server's health is.
type circuit uint8

const (
	// sound: requests go there.
	sound circuit = iota
	// open: none goes there while another server is sound.
	open
	// trying: the next request is the trial; it alone.
	trying
)

func (c circuit) String() string { return [...]string{"sound", "open", "trying"}[c] }

// health is one server's, shared by all loops. Times are loop.Loop.Now.
//
// A success between failures starts the count again: a script that crashes its
// worker each time must not take the server from all others.
type health struct {
	fails      atomic.Int32
	firstFail  atomic.Int64
	openUntil  atomic.Int64 // 0: sound
	openSince  atomic.Int64
	slowFrom   atomic.Int64 // 0: full share
	checkFails atomic.Int32 // in a row
	err        atomic.Pointer[error]
}

// heldOpen is openUntil of a circuit that only a good check closes.
const heldOpen = math.MaxInt64

func (h *health) circuit(now int64) circuit {
	switch until := h.openUntil.Load(); {
	case until == 0:
		return sound
	case now < until:
		return open
	default:
		return trying
	}
}

// take is called when a request goes there. Of those that find the circuit
// trying, one may go; for the others it is open again.
func (h *health) take(now int64, o *Health) bool {
	until := h.openUntil.Load()
	return until == 0 || (now >= until && h.openUntil.CompareAndSwap(until, now+int64(o.OpenTime)))
}

// ok: an answer has come.
func (h *health) ok(now int64) {
	if h.fails.Load() != 0 {
		h.fails.Store(0)
	}
	if until := h.openUntil.Load(); until != 0 && until != heldOpen {
		h.close(now)
	}
}

// reached: a connection was made, while no server is sound. Until it is known how
// the request fares nobody is refused.
func (h *health) reached(now int64) {
	if until := h.openUntil.Load(); until != 0 && until != heldOpen {
		h.openSince.Store(now)
		h.openUntil.CompareAndSwap(until, now)
	}
}

func (h *health) close(now int64) {
	h.fails.Store(0)
	if h.openUntil.Swap(0) != 0 {
		h.slowFrom.Store(now)
	}
}

// failed: it could not be reached, or broke off.
func (h *health) failed(now int64, o *Health, err error) {
	if h.fails.Load() == 0 || now-h.firstFail.Load() > int64(o.Window) {
		h.fails.Store(0)
		h.firstFail.Store(now)
	}
	h.err.Store(&err)
	if int(h.fails.Add(1)) >= o.Fails {
		h.trip(h.firstFail.Load(), now+int64(o.OpenTime))
	}
}

// trip opens the circuit until then, if it is not open for longer. since is when
// the trouble began.
func (h *health) trip(since, until int64) {
	for {
		was := h.openUntil.Load()
		if was >= until {
			return
		}
		if was == 0 {
			h.openSince.Store(since)
		}
		if h.openUntil.CompareAndSwap(was, until) {
			return
		}
	}
}

// checked is the result of an active check.
func (h *health) checked(now int64, err error) {
	if err == nil {
		h.checkFails.Store(0)
		h.close(now)
		return
	}
	h.err.Store(&err)
	if h.checkFails.Add(1) >= checkFailsMax {
		h.trip(now, heldOpen)
	}
}

// downSince is since when the circuit is open; 0 if it is not.
func (h *health) downSince() int64 {
	if h.openUntil.Load() == 0 {
		return 0
	}
	return h.openSince.Load()
}

// share is which part of its weight a server gets, of shareWhole.
func (h *health) share(now int64, o *Health) int64 {
	from := h.slowFrom.Load()
	if from == 0 {
		return shareWhole
	}
	part := (now - from) * shareWhole / int64(o.SlowStart)
	if part >= shareWhole {
		h.slowFrom.CompareAndSwap(from, 0)
		return shareWhole
	}
	return max(part, shareWhole/16)
}
