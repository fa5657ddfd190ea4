//go:build linux

package main

import (
	"context"
	"errors"
	"net"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"
)

// Only few connections are accepted at once; the next when one has been closed,
// however often.
func TestFewListener(t *testing.T) {
	inner, err := net.Listen("unix", t.TempDir()+"/s")
	if err != nil {
		t.Fatal(err)
	}
	l := &fewListener{inner, make(chan struct{}, 2)}
	defer func() { _ = l.Close() }()
	accepted := make(chan net.Conn)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				close(accepted)
				return
			}
			accepted <- c
		}
	}()
	for range 4 {
		c, err := net.Dial("unix", inner.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
	}
	next := func(want bool) net.Conn {
		t.Helper()
		wait := 10 * time.Second
		if !want {
			wait = 50 * time.Millisecond
		}
		select {
		case c := <-accepted:
			if !want {
				t.Fatal("one too many")
			}
			return c
		case <-time.After(wait):
			if want {
				t.Fatal("none accepted")
			}
			return nil
		}
	}
	first := next(true)
	next(true)
	next(false)
	for range 2 {
		_ = first.Close()
	}
	next(true)
	next(false)
}

func TestAppAnswers(t *testing.T) {
	server := httptest.NewServer(appHandler())
	defer server.Close()
	n := 0
	for _, sc := range scenarios() {
		if sc.backend != goApp && sc.backend != goFew {
			continue
		}
		n++
		begin := time.Now()
		if _, err := probe(server.Listener.Addr().String(), sc); err != nil {
			t.Errorf("%s: %v", sc.name, err)
		}
		if waited := time.Since(begin) >= appWait; !waited && sc.path == appSlow {
			t.Errorf("%s: answered at once", sc.name)
		}
	}
	if n == 0 {
		t.Error("no scenario asks it")
	}
	for _, bad := range [][]string{nil, {"unix", "/nowhere/s", "0"}, {"unix", "s", "x"}} {
		if err := serveApp(bad); err == nil {
			t.Errorf("serveApp(%q): no error", bad)
		}
	}
}

func TestFPMArguments(t *testing.T) {
	b := &bench{options: options{workers: 7}, scratch: t.TempDir()}
	argv, err := fpmArguments(b, "x", "/usr/sbin/php-fpm0", "/run/x.sock")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(argv[3])
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"listen = /run/x.sock\n", "pm = static\n", "pm.max_children = 7\n"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

// counted is a peer that does nothing.
type counted struct {
	kind    backendKind
	stopped *int
}

func (c *counted) takes(sc scenario) bool { return sc.backend == c.kind }
func (c *counted) prepare(context.Context, scenario) (string, error) {
	return "set-up" + string(c.kind), nil
}
func (c *counted) load(context.Context, scenario) (sample, error) { return sample{}, nil }
func (c *counted) idle() (usage, time.Duration, error)            { return usage{}, 0, nil }
func (c *counted) stop()                                          { *c.stopped++ }

// A kind of backend is started once, by the first scenario that needs it.
func TestByBackend(t *testing.T) {
	ctx := context.Background()
	starts, stopped := map[backendKind]int{}, 0
	p, err := startByBackend(ctx, nil, func(_ context.Context, _ *bench, kind backendKind) (running, error) {
		starts[kind]++
		if kind == goFew {
			return nil, errors.New("no such thing")
		}
		return &counted{kind, &stopped}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		for kind, want := range map[backendKind]string{phpCGI: "set-up", phpFPM: "set-upfpm", goFew: ""} {
			sc := scenario{backend: kind}
			got, err := p.prepare(ctx, sc)
			if !p.takes(sc) || got != want || (err == nil) != (want != "") {
				t.Errorf("%q: prepared %q, %v", kind, got, err)
			}
		}
	}
	if starts[phpCGI] != 1 || starts[phpFPM] != 1 || starts[goApp] != 0 {
		t.Errorf("starts %v", starts)
	}
	if _, err := p.load(ctx, scenario{backend: goFew}); err == nil {
		t.Error("load of what did not start: no error")
	}
	if p.stop(); stopped != 2 {
		t.Errorf("%d stopped, want 2", stopped)
	}
}
