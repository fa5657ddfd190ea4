package rewrite

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode/utf8"
)

// Pattern is a regular expression with PCRE's meaning as Apache uses it: octets,
// not characters; DOTALL and DOLLAR_ENDONLY; ASCII case folding. It runs on Go's
// regexp wherever the meaning is the same, else on a back-tracking engine with
// a time limit. A Pattern is immutable and may be shared.
type Pattern struct {
	source string
	fold   bool
	groups int // capturing groups
	fast   *regexp.Regexp
	slow   *slowPattern
	filter literalFilter
	exact  *literalShape
	named  []namedGroup
}

// namedGroup is a group (?<name>…).
type namedGroup struct {
	variable string // MATCH_NAME
	n        int
}

// Match is where a pattern matched. The zero value has no groups.
type Match struct {
	source string
	loc    [2 * captureGroupsMax]int32
	set    bool
}

// Group returns group n, "" if it did not take part.
func (m *Match) Group(n int) string {
	if !m.set || n < 0 || n >= captureGroupsMax {
		return ""
	}
	a, b := m.loc[2*n], m.loc[2*n+1]
	if a < 0 || b <= a {
		return ""
	}
	return m.source[a:b]
}

// taken is Group for who must know whether the group took part.
func (m *Match) taken(n int) (string, bool) {
	if !m.set || m.loc[2*n] < 0 {
		return "", false
	}
	return m.Group(n), true
}

func (m *Match) clear() { m.set = false; m.source = "" }

// CompilePattern compiles a pattern, fold makes it ignore ASCII case.
// The error says what PCRE would refuse.
func CompilePattern(source string, fold bool) (*Pattern, error) {
	tr, err := translate(source, fold)
	if err != nil {
		return nil, fmt.Errorf("rewrite: pattern %q: %w", source, err)
	}
	p := &Pattern{source: source, fold: fold, groups: tr.groups}
	p.filter.minLen = 0
	for name, n := range tr.names {
		if n < captureGroupsMax {
			p.named = append(p.named, namedGroup{"MATCH_" + toUpper(name), n})
		}
	}
	slices.SortFunc(p.named, func(a, b namedGroup) int { return a.n - b.n })
	if !tr.slow {
		p.compileFast(tr.text)
	}
	if p.fast == nil {
		s, err := compileSlow(tr.text)
		if err != nil {
			return nil, fmt.Errorf("rewrite: pattern %q: %w", source, err)
		}
		p.slow = s
		p.filter.minLen = tr.minLen
	}
	return p, nil
}

func (p *Pattern) compileFast(text string) {
	tree, err := syntax.Parse(text, syntax.Perl)
	if err != nil || emptyLoopWithGroup(tree) {
		return
	}
	re, err := regexp.Compile(text)
	if err != nil {
		return
	}
	p.fast = re
	p.filter = filterOf(tree)
	p.exact = shapeOf(tree, p.groups)
}

// String returns the pattern as it was written.
func (p *Pattern) String() string { return p.source }

// Groups is the number of capturing groups.
func (p *Pattern) Groups() int { return p.groups }

// Slow tells whether the pattern needs the back-tracking engine.
func (p *Pattern) Slow() bool { return p.slow != nil }

// MatchString tells whether the pattern matches anywhere in s. It does not
// allocate unless s has octets above 127 or the pattern is slow.
func (p *Pattern) MatchString(s string) bool {
	if p.exact != nil {
		return p.exact.match(s)
	}
	if !p.filter.possible(s) {
		return false
	}
	if p.fast != nil && isASCII(s) {
		return p.fast.MatchString(s)
	}
	return p.find(s, nil)
}

// Find matches and notes the groups in m (left untouched when there is no match).
func (p *Pattern) Find(s string, m *Match) bool {
	if p.exact != nil {
		a, b, ok := p.exact.find(s)
		if ok {
			m.source, m.set = s, true
			m.loc = [2 * captureGroupsMax]int32{int32(a), int32(b)}
			for i := 2; i < len(m.loc); i++ {
				m.loc[i] = -1
			}
			if p.exact.group {
				m.loc[2], m.loc[3] = m.loc[0], m.loc[1]
			}
		}
		return ok
	}
	if !p.filter.possible(s) {
		return false
	}
	return p.find(s, m)
}

func (p *Pattern) find(s string, m *Match) bool {
	subject := s
	ascii := isASCII(s)
	if p.slow != nil {
		return p.slow.find(s, m)
	}
	if !ascii {
		subject = latin1ToUTF8(s)
	}
	if m == nil {
		return p.fast.MatchString(subject)
	}
	// Most attempts fail: ask first without memory for groups.
	if !p.fast.MatchString(subject) {
		return false
	}
	loc := p.fast.FindStringSubmatchIndex(subject)
	m.source, m.set = s, true
	for i := range m.loc {
		m.loc[i] = -1
		if i < len(loc) {
			m.loc[i] = int32(loc[i])
			if !ascii && loc[i] > 0 {
				m.loc[i] = int32(utf8.RuneCountInString(subject[:loc[i]]))
			}
		}
	}
	return true
}

func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// latin1ToUTF8 makes each octet a rune, so that an engine of runes sees octets.
func latin1ToUTF8(s string) string {
	var b strings.Builder
	b.Grow(len(s) + len(s)/2)
	for i := 0; i < len(s); i++ {
		b.WriteRune(rune(s[i]))
	}
	return b.String()
}

// emptyLoopWithGroup finds a loop over something that can be empty and captures:
// there Go and PCRE may report different groups.
func emptyLoopWithGroup(re *syntax.Regexp) bool {
	loop := re.Op == syntax.OpStar || re.Op == syntax.OpPlus || re.Op == syntax.OpRepeat
	if loop && minLength(re.Sub[0]) == 0 && hasCapture(re.Sub[0]) {
		return true
	}
	for _, s := range re.Sub {
		if emptyLoopWithGroup(s) {
			return true
		}
	}
	return false
}

func hasCapture(re *syntax.Regexp) bool {
	if re.Op == syntax.OpCapture {
		return true
	}
	for _, s := range re.Sub {
		if hasCapture(s) {
			return true
		}
	}
	return false
}

// minLength is a lower bound of the octets a match is long.
func minLength(re *syntax.Regexp) int {
	switch re.Op { //nolint:exhaustive // what is left can be empty
	case syntax.OpLiteral:
		return len(re.Rune)
	case syntax.OpCharClass, syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return 1
	case syntax.OpCapture, syntax.OpPlus:
		return minLength(re.Sub[0])
	case syntax.OpRepeat:
		return re.Min * minLength(re.Sub[0])
	case syntax.OpConcat:
		n := 0
		for _, s := range re.Sub {
			n += minLength(s)
		}
		return n
	case syntax.OpAlternate:
		n := -1
		for _, s := range re.Sub {
			if l := minLength(s); n < 0 || l < n {
				n = l
			}
		}
		return max(n, 0)
	default:
		return 0
	}
}
