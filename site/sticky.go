package site

import (
	"sluice/gateway"
	"sluice/message"
)

// stick asks for the server that the client's cookie names, so that sessions which
// live in one server's memory go on there.
func (x *Exchange) stick(r *gateway.Request) {
	s := x.site.opts.Sticky
	if s == nil {
		return
	}
	var lines []string
	for i := range x.Req.Fields {
		if f := &x.Req.Fields[i]; message.EqualFold(f.Name, "cookie") {
			lines = append(lines, string(f.Value))
		}
	}
	x.sticky.server, x.sticky.renew = s.Server(lines, x.site.loop.Wall())
	r.Prefer = x.sticky.server
}

// stickyCookie names the server that answered, to a client who does not know it
// yet, or whose cookie grows old.
func (x *Exchange) stickyCookie(b []byte) []byte {
	s := x.site.opts.Sticky
	if s == nil || x.request == nil {
		return b
	}
	if server := x.request.Server(); s.Wants(x.sticky.server, x.sticky.renew, server) {
		b = appendField(b, "Set-Cookie", s.Cookie(server, x.site.loop.Wall()))
	}
	return b
}

// stickyState is what the client's cookie said.
type stickyState struct {
	server string
	renew  bool
}
