//go:build linux

package main

import (
	"errors"
	"fmt"
	"strings"
)

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
	for _, apache := range []string{"debian", "apache"} { // one tuned by hand counts where the other is missing
		n, ok := r.of(res.Scenario, apache)
		if ok && g.ApacheMin > 0 && m.RPS < g.ApacheMin*n.RPS {
			list = append(list, fmt.Sprintf("req/s >= %.2f Apache", g.ApacheMin))
		}
		if ok {
			break
		}
	}
	if g.CostMax > 0 && len(res.Without) > 0 && res.Cost > g.CostMax {
		list = append(list, fmt.Sprintf("rules <= %.0f µs", g.CostMax))
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
	if r.Idle != nil && strict && len(r.Idle.missed()) > 0 {
		list = append(list, fmt.Errorf("bench: sluice: missed %s", strings.Join(r.Idle.missed(), ", ")))
	}
	if missed := r.missedByClients(); strict && len(missed) > 0 {
		list = append(list, fmt.Errorf("bench: clients: missed %s", strings.Join(missed, ", ")))
	}
	if missed := r.missedAtStart(); strict && len(missed) > 0 {
		list = append(list, fmt.Errorf("bench: sluice: missed %s", strings.Join(missed, ", ")))
	}
	return errors.Join(list...)
}
