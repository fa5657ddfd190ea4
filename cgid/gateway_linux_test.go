package cgid

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"sluice/cgi"
	"sluice/fcgi"
	"sluice/gateway"
	"sluice/loop"
	"sluice/message"
	"sluice/responder/respondertest"
	"sluice/spool"
)

// front is the path that PHP's requests take, before a cgid server.
type front struct {
	t  *testing.T
	l  *loop.Loop
	lp *gateway.Local
}

func newFront(t *testing.T, s *Server, limit time.Duration) *front {
	t.Helper()
	l, err := loop.New(loop.Auto)
	if err != nil {
		t.Fatal(err)
	}
	opts := &gateway.Options{
		Pool:        fcgi.NewPool(fcgi.Options{Servers: []fcgi.Server{{Network: "unix", Address: s.Address(), Conns: s.Concurrency()}}}),
		Store:       &spool.Store{Dir: t.TempDir(), MemoryBytes: 1 << 20},
		RequestTime: limit,
	}
	f := &front{t: t, l: l, lp: opts.On(l)}
	go func() { _ = l.Run() }()
	t.Cleanup(func() {
		l.Stop()
		<-l.Done()
	})
	return f
}

// visitor is a client of the gateway. Its fields belong to the loop until done.
type visitor struct {
	t    *testing.T
	req  message.Request
	r    *gateway.Request
	body bytes.Buffer
	head string
	fail *gateway.Failure
	done chan struct{}
}

func (f *front) on(fn func()) {
	done := make(chan struct{})
	f.l.Post(func() { fn(); close(done) })
	<-done
}

func (f *front) visit(script string, content []byte) *visitor {
	v := &visitor{t: f.t, done: make(chan struct{})}
	v.req = message.Request{Method: []byte("POST"), Minor: 1}
	f.on(func() {
		v.r = f.lp.Begin(v)
		v.r.Env.Request, v.r.Env.ScriptFilename = &v.req, []byte(script)
		v.r.Env.RedirectStatus, v.r.Env.ContentLength = 200, -1
		v.r.Start(len(content) > 0)
		if len(content) > 0 {
			v.r.Content(content)
			v.r.ContentEnd()
		}
	})
	return v
}

func (v *visitor) wait() *visitor {
	v.t.Helper()
	select {
	case <-v.done:
	case <-time.After(15 * time.Second):
		v.t.Fatal("the request did not end")
	}
	return v
}

func (v *visitor) Intercept(*cgi.Response) bool { return false }
func (v *visitor) Head(res *cgi.Response, _ int64) {
	v.head = fmt.Sprintf("%d %s %v", res.Status, res.ContentType, res.Unbuffered)
}
func (v *visitor) Body(p []byte) { v.body.Write(p) }
func (v *visitor) BodyFile(f loop.FileRef, off, n int64) {
	p := make([]byte, n)
	if _, err := f.File().ReadAt(p, off); err != nil {
		v.t.Error(err)
	}
	f.Release()
	v.body.Write(p)
}
func (v *visitor) Full() bool             { return false }
func (v *visitor) End()                   { close(v.done) }
func (v *visitor) Fail(f gateway.Failure) { v.fail = &f; close(v.done) }
func (v *visitor) PauseContent()          {}
func (v *visitor) ResumeContent()         {}

func TestThroughGateway(t *testing.T) {
	t.Parallel()
	f := start(t, Options{Concurrency: 2})
	g := newFront(t, f.Server, time.Second)
	mark := newMark(t)

	body := bytes.Repeat([]byte("0123456789"), 300000)
	echo := f.sh("echo", "printf 'Content-Type: text/x\\r\\n\\r\\n'; exec cat")
	for range 3 {
		if v := g.visit(echo, body).wait(); v.fail != nil || v.head != "200 text/x false" || !bytes.Equal(v.body.Bytes(), body) {
			t.Fatalf("%s, %d octets, %+v", v.head, v.body.Len(), v.fail)
		}
	}
	if v := g.visit(f.sh("nph-x", "printf 'HTTP/1.1 418 Tea\\r\\nContent-Type: text/y\\r\\n\\r\\nnph'"), nil).wait(); v.head != "418 text/y true" || v.body.String() != "nph" {
		t.Errorf("%s %q %+v", v.head, v.body.String(), v.fail)
	}
	if v := g.visit(f.dir+"/nowhere", nil).wait(); !strings.HasPrefix(v.head, "404 ") {
		t.Errorf("%s %+v", v.head, v.fail)
	}
	if v := g.visit(f.sh("nothing", ""), nil).wait(); v.fail == nil || v.fail.Status != 502 {
		t.Errorf("no head: %s %+v", v.head, v.fail)
	}

	// A time limit, and a client that leaves: unread bodies do not hide either.
	stuck := f.sh("stuck", "MARK='"+mark+"'; export MARK; sleep 600 & sleep 600")
	if v := g.visit(stuck, body).wait(); v.fail == nil || v.fail.Status != 504 {
		t.Errorf("%s %+v, want 504", v.head, v.fail)
	}
	respondertest.Eventually(t, "the stuck program is gone", func() bool { return len(marked(mark)) == 0 && len(f.slots) == 0 })
	v := g.visit(stuck, body)
	respondertest.Eventually(t, "it runs", func() bool { return len(marked(mark)) >= 2 })
	g.on(func() { v.r.Abort() })
	respondertest.Eventually(t, "the left program is gone", func() bool { return len(marked(mark)) == 0 && len(f.slots) == 0 })
	if v := g.visit(echo, []byte("again")).wait(); v.body.String() != "again" {
		t.Errorf("%s %q %+v", v.head, v.body.String(), v.fail)
	}
}
