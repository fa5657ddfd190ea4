//go:build linux

package main

import (
	"context"
	"errors"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"
)

// bare drives php workers directly, one blocking connection each: what is left
// when a server costs nothing.
type bare struct {
	*backend
	bench *bench
}

func startBare(_ context.Context, b *bench) (running, error) {
	g, err := startBackend(b, phpCGI, "bare-php", "unix")
	if err != nil {
		return nil, err
	}
	return &bare{g, b}, nil
}

// takes only what needs no HTTP.
func (b *bare) takes(sc scenario) bool {
	return sc.php && sc.backend == phpCGI && sc.post == nil && !sc.ruled && sc.conns < manyConns
}

func (b *bare) prepare(ctx context.Context, sc scenario) (string, error) {
	_, err := b.loadFor(ctx, sc, time.Second)
	return "", err
}

func (b *bare) load(ctx context.Context, sc scenario) (sample, error) {
	return b.loadFor(ctx, sc, time.Duration(b.bench.seconds)*time.Second)
}

func (b *bare) idle() (usage, time.Duration, error) { return usage{}, 0, nil }

func (b *bare) loadFor(ctx context.Context, sc scenario, d time.Duration) (sample, error) {
	request := fastcgiRequest(b.bench.docroot, sc)
	begin, cpu := time.Now(), ownCPU()
	end := begin.Add(d)
	times := make([][]time.Duration, b.bench.workers)
	faults := make([]error, b.bench.workers)
	var wait sync.WaitGroup
	for i := range b.bench.workers {
		wait.Go(func() {
			times[i], faults[i] = driveWorker(ctx, b.address, request, sc.want, end)
		})
	}
	wait.Wait()
	if err := errors.Join(faults...); err != nil {
		return sample{}, err
	}
	all := slices.Concat(times...)
	slices.Sort(all)
	at := func(part float64) int64 { return all[int(part*float64(len(all)-1))].Microseconds() }
	r := wrkResult{
		Requests: int64(len(all)), Micros: time.Since(begin).Microseconds(),
		Bytes: int64(len(all) * len(sc.want)), P50: at(0.5), P99: at(0.99), Max: at(1),
	}
	return sampleOf(r, ownCPU()-cpu), nil
}

// driveWorker sends one request after the other and returns how long each took.
func driveWorker(ctx context.Context, path string, request, want []byte, end time.Time) ([]time.Duration, error) {
	// A blocking socket outside of Go's poller: the worker's answer wakes this
	// thread directly.
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	conn := os.NewFile(uintptr(fd), path)
	defer func() { _ = conn.Close() }() // only read from, nothing to lose
	if err := syscall.Connect(fd, &syscall.SockaddrUnix{Name: path}); err != nil {
		return nil, err
	}
	reader := newFastcgiReader(conn)
	var times []time.Duration
	for now := time.Now(); now.Before(end) && ctx.Err() == nil; {
		if _, err := conn.Write(request); err != nil {
			return nil, err
		}
		if err := reader.answer(want); err != nil {
			return nil, err
		}
		then := now
		now = time.Now()
		times = append(times, now.Sub(then))
	}
	return times, ctx.Err()
}

func ownCPU() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
