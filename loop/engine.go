package loop

import (
	"errors"
	"fmt"
	"slices"
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
	if e != Auto && e != "" {
		return e, nil, e.try()
	}
	var reasons []error
	for _, e := range autoOrder {
		err := unmeasured(e)
		if err == nil {
			err = e.try()
		}
		if err == nil {
			return e, errors.Join(reasons...), nil
		}
		reasons = append(reasons, err)
	}
	return Portable, errors.Join(reasons...), nil
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
