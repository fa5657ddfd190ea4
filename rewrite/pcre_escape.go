package rewrite

import (
	"errors"
	"strconv"
	"strings"
)

const (
	wordBoundary = `(?:(?<=[0-9A-Za-z_])(?![0-9A-Za-z_])|(?<![0-9A-Za-z_])(?=[0-9A-Za-z_]))`
	noBoundary   = `(?:(?<=[0-9A-Za-z_])(?=[0-9A-Za-z_])|(?<![0-9A-Za-z_])(?![0-9A-Za-z_]))`
)

// escape reads a backslash outside a class.
func (t *translator) escape() error {
	t.pos++
	if t.pos >= len(t.src) {
		return errors.New(`\ at end of pattern`)
	}
	c := t.src[t.pos]
	if s, ok := escapeSet(c); ok {
		t.item(s.text(), 1)
		t.pos++
		return nil
	}
	switch c {
	case 'Q':
		return t.quoted()
	case 'E':
		t.pos++
		return nil
	case 'A':
		t.item(`\A`, 0)
	case 'z':
		t.item(`\z`, 0)
	case 'Z':
		t.slow = true
		t.item(`(?=\n?\z)`, 0)
	case 'b':
		t.item(choose(t.emitSlow, wordBoundary, `\b`), 0)
	case 'B':
		t.item(choose(t.emitSlow, noBoundary, `\B`), 0)
	case 'R':
		t.slow = true
		t.item(`(?>\r\n|[\n-\r\x85])`, 1)
	case 'k', 'g':
		return t.namedReference()
	case 'K', 'G', 'C', 'X', 'p', 'P', 'L', 'l', 'U', 'u':
		return errors.New(`\` + string(rune(c)) + " is not supported")
	default:
		return t.numberOrOctet(c)
	}
	t.pos++
	return nil
}

func (t *translator) quoted() error {
	rest := t.src[t.pos+1:]
	text, _, closed := strings.Cut(rest, `\E`)
	for i := 0; i < len(text); i++ {
		t.literal(text[i])
	}
	t.pos += 1 + len(text)
	if closed {
		t.pos += 2
	}
	return nil
}

// numberOrOctet tells back references from octal escapes and writes other
// escaped octets.
func (t *translator) numberOrOctet(c byte) error {
	if c >= '1' && c <= '9' {
		end := t.pos
		for end < len(t.src) && isDigit(t.src[end]) && end-t.pos < 3 {
			end++
		}
		n, err := strconv.Atoi(t.src[t.pos:end])
		if err != nil {
			return err
		}
		if n < 10 || n <= t.total {
			t.pos = end
			return t.backReference(n)
		}
		if c >= '8' {
			t.pos++
			t.literal(c)
			return nil
		}
	}
	v, size, err := octetEscape(t.src[t.pos:], false)
	if err != nil {
		return err
	}
	t.pos += size
	t.literal(v)
	return nil
}
