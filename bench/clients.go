//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"text/tabwriter"
)

// clientsPackage has the benchmark, which this program can't run by itself: it
// knows only the built program.
const clientsPackage = "./session"

// clientResult is what a Go program gets from a backend through a client.
type clientResult struct {
	Backend string    `json:"backend"`
	Client  string    `json:"client"`
	RPS     float64   `json:"rps"`
	CPU     float64   `json:"cpu_us_per_request"`
	Allocs  float64   `json:"allocs_per_request"`
	Rounds  []float64 `json:"rps_of_rounds"`
}

// measureClients runs BenchmarkClients once a round, so that clients alternate.
// The benchmark looks at each answer, and fails for a wrong one.
func measureClients(ctx context.Context, b *bench) ([]clientResult, error) {
	program := filepath.Join(b.scratch, "clients.test")
	build := exec.CommandContext(ctx, "go", "test", "-c", "-o", program, clientsPackage)
	if out, err := build.CombinedOutput(); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		b.skip("clients", fmt.Errorf("%w\n%s", err, out)) // not in the repository, or no Go
		return nil, nil
	}
	var rounds [][]clientResult
	for round := range b.rounds {
		// Neither ctx nor the terminal's interrupt ends it: it has to end its
		// backends itself, which takes half a minute at most.
		cmd := exec.Command(program, "-test.run", "^$", "-test.bench", "^BenchmarkClients$", "-test.benchtime", clientsTime)
		cmd.Dir = clientsPackage
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		out, err := cmd.CombinedOutput()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			return nil, fmt.Errorf("bench: %s: %w\n%s", clientsPackage, err, out)
		}
		list, err := parseClients(string(out))
		if err != nil {
			return nil, err
		}
		for _, c := range list {
			b.logf("  %d %-8s %-36s %8.0f req/s %6.1f µs/req", round+1, c.Backend, c.Client, c.RPS, c.CPU)
		}
		rounds = append(rounds, list)
	}
	return middleClients(rounds)
}

// parseClients reads what a Go benchmark prints: a name, the number of runs, and
// pairs of a value and its unit.
func parseClients(out string) ([]clientResult, error) {
	var list []clientResult
	for line := range strings.Lines(out) {
		f := strings.Fields(line)
		if len(f) < 4 || !strings.HasPrefix(f[0], "BenchmarkClients/") {
			continue
		}
		name := strings.SplitN(f[0], "/", 3)
		if len(name) < 3 {
			return nil, fmt.Errorf("bench: line %q", line)
		}
		client := name[2]
		if i := strings.LastIndexByte(client, '-'); i >= 0 { // GOMAXPROCS, unless 1
			if _, err := strconv.Atoi(client[i+1:]); err == nil {
				client = client[:i]
			}
		}
		c := clientResult{Backend: name[1], Client: strings.ReplaceAll(client, "_", " ")}
		for i := 2; i+1 < len(f); i += 2 {
			value, err := strconv.ParseFloat(f[i], 64)
			if err != nil {
				return nil, fmt.Errorf("bench: line %q: %w", line, err)
			}
			switch f[i+1] {
			case "requests/s":
				c.RPS = value
			case "cpu-µs/request":
				c.CPU = value
			case "allocs/op":
				c.Allocs = value
			}
		}
		if c.RPS == 0 || c.CPU == 0 {
			return nil, fmt.Errorf("bench: no requests/s or no cpu-µs/request in %q", line)
		}
		list = append(list, c)
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("bench: no line of a benchmark in:\n%s", out)
	}
	return list, nil
}

// middleClients takes the median of each figure by itself.
func middleClients(rounds [][]clientResult) ([]clientResult, error) {
	list := slices.Clone(rounds[0])
	for i := range list {
		var rps, cpu, allocs []float64
		for _, round := range rounds {
			if len(round) != len(list) || round[i].Backend != list[i].Backend || round[i].Client != list[i].Client {
				return nil, errors.New("bench: the clients differ between the rounds")
			}
			rps, cpu, allocs = append(rps, round[i].RPS), append(cpu, round[i].CPU), append(allocs, round[i].Allocs)
		}
		list[i].Rounds = slices.Clone(rps)
		list[i].RPS, list[i].CPU, list[i].Allocs = median(rps), median(cpu), median(allocs)
	}
	return list, nil
}

// printClients writes a table of its own, with ratios to the best of gofast's.
func (r *report) printClients(w io.Writer) error {
	if len(r.Clients) == 0 {
		return nil
	}
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, "backend\tclient\treq/s\t× gofast\tCPU µs/req\t× gofast\tallocs/req") // Flush tells
	for _, c := range r.Clients {
		g, _ := r.gofast(c.Backend)
		_, _ = fmt.Fprintf(t, "%s\t%s\t%.0f\t%s\t%.1f\t%s\t%.0f\n", c.Backend, c.Client, c.RPS, ratio(c.RPS, g.RPS), c.CPU, ratio(c.CPU, g.CPU), c.Allocs)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, miss := range r.missedByClients() {
		_, _ = fmt.Fprintf(w, "sluice: MISSED %s\n", miss)
	}
	return nil
}

// gofast is the best of gofast's own before a backend.
func (r *report) gofast(backend string) (best clientResult, ok bool) {
	for _, c := range r.Clients {
		if c.Backend == backend && strings.HasPrefix(c.Client, "gofast, ") && c.RPS > best.RPS {
			best, ok = c, true
		}
	}
	return best, ok
}

// missedByClients: sluice's own shall beat gofast's. gofast's handler is as slow
// over any client, so it is shown only.
func (r *report) missedByClients() []string {
	var list []string
	for _, c := range r.Clients {
		g, ok := r.gofast(c.Backend)
		if ok && strings.HasPrefix(c.Client, "sluice ") && c.RPS < g.RPS {
			list = append(list, fmt.Sprintf("%s, %s: req/s >= gofast", c.Backend, c.Client))
		}
	}
	return list
}
