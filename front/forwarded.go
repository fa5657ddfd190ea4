package front

import (
	"bytes"
	"net/netip"

	"sluice/message"
	"sluice/site"
)

// hop is a request that came through a trusted proxy, told by him.
type hop struct {
	*site.Exchange
	trusted []netip.Prefix
}

// trusted tells whether the peer is a proxy whose word is believed.
func (h *conn) trusted() bool {
	return h.lf.srv.opts.trusts(h.ep.unix, h.c.Remote().Addr())
}

func (o *Options) trusts(unix bool, peer netip.Addr) bool {
	if unix {
		return o.TrustedUnix
	}
	return len(o.Trusted) > 0 && trustedAddr(o.Trusted, peer)
}

func trustedAddr(list []netip.Prefix, a netip.Addr) bool {
	for _, p := range list {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// forwarded takes client and scheme from what a trusted proxy added:
// X-Forwarded-For and X-Forwarded-Proto, or Forwarded (RFC 7239) where neither
// is there. The order matters: proxies that only know the former are the rule,
// and hand on a Forwarded that the client wrote himself.
//
// Every proxy appends, so the list is read from its end, past the proxies that
// are trusted themselves; what stands before the first stranger was written by
// him.
func (s hop) forwarded() {
	s.Forwarded, s.Peer = true, s.Client
	var addrs, proto []byte
	var elements [][]byte
	for i := range s.Req.Fields {
		f := &s.Req.Fields[i]
		switch {
		case message.EqualFold(f.Name, "forwarded"):
			elements = append(elements, bytes.Split(f.Value, comma)...)
		case message.EqualFold(f.Name, "x-forwarded-for"):
			if len(addrs) > 0 {
				addrs = append(append(append([]byte(nil), addrs...), ','), f.Value...)
			} else {
				addrs = f.Value
			}
		case message.EqualFold(f.Name, "x-forwarded-proto"):
			proto = f.Value
		}
	}
	if len(elements) > 0 && len(addrs) == 0 && len(proto) == 0 {
		s.fromForwarded(elements)
		return
	}
	s.fromList(bytes.Split(addrs, comma))
	if len(proto) > 0 {
		last := proto
		if i := bytes.LastIndexByte(proto, ','); i >= 0 {
			last = proto[i+1:]
		}
		s.HTTPS = message.EqualFold(bytes.TrimSpace(last), "https")
	}
}

var comma = []byte(",")

// fromList walks a list of addresses from its end.
func (s hop) fromList(list [][]byte) {
	for i := len(list) - 1; i >= 0; i-- {
		if !s.believe(list[i]) {
			return
		}
	}
}

// believe takes an address as the client's, and tells whether the one before it
// can be believed as well.
func (s hop) believe(text []byte) bool {
	a, ok := parseNode(bytes.TrimSpace(text))
	if !ok {
		return false
	}
	s.Client, s.ClientPort = a.Addr(), a.Port()
	return trustedAddr(s.trusted, a.Addr())
}

// fromForwarded reads for= and proto= of the elements, from the last one on.
func (s hop) fromForwarded(elements [][]byte) {
	for i := len(elements) - 1; i >= 0; i-- {
		more := false
		for _, pair := range bytes.Split(elements[i], []byte(";")) {
			name, value, _ := bytes.Cut(bytes.TrimSpace(pair), []byte("="))
			value = bytes.Trim(value, `"`)
			switch {
			case message.EqualFold(name, "for"):
				more = s.believe(value)
			case message.EqualFold(name, "proto"):
				s.HTTPS = message.EqualFold(value, "https")
			}
		}
		if !more {
			return
		}
	}
}

// parseNode reads an address with or without port, IPv6 with or without
// brackets (RFC 7239 §6, and what X-Forwarded-For carries).
func parseNode(b []byte) (netip.AddrPort, bool) {
	text := string(b)
	if a, err := netip.ParseAddr(text); err == nil {
		return netip.AddrPortFrom(a.Unmap().WithZone(""), 0), true
	}
	if ap, err := netip.ParseAddrPort(text); err == nil {
		return netip.AddrPortFrom(ap.Addr().Unmap().WithZone(""), ap.Port()), true
	}
	if n := len(text); n > 2 && text[0] == '[' && text[n-1] == ']' {
		if a, err := netip.ParseAddr(text[1 : n-1]); err == nil {
			return netip.AddrPortFrom(a.Unmap().WithZone(""), 0), true
		}
	}
	return netip.AddrPort{}, false
}
