//go:build linux

package integration

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sort"
	"testing"
	"time"
)

// site says what a server is to host, in words that sluice, nginx and Apache
// all have a set-up for.
type site struct {
	root    string
	app     string            // sluice's name of the application; "" lets it look for itself
	front   string            // the oracles' front controller, "/index.php" or "/index.html"; "" for none
	workers int               // php workers; 0 means 4
	bodyMiB int               // largest request body; 0 means the server's default
	ini     map[string]string // php settings
	tuning  sluiceTuning      // only sluice is asked for these
}

// server is a running web server.
type server struct {
	kind string // "sluice", "nginx", "apache"
	addr string // 127.0.0.1:port
	dir  string // its own files: logs, configuration
	proc *process
	logs []string // further log files, printed when the test fails
}

func (s *server) url(path string) string { return "http://" + s.addr + path }

func (s *server) port() string {
	_, port, _ := net.SplitHostPort(s.addr)
	return port
}

// startHost starts the server that the application suites run against.
func startHost(t testing.TB, st site) *server {
	t.Helper()
	switch kind := os.Getenv("INTEGRATION_HOST"); kind {
	case "", "sluice":
		return startSluice(t, st)
	case "nginx":
		return startNginx(t, st, startFPM(t, st))
	case "apache":
		return startApache(t, st, startFPM(t, st))
	default:
		t.Fatalf("integration: INTEGRATION_HOST %q is not sluice, nginx or apache", kind)
		return nil
	}
}

// hostIsSluice is false when an oracle stands in.
func hostIsSluice() bool {
	kind := os.Getenv("INTEGRATION_HOST")
	return kind == "" || kind == "sluice"
}

// freeAddr is an address nobody listens on at this moment.
func freeAddr(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return addr
}

// awaitListening waits until something accepts on addr or the process ends.
func awaitListening(t testing.TB, p *process, network, addr string) {
	t.Helper()
	const startMax = 20 * time.Second
	up := eventually(startMax, func() bool {
		if !p.running() {
			return true
		}
		c, err := net.DialTimeout(network, addr, time.Second)
		if err != nil {
			return false
		}
		_ = c.Close()
		return true
	})
	if !p.running() {
		t.Fatalf("integration: %s ended at start: %v\n%s", p.name, p.cmd.ProcessState, p.tail(4096))
	}
	if !up {
		t.Fatalf("integration: %s does not listen on %s after %v\n%s", p.name, addr, startMax, p.tail(4096))
	}
}

// showLogs prints a server's own log files when the test fails.
func (s *server) showLogs(t testing.TB) {
	t.Cleanup(func() {
		if !t.Failed() {
			return
		}
		for _, path := range s.logs {
			t.Logf("last lines of %s %s:\n%s", s.kind, filepath.Base(path), tailOf(path, 4096))
		}
	})
}

// sortedKeys makes generated configurations the same on each run.
func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

func (st site) workerCount() int {
	if st.workers == 0 {
		return 4
	}
	return st.workers
}

// asRoot says whether the oracles must be told which user to be.
func asRoot() bool { return os.Geteuid() == 0 }

func bodySize(st site) string {
	if st.bodyMiB == 0 {
		return "1m"
	}
	return fmt.Sprintf("%dm", st.bodyMiB)
}
