package fcgi

import (
	"fmt"
	"time"

	"sluice/loop"
)

// slotState says what one request on a shared connection is doing.
type slotState uint8

const (
	// slotFree: no request, or no longer.
	slotFree slotState = iota
	// slotLive: a Stream waits for its END_REQUEST.
	slotLive
	// slotAborted: given up; what still comes up to END_REQUEST is thrown away,
	// and the backend counts as busy with it.
	slotAborted
	numSlotStates
)

func (s slotState) String() string { return [...]string{"free", "live", "aborted"}[s] }

var slotMay = [numSlotStates][numSlotStates]bool{
	slotFree:    {slotLive: true},
	slotLive:    {slotFree: true, slotAborted: true},
	slotAborted: {slotFree: true},
}

// slot is one request on a shared connection. It implements Channel.
type slot struct {
	m         *mux
	id        uint16
	state     slotState
	stream    Stream
	stdinOpen bool
	got       bool
	reused    bool
	heard     bool  // Turn is owed
	holds     bool  // Pause
	waits     bool  // in mux.turns
	quota     int64 // of STDIN, until it is another's turn
	sentAt    int64 // where in the connection's output the request begins
	left      departure
}

// burned stands in mux.slots for ids that are not used again; whatever comes
// for them is thrown away.
var burned = &slot{}

func (s *slot) become(next slotState) {
	if !slotMay[s.state][next] {
		panic("fcgi: request on a shared connection may not go from " + s.state.String() + " to " + next.String())
	}
	s.state = next
}

func (s *slot) begin() {
	s.stdinOpen, s.reused, s.quota = true, s.m.served > 0, 2*turnBytes // room for a small request and its end
	s.sentAt = s.m.c.Written()
}

// ID implements Channel.
func (s *slot) ID() uint16 { return s.id }

// Write implements Channel.
func (s *slot) Write(p []byte) {
	s.quota -= int64(len(p))
	s.m.c.Write(p)
}

// WriteShared implements Channel. It copies: a request that is given up leaves
// the connection in use, and must not leave its memory there.
func (s *slot) WriteShared(p []byte) { s.Write(p) }

// WriteFile implements Channel.
func (s *slot) WriteFile(f loop.FileRef, off, n int64) {
	s.quota -= n
	s.m.c.WriteFile(f, off, n)
}

// Full implements Channel.
func (s *slot) Full() bool {
	m := s.m
	switch {
	case s.state != slotLive || s.waits:
		return true
	case !m.c.Full() && s.quota > 0:
		return false
	}
	s.waits = true
	m.turns = append(m.turns, s)
	m.pumpSoon()
	return true
}

// Queued implements Channel: nothing of the request's memory is in use.
func (s *slot) Queued() int64 { return 0 }

// StdinDone implements Channel.
func (s *slot) StdinDone() { s.stdinOpen = false }

// Shared implements Channel.
func (s *slot) Shared() bool { return true }

// Server implements Channel.
func (s *slot) Server() string { return *s.m.b.s.key.Load() }

// Started implements Channel.
func (s *slot) Started() bool { return s.got }

// Reused implements Channel.
func (s *slot) Reused() bool { return s.reused }

// Accepted implements Channel.
func (s *slot) Accepted() bool { return s.m.c.Sent() > s.sentAt }

// Pause implements Channel.
func (s *slot) Pause() { s.hold(true) }

// Resume implements Channel.
func (s *slot) Resume() { s.hold(false) }

// hold holds back what the backend sends, for all.
func (s *slot) hold(yes bool) {
	if s.holds == yes {
		return
	}
	s.holds = yes
	if yes {
		s.m.paused++
		s.m.c.Pause()
		return
	}
	if s.m.paused--; s.m.paused == 0 {
		s.m.c.Resume()
	}
}

// Kill implements Channel. The backend's process has other requests.
func (s *slot) Kill() { s.Abandon(0) }

// Abandon implements Channel. The backend is told by ABORT_REQUEST (§5.4); the
// connection goes on.
func (s *slot) Abandon(time.Duration) {
	if s.state != slotLive {
		return
	}
	m := s.m
	s.become(slotAborted)
	s.stream = nil
	m.leaveTurns(s)
	s.hold(false)
	m.live--
	m.aborted++
	var abort [HeaderBytes]byte
	m.c.Write(AppendAbortRequest(abort[:0], s.id))
	m.after()
}

func (s *slot) event(ev Event) error {
	s.got = true
	if !s.heard {
		s.heard = true
		s.m.heard = append(s.m.heard, s)
	}
	switch ev.Type {
	case Stdout, Stderr:
		giveStream(s.stream, ev)
	case EndRequest:
		body, err := ParseEndRequest(ev.Content)
		if err != nil {
			return err
		}
		s.end(body)
	case BeginRequest, AbortRequest, Params, Stdin, Data, GetValues, GetValuesResult, UnknownType:
		return fmt.Errorf("fcgi: %v from the backend", ev.Type)
	default:
		return fmt.Errorf("fcgi: record of unknown type %d from the backend", ev.Type)
	}
	return nil
}

// end gives the place to the next before it tells the stream. A request whose
// STDIN was not all sent gets the end of it, for the backend may still wait for
// that, and its id is not used again.
func (s *slot) end(body EndRequestBody) {
	m, st := s.m, s.stream
	s.stream = nil
	var next *slot
	if s.stdinOpen {
		var h [HeaderBytes]byte
		m.c.Write(AppendHeader(h[:0], Stdin, s.id, 0, 0))
		next = burned
	}
	m.live--
	m.served++
	m.b.running--
	s.left.tell()
	m.b.answered(body)
	m.vacate(s, next)
	if body.ProtocolStatus == CantMpxConn {
		m.b.s.nature.Store(uint32(single))
		m.drain()
	}
	m.after()
	st.Ended(body)
	m.recycle(s)
}
