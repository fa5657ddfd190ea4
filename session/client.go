package session

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"

	"github.com/yookoala/gofast"
)

// Client implements gofast.Client over a Transport.
type Client struct {
	t *Transport

	mu     sync.Mutex // guards these
	live   map[*piped]bool
	closed bool
}

var _ gofast.Client = (*Client)(nil)

// Do implements gofast.Client. What the guard refuses, and a backend that fails,
// become responses, for a ResponsePipe knows no errors. The context of req.Raw
// gives the request up. Do takes req's streams over and closes them.
func (c *Client) Do(req *gofast.Request) (*gofast.ResponsePipe, error) {
	ctx := context.Background()
	if req.Raw != nil {
		ctx = req.Raw.Context()
	}
	p := &piped{}
	p.ready.Lock() // until p.resp is there
	defer p.ready.Unlock()
	call, err := c.t.newCall(req)
	var no *Refusal
	switch {
	case errors.As(err, &no):
		p.refused(no)
	case err != nil:
		return nil, err
	default:
		if err := c.add(p); err != nil {
			call.close()
			return nil, err
		}
		p.done = func() { c.remove(p) }
		if p.x, err = c.t.run(ctx, call, p.closePipe); err != nil {
			c.remove(p)
			return nil, err
		}
	}
	if p.resp, err = pipeFrom(p); err != nil {
		return nil, err
	}
	return p.resp, nil
}

// Close implements gofast.Client: it gives up what is under way.
func (c *Client) Close() error {
	c.mu.Lock()
	c.closed = true
	list := make([]*piped, 0, len(c.live))
	for p := range c.live {
		list = append(list, p)
	}
	c.mu.Unlock()
	for _, p := range list {
		p.ready.Lock() // Do may be at it
		x := p.x
		p.ready.Unlock()
		if x != nil {
			x.drop()
		}
	}
	return nil
}

func (c *Client) add(p *piped) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || c.t.closed.Load() {
		return ErrClosed
	}
	c.live[p] = true
	return nil
}

func (c *Client) remove(p *piped) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.live, p)
}

// pipeFrom makes a ResponsePipe that reads from p. Only gofast's own client can
// write into one, so one is made for each request, over a connection that is p:
// what it sends is thrown away, for the real request goes another way.
func pipeFrom(p *piped) (*gofast.ResponsePipe, error) {
	c, err := gofast.SimpleClientFactory(func() (net.Conn, error) { return p, nil })()
	if err != nil {
		return nil, fmt.Errorf("session: %w", err)
	}
	resp, err := c.Do(gofast.NewRequest(nil))
	if err != nil {
		return nil, fmt.Errorf("session: %w", err)
	}
	return resp, nil
}
