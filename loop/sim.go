package loop

import "time"

// NewOn makes a loop on a given poller and clock, to be turned by hand (Turn)
// instead of by Run: so a simulation decides what happens, and when. Loops that
// work together need the same clock and the same start, from which they count
// their time; it must be before the first reading of the clock.
func NewOn(p Poller, clock func() time.Time, start time.Time) *Loop {
	return newLoop(p, clock, start)
}

// Turn is one round: wait, events, posted functions, timers. Only for a loop
// made by NewOn.
func (l *Loop) Turn() error { return l.turn() }
