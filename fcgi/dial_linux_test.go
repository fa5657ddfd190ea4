package fcgi

import (
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"sluice/loop"
)

// deafServer is an address where a connection is never made, as to a machine
// that is switched off: a listener whose backlog is full.
func deafServer(t *testing.T) Server {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(fd) })
	if err = syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err == nil {
		err = syscall.Listen(fd, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	sa, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	addr := fmt.Sprint("127.0.0.1:", sa.(*syscall.SockaddrInet4).Port)
	for range 10 {
		c, err := net.DialTimeout("tcp", addr, 100*time.Millisecond)
		if err != nil {
			return Server{Network: "tcp", Address: addr, Conns: 5}
		}
		t.Cleanup(func() { _ = c.Close() })
	}
	t.Skip("the backlog does not become full")
	return Server{}
}

// A server that does not even refuse: alone it costs ConnectTime, beside another
// some requests wait that long, and soon none.
func TestDeafServer(t *testing.T) {
	deaf := deafServer(t)
	engines(t, func(t *testing.T, e loop.Engine) {
		const dialTime = 60 * time.Millisecond
		p := NewPool(Options{Servers: []Server{deaf}, DialTime: dialTime, ConnectTime: dialTime, Health: Health{OpenTime: time.Minute}})
		s := start(t, e, p, 1)
		began := time.Now()
		r := s[0].call("x").ask().wait()
		if d := time.Since(began); !r.refused || !errors.Is(r.err, errConnectTime) || d < dialTime/2 || d > 20*dialTime {
			t.Errorf("after %v: %+v", d, r)
		}
		if r := s[0].call("x").ask().wait(); !errors.Is(r.err, ErrAllDown) {
			t.Errorf("then: %+v", r)
		}
		settled(t, p, s)

		var count atomic.Int32
		b := newBackend(t, "tcp", named("good", &count, 0))
		p = NewPool(Options{Servers: []Server{deaf, b.server(5)}, DialTime: dialTime, ConnectTime: dialTime, Health: Health{Fails: 2, OpenTime: time.Minute}})
		s = start(t, e, p, 2)
		if got := flood(s, 200, 4, Want{}); got["good"] != 200 {
			t.Errorf("%v", got)
		}
		eventually(t, "it is known to be down", func() bool {
			if got := flood(s, 40, 4, Want{}); got["good"] != 40 {
				t.Errorf("%v", got)
			}
			return !p.States()[0].Up
		})
		if st := p.States(); !st[1].Up {
			t.Errorf("%+v", st)
		}
		settled(t, p, s)
	})
}
