package php

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

var modes = []Mode{ModeShared, ModeSingle, ModeSingleTCP}

func eachMode(t *testing.T, test func(t *testing.T, mode Mode)) {
	for _, mode := range modes {
		t.Run(mode.String(), func(t *testing.T) { test(t, mode) })
	}
}

func TestGroupServes(t *testing.T) {
	eachMode(t, func(t *testing.T, mode Mode) {
		g := startGroup(t, func(o *Options) { o.Mode = mode; o.Workers = 3 })
		servers, workers := g.Servers(), 0
		for _, s := range servers {
			workers += s.Workers
			if k := dial(t, s); k.get(script(t, "<?php echo 6*7;")) != "42" {
				t.Errorf("%s does not serve", s.Address)
			}
		}
		wantServers := 3
		if mode == ModeShared {
			wantServers = 1
		}
		if len(servers) != wantServers || workers != 3 {
			t.Errorf("%d servers with %d workers, want %d with 3", len(servers), workers, wantServers)
		}
		eventually(t, "all workers are up", func() bool { return len(g.Workers()) == 3 })
		for _, m := range g.Workers() {
			if m.RSSBytes < 1<<20 || m.RSSBytes > 1<<30 || m.SharedBytes > m.RSSBytes {
				t.Errorf("memory of %d: %+v", m.PID, m)
			}
		}
		if s := g.State(); s.Phase != Running || s.PID == 0 || s.Err != nil {
			t.Errorf("State() = %+v", s)
		}
	})
}

// Connections in excess of the workers wait in the backlog of a socket that is
// ours, while a worker keeps each of the others.
func TestSharedSocketIsPrivateAndShared(t *testing.T) {
	g := startGroup(t, func(o *Options) { o.Workers = 3 })
	s := g.Servers()[0]
	pids := map[int]bool{}
	for range 3 {
		pids[dial(t, s).pid()] = true
	}
	if len(pids) != 3 {
		t.Errorf("3 kept connections are served by %v, want 3 workers", pids)
	}
	for path, want := range map[string]os.FileMode{filepath.Dir(s.Address): 0o700, s.Address: 0o600} {
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: mode %v, %v; want %v", path, info.Mode().Perm(), err, want)
		}
	}
}

func TestSettingsReachPHP(t *testing.T) {
	values := map[string]string{
		"error_prepend_string": `a;b "q" \x ${HOME} # $x =|&^~!(){}[]`,
		"error_append_string":  `it's "q" \ end\\ ${HOME} ; $x \`,
		"docref_root":          `C:\php\`,
		"docref_ext":           "",
		"user_agent":           "ünï '",
		"memory_limit":         "77M",
		"html_errors":          "0",
	}
	g := startGroup(t, func(o *Options) {
		o.Ini, o.RequestTime, o.BodyMaxBytes = values, 1500*time.Millisecond, 123456
		o.Env["FOO"] = "bar ' \" ;"
	})
	k := dial(t, g.Servers()[0])
	for name, want := range values {
		if got := k.get(script(t, "<?php echo ini_get('"+name+"');")); got != want {
			t.Errorf("ini_get(%s) = %q, want %q", name, got, want)
		}
	}
	for name, want := range map[string]string{"max_execution_time": "2", "post_max_size": "123456", "upload_max_filesize": "123456"} {
		if got := k.get(script(t, "<?php echo ini_get('"+name+"');")); got != want {
			t.Errorf("ini_get(%s) = %q, want %q", name, got, want)
		}
	}
	if got := k.get(script(t, "<?php echo getenv('FOO');")); got != "bar ' \" ;" {
		t.Errorf("getenv(FOO) = %q", got)
	}
	if got := k.get(script(t, "<?php echo ini_get('opcache.enable') . extension_loaded('json');")); got != "11" {
		t.Errorf("settings of the system are lost: %q", got)
	}
}

func TestEnvironmentIsClean(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://evil")
	t.Setenv("SECRET_OF_SLUICE", "x")
	g := startGroup(t, nil)
	got := dial(t, g.Servers()[0]).get(script(t, "<?php system('env');"))
	if strings.Contains(got, "evil") || strings.Contains(got, "SECRET") || !strings.Contains(got, "PATH=") {
		t.Errorf("environment: %s", got)
	}
}

// A worker that dies is replaced by its parent, or its supervisor.
func TestKilledWorkerIsReplaced(t *testing.T) {
	eachMode(t, func(t *testing.T, mode Mode) {
		g := startGroup(t, func(o *Options) { o.Mode = mode })
		s := g.Servers()[0]
		k := dial(t, s)
		pid := k.pid()
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		if _, err := k.r.ReadByte(); err == nil {
			t.Error("the connection of a dead worker is open")
		}
		eventually(t, "two living workers", func() bool {
			n := 0
			for _, w := range g.Workers() {
				if w.PID != pid {
					n++
				}
			}
			return n == 2
		})
		eventually(t, "server runs", func() bool { return g.Servers()[0].State.Phase == Running })
		if got := dial(t, s).pid(); got == pid {
			t.Errorf("served by dead worker %d", pid)
		}
	})
}

// When the parent dies its workers are ended, and who connects meanwhile waits in
// the backlog and is served.
func TestKilledParentIsReplaced(t *testing.T) {
	var mu sync.Mutex
	var phases []Phase
	g := startGroup(t, func(o *Options) {
		o.OnChange = func(e Event) {
			mu.Lock()
			phases = append(phases, e.State.Phase)
			mu.Unlock()
		}
	})
	s := g.Servers()[0]
	old := s.State.PID
	busy := dial(t, s)
	busy.send(script(t, "<?php set_time_limit(0); while (true);"))
	// The other worker is taken, too: it could accept in its last millisecond.
	dial(t, s).pid()
	eventually(t, "worker accepted", func() bool {
		var err error
		busy.fd(func(fd uintptr) { _, err = g.WorkerOf(fd) })
		return err == nil
	})
	if err := syscall.Kill(old, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if got := dial(t, s).get(script(t, "<?php echo 1;")); got != "1" {
		t.Errorf("got %q", got)
	}
	eventually(t, "running again", func() bool { return g.State().Phase == Running && g.State().PID != old })
	if left := groupMembers(old); len(left) != 0 {
		t.Errorf("of the old group are left: %v", left)
	}
	state := g.State()
	if state.Restarts != 1 || state.Err == nil || !strings.Contains(state.Err.Error(), "killed") {
		t.Errorf("State() = %+v", state)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(phases) != 4 || phases[0] != Starting || phases[1] != Running || phases[2] != Starting || phases[3] != Running {
		t.Errorf("phases %v, want starting running starting running", phases)
	}
}

// fakeBinary is a shell script in php-cgi's place.
func fakeBinary(t *testing.T, text string) Binary {
	t.Helper()
	path := filepath.Join(t.TempDir(), "php-cgi")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o700); err != nil {
		t.Fatal(err)
	}
	return Binary{Path: path, Version: "8.2.0"}
}

func TestStartFails(t *testing.T) {
	tests := []struct{ name, script, want string }{
		{"missing library", "echo 'error while loading shared libraries: libfoo.so' >&2; exit 127", "exit status 127: error while loading shared libraries: libfoo.so"},
		{"exits with 0", "echo usage", "exit status 0: usage"},
		{"is killed", "kill -9 $$", "signal: killed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			opts := testOptions(t)
			opts.Binary = fakeBinary(t, tt.script)
			g, err := NewGroup(opts)
			if err != nil {
				t.Fatal(err)
			}
			err = g.Start(t.Context())
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Start() = %v, want %q", err, tt.want)
			}
			if g.State().Phase != Stopped {
				t.Errorf("phase %s after a failed start", g.State().Phase)
			}
			if entries, err := os.ReadDir(opts.Dir); err != nil || len(entries) != 0 {
				t.Errorf("left in the folder: %v, %v", entries, err)
			}
		})
	}
}

func TestStartWithoutExecutable(t *testing.T) {
	opts := testOptions(t)
	opts.Binary.Path = "/nonexistent/php-cgi"
	g, err := NewGroup(opts)
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Start(t.Context()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Start() = %v, want not exist", err)
	}
}

func TestKeepTrying(t *testing.T) {
	b, err := phpCGI()
	if err != nil {
		t.Skip(err)
	}
	ok := filepath.Join(t.TempDir(), "ok")
	g := startGroup(t, func(o *Options) {
		o.KeepTrying = true
		o.Binary = fakeBinary(t, "if [ -e "+ok+" ]; then exec "+b.Path+"; fi; echo not yet >&2; exit 3")
	})
	eventually(t, "backing off", func() bool { return g.State().Phase == BackingOff })
	s := g.State()
	if s.Err == nil || !strings.Contains(s.Err.Error(), "exit status 3: not yet") || s.Until.Before(s.Since) || s.PID != 0 {
		t.Errorf("State() = %+v", s)
	}
	if err := os.WriteFile(ok, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	eventually(t, "running", func() bool { return g.State().Phase == Running })
	if g.State().Restarts < 2 {
		t.Errorf("%d restarts, want 2 or more", g.State().Restarts)
	}
}

func TestStartIsCancelled(t *testing.T) {
	opts := testOptions(t)
	opts.Binary = fakeBinary(t, "sleep 600 & sleep 600")
	g, err := NewGroup(opts)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := g.Start(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Start() = %v", err)
	}
	if err := g.Start(t.Context()); !errors.Is(err, ErrStopped) {
		t.Errorf("second Start() = %v", err)
	}
}

// A worker in a request finishes it within the grace, and is killed after it.
func TestStopGrace(t *testing.T) {
	eachMode(t, func(t *testing.T, mode Mode) {
		g := startGroup(t, func(o *Options) { o.Mode = mode })
		k, stuck := dial(t, g.Servers()[0]), dial(t, g.Servers()[len(g.Servers())-1])
		k.send(script(t, "<?php $end = microtime(true) + .4; while (microtime(true) < $end); echo 'done';"))
		stuck.send(script(t, "<?php set_time_limit(0); while (true);"))
		time.Sleep(150 * time.Millisecond)
		began := time.Now()
		if err := g.Stop(time.Second); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took < 900*time.Millisecond || took > 3*time.Second {
			t.Errorf("Stop took %s, want 1 s", took)
		}
		if body, all, err := k.receive(); err != nil || body != "done" {
			t.Errorf("request in flight: %q, %v", all, err)
		}
		if _, _, err := stuck.receive(); err == nil {
			t.Error("the stuck request was answered")
		}
		if g.State().Phase != Stopped {
			t.Errorf("phase %s", g.State().Phase)
		}
	})
}

func TestStopIsQuickWhenIdle(t *testing.T) {
	g := startGroup(t, nil)
	began := time.Now()
	if err := g.Stop(5 * time.Second); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("Stop of idle workers took %s", took)
	}
}

func TestOutputIsLoggedAndLimited(t *testing.T) {
	core, logs := observer.New(zapcore.DebugLevel)
	g := startGroup(t, func(o *Options) { o.Log = zap.New(core) })
	k := dial(t, g.Servers()[0])
	k.get(script(t, `<?php $f = fopen('php://stderr', 'w'); fwrite($f, "PHP Fatal error: hello\n");
		for ($i = 0; $i < 2000; $i++) fwrite($f, str_repeat('x', 5000) . "\n"); fclose($f);`))
	if err := g.Stop(0); err != nil {
		t.Fatal(err)
	}
	lines := logs.FilterMessage("php output").All()
	if len(lines) == 0 || len(lines) > linesBurst+50 {
		t.Fatalf("%d lines logged, want about %d", len(lines), linesBurst)
	}
	first := lines[0].ContextMap()
	if first["line"] != "PHP Fatal error: hello" || first["site"] != "test" || lines[0].Level != zapcore.ErrorLevel {
		t.Errorf("first line %v", lines[0])
	}
	if s := lines[1].ContextMap(); s["line"] != strings.Repeat("x", lineMaxBytes) || s["cut"] != true {
		t.Errorf("second line %v", s)
	}
	dropped := int64(0)
	for _, entry := range logs.FilterMessage("php output dropped").All() {
		dropped += entry.ContextMap()["lines"].(int64)
	}
	if total := int64(len(lines)) + dropped; total != 2001 {
		t.Errorf("%d logged and %d dropped, want 2001", len(lines), dropped)
	}
}

func TestLongPathFallsBack(t *testing.T) {
	g := startGroup(t, func(o *Options) {
		o.Dir = filepath.Join(o.Dir, strings.Repeat("d", 100))
		if err := os.Mkdir(o.Dir, 0o700); err != nil {
			t.Fatal(err)
		}
	})
	address := g.Servers()[0].Address
	if len(address) > socketPathMaxBytes || !strings.HasPrefix(address, "/tmp/") {
		t.Errorf("address %q", address)
	}
	if err := g.Stop(0); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Dir(address)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("folder is left: %v", err)
	}
}

// Starting, losing and stopping groups leaves no descriptor and no goroutine.
func TestNothingLeaks(t *testing.T) {
	cycle := func() {
		for _, mode := range modes {
			g := startGroup(t, func(o *Options) { o.Mode = mode })
			pid := g.State().PID
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			eventually(t, "restarted", func() bool { s := g.Servers()[0].State; return s.Phase == Running && s.PID != pid })
			if _, err := g.Probe(t.Context()); err != nil {
				t.Error(err)
			}
			if err := g.Stop(0); err != nil {
				t.Error(err)
			}
		}
	}
	cycle() // descriptors of the runtime
	fds, goroutines := openFiles(t), runtime.NumGoroutine()
	cycle()
	eventually(t, "goroutines end", func() bool { return runtime.NumGoroutine() <= goroutines })
	if now := openFiles(t); now > fds {
		t.Errorf("%d open descriptors, %d before", now, fds)
	}
}

func openFiles(t *testing.T) int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// The port of a TCP worker stays the same when it is replaced.
func TestTCPPortIsStable(t *testing.T) {
	g := startGroup(t, func(o *Options) { o.Mode, o.Workers = ModeSingleTCP, 1 })
	s := g.Servers()[0]
	if host, _, err := net.SplitHostPort(s.Address); err != nil || host != "127.0.0.1" || s.Network != "tcp" {
		t.Errorf("server %+v", s)
	}
	if err := syscall.Kill(s.State.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "running again", func() bool {
		now := g.Servers()[0]
		return now.State.Phase == Running && now.State.PID != s.State.PID && now.Address == s.Address
	})
}
