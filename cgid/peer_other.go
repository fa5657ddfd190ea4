//go:build !linux

package cgid

import "net"

// peerGone is not known here before the next write.
func peerGone(net.Conn) bool { return false }
