package php

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

var phpFPM = sync.OnceValues(func() (Binary, error) { return FindFPMBinary("") })

// startFPM starts a php-fpm of our own with two workers.
func startFPM(t testing.TB, change func(*Options)) *Group {
	t.Helper()
	b, err := phpFPM()
	if err != nil {
		t.Skipf("needs php-fpm: %v", err)
	}
	return startGroup(t, func(o *Options) {
		o.Mode, o.Binary, o.Site, o.Dir = ModeFPM, b, idOf(o), dirFor(t, idOf(o))
		if change != nil {
			change(o)
		}
	})
}

// dirFor makes a folder with a short name that has the test's id.
func dirFor(t testing.TB, id string) string {
	t.Helper()
	dir := filepath.Join(os.TempDir(), id)
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func TestFPMServes(t *testing.T) {
	pool := "sluice-"
	g := startFPM(t, func(o *Options) {
		pool += o.Site + "_"
		o.Workers, o.Site = 3, o.Site+"ä"
	})
	eventually(t, "the test finds all processes", func() bool { return len(marked(idOf(&g.opts))) == 4 })
	servers := g.Servers()
	if len(servers) != 1 || servers[0].Workers != 3 || servers[0].State.Phase != Running {
		t.Fatalf("Servers() = %+v", servers)
	}
	s := servers[0]
	for path, want := range map[string]os.FileMode{filepath.Dir(s.Address): 0o700, s.Address: 0o600, filepath.Join(filepath.Dir(s.Address), "fpm.conf"): 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: mode %v, %v; want %v", path, info.Mode().Perm(), err, want)
		}
	}
	pids := map[int]bool{}
	for range 3 {
		k := dial(t, s)
		pids[k.pid()] = true
		k.fd(func(fd uintptr) {
			if w, err := g.WorkerOf(fd); err != nil || !pids[w.PID] {
				t.Errorf("WorkerOf = %+v, %v; want one of %v", w, err, pids)
			}
		})
	}
	if len(pids) != 3 {
		t.Errorf("3 kept connections are served by %v, want 3 workers", pids)
	}
	// All workers are taken, and the status still answers.
	status, err := g.Status(t.Context())
	if err != nil || status.Manager != "static" || len(status.Processes) != 3 {
		t.Errorf("Status() = %+v, %v", status, err)
	}
	if n, exact := status.Children(); n != 3 || !exact {
		t.Errorf("Children() = %d, %t", n, exact)
	}
	if status.Pool != pool {
		t.Errorf("pool %q", status.Pool)
	}
	workers := g.Workers()
	if len(workers) != 3 { // without the one for the status
		t.Errorf("Workers() = %+v", workers)
	}
	for _, m := range workers {
		if !pids[m.PID] || m.RSSBytes < 1<<20 {
			t.Errorf("worker %+v, want one of %v", m, pids)
		}
	}
}

func TestFPMSettingsReachPHP(t *testing.T) {
	odd := `a;b "q" \x ${HOME} # $x =|&^~!(){}[]`
	both := `it's "q" \ end\\ ${HOME} ; $x \`
	g := startFPM(t, func(o *Options) {
		o.Ini = map[string]string{"error_prepend_string": odd, "memory_limit": "77M", "user_agent": both, "docref_ext": "a"}
		o.FPM.AdminIni = map[string]string{"error_append_string": both, "docref_root": odd, "docref_ext": ".b"}
		o.RequestTime, o.BodyMaxBytes = 1500*time.Millisecond, 123456
		o.Env["FOO"] = "bar ' \" ;"
	})
	k := dial(t, g.Servers()[0])
	for name, want := range map[string]string{
		"error_prepend_string": odd, "memory_limit": "77M", "user_agent": both, "error_append_string": both,
		"docref_root": odd, "docref_ext": ".b", "max_execution_time": "2", "post_max_size": "123456",
	} {
		if got := k.get(script(t, "<?php echo ini_get('"+name+"');")); got != want {
			t.Errorf("ini_get(%s) = %q, want %q", name, got, want)
		}
	}
	if got := k.get(script(t, "<?php ini_set('docref_ext', 'c'); echo ini_get('docref_ext');")); got != ".b" {
		t.Errorf("a script changed an admin value to %q", got)
	}
	if got := k.get(script(t, "<?php echo getenv('FOO'), '|', getenv('PATH') != '', '|', ini_get('opcache.enable');")); got != "bar ' \" ;|1|1" {
		t.Errorf("environment: %q", got)
	}
	facts, err := g.Probe(t.Context())
	if err != nil || facts.SAPI != "fpm-fcgi" || facts.PostMaxBytes != 123456 || facts.MemoryLimit != 77<<20 {
		t.Errorf("Probe() = %+v, %v", facts, err)
	}
	if err := g.Ping(t.Context()); err != nil {
		t.Errorf("Ping() = %v", err)
	}
}

// Workers share one opcache, and finish requests behind the client's back.
func TestFPMCan(t *testing.T) {
	g := startFPM(t, func(o *Options) { o.Ini = map[string]string{"opcache.file_update_protection": "0"} })
	file := script(t, "<?php echo function_exists('fastcgi_finish_request'), (int)opcache_is_script_cached(__FILE__);")
	first, second := dial(t, g.Servers()[0]), dial(t, g.Servers()[0])
	first.get(file)
	if got := second.get(file); got != "11" {
		t.Errorf("second worker answers %q, want 11", got)
	}
}

func TestFPMRefusesOtherExtensions(t *testing.T) {
	g := startFPM(t, func(o *Options) { o.FPM.Extensions = []string{".php5", ".inc-x"} })
	k := dial(t, g.Servers()[0])
	file := script(t, "<?php echo 'run';")
	if got := k.get(file); strings.Contains(got, "run") || !strings.Contains(got, "Access denied") {
		t.Errorf("%s: %q", file, got)
	}
	if err := os.Rename(file, file+"5"); err != nil {
		t.Fatal(err)
	}
	if got := k.get(file + "5"); got != "run" {
		t.Errorf(".php5: %q", got)
	}
	if facts, err := g.Probe(t.Context()); err != nil || facts.SAPI != "fpm-fcgi" {
		t.Errorf("Probe() = %+v, %v", facts, err)
	}
}

// Workers of another user.
func TestFPMUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	g := startFPM(t, func(o *Options) { o.Account = &Account{Name: "nobody", UID: 65534, GID: 65534} })
	facts, err := g.Probe(t.Context())
	if err != nil || facts.SAPI != "fpm-fcgi" {
		t.Errorf("Probe() = %+v, %v", facts, err)
	}
	dir := dirFor(t, "of-"+idOf(&g.opts))
	file := filepath.Join(dir, "x.php")
	if err := errors.Join(os.Chmod(dir, 0o755), os.WriteFile(file, []byte("<?php echo posix_geteuid(), ' ', posix_getegid();"), 0o644)); err != nil {
		t.Fatal(err)
	}
	k := dial(t, g.Servers()[0])
	if got := k.get(file); got != "65534 65534" {
		t.Errorf("workers run as %q, want 65534 65534", got)
	}
	k.fd(func(fd uintptr) {
		if err := g.Retire(fd); err != nil {
			t.Errorf("Retire: %v", err)
		}
	})
}

// The end of the master is the end of its workers; who connects meanwhile waits
// at our socket and is served by the next.
func TestFPMKilledMasterIsReplaced(t *testing.T) {
	g := startFPM(t, nil)
	s := g.Servers()[0]
	old := s.State.PID
	for _, sig := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM, syscall.SIGQUIT} {
		pid := g.State().PID
		if err := syscall.Kill(pid, sig); err != nil {
			t.Fatal(err)
		}
		eventually(t, "master is gone", func() bool { return g.State().PID != pid })
		k := dial(t, s)
		if got := k.get(script(t, "<?php echo 1;")); got != "1" {
			t.Errorf("after %s: %q", sig, got)
		}
		if err := k.conn.Close(); err != nil { // a worker told to end waits for that
			t.Fatal(err)
		}
		eventually(t, "running again", func() bool { return g.State().Phase == Running && g.State().PID != pid })
		if left := groupMembers(pid); len(left) != 0 {
			t.Errorf("after %s are left: %v", sig, left)
		}
	}
	if st := g.State(); st.Restarts != 3 || st.Err == nil || !strings.Contains(st.Err.Error(), "php-fpm ended: ") || st.PID == old {
		t.Errorf("State() = %+v", st)
	}
}

func TestFPMKilledWorkerIsReplaced(t *testing.T) {
	g := startFPM(t, nil)
	master := g.State().PID
	k := dial(t, g.Servers()[0])
	k.send(script(t, "<?php while (true) usleep(1000);"))
	var w Worker
	eventually(t, "accepted", func() bool {
		var err error
		k.fd(func(fd uintptr) { w, err = g.WorkerOf(fd) })
		return err == nil
	})
	if err := g.Kill(w, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if _, _, err := k.receive(); err == nil {
		t.Error("a killed worker answered")
	}
	eventually(t, "worker is gone", func() bool { return errors.Is(g.Kill(w, syscall.SIGKILL), ErrWorkerGone) })
	eventually(t, "two workers", func() bool { return len(g.Workers()) == 2 })
	for range 2 {
		if pid := dial(t, g.Servers()[0]).pid(); pid == w.PID {
			t.Errorf("served by dead worker %d", pid)
		}
	}
	if g.State().PID != master || g.State().Restarts != 0 {
		t.Errorf("State() = %+v, want master %d", g.State(), master)
	}
}

// Interrupt ends a script as its own time limit would, and the connection lives.
func TestFPMInterrupt(t *testing.T) {
	g := startFPM(t, nil)
	k := dial(t, g.Servers()[0])
	pid := k.pid()
	k.send(script(t, "<?php set_time_limit(0); register_shutdown_function(function () { echo 'shut'; }); while (true) usleep(1000);"))
	time.Sleep(100 * time.Millisecond)
	k.fd(func(fd uintptr) {
		w, err := g.WorkerOf(fd)
		if err == nil {
			err = g.Interrupt(w)
		}
		if err != nil {
			t.Error(err)
		}
	})
	body, all, err := k.receive()
	if err != nil || body != "shut" || !strings.Contains(all, "Maximum execution time") {
		t.Errorf("answer %q (%q), %v", body, all, err)
	}
	if again := k.pid(); again != pid {
		t.Errorf("then served by %d, want %d", again, pid)
	}
}

// Retire loses nothing and takes no longer than the worker needs.
func TestFPMRetire(t *testing.T) {
	g := startFPM(t, func(o *Options) { o.MaxRequests = 10 })
	for range 5 {
		k := dial(t, g.Servers()[0])
		pid := k.pid()
		began := time.Now()
		k.fd(func(fd uintptr) {
			if err := g.Retire(fd); err != nil {
				t.Fatal(err)
			}
		})
		if took := time.Since(began); took > retireLimit/2 {
			t.Errorf("Retire took %s", took)
		}
		if s, err := readStat(pid); err == nil && !s.dead() {
			t.Errorf("worker %d lives", pid)
		}
		if _, err := k.conn.Read(make([]byte, 1)); err == nil {
			t.Error("the connection goes on")
		}
		eventually(t, "two workers", func() bool { return len(g.Workers()) == 2 })
	}
}

func TestFPMTerminateTime(t *testing.T) {
	g := startFPM(t, func(o *Options) { o.FPM.TerminateTime = time.Second })
	k := dial(t, g.Servers()[0])
	began := time.Now()
	k.send(script(t, "<?php set_time_limit(0); while (true) usleep(1000);"))
	if _, _, err := k.receive(); err == nil || time.Since(began) > 4*time.Second {
		t.Errorf("the end came after %s with %v", time.Since(began), err)
	}
	eventually(t, "two workers", func() bool { return len(g.Workers()) == 2 })
}

// php-fpm's own reload, which somebody else may ask it for, keeps our socket and
// stays on the leash.
func TestFPMReloadsItself(t *testing.T) {
	g := startFPM(t, nil)
	s := g.Servers()[0]
	k := dial(t, s)
	before := k.pid()
	if err := syscall.Kill(s.State.PID, syscall.SIGUSR2); err != nil {
		t.Fatal(err)
	}
	if err := k.conn.Close(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "new workers", func() bool {
		again := dial(t, s)
		defer func() { _ = again.conn.Close() }()
		return again.pid() > before+1
	})
	if now := g.State(); now.PID != s.State.PID || now.Phase != Running || now.Restarts != 0 {
		t.Errorf("State() = %+v, before %+v", now, s.State)
	}
}

func TestFPMStop(t *testing.T) {
	g := startFPM(t, nil)
	pid := g.State().PID
	k, stuck := dial(t, g.Servers()[0]), dial(t, g.Servers()[0])
	k.send(script(t, "<?php usleep(400000); echo 'done';"))
	stuck.send(script(t, "<?php exec('sleep 600 >/dev/null 2>&1 &'); set_time_limit(0); while (true) usleep(1000);"))
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
	if left := groupMembers(pid); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}

func TestFPMStopIsQuickWhenIdle(t *testing.T) {
	g := startFPM(t, nil)
	dial(t, g.Servers()[0]).get(script(t, "<?php exec('sleep 600 >/dev/null 2>&1 &');"))
	k := dial(t, g.Servers()[0])
	k.pid()
	if err := k.conn.Close(); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	// The first connection is kept: only the grace ends its worker.
	if err := g.Stop(300 * time.Millisecond); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("Stop took %s", took)
	}
}

func TestFPMSlowScript(t *testing.T) {
	core, logs := observer.New(zapcore.InfoLevel)
	slow := make(chan SlowRequest, 9)
	g := startFPM(t, func(o *Options) {
		o.FPM.SlowTime, o.FPM.OnSlow, o.Log = time.Millisecond, func(r SlowRequest) { slow <- r }, zap.New(core)
	})
	k := dial(t, g.Servers()[0])
	file := script(t, "<?php\nfunction f() {\n  usleep(2500000);\n}\nf();\n")
	pid := k.pid()
	k.get(file)
	select {
	case r := <-slow:
		if r.PID != pid || r.Script != file || len(r.Trace) != 2 || r.Trace[0] != (Frame{"usleep()", file, 3}) || r.Trace[1] != (Frame{"f()", file, 5}) {
			t.Errorf("slow request %+v", r)
		}
	case <-time.After(5 * time.Second):
		t.Fatalf("no trace; log: %v", logs.All())
	}
	if n := logs.FilterMessage("slow script").Len(); n != 1 {
		t.Errorf("%d in the log", n)
	}
	if n := logs.FilterMessage("php output").Len(); n != 0 {
		t.Errorf("noise in the log: %v", logs.FilterMessage("php output").All())
	}
	if s, err := g.Status(t.Context()); err != nil || s.Slow != 1 {
		t.Errorf("Status() = %+v, %v", s, err)
	}
}

func TestFPMOutputIsLogged(t *testing.T) {
	core, logs := observer.New(zapcore.InfoLevel)
	g := startFPM(t, func(o *Options) { o.Log = zap.New(core) })
	dial(t, g.Servers()[0]).get(script(t, `<?php $f = fopen('php://stderr', 'w'); fwrite($f, "PHP Fatal error: hello\nplain\n"); fclose($f);`))
	eventually(t, "two lines", func() bool { return logs.FilterMessage("php output").Len() >= 2 })
	if err := syscall.Kill(g.Workers()[0].PID, syscall.SIGSEGV); err != nil {
		t.Fatal(err)
	}
	eventually(t, "three lines", func() bool { return logs.FilterMessage("php output").Len() >= 3 })
	want := []struct {
		level zapcore.Level
		text  string
	}{{zapcore.ErrorLevel, "PHP Fatal error: hello"}, {zapcore.WarnLevel, "plain"}, {zapcore.WarnLevel, "exited on signal 11"}}
	for i, entry := range logs.FilterMessage("php output").All() {
		line := entry.ContextMap()["line"].(string)
		if i >= len(want) || entry.Level != want[i].level || !strings.Contains(line, want[i].text) {
			t.Errorf("line %d: %s %q", i, entry.Level, line)
		}
	}
}

func TestFPMStartFails(t *testing.T) {
	b, err := phpFPM()
	if err != nil {
		t.Skip(err)
	}
	opts := testOptions(t)
	opts.Mode, opts.Binary = ModeFPM, b
	opts.FPM.AdminIni = map[string]string{"extension": "/nonexistent.so"}
	opts.Account = &Account{Name: "no-such-user", UID: 4242}
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	g, err := NewGroup(opts)
	if err != nil {
		t.Fatal(err)
	}
	err = g.Start(t.Context())
	if err == nil || !strings.Contains(err.Error(), "php-fpm ended: exit status 78") || !strings.Contains(err.Error(), "cannot get uid for user 'no-such-user'") {
		t.Errorf("Start() = %v", err)
	}
	if entries, err := os.ReadDir(opts.Dir); err != nil || len(entries) != 0 {
		t.Errorf("left in the folder: %v, %v", entries, err)
	}
}

func TestStatusNeedsFPM(t *testing.T) {
	g := startGroup(t, nil)
	if _, err := g.Status(t.Context()); !errors.Is(err, ErrUnsupported) {
		t.Errorf("Status() = %v", err)
	}
	if err := g.Ping(t.Context()); !errors.Is(err, ErrUnsupported) {
		t.Errorf("Ping() = %v", err)
	}
}
