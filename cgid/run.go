package cgid

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"sluice/responder"
)

// run is one request and its program.
type run struct {
	*responder.Request // its context ends when the program has to
	s                  *Server
	req                request

	// stdin is our end of the program's standard input, theirs the other until
	// it has started.
	stdin, theirs *os.File
	stdinShut     bool  // owned by the connection's reader
	fault         error // that there is no stdin

	out, errs output
	proc      *process
	exited    chan struct{} // closed when the program has ended
	answered  bool          // owned by Do
	relay     relay
}

// Why a program is ended, besides the causes of responder.
var (
	errTimeout = errors.New("cgid: the program ran longer than its time limit")
	errAfter   = errors.New("cgid: the program went on too long after its answer")
)

// begin is called with a whole request head. Its STDIN may come before the
// program runs: the pipe holds it.
func (s *Server) begin(q *responder.Request, params []byte) (responder.Handler, error) {
	req, err := parseParams(params)
	if err != nil {
		return nil, err
	}
	r := &run{Request: q, s: s, req: req, exited: make(chan struct{})}
	r.theirs, r.stdin, r.fault = os.Pipe()
	return r, nil
}

// Do runs the program and answers the request.
func (r *run) Do() {
	err := r.start()
	if err == nil {
		err = r.see()
		r.leave()
	}
	r.closeStdin()
	if !r.answered {
		r.answer(err)
	} else if err != nil && !errors.Is(err, responder.ErrClosing) {
		r.s.opts.Log(r.req.script, err)
	}
	if r.proc != nil {
		<-r.s.slots
	}
}

func (r *run) closeStdin() {
	if r.fault == nil {
		_ = r.stdin.Close()
		_ = r.theirs.Close()
	}
}

// start waits for its turn and starts the program.
func (r *run) start() error {
	if r.fault != nil {
		return refuse(503, "standard input: %w", r.fault)
	}
	env := r.req.environment(r.s.opts.Environment)
	if err := r.s.inspect(r.req.script, searchPath(env)); err != nil {
		return err
	}
	select {
	case r.s.slots <- struct{}{}:
	case <-r.Context().Done():
		return context.Cause(r.Context())
	}
	err := r.exec(env)
	if err != nil {
		<-r.s.slots
	}
	return err
}

func (r *run) exec(env []string) error {
	outWrite, err := r.out.open()
	if err != nil {
		return refuse(503, "standard output: %w", err)
	}
	defer func() { _ = outWrite.Close() }()
	errWrite, err := r.errs.open()
	if err != nil {
		_ = r.out.file.Close()
		return refuse(503, "standard error: %w", err)
	}
	defer func() { _ = errWrite.Close() }()
	// Apache names a program by its whole path, and so do we: $0 is often taken
	// apart to find files beside it.
	proc, err := r.s.starts.start(command{
		path:  r.req.script,
		args:  append([]string{r.req.script}, r.req.arguments()...),
		env:   env,
		dir:   filepath.Dir(r.req.script),
		files: []*os.File{r.theirs, outWrite, errWrite},
		as:    r.s.opts.Account,
	})
	_ = r.theirs.Close()
	if err != nil {
		_ = r.out.file.Close()
		_ = r.errs.file.Close()
		return explain(r.req.script, err)
	}
	r.proc = proc
	r.relay.init(r)
	go func() {
		proc.awaitExit()
		close(r.exited)
	}()
	go r.pumpOut()
	go r.pumpErr()
	return nil
}

// see watches the program until it has ended and its output is complete, and
// answers why it was ended, if it was.
func (r *run) see() error {
	if d := r.s.opts.Timeout; d > 0 {
		defer time.AfterFunc(d, func() { r.Cancel(errTimeout) }).Stop()
	}
	select {
	case <-r.out.done:
		if !r.waitFor(r.exited, exitTime) && r.Context().Err() == nil {
			r.after()
		}
	case <-r.exited:
		r.linger()
	case <-r.Context().Done():
	}
	if r.Context().Err() != nil {
		r.endGroup()
		return context.Cause(r.Context())
	}
	return nil
}

// waitFor waits for an event until the program has to end, and tells whether it
// has come.
func (r *run) waitFor(event <-chan struct{}, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-event:
		return true
	case <-timer.C:
	case <-r.Context().Done():
	}
	return false
}

// linger waits for the end of an exited program's output, which something that
// it has started may keep open, as long as something comes.
func (r *run) linger() {
	for wait := lingerTime; ; {
		if r.waitFor(r.out.done, wait) || r.Context().Err() != nil {
			return
		}
		wait = lingerTime
		if since := r.out.since.Load(); since != 0 { // else it is being sent
			if wait = lingerTime - time.Since(time.Unix(0, since)); wait <= 0 {
				return
			}
		}
	}
}

// after answers the request of a program that has closed its output and goes on,
// and waits for its end.
func (r *run) after() {
	r.answer(nil)
	_ = r.stdin.Close()
	if r.s.opts.Timeout == 0 {
		defer time.AfterFunc(afterTimeMax, func() { r.Cancel(errAfter) }).Stop()
	}
	select {
	case <-r.exited:
	case <-r.Context().Done():
	}
}

// endGroup ends the program and all that it started in its process group:
// politely first.
func (r *run) endGroup() {
	if !r.answered {
		if r.mustCut(context.Cause(r.Context())) {
			_ = r.Socket().Close() // a relay may be stuck in it
		} else {
			_ = r.Socket().SetWriteDeadline(time.Now().Add(killTime))
		}
	}
	r.proc.terminate()
	polite := time.NewTimer(killTime)
	defer polite.Stop()
	for _, done := range []<-chan struct{}{r.exited, r.out.done, r.errs.done} {
		select {
		case <-done:
		case <-polite.C:
			r.proc.kill()
			<-r.exited
			return
		}
	}
	r.proc.kill() // what has closed its output and ignored SIGTERM
}

// leave gives back what the program had. Its outputs may be open elsewhere, but
// what it said last is not to be lost.
func (r *run) leave() {
	_ = r.out.file.Close()
	last := time.NewTimer(exitTime)
	defer last.Stop()
	select {
	case <-r.errs.done:
	case <-last.C:
	}
	_ = r.errs.file.Close()
	<-r.out.done
	<-r.errs.done
	r.proc.release()
	if r.errs.lost > 0 {
		r.s.opts.Log(r.req.script, fmt.Errorf("cgid: %d octets of STDERR were dropped, over the first %d", r.errs.lost, stderrBytesMax))
	}
}

// mustCut tells whether the answer can't be ended properly any more.
func (r *run) mustCut(cause error) bool {
	switch {
	case cause == nil, errors.Is(cause, responder.ErrAborted):
		return false
	case errors.Is(cause, responder.ErrGone), errors.Is(cause, responder.ErrClosing):
		return true
	}
	return r.relay.begun.Load()
}

// answer ends the request: whole, with a status that says what went wrong, or
// cut off. It may be called once.
func (r *run) answer(cause error) {
	if cause != nil && !errors.Is(cause, responder.ErrGone) && !errors.Is(cause, responder.ErrAborted) && !errors.Is(cause, responder.ErrClosing) {
		r.s.opts.Log(r.req.script, cause)
	}
	var content []byte
	cut := r.mustCut(cause)
	switch {
	case cut, errors.Is(cause, responder.ErrAborted):
	case cause != nil:
		content = errorAnswer(cause)
	default:
		if content, cause = r.relay.end(); cause != nil {
			r.s.opts.Log(r.req.script, cause)
			cut = true
		}
	}
	r.answered = true
	if cut {
		r.Cut()
		return
	}
	r.End(content, r.status())
}

// status is END_REQUEST's appStatus, 0 while the program goes on.
func (r *run) status() uint32 {
	if r.proc == nil {
		return 0
	}
	return r.proc.status()
}

// errorAnswer is a CGI response for a program that gave none.
func errorAnswer(cause error) []byte {
	status := 500
	var no *refusal
	switch {
	case errors.As(cause, &no):
		status = no.status
	case errors.Is(cause, errTimeout):
		status = 504
	case errors.Is(cause, errOutput), errors.Is(cause, errChunk):
		status = 502
	}
	text := fmt.Sprintf("%d %s", status, http.StatusText(status))
	return []byte("Status: " + text + "\r\nContent-Type: text/plain\r\n\r\n" + text + "\n")
}

// Stdin gives octets of STDIN to the program; a program that does not read them
// holds up the connection's reader, which therefore looks by itself whether the
// client is still there.
func (r *run) Stdin(p []byte, eof bool) {
	for len(p) > 0 && !r.stdinShut {
		if r.fault != nil || r.Context().Err() != nil {
			r.stdinShut = true
			break
		}
		_ = r.stdin.SetWriteDeadline(time.Now().Add(probeTime)) // not on Windows
		n, err := r.stdin.Write(p)
		p = p[n:]
		switch {
		case err == nil:
		case errors.Is(err, os.ErrDeadlineExceeded):
			if peerGone(r.Socket()) {
				r.Cancel(responder.ErrGone)
			}
		default: // the program does not want more
			r.stdinShut = true
		}
	}
	if eof && r.fault == nil {
		r.stdinShut = true
		_ = r.stdin.Close()
	}
}

// isNPH tells whether the program writes non-parsed headers (RFC 3875 §5.2).
func (r *run) isNPH() bool { return strings.HasPrefix(filepath.Base(r.req.script), "nph-") }
