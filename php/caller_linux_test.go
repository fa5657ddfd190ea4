package php

import (
	"net"
	"net/netip"
	"os"
	"testing"
)

func TestInetInode(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
		ln, err := net.Listen("tcp", address)
		if err != nil {
			t.Logf("%s: %v", address, err)
			continue
		}
		c, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		local, remote := c.LocalAddr().(*net.TCPAddr).AddrPort(), c.RemoteAddr().(*net.TCPAddr).AddrPort()
		inode, err := inetInode(local, remote)
		if err != nil || inode == 0 || !holdsSocket(os.Getpid(), inode) {
			t.Errorf("%s: inode %d, which is not ours: %v", address, inode, err)
		}
		if inode, err := inetInode(netip.AddrPortFrom(local.Addr(), 1), remote); err == nil && inode != 0 {
			t.Errorf("%s: a connection that does not exist has inode %d", address, inode)
		}
		_ = c.Close()
		_ = ln.Close()
	}
}
