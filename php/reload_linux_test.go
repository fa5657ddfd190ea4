package php

import (
	"bufio"
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// load sends requests without a pause on kept connections, one for each worker,
// as a pool does: told of a new address, it closes the old connections as they
// become free. It tries nothing twice.
type load struct {
	script string
	where  atomic.Pointer[Server]
	stop   atomic.Bool
	done   sync.WaitGroup

	answers, faults atomic.Int64
	first           atomic.Pointer[error]
}

func startLoad(t *testing.T, s Server, script string) *load {
	l := &load{script: script}
	l.where.Store(&s)
	for range s.Workers {
		l.done.Go(l.run)
	}
	t.Cleanup(l.end)
	return l
}

func (l *load) end() {
	l.stop.Store(true)
	l.done.Wait()
}

func (l *load) run() {
	var conn net.Conn
	var r *bufio.Reader
	var at *Server
	drop := func() {
		if conn != nil {
			_ = conn.Close()
			conn = nil
		}
	}
	defer drop()
	for !l.stop.Load() {
		if now := l.where.Load(); now != at {
			drop()
			at = now
		}
		err := error(nil)
		if conn == nil {
			if conn, err = net.Dial(at.Network, at.Address); err == nil {
				err = conn.SetDeadline(time.Now().Add(20 * time.Second))
				r = bufio.NewReader(conn)
			}
		}
		if err == nil {
			err = l.ask(conn, r)
		}
		if err != nil {
			l.faults.Add(1)
			l.first.CompareAndSwap(nil, &err)
			drop()
			continue
		}
		l.answers.Add(1)
	}
}

var errAnswer = errors.New("wrong answer")

func (l *load) ask(conn net.Conn, r *bufio.Reader) error {
	params := appendPair(nil, "SCRIPT_FILENAME", l.script)
	params = appendPair(appendPair(params, "REQUEST_METHOD", "GET"), "REDIRECT_STATUS", "200")
	b := appendRecord(nil, typeBeginRequest, 1, []byte{0, roleResponder, 1, 0, 0, 0, 0, 0})
	b = appendRecord(appendRecord(b, typeParams, 1, params), typeParams, 1, nil)
	if _, err := conn.Write(appendRecord(b, typeStdin, 1, nil)); err != nil {
		return err
	}
	var out strings.Builder
	for {
		kind, content, err := readRecord(r)
		if err != nil {
			return err
		}
		if kind == typeStdout {
			out.Write(content)
		}
		if kind == typeEndRequest {
			if !strings.HasSuffix(out.String(), "\r\n\r\nall of it") {
				return errAnswer
			}
			return nil
		}
	}
}

func eachShared(t *testing.T, test func(t *testing.T, start func(testing.TB, func(*Options)) *Group)) {
	t.Run(ModeFPM.String(), func(t *testing.T) { test(t, startFPM) })
	t.Run(ModeShared.String(), func(t *testing.T) { test(t, startGroup) })
}

// No request is lost, of any kind: the client closes the connections.
func TestReloadUnderLoadLosesNothing(t *testing.T) {
	eachShared(t, func(t *testing.T, start func(testing.TB, func(*Options)) *Group) {
		g := start(t, nil)
		l := startLoad(t, g.Servers()[0], script(t, "<?php echo 'all '; usleep(rand(0, 3000)); echo 'of it';"))
		const reloads = 20
		pids, old := map[int]bool{}, map[string]bool{}
		for range reloads {
			s := g.Servers()[0]
			pids[s.State.PID], old[s.Address] = true, true
			err := g.Reload(t.Context(), func(list []Server) { l.where.Store(&list[0]) })
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(20 * time.Millisecond)
		}
		eventually(t, "old processes are gone", func() bool { return len(g.procs[0].leaders()) == 1 })
		l.end()
		if l.faults.Load() != 0 {
			t.Errorf("%d of %d requests lost: %v", l.faults.Load(), l.faults.Load()+l.answers.Load(), *l.first.Load())
		}
		t.Logf("%d requests", l.answers.Load())
		if l.answers.Load() < 10*reloads || len(pids) != reloads || len(old) != reloads {
			t.Errorf("%d answers, %d masters, %d addresses", l.answers.Load(), len(pids), len(old))
		}
		for pid := range pids {
			if left := groupMembers(pid); len(left) != 0 {
				t.Errorf("left: %v", left)
			}
		}
		for address := range old {
			if _, err := os.Stat(address); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("socket %s is left: %v", address, err)
			}
		}
		if s := g.State(); s.Restarts != 0 || s.Err != nil || s.Phase != Running {
			t.Errorf("State() = %+v", s)
		}
	})
}

// A request that takes longer than the reload is finished, and its worker is
// known until then.
func TestReloadFinishesRequests(t *testing.T) {
	eachShared(t, func(t *testing.T, start func(testing.TB, func(*Options)) *Group) {
		g := start(t, nil)
		s := g.Servers()[0]
		busy, idle, late := dial(t, s), dial(t, s), dial(t, s)
		idle.pid()
		busy.send(script(t, "<?php $end = microtime(true) + 2.5; while (microtime(true) < $end) usleep(1000); echo 'done';"))
		if err := idle.conn.Close(); err != nil {
			t.Fatal(err)
		}
		if err := g.Reload(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		// Who was about to connect is served.
		if got := late.get(script(t, "<?php echo 'late';")); got != "late" {
			t.Errorf("got %q", got)
		}
		if got := dial(t, g.Servers()[0]).get(script(t, "<?php echo 'new';")); got != "new" {
			t.Errorf("got %q", got)
		}
		time.Sleep(reloadSettle + 200*time.Millisecond)
		busy.fd(func(fd uintptr) {
			w, err := g.WorkerOf(fd)
			if err != nil {
				t.Errorf("WorkerOf: %v", err)
			}
			if !isChild(g.procs[0].leaders(), w) {
				t.Errorf("worker %+v is not known", w)
			}
		})
		if body, all, err := busy.receive(); err != nil || body != "done" {
			t.Errorf("request in flight: %q, %v", all, err)
		}
	})
}

// Replaced processes that do not end are no obstacle to Stop.
func TestStopDuringDrain(t *testing.T) {
	eachShared(t, func(t *testing.T, start func(testing.TB, func(*Options)) *Group) {
		g := start(t, nil)
		stuck := dial(t, g.Servers()[0])
		stuck.send(script(t, "<?php set_time_limit(0); while (true) usleep(1000);"))
		time.Sleep(100 * time.Millisecond)
		if err := g.Reload(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if err := g.Stop(300 * time.Millisecond); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("Stop took %s", took)
		}
		if err := g.Reload(t.Context(), nil); !errors.Is(err, ErrStopped) {
			t.Errorf("Reload after Stop = %v", err)
		}
	})
}

// A worker that does not finish within RequestTime is ended.
func TestDrainIsLimited(t *testing.T) {
	eachShared(t, func(t *testing.T, start func(testing.TB, func(*Options)) *Group) {
		g := start(t, func(o *Options) { o.RequestTime = time.Second })
		stuck := dial(t, g.Servers()[0])
		stuck.send(script(t, "<?php set_time_limit(0); while (true) usleep(1000);"))
		time.Sleep(100 * time.Millisecond)
		if err := g.Reload(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		if _, _, err := stuck.receive(); err == nil {
			t.Error("the stuck request was answered")
		}
		eventually(t, "old process is gone", func() bool { return len(g.procs[0].leaders()) == 1 })
	})
}

// A reload that fails changes nothing.
func TestReloadFails(t *testing.T) {
	b, err := phpFPM()
	if err != nil {
		t.Skip(err)
	}
	broken := filepath.Join(t.TempDir(), "broken")
	g := startFPM(t, func(o *Options) {
		o.Binary = fakeBinary(t, "if [ -e "+broken+" ]; then $(cat "+broken+"); fi; exec "+b.Path+` "$@"`)
		o.Binary.Version = b.Version
	})
	before := g.Servers()[0]
	k := dial(t, before)
	k.pid()
	wantSame := func() {
		t.Helper()
		after := g.Servers()[0]
		if after.Address != before.Address || after.State.PID != before.State.PID || after.State.Phase != Running {
			t.Errorf("server %+v, before %+v", after, before)
		}
		if got := k.get(script(t, "<?php echo 1;")); got != "1" {
			t.Errorf("got %q", got)
		}
	}
	swap := func([]Server) { t.Error("swap was called") }
	if err := os.WriteFile(broken, []byte("kill -9 0"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := g.Reload(t.Context(), swap); err == nil || !strings.Contains(err.Error(), "php-fpm ended: signal: killed") {
		t.Errorf("Reload() = %v", err)
	}
	wantSame()
	if err := os.WriteFile(broken, []byte("sleep 600"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if err := g.Reload(ctx, swap); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Reload() = %v", err)
	}
	wantSame()
	if err := os.Remove(broken); err != nil {
		t.Fatal(err)
	}
	if err := g.Reload(t.Context(), nil); err != nil {
		t.Error(err)
	}
	if g.Servers()[0].Address == before.Address {
		t.Error("the address is the old one")
	}
	if entries, err := filepath.Glob(filepath.Join(filepath.Dir(before.Address), "g*.sock")); err != nil || len(entries) != 1 {
		t.Errorf("sockets of failed reloads are left: %v, %v", entries, err)
	}
}

// After a reload the new process is watched as the first was.
func TestReloadedIsReplaced(t *testing.T) {
	eachShared(t, func(t *testing.T, start func(testing.TB, func(*Options)) *Group) {
		g := start(t, nil)
		if err := g.Reload(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		s := g.Servers()[0]
		if err := syscall.Kill(s.State.PID, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		// Until then a worker may accept in its last millisecond.
		eventually(t, "it is gone", func() bool { return g.State().PID != s.State.PID })
		if got := dial(t, s).get(script(t, "<?php echo 1;")); got != "1" {
			t.Errorf("got %q", got)
		}
		eventually(t, "running again", func() bool { return g.State().Phase == Running && g.State().PID != s.State.PID })
		if g.Servers()[0].Address != s.Address || g.State().Restarts != 1 {
			t.Errorf("%+v, before %+v", g.Servers()[0], s)
		}
	})
}

func TestReloadUnsupported(t *testing.T) {
	g := startGroup(t, func(o *Options) { o.Mode = ModeSingle })
	if err := g.Reload(t.Context(), nil); !errors.Is(err, ErrUnsupported) {
		t.Errorf("Reload() = %v", err)
	}
}
