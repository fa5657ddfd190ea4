package front

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
)

// contentReader brings a request's content to its loop, a piece at a time. It is
// a goroutine of its own because a client may be slow with his content while the
// response is there already.
type contentReader struct {
	b      *bridge
	body   io.Reader
	length int64 // -1 if it is not known beforehand
	done   chan struct{}
	ended  chan struct{} // closed by stop

	mu      sync.Mutex
	reading bool // in body.Read
	stopped bool
}

func newContentReader(b *bridge, r *http.Request) *contentReader {
	return &contentReader{b: b, body: r.Body, length: r.ContentLength, done: make(chan struct{}), ended: make(chan struct{})}
}

// run reads until the end, or until nobody wants more.
func (c *contentReader) run() {
	defer close(c.done)
	buf := make([]byte, contentPieceBytes)
	for total := int64(0); ; {
		select {
		case <-c.b.more:
		case <-c.ended:
			return
		case <-c.b.lf.loop.Done():
			return
		}
		if !c.enter() {
			return
		}
		n, err := c.body.Read(buf)
		c.exit()
		total += int64(n)
		last := errors.Is(err, io.EOF)
		fault := c.fault(total, last, err)
		if !c.b.lf.loop.Post(func() { c.b.bring(buf[:n], last, fault) }) || last || fault != nil {
			return
		}
	}
}

// fault compares what came with what was announced.
func (c *contentReader) fault(total int64, last bool, err error) error {
	switch {
	case err != nil && !last:
		return fmt.Errorf("front: reading the request's content: %w", err)
	case c.length >= 0 && (total > c.length || last && total < c.length):
		return fmt.Errorf("front: the request's content has %d octets, its Content-Length is %d", total, c.length)
	}
	return nil
}

func (c *contentReader) enter() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reading = !c.stopped
	return c.reading
}

func (c *contentReader) exit() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reading = false
}

// stop ends the reading. It answers true when a Read is under way, which the
// caller has to end; else the body is not used any more.
func (c *contentReader) stop() (inRead bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopped = true
	close(c.ended)
	return c.reading
}
