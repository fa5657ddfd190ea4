package loop

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// fdSocket is a non-blocking descriptor. Its calls cannot block, so they are
// made without telling Go's scheduler; only sendfile, which may read from a
// disk, does.
type fdSocket struct {
	fd    int
	roomy bool // makeRoom was called
}

func newFdSocket(fd int) *fdSocket { return &fdSocket{fd: fd} }

func (s *fdSocket) Descriptor() int { return s.fd }

func sockErr(err error) error {
	var errno unix.Errno
	if errors.As(err, &errno) {
		return errnoErr(errno)
	}
	return err
}

func errnoErr(errno unix.Errno) error {
	switch errno {
	case 0:
		return nil
	case unix.EAGAIN, unix.EINTR:
		return ErrAgain
	default:
		return errno
	}
}

func rawRead(fd int, p []byte) (int, unix.Errno) {
	n, _, errno := unix.RawSyscall(unix.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
	return int(n), errno
}

func (s *fdSocket) Read(p []byte) (int, error) {
	n, errno := rawRead(s.fd, p)
	if errno != 0 {
		return 0, errnoErr(errno)
	}
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// Peek answers nil when nothing is to be read and the peer has not closed.
func (s *fdSocket) Peek() error {
	var b [1]byte
	n, _, errno := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(s.fd), uintptr(unsafe.Pointer(&b)), 1, unix.MSG_PEEK|unix.MSG_DONTWAIT, 0, 0)
	return peeked(int(n), errno)
}

// SendMore is Writev for one buffer that more follows at once: the system waits
// for it to fill the packet.
func (s *fdSocket) SendMore(b []byte) (int, error) {
	n, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(s.fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), unix.MSG_NOSIGNAL|unix.MSG_DONTWAIT|unix.MSG_MORE, 0, 0)
	if errno != 0 {
		return 0, errnoErr(errno)
	}
	return int(n), nil
}

// vector describes what is in bufs to the system; it answers how many pieces.
func vector(iov *[iovecsMax]unix.Iovec, bufs [][]byte) int {
	k := 0
	for _, b := range bufs {
		if len(b) > 0 {
			iov[k].Base = unsafe.SliceData(b)
			iov[k].SetLen(len(b))
			k++
		}
	}
	return k
}

func (s *fdSocket) Writev(bufs [][]byte) (int, error) {
	var n uintptr
	var errno unix.Errno
	if len(bufs) == 1 {
		b := bufs[0]
		n, _, errno = unix.RawSyscall6(unix.SYS_SENDTO, uintptr(s.fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), unix.MSG_NOSIGNAL, 0, 0)
	} else {
		var iov [iovecsMax]unix.Iovec
		k := vector(&iov, bufs)
		n, _, errno = unix.RawSyscall(unix.SYS_WRITEV, uintptr(s.fd), uintptr(unsafe.Pointer(&iov[0])), uintptr(k))
	}
	if errno != 0 {
		return 0, errnoErr(errno)
	}
	return int(n), nil
}

func (s *fdSocket) SendFile(f *os.File, off int64, n int) (int, error) {
	k, err := unix.Sendfile(s.fd, int(f.Fd()), &off, n)
	if err != nil {
		return 0, sockErr(err)
	}
	return k, nil
}

func (s *fdSocket) CloseWrite() error { return unix.Shutdown(s.fd, unix.SHUT_WR) }

// Local is the address that the socket is bound to.
func (s *fdSocket) Local() netip.AddrPort {
	sa, err := unix.Getsockname(s.fd)
	if err != nil {
		return netip.AddrPort{}
	}
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port))
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(sa.Addr).Unmap(), uint16(sa.Port))
	}
	return netip.AddrPort{}
}

// Dup makes a second descriptor.
func (s *fdSocket) Dup() (uintptr, func(), error) { return dupFd(uintptr(s.fd)) }

// CloseRead makes a Unix peer's writes fail. A TCP peer would not notice.
func (s *fdSocket) CloseRead() error {
	sa, err := unix.Getsockname(s.fd)
	if err != nil {
		return err
	}
	if _, ok := sa.(*unix.SockaddrUnix); !ok {
		return unix.EOPNOTSUPP
	}
	return unix.Shutdown(s.fd, unix.SHUT_RD)
}

// Reset makes Close a reset; what the kernel still holds is lost.
func (s *fdSocket) Reset() error {
	return unix.SetsockoptLinger(s.fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
}

// Unread counts what the peer has not read, SIOCOUTQ of unix(7).
func (s *fdSocket) Unread() (int, error) { return unix.IoctlGetInt(s.fd, unix.SIOCOUTQ) }

func (s *fdSocket) Connected() error {
	code, err := unix.GetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err != nil {
		return err
	}
	if code != 0 {
		return unix.Errno(code)
	}
	if _, err := unix.Getpeername(s.fd); err != nil {
		return ErrAgain
	}
	return nil
}

func (s *fdSocket) Close() error { return unix.Close(s.fd) }

// dialFd begins a connection. A Unix socket is connected at once or not at all.
func dialFd(network, address string) (Socket, error) {
	var sa unix.Sockaddr
	family := unix.AF_UNIX
	switch network {
	case "unix":
		sa = &unix.SockaddrUnix{Name: address}
	case "tcp":
		ap, err := netip.ParseAddrPort(address)
		if err != nil {
			return nil, fmt.Errorf("loop: dial needs a numeric address: %w", err)
		}
		if a := ap.Addr().Unmap(); a.Is4() {
			family, sa = unix.AF_INET, &unix.SockaddrInet4{Addr: a.As4(), Port: int(ap.Port())}
		} else {
			family, sa = unix.AF_INET6, &unix.SockaddrInet6{Addr: a.As16(), Port: int(ap.Port())}
		}
	default:
		return nil, fmt.Errorf("loop: dial %s: network must be tcp or unix", network)
	}
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("loop: socket: %w", err)
	}
	if network == "tcp" {
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	}
	err = unix.Connect(fd, sa)
	if err == nil || err == unix.EINPROGRESS {
		return newFdSocket(fd), nil
	}
	_ = unix.Close(fd)
	if err == unix.EAGAIN {
		return nil, ErrBusy
	}
	return nil, fmt.Errorf("loop: connect to %s: %w", address, err)
}
