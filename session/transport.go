package session

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/yookoala/gofast"

	"sluice/gateway"
	"sluice/loop"
)

// Place is a loop and its part of the backend.
type Place struct {
	Loop  *loop.Loop
	Local *gateway.Local
}

// Options are a Transport's settings.
type Options struct {
	// Backend is the pool and how a request is treated. Its Params are not given
	// to the requests: gofast's are all they have.
	Backend *gateway.Options
	// Places are the loops that are used. If there are none, Loops loops (0: one
	// for every two processors) are made and ended with the Transport.
	Places []Place
	Loops  int
	Engine loop.Engine
	// Guard is what a request must be like after foreign code had it.
	Guard Guard
	// Sticky, if not nil, keeps a client on the server that had him first.
	Sticky *Sticky
	// StallTime is how long a response's reader may take nothing of it before the
	// request is given up; 0 is a minute.
	StallTime time.Duration
}

// Transport makes gofast clients over one backend. Any goroutine may use it.
type Transport struct {
	opts   Options
	places []*place
	own    bool
	next   atomic.Uint32
	closed atomic.Bool
}

// place is a Place with what is under way there.
type place struct {
	Place
	// Owned by the loop:
	live map[*exchange]bool
	idle []chan struct{} // closed when nothing is live
}

// ErrClosed: the client or its transport has been closed.
var ErrClosed = errors.New("session: the client has been closed")

// New makes a Transport. It must be closed before its loops are stopped.
func New(opts Options) (*Transport, error) {
	if opts.StallTime <= 0 {
		opts.StallTime = stallTimeDefault
	}
	if err := opts.Guard.check(); err != nil {
		return nil, err
	}
	if opts.Sticky != nil {
		if err := opts.Sticky.Check(); err != nil {
			return nil, err
		}
	}
	t := &Transport{opts: opts}
	if len(opts.Places) > 0 {
		for _, p := range opts.Places {
			t.places = append(t.places, &place{Place: p, live: map[*exchange]bool{}})
		}
		return t, nil
	}
	t.own = true
	n := opts.Loops
	if n <= 0 {
		n = (runtime.GOMAXPROCS(0) + 1) / 2
	}
	for range min(n, loopsMax) {
		l, err := loop.New(opts.Engine)
		if err != nil {
			t.start() // Stop needs running loops
			t.Close()
			return nil, fmt.Errorf("session: %w", err)
		}
		t.places = append(t.places, &place{Place: Place{Loop: l, Local: opts.Backend.On(l)}, live: map[*exchange]bool{}})
	}
	t.start()
	return t, nil
}

func (t *Transport) start() {
	for _, p := range t.places {
		go func() { _ = p.Loop.Run() }() // an engine's fault ends the loop; Do says so
	}
}

// Closed tells whether Drain or Close has been called.
func (t *Transport) Closed() bool { return t.closed.Load() }

// Close gives up what is under way, and ends the loops that New made. Connections on
// other loops are those loops' owner's, who closes each Place's Local.
func (t *Transport) Close() {
	t.closed.Store(true)
	var ended sync.WaitGroup
	for _, p := range t.places {
		done := make(chan struct{})
		if !p.Loop.Post(func() { p.abortAll(); close(done) }) {
			continue
		}
		ended.Go(func() {
			<-done
			if t.own {
				p.Loop.Post(p.Local.Close)
				p.Loop.Stop()
				<-p.Loop.Done()
			}
		})
	}
	ended.Wait()
}

// Drain takes no new requests and waits until those under way have their whole
// response; the error tells that ctx ended first. Close is needed all the same.
func (t *Transport) Drain(ctx context.Context) error {
	t.closed.Store(true)
	for _, p := range t.places {
		idle := make(chan struct{})
		if !p.Loop.Post(func() { p.idle = append(p.idle, idle); p.ended() }) {
			continue // the loop has ended, and all with it
		}
		select {
		case <-idle:
		case <-ctx.Done():
			return fmt.Errorf("session: requests were under way still: %w", ctx.Err())
		}
	}
	return nil
}

// ended tells those who wait for it that nothing is under way.
func (p *place) ended() {
	if len(p.live) > 0 {
		return
	}
	for _, c := range p.idle {
		close(c)
	}
	p.idle = nil
}

func (p *place) abortAll() {
	for x := range p.live {
		x.giveUp()
		x.flow.put(item{failure: &gateway.Failure{Status: 503, Err: ErrClosed}})
	}
}

// Client makes a client; t.Client is a gofast.ClientFactory. A client holds no
// connection; requests on it may run at the same time.
func (t *Transport) Client() (gofast.Client, error) {
	if t.closed.Load() {
		return nil, ErrClosed
	}
	return &Client{t: t, live: map[*piped]bool{}}, nil
}

// place takes the loops in turn.
func (t *Transport) place() *place {
	return t.places[int(t.next.Add(1)-1)%len(t.places)]
}
