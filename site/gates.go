package site

import (
	"net/netip"

	"sluice/gateway"
	"sluice/static"
)

// PathGate bounds the scripts that are asked for at some paths.
type PathGate struct {
	// Paths are below the site's own: scripts', or, AsAsked, those of the request,
	// whatever script it leads to.
	Paths   Matcher
	AsAsked bool
	Gate    *gateway.Gate
}

// throughGates says which gates a request for PHP has to pass: its client's, then
// those of its path. The site's own calls need not wait before the client's: the
// system is asked whose a connection from this machine is. Where a proxy says that
// the client is this machine there is nobody to ask; it counts as the site.
func (x *Exchange) throughGates(r *gateway.Request) {
	o := &x.site.opts
	here, direct := x.fromHere(), !x.Peer.IsValid() || x.Peer == x.Client
	if here && direct { // the connection is the client's own
		r.Caller = gateway.Caller{Client: netip.AddrPortFrom(x.Client, x.ClientPort), Server: x.Server}
	}
	list := x.gates[:0]
	if o.ClientGate != nil && (!here || direct) {
		list = append(list, gateway.Through{Gate: o.ClientGate, Key: clientKey(x.Client), NotOwn: here})
	}
	for i := range o.PathGates {
		g := &o.PathGates[i]
		path := x.plan.File
		if g.AsAsked {
			var err error
			if path, err = static.DecodePath(x.asked[:0], x.Req.Path); err != nil {
				continue // it would not have come so far
			}
			x.asked = path
		}
		if g.Paths.Match(view(x.site.below(path))) {
			list = append(list, gateway.Through{Gate: g.Gate})
		}
	}
	x.gates = list
	r.Gates = list
}

// fromHere tells a call from this machine: of the site to itself, most likely.
func (x *Exchange) fromHere() bool {
	return x.Client.IsLoopback() || x.Client == x.Server.Addr().Unmap()
}

// clientKey is what a client can't change at will: of an IPv6 address its network.
func clientKey(a netip.Addr) netip.Addr {
	if a = a.Unmap(); a.Is4() || !a.IsValid() {
		return a
	}
	p, err := a.WithZone("").Prefix(64)
	if err != nil {
		return a
	}
	return p.Addr()
}
