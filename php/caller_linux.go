package php

import (
	"encoding/binary"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"
)

// struct inet_diag_req_v2 and inet_diag_msg are in linux/inet_diag.h.
const (
	inetDiagRequestSize = unix.SizeofNlMsghdr + 56
	inetDiagMessageSize = 72
	inetDiagInode       = 68 // where it stands in the message
)

// Calls tells whether a TCP connection of this machine, from client to server, was
// made by one of the group's processes, or by what they have started in their
// process group: then it is a script that asks its own site for something. It asks
// the system, which takes a while. False where that can't tell.
func (g *Group) Calls(client, server netip.AddrPort) bool {
	var pids []int
	for _, p := range g.running() {
		for _, leader := range p.leaders() {
			for _, s := range groupMembers(leader) {
				pids = append(pids, s.pid)
			}
		}
	}
	return CalledBy(client, server, pids)
}

// CalledBy tells whether a TCP connection of this machine, from client to server, is
// one of these processes'. It asks the system, which takes a while. False where that
// can't tell, or may not.
func CalledBy(client, server netip.AddrPort, pids []int) bool {
	inode, err := inetInode(client, server)
	return err == nil && inode != 0 && slices.ContainsFunc(pids, func(pid int) bool { return holdsSocket(pid, inode) })
}

// inetInode is the inode of the TCP socket whose own address is local.
func inetInode(local, remote netip.AddrPort) (uint32, error) {
	answer, err := askDiag(inetDiagRequest(local, remote))
	if err != nil {
		return 0, err
	}
	b, err := firstDiag(answer, inetDiagMessageSize)
	if err != nil {
		return 0, err
	}
	return binary.NativeEndian.Uint32(b[inetDiagInode:]), nil
}

// inetDiagRequest asks for one socket by its addresses, which, unlike the rest,
// are in network byte order.
func inetDiagRequest(local, remote netip.AddrPort) []byte {
	order := binary.NativeEndian
	family := byte(unix.AF_INET6)
	src, dst := local.Addr().Unmap(), remote.Addr().Unmap()
	if src.Is4() {
		family = unix.AF_INET
	}
	b := make([]byte, 0, inetDiagRequestSize)
	b = order.AppendUint32(b, inetDiagRequestSize)
	b = order.AppendUint16(b, unix.SOCK_DIAG_BY_FAMILY)
	b = order.AppendUint16(b, unix.NLM_F_REQUEST)
	b = append(b, make([]byte, 8)...)             // sequence, port
	b = append(b, family, unix.IPPROTO_TCP, 0, 0) // family, protocol, extensions, padding
	b = order.AppendUint32(b, ^uint32(0))         // any state
	b = binary.BigEndian.AppendUint16(b, local.Port())
	b = binary.BigEndian.AppendUint16(b, remote.Port())
	for _, a := range []netip.Addr{src, dst} {
		var octets [16]byte
		copy(octets[:], a.AsSlice())
		b = append(b, octets[:]...)
	}
	b = order.AppendUint32(b, 0)             // any interface
	return order.AppendUint64(b, ^uint64(0)) // no cookie
}
