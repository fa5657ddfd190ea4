//go:build linux

package main

import (
	"context"
	"time"
)

// pair is a peer in two set-ups, each with its own php workers.
type pair struct {
	usual, special *httpServer
	isSpecial      func(scenario) bool
}

// startPair starts both with start, which is given a process name and whether
// it is the special one.
func startPair(name string, isSpecial func(scenario) bool, start func(name string, special bool) (*httpServer, error)) (running, error) {
	usual, err := start(name, false)
	if err != nil {
		return nil, err
	}
	special, err := start(name+"-special", true)
	if err != nil {
		usual.stop()
		return nil, err
	}
	return &pair{usual, special, isSpecial}, nil
}

// of is the one that measures a scenario.
func (p *pair) of(sc scenario) *httpServer {
	if p.isSpecial(sc) {
		return p.special
	}
	return p.usual
}

func (p *pair) takes(sc scenario) bool { return p.of(sc).takes(sc) }

func (p *pair) prepare(ctx context.Context, sc scenario) (string, error) {
	return p.of(sc).prepare(ctx, sc)
}

func (p *pair) load(ctx context.Context, sc scenario) (sample, error) {
	return p.of(sc).load(ctx, sc)
}

func (p *pair) idle() (usage, time.Duration, error) { return p.usual.idle() }

func (p *pair) stop() {
	p.usual.stop()
	p.special.stop()
}
