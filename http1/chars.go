package http1

import "encoding/binary"

// isHost accepts uri-host [":" port] (RFC 3986 §3.2.2), an IPv6 literal only in
// brackets. An empty Host is allowed (RFC 9110 §7.2).
func isHost(b []byte) bool {
	i := 0
	if len(b) > 0 && b[0] == '[' {
		for i = 1; i < len(b) && b[i] != ']'; i++ {
			c := b[i]
			if !isHex(c) && c != ':' && c != '.' {
				return false
			}
		}
		if i == len(b) || i < 3 {
			return false
		}
		i++
	} else {
		for i < len(b) && b[i] != ':' {
			c := b[i]
			if !hostChars[c] {
				return false
			}
			i++
		}
	}
	if i == len(b) {
		return true
	}
	if b[i] != ':' || (i == 0) {
		return false
	}
	port := b[i+1:]
	for _, c := range port {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(port) <= 5
}

// hostChars are the unreserved and sub-delims of RFC 3986 that occur in names,
// and "%" for encoded ones; "/", "@", "?", "\" and white space would change
// what a URL made from the host means.
var hostChars = func() (t [256]bool) {
	for c := '0'; c <= '9'; c++ {
		t[c] = true
	}
	for c := 'a'; c <= 'z'; c++ {
		t[c], t[c-0x20] = true, true
	}
	for _, c := range "-._~%!$&'()*+,;=" {
		t[c] = true
	}
	return t
}()

// hasBelow tells whether b has an octet below low (at most 0x80) or DEL. It
// looks at eight at a time: x-low borrows into the top bit of each octet that is
// less, &^x takes out those that had it set before.
func hasBelow(b []byte, low uint64) bool {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	lows := low * ones
	for ; len(b) >= 8; b = b[8:] {
		x := binary.LittleEndian.Uint64(b)
		del := x ^ ones*0x7F
		if ((x-lows)&^x|(del-ones)&^del)&tops != 0 {
			return true
		}
	}
	for _, c := range b {
		if uint64(c) < low || c == 0x7F {
			return true
		}
	}
	return false
}

// isFieldValue allows VCHAR, obs-text, space and tab (RFC 9110 §5.5).
func isFieldValue(b []byte) bool {
	for _, c := range b {
		if (c < ' ' && c != '\t') || c == 0x7F {
			return false
		}
	}
	return true
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}
