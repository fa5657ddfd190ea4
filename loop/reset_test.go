package loop

import (
	"errors"
	"io"
	"net"
	"syscall"
	"testing"
	"time"
)

// resetter answers everything with a few octets, then ends as end says.
type resetter struct{ end func(*Conn) }

func (r resetter) Data(c *Conn, _ []byte) {
	c.ResetUnlessClosed()
	c.Write([]byte("some"))
	r.end(c)
}
func (resetter) EOF(c *Conn)         { c.Abort() }
func (resetter) Drained(*Conn)       {}
func (resetter) Closed(*Conn, error) {}

// Only an orderly Close looks like the end of the content.
func TestResetUnlessClosed(t *testing.T) {
	for name, tt := range map[string]struct {
		end   func(*Conn)
		reset bool
	}{
		"closed":            {func(c *Conn) { c.Close(false) }, false},
		"closed, lingering": {func(c *Conn) { c.Close(true) }, false},
		"aborted":           {func(c *Conn) { c.Abort() }, true},
		"stopped":           {func(c *Conn) { c.Loop().Stop() }, true},
	} {
		t.Run(name, func(t *testing.T) {
			engines(t, func(t *testing.T, l *Loop) {
				ln, err := l.Listen("tcp", "127.0.0.1:0", func(*Conn) Handler { return resetter{tt.end} }, ListenOptions{})
				if err != nil {
					t.Fatal(err)
				}
				run(t, l)
				c, err := net.Dial("tcp", ln.Addr().String())
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = c.Close() }()
				_ = c.SetDeadline(time.Now().Add(5 * time.Second))
				if _, err := c.Write([]byte("x")); err != nil {
					t.Fatal(err)
				}
				b, err := io.ReadAll(c)
				if got := errors.Is(err, syscall.ECONNRESET); got != tt.reset {
					t.Errorf("read %q, %v; want a reset: %v", b, err, tt.reset)
				}
				if !tt.reset && string(b) != "some" {
					t.Errorf("read %q, want %q", b, "some")
				}
			})
		})
	}
}
