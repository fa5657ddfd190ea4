package session

import (
	"context"
	"sync"
	"time"

	"sluice/cgi"
	"sluice/gateway"
	"sluice/loop"
	"sluice/message"
)

// exchange is one request at the gateway and the flow of its response. It
// implements gateway.Client.
type exchange struct {
	t    *Transport
	p    *place
	call *call
	flow flow

	// Owned by the loop:
	r      *gateway.Request
	req    message.Request
	over   bool // the gateway calls nothing more
	sent   sent // what the client's sticky cookie said
	paused bool // the content has to wait
	owed   bool // ack is to be sent when it need not

	ack   chan struct{} // a piece of content was taken
	ended chan struct{} // over
	stuck func()        // unblocks a reader that has stopped

	watches sync.Mutex // guards these
	stopped bool
	ctxStop func() bool // ends watching the caller's context
	watch   *time.Timer // looks for a reader that has stopped
	seen    int64       // of watch
}

// sent is what a request's sticky cookie says.
type sent struct {
	server string
	renew  bool
}

// run starts a request; ctx gives it up.
func (t *Transport) run(ctx context.Context, c *call, stuck func()) (*exchange, error) {
	x := &exchange{t: t, p: t.place(), call: c, ack: make(chan struct{}, 1), ended: make(chan struct{}), stuck: stuck}
	x.flow.init(func() {
		x.p.Loop.Post(func() {
			if !x.over {
				x.r.Resume()
			}
		})
	})
	if err := c.takeData(); err != nil {
		c.close()
		return nil, err
	}
	hasContent := c.stdin != nil
	if !x.p.Loop.Post(func() { x.begin(hasContent) }) {
		c.close()
		c.dropFile()
		return nil, ErrClosed
	}
	x.watches.Lock()
	x.watch = time.AfterFunc(t.opts.StallTime, x.look)
	x.ctxStop = context.AfterFunc(ctx, x.drop)
	x.watches.Unlock()
	if hasContent {
		go x.feed()
	} else {
		c.close()
	}
	return x, nil
}

// begin runs on the loop.
func (x *exchange) begin(hasContent bool) {
	if x.t.closed.Load() {
		x.over = true
		close(x.ended)
		x.call.dropFile()
		x.flow.put(item{failure: &gateway.Failure{Status: 503, Err: ErrClosed}})
		return
	}
	x.p.live[x] = true
	x.req = message.Request{Method: []byte(x.call.method), Minor: 1}
	r := x.p.Local.Begin(x)
	x.r = r
	r.Env.Request, r.Env.ContentLength = &x.req, -1
	r.Pairs, r.Role, r.Data = x.call.pairs, x.call.role, x.call.data
	if s := x.t.opts.Sticky; s != nil {
		x.sent.server, x.sent.renew = s.Server(x.call.cookies, x.p.Loop.Wall())
		r.Prefer = x.sent.server
	}
	r.Start(hasContent)
}

// finish notes that the gateway is done with the request.
func (x *exchange) finish() {
	x.over = true
	delete(x.p.live, x)
	x.p.ended()
	close(x.ended)
}

// giveUp ends the request at the gateway.
func (x *exchange) giveUp() {
	if !x.over {
		x.finish()
		x.r.Abort()
	}
}

// drop gives the request up from any goroutine: its reader gets nothing more.
func (x *exchange) drop() {
	x.stop()
	files := x.flow.close()
	release := func() {
		for _, f := range files {
			f.Release()
		}
	}
	if !x.p.Loop.Post(func() { x.giveUp(); release() }) {
		release()
	}
	x.stuck()
}

// stop ends the watches: the response has been read, or nobody reads it.
func (x *exchange) stop() {
	x.watches.Lock()
	defer x.watches.Unlock()
	x.stopped = true
	x.watch.Stop()
	x.ctxStop()
}

// look gives up where the reader has taken nothing since the last look, though
// there was something.
func (x *exchange) look() {
	taken, waiting := x.flow.waits()
	x.watches.Lock()
	stuck := waiting && taken == x.seen
	x.seen = taken
	if !stuck && !x.stopped {
		x.watch.Reset(x.t.opts.StallTime)
	}
	x.watches.Unlock()
	if stuck {
		x.drop()
	}
}

// feed brings the content to the loop, piece by piece.
func (x *exchange) feed() {
	defer x.call.close()
	buf := make([]byte, pieceBytes)
	for {
		n, err := x.call.stdin.Read(buf)
		if n > 0 && !x.give(buf[:n]) {
			return
		}
		switch {
		case err == nil:
		case isEOF(err):
			x.p.Loop.Post(func() {
				if !x.over {
					x.r.ContentEnd()
				}
			})
			return
		default: // half of the content must not be taken for all
			x.p.Loop.Post(func() {
				if !x.over {
					x.giveUp()
					x.flow.put(item{failure: &gateway.Failure{Status: 400, Err: err}})
				}
			})
			return
		}
	}
}

// give answers false when nobody wants content any more.
func (x *exchange) give(p []byte) bool {
	ok := x.p.Loop.Post(func() {
		if x.over {
			return // ended says so
		}
		if x.r.Content(p); x.paused {
			x.owed = true
			return
		}
		x.ack <- struct{}{}
	})
	if !ok {
		return false
	}
	select {
	case <-x.ack:
		return true
	case <-x.ended:
		// The posted function has run or sees that it is over.
		return false
	}
}

// PauseContent implements gateway.Client.
func (x *exchange) PauseContent() { x.paused = true }

// ResumeContent implements gateway.Client.
func (x *exchange) ResumeContent() {
	x.paused = false
	if x.owed {
		x.owed = false
		x.ack <- struct{}{}
	}
}

// Intercept implements gateway.Client. What sluice would answer itself (another
// file, another path) the embedding program gets as it is.
func (x *exchange) Intercept(res *cgi.Response) bool {
	if res.LocalRedirect {
		res.Status = 302
	}
	for _, f := range [...]message.Field{
		{Name: []byte("X-Sendfile"), Value: res.SendFile}, {Name: []byte("X-Accel-Redirect"), Value: res.AccelRedirect},
	} {
		if len(f.Value) > 0 {
			res.Fields = append(res.Fields, f)
		}
	}
	return false
}

// Head implements gateway.Client.
func (x *exchange) Head(res *cgi.Response, length int64) {
	h := copyHead(res, length)
	if s := x.t.opts.Sticky; s != nil && s.Wants(x.sent.server, x.sent.renew, x.r.Server()) {
		h.fields = append(h.fields, [2]string{"Set-Cookie", s.Cookie(x.r.Server(), x.p.Loop.Wall())})
	}
	x.flow.put(item{head: h})
}

// Body implements gateway.Client.
func (x *exchange) Body(p []byte) { x.flow.put(item{b: append([]byte(nil), p...)}) }

// BodyFile implements gateway.Client.
func (x *exchange) BodyFile(f loop.FileRef, off, n int64) {
	x.flow.put(item{file: f, off: off, n: n})
}

// Full implements gateway.Client.
func (x *exchange) Full() bool { return x.flow.isFull() }

// End implements gateway.Client.
func (x *exchange) End() {
	x.finish()
	x.flow.put(item{end: true})
}

// Fail implements gateway.Client.
func (x *exchange) Fail(f gateway.Failure) {
	x.finish()
	x.flow.put(item{failure: &f})
}

// readFile reads from an item's file into p, and releases the file at its end.
func (x *exchange) readFile(it *item, p []byte) (int, error) {
	n, err := it.file.File().ReadAt(p[:min(int64(len(p)), it.n)], it.off)
	it.off, it.n = it.off+int64(n), it.n-int64(n)
	if n > 0 {
		err = nil
	}
	if it.n == 0 || err != nil {
		x.release(it.file)
		it.file = nil
	}
	return n, err
}

// release gives a file back on the loop.
func (x *exchange) release(f loop.FileRef) {
	if !x.p.Loop.Post(f.Release) {
		f.Release()
	}
}
