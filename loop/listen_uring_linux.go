package loop

import (
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// uringAcceptor is a listening descriptor whose connections the kernel accepts
// ahead.
type uringAcceptor struct {
	fdAcceptor
	uringSource
	queue []int32 // accepted descriptors
	err   error
}

func newUringAcceptor(a *fdAcceptor) (*uringAcceptor, error) {
	// The kernel refuses to wait for connections with O_NONBLOCK. What is
	// accepted inherits TCP_NODELAY.
	if _, err := unix.FcntlInt(uintptr(a.fd), unix.F_SETFL, 0); err != nil {
		return nil, err
	}
	if _, ok := a.ln.(*net.TCPListener); ok {
		_ = unix.SetsockoptInt(a.fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	}
	u := &uringAcceptor{fdAcceptor: *a}
	u.owner = u
	return u, nil
}

func (a *uringAcceptor) request(e *sqe) {
	e.opcode, e.fd, e.ioprio, e.opFlags = opAccept, int32(a.fd), acceptMultishot, unix.SOCK_CLOEXEC
}

func (a *uringAcceptor) received(res int32, _ uint32) {
	switch errno := unix.Errno(-res); {
	case res >= 0:
		a.queue = append(a.queue, res)
		if !a.wants() || !a.added {
			a.p.change(&a.uringSource)
		}
	case errno == unix.ECANCELED, errno == unix.EINTR, errno == unix.EAGAIN:
	default:
		a.err = errno
	}
}

func (a *uringAcceptor) input() bool { return len(a.queue) > 0 || a.err != nil }
func (a *uringAcceptor) wants() bool { return a.err == nil && len(a.queue) < uringAcceptsMax }
func (a *uringAcceptor) polls() bool { return false }
func (a *uringAcceptor) rest()       {}

// An acceptor sends nothing.

func (a *uringAcceptor) sent(int32)             {}
func (a *uringAcceptor) busy() bool             { return false }
func (a *uringAcceptor) waiting() bool          { return false }
func (a *uringAcceptor) flush()                 {}
func (a *uringAcceptor) overdue(time.Time) bool { return true }

func (a *uringAcceptor) Accept() (Socket, net.Addr, error) {
	for len(a.queue) > 0 {
		fd := int(a.queue[0])
		a.queue = a.queue[:copy(a.queue, a.queue[1:])]
		if a.main == requestNone && a.p != nil {
			a.p.change(&a.uringSource)
		}
		addr, err := a.peer(fd)
		if err != nil { // gone already, and without an address nobody can judge it
			_ = unix.Close(fd)
			continue
		}
		return newUringSocket(fd, false), addr, nil
	}
	if err := a.err; err != nil {
		a.err = nil
		a.p.change(&a.uringSource)
		return nil, nil, err
	}
	return nil, nil, ErrAgain
}

// peer is nil for a Unix socket.
func (a *uringAcceptor) peer(fd int) (net.Addr, error) {
	sa, err := unix.Getpeername(fd)
	if err != nil {
		return nil, err
	}
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return &net.TCPAddr{IP: sa.Addr[:], Port: sa.Port}, nil
	case *unix.SockaddrInet6:
		return &net.TCPAddr{IP: sa.Addr[:], Port: sa.Port}, nil
	}
	return nil, nil
}

// Close ends accepting before it returns: until then the address is taken, and
// peers would still be accepted.
func (a *uringAcceptor) Close() error {
	if a.closing {
		return nil
	}
	a.close()
	return a.endNow()
}

func (a *uringAcceptor) release() {
	for _, fd := range a.queue {
		_ = unix.Close(int(fd))
	}
	a.queue = nil
	_ = a.fdAcceptor.Close()
}
