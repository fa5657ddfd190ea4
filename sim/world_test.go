package sim

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"runtime/debug"
	"slices"
	"syscall"
	"time"

	"sluice/fcgi"
	"sluice/front"
	"sluice/gateway"
	"sluice/loop"
	"sluice/site"
	"sluice/spool"
	"sluice/static"
)

// roundsMax bounds a run: more is no progress.
const roundsMax = 200_000

// world is one run. Invariants, checked all along:
//
//   - every request gets one whole answer that is its own, in order, or its
//     connection ends so that the client can see it;
//   - a POST is run at most once, and no script with half its content;
//   - the pool's permits are exactly the open connections, at most Conns;
//   - no loop turns for nothing, or stands still while there is work;
//   - in a world without faults every request gets its right answer;
//   - in the end nothing is left but idle connections to workers.
type world struct {
	rng    *rand.Rand
	now    time.Time
	trace  func(string)
	faulty bool
	hasty  bool // nobody pauses longer than any time limit
	moves  int
	full   bool // a round in which all that can happen does
	shorts int  // one call in so many is short
	lates  int

	loops    []*loop.Loop
	pollers  []*poller
	acc      *acceptor
	srv      *front.Server
	pool     *fcgi.Pool
	network  string
	drained  bool
	clients  []*client
	workers  []*worker
	requests []*request
	backlog  []*link // of the workers
	dialed   []*link
}

// failure is what failf panics with.
type failure struct{ error }

func (w *world) failf(format string, args ...any) { panic(failure{fmt.Errorf(format, args...)}) }

// move notes that something has happened.
func (w *world) move(format string, args ...any) {
	w.moves++
	if w.trace != nil {
		w.trace(w.now.Format("05.000000 ") + fmt.Sprintf(format, args...))
	}
}

func (w *world) oneIn(n int) bool { return w.rng.IntN(n) == 0 }

func (w *world) upTo(d time.Duration) time.Duration { return time.Duration(w.rng.Int64N(int64(d)) + 1) }

// pause is how long somebody does nothing: mostly short, where there are faults
// sometimes longer than any patience.
func (w *world) pause() time.Duration {
	if w.faulty && !w.hasty && w.oneIn(40) {
		return w.upTo(90 * time.Second)
	}
	return w.upTo(30 * time.Millisecond)
}

// again is a spurious ErrAgain.
func (w *world) again() bool { return !w.full && w.oneIn(8) }

// later holds an event back.
func (w *world) later() bool { return !w.full && w.oneIn(w.lates) }

// short makes n less, at times.
func (w *world) short(n int) int {
	if n > 1 && w.oneIn(w.shorts) {
		if w.oneIn(3) {
			return 1 + w.rng.IntN(min(n, 20))
		}
		return 1 + w.rng.IntN(n)
	}
	return n
}

// mayBreak tells whether a connection may end before its last answer.
func (w *world) mayBreak() bool { return w.faulty || w.drained }

// run runs a seed.
func run(seed uint64, root string, trace func(string)) (err error) {
	w := &world{rng: rand.New(rand.NewPCG(seed, 2)), now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), trace: trace}
	defer func() {
		switch p := recover().(type) {
		case nil:
		case failure:
			err = p.error
		default:
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	w.faulty, w.hasty = !w.oneIn(4), w.oneIn(2)
	w.shorts, w.lates = 2+w.rng.IntN(6), 2+w.rng.IntN(4)
	w.build(root)
	w.play()
	w.end()
	return nil
}

func (w *world) build(root string) {
	start := w.now.Add(-time.Second)
	for range 1 + w.rng.IntN(2) {
		p := &poller{w: w}
		w.pollers = append(w.pollers, p)
		w.loops = append(w.loops, loop.NewOn(p, func() time.Time { return w.now }, start))
	}
	w.network = []string{"unix", "unix", "tcp"}[w.rng.IntN(3)]
	conns := 1 + w.rng.IntN(3)
	w.pool = fcgi.NewPool(fcgi.Options{
		Servers:     []fcgi.Server{{Network: w.network, Address: "php", Conns: conns}},
		NoKeep:      w.oneIn(6),
		Foreign:     w.oneIn(6),
		IdleTime:    []time.Duration{0, 10 * time.Millisecond, time.Second}[w.rng.IntN(3)],
		RequestsMax: []int{0, 0, 1, 3}[w.rng.IntN(4)],
		Pipeline:    fcgi.Pipelining{After: 1 + w.rng.IntN(3), QuickTime: w.upTo(80 * time.Millisecond), BehindTime: w.upTo(60 * time.Millisecond)},
	})
	if !w.oneIn(3) {
		w.pool.Pipeline()
	}
	// Memory enough that no spool needs a goroutine.
	store := &spool.Store{MemoryBytes: 64 << 20, BudgetBytes: 1 << 40}
	st, err := site.New(site.Options{
		Label: "sim", Roots: []site.Root{{Config: static.Config{Root: root, NoCompression: true}}},
		Extensions: []string{".php"}, BodyMax: func() int64 { return 0 },
		PHP: &gateway.Options{Pool: w.pool, Store: store, Log: site.Log{}, RequestTime: 20 * time.Second},
	})
	if err != nil {
		w.failf("%v", err)
	}
	w.srv, err = front.New(front.Options{
		Sites: []*site.Site{st}, Loops: w.loops, Software: "sluice",
		HeadTime: 20 * time.Second, BodyTime: 20 * time.Second, SendTime: 20 * time.Second, IdleTime: 30 * time.Second,
		RequestsMax: []int{0, 0, 2}[w.rng.IntN(3)],
		Report: func(r site.Report, _ netip.Addr, target string) {
			if r.Err != nil {
				w.move("report: %s: %d %v", target, r.Status, r.Err)
			}
		},
	})
	if err != nil {
		w.failf("%v", err)
	}
	if _, err := w.srv.Listen("tcp", "192.0.2.1:80"); err != nil {
		w.failf("%v", err)
	}
	w.acc = w.pollers[0].acc
	for i := range conns {
		w.workers = append(w.workers, &worker{w: w, name: fmt.Sprintf("php%d", i)})
	}
	for i := range 1 + w.rng.IntN(6) {
		w.clients = append(w.clients, w.newClient(i))
	}
}

func (w *world) newLink(name string, unix bool) *link {
	room := func() int {
		switch {
		case !w.oneIn(3):
			return 64 << 10
		case w.faulty && !w.hasty:
			return 1 + w.rng.IntN(5000)
		}
		return 2000 + w.rng.IntN(5000) // everything has to be done in time
	}
	return &link{w: w, name: name, unix: unix, in: pipe{room: room()}, out: pipe{room: room()}}
}

// connect is a client's.
func (w *world) connect(name string) *link {
	if w.acc.closed {
		return nil
	}
	l := w.newLink(name, false)
	l.addr = &net.TCPAddr{IP: net.IPv4(198, 51, 100, 1), Port: 1024 + len(w.acc.backlog)}
	w.acc.backlog = append(w.acc.backlog, l)
	w.move("%s connects", name)
	return l
}

// dial is sluice's, to the workers.
func (w *world) dial(network string) (loop.Socket, error) {
	l := w.newLink(fmt.Sprintf("app%d", len(w.dialed)), network == "unix")
	switch {
	case w.faulty && w.oneIn(20):
		w.move("%s: busy", l.name)
		return nil, loop.ErrBusy
	case w.faulty && w.oneIn(30) && l.unix:
		w.move("%s: refused", l.name)
		return nil, syscall.ECONNREFUSED
	}
	l.connecting = !l.unix
	w.move("%s dialed", l.name)
	w.dialed = append(w.dialed, l)
	if l.unix {
		w.backlog = append(w.backlog, l)
	}
	return l, nil
}

// connectDialed ends the dials that take their time.
func (w *world) connectDialed() {
	for _, l := range w.dialed {
		if !l.connecting || w.later() {
			continue
		}
		l.connecting = false
		if l.refused = w.faulty && w.oneIn(20); !l.refused {
			w.backlog = append(w.backlog, l)
		}
		w.move("%s connected, refused %v", l.name, l.refused)
	}
}

// play goes on until the clients are done and sluice has closed all that it
// will close.
func (w *world) play() {
	drainAt := -1
	if w.oneIn(6) {
		drainAt = w.rng.IntN(400)
	}
	still := 0
	for round := 0; !w.quiet(); round++ {
		if round > roundsMax {
			w.failf("no end after %d rounds", round)
		}
		if round == drainAt {
			w.drain()
		}
		w.supervise()
		before := w.moves
		w.round()
		if w.moves > before {
			w.full, still = false, 0
			if w.oneIn(4) {
				w.now = w.now.Add(w.upTo(2 * time.Millisecond))
			}
			continue
		}
		// Only when nothing at all can happen does time go on: one round may
		// still have armed a timer.
		w.full = true
		if still++; still > 2 {
			w.full, still = false, 0
			w.jump()
		}
	}
}

// round lets everybody act once, in any order.
func (w *world) round() {
	w.connectDialed()
	n := len(w.loops) + len(w.clients) + len(w.workers)
	for _, i := range w.rng.Perm(n) {
		if !w.full && w.oneIn(3) {
			continue
		}
		switch {
		case i < len(w.loops):
			if err := w.loops[i].Turn(); err != nil {
				w.failf("%v", err)
			}
			w.checkPool()
		case i < len(w.loops)+len(w.clients):
			w.clients[i-len(w.loops)].step()
		default:
			w.workers[i-len(w.loops)-len(w.clients)].step()
		}
	}
}

// jump moves the clock to when something may happen again.
func (w *world) jump() {
	next := time.Time{}
	note := func(t time.Time) {
		if t.After(w.now) && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	for _, p := range w.pollers {
		if p.woken.Load() {
			return
		}
		if p.timeout >= 0 {
			note(w.now.Add(max(p.timeout, 1)))
		}
	}
	for _, c := range w.clients {
		if !c.done {
			note(c.wake)
		}
	}
	for _, k := range w.workers {
		note(k.wake)
	}
	if next.IsZero() {
		w.stuck()
	}
	w.now = next
	if w.oneIn(10) {
		w.now = w.now.Add(w.upTo(5 * time.Millisecond))
	}
}

// supervise says at times that no worker starts, and soon that they do again.
func (w *world) supervise() {
	switch {
	case w.pool.Down() != nil:
		if w.oneIn(20) {
			w.move("php is up")
			w.pool.SetDown(nil)
		}
	case w.faulty && w.oneIn(2000):
		w.move("php is down")
		w.pool.SetDown(errDown)
	}
}

var errDown = errors.New("sim: php is down")

func (w *world) drain() {
	w.move("drain")
	w.drained = true
	over, cancel := context.WithCancel(context.Background())
	cancel()
	_ = w.srv.Drain(over) // what it waits for comes later
}

// checkPool: the permits are the open connections, and no more than Conns.
func (w *world) checkPool() {
	w.dialed = slices.DeleteFunc(w.dialed, func(l *link) bool { return l.closed })
	if n := w.pool.InUse(); n != len(w.dialed) || n > w.pool.Conns() {
		w.failf("%d permits taken of %d, and %d connections", n, w.pool.Conns(), len(w.dialed))
	}
}
