//go:build linux

package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// sample is one run.
type sample struct {
	Requests int64    `json:"requests"` // answered well
	RPS      float64  `json:"rps"`
	CPU      float64  `json:"cpu_us_per_request"` // of the server without php
	MBps     float64  `json:"mb_per_s"`
	P50      float64  `json:"p50_ms"`
	P99      float64  `json:"p99_ms"`
	Max      float64  `json:"max_ms"`
	PSS      int      `json:"pss_kib"`
	Errors   int64    `json:"errors"`           // socket errors, statuses of 400 and more, time-outs
	Notes    []string `json:"notes,omitempty"`  // about errors
	Faults   []string `json:"faults,omitempty"` // what voids the figures
}

// sampleOf counts only good answers: refusing is fast.
func sampleOf(r wrkResult, cpu time.Duration) sample {
	seconds := float64(r.Micros) / 1e6
	good := r.Requests - r.Status
	return sample{
		Requests: good,
		RPS:      float64(good) / seconds,
		CPU:      float64(cpu.Microseconds()) / float64(max(good, 1)),
		MBps:     float64(r.Bytes) / 1e6 / seconds,
		P50:      float64(r.P50) / 1e3,
		P99:      float64(r.P99) / 1e3,
		Max:      float64(r.Max) / 1e3,
		Errors:   r.errors(),
	}
}

// add files an error that a probe met.
func (s *sample) add(when string, err error) {
	text := when + ": " + err.Error()
	if errors.Is(err, errWrong) {
		s.Faults = append(s.Faults, text)
		return
	}
	s.Errors++
	s.Notes = append(s.Notes, text)
}

// troubles is a text for the log.
func (s sample) troubles() string {
	return fmt.Sprintf("%d errors %s", s.Errors, strings.Join(append(s.Faults, s.Notes...), "; "))
}

// clean tells whether nothing went wrong.
func (s sample) clean() bool { return s.Errors == 0 && len(s.Faults) == 0 }

// middle is the median of each figure by itself; errors and faults add up.
func middle(samples []sample) sample {
	of := func(f func(sample) float64) float64 {
		values := make([]float64, len(samples))
		for i, s := range samples {
			values[i] = f(s)
		}
		return median(values)
	}
	m := sample{
		RPS:  of(func(s sample) float64 { return s.RPS }),
		CPU:  of(func(s sample) float64 { return s.CPU }),
		MBps: of(func(s sample) float64 { return s.MBps }),
		P50:  of(func(s sample) float64 { return s.P50 }),
		P99:  of(func(s sample) float64 { return s.P99 }),
		Max:  of(func(s sample) float64 { return s.Max }),
		PSS:  int(of(func(s sample) float64 { return float64(s.PSS) })),
	}
	for _, s := range samples {
		m.Requests += s.Requests
		m.Errors += s.Errors
		m.Notes = append(m.Notes, s.Notes...)
		m.Faults = append(m.Faults, s.Faults...)
	}
	return m
}

// median of at least one value.
func median(values []float64) float64 {
	slices.Sort(values)
	n := len(values)
	return (values[(n-1)/2] + values[n/2]) / 2
}
