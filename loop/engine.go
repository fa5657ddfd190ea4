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

// Resolve tells which engine is really taken. The error says why an engine that
// was asked for by name is not to be had: another system, or a kernel that
// refuses.
func (e Engine) Resolve() (Engine, error) {
	engine, _, err := e.Choose()
	return engine, err
}

// Choose is Resolve. With Auto, passed says why engines that would have been
// faster were not taken; nil when the best one was.
func (e Engine) Choose() (engine Engine, passed, err error) {
	return e.choose(Engine.try)
}

// choose takes the first engine that try makes do.
func (e Engine) choose(try func(Engine) error) (engine Engine, passed, err error) {
	if e != Auto && e != "" {
		return e, nil, try(e)
	}
	var reasons []error
	for _, e := range autoOrder {
		err := unmeasured(e)
		if err == nil {
			err = try(e)
		}
		if err == nil {
			return e, errors.Join(reasons...), nil
		}
		reasons = append(reasons, err)
	}
	return Portable, errors.Join(reasons...), try(Portable)
}

// NewLoops makes n loops, as many as an engine is to have, on the same engine: loops
// that share connections must be of one kind. Auto takes the best one of which all
// are to be had, for a limit (RLIMIT_MEMLOCK) may allow one ring and not the next.
// passed is that of Choose.
func NewLoops(e Engine, n func(Engine) int) (loops []*Loop, taken Engine, passed, err error) {
	taken, passed, err = e.choose(func(e Engine) error {
		loops = nil
		for range n(e) {
			p, err := e.newPoller()
			if err != nil {
				for _, l := range loops {
					_ = l.poller.Close()
				}
				loops = nil
				return err
			}
			loops = append(loops, newLoop(p, time.Now, epoch))
		}
		return nil
	})
	return loops, taken, passed, err
}

// Engines are all that this system lets us have, the best first.
func Engines() []Engine {
	var list []Engine
	for _, e := range append(slices.Clone(autoOrder), Portable) {
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
