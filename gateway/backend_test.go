package gateway

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sluice/cgi"
	"sluice/fcgi"
	"sluice/loop"
	"sluice/spool"
)

// The backend.

type request struct {
	id     uint16
	params map[string]string
	stdin  []byte
}

func (q *request) is(token string) bool { return q.params["QUERY_STRING"] == token }

// peer is the backend's end of a connection.
type peer struct {
	net.Conn
	r      *bufio.Reader
	served int // requests before this one
}

func (p *peer) record() (t fcgi.Type, id uint16, content []byte, err error) {
	var h [8]byte
	if _, err = io.ReadFull(p.r, h[:]); err != nil {
		return 0, 0, nil, err
	}
	b := make([]byte, int(binary.BigEndian.Uint16(h[4:]))+int(h[6]))
	if _, err = io.ReadFull(p.r, b); err != nil {
		return 0, 0, nil, err
	}
	return fcgi.Type(h[1]), binary.BigEndian.Uint16(h[2:]), b[:len(b)-int(h[6])], nil
}

// begin reads a request up to the end of PARAMS, stdin the rest.
func (p *peer) begin() (*request, error) {
	q := &request{params: map[string]string{}}
	var pairs []byte
	for {
		t, id, content, err := p.record()
		switch {
		case err != nil:
			return nil, err
		case t == fcgi.BeginRequest:
			q.id = id
		case t == fcgi.Params && len(content) > 0:
			pairs = append(pairs, content...)
		case t == fcgi.Params:
			for len(pairs) > 0 {
				name, value, n, err := fcgi.ConsumePair(pairs)
				if err != nil {
					return nil, err
				}
				q.params[string(name)] = string(value)
				pairs = pairs[n:]
			}
			return q, nil
		default:
			return nil, fmt.Errorf("backend: unexpected %v", t)
		}
	}
}

func (p *peer) stdin(q *request) error {
	for {
		t, id, content, err := p.record()
		switch {
		case err != nil:
			return err
		case t != fcgi.Stdin || id != q.id:
			return fmt.Errorf("backend: %v of %d within the STDIN of %d", t, id, q.id)
		case len(content) == 0:
			return nil
		}
		q.stdin = append(q.stdin, content...)
	}
}

func (p *peer) out(q *request, s string) {
	_, _ = p.Write(fcgi.AppendStream(nil, fcgi.Stdout, q.id, []byte(s)))
}

func (p *peer) stderr(q *request, s string) {
	_, _ = p.Write(fcgi.AppendStream(nil, fcgi.Stderr, q.id, []byte(s)))
}

func (p *peer) end(q *request) {
	_, _ = p.Write(fcgi.AppendEndRequest(nil, q.id, 0, fcgi.RequestComplete))
}

// reply is a whole answer in one piece.
func (p *peer) reply(q *request, s string) {
	b := fcgi.AppendStream(nil, fcgi.Stdout, q.id, []byte(s))
	_, _ = p.Write(fcgi.AppendEndRequest(b, q.id, 0, fcgi.RequestComplete))
}

// script fulfils a request and tells whether the connection goes on.
type script func(p *peer, q *request) (goOn bool)

type backend struct {
	addr     string
	ln       net.Listener
	wg       sync.WaitGroup
	accepted atomic.Int32
	stopped  chan struct{}

	mu   sync.Mutex
	open map[net.Conn]bool
}

func newBackend(t *testing.T, serve func(p *peer)) *backend {
	t.Helper()
	dir, err := os.MkdirTemp("", "gw") //nolint:usetesting // t.TempDir may be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	ln, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	b := &backend{addr: ln.Addr().String(), ln: ln, stopped: make(chan struct{}), open: map[net.Conn]bool{}}
	b.wg.Add(1)
	go func() {
		defer b.wg.Done()
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			b.accepted.Add(1)
			b.mu.Lock()
			b.open[c] = true
			b.mu.Unlock()
			b.wg.Add(1)
			go func() {
				defer b.wg.Done()
				serve(&peer{Conn: c, r: bufio.NewReader(c)})
				b.mu.Lock()
				delete(b.open, c)
				b.mu.Unlock()
				_ = c.Close()
			}()
		}
	}()
	t.Cleanup(func() {
		_ = ln.Close()
		close(b.stopped)
		b.mu.Lock()
		for c := range b.open {
			_ = c.Close()
		}
		b.mu.Unlock()
		b.wg.Wait()
	})
	return b
}

// whole runs a script on requests that were read to their end.
func whole(f script) func(p *peer) {
	return func(p *peer) {
		for {
			q, err := p.begin()
			if err != nil || p.stdin(q) != nil || !f(p, q) {
				return
			}
			p.served++
		}
	}
}

// Our side.

// fixture is a loop with a gateway to a backend.
type fixture struct {
	t    *testing.T
	l    *loop.Loop
	pool *fcgi.Pool
	opts *Options
	lp   *Local
	*backend
}

type settings struct {
	conns  int
	time   time.Duration
	memory int64
	dir    string
	kill   func(fcgi.Server, uintptr) (func(), error)
	queue  time.Duration
	shared int64 // Options.SharedSpoolBytes
	// retries is Options.RetrySafe.
	retries int
	lane    bool // one more connection as Options.Lane

	lanePool *fcgi.Pool
}

func start(t *testing.T, e loop.Engine, serve func(p *peer), set settings) *fixture {
	t.Helper()
	b := newBackend(t, serve)
	if set.conns == 0 {
		set.conns = 1
	}
	opts := fcgi.Options{
		Servers: []fcgi.Server{{Network: "unix", Address: b.addr, Conns: set.conns}},
		Kill:    set.kill, QueueTime: set.queue, DialTime: 30 * time.Millisecond,
	}
	if set.lane {
		lane := opts
		lane.Servers = []fcgi.Server{{Network: "unix", Address: b.addr, Conns: 1}}
		set.lanePool = fcgi.NewPool(lane)
	}
	f := startOn(t, e, opts, set)
	f.backend = b
	return f
}

// startOn is start for any servers.
func startOn(t *testing.T, e loop.Engine, pool fcgi.Options, set settings) *fixture {
	t.Helper()
	f := &fixture{t: t, pool: fcgi.NewPool(pool)}
	if set.dir == "" {
		set.dir = t.TempDir()
	}
	f.opts = &Options{
		RetrySafe: set.retries, SharedSpoolBytes: set.shared, Lane: set.lanePool,
		Pool: f.pool, Store: &spool.Store{Dir: set.dir, MemoryBytes: set.memory}, RequestTime: set.time, Log: logger{},
		Params: fcgi.AppendPair(nil, "GATEWAY_INTERFACE", cgi.GatewayInterface),
	}
	l, err := loop.New(e)
	if err != nil {
		t.Fatal(err)
	}
	f.l, f.lp = l, f.opts.On(l)
	go func() { _ = l.Run() }()
	t.Cleanup(func() {
		l.Stop()
		select {
		case <-l.Done():
		case <-time.After(5 * time.Second):
			t.Error("the loop did not stop")
		}
	})
	return f
}

func engines(t *testing.T, f func(t *testing.T, e loop.Engine)) {
	for _, e := range loop.Engines() {
		t.Run(string(e), func(t *testing.T) { f(t, e) })
	}
}

func (f *fixture) on(fn func()) {
	f.t.Helper()
	done := make(chan struct{})
	f.l.Post(func() { fn(); close(done) })
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		f.t.Fatal("the loop did not run a posted function")
	}
}

// eventually waits until ok, which runs on the loop.
func (f *fixture) eventually(what string, ok func() bool) {
	f.t.Helper()
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		yes := false
		f.on(func() { yes = ok() })
		if yes {
			return
		}
		if time.Now().After(end) {
			f.t.Fatalf("never happened: %s", what)
		}
	}
}

// healthy checks that the backend serves the next request, and that nothing is
// left of those before.
func (f *fixture) healthy() {
	f.t.Helper()
	c := f.get("healthy")
	c.wait()
	if c.failure != nil || c.status != 200 || c.body.String() != "healthy" {
		f.t.Fatalf("the next request: %d %q, failure %+v", c.status, c.body.String(), c.failure)
	}
	f.on(f.lp.Close)
	f.eventually("all connections are given back", func() bool { return f.pool.InUse() == 0 && f.pool.Waiting() == 0 })
	// A writer may just be making one, to unlink it at once.
	f.eventually("no temporary files are left", func() bool {
		left, err := filepath.Glob(filepath.Join(f.opts.Store.Dir, "*"))
		return err == nil && len(left) == 0
	})
}

// health answers what healthy asks, and leaves the rest to a script.
func health(f script) script {
	return func(p *peer, q *request) bool {
		if q.is("healthy") {
			p.reply(q, "Content-Type: text/plain\r\n\r\nhealthy")
			return true
		}
		return f(p, q)
	}
}
