package rewrite

import (
	"errors"
	"strings"
)

// octetSet is a set of octets.
type octetSet [4]uint64

func (s *octetSet) add(c byte)      { s[c>>6] |= 1 << (c & 63) }
func (s *octetSet) has(c byte) bool { return s[c>>6]&(1<<(c&63)) != 0 }

func (s *octetSet) addRange(a, b byte) {
	for c := int(a); c <= int(b); c++ {
		s.add(byte(c))
	}
}

func (s *octetSet) union(o octetSet) {
	for i := range s {
		s[i] |= o[i]
	}
}

func (s octetSet) not() octetSet {
	for i := range s {
		s[i] = ^s[i]
	}
	return s
}

func (s *octetSet) foldCase() {
	for c := byte('a'); c <= 'z'; c++ {
		if s.has(c) || s.has(c&^0x20) {
			s.add(c)
			s.add(c &^ 0x20)
		}
	}
}

// text spells the set as a class.
func (s octetSet) text() string {
	if s == (octetSet{}) {
		return `[^\x00-\x{10FFFF}]`
	}
	if s.not() == (octetSet{}) {
		return `(?s:.)`
	}
	var b strings.Builder
	b.WriteByte('[')
	for c := 0; c < 256; c++ {
		if !s.has(byte(c)) {
			continue
		}
		end := c
		for end < 255 && s.has(byte(end+1)) {
			end++
		}
		b.WriteString(quoteOctet(byte(c)))
		if end > c {
			b.WriteString("-" + quoteOctet(byte(end)))
		}
		c = end
	}
	b.WriteByte(']')
	return b.String()
}

func setOf(ranges string) octetSet {
	var s octetSet
	for i := 0; i+1 < len(ranges); i += 2 {
		s.addRange(ranges[i], ranges[i+1])
	}
	return s
}

var escapeSets = map[byte]octetSet{
	'd': setOf("09"),
	'w': setOf("09AZaz__"),
	's': setOf("\t\r  "),
	'h': setOf("\t\t  \xa0\xa0"),
	'v': setOf("\n\r\x85\x85"),
	'N': setOf("\n\n").not(),
}

var posixSets = map[string]octetSet{
	"alpha": setOf("AZaz"), "digit": setOf("09"), "alnum": setOf("09AZaz"),
	"upper": setOf("AZ"), "lower": setOf("az"), "xdigit": setOf("09AFaf"),
	"space": setOf("\t\r  "), "blank": setOf("\t\t  "), "punct": setOf("!/:@[`{~"),
	"print": setOf(" ~"), "graph": setOf("!~"), "cntrl": setOf("\x00\x1f\x7f\x7f"),
	"word": setOf("09AZaz__"), "ascii": setOf("\x00\x7f"),
}

// escapeSet finds \d and its kin, and their negations.
func escapeSet(c byte) (octetSet, bool) {
	if s, ok := escapeSets[c]; ok {
		return s, true
	}
	if c >= 'A' && c <= 'Z' && c != 'N' {
		if s, ok := escapeSets[c|0x20]; ok {
			return s.not(), true
		}
	}
	return octetSet{}, false
}

// class reads [...].
func (t *translator) class() error {
	i := t.pos + 1
	negate := i < len(t.src) && t.src[i] == '^'
	if negate {
		i++
	}
	var set octetSet
	for first := true; ; first = false {
		if i >= len(t.src) {
			return errors.New("missing terminating ] for character class")
		}
		if t.src[i] == ']' && !first {
			break
		}
		next, err := t.classItem(&set, i)
		if err != nil {
			return err
		}
		i = next
	}
	if t.flags.fold {
		set.foldCase()
	}
	if negate {
		set = set.not()
	}
	if set == (octetSet{}) && t.emitSlow {
		t.item(`(?!)`, 1)
	} else {
		t.item(set.text(), 1)
	}
	t.pos = i + 1
	return nil
}

// classItem adds one member or range at i and returns what follows.
func (t *translator) classItem(set *octetSet, i int) (int, error) {
	if strings.HasPrefix(t.src[i:], "[:") {
		if end := strings.Index(t.src[i:], ":]"); end >= 2 && isClassName(t.src[i+2:i+end]) {
			name := strings.TrimPrefix(t.src[i+2:i+end], "^")
			s, ok := posixSets[name]
			if !ok {
				return 0, errors.New("unknown POSIX class name")
			}
			if name != t.src[i+2:i+end] {
				s = s.not()
			}
			set.union(s)
			return i + end + 2, nil
		}
	}
	lo, s, next, err := t.classOctet(i)
	if err != nil {
		return 0, err
	}
	if s != nil {
		set.union(*s)
		return next, nil
	}
	if next+1 < len(t.src) && t.src[next] == '-' && t.src[next+1] != ']' {
		hi, s, after, err := t.classOctet(next + 1)
		if err != nil {
			return 0, err
		}
		if s == nil {
			if hi < lo {
				return 0, errors.New("range out of order in character class")
			}
			set.addRange(lo, hi)
			return after, nil
		}
	}
	set.add(lo)
	return next, nil
}

func isClassName(s string) bool {
	s = strings.TrimPrefix(s, "^")
	for i := 0; i < len(s); i++ {
		if s[i] < 'a' || s[i] > 'z' {
			return false
		}
	}
	return s != ""
}

// classOctet reads an octet, or a set like \d, inside a class.
func (t *translator) classOctet(i int) (byte, *octetSet, int, error) {
	if t.src[i] != '\\' {
		return t.src[i], nil, i + 1, nil
	}
	if i+1 >= len(t.src) {
		return 0, nil, 0, errPatternEnd
	}
	c := t.src[i+1]
	if c == 'b' {
		return '\b', nil, i + 2, nil
	}
	if s, ok := escapeSet(c); ok && c != 'N' {
		return 0, &s, i + 2, nil
	}
	v, size, err := octetEscape(t.src[i+1:], true)
	return v, nil, i + 1 + size, err
}

// octetEscape reads what stands behind a backslash and means one octet.
func octetEscape(s string, inClass bool) (byte, int, error) {
	c := s[0]
	switch c {
	case 'a':
		return 7, 1, nil
	case 'e':
		return 27, 1, nil
	case 'f':
		return '\f', 1, nil
	case 'n':
		return '\n', 1, nil
	case 'r':
		return '\r', 1, nil
	case 't':
		return '\t', 1, nil
	case 'c':
		if len(s) < 2 {
			return 0, 0, errors.New(`\c at end of pattern`)
		}
		return toUpper(s[1:2])[0] ^ 0x40, 2, nil
	case 'x':
		return hexEscape(s)
	case 'o':
		return 0, 0, errors.New(`\o is not supported`)
	}
	if c >= '0' && c <= '7' && (c == '0' || inClass || len(s) > 1) {
		v, n := 0, 0
		for n < len(s) && n < 3 && s[n] >= '0' && s[n] <= '7' {
			v = v*8 + int(s[n]-'0')
			n++
		}
		return byte(v), n, nil
	}
	if isAlnum(c) && !inClass && !isDigit(c) {
		return 0, 0, errors.New("unrecognized character follows \\")
	}
	return c, 1, nil
}

func hexEscape(s string) (byte, int, error) {
	if len(s) > 1 && s[1] == '{' {
		end := strings.IndexByte(s, '}')
		if end < 0 {
			return 0, 0, errPatternEnd
		}
		v := 0
		for _, c := range []byte(s[2:end]) {
			h := hexValue(c)
			if h < 0 || v > 255 {
				return 0, 0, errors.New(`character code point value in \x{} is too large`)
			}
			v = v<<4 | h
		}
		if v > 255 {
			return 0, 0, errors.New(`character code point value in \x{} is too large`)
		}
		return byte(v), end + 1, nil
	}
	v, n := 0, 1
	for n < len(s) && n < 3 && hexValue(s[n]) >= 0 {
		v = v<<4 | hexValue(s[n])
		n++
	}
	return byte(v), n, nil
}

func hexValue(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}
