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
	answer, err := askDiag(diagRequest(uint32(st.Ino)))
	if err != nil {
		return 0, err
	}
	return parseDiag(answer)
}

// askDiag puts one question to the kernel.
func askDiag(request []byte) ([]byte, error) {
	nl, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoSockDiag, err)
	}
	defer func() { _ = unix.Close(nl) }()
	// The kernel answers within the send; the limit is for sandboxes that do not.
	limit := unix.NsecToTimeval(retireLimit.Nanoseconds())
	if err := unix.SetsockoptTimeval(nl, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &limit); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoSockDiag, err)
	}
	if err := unix.Sendto(nl, request, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoSockDiag, err)
	}
	buf := make([]byte, 4096)
	n, _, err := unix.Recvfrom(nl, buf, 0)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoSockDiag, err)
	}
	return buf[:n], nil
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

// firstDiag is the first message of an answer, at least size octets of it.
func firstDiag(b []byte, size int) ([]byte, error) {
	order := binary.NativeEndian
	if len(b) < unix.SizeofNlMsghdr {
		return nil, errDiag
	}
	whole, kind := order.Uint32(b), order.Uint16(b[4:])
	if whole < unix.SizeofNlMsghdr || uint64(whole) > uint64(len(b)) {
		return nil, errDiag
	}
	b = b[unix.SizeofNlMsghdr:whole]
	switch {
	case kind == unix.NLMSG_ERROR && len(b) >= 4:
		return nil, fmt.Errorf("php: sock_diag: %w", unix.Errno(-int32(order.Uint32(b))))
	case kind != unix.SOCK_DIAG_BY_FAMILY || len(b) < size:
		return nil, errDiag
	}
	return b, nil
}

// parseDiag returns the peer's inode.
func parseDiag(answer []byte) (uint32, error) {
	order := binary.NativeEndian
	b, err := firstDiag(answer, diagMessageSize)
	if errors.Is(err, unix.ENOENT) { // our socket exists: it is unix_diag that does not
		return 0, fmt.Errorf("%w: %w", ErrNoSockDiag, err)
	}
	if err != nil {
		return 0, err
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
