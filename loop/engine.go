package loop

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Engine names a poller.
type Engine string

// Auto takes the best engine of the system.
const (
	Auto     Engine = "auto"
	Epoll    Engine = "epoll"
	IOUring  Engine = "io_uring"
	Portable Engine = "portable"
)

// NewLoops makes n loops, as many as an engine is to have, on the same engine: loops
// that share connections must be of one kind. An error says why an engine that was
// asked for by name is not to be had: another system, or a kernel that refuses. Auto
// takes the best one of which all are to be had, for a limit (RLIMIT_MEMLOCK) may
// allow one ring and not the next; passed says why engines that would have been faster
// were not taken, nil when the best one was.
func NewLoops(e Engine, n func(Engine) int) (loops []*Loop, taken Engine, passed, err error) {
	if e != Auto && e != "" {
		loops, err = e.loops(n(e))
		return loops, e, nil, err
	}
	var reasons []error
	for _, e := range bestFirst() {
		if err = unmeasured(e); err == nil {
			loops, err = e.loops(n(e))
		}
		if err == nil {
			return loops, e, errors.Join(reasons...), nil
		}
		reasons = append(reasons, err)
	}
	return nil, Portable, nil, errors.Join(reasons...)
}

// loops makes n loops, or none.
func (e Engine) loops(n int) ([]*Loop, error) {
	var list []*Loop
	for range n {
		p, err := e.newPoller()
		if err != nil {
			for _, l := range list {
				_ = l.poller.Close()
			}
			return nil, err
		}
		list = append(list, newLoop(p, time.Now, epoch))
	}
	return list, nil
}

func bestFirst() []Engine { return append(slices.Clone(autoOrder), Portable) }

// Engines are all that this system lets us have, the best first.
func Engines() []Engine {
	var list []Engine
	for _, e := range bestFirst() {
		if e.try() == nil {
			list = append(list, e)
		}
	}
	return list
}

// try makes a poller and gives it back, for only the kernel knows whether it
// lets us.
func (e Engine) try() error {
	p, err := e.newPoller()
	if err != nil {
		return err
	}
	return p.Close()
}

func (e Engine) newPoller() (Poller, error) {
	if e == Portable {
		return newPortable(), nil
	}
	if newPoller, ok := pollers[e]; ok {
		return newPoller()
	}
	return nil, fmt.Errorf("loop: engine %q is not available on this system; use auto or portable", string(e))
}
