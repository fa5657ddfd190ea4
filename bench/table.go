//go:build linux

package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// print writes the table and, below it, all that needs words.
func (r *report) print(w io.Writer) error {
	if err := r.table(w); err != nil {
		return err
	}
	for _, res := range r.Results {
		res.remarks(w)
	}
	for _, s := range r.Startups {
		_, _ = fmt.Fprintf(w, "%s: first answer from PHP after %.0f ms, idle PSS %.1f MiB\n", s.Peer, s.FirstMS, float64(s.PSSKiB)/1024)
	}
	for _, miss := range r.missedAtStart() {
		_, _ = fmt.Fprintf(w, "sluice: MISSED %s\n", miss)
	}
	if err := r.printClients(w); err != nil {
		return err
	}
	if r.Idle != nil {
		r.Idle.print(w)
	}
	if path := r.Machine[eightG]; path != "" {
		_, _ = fmt.Fprintf(w, "8G firewall: %s\n", path)
	}
	for _, text := range r.Skipped {
		_, _ = fmt.Fprintln(w, text)
	}
	return nil
}

// table has ratios to nginx, to Apache where .htaccess files are read, and what
// those cost.
func (r *report) table(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	line := func(cells ...string) { _, _ = fmt.Fprintln(t, strings.Join(cells, "\t")) } // Flush tells
	line("scenario", "server", "req/s", "× nginx", "× Apache", "× Debian's", "CPU µs/req", "× nginx", "rules µs", "MB/s", "p50 ms", "p99 ms", "PSS MiB", "errors", "goal")
	last := ""
	for _, res := range r.Results {
		title, m := res.Title, res.Median
		if title == last {
			title = ""
		}
		last = res.Title
		rps, cpu, apache, installed := "", "", "", ""
		if n, ok := r.of(res.Scenario, "nginx"); ok && res.Peer != "nginx" {
			rps, cpu = ratio(m.RPS, n.RPS), ratio(m.CPU, n.CPU)
		}
		if a, ok := r.of(res.Scenario, "apache"); ok && res.Peer != "apache" {
			apache = ratio(m.RPS, a.RPS)
		}
		if a, ok := r.of(res.Scenario, "debian"); ok && res.Peer != "debian" {
			installed = ratio(m.RPS, a.RPS)
		}
		mbps, cost := "", ""
		if res.Streams {
			mbps = fmt.Sprintf("%.0f", m.MBps)
		}
		if len(res.Without) > 0 {
			cost = fmt.Sprintf("%+.1f", res.Cost)
		}
		line(title, res.Peer, fmt.Sprintf("%.0f", m.RPS), rps, apache, installed, fmt.Sprintf("%.1f", m.CPU), cpu, cost, mbps,
			fmt.Sprintf("%.2f", m.P50), fmt.Sprintf("%.2f", m.P99), fmt.Sprintf("%.1f", float64(m.PSS)/1024),
			fmt.Sprint(m.Errors), r.goalText(res))
	}
	return t.Flush()
}

func (r *result) remarks(w io.Writer) {
	if r.Setup != "" {
		_, _ = fmt.Fprintf(w, "%s, %s: best set-up: %s\n", r.Title, r.Peer, r.Setup)
	}
	for _, fault := range r.Median.Faults {
		_, _ = fmt.Fprintf(w, "%s, %s: FAULT: %s\n", r.Title, r.Peer, fault)
	}
	for i, note := range r.Median.Notes {
		if i == notesShown {
			_, _ = fmt.Fprintf(w, "%s, %s: and %d more\n", r.Title, r.Peer, len(r.Median.Notes)-i)
			break
		}
		_, _ = fmt.Fprintf(w, "%s, %s: %s\n", r.Title, r.Peer, note)
	}
}

func ratio(a, b float64) string {
	if b == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f", a/b)
}
