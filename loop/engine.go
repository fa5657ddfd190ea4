package loop

import "fmt"

// Engine names a poller.
type Engine string

// Auto takes the best engine of the system.
const (
	Auto     Engine = "auto"
	Epoll    Engine = "epoll"
	Portable Engine = "portable"
)

// Resolve tells which engine is really taken.
func (e Engine) Resolve() (Engine, error) {
	switch e {
	case Auto, "":
		if newNative != nil {
			return nativeEngine, nil
		}
		return Portable, nil
	case Portable:
		return Portable, nil
	case nativeEngine:
		if newNative != nil {
			return e, nil
		}
	}
	return "", fmt.Errorf("loop: engine %q is not available on this system; use auto or portable", string(e))
}

func (e Engine) newPoller() (Poller, error) {
	r, err := e.Resolve()
	if err != nil {
		return nil, err
	}
	if r == Portable {
		return newPortable(), nil
	}
	return newNative()
}
