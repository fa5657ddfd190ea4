package rewrite

import (
	"time"

	"github.com/dlclark/regexp2"
)

// slowPattern is a pattern on the back-tracking engine: look-around, back
// references, atomic groups, large repeats. It is the only file that knows
// regexp2.
type slowPattern struct {
	re *regexp2.Regexp
}

func compileSlow(text string) (*slowPattern, error) {
	re, err := regexp2.Compile(text, regexp2.Singleline)
	if err != nil {
		return nil, err
	}
	re.MatchTimeout = slowMatchTimeMax
	return &slowPattern{re}, nil
}

func init() {
	// The library looks at its clock in steps; with its default of 100 ms the
	// limit above would be no limit.
	regexp2.SetTimeoutCheckPeriod(2 * time.Millisecond)
}

// find matches; what takes too long is "no match", as in Apache. The clock goes on
// while the system runs others, and a rule that guards something must not be passed
// over for that: so once more.
func (p *slowPattern) find(s string, m *Match) bool {
	if len(s) > slowSubjectBytesMax {
		return false
	}
	ok, err := p.match(s, m)
	if err != nil {
		ok, err = p.match(s, m)
	}
	return ok && err == nil
}

// match is find once; the error says that it took too long.
func (p *slowPattern) match(s string, m *Match) (bool, error) {
	runes := make([]rune, len(s))
	for i := 0; i < len(s); i++ {
		runes[i] = rune(s[i])
	}
	if m == nil {
		return p.re.MatchRunes(runes)
	}
	found, err := p.re.FindRunesMatch(runes)
	if err != nil || found == nil {
		return false, err
	}
	m.source, m.set = s, true
	for i := range m.loc {
		m.loc[i] = -1
	}
	for i := range captureGroupsMax {
		g := found.GroupByNumber(i)
		if g == nil || len(g.Captures) == 0 {
			continue
		}
		c := g.Captures[len(g.Captures)-1]
		m.loc[2*i], m.loc[2*i+1] = int32(c.Index), int32(c.Index+c.Length)
	}
	return true, nil
}
