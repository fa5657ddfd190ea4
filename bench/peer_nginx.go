//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"time"
)

// nginxSetup is one way to tune nginx. A php worker is bound to the connection
// it is kept alive on, and nginx does not queue: requests over the number of
// workers wait in the socket's backlog. Were as many connections kept as there
// are workers, those in the backlog would starve once the load is over (the
// probe sees that: a time-out). So one worker is left unbound, and a kept
// connection is given up after some requests, for the sake of the backlog.
type nginxSetup struct {
	name      string
	processes int
	kept      int // idle FastCGI connections kept per process
	requests  int // on a kept connection before it is closed
	network   string
}

func nginxSetups(kind backendKind, workers int) []nginxSetup {
	kept := workers - 1
	switch kind {
	case goApp:
		// It takes any number, so all are kept, and for good.
		return []nginxSetup{
			{"1 process, all kept", 1, appKeptMax, 1e9, "unix"},
			{"2 processes, all kept", 2, appKeptMax, 1e9, "unix"},
			{"1 process, all kept, TCP", 1, appKeptMax, 1e9, "tcp"},
			{"2 processes, all kept, TCP", 2, appKeptMax, 1e9, "tcp"},
		}
	case goFew:
		// Slow requests: whoever waits for a kept connection's end waits long.
		return []nginxSetup{
			{"1 process, none kept", 1, 0, 0, "unix"},
			{"1 process, none kept, TCP", 1, 0, 0, "tcp"},
			{"1 process, all connections but one kept", 1, kept, 10, "unix"},
		}
	case phpCGI, phpFPM:
	}
	return []nginxSetup{
		{"1 process, all workers but one kept", 1, kept, 100, "unix"},
		{"2 processes, all workers but one kept", 2, kept / 2, 100, "unix"},
		// A Unix socket refuses over its backlog, TCP makes clients wait.
		{"1 process, all workers but one kept, TCP", 1, kept, 100, "tcp"},
	}
}

// nginx runs all set-ups for a kind of backend, each with its own, and measures
// with the one that does best in a scenario.
type nginx struct {
	bench  *bench
	kind   backendKind
	setups []nginxSetup
	procs  []*httpServer
	best   int
}

func startNginx(ctx context.Context, b *bench) (running, error) {
	return startByBackend(ctx, b, startNginxFor)
}

func startNginxFor(ctx context.Context, b *bench, kind backendKind) (running, error) {
	n := &nginx{bench: b, kind: kind, setups: nginxSetups(kind, b.workers)}
	for i, setup := range n.setups {
		s, err := startNginxSetup(ctx, b, kind, fmt.Sprintf("nginx%s%d", kind, i), setup)
		if err != nil {
			n.stop()
			return nil, err
		}
		n.procs = append(n.procs, s)
	}
	return n, nil
}

func startNginxSetup(ctx context.Context, b *bench, kind backendKind, name string, setup nginxSetup) (*httpServer, error) {
	return startConfigured(ctx, b, kind, name, setup.network,
		func(address string, backend *backend) string { return nginxConf(b, name, address, setup, backend) },
		func(conf string) []string {
			return []string{systemProgram("nginx"), "-p", b.scratch, "-c", conf, "-e", "stderr"}
		})
}

func nginxConf(b *bench, name, address string, setup nginxSetup, backend *backend) string {
	user := ""
	if os.Geteuid() == 0 {
		user = "user root;" // the same as sluice and php here
	}
	keepalive := "" // for none
	if setup.kept > 0 {
		keepalive = fmt.Sprintf("keepalive %d; keepalive_requests %d; keepalive_timeout 600s;", setup.kept, setup.requests)
	}
	where := `~ \.php$`
	if backend.kind == goApp || backend.kind == goFew {
		where = "/"
	}
	upstream := backend.address
	if backend.network == "unix" {
		upstream = "unix:" + upstream
	}
	return fmt.Sprintf(`daemon off;
%[1]s
worker_processes %[2]d;
worker_rlimit_nofile %[3]d;
pid %[4]s/%[5]s.pid;
error_log stderr crit;
events { worker_connections %[3]d; }
http {
  types { text/html html; application/octet-stream bin; }
  access_log off;
  sendfile on;
  tcp_nopush on;
  tcp_nodelay on;
  etag on;
  keepalive_timeout 600;
  keepalive_requests 1000000000;
  open_file_cache max=1000 inactive=600s;
  open_file_cache_valid 60s;
  client_max_body_size 16m;
  client_body_buffer_size 2m;
  client_body_temp_path %[4]s/%[5]s-body;
  fastcgi_temp_path %[4]s/%[5]s-fastcgi;
  proxy_temp_path %[4]s/%[5]s-proxy;
  uwsgi_temp_path %[4]s/%[5]s-uwsgi;
  scgi_temp_path %[4]s/%[5]s-scgi;
  upstream php {
    server %[6]s max_fails=0;
    %[7]s
  }
  server {
    listen %[8]s backlog=65535;
    root %[9]s;
    location %[10]s {
      include /etc/nginx/fastcgi_params;
      fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;
      fastcgi_pass php;
      fastcgi_keep_conn on;
      fastcgi_buffer_size 16k;
      fastcgi_buffers 16 16k;
      fastcgi_busy_buffers_size 64k;
      fastcgi_next_upstream off;
    }
  }
}
`, user, setup.processes, min(b.descriptors, descriptorsPeer), b.scratch, name, upstream, keepalive, address, b.docroot, where)
}

func (n *nginx) takes(sc scenario) bool { return n.procs[0].takes(sc) }

// prepare tries each set-up and keeps the one with the most requests per second
// among those that answer all; the network does not matter to static files.
func (n *nginx) prepare(ctx context.Context, sc scenario) (string, error) {
	seconds := max(1, n.bench.seconds/2)
	if sc.conns >= manyConns {
		seconds = n.bench.seconds
	}
	var best sample
	n.best = -1
	for i, s := range n.procs {
		if !sc.php && sc.backend == phpCGI && n.setups[i].network == "tcp" {
			continue
		}
		if _, err := s.prepare(ctx, sc); err != nil {
			return "", fmt.Errorf("%s: %w", n.setups[i].name, err)
		}
		m, err := s.loadFor(ctx, sc, seconds)
		if err != nil {
			return "", fmt.Errorf("%s: %w", n.setups[i].name, err)
		}
		n.bench.logf("  nginx tried: %-40s %8.0f req/s %6.1f µs/req, %s", n.setups[i].name, m.RPS, m.CPU, m.troubles())
		if n.best < 0 || m.clean() && !best.clean() || m.clean() == best.clean() && m.RPS > best.RPS {
			n.best, best = i, m
		}
	}
	return n.setups[n.best].name, nil
}

func (n *nginx) load(ctx context.Context, sc scenario) (sample, error) {
	return n.procs[n.best].load(ctx, sc)
}

func (n *nginx) idle() (usage, time.Duration, error) { return n.procs[0].idle() }

func (n *nginx) stop() {
	for _, s := range n.procs {
		s.stop()
	}
}
