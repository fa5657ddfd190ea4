//go:build linux

package main

import (
	"fmt"
	"net"
	"path/filepath"
	"time"
)

// phpGroup is a php-cgi parent with its workers: the same kind of back end that
// sluice starts for itself.
type phpGroup struct {
	*process
	network string // "unix" or "tcp"
	address string
}

// startPHP starts a group on a Unix socket in dir, or on a port of 127.0.0.1.
func startPHP(dir, name, network string, workers int) (*phpGroup, error) {
	g := &phpGroup{network: network, address: filepath.Join(dir, name+".sock")}
	if network == "tcp" {
		port, err := freePort()
		if err != nil {
			return nil, err
		}
		g.address = fmt.Sprintf("127.0.0.1:%d", port)
	}
	env := []string{
		fmt.Sprintf("PHP_FCGI_CHILDREN=%d", workers),
		"PHP_FCGI_MAX_REQUESTS=0", // no pauses for new workers
		"PHP_FCGI_BACKLOG=65535",  // as long as the system allows
	}
	p, err := startProcess(dir, name, env, "php-cgi", "-b", g.address)
	if err != nil {
		return nil, err
	}
	g.process = p
	for end := time.Now().Add(readyWait); ; time.Sleep(5 * time.Millisecond) {
		c, err := net.Dial(network, g.address)
		if err == nil {
			return g, c.Close()
		}
		if died := p.died(); died != nil {
			return nil, died
		}
		if time.Now().After(end) {
			p.stop()
			return nil, fmt.Errorf("bench: php-cgi: %w", err)
		}
	}
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}
