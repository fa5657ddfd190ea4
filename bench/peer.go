//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"
)

// bench is the setting that all peers share.
type bench struct {
	options
	docroot string
	scratch string // scripts, configurations, sockets, output
	eightG  string // the file whose rules its scenario has
	skipped []string
}

// skip leaves a part out and says so, now and below the table.
func (b *bench) skip(what string, why error) {
	text := fmt.Sprintf("SKIPPED %s: %v", what, why)
	b.skipped = append(b.skipped, text)
	b.logf("%s", text)
}

// errAbsent marks a peer that this system does not have.
var errAbsent = errors.New("not to be had here")

// peer is a way to serve the document root.
type peer struct {
	name  string
	title string
	start func(context.Context, *bench) (running, error)
}

// running is a peer that has been started.
type running interface {
	// takes tells whether the peer can do a scenario.
	takes(scenario) bool
	// prepare is called once before a scenario's rounds: it checks every answer
	// of a short run and makes whatever choice is due. It returns the name of
	// the set-up chosen, "" if there is only one.
	prepare(context.Context, scenario) (string, error)
	// load runs a scenario once.
	load(context.Context, scenario) (sample, error)
	// idle tells what the peer uses and how long it took to start.
	idle() (usage, time.Duration, error)
	stop()
}

// peers are in the order of the table.
func peers() []peer {
	return []peer{
		{"sluice", "sluice", startSluice},
		{"nginx", "nginx, the best of several tuned set-ups", startNginx},
		{"uring", "sluice on io_uring", startEngine("uring", "io_uring")},
		{"epoll", "sluice on epoll", startEngine("epoll", "epoll")},
		{"apache", "Apache, event MPM and mod_proxy_fcgi", startApache},
		{"debian", "Apache and php-fpm as Debian sets them up", startDebian},
		{"lighttpd", "lighttpd", startLighttpd},
		{"caddy", "Caddy, php_fastcgi", startCaddy},
		{"bare", "bare FastCGI loop, no HTTP", startBare},
	}
}

// newBench makes the document root and the scripts.
func newBench(o options) (*bench, error) {
	scratch, err := os.MkdirTemp("", "sluice-bench-")
	if err != nil {
		return nil, err
	}
	b := &bench{options: o, scratch: scratch, docroot: filepath.Join(scratch, "www")}
	// nginx's workers may run as another user.
	for _, dir := range []string{b.scratch, b.docroot} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, err
		}
		if err := os.Chmod(dir, 0o755); err != nil {
			return nil, err
		}
	}
	if err := b.writeFiles(); err != nil {
		return nil, err
	}
	for _, sc := range scenarios() {
		if err := writeScripts(scratch, sc); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// writeFiles fills the document root.
func (b *bench) writeFiles() error {
	all := files()
	b.scenarios = slices.DeleteFunc(b.scenarios, func(s scenario) bool {
		_, err := s.backend.program()
		if err != nil {
			b.skip(s.name, err)
		}
		return err != nil
	})
	is8G := func(s scenario) bool { return s.name == eightG }
	if slices.ContainsFunc(b.scenarios, is8G) {
		path, err := findEightG(eightGFolders)
		var text []byte
		if err == nil {
			text, err = os.ReadFile(path)
		}
		if err != nil {
			b.skip(eightG, err)
			b.scenarios = slices.DeleteFunc(b.scenarios, is8G)
		} else {
			all[eightG+"/.htaccess"], b.eightG = string(text), path
		}
	}
	for name, text := range all {
		name = filepath.Join(b.docroot, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) close() error { return os.RemoveAll(b.scratch) }

// httpServer is a server process under wrk's load.
type httpServer struct {
	*process
	bench   *bench
	address string
	started time.Duration // from its start to its first answer
	backend *backend      // nil if the server has its own php-cgi
	ruled   bool          // reads .htaccess files
}

// startHTTP starts a server and waits for its first answer from its backend.
func startHTTP(ctx context.Context, b *bench, name, address string, backend *backend, argv ...string) (*httpServer, error) {
	begin := time.Now()
	p, err := startProcess(b.scratch, name, nil, argv...)
	if err != nil {
		return nil, err
	}
	s := &httpServer{process: p, bench: b, address: address, backend: backend}
	first := firstOf(s.kind())
	for {
		_, err := probe(address, first)
		if err == nil {
			s.started = time.Since(begin)
			return s, nil
		}
		if died := p.died(); died != nil {
			return nil, died
		}
		if time.Since(begin) > readyWait || ctx.Err() != nil {
			p.stop()
			text, _ := os.ReadFile(p.output)
			return nil, fmt.Errorf("bench: %s does not answer: %w\n%s", name, err, text)
		}
		time.Sleep(time.Millisecond)
	}
}

// startConfigured starts a backend and a server that gets a configuration file
// in front of it.
func startConfigured(ctx context.Context, b *bench, kind backendKind, name, network string, text func(address string, backend *backend) string, argv func(conf string) []string) (*httpServer, error) {
	backend, err := startBackend(b, kind, name+"-php", network)
	if err != nil {
		return nil, err
	}
	s, err := func() (*httpServer, error) {
		port, err := freePort()
		if err != nil {
			return nil, err
		}
		address := fmt.Sprintf("127.0.0.1:%d", port)
		conf := filepath.Join(b.scratch, name+".conf")
		if err := os.WriteFile(conf, []byte(text(address, backend)), 0o644); err != nil {
			return nil, err
		}
		return startHTTP(ctx, b, name, address, backend, argv(conf)...)
	}()
	if err != nil {
		backend.stop()
	}
	return s, err
}

// systemProgram finds a server, which need not be on a user's path.
func systemProgram(name string) string {
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	return "/usr/sbin/" + name
}

// takes no idle connections: those are opened to one server only.
func (s *httpServer) takes(sc scenario) bool {
	return !sc.idle && !sc.clients && (s.ruled || !sc.ruled) && sc.backend == s.kind()
}

// kind is what answers behind the server.
func (s *httpServer) kind() backendKind {
	if s.backend == nil {
		return phpCGI
	}
	return s.backend.kind
}

func (s *httpServer) stop() {
	s.process.stop()
	if s.backend != nil {
		s.backend.stop()
	}
}

func (s *httpServer) idle() (usage, time.Duration, error) {
	u, err := serverUsage(s.cmd.Process.Pid)
	return u, s.started, err
}

func (s *httpServer) prepare(ctx context.Context, sc scenario) (string, error) {
	if _, err := probe(s.address, sc); err != nil {
		return "", err
	}
	few := sc
	few.conns = min(sc.conns, 256) // all of thousands would hardly be connected
	r, err := runWrk(ctx, s.bench.scratch, s.address, few, checkSeconds, true)
	if err != nil {
		return "", err
	}
	if r.Bad > 0 {
		return "", fmt.Errorf("bench: %s: %d of %d answers are wrong", sc.path, r.Bad, r.Requests)
	}
	return "", nil
}

func (s *httpServer) load(ctx context.Context, sc scenario) (sample, error) {
	return s.loadFor(ctx, sc, s.bench.seconds)
}

// loadFor measures one run and checks it: answers before, during and after.
func (s *httpServer) loadFor(ctx context.Context, sc scenario, seconds int) (sample, error) {
	pid := s.cmd.Process.Pid
	first, err := probe(s.address, sc)
	if err != nil {
		return sample{}, fmt.Errorf("before the load: %w", err)
	}
	before, err := serverUsage(pid)
	if err != nil {
		return sample{}, err
	}
	stop := make(chan struct{})
	probed := probeUntil(stop, s.address, sc)
	r, err := runWrk(ctx, s.bench.scratch, s.address, sc, seconds, false)
	close(stop)
	if err != nil {
		return sample{}, err
	}
	after, err := serverUsage(pid)
	if err != nil {
		return sample{}, err
	}
	m := sampleOf(r, after.cpu-before.cpu)
	m.PSS = after.pss
	if err := <-probed; err != nil {
		m.add("under load", err)
	}
	last, err := probe(s.address, sc)
	if err != nil {
		m.add("after the load", err)
		return m, nil
	}
	// A head may get a field more once its file is known well. Answers with
	// another status have another length; they are counted as errors.
	if err := r.fits(min(first, last), max(first, last), sc.conns); err != nil && r.Status == 0 {
		m.Faults = append(m.Faults, err.Error())
	}
	return m, nil
}
