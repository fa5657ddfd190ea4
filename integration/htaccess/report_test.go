//go:build linux

package htaccess_test

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
)

// summary collects the outcomes of one test.
type summary struct {
	test string

	mu    sync.Mutex
	total int
	lost  int // requests that Apache gave no answer to
	agree [3]int
	bad   []outcome
}

// reported are the tests' summaries for -report.
var reported struct {
	mu  sync.Mutex
	all []*summary
}

func (s *summary) add(all []outcome) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range all {
		if errors.Is(o.err, errNoOracle) {
			s.lost++
			continue
		}
		s.total++
		least := o.least()
		for level := 1; level <= 3; level++ {
			if least > level {
				s.agree[level-1]++
			}
		}
		if least < 4 {
			s.bad = append(s.bad, o)
		}
	}
}

func (s *summary) percent(level int) float64 {
	return 100 * float64(s.agree[level-1]) / float64(max(s.total, 1))
}

func (s *summary) String() string {
	text := fmt.Sprintf("%s: %d requests; agree at level 1 %.2f%%, level 2 %.2f%%, level 3 %.2f%%",
		s.test, s.total, s.percent(1), s.percent(2), s.percent(3))
	if s.lost > 0 {
		text += fmt.Sprintf("; %d more crashed Apache", s.lost)
	}
	return text
}

// lostMax is the share of requests, in percent, that Apache may leave without
// an answer by crashing.
const lostMax = 1

// judge prints the agreement and fails the test where it is too low.
func (s *summary) judge(t *testing.T, least minima) {
	t.Helper()
	slices.SortFunc(s.bad, func(a, b outcome) int {
		return strings.Compare(a.name+a.request.String(), b.name+b.request.String())
	})
	reported.mu.Lock()
	reported.all = append(reported.all, s)
	reported.mu.Unlock()
	t.Log(s)
	for _, g := range grouped(s.bad) {
		t.Logf("%4d %s", len(g.examples), g.title())
	}
	for _, o := range s.bad[:min(len(s.bad), *showFlag)] {
		t.Logf("%s  %s", o.name, o.request)
		for _, d := range o.diffs[:min(len(o.diffs), 6)] {
			t.Logf("    L%d %s: Apache %.160s, sluice %.160s", d.level, d.what, d.want, d.got)
		}
	}
	if s.lost*100 > (s.total+s.lost)*lostMax {
		t.Errorf("Apache gave no answer to %d of %d requests", s.lost, s.total+s.lost)
	}
	for level := 1; level <= 3; level++ {
		if p := s.percent(level); p < least[level-1] {
			t.Errorf("level %d: %.2f%% agree, want %.2f%%", level, p, least[level-1])
		}
	}
}

// group are the outcomes of one reason.
type group struct {
	level    int
	what     string
	reason   string
	examples []outcome
}

func (g group) title() string {
	if g.reason != "" {
		return fmt.Sprintf("level %d, %s: %s", g.level, g.what, g.reason)
	}
	return fmt.Sprintf("level %d, %s", g.level, g.what)
}

// casesMax is how many cases a group names.
const casesMax = 12

// cases names where a group's examples are from.
func (g group) cases() string {
	var names []string
	for _, o := range g.examples {
		if !slices.Contains(names, o.name) {
			names = append(names, o.name)
		}
	}
	if n := len(names); n > casesMax {
		return strings.Join(names[:casesMax], ", ") + fmt.Sprintf(" and %d more", n-casesMax)
	}
	return strings.Join(names, ", ")
}

// grouped puts outcomes together whose first and plainest difference has the
// same reason, or is in the same thing where no reason is known.
func grouped(bad []outcome) []*group {
	byTitle := map[string]*group{}
	var all []*group
	for _, o := range bad {
		d := plainest(o)
		g := &group{level: d.level, what: d.what, reason: reasonOf(o, d)}
		if d.what == "status" {
			g.what += " " + d.want + " → " + d.got
		}
		if old, ok := byTitle[g.title()]; ok {
			g = old
		} else {
			byTitle[g.title()] = g
			all = append(all, g)
		}
		g.examples = append(g.examples, o)
	}
	slices.SortStableFunc(all, func(a, b *group) int {
		if a.level != b.level {
			return a.level - b.level
		}
		return len(b.examples) - len(a.examples)
	})
	return all
}

// plainest is the difference that an outcome is filed under: the first of the
// lowest level. What PHP sees has many independent variables, so at level 3 one
// that nobody has explained goes before one with a known reason.
func plainest(o outcome) diff {
	level := o.least()
	lowest := slices.DeleteFunc(slices.Clone(o.diffs), func(d diff) bool { return d.level != level })
	if level == 3 {
		for _, d := range lowest {
			if reasonOf(o, d) == "" {
				return d
			}
		}
	}
	return lowest[0]
}

// What the report shows of a group.
const (
	examplesMax   = 5  // requests
	rulesLinesMax = 20 // .htaccess files of the first one, if they are no longer
)

// writeReport writes all summaries' differences, grouped by reason.
func writeReport(path string) error {
	if path == "" {
		return nil
	}
	var b strings.Builder
	for _, s := range reported.all {
		fmt.Fprintln(&b, s)
		for _, g := range grouped(s.bad) {
			fmt.Fprintf(&b, "\n  %d × %s (%s)\n", len(g.examples), g.title(), g.cases())
			if rules := g.examples[0].rules; strings.Count(rules, "\n") <= rulesLinesMax {
				b.WriteString("      | " + strings.ReplaceAll(strings.TrimSpace(rules), "\n", "\n      | ") + "\n")
			}
			for _, o := range g.examples[:min(len(g.examples), examplesMax)] {
				d := plainest(o)
				fmt.Fprintf(&b, "    %s  %s\n      Apache: %.200s\n      sluice: %.200s\n", o.name, o.request, d.want, d.got)
			}
		}
		b.WriteString("\n")
	}
	if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
		return fmt.Errorf("htaccess: report: %w", err)
	}
	return nil
}
