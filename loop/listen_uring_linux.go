package loop

import (
	"errors"
	"fmt"
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// uringAcceptor is a listening descriptor that the ring watches through an epoll
// descriptor. A request keeps what it is made for open until the kernel has cleared
// the ring away, which takes seconds when a process with thousands of connections is
// killed, and all that time its addresses would be taken. An epoll descriptor keeps
// nothing open.
type uringAcceptor struct {
	fdAcceptor
	uringSource
	epoll  int
	queued bool // somebody may be there to be accepted
	err    error
}

func newUringAcceptor(a *fdAcceptor) (*uringAcceptor, error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll_create1: %w", err)
	}
	if err := unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, a.fd, &unix.EpollEvent{Events: unix.EPOLLIN}); err != nil {
		_ = unix.Close(epoll)
		return nil, fmt.Errorf("epoll_ctl: %w", err)
	}
	u := &uringAcceptor{fdAcceptor: *a, epoll: epoll}
	u.owner = u
	return u, nil
}

// Descriptor is what the ring may keep open.
func (a *uringAcceptor) Descriptor() int { return a.epoll }

func (a *uringAcceptor) request(e *sqe) {
	e.opcode, e.fd, e.len, e.opFlags = opPollAdd, int32(a.epoll), pollMultishot, pollMask(unix.POLLIN)
}

func (a *uringAcceptor) received(res int32, _ uint32) {
	switch errno := unix.Errno(-res); {
	case res >= 0:
		a.queued = true
	case errno == unix.ECANCELED, errno == unix.EINTR:
	default:
		a.err = errno
	}
}

func (a *uringAcceptor) input() bool { return a.queued || a.err != nil }
func (a *uringAcceptor) wants() bool { return a.err == nil }
func (a *uringAcceptor) polls() bool { return false }
func (a *uringAcceptor) rest()       {}

// An acceptor sends nothing.

func (a *uringAcceptor) sent(int32)             {}
func (a *uringAcceptor) busy() bool             { return false }
func (a *uringAcceptor) waiting() bool          { return false }
func (a *uringAcceptor) flush()                 {}
func (a *uringAcceptor) overdue(time.Time) bool { return true }

func (a *uringAcceptor) Accept() (Socket, net.Addr, error) {
	if err := a.err; err != nil {
		a.err = nil
		a.p.change(&a.uringSource)
		return nil, nil, err
	}
	// What the ring receives for must not have O_NONBLOCK.
	fd, addr, err := a.accept(unix.SOCK_CLOEXEC)
	if err != nil {
		a.queued = !errors.Is(err, ErrAgain) // another failure leaves the others there
		return nil, nil, err
	}
	return newUringSocket(fd, false), addr, nil
}

// Close frees the address at once.
func (a *uringAcceptor) Close() error {
	if a.closing {
		return nil
	}
	err := a.fdAcceptor.Close()
	a.close()
	return err
}

func (a *uringAcceptor) release() { _ = unix.Close(a.epoll) }
