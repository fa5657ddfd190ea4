//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// result is what one peer did in one scenario.
type result struct {
	Scenario string   `json:"scenario"`
	Title    string   `json:"title"`
	Peer     string   `json:"peer"`
	Setup    string   `json:"setup,omitempty"`
	Median   sample   `json:"median"`
	Samples  []sample `json:"samples"`
	Goal     *goal    `json:"goal,omitempty"`
	Streams  bool     `json:"-"`

	// Of scenarios with a .htaccess: the same load without, measured right
	// before each sample, and the CPU that the rules add to a request.
	Without []sample `json:"without_htaccess,omitempty"`
	Cost    float64  `json:"htaccess_cpu_us,omitempty"`
}

// cost is the median of what each sample takes over the one before it: a
// machine whose speed drifts does so between rounds more than within one.
func (r *result) cost() float64 {
	if len(r.Without) == 0 {
		return 0
	}
	each := make([]float64, len(r.Without))
	for i, w := range r.Without {
		each[i] = r.Samples[i].CPU - w.CPU
	}
	return median(each)
}

// startup is what a peer costs before any load.
type startup struct {
	Peer    string  `json:"peer"`
	FirstMS float64 `json:"first_answer_ms"`
	PSSKiB  int     `json:"pss_kib"`
}

// started is a peer at work.
type started struct {
	peer
	running
}

// measure starts all peers and runs all scenarios.
func measure(ctx context.Context, b *bench) (*report, error) {
	rep := newReport(b)
	var err error
	var all []started
	defer func() {
		for _, s := range all {
			s.stop()
		}
	}()
	for _, p := range b.peers {
		r, err := p.start(ctx, b)
		if errors.Is(err, errAbsent) && ctx.Err() == nil {
			b.skip(p.name, err)
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.name, err)
		}
		all = append(all, started{p, r})
		u, first, err := r.idle()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.name, err)
		}
		if first > 0 {
			rep.Startups = append(rep.Startups, startup{p.name, float64(first.Microseconds()) / 1e3, u.pss})
		}
	}
	for _, sc := range b.scenarios {
		b.logf("%s: %d rounds of %d s", sc.title, b.rounds, b.seconds)
		var results []result
		switch {
		case sc.idle:
			rep.Idle, err = measureIdle(ctx, b, sc)
		case sc.clients:
			rep.Clients, err = measureClients(ctx, b)
		default:
			results, err = runScenario(ctx, b, sc, all)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", sc.name, err)
		}
		rep.Results = append(rep.Results, results...)
	}
	rep.Skipped = b.skipped
	return rep, nil
}

// runScenario alternates between the peers; each round begins with another.
func runScenario(ctx context.Context, b *bench, sc scenario, all []started) ([]result, error) {
	var results, failed []result
	var taking []started
	for _, s := range all {
		if !s.takes(sc) {
			continue
		}
		setup, err := s.prepare(ctx, sc)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		r := result{Scenario: sc.name, Title: sc.title, Peer: s.name, Setup: setup, Streams: sc.streams}
		if s.name == "sluice" {
			r.Goal = &sc.goal
		}
		if err != nil {
			// The others can still be measured.
			b.logf("  %s: %v", s.name, err)
			r.Median.Faults = []string{err.Error()}
			failed = append(failed, r)
			continue
		}
		taking = append(taking, s)
		results = append(results, r)
	}
	for round := range b.rounds {
		for i := range taking {
			i = (i + round) % len(taking)
			if sc.plain != "" {
				w, err := loadOnce(ctx, b, taking[i], sc.without(), round)
				if err != nil {
					return nil, err
				}
				results[i].Without = append(results[i].Without, w)
			}
			m, err := loadOnce(ctx, b, taking[i], sc, round)
			if err != nil {
				return nil, err
			}
			results[i].Samples = append(results[i].Samples, m)
		}
	}
	for i := range results {
		results[i].Cost = results[i].cost()
		results[i].Median = middle(results[i].Samples)
		for _, w := range results[i].Without {
			results[i].Median.Faults = append(results[i].Median.Faults, w.Faults...)
		}
	}
	return append(results, failed...), nil
}

// loadOnce measures one sample; only the end of ctx is an error.
func loadOnce(ctx context.Context, b *bench, s started, sc scenario, round int) (sample, error) {
	m, err := s.load(ctx, sc)
	if ctx.Err() != nil {
		return m, ctx.Err()
	}
	if err != nil {
		m = sample{Faults: []string{err.Error()}}
	}
	b.logf("  %d %-8s %8.0f req/s %6.1f µs/req, %s, %s", round+1, s.name, m.RPS, m.CPU, m.troubles(), sc.path)
	// Connections are still being closed.
	time.Sleep(200 * time.Millisecond)
	return m, nil
}
