package loop

import (
	"errors"
	"fmt"
	"net"
	"slices"

	"golang.org/x/sys/unix"
)

// uringAcceptor is a listening descriptor whose connections the kernel accepts ahead
// (multishot accept), in a ring of its own.
//
// A request keeps what it is made for open until the kernel has cleared its ring away,
// also when the process was killed. That takes seconds for the thousands of requests of
// the poller's ring, and all that time its addresses would be taken. The single request
// of this one is gone in a moment. It tells of itself by the poller's eventfd.
type uringAcceptor struct {
	fdAcceptor
	p      *uringPoller
	ring   *uring
	take   func(c cqe)
	h      Handle
	in     Interest
	closed bool
	asked  requestState
	queue  []int32 // accepted, and nobody's yet
	err    error
}

func newUringAcceptor(p *uringPoller, a *fdAcceptor) (*uringAcceptor, error) {
	// The kernel refuses to wait for connections with O_NONBLOCK.
	if _, err := unix.FcntlInt(uintptr(a.fd), unix.F_SETFL, 0); err != nil {
		return nil, fmt.Errorf("fcntl: %w", err)
	}
	ring, err := newUring(uringAcceptRequests, uringAcceptAnswers)
	if err != nil {
		return nil, err
	}
	if err := ring.signal(p.wakeFd); err != nil {
		_ = ring.close()
		return nil, err
	}
	u := &uringAcceptor{fdAcceptor: *a, p: p, ring: ring}
	u.take = u.completed
	return u, nil
}

// readable tells whether Accept has something to say.
func (a *uringAcceptor) readable() bool {
	return a.in&Readable != 0 && (len(a.queue) > 0 || a.err != nil)
}

// settle makes or withdraws the request, and takes what has been accepted. While
// nobody wants more, clients wait in the kernel's backlog.
func (a *uringAcceptor) settle() error {
	if err := a.ring.enable(); err != nil {
		return err
	}
	wants := a.in&Readable != 0 && a.err == nil && len(a.queue) < uringAcceptsMax
	switch {
	case wants && a.asked == requestNone:
		e, err := a.ring.request()
		if err != nil {
			return err
		}
		e.opcode, e.fd, e.ioprio, e.opFlags = opAccept, int32(a.fd), acceptMultishot, unix.SOCK_CLOEXEC
		a.asked = requestFlying
	case !wants && a.asked == requestFlying:
		e, err := a.ring.request()
		if err != nil {
			return err
		}
		e.opcode, e.fd, e.userData = opAsyncCancel, -1, uringCancelled
		a.asked = requestCancelled
	}
	return a.reap()
}

// uringCancelled names the cancellation; the request that it is of has no name.
const uringCancelled = 1

// reap takes the kernel's answers.
func (a *uringAcceptor) reap() error {
	if err := a.ring.enter(0, 0); err != nil {
		return err
	}
	return a.ring.reap(a.take)
}

func (a *uringAcceptor) completed(c cqe) {
	errno := unix.Errno(-c.res)
	if c.userData == uringCancelled {
		if errno == unix.EALREADY && a.asked == requestCancelled {
			a.asked = requestFlying // it came at a bad moment
		}
		return
	}
	if c.flags&cqeMore == 0 {
		a.asked = requestNone
	}
	switch {
	case c.res >= 0:
		a.queue = append(a.queue, c.res)
	case errno == unix.ECANCELED, errno == unix.EINTR, errno == unix.EAGAIN:
	default:
		a.err = errno
	}
}

func (a *uringAcceptor) Accept() (Socket, net.Addr, error) {
	for len(a.queue) > 0 {
		fd := int(a.queue[0])
		a.queue = slices.Delete(a.queue, 0, 1)
		sa, err := unix.Getpeername(fd)
		if err != nil { // gone already, and without an address nobody can judge it
			_ = unix.Close(fd)
			continue
		}
		return newUringSocket(fd, false), peerAddr(sa), nil
	}
	if err := a.err; err != nil {
		a.err = nil
		return nil, nil, err
	}
	return nil, nil, ErrAgain
}

// Close ends accepting before it returns: until then the address is taken, and
// clients would still be accepted.
func (a *uringAcceptor) Close() error {
	if a.closed {
		return nil
	}
	a.closed, a.in = true, 0
	var err error
	for range uringCloseRounds {
		if !a.ring.enabled || a.asked == requestNone {
			break
		}
		if err = a.settle(); err != nil {
			break
		}
		if a.asked != requestNone {
			err = a.ring.enter(1, uringCloseTime)
		}
	}
	for _, fd := range a.queue {
		_ = unix.Close(int(fd))
	}
	a.queue = nil
	return errors.Join(err, a.ring.close(), a.fdAcceptor.Close())
}
