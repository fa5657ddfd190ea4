//go:build linux

package integration

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// backendsPage is docs/backends.md, whose configurations are those that the
// gateway suite runs.
const backendsPage = "../docs/backends.md"

// section is one part of the page: what is to be started, and its sites.
type section struct {
	command string // one line, "" for none
	toml    string
}

// stand is where the page's programs and sockets are for one test: its /srv and
// /run are folders of the test, its TCP addresses free ones.
type stand struct {
	dir      string
	sections map[string]section // by heading; "Backends" is the first
	place    *strings.Replacer
	replaced map[string]string
}

// newStand reads the page and lays out the programs in testdata/gateway.
func newStand(t testing.TB) *stand {
	t.Helper()
	text, err := os.ReadFile(backendsPage)
	if err != nil {
		t.Fatal(err)
	}
	s := &stand{dir: workDir(t), sections: map[string]section{}, replaced: map[string]string{}}
	for _, folder := range []string{"run/php", "srv/perl/public", "srv/ruby/public", "srv/go/public", "srv/cgi/cgi-bin"} {
		makeDir(t, filepath.Join(s.dir, folder))
	}
	for _, language := range []string{"php", "perl", "ruby", "aspx"} {
		copyTree(t, filepath.Join("testdata/gateway", language), filepath.Join(s.dir, "srv", language))
	}
	pairs := []string{"/srv/", s.dir + "/srv/", "/run/", s.dir + "/run/"}
	for _, addr := range []string{"127.0.0.1:9000", "127.0.0.1:9001", "127.0.0.1:9100"} {
		s.replaced[addr] = freeAddr(t)
		pairs = append(pairs, addr, s.replaced[addr])
	}
	s.place = strings.NewReplacer(append(pairs, `":80"`, `"{addr}"`)...)
	s.parse(t, string(text))
	return s
}

// parse takes the fenced blocks of the page apart.
func (s *stand) parse(t testing.TB, text string) {
	t.Helper()
	heading, kind := "", ""
	for line := range strings.SplitSeq(text, "\n") {
		name, fence := strings.CutPrefix(line, "```")
		part := s.sections[heading]
		switch {
		case fence && kind == "":
			kind = name
		case fence:
			kind = ""
		case kind == "" && strings.HasPrefix(line, "#"):
			heading = strings.TrimLeft(line, "# ")
			continue
		case kind == "toml":
			part.toml += s.place.Replace(line) + "\n"
		case kind == "sh" && part.command != "":
			t.Fatalf("%s: a second command under %q", backendsPage, heading)
		case kind == "sh":
			part.command = s.place.Replace(line)
		}
		s.sections[heading] = part
	}
}

// conf is the configuration of some sections.
func (s *stand) conf(t testing.TB, headings ...string) string {
	t.Helper()
	var b strings.Builder
	for _, heading := range append([]string{"Backends"}, headings...) {
		part, ok := s.sections[heading]
		if !ok || part.toml == "" {
			t.Fatalf("%s has no configuration under %q", backendsPage, heading)
		}
		b.WriteString(part.toml)
	}
	return b.String()
}

// run is where a path below the page's /run is.
func (s *stand) run(path string) string { return filepath.Join(s.dir, "run", path) }

// srv is where a path below the page's /srv is.
func (s *stand) srv(path string) string { return filepath.Join(s.dir, "srv", path) }
