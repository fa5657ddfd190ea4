//go:build linux

package integration

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// pool is a php-fpm that is not sluice's.
type pool struct {
	listen   string // a path or host:port
	children int
	name     string // what its scripts find in POOL
	control  string // process_control_timeout; "" for php-fpm's own 0
}

// poolCommand writes a pool's configuration and makes the command that runs it.
func poolCommand(t testing.TB, p pool) *exec.Cmd {
	t.Helper()
	bin := tool(t, "php-fpm", "php-fpm[0-9]*")
	dir := workDir(t)
	var b strings.Builder
	fmt.Fprintf(&b, "[global]\ndaemonize = no\nerror_log = /dev/stderr\n")
	if p.control != "" {
		fmt.Fprintf(&b, "process_control_timeout = %s\n", p.control)
	}
	fmt.Fprintf(&b, "[www]\nlisten = %s\npm = static\npm.max_children = %d\n", p.listen, p.children)
	b.WriteString("pm.status_path = /status\nping.path = /ping\n")
	if p.name != "" {
		fmt.Fprintf(&b, "env[POOL] = %s\n", p.name)
	}
	b.WriteString("php_admin_value[post_max_size] = 64M\n")
	args := []string{"-F", "-y", filepath.Join(dir, "fpm.conf")}
	if asRoot() {
		b.WriteString("user = root\ngroup = root\n")
		args = append(args, "-R")
	}
	writeFile(t, filepath.Join(dir, "fpm.conf"), b.String())
	return exec.Command(bin, args...)
}

// startPool runs a pool and waits until it listens.
func startPool(t testing.TB, p pool) *process {
	t.Helper()
	network := "tcp"
	if filepath.IsAbs(p.listen) {
		network = "unix"
	}
	proc := startProcess(t, workDir(t), "php-fpm-"+p.name, poolCommand(t, p))
	awaitListening(t, proc, network, p.listen)
	return proc
}

// readies says how often a php-fpm has come up, at its start and after reloads.
func readies(p *process) int {
	return strings.Count(p.output(), "ready to handle connections")
}

// awaitReady waits until it has come up n times.
func awaitReady(t testing.TB, p *process, n int) {
	t.Helper()
	if !eventually(40*time.Second, func() bool { return readies(p) >= n || !p.running() }) || !p.running() {
		t.Fatalf("integration: php-fpm has come up %d times, want %d\n%s", readies(p), n, p.tail(4096))
	}
}

// linesOf counts the lines of a file by what they say.
func linesOf(t testing.TB, path string) map[string]int {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]int{}
	for line := range strings.Lines(string(text)) {
		counts[strings.TrimSuffix(line, "\n")]++
	}
	return counts
}

// TestGatewayManagedVaries: where php-fpm's workers come and go, requests that come
// together are served together, and one worker is left when it is calm.
func TestGatewayManagedVaries(t *testing.T) {
	const most = 6
	s := newStand(t)
	host := startSluiceConf(t, s.conf(t)+"[[site]]\nroot = \""+s.srv("php")+"\"\nphp = { manager = \"fpm\", workers = 6, workers_min = 1 }\n")
	client := plainClient(t)
	workers := func() (n int) {
		for _, id := range descendants(host.proc.pid()) {
			if line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", id.pid)); err == nil && strings.Contains(string(line), "pool sluice-") {
				n++
			}
		}
		return n
	}
	for round := range 3 {
		var all sync.WaitGroup
		began := time.Now()
		for i := range most {
			all.Go(func() {
				a, err := exchange(client, "GET", host.url(fmt.Sprintf("/app.php?do=echo&ms=300&id=%d", i)), "", http.NoBody)
				wants(t, "script", a, err, fmt.Sprint("echo ", i))
			})
		}
		all.Wait()
		took := time.Since(began)
		t.Logf("round %d: %v with %d workers", round, took, workers())
		if took > 1500*time.Millisecond { // one after the other: 1.8 s
			t.Errorf("round %d: %d requests of 300 ms took %v", round, most, took)
		}
	}
	if !eventually(time.Minute, func() bool { return workers() == 1 }) {
		t.Errorf("%d workers are left, want 1", workers())
	}
}
