//go:build !linux

package php

import "net/netip"

// Calls can't tell here.
func (g *Group) Calls(_, _ netip.AddrPort) bool { return false }
