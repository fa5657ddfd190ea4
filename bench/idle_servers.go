//go:build linux

package main

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// idleServers are as many sluices as it takes to hold n connections, on one address
// (reuse_port): a process may have only so many descriptors. The load goes to all.
type idleServers struct {
	*httpServer // the first
	all         []*process
}

// startIdleServers starts as many as n connections need; they serve files alone.
func startIdleServers(b *bench, sc scenario, n int) (*idleServers, error) {
	k := idleProcesses(n, int(b.descriptors)/8*7-idleSpare) // the server's limit is inherited from ours
	if k == 0 {
		return nil, fmt.Errorf("bench: %d descriptors are too few for idle connections", b.descriptors)
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	address := fmt.Sprintf("127.0.0.1:%d", port)
	conf := filepath.Join(b.scratch, "sluice-idle.toml")
	text := fmt.Sprintf("listen = [%q]\nreuse_port = true\naccess_log = \"off\"\nkeep_alive = { idle = \"2h\" }\n[[site]]\nroot = %q\nphp = \"off\"\n", address, b.docroot)
	if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
		return nil, err
	}
	s := &idleServers{}
	for i := range k {
		argv := slices.Concat([]string{b.sluice, "serve", "--config", conf}, b.sluiceFlags)
		p, err := startProcess(b.scratch, fmt.Sprintf("sluice-idle-%d", i+1), nil, argv...)
		if err != nil {
			s.stop()
			return nil, err
		}
		s.all = append(s.all, p)
	}
	s.httpServer = &httpServer{process: s.all[0], bench: b, address: address}
	for begin := time.Now(); listeners(port) < k; time.Sleep(10 * time.Millisecond) {
		for _, p := range s.all {
			if err := p.died(); err != nil {
				s.stop()
				return nil, err
			}
		}
		if time.Since(begin) > readyWait+time.Duration(k)*idleStartEach {
			s.stop()
			return nil, errors.New("bench: not all of sluice's processes listen")
		}
	}
	if _, err := probe(address, sc); err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

// idleProcesses is how many processes hold n connections if each can have most. The
// system deals connections out at random, so some get more than their share.
func idleProcesses(n, most int) int {
	for k := 1; most > 0 && k <= n; k++ {
		share := float64(n) / float64(k)
		if k > 1 {
			share += 5 * math.Sqrt(share)
		}
		if share <= float64(most) {
			return k
		}
	}
	return 0
}

// listeners counts those of a port of 127.0.0.1, by proc_net_tcp(5).
func listeners(port int) (n int) {
	text, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		return 0
	}
	local := fmt.Sprintf("0100007F:%04X", port)
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) > 3 && f[1] == local && f[3] == "0A" {
			n++
		}
	}
	return n
}

func (s *idleServers) stop() {
	for _, p := range s.all {
		p.stop()
	}
}

// residentKiB is what all processes together have.
func (s *idleServers) residentKiB() (sum int, err error) {
	for _, p := range s.all {
		n, err := residentKiB(p.cmd.Process.Pid)
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return sum, nil
}

// residentKiB is VmRSS of proc(5).
func residentKiB(pid int) (int, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			return strconv.Atoi(strings.Fields(rest)[0])
		}
	}
	return 0, fmt.Errorf("bench: process %d has no resident memory", pid)
}
