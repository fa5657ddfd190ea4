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
// those of its path. The site's own calls pass the client's.
func (x *Exchange) throughGates(r *gateway.Request) {
	o := &x.site.opts
	r.Own = x.fromHere()
	list := x.gates[:0]
	if o.ClientGate != nil && !r.Own {
		list = append(list, gateway.Through{Gate: o.ClientGate, Key: clientKey(x.Client)})
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
