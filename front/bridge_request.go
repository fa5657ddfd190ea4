package front

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"sluice/http1"
	"sluice/message"
)

func newBridge(lf *local, r *http.Request) *bridge {
	b := &bridge{lf: lf, wake: make(chan struct{}, 1), more: make(chan struct{}, 1)}
	b.refusal = b.readHead(r)
	b.HasContent = b.refusal == nil && (b.head.Chunked || b.head.ContentLength > 0)
	b.identify(r)
	return b
}

// readHead takes over the head. It goes through the parser that reads the heads
// of connections, so nothing comes in by this door that would be refused at the
// other.
func (b *bridge) readHead(r *http.Request) *http1.Error {
	text, err := headOf(r)
	if err != nil {
		return err
	}
	limits := b.lf.srv.opts.HTTP1
	var p http1.Parser
	p.Init(&limits)
	p.Begin(&b.head)
	for len(text) > 0 {
		n, ev, err := p.Feed(text)
		if err != nil {
			return err
		}
		if text = text[n:]; ev == http1.HeadComplete && len(text) == 0 {
			return nil
		}
	}
	return errNotOneHead
}

var (
	errNotOneHead    = &http1.Error{Status: 400, Msg: "the request's head is not one head"}
	errBridgeMethod  = &http1.Error{Status: 400, Msg: "method is not a token"}
	errBridgeTarget  = &http1.Error{Status: 400, Msg: "URL has a character that must be encoded, or no path"}
	errBridgeHost    = &http1.Error{Status: 400, Msg: "Host is not a host"}
	errBridgeName    = &http1.Error{Status: 400, Msg: "field name is not a token"}
	errBridgeValue   = &http1.Error{Status: 400, Msg: "field value has a line end"}
	errBridgeContent = &http1.Error{Status: 400, Msg: "content of unknown length in HTTP/1.0"}
)

// headOf writes a request's head as HTTP/1 does. Only what can't be mistaken for
// the end of its line may pass; the parser checks the rest.
func headOf(r *http.Request) ([]byte, *http1.Error) {
	method := r.Method
	if method == "" {
		method = http.MethodGet // net/http's convention
	}
	if !message.IsToken([]byte(method)) {
		return nil, errBridgeMethod
	}
	target, ok := targetOf(r)
	if !ok {
		return nil, errBridgeTarget
	}
	host := r.Host
	if host == "" && r.URL != nil {
		host = r.URL.Host
	}
	if breaksLine(host) {
		return nil, errBridgeHost
	}
	text := append(append(append([]byte(method), ' '), target...), " HTTP/1."...)
	old := r.ProtoMajor == 1 && r.ProtoMinor == 0
	switch {
	case old && host == "":
		text = append(text, "0\r\n"...)
	case old:
		text = append(append(append(text, "0\r\nHost: "...), host...), "\r\n"...)
	default: // later versions mean the same (RFC 9110 §2.5)
		text = append(append(append(text, "1\r\nHost: "...), host...), "\r\n"...)
	}
	switch {
	case r.ContentLength > 0 && r.Body != nil, r.ContentLength == 0 && r.Header.Get("Content-Length") == "0":
		text = append(strconv.AppendInt(append(text, "Content-Length: "...), r.ContentLength, 10), "\r\n"...)
	case r.ContentLength < 0 && r.Body != nil && r.Body != http.NoBody && old:
		return nil, errBridgeContent
	case r.ContentLength < 0 && r.Body != nil && r.Body != http.NoBody:
		text = append(text, "Transfer-Encoding: chunked\r\n"...)
	}
	text, err := appendFields(text, r.Header)
	return append(text, "\r\n"...), err
}

// targetOf is the target in the form that the method asks for (RFC 9112 §3.2).
func targetOf(r *http.Request) (string, bool) {
	if r.Method == http.MethodConnect {
		return r.Host, !strings.ContainsFunc(r.Host, mustBeEncoded)
	}
	if r.URL == nil || r.URL.Opaque != "" {
		return "", false
	}
	target := r.URL.EscapedPath()
	switch {
	case target == "":
		target = "/"
	case target[0] != '/' && target != "*":
		return "", false
	}
	if r.URL.ForceQuery || r.URL.RawQuery != "" {
		target += "?" + r.URL.RawQuery
	}
	return target, !strings.ContainsFunc(target, mustBeEncoded)
}

func mustBeEncoded(c rune) bool { return c <= ' ' || c == 0x7F || c == '#' }

func breaksLine(s string) bool { return strings.ContainsAny(s, "\r\n") }

// appendFields writes the field lines, sorted since their order is lost, without
// those of the connection and of the framing, which is ours.
func appendFields(text []byte, header http.Header) ([]byte, *http1.Error) {
	var hops []byte
	names := make([]string, 0, len(header))
	for name, values := range header {
		if !message.IsToken([]byte(name)) {
			return nil, errBridgeName
		}
		if strings.EqualFold(name, "Connection") {
			hops = append(append(hops, strings.Join(values, ",")...), ',')
		}
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		lower := strings.ToLower(name)
		if isOfConnection(lower) || message.HasToken(hops, lower) {
			continue
		}
		for _, value := range header[name] {
			if breaksLine(value) {
				return nil, errBridgeValue
			}
			text = append(append(append(append(text, http.CanonicalHeaderKey(name)...), ": "...), value...), "\r\n"...)
		}
	}
	return text, nil
}

// isOfConnection tells which fields end here (RFC 9110 §7.6.1), or say what the
// request's own members say.
func isOfConnection(lower string) bool {
	switch lower {
	case "connection", "keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization", "te", "trailer", "transfer-encoding",
		"upgrade", "http2-settings", "host", "content-length":
		return true
	}
	return false
}

// identify says who is at either end of the connection.
func (b *bridge) identify(r *http.Request) {
	unix := false
	switch local := r.Context().Value(http.LocalAddrContextKey).(type) {
	case *net.TCPAddr:
		ap := local.AddrPort()
		b.Server = netip.AddrPortFrom(ap.Addr().Unmap().WithZone(""), ap.Port())
	case *net.UnixAddr:
		unix = true
	}
	if ap, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		b.Client, b.ClientPort = ap.Addr().Unmap().WithZone(""), ap.Port()
	}
	b.HTTPS = r.TLS != nil
	opts := &b.lf.srv.opts
	if b.refusal == nil && opts.trusts(unix, b.Client) {
		b.Req = &b.head.Request
		hop{&b.Exchange, opts.Trusted}.forwarded()
	}
}
