package cgid

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"sluice/fcgi"
)

// output is our end of what a program writes.
type output struct {
	file *os.File
	done chan struct{} // closed at its end
	// since is when the read that waits for output began, in ns; 0 while output
	// is being sent.
	since atomic.Int64
	read  int64 // octets of STDOUT so far
	lost  int64 // octets of STDERR that were dropped; to be read after done
}

func (o *output) open() (write *os.File, err error) {
	o.done = make(chan struct{})
	o.file, write, err = os.Pipe()
	return write, err
}

// errOutput: Options.OutputBytesMax.
var errOutput = errors.New("cgid: the program wrote more output than it may")

// relay makes STDOUT of a program's output. It belongs to pumpOut until
// output.done.
type relay struct {
	r       *run
	nph     *nphReader // nil for ordinary programs
	begun   atomic.Bool
	scratch []byte
}

func (y *relay) init(r *run) {
	y.r = r
	if r.isNPH() {
		y.nph = newNPHReader(r.req.method == "HEAD")
	}
}

// pumpOut reads the program's output to its end, also when nobody wants it any
// more: it must not be stuck in writing.
func (r *run) pumpOut() {
	defer close(r.out.done)
	const head = fcgi.HeaderBytes
	buf := make([]byte, head+pieceBytes+8) // padding may follow
	for {
		r.out.since.Store(time.Now().UnixNano())
		n, err := r.out.file.Read(buf[head : head+pieceBytes])
		r.out.since.Store(0)
		r.out.read += int64(n)
		if n > 0 && r.ctx.Err() == nil {
			if limit := r.s.opts.OutputBytesMax; limit > 0 && r.out.read > limit {
				r.cancel(fmt.Errorf("%w: over %d octets", errOutput, limit))
			} else if err := r.relay.pass(buf, n); err != nil {
				r.cancel(err)
			}
		}
		if err != nil {
			return
		}
	}
}

// pass sends n octets that stand behind the room for a record's header.
func (y *relay) pass(buf []byte, n int) error {
	const head = fcgi.HeaderBytes
	var records []byte
	if y.nph != nil {
		out, err := y.nph.Feed(y.scratch[:0], buf[head:head+n])
		y.scratch = out
		if err != nil {
			return err
		}
		records = fcgi.AppendStream(nil, fcgi.Stdout, y.r.id, out)
	} else {
		padding := -n & 7
		fcgi.AppendHeader(buf[:0], fcgi.Stdout, y.r.id, n, padding)
		clear(buf[head+n : head+n+padding])
		records = buf[:head+n+padding]
	}
	if len(records) == 0 {
		return nil
	}
	y.begun.Store(true)
	if err := y.r.c.send(records); err != nil {
		return errGone
	}
	return nil
}

// end is what is left to send when the output has ended.
func (y *relay) end() ([]byte, error) {
	if y.nph == nil {
		return nil, nil
	}
	return y.nph.End(nil)
}

// pumpErr passes STDERR on, as much as is wanted of it; to the log when the
// request has been answered.
func (r *run) pumpErr() {
	defer close(r.errs.done)
	buf := make([]byte, 4<<10)
	left := stderrBytesMax
	for {
		n, err := r.errs.file.Read(buf)
		r.errs.lost += int64(n - min(n, left))
		p := buf[:min(n, left)]
		left -= len(p)
		if len(p) > 0 {
			r.passErr(p)
		}
		if err != nil {
			return
		}
	}
}

func (r *run) passErr(p []byte) {
	sent, err := r.c.sendFor(r, fcgi.AppendStream(nil, fcgi.Stderr, r.id, p))
	if err != nil {
		r.cancel(errGone)
	}
	if !sent || err != nil {
		r.s.opts.Log(r.req.script, fmt.Errorf("cgid: STDERR that no request took: %s", p))
	}
}
