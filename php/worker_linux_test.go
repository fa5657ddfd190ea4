package php

import (
	"errors"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func workerOf(t *testing.T, g *Group, k *kept) Worker {
	t.Helper()
	var w Worker
	var err error
	k.fd(func(fd uintptr) { w, err = g.WorkerOf(fd) })
	if err != nil {
		t.Fatalf("WorkerOf: %v", err)
	}
	return w
}

func TestWorkerOf(t *testing.T) {
	eachMode(t, func(t *testing.T, mode Mode) {
		g := startGroup(t, func(o *Options) { o.Mode, o.Workers = mode, 3 })
		servers := g.Servers()
		for i := range 3 {
			k := dial(t, servers[i%len(servers)])
			pid := k.pid()
			if w := workerOf(t, g, k); w.PID != pid {
				t.Errorf("WorkerOf = %+v, want pid %d", w, pid)
			}
		}
	})
}

func TestWorkerOfWaitingConnection(t *testing.T) {
	g := startGroup(t, func(o *Options) { o.Workers = 1 })
	s := g.Servers()[0]
	first := dial(t, s)
	first.pid()
	waiting := dial(t, s)
	var err error
	waiting.fd(func(fd uintptr) { _, err = g.WorkerOf(fd) })
	if !errors.Is(err, ErrNotAccepted) {
		t.Errorf("WorkerOf(waiting) = %v, want ErrNotAccepted", err)
	}
	if _, err := g.WorkerOf(0); err == nil {
		t.Error("WorkerOf(not a socket) has no error")
	}
}

// Kill reaches no process but a living worker of this very group.
func TestKillChecks(t *testing.T) {
	eachMode(t, func(t *testing.T, mode Mode) {
		g, other := startGroup(t, func(o *Options) { o.Mode = mode }), startGroup(t, func(o *Options) { o.Mode = mode })
		w := workerOf(t, g, func() *kept { k := dial(t, g.Servers()[0]); k.pid(); return k }())
		if err := other.Kill(w, syscall.SIGKILL); !errors.Is(err, ErrWorkerGone) {
			t.Errorf("Kill of another group's worker = %v", err)
		}
		if mode == ModeShared {
			reused := w
			reused.Started++
			if err := g.Kill(reused, syscall.SIGKILL); !errors.Is(err, ErrWorkerGone) {
				t.Errorf("Kill with another start time = %v", err)
			}
		}
		if err := g.Kill(Worker{Server: 9, PID: w.PID}, syscall.SIGKILL); !errors.Is(err, ErrWorkerGone) {
			t.Errorf("Kill with a bad server = %v", err)
		}
		if !g.alive(w) {
			t.Fatal("the worker is dead")
		}
		if err := g.Kill(w, syscall.SIGKILL); err != nil {
			t.Errorf("Kill = %v", err)
		}
		eventually(t, "worker is dead", func() bool { return !g.alive(w) })
		if err := g.Kill(w, syscall.SIGKILL); !errors.Is(err, ErrWorkerGone) {
			t.Errorf("second Kill = %v", err)
		}
	})
}

func TestRetire(t *testing.T) {
	eachMode(t, func(t *testing.T, mode Mode) {
		g := startGroup(t, func(o *Options) { o.Mode, o.Workers = mode, 1 })
		s := g.Servers()[0]
		k := dial(t, s)
		pid := k.pid()
		w := workerOf(t, g, k)
		if mode != ModeSingleTCP {
			// This one is in the backlog while the only worker retires. (A port
			// that php binds refuses until its successor is up.)
			meanwhile := dial(t, s)
			meanwhile.send(script(t, "<?php echo getmypid();"))
			defer func() {
				body, all, err := meanwhile.receive()
				if got, _ := strconv.Atoi(body); err != nil || got == pid || got == 0 {
					t.Errorf("connection opened meanwhile: %q, %v", all, err)
				}
			}()
		}
		began := time.Now()
		var err error
		k.fd(func(fd uintptr) { err = g.Retire(fd) })
		if err != nil {
			t.Fatalf("Retire = %v", err)
		}
		if took := time.Since(began); took > retireLimit/2 {
			t.Errorf("Retire took %s: the worker did not end by itself", took)
		}
		if g.alive(w) {
			t.Error("the worker is alive after Retire")
		}
		if _, err := k.r.ReadByte(); err == nil {
			t.Error("the connection is open after Retire")
		}
		eventually(t, "a new worker", func() bool {
			ws := g.Workers()
			return len(ws) == 1 && ws[0].PID != pid && g.State().Phase == Running
		})
		if state := g.State(); state.Err != nil {
			t.Errorf("retiring counts as a failure: %v", state.Err)
		}
	})
}

// Interrupt ends a script as PHP's own time limit does: busy, asleep, or with its
// limit lifted. The worker and the connection go on.
func TestInterrupt(t *testing.T) {
	scripts := map[string]string{
		"busy":   "while (true);",
		"asleep": "sleep(60);",
		"lifted": "set_time_limit(0); while (true) usleep(100000);",
	}
	g := startGroup(t, nil)
	for name, text := range scripts {
		t.Run(name, func(t *testing.T) {
			k := dial(t, g.Servers()[0])
			pid := k.pid()
			k.send(script(t, "<?php register_shutdown_function(function () { echo 'shut down'; }); while (ob_get_level()) ob_end_flush(); echo ' '; flush(); "+text))
			if _, err := k.r.Peek(1); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			if err := g.Interrupt(workerOf(t, g, k)); err != nil {
				t.Fatal(err)
			}
			body, all, err := k.receive()
			if err != nil || !strings.Contains(all, "Maximum execution time") || !strings.HasSuffix(body, "shut down") {
				t.Errorf("answer %q, %v", all, err)
			}
			if took := time.Since(began); took > time.Second {
				t.Errorf("took %s", took)
			}
			if got := k.pid(); got != pid {
				t.Errorf("served by %d, want %d", got, pid)
			}
			_ = k.conn.Close()
		})
	}
}
