//go:build unix

package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/fcgi"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// program is the built binary.
var program string

func TestMain(m *testing.M) { os.Exit(buildAndRun(m)) }

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "sluice-cmd")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	program = filepath.Join(dir, "sluice")
	if out, err := exec.Command("go", "build", "-buildvcs=false", "-ldflags", "-X main.version=1.2.3-test", "-o", program, ".").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// run runs the program to its end.
func run(t *testing.T, dir string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	var out, fault bytes.Buffer
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &out, &fault
	err := cmd.Run()
	var ee *exec.ExitError
	if err != nil && !errors.As(err, &ee) {
		t.Fatalf("%v: %v", args, err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), fault.String()
}

// daemonProcess is a sluice that serves.
type daemonProcess struct {
	t     *testing.T
	cmd   *exec.Cmd
	addr  string
	ended chan struct{}

	mu     sync.Mutex
	banner string
	stderr bytes.Buffer
}

func (p *daemonProcess) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stderr.Write(b)
}

func (p *daemonProcess) log() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stderr.String()
}

// told is what it has printed.
func (p *daemonProcess) told() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.banner
}

// serveFor starts sluice and waits for its banner's last line.
func serveFor(t *testing.T, args ...string) *daemonProcess {
	t.Helper()
	p := &daemonProcess{t: t, ended: make(chan struct{})}
	p.cmd = exec.Command(program, append([]string{"serve"}, args...)...)
	p.cmd.Stderr = p
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ready := make(chan struct{})
	go func() {
		defer close(p.ended)
		r := bufio.NewReader(out)
		for told := false; ; {
			line, err := r.ReadString('\n')
			p.mu.Lock()
			p.banner += line
			p.mu.Unlock()
			if !told && (strings.HasPrefix(line, "  engine") || err != nil) {
				told = true
				close(ready)
			}
			if err != nil {
				break
			}
		}
		_ = p.cmd.Wait()
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.ended
	})
	select {
	case <-ready:
	case <-time.After(15 * time.Second):
		t.Fatalf("sluice %v does not get ready: %s", args, p.log())
	}
	if m := regexp.MustCompile(`http://(\S+)/`).FindStringSubmatch(p.told()); m != nil {
		p.addr = m[1]
	}
	return p
}

func (p *daemonProcess) signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// exits waits for the end and checks the exit code.
func (p *daemonProcess) exits(code int) {
	p.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(10 * time.Second):
		p.t.Fatalf("sluice does not end: %s", p.log())
	}
	if got := p.cmd.ProcessState.ExitCode(); got != code {
		p.t.Errorf("exit code %d, want %d: %s", got, code, p.log())
	}
}

func (p *daemonProcess) get(path string) (int, string) {
	p.t.Helper()
	res, err := http.Get("http://" + p.addr + path)
	if err != nil {
		p.t.Fatalf("%v; log: %s", err, p.log())
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

func write(t *testing.T, dir, name, content string) string {
	t.Helper()
	full := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(full, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return full
}

// staticDir is a folder that needs no PHP.
func staticDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, "index.html", "<h1>static</h1>")
	return dir
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within 5 s: %s", what)
		}
	}
}

// fakePHP is a FastCGI server whose scripts wait until they are released.
func fakePHP(t *testing.T) (socket string, began <-chan struct{}, release chan<- struct{}) {
	t.Helper()
	dir, err := os.MkdirTemp("", "sl") //nolint:usetesting // t.TempDir is too long for a socket's name
	if err != nil {
		t.Fatal(err)
	}
	socket = filepath.Join(dir, "php")
	ln, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = ln.Close()
		_ = os.RemoveAll(dir)
	})
	begin, let := make(chan struct{}, 10), make(chan struct{})
	go func() {
		_ = fcgi.Serve(ln, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !strings.HasPrefix(r.URL.Path, "/wait.php") {
				http.Error(w, "no facts", http.StatusTeapot) // sluice asks for PHP's limits
				return
			}
			begin <- struct{}{}
			<-let
			_, _ = io.WriteString(w, "waited")
		}))
	}()
	return socket, begin, let
}
