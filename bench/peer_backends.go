//go:build linux

package main

import (
	"context"
	"errors"
	"time"
)

// startKind starts a peer before a kind of backend.
type startKind func(context.Context, *bench, backendKind) (running, error)

// byBackend is a peer with servers of its own for each kind of backend. Those
// that are not php-cgi are started by the first scenario that needs them.
type byBackend struct {
	bench *bench
	start startKind
	of    map[backendKind]running
}

func startByBackend(ctx context.Context, b *bench, start startKind) (running, error) {
	usual, err := start(ctx, b, phpCGI)
	if err != nil {
		return nil, err
	}
	return &byBackend{b, start, map[backendKind]running{phpCGI: usual}}, nil
}

func (p *byBackend) takes(sc scenario) bool {
	if r := p.of[sc.backend]; r != nil {
		return r.takes(sc)
	}
	return true
}

func (p *byBackend) prepare(ctx context.Context, sc scenario) (string, error) {
	if p.of[sc.backend] == nil {
		r, err := p.start(ctx, p.bench, sc.backend)
		if err != nil {
			return "", err
		}
		p.of[sc.backend] = r
	}
	return p.of[sc.backend].prepare(ctx, sc)
}

func (p *byBackend) load(ctx context.Context, sc scenario) (sample, error) {
	r := p.of[sc.backend]
	if r == nil {
		return sample{}, errors.New("bench: not prepared") // unless prepare failed
	}
	return r.load(ctx, sc)
}

func (p *byBackend) idle() (usage, time.Duration, error) { return p.of[phpCGI].idle() }

func (p *byBackend) stop() {
	for _, r := range p.of {
		r.stop()
	}
}
