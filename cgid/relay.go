package cgid

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"sluice/fcgi"
	"sluice/responder"
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
	piece := new(responder.Piece)
	for {
		r.out.since.Store(time.Now().UnixNano())
		n, err := r.out.file.Read(piece.Room())
		r.out.since.Store(0)
		r.out.read += int64(n)
		if n > 0 && r.Context().Err() == nil {
			if limit := r.s.opts.OutputBytesMax; limit > 0 && r.out.read > limit {
				r.Cancel(fmt.Errorf("%w: over %d octets", errOutput, limit))
			} else if err := r.relay.pass(piece, n); err != nil {
				r.Cancel(err)
			}
		}
		if err != nil {
			return
		}
	}
}

// pass sends the first n octets of a piece.
func (y *relay) pass(piece *responder.Piece, n int) error {
	if y.nph == nil {
		return y.send(piece.Stdout(y.r.ID, n))
	}
	out, err := y.nph.Feed(y.scratch[:0], piece.Room()[:n])
	y.scratch = out
	if err != nil || len(out) == 0 {
		return err
	}
	return y.send(fcgi.AppendStream(nil, fcgi.Stdout, y.r.ID, out))
}

func (y *relay) send(records []byte) error {
	y.begun.Store(true)
	return y.r.Send(records)
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
	err := r.Send(fcgi.AppendStream(nil, fcgi.Stderr, r.ID, p))
	if err == nil {
		return
	}
	if errors.Is(err, responder.ErrGone) {
		r.Cancel(err)
	}
	r.s.opts.Log(r.req.script, fmt.Errorf("cgid: STDERR that no request took: %s", p))
}
