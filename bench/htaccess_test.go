//go:build linux

package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The rules must be what they claim to be: many conditions, none of which needs
// more than Go's regexp, and none of which meets the request that is measured.
func TestFirewallRules(t *testing.T) {
	if len(firewallRules) < 10*kib || len(firewallRules) > 16*kib {
		t.Errorf("%d octets, want as many as such files have", len(firewallRules))
	}
	n := 0
	for line := range strings.Lines(firewallRules) {
		if !strings.HasPrefix(line, "RewriteCond ") {
			continue
		}
		n++
		f := strings.Fields(line)
		if len(f) != 4 || !strings.HasPrefix(f[3], "[NC") {
			t.Fatalf("condition %q", line)
		}
		pattern, err := regexp.Compile("(?i)" + f[2])
		if err != nil {
			t.Errorf("%v in %q", err, line)
			continue
		}
		for _, sc := range scenarios() {
			if sc.name != "firewall" {
				continue
			}
			path, query, _ := strings.Cut(sc.path, "?")
			met := map[string]string{"%{REQUEST_URI}": path, "%{QUERY_STRING}": query, "%{REQUEST_METHOD}": "GET", "%{REMOTE_HOST}": "127.0.0.1"}
			for _, field := range sc.fields {
				met["%{HTTP_"+strings.ToUpper(strings.ReplaceAll(field[0], "-", "_"))+"}"] = field[1]
			}
			if value, ok := met[f[1]]; !ok || value == "" || pattern.MatchString(value) {
				t.Errorf("%q is met by %q (known: %v)", line, value, ok)
			}
		}
	}
	if n < 100 {
		t.Errorf("%d conditions, want 100 at least", n)
	}
}

func TestFindEightG(t *testing.T) {
	empty, full := t.TempDir(), t.TempDir()
	for name, size := range map[string]int{"8g-a.htaccess": 10, "8g-b.htaccess": 30, "8g-c.htaccess": 20, "9g.htaccess": 90} {
		if err := os.WriteFile(filepath.Join(full, name), make([]byte, size), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := findEightG([]string{empty, full})
	if want := filepath.Join(full, "8g-b.htaccess"); got != want || err != nil {
		t.Errorf("findEightG = %q, %v, want %q", got, err, want)
	}
	if _, err := findEightG([]string{empty}); !errors.Is(err, errNo8G) {
		t.Errorf("nothing there: %v", err)
	}
}

// Only servers that read .htaccess files are measured with them.
func TestTakesRules(t *testing.T) {
	for _, sc := range scenarios() {
		for _, ruled := range []bool{false, true} {
			s := &httpServer{ruled: ruled}
			if got, want := s.takes(sc), !sc.idle && !sc.clients && sc.backend == phpCGI && (!sc.ruled || ruled); got != want {
				t.Errorf("%s: takes %v, want %v", sc.name, got, want)
			}
		}
		if sc.ruled != (sc.plain != "") {
			t.Errorf("%s: rules %v, without %q", sc.name, sc.ruled, sc.plain)
		}
		if !sc.ruled {
			continue
		}
		w := sc.without()
		if w.path != sc.plain || w.plain != "" || !w.ruled || len(w.fields) != len(sc.fields) || !bytes.Equal(w.want, sc.want) {
			t.Errorf("%s without rules: %+v", sc.name, w)
		}
		if (&bare{}).takes(sc) {
			t.Errorf("%s: the bare loop reads no .htaccess", sc.name)
		}
	}
}

// ruledReport is of a scenario in which each round takes 5 µs more than without,
// while the machine grows slower.
func ruledReport(rps, dearer float64) *report {
	g := goal{ApacheMin: 3, CostMax: 5}
	r := result{Scenario: "wp", Title: "wp", Peer: "sluice", Median: sample{RPS: rps, CPU: 45}, Goal: &g}
	for _, base := range []float64{20, 40, 60} {
		r.Without = append(r.Without, sample{CPU: base})
		r.Samples = append(r.Samples, sample{CPU: base + dearer})
	}
	r.Cost = r.cost()
	return &report{Results: []result{r, {Scenario: "wp", Title: "wp", Peer: "apache", Median: sample{RPS: 1000, CPU: 200}}}}
}

func TestGoalsOfRules(t *testing.T) {
	for _, tt := range []struct {
		name        string
		rps, dearer float64
		want        string
	}{
		{"met", 3000, 5, ""},
		{"slow", 2999, 5, "req/s >= 3.00 Apache"},
		{"dear", 3000, 5.1, "rules <= 5 µs"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := ruledReport(tt.rps, tt.dearer)
			err := r.verdict(true)
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("verdict: %v, want %q", err, tt.want)
			}
			var b bytes.Buffer
			if err := r.print(&b); err != nil {
				t.Fatal(err)
			}
			for _, text := range []string{"+5.", tt.want, "3.00"} {
				if !strings.Contains(b.String(), text) {
					t.Errorf("the table lacks %q:\n%s", text, b.String())
				}
			}
		})
	}
}
