//go:build linux

package integration

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// phpOf lists the PHP processes below a server.
func phpOf(t *testing.T, s *server) []procID {
	t.Helper()
	var php []procID
	for _, id := range descendants(s.proc.pid()) {
		if stat, ok := readStat(id.pid); ok && strings.HasPrefix(stat.name, "php") {
			php = append(php, id)
		}
	}
	return php
}

// TestFaultNoOrphans: however sluice ends, its PHP ends with it, a busy worker
// too.
func TestFaultNoOrphans(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGKILL} {
		t.Run(sig.String(), func(t *testing.T) {
			st, mark := faultSite(t)
			st.workers = 3
			s := startSluice(t, st)
			wantParallel(t, s, mark, 3)
			if sig == syscall.SIGKILL {
				inFlight(s, "GET", at("spin.php", mark), "")
				markedPid(t, mark, "spin")
			}
			php := phpOf(t, s)
			if len(php) < 3 {
				t.Fatalf("%d PHP processes before the end, want 3 at least", len(php))
			}
			s.proc.signal(t, sig)
			state, ended := s.proc.waitGone(10 * time.Second)
			if !ended {
				t.Fatalf("sluice still runs after %v", sig)
			}
			if sig != syscall.SIGKILL && state.ExitCode() != 0 {
				t.Errorf("exit code %d after %v\n%s", state.ExitCode(), sig, s.proc.tail(2000))
			}
			for _, id := range php {
				if !eventually(5*time.Second, func() bool { return !id.alive() }) {
					t.Errorf("PHP process %d outlived sluice", id.pid)
				}
			}
		})
	}
}

// TestFaultGracefulStop: requests in flight finish, new ones find nobody, and
// an idle connection holds nothing up.
func TestFaultGracefulStop(t *testing.T) {
	st, mark := faultSite(t)
	s := startSluice(t, st)
	idle := dial(t, s.addr)
	if _, err := fmt.Fprintf(idle, "GET /hello.php HTTP/1.1\r\nHost: %s\r\n\r\n", s.addr); err != nil {
		t.Fatal(err)
	}
	if a, err := readAnswer(bufio.NewReader(idle), "GET"); err != nil || a.body != "hello" {
		t.Fatalf("hello.php: %v, %q", err, a.body)
	}
	flight := inFlight(s, "GET", at("sleep.php", mark, "s", "2", "id", "last"), "")
	upload := dial(t, s.addr)
	if _, err := io.WriteString(upload, strings.TrimSuffix(request(s, "POST", "/echo.php", "half and half"), "half")); err != nil {
		t.Fatal(err)
	}
	markedPid(t, mark, "last")
	began := time.Now()
	s.proc.signal(t, syscall.SIGTERM)
	refused := eventually(time.Second, func() bool {
		c, err := net.DialTimeout("tcp", s.addr, time.Second)
		if err == nil {
			_ = c.Close()
		}
		return err != nil
	})
	if !refused {
		t.Error("new connections are still accepted a second after SIGTERM")
	}
	if _, err := io.WriteString(upload, "half"); err != nil {
		t.Errorf("the rest of a request in flight: %v", err)
	}
	if a, err := readAnswer(bufio.NewReader(upload), "POST"); err != nil || a.status != http.StatusOK || !strings.HasPrefix(a.body, "13 ") {
		t.Errorf("the upload in flight: status %d, %q, %v", a.status, a.body, err)
	}
	if a := await(t, "the request in flight", flight, 10*time.Second); a.status != http.StatusOK || !strings.HasPrefix(a.body, "slept") {
		t.Errorf("the request in flight: status %d, %q", a.status, a.body)
	}
	state, ended := s.proc.waitGone(5 * time.Second)
	if !ended || state.ExitCode() != 0 {
		t.Errorf("ended %v, %v", ended, state)
	}
	if took := time.Since(began); took > 6*time.Second {
		t.Errorf("stopping took %v for a request of 2 s", took)
	}
}

// TestFaultLogReopen: after SIGUSR1 the log goes to a new file, and no line is
// lost between the two.
func TestFaultLogReopen(t *testing.T) {
	st, _ := faultSite(t)
	dir := workDir(t)
	log, old := filepath.Join(dir, "access.log"), filepath.Join(dir, "access.log.1")
	st.tuning.accessLog = log
	s := startSluice(t, st)
	for i := range 10 {
		get(t, s, fmt.Sprint("/static.txt?before=", i))
	}
	if err := os.Rename(log, old); err != nil {
		t.Fatal(err)
	}
	get(t, s, "/static.txt?between=1")
	s.proc.signal(t, syscall.SIGUSR1)
	reopened := eventually(5*time.Second, func() bool {
		_, err := os.Stat(log)
		return err == nil
	})
	if !reopened {
		t.Fatal("no new log after SIGUSR1")
	}
	for i := range 10 {
		get(t, s, fmt.Sprint("/hello.php?after=", i), "User-Agent: log \"reader\"")
	}
	lines := func(path, text string) int {
		data, _ := os.ReadFile(path)
		return strings.Count(string(data), text)
	}
	// The log is buffered: give it its time.
	complete := eventually(10*time.Second, func() bool { return lines(old, "between=")+lines(log, "between=") == 1 && lines(log, "after=") == 10 })
	if !complete || lines(old, "before=") != 10 || lines(log, "before=") != 0 {
		t.Errorf("lines of old and new log: before %d+%d, between %d+%d, after %d+%d; want 10+0, 1, 0+10",
			lines(old, "before="), lines(log, "before="), lines(old, "between="), lines(log, "between="), lines(old, "after="), lines(log, "after="))
	}
	if want := `"GET /hello.php?after=0 HTTP/1.1" 200 5 "-" "log \"reader\""`; lines(log, want) != 1 {
		t.Errorf("no line in the combined format: %s\n%s", want, tailOf(log, 500))
	}
}

// TestFaultStart: what keeps sluice from starting is said so that a person can
// act on it, with a non-zero code and no stack trace.
func TestFaultStart(t *testing.T) {
	bin := sluiceBinary(t)
	st, _ := faultSite(t)
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = busy.Close() }()
	taken := busy.Addr().String()
	dir := workDir(t)
	broken := filepath.Join(dir, "sluice.toml")
	writeFile(t, broken, "listen = [\"127.0.0.1:0\"]\nlimts.head = \"1KiB\"\n[[site]]\nroot = \""+st.root+"\"\nphp.workers = -3\nbody_max = \"plenty\"\n")
	free := "127.0.0.1:0"
	tests := []struct {
		name string
		args []string
		want []string // each must be in the output
	}{
		{"port taken", []string{"serve", st.root, "--listen", taken}, []string{taken, "in use"}},
		{"no php-cgi", []string{"serve", st.root, "--listen", free, "--php", "/nowhere/php-cgi"}, []string{"/nowhere/php-cgi"}},
		{"no php at all", []string{"serve", st.root, "--listen", free, "--php", "/bin/false"}, []string{"/bin/false"}},
		{"folder missing", []string{"serve", filepath.Join(dir, "nothing"), "--listen", free}, []string{filepath.Join(dir, "nothing")}},
		{"folder is a file", []string{"serve", broken, "--listen", free}, []string{broken, "not a folder"}},
		{"configuration missing", []string{"serve", "--config", filepath.Join(dir, "none.toml")}, []string{"none.toml"}},
		{"bad address", []string{"serve", st.root, "--listen", "127.0.0.1:http:x"}, []string{"127.0.0.1:http:x"}},
		{"bad flag", []string{"serve", st.root, "--lisen", free}, []string{"lisen"}},
		{"bad choice", []string{"serve", st.root, "--listen", free, "--hidden-files", "maybe"}, []string{"maybe", "refuse", "apache"}},
		{"all faults", []string{"serve", "--config", broken}, []string{":2:", "limits", ":5:", "workers", ":6:", "plenty"}},
		{"check all faults", []string{"check", "--config", broken}, []string{":2:", "limits", ":5:", "workers", ":6:", "plenty"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := startProcess(t, workDir(t), "sluice", exec.Command(bin, tt.args...))
			state, ended := p.waitGone(15 * time.Second)
			if !ended {
				t.Fatalf("sluice %v still runs", tt.args)
			}
			if state.ExitCode() <= 0 {
				t.Errorf("exit code %d", state.ExitCode())
			}
			out := p.output()
			for _, text := range tt.want {
				if !strings.Contains(out, text) {
					t.Errorf("no %q in\n%s", text, out)
				}
			}
			if strings.Contains(out, "goroutine ") || strings.Contains(out, "panic") {
				t.Errorf("a stack trace is no message:\n%s", out)
			}
		})
	}
}

// TestFaultZeroConfig: the banner of a folder served with no configuration.
func TestFaultZeroConfig(t *testing.T) {
	st, _ := faultSite(t)
	s := startSluiceZero(t, st.root, "--workers", "2", "--access-log", "-", "--log-level", "info", "--php", "auto", "--hidden-files", "refuse")
	if a := get(t, s, "/hello.php"); a.status != http.StatusOK || a.body != "hello" {
		t.Fatalf("hello.php: status %d, %q", a.status, a.body)
	}
	out := ""
	shown := eventually(5*time.Second, func() bool {
		out = s.proc.output()
		return strings.Contains(out, "GET /hello.php")
	})
	if !shown {
		t.Errorf("no access log on standard output")
	}
	for _, text := range []string{s.addr, st.root, "8.", "2"} {
		if !strings.Contains(out, text) {
			t.Errorf("no %q in the banner", text)
		}
	}
	lower := strings.ToLower(out)
	for _, text := range []string{"php", "worker"} {
		if !strings.Contains(lower, text) {
			t.Errorf("no %q in the banner:\n%s", text, out)
		}
	}
	version, err := exec.Command(sluiceBinary(t), "version").CombinedOutput()
	if err != nil || !strings.Contains(string(version), "sluice") {
		t.Errorf("version: %v, %q", err, version)
	}
}
