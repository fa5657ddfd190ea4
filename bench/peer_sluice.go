//go:build linux

package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
)

// startSluice starts the built program as its users do, with the number of
// workers the others get.
func startSluice(ctx context.Context, b *bench) (running, error) {
	s, err := startSluiceAs(ctx, b, "sluice")
	if err != nil {
		return nil, err // not a running that is no nil
	}
	return s, nil
}

// startUring starts it once more, on the engine that is not its default.
func startUring(ctx context.Context, b *bench) (running, error) {
	r, err := startSluiceAs(ctx, b, "uring", "--engine", "io_uring")
	if err != nil {
		// Old kernels, and many containers, do not have it.
		return nil, fmt.Errorf("%w: %w", errAbsent, err)
	}
	return r, nil
}

func startSluiceAs(ctx context.Context, b *bench, name string, flags ...string) (*httpServer, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	address := fmt.Sprintf("127.0.0.1:%d", port)
	argv := slices.Concat([]string{
		b.sluice, "serve", b.docroot, "--listen", address, "--php", "auto",
		"--workers", strconv.Itoa(b.workers), "--access-log", "off",
	}, flags, b.sluiceFlags)
	s, err := startHTTP(ctx, b, name, address, nil, argv...)
	if err == nil {
		s.ruled = true
	}
	return s, err
}
