package loop

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// Loop is one event loop.
type Loop struct {
	poller Poller
	clock  func() time.Time
	start  time.Time

	// Owned by the loop's goroutine:
	now       int64 // ns since epoch, taken once per turn
	wall      time.Time
	slots     []slot
	free      []uint32
	timers    timerHeap
	dirty     []*Conn // have output that was not yet offered to the socket
	joined    []*Conn // have some that waits for the end of the turn; see JoinWrites
	readBuf   []byte
	freeReads [][]byte // spare read buffers; see KeepRead
	pipes     int      // open ones
	pieces    [][]byte // free output buffers, each of pieceBytes
	queues    [][]segment
	iov       [][]byte
	events    [eventsMax]Event
	stop      bool
	stall     time.Duration
	closing   int    // connections that still send what was queued before Close
	flushed   func() // see WhenFlushed

	// Shared:
	conns   atomic.Int64 // open connections, read by the balancer
	mu      sync.Mutex   // guards posted and closed
	posted  []func()
	spare   []func()
	closed  bool
	pending atomic.Bool // posted is not empty, and the loop has been told
	done    chan struct{}
	goid    atomic.Uint64 // the loop's goroutine while it runs; see mustOwn
}

// slot holds what an event is for.
type slot struct {
	who pollee
	gen uint32
}

// pollee is a Conn or a Listener.
type pollee interface{ ready(ev Event) }

// epoch is where Now begins, the same for all loops, so that their times can
// be compared.
var epoch = time.Now()

// New makes a loop on an engine. Run must be called to start it.
func New(engine Engine) (*Loop, error) {
	loops, _, _, err := NewLoops(engine, func(Engine) int { return 1 })
	if err != nil {
		return nil, err
	}
	return loops[0], nil
}

func newLoop(p Poller, clock func() time.Time, start time.Time) *Loop {
	l := &Loop{
		poller: p, clock: clock,
		readBuf: make([]byte, readBufferBytes),
		iov:     make([][]byte, 0, iovecsMax),
		done:    make(chan struct{}),
		stall:   stallTimeDefault,
	}
	l.start = start
	l.wall = clock()
	l.tick()
	return l
}

// SetStallTime sets how long the peer of a connection that was closed may take
// nothing of what is still queued for it. To be called before Run.
func (l *Loop) SetStallTime(d time.Duration) { l.stall = d }

// Post runs fn on the loop, in the order of posting. It never blocks and may be
// called from anywhere. It answers false, and fn never runs, when the loop has
// ended.
func (l *Loop) Post(fn func()) bool {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return false
	}
	l.posted = append(l.posted, fn)
	l.mu.Unlock()
	if !l.pending.Swap(true) {
		l.poller.Wake()
	}
	return true
}

// Now is the loop's clock in nanoseconds, taken once per turn; it only rises,
// and all loops count from the same moment.
func (l *Loop) Now() int64 { return l.now }

// Wall is the time of day at the beginning of this turn.
func (l *Loop) Wall() time.Time { return l.wall }

// Conns is the number of open connections; any goroutine may ask.
func (l *Loop) Conns() int { return int(l.conns.Load()) }

// Stopping tells that the loop ends, or has ended: nothing is to be begun any more.
// To be asked on the loop.
func (l *Loop) Stopping() bool { return l.stop }

// Done is closed when Run has ended.
func (l *Loop) Done() <-chan struct{} { return l.done }

// Run runs the loop until Stop; it takes the calling goroutine, locks it to its
// thread and, where the system allows it, has it go before others (priority_linux.go).
func (l *Loop) Run() error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer prefer()()
	defer close(l.done)
	l.own()
	for !l.stop {
		if err := l.turn(); err != nil {
			return err
		}
	}
	return l.shut()
}

// turn is one round: wait, then events, then posted functions, then timers.
// What each of them writes is sent before the next one runs, but for JoinWrites.
func (l *Loop) turn() error {
	timeout := l.timers.next(l.now)
	if l.pending.Load() {
		timeout = 0
	}
	n, err := l.poller.Wait(l.events[:], timeout)
	if err != nil {
		return fmt.Errorf("loop: waiting for events: %w", err)
	}
	l.tick()
	for i := range n {
		ev := l.events[i]
		if s := int(ev.Handle.slot()); s < len(l.slots) && l.slots[s].gen == ev.Handle.gen() && l.slots[s].who != nil {
			l.slots[s].who.ready(ev)
			l.flush()
		}
	}
	l.runPosted()
	l.timers.fire(l.now)
	l.flush()
	l.flushJoined()
	return nil
}

func (l *Loop) tick() {
	l.wall = l.clock()
	if now := int64(l.wall.Sub(l.start)); now > l.now {
		l.now = now
	}
}

func (l *Loop) runPosted() {
	if !l.pending.Swap(false) {
		return
	}
	l.mu.Lock()
	work := l.posted
	l.posted, l.spare = l.spare[:0], nil
	l.mu.Unlock()
	for i, fn := range work {
		fn()
		work[i] = nil
		l.flush()
	}
	l.spare = work[:0]
}

// flush offers the output of every connection that was written to.
func (l *Loop) flush() {
	for i := 0; i < len(l.dirty); i++ { // sending may make others dirty
		c := l.dirty[i]
		l.dirty[i] = nil
		c.dirty = false
		c.send()
	}
	l.dirty = l.dirty[:0]
}

// flushJoined ends a turn. Sending may make others write.
func (l *Loop) flushJoined() {
	for i := 0; i < len(l.joined); i++ {
		c := l.joined[i]
		l.joined[i] = nil
		c.joined = false
		c.send()
		l.flush()
	}
	l.joined = l.joined[:0]
}

// Stop ends Run after this turn; connections still open are closed. Safe from
// any goroutine.
func (l *Loop) Stop() { l.Post(func() { l.stop = true }) }

func (l *Loop) shut() error {
	for _, s := range l.slots {
		switch who := s.who.(type) {
		case *Conn:
			who.fail(ErrStopped)
		case *Listener:
			who.close()
		}
	}
	l.mu.Lock()
	l.closed = true
	left := l.posted
	l.posted = nil
	l.mu.Unlock()
	for _, fn := range left { // whoever waits for a posted function must not wait for ever
		fn()
	}
	l.goid.Store(0)
	return l.poller.Close()
}

// WhenFlushed calls fn, once, as soon as no connection has anything left to send
// from before its Close.
func (l *Loop) WhenFlushed(fn func()) {
	l.mustOwn()
	if l.closing == 0 {
		fn()
		return
	}
	l.flushed = fn
}

func (l *Loop) closingEnded() {
	if l.closing--; l.closing == 0 && l.flushed != nil {
		fn := l.flushed
		l.flushed = nil
		fn()
	}
}

// attach gives a pollee a slot.
func (l *Loop) attach(who pollee) Handle {
	var i uint32
	if n := len(l.free); n > 0 {
		i = l.free[n-1]
		l.free = l.free[:n-1]
	} else {
		i = uint32(len(l.slots))
		l.slots = append(l.slots, slot{})
	}
	l.slots[i].gen++
	l.slots[i].who = who
	return makeHandle(i, l.slots[i].gen)
}

func (l *Loop) detach(h Handle) {
	l.slots[h.slot()].who = nil
	l.free = append(l.free, h.slot())
}
