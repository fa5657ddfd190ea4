package conf

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"
)

const unixPrefix = "unix:"

// parseListen reads host:port, :port or unix:PATH.
func parseListen(s string) (Listen, error) {
	if path, ok := strings.CutPrefix(s, unixPrefix); ok {
		if err := checkUnix(path); err != nil {
			return Listen{}, fmt.Errorf("address %q: %w", s, err)
		}
		return Listen{"unix", path}, nil
	}
	if _, err := strconv.Atoi(s); err == nil {
		return Listen{}, fmt.Errorf("address %q has no host; did you mean %q?", s, ":"+s)
	}
	if rest, ok := strings.CutPrefix(s, "*:"); ok {
		return Listen{}, fmt.Errorf("address %q: leave the \"*\" out for all addresses: %q", s, ":"+rest)
	}
	if err := checkHostPort(s, 0); err != nil {
		return Listen{}, fmt.Errorf("address %q: %w; use host:port, :port or unix:PATH", s, err)
	}
	return Listen{"tcp", s}, nil
}

// checkHostPort checks an address with a numeric port of at least low.
func checkHostPort(s string, low int) error {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		var bad *net.AddrError
		if errors.As(err, &bad) {
			return errors.New(bad.Err)
		}
		return err
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || int(n) < low {
		return fmt.Errorf("port %q is no number from %d to 65535", port, low)
	}
	if host == "" {
		return nil
	}
	if strings.Contains(host, ":") {
		_, err = netip.ParseAddr(host)
		if err != nil {
			return fmt.Errorf("host %q is no IPv6 address", host)
		}
		return nil
	}
	return checkName(strings.TrimSuffix(host, "."))
}

func checkUnix(path string) error {
	switch {
	case path == "":
		return errors.New("no socket path after \"unix:\"")
	case !printable(path):
		return errors.New("the socket path has a control character")
	case len(path) > unixBytesMax:
		return fmt.Errorf("the socket path has %d octets; a socket takes at most %d", len(path), unixBytesMax)
	}
	return nil
}

// parseProxy reads a prefix or a single address of a trusted proxy.
func parseProxy(s string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(s); err == nil {
		if a.Zone() != "" {
			return netip.Prefix{}, fmt.Errorf("address %q has a zone, which cannot be matched", s)
		}
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("%q is no address, no prefix such as \"10.0.0.0/8\" and not \"unix\"", s)
	}
	if m := p.Masked(); m != p {
		return netip.Prefix{}, fmt.Errorf("prefix %q has bits set beyond its length; did you mean %q?", s, m)
	}
	if p.Addr().Is4In6() {
		if p.Bits() < 96 {
			return netip.Prefix{}, fmt.Errorf("prefix %q covers more than mapped IPv4; write the IPv4 prefix", s)
		}
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p, nil
}

// parsePHP reads what php.use and --php take.
func parsePHP(s string) (PHPMode, string, error) {
	switch s {
	case string(PHPAuto), string(PHPOff):
		return PHPMode(s), "", nil
	}
	if path, ok := strings.CutPrefix(s, unixPrefix); ok {
		if err := checkUnix(path); err != nil {
			return "", "", fmt.Errorf("php %q: %w", s, err)
		}
		return PHPUnix, path, nil
	}
	if address, ok := strings.CutPrefix(s, "tcp:"); ok {
		if err := checkHostPort(address, 1); err != nil {
			return "", "", fmt.Errorf("php %q: %w", s, err)
		}
		if strings.HasPrefix(address, ":") {
			return "", "", fmt.Errorf("php %q has no host; did you mean %q?", s, "tcp:127.0.0.1"+address)
		}
		return PHPTCP, address, nil
	}
	if !isPath(s) {
		return "", "", fmt.Errorf("php %q is none of auto, off, /path/to/php-cgi, unix:PATH, tcp:HOST:PORT", s)
	}
	if !printable(s) {
		return "", "", fmt.Errorf("php %q has a control character", s)
	}
	return PHPBinary, s, nil
}

// isPath tells a path from a word.
func isPath(s string) bool {
	return strings.ContainsAny(s, `/\`) || filepath.IsAbs(s)
}

// parseHost reads a site's name: a host name, an address, a wildcard or "*".
func parseHost(s string) (string, error) {
	name := strings.ToLower(strings.TrimSuffix(s, "."))
	switch {
	case name == "*":
		return name, nil
	case strings.Contains(name, "://"):
		return "", fmt.Errorf("host name %q has a scheme; write the name alone", s)
	case strings.Contains(name, "/"):
		return "", fmt.Errorf("host name %q has a path; write the name alone", s)
	}
	bare := strings.TrimSuffix(strings.TrimPrefix(name, "["), "]")
	if a, err := netip.ParseAddr(bare); err == nil {
		if a.Is6() {
			return "[" + a.String() + "]", nil // as it stands in a Host field
		}
		return a.String(), nil
	}
	if strings.Contains(name, ":") {
		return "", fmt.Errorf("host name %q has a port; ports belong to listen", s)
	}
	if err := checkName(strings.TrimPrefix(name, "*.")); err != nil {
		return "", err
	}
	return name, nil
}

// checkName checks the characters and lengths of a host name (RFC 1123 §2.1,
// and "_", which names in private networks have).
func checkName(name string) error {
	if name == "" || len(name) > nameBytesMax {
		return fmt.Errorf("host name %q has %d octets, not 1 to %d", name, len(name), nameBytesMax)
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > labelBytesMax || label[0] == '-' || label[len(label)-1] == '-' {
			return fmt.Errorf("host name %q has a bad part %q", name, label)
		}
		for i := range len(label) {
			c := lower(label[i])
			switch {
			case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '-', c == '_':
			case c >= 0x80:
				return fmt.Errorf("host name %q is not ASCII; write it in its xn-- form", name)
			case c == '*':
				return fmt.Errorf("host name %q: \"*\" may only stand alone or as a first \"*.\"", name)
			default:
				return fmt.Errorf("host name %q has a bad character %q", name, c)
			}
		}
	}
	return nil
}
