package php

import (
	"encoding/binary"
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// diagMessage makes an answer with these attributes.
func diagMessage(kind uint16, payload []byte) []byte {
	b := binary.NativeEndian.AppendUint32(nil, uint32(unix.SizeofNlMsghdr+len(payload)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = append(b, make([]byte, 10)...)
	return append(b, payload...)
}

func attribute(kind uint16, content ...byte) []byte {
	b := binary.NativeEndian.AppendUint16(nil, uint16(nlaHeaderSize+len(content)))
	b = append(binary.NativeEndian.AppendUint16(b, kind), content...)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}

func TestParseDiag(t *testing.T) {
	socket := make([]byte, diagMessageSize)
	peer := attribute(unixDiagPeer, binary.NativeEndian.AppendUint32(nil, 4711)...)
	name := attribute(0, 'a', 'b', 'c')
	whole := diagMessage(unix.SOCK_DIAG_BY_FAMILY, append(append(socket, name...), peer...))
	if got, err := parseDiag(whole); got != 4711 || err != nil {
		t.Errorf("parseDiag = %d, %v; want 4711", got, err)
	}
	for n := range whole {
		if _, err := parseDiag(whole[:n]); err == nil {
			t.Errorf("cut to %d bytes: no error", n)
		}
	}
	if _, err := parseDiag(diagMessage(unix.SOCK_DIAG_BY_FAMILY, socket)); !errors.Is(err, ErrWorkerGone) {
		t.Errorf("without peer: %v", err)
	}
	fault := func(errno unix.Errno) []byte {
		return diagMessage(unix.NLMSG_ERROR, binary.NativeEndian.AppendUint32(nil, uint32(-int32(errno))))
	}
	if _, err := parseDiag(fault(unix.ENOENT)); !errors.Is(err, ErrNoSockDiag) {
		t.Errorf("ENOENT: %v", err)
	}
	if _, err := parseDiag(fault(unix.EPERM)); !errors.Is(err, unix.EPERM) {
		t.Errorf("EPERM: %v", err)
	}
}

func FuzzParseDiag(f *testing.F) {
	f.Add(diagMessage(unix.SOCK_DIAG_BY_FAMILY, append(make([]byte, diagMessageSize), attribute(unixDiagPeer, 1, 2, 3, 4)...)))
	f.Add(diagMessage(unix.NLMSG_ERROR, []byte{1, 2, 3, 4}))
	f.Fuzz(func(_ *testing.T, b []byte) { _, _ = parseDiag(b) })
}

func TestPeerInodeOfPair(t *testing.T) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Close(pair[0]) }()
	inode, err := peerInode(uintptr(pair[0]))
	if err != nil {
		t.Fatal(err)
	}
	var st unix.Stat_t
	if err := unix.Fstat(pair[1], &st); err != nil {
		t.Fatal(err)
	}
	if uint64(inode) != st.Ino || !holdsSocket(os.Getpid(), inode) || holdsSocket(os.Getppid(), inode) {
		t.Errorf("peer inode %d, want %d, held by us alone", inode, st.Ino)
	}
	if hungUp(uintptr(pair[0])) {
		t.Error("an open connection has hung up")
	}
	_ = unix.Close(pair[1])
	if inode, err := peerInode(uintptr(pair[0])); inode != 0 || err != nil || !hungUp(uintptr(pair[0])) {
		t.Errorf("closed peer: inode %d, %v", inode, err)
	}
}
