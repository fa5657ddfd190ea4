package fcgi

import (
	"context"
	"time"
)

// Activity is what a connection that is not shared does at a moment.
type Activity struct {
	Server   Server
	Requests int // that it has served before
	// Request says what it is at, as Describer tells; "" while it is idle.
	Request string
	For     time.Duration // since when
	// Descriptor is one of its own, for questions to the system; 0 where there is
	// none. Close gives it back.
	Descriptor uintptr
	Close      func()
}

// Describer is a Stream that can say in a line which request it is.
type Describer interface{ Describe() string }

// Activities lists what the connections of all loops do now. It waits for the
// loops, at most as long as ctx says, so it must not be called on one.
func (p *Pool) Activities(ctx context.Context) (list []Activity) {
	for _, lp := range p.all() {
		answer := make(chan []Activity, 1)
		if !lp.l.Post(func() { answer <- lp.activities() }) {
			continue // it has ended
		}
		select {
		case some := <-answer:
			list = append(list, some...)
		case <-ctx.Done():
			go lp.closeLate(answer)
			return list
		}
	}
	return list
}

// closeLate gives back what nobody waits for any more.
func (lp *Local) closeLate(answer <-chan []Activity) {
	select {
	case list := <-answer:
		for _, a := range list {
			a.Close()
		}
	case <-lp.l.Done():
	}
}

func (lp *Local) activities() (list []Activity) {
	for c := range lp.own {
		if c.state == dialing || c.state == handed {
			continue
		}
		a := Activity{Server: *c.b.s.conf.Load(), Requests: c.served, Close: func() {}}
		if fd, ok := c.dup(); ok {
			a.Descriptor, a.Close = fd.fd, fd.close
		}
		switch c.state {
		case busy:
			a.Request, a.For = "a request", time.Duration(lp.l.Now()-c.grantedAt)
			if d, ok := c.stream.(Describer); ok {
				a.Request = d.Describe()
			}
		case leaving, retiring:
			a.Request, a.For = c.state.String(), time.Duration(lp.l.Now()-c.grantedAt)
		case idle, dialing, probing, handed, closed, numConnStates:
		}
		list = append(list, a)
	}
	return list
}
