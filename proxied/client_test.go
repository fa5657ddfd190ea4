package proxied

import (
	"strings"
	"testing"

	"sluice/cgi"
	"sluice/fcgi"
	"sluice/message"
	"sluice/responder/respondertest"
)

// fixture is a server that may ask anybody, and what it logged.
type fixture struct {
	*Server
	t *testing.T

	log respondertest.Log
}

func start(t *testing.T, opts Options) *fixture {
	t.Helper()
	f := &fixture{t: t}
	opts.Folder = t.TempDir()
	if opts.To == nil {
		opts.To = []string{"*"}
	}
	opts.Log = func(err error) { f.log.Note("%v", err) }
	s, err := Start(opts)
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

// client is the gateway's end of a connection.
type client struct{ *respondertest.Conn }

func (f *fixture) dial() client {
	f.t.Helper()
	return client{respondertest.Dial(f.t, f.Address())}
}

// order is a request to be passed on.
type order struct {
	method, target string
	fields         []string // Name: value
	body           []byte   // nil: none
	fresh          bool
}

// head is BEGIN_REQUEST and PARAMS, as the site has the gateway send them.
func (o order) head(id uint16) []byte {
	ask := Ask{Target: o.target, Client: "192.0.2.7", Server: "front.example", Fresh: o.fresh}
	for _, f := range o.fields {
		name, value, _ := strings.Cut(f, ": ")
		ask.Fields = append(ask.Fields, message.Field{Name: []byte(name), Value: []byte(value)})
	}
	if o.method == "" {
		o.method = "GET"
	}
	e := cgi.Environment{Request: &message.Request{Method: []byte(o.method), Minor: 1}, Variables: ask.Variables(nil), ContentLength: -1}
	if o.body != nil {
		e.ContentLength = int64(len(o.body))
	}
	w := fcgi.BeginParams(fcgi.AppendBeginRequest(nil, id, fcgi.Responder, fcgi.KeepConn), id)
	e.Emit(sink{&w})
	return w.End()
}

type sink struct{ w *fcgi.ParamsWriter }

func (s sink) Pair(name, value []byte) { s.w.Add(string(name), value) }

// answer is what came for a request.
type answer struct {
	res   cgi.Response
	body  string
	fault string
	cut   bool // the connection ended before END_REQUEST
}

// field is the value of a response's field, in lower case.
func (a *answer) field(name string) string { return string(a.res.Get(name)) }

func (c client) answer(id uint16) *answer {
	c.T.Helper()
	got := c.Answer(id)
	if got.Err != "" {
		c.T.Fatalf("unexpected STDERR %q", got.Err)
	}
	a := &answer{cut: got.Cut}
	return a.parse(c.T, []byte(got.Out))
}

func (a *answer) parse(t *testing.T, out []byte) *answer {
	t.Helper()
	var r cgi.HeadReader
	n, done, err := r.Feed(out, &a.res)
	if err != nil || !done && len(out) > 0 {
		t.Fatalf("head %.300q: %v", out, err)
	}
	a.body = string(out[n:])
	a.fault = a.field(strings.ToLower(FaultField))
	return a
}

// ask sends a request on a connection of its own.
func (f *fixture) ask(o order) *answer {
	f.t.Helper()
	c := f.dial()
	defer func() { _ = c.Close() }()
	return c.ask(1, o)
}

func (c client) ask(id uint16, o order) *answer {
	c.T.Helper()
	b := o.head(id)
	if len(o.body) > 0 {
		b = fcgi.AppendStream(b, fcgi.Stdin, id, o.body)
	}
	b = fcgi.AppendRecord(b, fcgi.Stdin, id, nil)
	go func() { _, _ = c.Write(b) }()
	return c.answer(id)
}
