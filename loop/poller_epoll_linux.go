package loop

import (
	"fmt"
	"net"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// epollPoller waits with epoll(7), level-triggered.
type epollPoller struct {
	fd     int
	wakeFd int
	evs    [eventsMax]unix.EpollEvent
}

// wakeHandle marks the eventfd: no slot has generation 0.
const wakeHandle Handle = 0

func newEpoll() (Poller, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("loop: epoll_create1: %w", err)
	}
	wake, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("loop: eventfd: %w", err)
	}
	p := &epollPoller{fd: fd, wakeFd: wake}
	if err := p.ctl(unix.EPOLL_CTL_ADD, wake, wakeHandle, Readable); err != nil {
		_ = p.Close()
		return nil, err
	}
	return p, nil
}

func (p *epollPoller) ctl(op, fd int, h Handle, in Interest) error {
	ev := unix.EpollEvent{Fd: int32(h.slot()), Pad: int32(h.gen())}
	if in&Readable != 0 {
		ev.Events |= unix.EPOLLIN
	}
	if in&Writable != 0 {
		ev.Events |= unix.EPOLLOUT
	}
	if err := unix.EpollCtl(p.fd, op, fd, &ev); err != nil {
		return fmt.Errorf("loop: epoll_ctl: %w", err)
	}
	return nil
}

func (p *epollPoller) Add(s Pollable, h Handle, in Interest) error {
	return p.ctl(unix.EPOLL_CTL_ADD, s.Descriptor(), h, in)
}

func (p *epollPoller) Modify(s Pollable, h Handle, in Interest) error {
	return p.ctl(unix.EPOLL_CTL_MOD, s.Descriptor(), h, in)
}

func (p *epollPoller) Remove(s Pollable) error {
	return p.ctl(unix.EPOLL_CTL_DEL, s.Descriptor(), 0, 0)
}

func (p *epollPoller) Wait(out []Event, timeout time.Duration) (int, error) {
	ms := -1
	if timeout >= 0 { // round up: waking too early would only turn again
		ms = int((timeout + time.Millisecond - 1) / time.Millisecond)
	}
	n, err := p.wait(ms, min(len(out), len(p.evs)))
	if err != nil {
		return 0, err
	}
	k := 0
	for i := range n {
		e := &p.evs[i]
		h := makeHandle(uint32(e.Fd), uint32(e.Pad))
		if h == wakeHandle {
			var b [8]byte
			_, _ = rawRead(p.wakeFd, b[:])
			continue
		}
		ev := Event{Handle: h, Hup: e.Events&(unix.EPOLLHUP|unix.EPOLLERR) != 0}
		if e.Events&unix.EPOLLIN != 0 {
			ev.Ready |= Readable
		}
		if e.Events&unix.EPOLLOUT != 0 {
			ev.Ready |= Writable
		}
		out[k] = ev
		k++
	}
	return k, nil
}

func (p *epollPoller) wait(ms, room int) (int, error) {
	var n uintptr
	var errno unix.Errno
	if ms == 0 { // cannot block, so the scheduler need not know
		n, _, errno = unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(p.fd), uintptr(unsafe.Pointer(&p.evs[0])), uintptr(room), 0, 0, 0)
	} else {
		n, _, errno = unix.Syscall6(unix.SYS_EPOLL_PWAIT, uintptr(p.fd), uintptr(unsafe.Pointer(&p.evs[0])), uintptr(room), uintptr(ms), 0, 0)
	}
	switch errno {
	case 0:
		return int(n), nil
	case unix.EINTR:
		return 0, nil
	default:
		return 0, errno
	}
}

func (p *epollPoller) Wake() {
	one := [8]byte{1}
	_, _ = unix.Write(p.wakeFd, one[:])
}

func (p *epollPoller) Close() error {
	_ = unix.Close(p.wakeFd)
	return unix.Close(p.fd)
}

func (p *epollPoller) Listen(network, address string, shared bool) (Acceptor, error) {
	return listenFd(network, address, shared)
}

func (p *epollPoller) Dial(network, address string) (Socket, error) {
	return dialFd(network, address)
}

// fdAcceptor is a listening descriptor. The net.Listener that made it is kept
// for its address and for removing a Unix socket's file.
type fdAcceptor struct {
	fd int
	ln net.Listener
}

func (a *fdAcceptor) Descriptor() int { return a.fd }
func (a *fdAcceptor) Addr() net.Addr  { return a.ln.Addr() }

func (a *fdAcceptor) Close() error {
	_ = unix.Close(a.fd)
	return a.ln.Close()
}

func listenFd(network, address string, shared bool) (Acceptor, error) {
	ln, err := listenNet(network, address, shared)
	if err != nil {
		return nil, err
	}
	rc, err := ln.(syscall.Conn).SyscallConn()
	if err != nil {
		_ = ln.Close()
		return nil, err
	}
	fd := -1
	ctlErr := rc.Control(func(f uintptr) { fd, err = unix.FcntlInt(f, unix.F_DUPFD_CLOEXEC, 0) })
	if ctlErr != nil {
		err = ctlErr
	}
	if err != nil {
		_ = ln.Close()
		return nil, fmt.Errorf("loop: listening on %s: %w", address, err)
	}
	if _, ok := ln.(*net.TCPListener); ok { // what is accepted inherits it
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	}
	return &fdAcceptor{fd: fd, ln: ln}, nil
}

func (a *fdAcceptor) Accept() (Socket, net.Addr, error) {
	fd, addr, err := a.accept(unix.SOCK_NONBLOCK | unix.SOCK_CLOEXEC)
	if err != nil {
		return nil, nil, err
	}
	return newFdSocket(fd), addr, nil
}

// accept makes a descriptor with these flags; the address is nil for a Unix socket.
func (a *fdAcceptor) accept(flags int) (int, net.Addr, error) {
	fd, sa, err := unix.Accept4(a.fd, flags)
	if err != nil {
		return -1, nil, sockErr(err)
	}
	var addr net.Addr
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		addr = &net.TCPAddr{IP: sa.Addr[:], Port: sa.Port}
	case *unix.SockaddrInet6:
		addr = &net.TCPAddr{IP: sa.Addr[:], Port: sa.Port}
	}
	return fd, addr, nil
}
