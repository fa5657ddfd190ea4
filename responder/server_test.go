package responder

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice/fcgi"
	"sluice/responder/respondertest"
)

// app answers a request with its STDIN.
type app struct {
	*Request
	f     *fixture
	stdin []byte        // belongs to the reader until ended is closed
	ended chan struct{} // STDIN
}

func (a *app) Stdin(p []byte, eof bool) {
	a.stdin = append(a.stdin, p...)
	if eof {
		close(a.ended)
	}
}

func (a *app) Do() {
	select {
	case <-a.ended:
		a.End(a.stdin, 3)
		a.f.log.Note("%v", a.Send(nil))
	case <-a.Context().Done():
		cause := context.Cause(a.Context())
		a.f.log.Note("%v", cause)
		if errors.Is(cause, ErrAborted) {
			a.End(nil, 0)
		} else {
			a.Cut()
		}
	}
}

// fixture is a server of apps, with what it and they have said.
type fixture struct {
	*Server
	t *testing.T

	log respondertest.Log
}

func start(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{t: t}
	s, err := Start(Options{
		Name: "test", Folder: t.TempDir(), Concurrency: 7,
		Log: func(err error) { f.log.Note("%v", err) },
		Begin: func(r *Request, params []byte) (Handler, error) {
			for len(params) > 0 {
				_, _, n, err := fcgi.ConsumePair(params)
				if err != nil {
					return nil, err
				}
				params = params[n:]
			}
			return &app{Request: r, f: f, ended: make(chan struct{})}, nil
		},
		Closed: func() { f.log.Note("closed") },
	})
	if err != nil {
		t.Fatal(err)
	}
	f.Server = s
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

func (f *fixture) dial() *respondertest.Conn { return respondertest.Dial(f.t, f.Address()) }

// head is BEGIN_REQUEST and PARAMS.
func head(id uint16, flags uint8) []byte {
	w := fcgi.BeginParams(fcgi.AppendBeginRequest(nil, id, fcgi.Responder, flags), id)
	w.AddString("A", "b")
	return w.End()
}

func TestPrivateFolder(t *testing.T) {
	f := start(t)
	folder := filepath.Dir(f.Address())
	info, err := os.Stat(folder)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", info, err)
	}
	if err := errors.Join(f.Close(), f.Close()); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(folder); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after Close: %v", err)
	}
	if f.log.String() != "closed" {
		t.Errorf("after Close: %s", f.log.String())
	}
}

func TestManagement(t *testing.T) {
	f := start(t)
	c := f.dial()
	asked := fcgi.AppendPair(fcgi.AppendPair(fcgi.AppendPair(fcgi.AppendPair(nil, "FCGI_MAX_CONNS", ""), "FCGI_MAX_REQS", ""), "FCGI_MPXS_CONNS", ""), "OTHER", "")
	c.Send(fcgi.AppendRecord(nil, fcgi.GetValues, 0, asked))
	ev, _ := c.Event()
	want := fcgi.AppendPair(fcgi.AppendPair(fcgi.AppendPair(nil, "FCGI_MAX_CONNS", "7"), "FCGI_MAX_REQS", "7"), "FCGI_MPXS_CONNS", "0")
	if ev.Type != fcgi.GetValuesResult || string(ev.Content) != string(want) {
		t.Errorf("%v %q", ev.Type, ev.Content)
	}
	c.Send(fcgi.AppendRecord(nil, 99, 0, nil))
	if ev, _ := c.Event(); ev.Type != fcgi.UnknownType || ev.Content[0] != 99 {
		t.Errorf("%v %q", ev.Type, ev.Content)
	}
	c.Send(fcgi.AppendBeginRequest(nil, 5, fcgi.Filter, 0))
	if a := c.Answer(5); a.End.ProtocolStatus != fcgi.UnknownRole {
		t.Errorf("%+v", a)
	}
	c.Send(head(1, fcgi.KeepConn))
	c.Send(fcgi.AppendRecord(head(2, fcgi.KeepConn), fcgi.Stdin, 2, nil))
	if a := c.Answer(2); a.End.ProtocolStatus != fcgi.CantMpxConn {
		t.Errorf("%+v", a)
	}
	c.Send(fcgi.AppendRecord(fcgi.AppendStream(nil, fcgi.Stdin, 1, []byte("\n")), fcgi.Stdin, 1, nil))
	if a := c.Answer(1); a.Out != "\n" || a.End.AppStatus != 3 || a.End.ProtocolStatus != fcgi.RequestComplete {
		t.Errorf("%+v", a)
	}
	respondertest.Eventually(t, "nothing can be sent after END_REQUEST", func() bool { return f.log.String() == ErrEnded.Error() })
	c.Send(fcgi.AppendBeginRequest(nil, 3, fcgi.Responder, 0))
	c.Send(fcgi.AppendAbortRequest(nil, 3))
	if a := c.Answer(3); a.Cut {
		t.Errorf("aborted before PARAMS: %+v", a)
	}
}

// Without KEEP_CONN the connection ends with the answer, and nothing of it is lost.
func TestNoKeep(t *testing.T) {
	c := start(t).dial()
	b := fcgi.AppendStream(head(1, 0), fcgi.Stdin, 1, []byte("\na\n"))
	c.Send(fcgi.AppendRecord(b, fcgi.Stdin, 1, nil))
	if a := c.Answer(1); a.Out != "\na\n" || a.Cut {
		t.Errorf("%+v", a)
	}
	if _, more := c.Event(); more {
		t.Error("the connection is still open")
	}
}

func TestNonsenseClosesConnection(t *testing.T) {
	f := start(t)
	pairs := fcgi.AppendPair(nil, "A", strings.Repeat("x", paramsBytesMax))
	for name, b := range map[string][]byte{
		"no FastCGI":  []byte("GET / HTTP/1.0\r\n\r\n"),
		"role of us":  fcgi.AppendEndRequest(nil, 1, 0, 0),
		"cut pairs":   fcgi.AppendRecord(fcgi.AppendStream(fcgi.AppendBeginRequest(nil, 1, fcgi.Responder, 1), fcgi.Params, 1, []byte("\x05\x05x")), fcgi.Params, 1, nil),
		"long params": fcgi.AppendStream(fcgi.AppendBeginRequest(nil, 1, fcgi.Responder, 1), fcgi.Params, 1, pairs),
		"short begin": fcgi.AppendRecord(nil, fcgi.BeginRequest, 1, []byte("\x00\x01")),
	} {
		c := f.dial()
		_, _ = c.Write(b)
		if ev, more := c.Event(); more {
			t.Errorf("%s: %v", name, ev)
		}
	}
	respondertest.Eventually(t, "five lines in the log", func() bool { return strings.Count(f.log.String(), "\n") == 4 })
	for _, want := range []string{"test: END_REQUEST from the gateway", "test: PARAMS are over", "test: BEGIN_REQUEST of request 1 has 2 octets"} {
		if !strings.Contains(f.log.String(), want) {
			t.Errorf("log: %s; want %q", f.log.String(), want)
		}
	}
}

// A request ends with its cause: ABORT_REQUEST, the connection, the server.
func TestCauses(t *testing.T) {
	f := start(t)
	c := f.dial()
	c.Send(fcgi.AppendAbortRequest(head(1, fcgi.KeepConn), 1))
	if a := c.Answer(1); a.Cut || a.End.ProtocolStatus != fcgi.RequestComplete {
		t.Errorf("%+v", a)
	}
	c.Send(head(2, fcgi.KeepConn))
	_ = c.Close()
	respondertest.Eventually(t, "the connection's end is noticed", func() bool { return strings.HasSuffix(f.log.String(), ErrGone.Error()) })
	c = f.dial()
	c.Send(head(3, fcgi.KeepConn))
	c.Send(fcgi.AppendRecord(nil, 99, 0, nil))
	_, _ = c.Event() // so it is in flight
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if a := c.Answer(3); !a.Cut {
		t.Errorf("%+v", a)
	}
	if want := strings.Join([]string{ErrAborted.Error(), ErrGone.Error(), ErrClosing.Error(), "closed"}, "\n"); f.log.String() != want {
		t.Errorf("got %s\nwant %s", f.log.String(), want)
	}
}
