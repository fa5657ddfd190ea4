package listing

import "strings"

// appendHTML escapes what means something in HTML text and in attributes in
// double quotes; single quotes never delimit anything on these pages.
func appendHTML(dst []byte, s string) []byte {
	from := 0
	for i := range len(s) {
		var entity string
		switch s[i] {
		case '<':
			entity = "&lt;"
		case '>':
			entity = "&gt;"
		case '&':
			entity = "&amp;"
		case '"':
			entity = "&quot;"
		default:
			continue
		}
		dst = append(dst, s[from:i]...)
		dst = append(dst, entity...)
		from = i + 1
	}
	return append(dst, s[from:]...)
}

// appendHref appends a name as a reference for an attribute. RFC 3986 §4.2: a
// first segment with a colon would be a scheme ("javascript:…"), so it gets "./".
func appendHref(dst []byte, name string) []byte {
	if colon := strings.IndexByte(name, ':'); colon >= 0 && strings.IndexByte(name[:colon], '/') < 0 {
		dst = append(dst, "./"...)
	}
	return appendHTML(dst, string(appendEscapedPath(nil, name)))
}

// appendEscapedPath percent-encodes as Apache does; quotes and angle brackets
// are among what is encoded, the ampersand and the apostrophe are not.
func appendEscapedPath(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	for i := range len(s) {
		c := s[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("$-_.+!*'(),:;@&=/~", c) >= 0 {
			dst = append(dst, c)
		} else {
			dst = append(dst, '%', hex[c>>4], hex[c&15])
		}
	}
	return dst
}

// appendPlain shows a text file inside <pre>.
func appendPlain(dst, text []byte) []byte {
	for _, c := range text {
		switch c {
		case '<':
			dst = append(dst, "&lt;"...)
		case '>':
			dst = append(dst, "&gt;"...)
		case '&':
			dst = append(dst, "&amp;"...)
		default:
			dst = append(dst, c)
		}
	}
	return dst
}
