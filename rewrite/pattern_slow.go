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

// find matches; an error (the time limit) is "no match", as in Apache.
func (p *slowPattern) find(s string, m *Match) bool {
	if len(s) > slowSubjectBytesMax {
		return false
	}
	runes := make([]rune, len(s))
	for i := 0; i < len(s); i++ {
		runes[i] = rune(s[i])
	}
	if m == nil {
		ok, err := p.re.MatchRunes(runes)
		return ok && err == nil
	}
	found, err := p.re.FindRunesMatch(runes)
	if err != nil || found == nil {
		return false
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
	return true
}
