package rewrite

import (
	"regexp/syntax"
	"slices"
	"strings"
)

// literalFilter answers cheaply "this cannot match": every match has one of a set
// of literals in it, and a least length. The literals are in lower case, and so
// is what they are compared with.
type literalFilter struct {
	minLen  int
	used    bool
	hasOne  bool
	hasTwo  bool
	single  [4]uint64  // literals of one octet
	pairs   [64]uint64 // first two octets of the longer ones, hashed
	buckets map[uint16][]string
}

func (f *literalFilter) possible(s string) bool {
	if len(s) < f.minLen {
		return false
	}
	if !f.used {
		return true
	}
	if s == "" {
		return false
	}
	c := lowerByte(s[0])
	if f.hasOne && f.single[c>>6]&(1<<(c&63)) != 0 {
		return true
	}
	prev := uint32(c)
	for i := 1; i < len(s); i++ {
		c := lowerByte(s[i])
		if f.hasOne && f.single[c>>6]&(1<<(c&63)) != 0 {
			return true
		}
		if f.hasTwo {
			h := pairHash(prev, uint32(c))
			if f.pairs[h>>6]&(1<<(h&63)) != 0 && f.literalAt(s[i-1:], h) {
				return true
			}
		}
		prev = uint32(c)
	}
	return false
}

func (f *literalFilter) literalAt(s string, h uint32) bool {
	for _, l := range f.buckets[uint16(h)] {
		if len(l) <= len(s) && equalFold(s[:len(l)], l) {
			return true
		}
	}
	return false
}

func pairHash(a, b uint32) uint32 { return (a*61 ^ b*7) & 4095 }

func (f *literalFilter) add(lit string) {
	f.used = true
	if len(lit) == 1 {
		f.single[lit[0]>>6] |= 1 << (lit[0] & 63)
		f.hasOne = true
		return
	}
	h := pairHash(uint32(lit[0]), uint32(lit[1]))
	f.pairs[h>>6] |= 1 << (h & 63)
	f.hasTwo = true
	if f.buckets == nil {
		f.buckets = map[uint16][]string{}
	}
	f.buckets[uint16(h)] = append(f.buckets[uint16(h)], lit)
}

// filterLiteralsMax bounds the set: with more, the filter lets nearly all pass.
const filterLiteralsMax = 600

func filterOf(re *syntax.Regexp) literalFilter {
	f := literalFilter{minLen: minLength(re)}
	set := literalsOf(re).needed()
	if set == nil {
		return f
	}
	for _, l := range set {
		f.add(l)
	}
	return f
}

// literals is what is known of an expression's matches: exactly one of a finite
// set of strings, or at least that each contains one of a set.
type literals struct {
	exact []string // nil: not known
	any   []string // nil: nothing is needed
}

// needed returns the strings of which one must be there, nil if there are none.
func (l literals) needed() []string {
	if usable(l.exact) {
		return l.exact
	}
	return l.any
}

func usable(set []string) bool {
	for _, s := range set {
		if s == "" {
			return false
		}
	}
	return len(set) > 0 && len(set) <= filterLiteralsMax
}

func literalsOf(re *syntax.Regexp) literals {
	switch re.Op { //nolint:exhaustive // nothing is known of the rest
	case syntax.OpLiteral:
		for _, r := range re.Rune {
			if r > 0x7f {
				return literals{}
			}
		}
		return literals{exact: []string{toLower(string(re.Rune))}}
	case syntax.OpCharClass:
		return literals{exact: classLiterals(re)}
	case syntax.OpEmptyMatch, syntax.OpBeginText, syntax.OpEndText, syntax.OpBeginLine, syntax.OpEndLine,
		syntax.OpWordBoundary, syntax.OpNoWordBoundary:
		return literals{exact: []string{""}}
	case syntax.OpCapture:
		return literalsOf(re.Sub[0])
	case syntax.OpPlus:
		return literals{any: literalsOf(re.Sub[0]).needed()}
	case syntax.OpQuest:
		if e := literalsOf(re.Sub[0]).exact; e != nil {
			return literals{exact: unite([]string{""}, e)}
		}
	case syntax.OpRepeat:
		return repeatLiterals(re)
	case syntax.OpConcat:
		return concatLiterals(re.Sub)
	case syntax.OpAlternate:
		return alternateLiterals(re.Sub)
	default:
	}
	return literals{}
}

// repeatExactMax bounds a repeat that is spelt out.
const repeatExactMax = 8

func repeatLiterals(re *syntax.Regexp) literals {
	if re.Min == 0 {
		return literals{}
	}
	sub := literalsOf(re.Sub[0])
	if re.Min == re.Max && re.Min <= repeatExactMax && len(sub.exact) == 1 {
		return literals{exact: []string{strings.Repeat(sub.exact[0], re.Min)}}
	}
	return literals{any: sub.needed()}
}

// concatLiterals multiplies exact parts as long as the product is small, and
// keeps the best of what the rest needs.
func concatLiterals(subs []*syntax.Regexp) literals {
	run := []string{""}
	var best []string
	whole := true
	flush := func() {
		if usable(run) && better(run, best) {
			best = run
		}
		run = []string{""}
	}
	for _, s := range subs {
		l := literalsOf(s)
		if l.exact != nil && len(l.exact)*len(run) <= filterLiteralsMax {
			run = product(run, l.exact)
			continue
		}
		whole = false
		flush()
		if n := l.needed(); n != nil && better(n, best) {
			best = n
		}
	}
	if whole {
		return literals{exact: run}
	}
	flush()
	return literals{any: best}
}

func product(a, b []string) []string {
	out := make([]string, 0, len(a)*len(b))
	for _, x := range a {
		for _, y := range b {
			out = append(out, x+y)
		}
	}
	return out
}

func alternateLiterals(subs []*syntax.Regexp) literals {
	var exact, any []string
	allExact, allAny := true, true
	for _, s := range subs {
		l := literalsOf(s)
		if l.exact == nil {
			allExact = false
		} else {
			exact = unite(exact, l.exact)
		}
		if n := l.needed(); n == nil {
			allAny = false
		} else {
			any = append(any, n...)
		}
	}
	var l literals
	if allExact && len(exact) <= filterLiteralsMax {
		l.exact = exact
	}
	if allAny && len(any) <= filterLiteralsMax {
		l.any = any
	}
	return l
}

// unite joins two sets.
func unite(a, b []string) []string {
	out := append([]string(nil), a...)
	for _, s := range b {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// filterClassMax bounds a class that is worth a set of literals.
const filterClassMax = 10

func classLiterals(re *syntax.Regexp) []string {
	var out []string
	for i := 0; i+1 < len(re.Rune); i += 2 {
		for r := re.Rune[i]; r <= re.Rune[i+1]; r++ {
			if r > 0x7f || len(out) > filterClassMax {
				return nil
			}
			if s := toLower(string(r)); !slices.Contains(out, s) {
				out = append(out, s)
			}
		}
	}
	return out
}

// better tells whether a set of literals filters more than another one: longer
// ones first, then fewer.
func better(a, b []string) bool {
	if b == nil {
		return true
	}
	la, lb := min(shortest(a), 4), min(shortest(b), 4)
	if la != lb {
		return la > lb
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
