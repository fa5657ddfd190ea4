package proxied

import (
	"fmt"
	"net"
	"strings"
)

// Target is who is asked, and for what.
type Target struct {
	Socket string // path of a Unix socket; "": Host is connected to
	TLS    bool
	Host   string // host[:port] as the URL says it
	URI    string // request-target in origin-form (RFC 9112 §3.2.1)
}

// ParseTarget reads a URL of [P]. A ws or wss URL is asked by http, as by Apache
// where the client wants no upgrade.
func ParseTarget(s string) (t Target, err error) {
	rest := s
	if path, ok := cutPrefixFold(rest, "unix:"); ok {
		if t.Socket, rest, ok = strings.Cut(path, "|"); !ok || !strings.HasPrefix(t.Socket, "/") {
			return t, fmt.Errorf("proxied: %.200q is not unix:/path|http://host/", s)
		}
	}
	scheme, after, ok := strings.Cut(rest, "://")
	switch strings.ToLower(scheme) {
	case "http", "ws":
	case "https", "wss":
		t.TLS = true
	default:
		ok = false
	}
	if !ok {
		return t, fmt.Errorf("proxied: nobody speaks the protocol of %.200q: only http and https are passed on", s)
	}
	end := strings.IndexAny(after, "/?")
	if end < 0 {
		end = len(after)
	}
	t.Host, t.URI = after[:end], after[end:]
	if !strings.HasPrefix(t.URI, "/") {
		t.URI = "/" + t.URI
	}
	if host, _ := t.split(); host == "" || strings.ContainsAny(t.Host, "@\\ \t\r\n") {
		return t, fmt.Errorf("proxied: %.200q has no host", s)
	}
	return t, nil
}

func cutPrefixFold(s, prefix string) (string, bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	return s[len(prefix):], true
}

// split takes Host apart; the port is the scheme's where it has none.
func (t *Target) split() (host, port string) {
	host, port, err := net.SplitHostPort(t.Host)
	if err != nil {
		host, port = strings.Trim(t.Host, "[]"), ""
	}
	if port == "" {
		port = "80"
		if t.TLS {
			port = "443"
		}
	}
	return strings.ToLower(host), port
}

// hostField is Host of the request: the port is left out where the scheme implies
// it (RFC 9110 §7.2).
func (t *Target) hostField() string {
	host, port := t.split()
	if strings.IndexByte(host, ':') >= 0 {
		host = "[" + host + "]"
	}
	if port == "443" && t.TLS || port == "80" && !t.TLS {
		return host
	}
	return host + ":" + port
}

// Allowed are the servers that may be asked.
type Allowed struct {
	all   bool
	names map[string]bool // host, host:port with IPv6 in brackets, unix:/path
}

// ParseAllowed reads a list of host, host:port, unix:/path and * (all of them).
func ParseAllowed(list []string) (a Allowed, err error) {
	a.names = map[string]bool{}
	for _, s := range list {
		switch {
		case s == "*":
			a.all = true
		case strings.HasPrefix(s, "unix:/"):
			a.names[s] = true
		default:
			host, port, err := net.SplitHostPort(s)
			if err != nil {
				host, port = strings.Trim(s, "[]"), ""
			}
			if host == "" || strings.ContainsAny(host, "/@*? ") || strings.Trim(port, "0123456789") != "" {
				return a, fmt.Errorf("proxied: %q is no server: want host, host:port, unix:/path or *", s)
			}
			a.names[address(strings.ToLower(host), port)] = true
		}
	}
	return a, nil
}

func address(host, port string) string {
	if port == "" {
		return host
	}
	return net.JoinHostPort(host, port)
}

// Has tells whether a server is in the list.
func (a *Allowed) Has(t *Target) bool {
	if a.all {
		return true
	}
	if t.Socket != "" {
		return a.names["unix:"+t.Socket]
	}
	host, port := t.split()
	return a.names[host] || a.names[address(host, port)]
}
