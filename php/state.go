package php

import (
	"strconv"
	"time"
)

// Phase is where a supervised process is in its life.
type Phase uint8

const (
	// Stopped: no process, and none will come. Before Start and after Stop.
	Stopped Phase = iota
	// Starting: a process runs and has not answered yet; left by its first
	// answer or its end.
	Starting
	// Running: it has answered; left by its end.
	Running
	// BackingOff: no process; the next is started at State.Until.
	BackingOff
)

func (p Phase) String() string {
	switch p {
	case Stopped:
		return "stopped"
	case Starting:
		return "starting"
	case Running:
		return "running"
	case BackingOff:
		return "backing off"
	default:
		return "Phase(" + strconv.Itoa(int(p)) + ")"
	}
}

// State is a snapshot of one supervised process, or of a whole group.
type State struct {
	Phase    Phase
	PID      int       // of the supervised process, 0 if there is none
	Since    time.Time // when Phase began
	Until    time.Time // BackingOff: when the next start is
	Err      error     // why the last process ended, with its last output; nil if none has
	Restarts int       // starts after the first
}

// Event tells of a change of state of one of Group.Servers.
type Event struct {
	Server int // index in Servers
	State  State
}

// Server is one address where workers listen.
type Server struct {
	Network string // "unix" or "tcp"
	Address string // path of the socket or host:port
	Workers int    // how many connections are served at a time
	State   State
}

// backoff chooses the pause before a start: none after a healthy run, then
// doubling.
type backoff struct {
	failures int
}

// next is told how long the process lived and returns the pause.
func (b *backoff) next(lived time.Duration) time.Duration {
	if lived >= backoffReset {
		b.failures = 0
	}
	b.failures++
	if b.failures == 1 {
		return 0
	}
	pause := backoffFirst
	for i := 2; i < b.failures && pause < backoffMax; i++ {
		pause *= 2
	}
	return min(pause, backoffMax)
}
