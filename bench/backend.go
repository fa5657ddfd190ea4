//go:build linux

package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

// backendKind is what answers the requests of a scenario behind the servers.
type backendKind string

const (
	phpCGI backendKind = ""    // a php-cgi parent with its workers
	phpFPM backendKind = "fpm" // a php-fpm pool
	goApp  backendKind = "app" // net/http/fcgi, any number of connections
	goFew  backendKind = "few" // the same, as many connections as there are workers
)

// program finds what a kind needs.
func (k backendKind) program() (string, error) {
	switch k {
	case phpFPM:
		return fpmProgram()
	case goApp, goFew:
		return os.Executable()
	case phpCGI:
	}
	return exec.LookPath("php-cgi")
}

// backend is a running one: each peer, and each of its set-ups, has its own.
type backend struct {
	*process
	kind    backendKind
	network string // "unix" or "tcp"
	address string
}

// startBackend starts one on a Unix socket in b.scratch, or on a port of
// 127.0.0.1.
func startBackend(b *bench, kind backendKind, name, network string) (*backend, error) {
	g := &backend{kind: kind, network: network, address: filepath.Join(b.scratch, name+".sock")}
	if network == "tcp" {
		port, err := freePort()
		if err != nil {
			return nil, err
		}
		g.address = fmt.Sprintf("127.0.0.1:%d", port)
	}
	program, err := kind.program()
	if err != nil {
		return nil, err
	}
	var env []string
	argv := []string{program, "-b", g.address}
	switch kind {
	case phpCGI:
		env = []string{
			fmt.Sprintf("PHP_FCGI_CHILDREN=%d", b.workers),
			"PHP_FCGI_MAX_REQUESTS=0", // no pauses for new workers
			"PHP_FCGI_BACKLOG=65535",  // as long as the system allows
		}
	case phpFPM:
		if argv, err = fpmArguments(b, name, program, g.address); err != nil {
			return nil, err
		}
	case goApp:
		argv = []string{program, appCommand, network, g.address, "0"}
	case goFew:
		argv = []string{program, appCommand, network, g.address, strconv.Itoa(b.workers)}
	}
	if g.process, err = startProcess(b.scratch, name, env, argv...); err != nil {
		return nil, err
	}
	if err := g.ready(); err != nil {
		g.stop()
		return nil, err
	}
	return g, nil
}

// ready waits until it accepts connections.
func (g *backend) ready() error {
	for end := time.Now().Add(readyWait); ; time.Sleep(5 * time.Millisecond) {
		c, err := net.Dial(g.network, g.address)
		if err == nil {
			return c.Close()
		}
		if died := g.died(); died != nil {
			return died
		}
		if time.Now().After(end) {
			return fmt.Errorf("bench: %s: %w", g.cmd.Path, err)
		}
	}
}

// fpmProgram is Debian's php-fpm8.2 or the like; the newest where there are many.
func fpmProgram() (string, error) {
	if path, err := exec.LookPath("php-fpm"); err == nil {
		return path, nil
	}
	list, err := filepath.Glob("/usr/sbin/php-fpm[0-9]*")
	if err != nil || len(list) == 0 {
		return "", errors.Join(errors.New("bench: no php-fpm"), err)
	}
	return list[len(list)-1], nil
}

// fpmArguments writes the configuration of a pool with a fixed number of
// children. It runs as the user that sluice and nginx run as here.
func fpmArguments(b *bench, name, program, address string) ([]string, error) {
	conf := filepath.Join(b.scratch, name+".conf")
	text := fmt.Sprintf(`[global]
daemonize = no
error_log = /dev/stderr
log_level = warning
[bench]
listen = %[1]s
listen.backlog = 65535
listen.mode = 0666
pm = static
pm.max_children = %[2]d
pm.max_requests = 0
`, address, b.workers)
	argv := []string{program, "--nodaemonize", "--fpm-config", conf}
	if os.Geteuid() == 0 {
		text += "user = root\ngroup = root\n"
		argv = append(argv, "--allow-to-run-as-root")
	}
	return argv, os.WriteFile(conf, []byte(text), 0o644)
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}
