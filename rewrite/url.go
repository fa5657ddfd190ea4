package rewrite

import "strings"

const lowerHex = "0123456789abcdef"

func appendHex(b []byte, c byte) []byte { return append(b, '%', lowerHex[c>>4], lowerHex[c&15]) }

// keptInPath are the octets that escapeURI leaves alone.
var keptInPath = func() (t [256]bool) {
	for c := range t {
		t[c] = isAlnum(byte(c)) || strings.IndexByte("$-_.+!*'(),:;@&=/~", byte(c)) >= 0
	}
	return t
}()

// escapeURI is ap_escape_uri: lower-case hex, "?" and "%" too.
func escapeURI(s string) string {
	for i := 0; i < len(s); i++ {
		if keptInPath[s[i]] {
			continue
		}
		b := append(make([]byte, 0, len(s)+16), s[:i]...)
		for ; i < len(s); i++ {
			if keptInPath[s[i]] {
				b = append(b, s[i])
			} else {
				b = appendHex(b, s[i])
			}
		}
		return string(b)
	}
	return s
}

// unescapePath decodes a path. status is 0, 400 for a bad escape, or 404 for an
// encoded NUL or slash; with keepSlash an encoded slash stays as it is.
func unescapePath(s string, keepSlash bool) (path string, status int) {
	i := strings.IndexByte(s, '%')
	if i < 0 {
		return s, 0
	}
	b := append(make([]byte, 0, len(s)), s[:i]...)
	bad := false
	for ; i < len(s); i++ {
		if s[i] != '%' {
			b = append(b, s[i])
			continue
		}
		if i+2 >= len(s) || hexValue(s[i+1]) < 0 || hexValue(s[i+2]) < 0 {
			return "", 400
		}
		c := byte(hexValue(s[i+1])<<4 | hexValue(s[i+2]))
		switch {
		case c == 0, c == '/' && !keepSlash:
			bad = true
		case c == '/':
			b = append(b, s[i:i+3]...)
			i += 2
			continue
		}
		b = append(b, c)
		i += 2
	}
	if bad {
		return "", 404
	}
	return string(b), 0
}

// normalizePath removes "." and ".." segments and empty ones. ok is false when
// it climbs above the root. Encoded dots count, as unreserved octets are decoded
// first (RFC 3986 §6.2.2.2).
func normalizePath(p string) (path string, ok bool) {
	if !strings.Contains(p, "//") && !strings.Contains(p, "/.") && !hasEncodedDot(p) {
		return p, p != "" && p[0] == '/'
	}
	if p == "" || p[0] != '/' {
		return p, false
	}
	p = decodeDots(p)
	out := make([]byte, 0, len(p))
	for i := 0; i < len(p); {
		// p[i] is a slash.
		for i < len(p) && p[i] == '/' {
			i++
		}
		end := i
		for end < len(p) && p[end] != '/' {
			end++
		}
		seg := p[i:end]
		switch {
		case seg == "." || (seg == "" && end == len(p)):
			if end == len(p) {
				out = append(out, '/')
			}
		case seg == "..":
			if len(out) == 0 {
				return "", false
			}
			out = out[:strings.LastIndexByte(string(out), '/')]
			if end == len(p) {
				out = append(out, '/')
			}
		default:
			out = append(append(out, '/'), seg...)
		}
		i = end
	}
	if len(out) == 0 {
		return "/", true
	}
	return string(out), true
}

func hasEncodedDot(p string) bool { return strings.Contains(p, "%2e") || strings.Contains(p, "%2E") }

func decodeDots(p string) string {
	return strings.NewReplacer("%2e", ".", "%2E", ".").Replace(p)
}

// splitTarget cuts a path off its query and drops a fragment.
func splitTarget(s string) (path, query string, hasQuery bool) {
	if i := strings.IndexByte(s, '#'); i >= 0 {
		s = s[:i]
	}
	return cutQuery(s)
}

func cutQuery(s string) (path, query string, hasQuery bool) {
	return strings.Cut(s, "?")
}

// absoluteScheme is the size of "scheme://" at the start of s, 0 if there is no
// scheme that mod_rewrite knows. query tells whether the scheme has queries.
func absoluteScheme(s string) (size int, query bool) {
	if s == "" || s[0] == '/' || len(s) <= 5 {
		return 0, false
	}
	for i := range schemes {
		if k := &schemes[i]; len(s) >= len(k.text) && equalFold(s[:len(k.text)], k.text) {
			if k.text == "unix:" && strings.HasPrefix(s[5:], "//") {
				return 7, true
			}
			return len(k.text), k.query
		}
	}
	return 0, false
}

var schemes = [...]struct {
	text  string
	query bool
}{
	{"http://", true},
	{"https://", true},
	{"ajp://", true},
	{"balancer://", true},
	{"ftp://", false},
	{"fcgi://", true},
	{"gopher://", false},
	{"h2://", true},
	{"h2c://", true},
	{"ldap://", false},
	{"mailto:", true},
	{"news:", false},
	{"nntp://", false},
	{"scgi://", true},
	{"ws://", true},
	{"wss://", true},
	{"unix:", true},
}

// isURL is ap_is_url: a scheme of letters, digits, "+", "-" and ".", then ":".
func isURL(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if !isAlnum(c) && c != '+' && c != '-' && c != '.' {
			return i > 0 && c == ':'
		}
	}
	return false
}

// escapeAbsolute escapes what follows the host of a URL.
func escapeAbsolute(s string, scheme int) string {
	i := scheme
	if s[i-1] == '/' {
		for i < len(s) && s[i] != '/' {
			i++
		}
		if i >= len(s) || i+1 >= len(s) {
			return s
		}
		i++
	}
	return s[:i] + escapeURI(s[i:])
}

// hasControl tells whether a query holds a space or a control octet, which
// means that an encoding was missed (403 since Apache 2.4.56).
func hasControl(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] <= ' ' || s[i] == 0x7f {
			return true
		}
	}
	return false
}

// replacePrefix puts to in place of the directory from, as subst_prefix_path.
func replacePrefix(s, from, to string) (string, bool) {
	from = strings.TrimSuffix(from, "/")
	if !strings.HasPrefix(s, from) || len(s) <= len(from) || s[len(from)] != '/' {
		return s, false
	}
	rest := s[len(from)+1:]
	if to != "" && to[len(to)-1] != '/' {
		to += "/"
	}
	return to + rest, true
}
