//go:build linux

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"text/tabwriter"
	"time"
)

// report is all that was measured, and where.
type report struct {
	Date       string            `json:"date"`
	Machine    map[string]string `json:"machine"`
	Rounds     int               `json:"rounds"`
	Seconds    int               `json:"seconds"`
	Workers    int               `json:"workers"`
	BinarySize int64             `json:"sluice_bytes,omitempty"`
	Startups   []startup         `json:"startups"`
	Results    []result          `json:"results"`
}

func newReport(b *bench) *report {
	r := &report{
		Date:    time.Now().UTC().Format(time.DateOnly),
		Rounds:  b.rounds,
		Seconds: b.seconds,
		Workers: b.workers,
		Machine: map[string]string{
			"cpu":    cpuModel(),
			"cpus":   fmt.Sprint(runtime.NumCPU()),
			"kernel": firstLine("uname", "-sr"),
			"go":     runtime.Version(),
			"php":    firstLine("php-cgi", "-v"),
			"nginx":  firstLine(systemProgram("nginx"), "-v"),
			"wrk":    firstLine("wrk", "-v"),
		},
	}
	for _, p := range b.peers {
		switch p.name {
		case "apache":
			r.Machine["apache"] = firstLine(systemProgram("apache2"), "-v")
		case "lighttpd":
			r.Machine["lighttpd"] = firstLine(systemProgram("lighttpd"), "-v")
		}
		if p.name != "sluice" {
			continue
		}
		r.Machine["sluice"] = firstLine(b.sluice, "version")
		if info, err := os.Stat(b.sluice); err == nil {
			r.BinarySize = info.Size()
		}
	}
	return r
}

// firstLine of what a program prints; some exit with an error after their
// version, so only the text counts.
func firstLine(argv ...string) string {
	out, _ := exec.Command(argv[0], argv[1:]...).CombinedOutput()
	line, _, _ := strings.Cut(string(out), "\n")
	return strings.TrimSpace(line)
}

func cpuModel() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "model name"); ok {
			return strings.TrimSpace(strings.TrimLeft(rest, "\t :"))
		}
	}
	return ""
}

// of finds a peer's median in a scenario.
func (r *report) of(scenario, peer string) (sample, bool) {
	for _, res := range r.Results {
		if res.Scenario == scenario && res.Peer == peer {
			return res.Median, true
		}
	}
	return sample{}, false
}

// print writes the table. Ratios are to nginx.
func (r *report) print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	line := func(cells ...string) { _, _ = fmt.Fprintln(t, strings.Join(cells, "\t")) } // Flush tells
	line("scenario", "server", "req/s", "× nginx", "CPU µs/req", "× nginx", "MB/s", "p50 ms", "p99 ms", "PSS MiB", "errors", "goal")
	last := ""
	for _, res := range r.Results {
		title, m := res.Title, res.Median
		if title == last {
			title = ""
		}
		last = res.Title
		rps, cpu := "", ""
		if n, ok := r.of(res.Scenario, "nginx"); ok && res.Peer != "nginx" {
			rps, cpu = ratio(m.RPS, n.RPS), ratio(m.CPU, n.CPU)
		}
		mbps := ""
		if res.Streams {
			mbps = fmt.Sprintf("%.0f", m.MBps)
		}
		line(title, res.Peer, fmt.Sprintf("%.0f", m.RPS), rps, fmt.Sprintf("%.1f", m.CPU), cpu, mbps,
			fmt.Sprintf("%.2f", m.P50), fmt.Sprintf("%.2f", m.P99), fmt.Sprintf("%.1f", float64(m.PSS)/1024),
			fmt.Sprint(m.Errors), r.goalText(res))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, res := range r.Results {
		if res.Setup != "" {
			_, _ = fmt.Fprintf(w, "%s, %s: best set-up: %s\n", res.Title, res.Peer, res.Setup)
		}
		for _, fault := range res.Median.Faults {
			_, _ = fmt.Fprintf(w, "%s, %s: FAULT: %s\n", res.Title, res.Peer, fault)
		}
		for i, note := range res.Median.Notes {
			if i == notesShown {
				_, _ = fmt.Fprintf(w, "%s, %s: and %d more\n", res.Title, res.Peer, len(res.Median.Notes)-i)
				break
			}
			_, _ = fmt.Fprintf(w, "%s, %s: %s\n", res.Title, res.Peer, note)
		}
	}
	for _, s := range r.Startups {
		_, _ = fmt.Fprintf(w, "%s: first answer from PHP after %.0f ms, idle PSS %.1f MiB\n", s.Peer, s.FirstMS, float64(s.PSSKiB)/1024)
	}
	for _, miss := range r.missedAtStart() {
		_, _ = fmt.Fprintf(w, "sluice: MISSED %s\n", miss)
	}
	return nil
}

func ratio(a, b float64) string {
	if b == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f", a/b)
}

func (r *report) goalText(res result) string {
	if res.Goal == nil {
		return ""
	}
	missed := r.missed(res)
	if len(missed) == 0 {
		return "met"
	}
	return "MISSED " + strings.Join(missed, ", ")
}

// missed lists the goals that a result of sluice does not reach. A goal beside
// a peer that did not run is not judged.
func (r *report) missed(res result) []string {
	var list []string
	g, m := *res.Goal, res.Median
	if n, ok := r.of(res.Scenario, "nginx"); ok {
		if g.RPSMin > 0 && m.RPS < g.RPSMin*n.RPS {
			list = append(list, fmt.Sprintf("req/s >= %.2f nginx", g.RPSMin))
		}
		if g.CPUMax > 0 && m.CPU > g.CPUMax*n.CPU {
			list = append(list, fmt.Sprintf("CPU <= %.2f nginx", g.CPUMax))
		}
	}
	if n, ok := r.of(res.Scenario, "bare"); ok && g.BareMin > 0 && m.RPS < g.BareMin*n.RPS {
		list = append(list, fmt.Sprintf("req/s >= %.2f bare", g.BareMin))
	}
	return list
}

// missedAtStart lists the goals of sluice that need no load.
func (r *report) missedAtStart() []string {
	var list []string
	if r.BinarySize > binaryBytesGoal {
		list = append(list, fmt.Sprintf("binary of %d octets, goal %d", r.BinarySize, binaryBytesGoal))
	}
	for _, s := range r.Startups {
		if s.Peer != "sluice" {
			continue
		}
		if s.FirstMS > firstAnswerGoal {
			list = append(list, fmt.Sprintf("first answer after %.0f ms, goal %d", s.FirstMS, firstAnswerGoal))
		}
		if s.PSSKiB > idleKiBGoal {
			list = append(list, fmt.Sprintf("idle memory %d KiB, goal %d", s.PSSKiB, idleKiBGoal))
		}
	}
	return list
}

func (r *report) writeJSON(path string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}

// verdict fails for faults of any peer, which void its figures, for errors of
// sluice, and, when strict, for missed goals.
func (r *report) verdict(strict bool) error {
	var list []error
	for _, res := range r.Results {
		if n := len(res.Median.Faults); n > 0 {
			list = append(list, fmt.Errorf("bench: %s, %s: %d faults", res.Title, res.Peer, n))
		}
		if res.Peer != "sluice" {
			continue
		}
		if res.Median.Errors > 0 {
			list = append(list, fmt.Errorf("bench: %s: sluice: %d errors", res.Title, res.Median.Errors))
		}
		if missed := r.missed(res); strict && len(missed) > 0 {
			list = append(list, fmt.Errorf("bench: %s: missed %s", res.Title, strings.Join(missed, ", ")))
		}
	}
	if missed := r.missedAtStart(); strict && len(missed) > 0 {
		list = append(list, fmt.Errorf("bench: sluice: missed %s", strings.Join(missed, ", ")))
	}
	return errors.Join(list...)
}
