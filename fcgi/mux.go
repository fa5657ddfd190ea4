package fcgi

import (
	"fmt"
	"slices"

	"sluice/loop"
)

// muxState says what a shared connection is doing.
type muxState uint8

const (
	// muxOpen: it takes requests.
	muxOpen muxState = iota
	// muxDraining: it takes none, and closes when those it has are done.
	muxDraining
	// muxClosed: its permit is back.
	muxClosed
	numMuxStates
)

func (s muxState) String() string { return [...]string{"open", "draining", "closed"}[s] }

var muxMay = [numMuxStates][numMuxStates]bool{
	muxOpen:     {muxDraining: true, muxClosed: true},
	muxDraining: {muxClosed: true},
}

// mux is a connection that many requests share (§3.3). It belongs to a Local.
//
// Invariants: while somebody is in turns, the connection is full or pump runs
// or is posted; live and aborted count the slots in those states.
//
// What a backend sends can't be held back for one request only, so its reader
// has to take it: gateway spools, and aborts who is too far behind.
type mux struct {
	lp      *Local
	b       *branch
	c       *loop.Conn
	dec     Decoder
	state   muxState
	slots   []*slot  // by id; nil: unused
	freed   []uint16 // ids of requests that ended well, oldest first
	spare   []*slot
	live    int
	aborted int // END_REQUEST still to come
	served  int
	limit   int     // requests at once
	turns   []*slot // wait for their turn to write STDIN, first come first
	heard   []*slot // got something in this Data
	pumps   bool
	posted  bool // pumpNow will run
	pumpNow func()
	paused  int // slots that hold the answers back
	idle    loop.Timer
}

func (m *mux) become(next muxState) {
	if !muxMay[m.state][next] {
		panic("fcgi: shared connection may not go from " + m.state.String() + " to " + next.String())
	}
	m.state = next
}

// share makes a new connection a shared one and lets who waits use it.
func (lp *Local) share(c *Conn) {
	b := c.b
	c.countDial(-1)
	c.become(handed)
	delete(c.lp.own, c)
	m := &mux{lp: lp, b: b, c: c.c, dec: c.dec, limit: b.s.requests(), slots: make([]*slot, 1, 16)}
	m.idle.Init(m.expire)
	m.pumpNow = func() {
		m.posted = false
		m.serve()
	}
	c.c.SetHandler(m)
	c.c.JoinWrites() // the requests of a turn in one piece
	lp.shared = append(lp.shared, m)
	lp.sharedCount.Store(int32(len(lp.shared)))
	b.shared++
	if c.own != nil {
		m.grant(c.own)
	}
	m.serve()
	m.rest()
	if lp.ending {
		m.drain()
	}
}

// load is how much the backend has to do for it.
func (m *mux) load() int { return m.live + m.aborted }

// room tells whether one more request may begin.
func (m *mux) room() bool {
	return m.state == muxOpen && m.load() < m.limit && (len(m.slots) <= requestIDsMax || len(m.freed) > 0) && !m.c.Full() && m.c.Open()
}

// serve gives room to who waits, and then turns to those who have it.
func (m *mux) serve() {
	for m.room() {
		t := m.lp.firstFor(m.b)
		if t == nil {
			break
		}
		m.lp.dequeue(t)
		m.grant(t)
	}
	m.pump()
}

// grant begins a request. Ids come in turn, so that one is used again as late
// as can be.
func (m *mux) grant(t *Ticket) {
	s := m.slot()
	if len(m.slots) <= requestIDsMax {
		s.id = uint16(len(m.slots))
		m.slots = append(m.slots, s)
	} else {
		s.id = m.freed[0]
		m.freed = m.freed[1:]
		m.slots[s.id] = s
	}
	m.idle.Stop()
	m.live++
	m.b.running++
	s.become(slotLive)
	s.begin()
	s.left.who = t.want.Left
	st := t.asker.Granted(s)
	if s.state == slotLive {
		s.stream = st
	}
}

func (m *mux) slot() *slot {
	if n := len(m.spare); n > 0 {
		s := m.spare[n-1]
		m.spare = m.spare[:n-1]
		return s
	}
	return &slot{m: m}
}

// pump lets those who wait write, one after the other, for a while: a backend
// that reads as quickly as we write must not keep the loop from all else.
func (m *mux) pump() {
	if m.pumps {
		return
	}
	m.pumps = true
	for n := 0; n < turnsMax && len(m.turns) > 0 && m.state != muxClosed && !m.c.Full(); n++ {
		s := m.turns[0]
		m.turns = slices.Delete(m.turns, 0, 1)
		s.waits, s.quota = false, turnBytes
		s.stream.Drained()
	}
	m.pumps = false
	m.pumpSoon()
}

// pumpSoon has pump called again where nothing else will.
func (m *mux) pumpSoon() {
	if m.pumps || m.posted || len(m.turns) == 0 || m.state == muxClosed || m.c.Full() {
		return
	}
	m.posted = true
	m.lp.l.Post(m.pumpNow)
}

// Data implements loop.Handler.
func (m *mux) Data(_ *loop.Conn, p []byte) {
	for len(p) > 0 {
		n, ev, ok, err := m.dec.Next(p)
		p = p[n:]
		if err == nil && ok {
			err = m.event(ev)
		}
		if m.state == muxClosed {
			return
		}
		if err != nil {
			m.broken(err)
			return
		}
	}
	for i := 0; i < len(m.heard) && m.state != muxClosed; i++ {
		if s := m.heard[i]; s.heard && s.state == slotLive {
			s.heard = false
			s.stream.Turn()
		}
	}
	clear(m.heard)
	m.heard = m.heard[:0]
}

func (m *mux) event(ev Event) error {
	if ev.ID == 0 { // management: nothing was asked, nothing is expected
		return nil
	}
	var s *slot
	if int(ev.ID) < len(m.slots) {
		s = m.slots[ev.ID]
	}
	switch {
	case s == nil:
		return fmt.Errorf("fcgi: %v for unknown request %d", ev.Type, ev.ID)
	case s == burned:
		return nil
	case s.state == slotAborted:
		if ev.Type == EndRequest {
			m.forget(s)
		}
		return nil
	}
	return s.event(ev)
}

// forget is the end of an aborted request.
func (m *mux) forget(s *slot) {
	m.aborted--
	m.b.running--
	s.left.tell()
	m.vacate(s, burned)
	m.recycle(s)
	m.after()
}

// vacate takes s out of its place; next is burned, or nil for an id that can be
// used again.
func (m *mux) vacate(s, next *slot) {
	m.slots[s.id] = next
	if next == nil {
		m.freed = append(m.freed, s.id)
	}
	m.leaveTurns(s)
	s.hold(false)
	s.become(slotFree)
}

func (m *mux) leaveTurns(s *slot) {
	if s.waits {
		s.waits = false
		i := slices.Index(m.turns, s)
		m.turns = slices.Delete(m.turns, i, i+1)
	}
}

// recycle keeps an object for another request; nobody may have it any more.
func (m *mux) recycle(s *slot) {
	*s = slot{m: m, heard: false}
	m.spare = append(m.spare, s)
}

// after is called when there is one request less.
func (m *mux) after() {
	if m.state == muxOpen && m.aborted > m.limit/2 {
		m.drain() // it does not look at ABORT_REQUEST
	}
	if m.state == muxOpen && len(m.slots) > requestIDsMax && m.live == 0 && len(m.freed) == 0 {
		m.drain()
	}
	other, since := m.lp.pool.neediest(m.lp)
	if m.state == muxOpen && other != nil && m.lp.l.Now()-since > int64(fairness) && other.sharedCount.Load() == 0 && m.b.s.used.Load() >= m.b.s.conns() {
		m.drain() // a loop that has no connection at all
	}
	if m.state == muxDraining && m.live == 0 {
		m.close()
		return
	}
	m.serve()
	m.rest()
}

// rest notes since when nobody uses the connection.
func (m *mux) rest() {
	if m.state == muxOpen && m.load() == 0 && !m.idle.Armed() {
		m.lp.l.Arm(&m.idle, sharedIdleTime)
	}
}

func (m *mux) expire() {
	if m.load() == 0 {
		m.close()
	}
}

// drain takes no more requests, and closes when there are none.
func (m *mux) drain() {
	if m.state != muxOpen {
		return
	}
	m.become(muxDraining)
	m.leaveShared()
	if m.live == 0 {
		m.close()
		return
	}
	m.lp.dialFor()
}

func (m *mux) leaveShared() {
	lp := m.lp
	if i := slices.Index(lp.shared, m); i >= 0 {
		lp.shared = slices.Delete(lp.shared, i, i+1)
		lp.sharedCount.Store(int32(len(lp.shared)))
		m.b.shared--
	}
}

func (m *mux) close() {
	if m.state == muxClosed {
		return
	}
	m.become(muxClosed)
	m.leaveShared()
	m.b.running -= m.load()
	for _, s := range m.slots {
		if s != nil && s != burned {
			s.left.tell()
		}
	}
	m.c.Abort()
	m.lp.l.Forget(&m.idle)
	m.lp.goneFrom(m.b)
}

// broken fails all requests.
func (m *mux) broken(err error) {
	if m.state == muxClosed {
		return
	}
	var list []*slot
	begun := m.served == 0 // else it may only have been closed before
	for _, s := range m.slots {
		if s != nil && s.state == slotLive {
			list = append(list, s)
			begun = begun || s.got
		}
	}
	if begun && len(list) > 0 {
		m.b.brokeOff(err)
	}
	m.turns = nil
	m.close()
	for _, s := range list {
		if s.state == slotLive { // not given up by what failed before
			s.become(slotFree)
			s.stream.Failed(err)
		}
	}
}

// EOF implements loop.Handler.
func (m *mux) EOF(*loop.Conn) { m.broken(errClosed) }

// Closed implements loop.Handler.
func (m *mux) Closed(_ *loop.Conn, err error) { m.broken(err) }

// Drained implements loop.Handler. New requests come first: one that has much to
// write would fill the connection again.
func (m *mux) Drained(*loop.Conn) { m.serve() }
