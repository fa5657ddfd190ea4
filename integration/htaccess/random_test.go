//go:build linux

package htaccess_test

import (
	"fmt"
	"math/rand"
	"strings"
	"testing"
)

// maker makes random but valid rule sets; the same seed makes the same ones.
type maker struct{ *rand.Rand }

func (m maker) one(from []string) string { return from[m.Intn(len(from))] }

func (m maker) some(from []string, n int) []string {
	var all []string
	for _, i := range m.Perm(len(from))[:n] {
		all = append(all, from[i])
	}
	return all
}

// condition is a RewriteCond line.
func (m maker) condition() string {
	c := m.one(randomConditions)
	if !strings.HasSuffix(c, "]") {
		c += m.one([]string{"", "", "", " [OR]", " [NC]", " [NV]"})
	}
	return "RewriteCond " + c
}

// rule is a RewriteRule line.
func (m maker) rule() string {
	flags := m.some(randomFlags, m.Intn(4))
	if m.Intn(2) == 0 {
		flags = append(flags, "L")
	}
	given := ""
	if len(flags) > 0 {
		given = "[" + strings.Join(flags, ",") + "]"
		if strings.Contains(given, " ") {
			given = `"` + given + `"`
		}
	}
	return fmt.Sprintf("RewriteRule %s %q %s", m.one(randomPatterns), m.one(randomTargets), given)
}

// rules is the text of an .htaccess file.
func (m maker) rules() string {
	var lines []string
	if m.Intn(20) > 0 {
		lines = append(lines, "RewriteEngine On")
	}
	for range 1 + m.Intn(5) {
		for range []int{0, 0, 1, 1, 2, 3}[m.Intn(6)] {
			lines = append(lines, m.condition())
		}
		lines = append(lines, m.rule())
	}
	for range []int{0, 0, 1, 1, 2}[m.Intn(5)] {
		if m.Intn(2) == 0 {
			lines = append(lines, m.one(randomOthers))
		} else {
			lines = append([]string{m.one(randomOthers)}, lines...)
		}
	}
	return strings.Join(lines, "\n") + "\n"
}

func (m maker) testCase(l *library, name string) testCase {
	c := testCase{name: name, files: append([]treeFile(nil), l.trees["usual"]...)}
	c.files = append(c.files, treeFile{path: ".htaccess", text: m.rules()})
	if m.Intn(5) < 2 {
		text := m.rules()
		if m.Intn(2) == 0 {
			text = m.one(randomOthers) + "\n"
		}
		c.files = append(c.files, treeFile{path: "sub/.htaccess", text: text})
	}
	for _, path := range m.some(randomPaths, 14) {
		line := path
		if m.Intn(5) == 0 {
			line += m.one(randomExtras)
		}
		c.requests = append(c.requests, parseRequest(line))
	}
	for _, method := range m.some([]string{"POST", "HEAD", "OPTIONS", "PUT", "DELETE"}, 2) {
		line := method + " " + m.one(randomPaths)
		if method == "POST" && m.Intn(2) == 0 {
			line += " | body=a=1"
		}
		c.requests = append(c.requests, parseRequest(line))
	}
	return c
}

// randomMinima leave room for what only chance thinks of; see the reasons.
var randomMinima = minima{99, 98, 95}

// TestRandom compares the two servers over random rule sets. -seed and -cases
// make others and more; a difference names its seed and can be run alone with
// -only.
func TestRandom(t *testing.T) {
	l := needLibrary(t)
	var cases []testCase
	for i := range *casesFlag {
		m := maker{rand.New(rand.NewSource(*seedFlag*1_000_000 + int64(i)))}
		cases = append(cases, m.testCase(l, fmt.Sprintf("random/%d-%d", *seedFlag, i)))
	}
	runCases(t, cases, randomMinima)
}

// The same seed must make the same cases, or a difference cannot be found again.
func TestRandomIsRepeatable(t *testing.T) {
	l := needLibrary(t)
	one := maker{rand.New(rand.NewSource(7))}.testCase(l, "x")
	two := maker{rand.New(rand.NewSource(7))}.testCase(l, "x")
	if fmt.Sprint(one) != fmt.Sprint(two) {
		t.Error("two cases of one seed differ")
	}
}
