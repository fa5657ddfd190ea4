package php

import (
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// sock_diag(7): who is at the other end of a Unix socket. struct unix_diag_req
// and unix_diag_msg are in linux/unix_diag.h.
const (
	udiagShowPeer   = 0x4
	unixDiagPeer    = 2
	diagRequestSize = unix.SizeofNlMsghdr + 24
	diagMessageSize = 16
	nlaHeaderSize   = 4
)

// ErrNoSockDiag: the kernel or a sandbox does not let us ask who serves a
// connection.
var ErrNoSockDiag = errors.New("php: sock_diag for Unix sockets is not available")

// peerInode returns the inode of the socket that fd is connected to; 0 if it has
// not been accepted yet or is closed.
func peerInode(fd uintptr) (uint32, error) {
	var st unix.Stat_t
	if err := unix.Fstat(int(fd), &st); err != nil {
		return 0, fmt.Errorf("php: descriptor %d: %w", fd, err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFSOCK {
		return 0, fmt.Errorf("php: descriptor %d is not a socket", fd)
	}
	nl, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrNoSockDiag, err)
	}
	defer func() { _ = unix.Close(nl) }()
	// The kernel answers within the send; the limit is for sandboxes that do not.
	limit := unix.NsecToTimeval(retireLimit.Nanoseconds())
	if err := unix.SetsockoptTimeval(nl, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &limit); err != nil {
		return 0, fmt.Errorf("%w: %w", ErrNoSockDiag, err)
	}
	if err := unix.Sendto(nl, diagRequest(uint32(st.Ino)), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return 0, fmt.Errorf("%w: %w", ErrNoSockDiag, err)
	}
	var buf [4096]byte
	n, _, err := unix.Recvfrom(nl, buf[:], 0)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrNoSockDiag, err)
	}
	return parseDiag(buf[:n])
}

// diagRequest asks for the peer of one socket. Netlink is in host byte order.
func diagRequest(inode uint32) []byte {
	order := binary.NativeEndian
	b := make([]byte, 0, diagRequestSize)
	b = order.AppendUint32(b, diagRequestSize)
	b = order.AppendUint16(b, unix.SOCK_DIAG_BY_FAMILY)
	b = order.AppendUint16(b, unix.NLM_F_REQUEST)
	b = append(b, make([]byte, 8)...)     // sequence, port
	b = append(b, unix.AF_UNIX, 0, 0, 0)  // family, protocol, padding
	b = order.AppendUint32(b, ^uint32(0)) // any state
	b = order.AppendUint32(b, inode)
	b = order.AppendUint32(b, udiagShowPeer)
	return order.AppendUint64(b, ^uint64(0)) // no cookie
}

var errDiag = errors.New("php: malformed sock_diag answer")

// parseDiag returns the peer's inode from the first message of an answer.
func parseDiag(b []byte) (uint32, error) {
	order := binary.NativeEndian
	if len(b) < unix.SizeofNlMsghdr {
		return 0, errDiag
	}
	size, kind := order.Uint32(b), order.Uint16(b[4:])
	if size < unix.SizeofNlMsghdr || uint64(size) > uint64(len(b)) {
		return 0, errDiag
	}
	b = b[unix.SizeofNlMsghdr:size]
	switch {
	case kind == unix.NLMSG_ERROR && len(b) >= 4:
		errno := unix.Errno(-int32(order.Uint32(b)))
		if errno == unix.ENOENT { // our socket exists: it is unix_diag that does not
			return 0, fmt.Errorf("%w: %w", ErrNoSockDiag, errno)
		}
		return 0, fmt.Errorf("php: sock_diag: %w", errno)
	case kind != unix.SOCK_DIAG_BY_FAMILY || len(b) < diagMessageSize:
		return 0, errDiag
	}
	for b = b[diagMessageSize:]; len(b) >= nlaHeaderSize; {
		length, kind := int(order.Uint16(b)), order.Uint16(b[2:])
		if length < nlaHeaderSize || length > len(b) {
			return 0, errDiag
		}
		if kind == unixDiagPeer && length >= nlaHeaderSize+4 {
			return order.Uint32(b[nlaHeaderSize:]), nil
		}
		b = b[min(len(b), (length+3)&^3):]
	}
	return 0, ErrWorkerGone // not connected
}
