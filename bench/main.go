//go:build linux

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
)

type options struct {
	scenarios   []scenario
	peers       []peer
	rounds      int
	seconds     int
	workers     int
	sluice      string
	sluiceFlags []string
	caddy       string
	jsonPath    string
	svgPath     string
	strict      bool
	descriptors uint64
	idle        int // connections of the scenario of that name
}

func main() {
	if help := helper(os.Args[1:]); help != nil {
		if err := help(os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	o, err := parseOptions(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err = run(ctx, o)
	cancel()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// helper is what this program does when it was started by itself.
func helper(args []string) func([]string) error {
	if len(args) == 0 {
		return nil
	}
	switch args[0] {
	case holdCommand:
		return func(args []string) error { return hold(args, os.Stdin, os.Stdout) }
	case appCommand:
		return serveApp
	}
	return nil
}

func parseOptions(args []string) (options, error) {
	var o options
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	wantScenarios := flags.String("scenario", "all", "all, or comma-separated: "+names(scenarios(), func(s scenario) string { return s.name }))
	wantPeers := flags.String("peers", "sluice,nginx,bare", "all, or comma-separated: "+names(peers(), func(p peer) string { return p.name }))
	flags.IntVar(&o.rounds, "rounds", 5, "runs of each peer in each scenario; the median counts")
	flags.IntVar(&o.seconds, "seconds", 5, "length of a run")
	flags.IntVar(&o.idle, "idle", idleWanted, "connections of the scenario idle")
	flags.IntVar(&o.workers, "workers", 4, "php workers of each peer")
	flags.StringVar(&o.sluice, "sluice", "bin/sluice", "the built program")
	flags.StringVar(&o.caddy, "caddy", ".cache/bin/caddy", "the peer's program; installed there from the Go module proxy when missing")
	more := flags.String("sluice-flags", "", "further flags for sluice serve, separated by spaces")
	flags.StringVar(&o.jsonPath, "json", "", "also write all figures to this file")
	flags.StringVar(&o.svgPath, "svg", "", "also draw a chart into this file")
	flags.BoolVar(&o.strict, "strict", false, "fail when sluice misses a goal")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	o.sluiceFlags = strings.Fields(*more)
	var err1, err2 error
	o.scenarios, err1 = choose("scenario", *wantScenarios, scenarios(), func(s scenario) string { return s.name })
	o.peers, err2 = choose("peer", *wantPeers, peers(), func(p peer) string { return p.name })
	if o.rounds < 1 || o.idle < 1 || o.seconds < 1 || o.workers < 1 || flags.NArg() > 0 {
		return o, errors.New("bench: -rounds, -seconds and -workers must be at least 1, and there are no arguments")
	}
	return o, errors.Join(err1, err2)
}

// choose picks from all, in the order of all.
func choose[T any](what, list string, all []T, name func(T) string) ([]T, error) {
	if list == "all" {
		return all, nil
	}
	wanted := strings.Split(list, ",")
	for _, w := range wanted {
		if !slices.ContainsFunc(all, func(t T) bool { return name(t) == w }) {
			return nil, fmt.Errorf("bench: unknown %s %q, there are %s", what, w, names(all, name))
		}
	}
	return slices.DeleteFunc(all, func(t T) bool { return !slices.Contains(wanted, name(t)) }), nil
}

func names[T any](all []T, name func(T) string) string {
	list := make([]string, len(all))
	for i, t := range all {
		list[i] = name(t)
	}
	return strings.Join(list, ", ")
}

func (o options) logf(format string, args ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", args...)
}

// run measures, prints and writes the report. It fails if any answer was wrong,
// if sluice made an error, or, when strict, if a goal was missed.
func run(ctx context.Context, o options) error {
	var err error
	if o.descriptors, err = raiseDescriptorLimit(); err != nil {
		return fmt.Errorf("bench: descriptor limit: %w", err)
	}
	b, err := newBench(o)
	if err != nil {
		return err
	}
	rep, err := measure(ctx, b)
	err = errors.Join(err, b.close())
	if err != nil {
		return err
	}
	if err := rep.print(os.Stdout); err != nil {
		return err
	}
	if o.jsonPath != "" {
		if err := rep.writeJSON(o.jsonPath); err != nil {
			return err
		}
	}
	if o.svgPath != "" {
		if err := os.WriteFile(o.svgPath, rep.chart(), 0o644); err != nil {
			return err
		}
	}
	return rep.verdict(o.strict)
}
