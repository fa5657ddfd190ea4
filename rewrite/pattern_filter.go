package rewrite

import (
	"regexp/syntax"
	"strings"
)

// literalFilter answers cheaply "this cannot match": every match has one of a set
// of literals in it, and a least length. Literals are remembered by their first
// two octets in a small hashed set, folded to lower case.
type literalFilter struct {
	minLen int
	used   bool
	single [4]uint64
	pairs  [64]uint64
	hasOne bool
	hasTwo bool
}

func (f *literalFilter) possible(s string) bool {
	if len(s) < f.minLen {
		return false
	}
	if !f.used {
		return true
	}
	prev := uint32(0)
	for i := 0; i < len(s); i++ {
		c := lowerByte(s[i])
		if f.hasOne && f.single[c>>6]&(1<<(c&63)) != 0 {
			return true
		}
		if f.hasTwo && i > 0 {
			h := pairHash(prev, uint32(c))
			if f.pairs[h>>6]&(1<<(h&63)) != 0 {
				return true
			}
		}
		prev = uint32(c)
	}
	return false
}

func pairHash(a, b uint32) uint32 { return (a*61 ^ b*7) & 4095 }

func (f *literalFilter) add(lit string) {
	f.used = true
	if len(lit) == 1 {
		c := lowerByte(lit[0])
		f.single[c>>6] |= 1 << (c & 63)
		f.hasOne = true
		return
	}
	h := pairHash(uint32(lowerByte(lit[0])), uint32(lowerByte(lit[1])))
	f.pairs[h>>6] |= 1 << (h & 63)
	f.hasTwo = true
}

// filterLiteralsMax bounds the set: with more, the filter lets nearly all pass.
const filterLiteralsMax = 600

func filterOf(re *syntax.Regexp) literalFilter {
	f := literalFilter{minLen: minLength(re)}
	set := required(re)
	if len(set) == 0 || len(set) > filterLiteralsMax {
		return f
	}
	for _, l := range set {
		f.add(l)
	}
	return f
}

// required returns literals of which each match contains at least one; nil if
// there is no such set.
func required(re *syntax.Regexp) []string {
	switch re.Op {
	case syntax.OpLiteral:
		for _, r := range re.Rune {
			if r > 0x7f {
				return nil
			}
		}
		return []string{string(re.Rune)}
	case syntax.OpCharClass:
		return classLiterals(re)
	case syntax.OpCapture, syntax.OpPlus:
		return required(re.Sub[0])
	case syntax.OpRepeat:
		if re.Min > 0 {
			return required(re.Sub[0])
		}
	case syntax.OpConcat:
		var best []string
		for _, s := range re.Sub {
			if r := required(s); better(r, best) {
				best = r
			}
		}
		return best
	case syntax.OpAlternate:
		var all []string
		for _, s := range re.Sub {
			r := required(s)
			if r == nil {
				return nil
			}
			all = append(all, r...)
		}
		return all
	default:
	}
	return nil
}

// filterClassMax bounds a class that is worth a set of literals.
const filterClassMax = 8

func classLiterals(re *syntax.Regexp) []string {
	var out []string
	for i := 0; i+1 < len(re.Rune); i += 2 {
		for r := re.Rune[i]; r <= re.Rune[i+1]; r++ {
			if r > 0x7f || len(out) >= filterClassMax {
				return nil
			}
			out = append(out, string(r))
		}
	}
	return out
}

// better tells whether a set of literals filters more than another one.
func better(a, b []string) bool {
	if a == nil {
		return false
	}
	if b == nil {
		return true
	}
	la, lb := shortest(a), shortest(b)
	if (la > 1) != (lb > 1) {
		return la > 1
	}
	return len(a) < len(b)
}

func shortest(set []string) int {
	n := len(set[0])
	for _, s := range set {
		n = min(n, len(s))
	}
	return n
}

// literalShape is a pattern so simple that no engine is needed: nothing, one
// octet of any kind, or a literal with or without anchors.
type literalShape struct {
	kind shapeKind
	text string
}

type shapeKind uint8

const (
	shapeAny      shapeKind = iota // "" or "^": matches at 0, empty
	shapeOctet                     // ".": any one octet
	shapeWhole                     // ^literal$
	shapePrefix                    // ^literal
	shapeSuffix                    // literal$
	shapeContains                  // literal
)

// shapeOf finds the shape of a tree, nil if it has none. With groups there is none.
func shapeOf(re *syntax.Regexp, groups int) *literalShape {
	if groups > 0 {
		return nil
	}
	begin, end, text := false, false, ""
	subs := []*syntax.Regexp{re}
	if re.Op == syntax.OpConcat {
		subs = re.Sub
	}
	for i, s := range subs {
		switch {
		case s.Op == syntax.OpBeginText && i == 0:
			begin = true
		case s.Op == syntax.OpEndText && i == len(subs)-1:
			end = true
		case s.Op == syntax.OpEmptyMatch:
		case s.Op == syntax.OpAnyChar && len(subs) == 1:
			return &literalShape{kind: shapeOctet}
		case s.Op == syntax.OpLiteral && s.Flags&syntax.FoldCase == 0 && text == "":
			for _, r := range s.Rune {
				text += string([]byte{byte(r)})
			}
		default:
			return nil
		}
	}
	switch {
	case begin && end:
		return &literalShape{shapeWhole, text}
	case text == "" && !end:
		return &literalShape{kind: shapeAny}
	case begin:
		return &literalShape{shapePrefix, text}
	case end:
		return &literalShape{shapeSuffix, text}
	}
	return &literalShape{shapeContains, text}
}

func (l *literalShape) match(s string) bool {
	_, _, ok := l.find(s)
	return ok
}

func (l *literalShape) find(s string) (from, to int, ok bool) {
	n := len(l.text)
	switch l.kind {
	case shapeAny:
		return 0, 0, true
	case shapeOctet:
		return 0, min(1, len(s)), s != ""
	case shapeWhole:
		return 0, n, s == l.text
	case shapePrefix:
		return 0, n, strings.HasPrefix(s, l.text)
	case shapeSuffix:
		return len(s) - n, len(s), strings.HasSuffix(s, l.text)
	case shapeContains:
		i := strings.Index(s, l.text)
		return i, i + n, i >= 0
	}
	return 0, 0, false
}
