//go:build linux

package main

import (
	"context"
	"fmt"
	"strconv"
)

// startSluice starts the built program as its users do, with the number of
// workers the others get.
func startSluice(ctx context.Context, b *bench) (running, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	address := fmt.Sprintf("127.0.0.1:%d", port)
	argv := []string{
		b.sluice, "serve", b.docroot, "--listen", address, "--php", "auto",
		"--workers", strconv.Itoa(b.workers), "--access-log", "off",
	}
	s, err := startHTTP(ctx, b, "sluice", address, nil, append(argv, b.sluiceFlags...)...)
	if err != nil {
		return nil, err // not a running that is no nil
	}
	return s, nil
}
