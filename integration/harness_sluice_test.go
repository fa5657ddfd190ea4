//go:build linux

package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// sluiceTuning are settings that only sluice is asked for; zero values leave
// its defaults.
type sluiceTuning struct {
	requestTime string // php.request_time
	queue       int    // php.queue
	queueTime   string // php.queue_time
	maxRequests int    // php.max_requests
	accessLog   string // access_log.path
	sendTime    string // limits.send_time
	flags       []string
}

// startSluice runs the built program with a configuration file, or with flags
// alone when the site needs nothing that flags cannot say.
func startSluice(t testing.TB, st site) *server {
	t.Helper()
	bin := sluiceBinary(t)
	dir := workDir(t)
	s := &server{kind: "sluice", addr: freeAddr(t), dir: dir}
	conf := filepath.Join(dir, "sluice.toml")
	writeFile(t, conf, sluiceConf(st, s))
	s.run(t, bin, append([]string{"serve", "--config", conf}, st.tuning.flags...))
	return s
}

// startSluiceConf runs it with a configuration of the test's own; {addr} stands
// for the address to listen on.
func startSluiceConf(t testing.TB, text string) *server {
	t.Helper()
	bin := sluiceBinary(t)
	dir := workDir(t)
	s := &server{kind: "sluice", addr: freeAddr(t), dir: dir}
	conf := filepath.Join(dir, "sluice.toml")
	writeFile(t, conf, strings.ReplaceAll(text, "{addr}", s.addr))
	s.run(t, bin, []string{"serve", "--config", conf})
	return s
}

// run starts the program. SLUICE_ENGINE lets the whole suite run on another
// engine than the default.
func (s *server) run(t testing.TB, bin string, args []string) {
	t.Helper()
	if engine := os.Getenv("SLUICE_ENGINE"); engine != "" && !slices.Contains(args, "--engine") {
		args = append(args, "--engine", engine)
	}
	s.proc = startProcess(t, s.dir, "sluice", exec.Command(bin, args...))
	awaitListening(t, s.proc, "tcp", s.addr)
}

// startSluiceZero serves a folder with no configuration at all.
func startSluiceZero(t testing.TB, root string, flags ...string) *server {
	t.Helper()
	bin := sluiceBinary(t)
	dir := workDir(t)
	s := &server{kind: "sluice", addr: freeAddr(t), dir: dir}
	s.run(t, bin, append([]string{"serve", root, "--listen", s.addr}, flags...))
	return s
}

func sluiceConf(st site, s *server) string {
	tune := st.tuning
	var b strings.Builder
	line := func(set bool, format string, value any) {
		if set {
			fmt.Fprintf(&b, format+"\n", value)
		}
	}
	line(true, "listen = [%q]", s.addr)
	line(true, "spool_dir = %q", s.dir)
	line(tune.accessLog != "", "access_log.path = %q", tune.accessLog)
	line(tune.sendTime != "", "limits.send_time = %q", tune.sendTime)
	line(true, "[[site]]\nroot = %q", st.root)
	line(st.app != "", "app = %q", st.app)
	line(st.bodyMiB != 0, "body_max = \"%dMiB\"", st.bodyMiB)
	line(true, "[site.php]\nworkers = %d", st.workerCount())
	line(tune.requestTime != "", "request_time = %q", tune.requestTime)
	line(tune.queue != 0, "queue = %d", tune.queue)
	line(tune.queueTime != "", "queue_time = %q", tune.queueTime)
	line(tune.maxRequests != 0, "max_requests = %d", tune.maxRequests)
	if len(st.ini) > 0 {
		b.WriteString("[site.php.ini]\n")
		for _, key := range sortedKeys(st.ini) {
			fmt.Fprintf(&b, "%q = %q\n", key, st.ini[key])
		}
	}
	return b.String()
}
