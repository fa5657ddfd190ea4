package front

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// ServeHTTP implements http.Handler: requests that arrive in goroutines, from
// net/http or from whatever else speaks HTTP there, are served by the loops, as
// those of a server's own connections are. Time limits and the bound on
// connections are the other server's affair.
//
// The request's target is taken from r.URL, so what a handler above has changed
// or stripped counts. Trailers are ignored. The response's fields replace those
// that stand in w.Header() already, but for lists as Set-Cookie and Vary. What
// can't be completed is broken off by panic(http.ErrAbortHandler), as the client
// must not take a part for the whole.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	lf := s.locals[int(s.turn.Add(1))%len(s.locals)]
	b := newBridge(lf, r)
	g := &crossing{b: b, w: w, control: http.NewResponseController(w), body: r.Body}
	hasContent := b.HasContent
	if !lf.loop.Post(b.start) { // b is the loop's from here on
		g.refuse(http.StatusServiceUnavailable)
		return
	}
	defer g.leave()
	if hasContent {
		g.reader = newContentReader(b, r)
		go g.reader.run()
	}
	g.run(r.Context())
}

// crossing is the goroutine's end of a bridge.
type crossing struct {
	b        *bridge
	w        http.ResponseWriter
	control  *http.ResponseController
	body     interface{ Close() error }
	reader   *contentReader // nil without content
	headSent bool
	batch    []piece // being written
	buf      []byte  // scratch for files
}

// run writes the response as it comes.
func (g *crossing) run(ctx context.Context) {
	for {
		select {
		case <-g.b.wake:
		case <-g.b.lf.loop.Done(): // what it has left still counts
		case <-ctx.Done():
			g.cut(ctx.Err())
			return
		}
		if g.step(ctx) {
			return
		}
	}
}

// step writes what has come, and tells whether that was all.
func (g *crossing) step(ctx context.Context) (all bool) {
	head, batch, end := g.b.out.take()
	g.batch = batch
	if end == broken && !g.headSent {
		g.refuse(http.StatusBadGateway)
		return true
	}
	if head != nil {
		g.stopContent() // net/http does not read and write at once
		g.headSent = true
		head.send(g.w)
	}
	if err := g.write(); err != nil {
		g.cut(err)
		return true
	}
	switch end {
	case whole:
		return true
	case broken:
		panic(http.ErrAbortHandler)
	case more:
	}
	select {
	case <-g.b.lf.loop.Done():
		if !g.b.out.idle() { // it came while we looked
			return false
		}
		g.cut(errLoopEnded)
		return true
	default:
	}
	if g.headSent && ctx.Err() == nil {
		_ = g.control.Flush() // who can't, sends when it is over
	}
	return false
}

var errLoopEnded = errors.New("front: the loop has ended")

// cut ends a response that will not be complete.
func (g *crossing) cut(err error) {
	switch {
	case g.headSent:
		panic(http.ErrAbortHandler)
	case errors.Is(err, context.DeadlineExceeded):
		g.refuse(http.StatusGatewayTimeout)
	default: // nobody may be there any more to read it
		g.refuse(http.StatusServiceUnavailable)
	}
}

// refuse answers without the sites.
func (g *crossing) refuse(status int) {
	g.stopContent()
	g.headSent = true
	http.Error(g.w, http.StatusText(status), status)
}

// stopContent ends the reading of content; after it nobody uses the body.
func (g *crossing) stopContent() {
	r := g.reader
	if r == nil {
		return
	}
	g.reader = nil
	if !r.stop() {
		return
	}
	// It is in the middle of a Read, which nobody can wait for.
	if g.control.SetReadDeadline(time.Unix(1, 0)) != nil {
		_ = g.body.Close()
	}
	<-r.done
}

// leave gives back what the goroutine holds, however it ends.
func (g *crossing) leave() {
	g.stopContent()
	b, rest := g.b, g.batch
	g.batch = nil
	if b.out.complete() && len(rest) == 0 {
		return
	}
	if !b.lf.loop.Post(func() { b.abandon(rest) }) {
		b.lf.afterLoop(func() {
			release(rest)
			release(b.out.drop())
		})
	}
}
