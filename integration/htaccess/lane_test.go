//go:build linux

package htaccess_test

import (
	"fmt"
	"path/filepath"
	"regexp"
	"sync"
	"testing"
	"time"
)

// lane is one document root with both servers on it.
type lane struct {
	root         string
	apache, peer string // addresses
}

// startLanes starts the servers over as many document roots as asked for.
func startLanes(t testing.TB, n int) []lane {
	t.Helper()
	dir := workDir(t)
	lanes := make([]lane, n)
	roots := make([]string, n)
	for i := range lanes {
		roots[i] = filepath.Join(dir, fmt.Sprintf("lane%02d", i), "htdocs")
		writeFile(t, filepath.Join(roots[i], "index.php"), probeScript)
		writeFile(t, filepath.Join(roots[i], ".htaccess"), "# to be replaced\n")
		lanes[i].root = roots[i]
	}
	fpm := startFPM(t, 4)
	for i, addr := range startApache(t, fpm, roots) {
		lanes[i].apache = addr
	}
	if *peerFlag == "apache" {
		for i, addr := range startApache(t, fpm, roots) {
			lanes[i].peer = addr
		}
		return lanes
	}
	for i, addr := range freeAddrs(t, n) {
		lanes[i].peer = addr
		startSluice(t, roots[i], addr, "--workers", "1")
	}
	return lanes
}

// minima are the shares of agreeing requests that must be reached, in percent.
type minima [3]float64

// asAsked is what the project promises for the oracle's cases, ownAsked for those
// of this folder.
var (
	asAsked  = minima{99.5, 98, 95}
	ownAsked = minima{99.5, 99.5, 99.5}
)

// runCases sends the cases' requests to both servers and holds the agreement.
func runCases(t *testing.T, cases []testCase, least minima) {
	t.Helper()
	cases = selected(t, cases)
	if len(cases) == 0 {
		t.Skip("no case of this test is selected")
	}
	begin := time.Now()
	lanes := startLanes(t, min(*lanesFlag, len(cases)))
	up := time.Since(begin)
	sum := &summary{test: t.Name()}
	work := make(chan *testCase)
	var wg sync.WaitGroup
	for i := range lanes {
		wg.Go(func() {
			for c := range work {
				sum.add(lanes[i].run(c))
			}
		})
	}
	for i := range cases {
		work <- &cases[i]
	}
	close(work)
	wg.Wait()
	t.Logf("%d cases in %v, servers up in %v", len(cases), time.Since(begin).Round(time.Millisecond), up.Round(time.Millisecond))
	sum.judge(t, least)
}

// selected drops the cases that -only does not name, and refuses two of one
// name, which no report could tell apart.
func selected(t *testing.T, cases []testCase) []testCase {
	t.Helper()
	only, err := regexp.Compile(*onlyFlag)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	var keep []testCase
	for _, c := range cases {
		if seen[c.name] {
			t.Fatalf("two cases are named %q", c.name)
		}
		seen[c.name] = true
		if only.MatchString(c.name) {
			keep = append(keep, c)
		}
	}
	return keep
}

// run puts a case's tree in place and asks both servers.
func (l lane) run(c *testCase) []outcome {
	var all []outcome
	if err := c.place(l.root); err != nil {
		return []outcome{{name: c.name, diffs: []diff{{1, "tree", "", err.Error()}}}}
	}
	if *peerFlag != "apache" {
		time.Sleep(*settleFlag)
	}
	for _, r := range c.requests {
		o := l.ask(r)
		o.name, o.rules = c.name, c.rules()
		all = append(all, o)
	}
	return all
}

// ask sends a request to both servers. Where they differ, Apache is asked once
// more: memory it has used after freeing it may have spoken.
func (l lane) ask(r request) outcome {
	o := outcome{request: r}
	want := askApache(l.apache, r).tidy(r, l.root)
	if want.err != nil {
		o.err = errNoOracle
		return o
	}
	var got *answer
	if *peerFlag == "apache" {
		got = askApache(l.peer, r)
	} else {
		got = exchange(l.peer, r, exchangeMax)
	}
	got.tidy(r, l.root)
	o.diffs = compare(want, got)
	if len(o.diffs) > 0 {
		if again := askApache(l.apache, r).tidy(r, l.root); again.err == nil {
			o.diffs = compare(again, got)
		}
	}
	return o
}
