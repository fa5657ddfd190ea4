//go:build !linux

package php

import "net/netip"

// Calls can't tell here.
func (g *Group) Calls(_, _ netip.AddrPort) bool { return false }

// CalledBy tells nothing: this system can't be asked.
func CalledBy(_, _ netip.AddrPort, _ []int) bool { return false }
