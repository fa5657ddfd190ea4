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
	return startByBackend(ctx, b, startSluiceFor)
}

func startSluiceFor(ctx context.Context, b *bench, kind backendKind) (running, error) {
	s, err := startSluiceBefore(ctx, b, kind)
	if err != nil {
		return nil, err // not a running that is no nil
	}
	return s, nil
}

func startSluiceBefore(ctx context.Context, b *bench, kind backendKind) (*httpServer, error) {
	if kind == phpCGI {
		return startSluiceAs(ctx, b, "sluice")
	}
	return startConfigured(ctx, b, kind, "sluice-"+string(kind), "unix",
		func(address string, backend *backend) string { return sluiceConf(b, address, backend) },
		func(conf string) []string {
			return slices.Concat([]string{b.sluice, "serve", "--config", conf}, b.sluiceFlags)
		})
}

// sluiceConf is of a site whose PHP, or whose application, runs already.
func sluiceConf(b *bench, address string, backend *backend) string {
	text := fmt.Sprintf("listen = [%q]\naccess_log = \"off\"\n[[site]]\nroot = %q\n", address, b.docroot)
	upstream := backend.network + ":" + backend.address
	if backend.kind == phpFPM {
		return text + fmt.Sprintf("php = { use = %q, workers = %d }\n", upstream, b.workers)
	}
	return text + fmt.Sprintf("php = \"off\"\n[site.fastcgi]\nservers = [\"%s conns=%d\"]\npass = \"all\"\n", upstream, b.workers)
}

// startEngine starts it once more, on an engine that may not be its default.
func startEngine(name, engine string) func(context.Context, *bench) (running, error) {
	return func(ctx context.Context, b *bench) (running, error) {
		r, err := startSluiceAs(ctx, b, name, "--engine", engine)
		if err != nil {
			// Old kernels, and many containers, do not have io_uring.
			return nil, fmt.Errorf("%w: %w", errAbsent, err)
		}
		return r, nil
	}
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
