package front

import (
	"errors"
	"net/http"

	"sluice/http1"
	"sluice/loop"
	"sluice/site"
)

// bridge is one request of a goroutine and its response: the loop's end. It
// implements site.Stream. All but out, wake and more is the loop's from start on.
type bridge struct {
	site.Exchange
	measure
	lf      *local
	head    http1.Head
	refusal *http1.Error // instead of a head

	out  bridgeQueue
	wake chan struct{} // out has something; of length 1
	more chan struct{} // the next piece of content may come; of length 1

	started     int64
	headSent    bool
	finished    bool // its end is in out, or nobody waits for it
	contentDone bool
	asking      bool // the reader waits for more
	paused      bool // content is held back
	listed      bool // in lf.untold
}

var errDraining = errors.New("front: this server is stopping")

// start serves the request.
func (b *bridge) start() {
	lf := b.lf
	lf.bridges++
	b.started = lf.loop.Now()
	b.Req, b.Stream = &b.head.Request, b
	b.asking = b.HasContent
	b.contentDone = !b.HasContent
	switch {
	case b.refusal != nil:
		lf.host.Reject(&b.Exchange, b.refusal.Status, b.refusal)
	case lf.draining:
		lf.host.Reject(&b.Exchange, http.StatusServiceUnavailable, errDraining)
	default:
		lf.host.Serve(&b.Exchange)
		b.ask()
	}
}

// ask lets the reader go on, if somebody wants what it would bring.
func (b *bridge) ask() {
	if b.asking && !b.paused && !b.finished && b.Wanted() {
		b.asking = false
		b.more <- struct{}{}
	}
}

// bring takes a piece of content and what ended it: nil, io.EOF or a fault.
func (b *bridge) bring(p []byte, last bool, fault error) {
	if b.finished {
		return
	}
	if len(p) > 0 && b.Wanted() {
		b.Content(p)
	}
	switch {
	case b.finished: // it was too much
	case fault != nil:
		b.contentBroken(fault)
	case last:
		b.contentDone = true
		b.ContentEnd()
	default:
		b.asking = true
		b.ask()
	}
}

// contentBroken: half of the content must not be taken for all.
func (b *bridge) contentBroken(fault error) {
	status := http.StatusBadRequest
	var tooLarge *http.MaxBytesError
	if errors.As(fault, &tooLarge) {
		status = http.StatusRequestEntityTooLarge
	}
	b.contentDone = true
	b.Gone()
	if b.headSent {
		b.Report(site.Report{Site: b.Site(), Status: status, Err: fault})
		b.Break()
		return
	}
	b.lf.host.Reject(&b.Exchange, status, fault)
}

// abandon: the goroutine has left; rest is what it had taken and not written.
func (b *bridge) abandon(rest []piece) {
	release(rest)
	release(b.out.drop())
	if b.finished {
		return
	}
	b.Gone()
	if b.Status == 0 {
		b.Status = 499 // nginx's number for it, known to log readers
	}
	b.over()
}

// over ends the loop's part.
func (b *bridge) over() {
	b.finished = true
	b.lf.log(&b.Exchange, b.bytes, b.started)
	b.lf.bridges--
	b.lf.checkDrained()
}

// touch has the goroutine told of what is in out, once this turn is over: what is
// written in one go is sent in one go.
func (b *bridge) touch() {
	if b.listed || b.finished {
		return
	}
	lf := b.lf
	b.listed = true
	lf.untold = append(lf.untold, b)
	if len(lf.untold) == 1 && !lf.loop.Post(lf.tell) {
		lf.tell() // the loop is ending
	}
}

func (lf *local) tell() {
	for i, b := range lf.untold {
		lf.untold[i] = nil
		b.listed = false
		b.signal()
	}
	lf.untold = lf.untold[:0]
}

func (b *bridge) signal() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// wrote is called by the goroutine.
func (b *bridge) wrote(n int64) {
	if b.out.wrote(n) {
		b.lf.loop.Post(b.resume)
	}
}

func (b *bridge) resume() {
	if !b.finished {
		b.Resume()
	}
}

// Continue implements site.Stream; reading the content has the same effect.
func (b *bridge) Continue() {}

// Head implements site.Stream. Who embeds sluice decides himself what Server
// says.
func (b *bridge) Head(hd *site.Head) {
	b.headSent = true
	b.promise(b.Req, hd)
	h := &bridgeHead{status: hd.Status, fields: string(hd.Fields), length: hd.Length, bare: b.noContent}
	if hd.Status == 204 || hd.Status == 304 || hd.LengthInFields {
		h.length = -1
	}
	b.out.setHead(h)
	b.touch()
}

// Write implements site.Stream.
func (b *bridge) Write(p []byte) {
	if b.room(int64(len(p))) {
		b.out.write(p)
		b.touch()
	}
}

// WriteShared implements site.Stream.
func (b *bridge) WriteShared(p []byte) {
	if n := int64(len(p)); b.room(n) {
		b.out.push(piece{bytes: p, shared: true}, n)
		b.touch()
	}
}

// WriteFile implements site.Stream.
func (b *bridge) WriteFile(f loop.FileRef, off, n int64) {
	if !b.room(n) {
		f.Release()
		return
	}
	b.out.push(piece{file: f, off: off, n: n}, n)
	b.touch()
}

// Full implements site.Stream.
func (b *bridge) Full() bool { return b.out.isFull() }

// Finish implements site.Stream.
func (b *bridge) Finish() {
	if b.short() { // the client must notice
		b.Break()
		return
	}
	b.out.finish(whole)
	b.over()
	b.signal()
}

// Break implements site.Stream.
func (b *bridge) Break() {
	b.out.finish(broken)
	b.over()
	b.signal()
}

// PauseContent implements site.Stream.
func (b *bridge) PauseContent() { b.paused = true }

// ResumeContent implements site.Stream.
func (b *bridge) ResumeContent() {
	b.paused = false
	b.ask()
}

// Report implements site.Stream.
func (b *bridge) Report(r site.Report) { b.lf.report(&b.Exchange, r) }
