package proxied

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
)

// socketKey is the context's key of a Unix socket to connect to.
type socketKey struct{}

// transports are how other servers are asked. A request that must not be sent twice
// goes over a connection of its own, since one that was kept may be closed by the
// other end just then; Apache keeps none for [P] at all.
type transports struct {
	kept, fresh *http.Transport
}

func newTransports(roots *tls.Config) transports {
	t := newTransport(roots)
	t.MaxIdleConns, t.MaxIdleConnsPerHost, t.IdleConnTimeout = keptMax, keptPerServerMax, keepTime
	f := newTransport(roots)
	f.DisableKeepAlives = true
	return transports{t, f}
}

// newTransport speaks HTTP/1.1 and nothing but what it is told to.
func newTransport(roots *tls.Config) *http.Transport {
	dialer := &net.Dialer{Timeout: dialTimeMax}
	t := &http.Transport{
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			if path, ok := ctx.Value(socketKey{}).(string); ok {
				network, addr = "unix", path
			}
			return dialer.DialContext(ctx, network, addr)
		},
		TLSHandshakeTimeout: handshakeTimeMax, MaxResponseHeaderBytes: headBytesMax,
		DisableCompression: true, TLSClientConfig: roots.Clone(), Protocols: new(http.Protocols),
	}
	t.Protocols.SetHTTP1(true)
	return t
}

func (s *Server) transport(t *Target, req *http.Request, fresh bool) *http.Transport {
	safe := req.Method == http.MethodGet || req.Method == http.MethodHead
	if fresh || req.Body != nil || !safe || t.Socket != "" {
		return s.by.fresh
	}
	return s.by.kept
}

func (t *transports) close() {
	t.kept.CloseIdleConnections()
	t.fresh.CloseIdleConnections()
}
