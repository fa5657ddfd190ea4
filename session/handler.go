package session

import (
	"bytes"
	"errors"
	"net/http"
	"strconv"

	"github.com/yookoala/gofast"

	"sluice/gateway"
)

// errCaptured is what the session's client answers in place of a response.
var errCaptured = errors.New("session: the request has been taken")

// Handler runs a gofast session for each request, and then performs the request
// that it made without gofast's pipes: streamed and flushed, with header lines of
// any length, broken off where the backend breaks off. It is for sessions that
// change requests, which nearly all do, as gofast.NewPHPFS; one that touches the
// response gets none here, and has to be used with gofast.NewHandler and
// Transport.Client.
//
// report is told why a request failed, and nothing if nil.
func (t *Transport) Handler(sess gofast.SessionHandler, report func(r *http.Request, err error)) http.Handler {
	if report == nil {
		report = func(*http.Request, error) {}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var taken *gofast.Request
		capture := gofast.ClientFunc(func(req *gofast.Request) (*gofast.ResponsePipe, error) {
			taken = req
			return nil, errCaptured
		})
		resp, err := sess(capture, gofast.NewRequest(r))
		switch {
		case resp != nil: // its own
			var stderr bytes.Buffer
			if err := errors.Join(err, resp.WriteTo(w, &stderr)); err != nil {
				report(r, err)
			}
			return
		case taken == nil || !errors.Is(err, errCaptured):
			if err == nil {
				err = errors.New("session: the session handler has asked nobody and answered nothing")
			}
			report(r, err)
			plain(w, http.StatusInternalServerError, 0)
			return
		}
		if err := t.perform(w, r, taken); err != nil {
			report(r, err)
			var b *broken
			if errors.As(err, &b) {
				panic(http.ErrAbortHandler)
			}
		}
	})
}

// perform carries a request to the backend and the response to w.
func (t *Transport) perform(w http.ResponseWriter, r *http.Request, req *gofast.Request) error {
	call, err := t.newCall(req)
	if err != nil {
		status := http.StatusInternalServerError
		var no *Refusal
		if errors.As(err, &no) {
			status = no.Status
		}
		plain(w, status, 0)
		return err
	}
	x, err := t.run(r.Context(), call, func() {})
	if err != nil {
		plain(w, http.StatusServiceUnavailable, 0)
		return err
	}
	began, err := x.copyTo(w)
	if err == nil {
		x.stop()
		return nil
	}
	x.drop()
	var f *failed
	switch {
	case began:
		return &broken{err}
	case errors.As(err, &f):
		plain(w, f.Status, f.RetryAfter)
	default:
		plain(w, http.StatusGatewayTimeout, 0)
	}
	return err
}

// broken is a response that has begun and can't be ended: the connection has to
// break off, so that nobody takes it for whole.
type broken struct{ error }

func (b *broken) Unwrap() error { return b.error }

// failed is a gateway.Failure as an error.
type failed struct{ *gateway.Failure }

func (f *failed) Error() string { return f.Err.Error() }

func (f *failed) Unwrap() error { return f.Err }

// errGivenUp: the client has gone, its context has ended, or it takes nothing.
var errGivenUp = errors.New("session: the request has been given up")

// copyTo writes the response, and tells whether that has begun.
func (x *exchange) copyTo(w http.ResponseWriter) (began bool, err error) {
	flusher, _ := w.(http.Flusher)
	unbuffered := false
	for {
		it, ok := x.flow.take()
		switch {
		case !ok:
			return began, errGivenUp
		case it.end:
			return began, nil
		case it.failure != nil:
			return began, &failed{it.failure}
		case it.head != nil:
			began, unbuffered = true, it.head.unbuffered
			writeHead(w, it.head)
		case it.file != nil:
			err = x.copyFile(w, it)
		default:
			_, err = w.Write(it.b)
		}
		if err != nil {
			return began, err
		}
		if _, more := x.flow.waits(); unbuffered && !more && flusher != nil {
			flusher.Flush()
		}
	}
}

func (x *exchange) copyFile(w http.ResponseWriter, it item) error {
	buf := make([]byte, pieceBytes)
	for it.file != nil {
		n, err := x.readFile(&it, buf)
		if err != nil {
			return err
		}
		if _, err := w.Write(buf[:n]); err != nil {
			if it.file != nil {
				x.release(it.file)
			}
			return err
		}
	}
	return nil
}

func writeHead(w http.ResponseWriter, h *head) {
	for _, f := range h.fields {
		w.Header().Add(f[0], f[1])
	}
	if h.length >= 0 {
		w.Header().Set("Content-Length", strconv.FormatInt(h.length, 10))
	}
	w.WriteHeader(h.status)
}

// plain is a response of our own.
func plain(w http.ResponseWriter, status, retryAfter int) {
	if retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(retryAfter))
	}
	http.Error(w, http.StatusText(status), status)
}
