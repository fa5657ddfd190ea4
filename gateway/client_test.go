package gateway

import (
	"bytes"
	"fmt"
	"time"

	"sluice/cgi"
	"sluice/loop"
	"sluice/message"
)

// client is who asks. Its fields belong to the loop until wait has returned.
type client struct {
	f   *fixture
	req message.Request
	r   *Request

	takes bool // Intercept
	full  bool
	room  int // octets that are taken before full; 0 = any number

	heads         int
	droppedFields int
	status        int
	length        int64
	fields        string
	body          bytes.Buffer
	pieces        int
	files         int
	stderr        string
	lost          int64
	troubles      []error
	taken         bool
	failure       *Failure
	ended         bool
	over          bool
	pauses        int
	resumes       int
	onResume      func()
	done          chan struct{}
}

// client makes a request; the caller calls its Start on the loop.
func (f *fixture) client(method, token string) *client {
	c := &client{f: f, done: make(chan struct{})}
	c.req = message.Request{Method: []byte(method), Minor: 1}
	f.on(func() {
		c.r = f.lp.Begin(c)
		c.r.Env.Request, c.r.Env.Query = &c.req, []byte(token)
		c.r.Env.RedirectStatus, c.r.Env.ContentLength = 200, -1
	})
	return c
}

func (f *fixture) get(token string) *client {
	f.t.Helper()
	c := f.client("GET", token)
	f.on(func() { c.r.Start(false) })
	return c
}

// post sends content in one turn.
func (f *fixture) post(token string, content []byte) *client {
	f.t.Helper()
	c := f.client("POST", token)
	f.on(func() {
		c.r.Start(true)
		c.r.Content(content)
		c.r.ContentEnd()
	})
	return c
}

// wait waits for the end of the response.
func (c *client) wait() *client {
	c.f.t.Helper()
	select {
	case <-c.done:
	case <-time.After(10 * time.Second):
		c.f.t.Fatalf("request %s did not end", c.r.Env.Query)
	}
	return c
}

// fails waits for a failure with that status.
func (c *client) fails(status int) *client {
	c.f.t.Helper()
	if c.wait(); c.failure == nil || c.failure.Status != status || c.ended || c.failure.Err == nil {
		c.f.t.Fatalf("status %d, body %.60q, failure %+v; want a failure with %d", c.status, c.body.String(), c.failure, status)
	}
	return c
}

// gets waits for a good end with that content.
func (c *client) gets(status int, body string) *client {
	c.f.t.Helper()
	if c.wait(); !c.ended || c.status != status || c.body.String() != body {
		c.f.t.Fatalf("status %d, %d octets %.60q, failure %+v; want %d, %d octets %.60q", c.status, c.body.Len(), c.body.String(), c.failure, status, len(body), body)
	}
	return c
}

func (c *client) must(ok bool, what string) {
	if c.over || !ok {
		panic(fmt.Sprintf("gateway called %s after the end or out of order", what))
	}
}

func (c *client) Intercept(res *cgi.Response) bool {
	c.must(c.heads == 0, "Intercept")
	if c.takes {
		c.taken, c.over, c.status = true, true, res.Status
		close(c.done)
	}
	return c.takes
}

func (c *client) Head(res *cgi.Response, length int64) {
	c.must(c.heads == 0, "Head")
	c.heads++
	c.status, c.length = res.Status, length
	for _, f := range res.Fields {
		c.fields += fmt.Sprintf("%s: %s\n", f.Name, f.Value)
	}
}

func (c *client) Body(p []byte) {
	c.must(c.heads == 1, "Body")
	c.body.Write(p)
	c.pieces++
	c.took(len(p))
}

func (c *client) took(n int) {
	if c.room > 0 {
		if c.room -= n; c.room <= 0 {
			c.room, c.full = 0, true
		}
	}
}

func (c *client) BodyFile(f loop.FileRef, off, n int64) {
	c.must(c.heads == 1, "BodyFile")
	p := make([]byte, n)
	if _, err := f.File().ReadAt(p, off); err != nil {
		c.f.t.Errorf("the response's file: %v", err)
	}
	f.Release()
	c.body.Write(p)
	c.files++
	c.took(int(n))
}

func (c *client) Full() bool { return c.full }

func (c *client) End() {
	c.must(c.heads == 1, "End")
	c.ended, c.over = true, true
	close(c.done)
}

func (c *client) Fail(f Failure) {
	c.must(true, "Fail")
	c.failure, c.over = &f, true
	close(c.done)
}

func (c *client) PauseContent() { c.must(true, "PauseContent"); c.pauses++ }

func (c *client) ResumeContent() {
	c.must(true, "ResumeContent")
	c.resumes++
	if c.onResume != nil {
		c.onResume()
	}
}

// gone makes the client go away: anything that is still called panics.
func (c *client) gone() {
	c.over = true
	c.r.Abort()
}

// logger keeps what is logged with the client.
type logger struct{}

func (logger) Stderr(c Client, text []byte, lost int64) {
	x := c.(*client)
	x.stderr += string(text)
	x.lost += lost
}

func (logger) Dropped(c Client, n int) { c.(*client).droppedFields += n }

func (logger) Trouble(c Client, err error) {
	x := c.(*client)
	x.troubles = append(x.troubles, err)
}
