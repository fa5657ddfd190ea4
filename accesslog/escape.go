package accesslog

import "unicode/utf8"

const hexDigits = "0123456789abcdef"

// appendEscaped appends a field of the combined form as Apache does: quote and
// backslash get a backslash, everything outside printable ASCII becomes \xhh,
// so that no field can end its quotes or its line. It can be undone exactly.
func appendEscaped(b, field []byte, escapeSpace bool) []byte {
	for _, c := range cut(field) {
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < ' ' || c > '~' || c == ' ' && escapeSpace:
			b = append(b, '\\', 'x', hexDigits[c>>4], hexDigits[c&15])
		default:
			b = append(b, c)
		}
	}
	return b
}

// appendJSONText appends the inside of a JSON string (RFC 8259 §7). Octets that
// are not UTF-8 become U+FFFD. Characters that move a terminal's cursor or
// reorder its text are escaped too, though JSON would allow them.
func appendJSONText(b, text []byte) []byte {
	text = cut(text)
	for i := 0; i < len(text); {
		c := text[i]
		if c >= ' ' && c < 0x7f {
			if c == '"' || c == '\\' {
				b = append(b, '\\')
			}
			b = append(b, c)
			i++
			continue
		}
		r, size := utf8.DecodeRune(text[i:])
		if deceptive(r) || r == utf8.RuneError && size == 1 {
			b = append(b, '\\', 'u', hexDigits[r>>12&15], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
		} else {
			b = append(b, text[i:i+size]...)
		}
		i += size
	}
	return b
}

// deceptive tells whether a character could make a log show what is not there:
// C0 and C1 controls, line and paragraph separators, bidirectional overrides.
func deceptive(r rune) bool {
	return r < ' ' || r >= 0x7f && r <= 0x9f ||
		r >= 0x2028 && r <= 0x202e || r >= 0x2066 && r <= 0x2069
}

func cut(field []byte) []byte {
	if len(field) > fieldBytesMax {
		return field[:fieldBytesMax]
	}
	return field
}
