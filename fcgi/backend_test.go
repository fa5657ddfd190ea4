package fcgi

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sluice/loop"
)

// The other side, written without the package's own decoder.

// request is one request as a backend sees it.
type request struct {
	id     uint16
	keep   bool
	params map[string]string
	stdin  []byte
}

// peer is the backend's end of a connection.
type peer struct {
	net.Conn
	r      *bufio.Reader
	number int // of the connection, from 1
}

func (p *peer) record() (t Type, id uint16, content []byte, err error) {
	var h [8]byte
	if _, err = io.ReadFull(p.r, h[:]); err != nil {
		return 0, 0, nil, err
	}
	b := make([]byte, int(binary.BigEndian.Uint16(h[4:]))+int(h[6]))
	if _, err = io.ReadFull(p.r, b); err != nil {
		return 0, 0, nil, err
	}
	return Type(h[1]), binary.BigEndian.Uint16(h[2:]), b[:len(b)-int(h[6])], nil
}

// next reads a whole request.
func (p *peer) next() (q request, err error) {
	t, id, content, err := p.record()
	for err == nil && t == Stdin && len(content) == 0 { // as PHP does
		t, id, content, err = p.record()
	}
	if err != nil {
		return q, err
	}
	if t != BeginRequest || len(content) != 8 {
		return q, fmt.Errorf("backend: got %v instead of BEGIN_REQUEST", t)
	}
	q.id, q.keep, q.params = id, content[2]&KeepConn != 0, map[string]string{}
	var pairs []byte
	for {
		t, got, content, err := p.record()
		switch {
		case err != nil:
			return q, err
		case got != id:
			return q, fmt.Errorf("backend: %v of request %d within %d", t, got, id)
		case t == Params:
			pairs = append(pairs, content...)
		case t == Stdin && len(content) > 0:
			q.stdin = append(q.stdin, content...)
		case t == Stdin:
			for len(pairs) > 0 {
				name, value, n, err := ConsumePair(pairs)
				if err != nil {
					return q, err
				}
				q.params[string(name)] = string(value)
				pairs = pairs[n:]
			}
			return q, nil
		default:
			return q, fmt.Errorf("backend: unexpected %v", t)
		}
	}
}

// reply is a whole answer.
func reply(id uint16, body string) []byte {
	b := AppendStream(nil, Stdout, id, []byte(body))
	b = AppendHeader(b, Stdout, id, 0, 0)
	return AppendEndRequest(b, id, 0, RequestComplete)
}

func (p *peer) send(b []byte) { _, _ = p.Write(b) }

// backend listens; every connection runs serve in a goroutine, and is closed
// when that returns.
type backend struct {
	network, addr string
	ln            net.Listener
	accepted      atomic.Int32
	wg            sync.WaitGroup

	mu   sync.Mutex
	open map[*peer]bool
	most int // connections at once that our side had not closed
}

// hungUp tells whether the other side has closed a connection, without reading
// from it; nil where the system can't tell.
var hungUp func(c net.Conn) bool

func newBackend(t *testing.T, network string, serve func(p *peer)) *backend {
	t.Helper()
	addr := "127.0.0.1:0"
	if network == "unix" {
		dir, err := os.MkdirTemp("", "fcgi") //nolint:usetesting // t.TempDir may be too long for a socket
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.RemoveAll(dir) })
		addr = filepath.Join(dir, "s")
	}
	ln, err := net.Listen(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	b := &backend{network: network, addr: ln.Addr().String(), ln: ln, open: map[*peer]bool{}}
	b.wg.Add(1)
	go b.accept(serve)
	t.Cleanup(b.stop)
	return b
}

func (b *backend) accept(serve func(p *peer)) {
	defer b.wg.Done()
	for {
		c, err := b.ln.Accept()
		if err != nil {
			return
		}
		p := &peer{Conn: c, r: bufio.NewReader(c), number: int(b.accepted.Add(1))}
		b.mu.Lock()
		b.open[p] = true
		if hungUp != nil && b.network == "unix" {
			n := 0
			for other := range b.open {
				if !hungUp(other.Conn) {
					n++
				}
			}
			b.most = max(b.most, n)
		}
		b.mu.Unlock()
		b.wg.Add(1)
		go func() {
			defer b.wg.Done()
			serve(p)
			b.mu.Lock()
			delete(b.open, p)
			b.mu.Unlock()
			_ = c.Close()
		}()
	}
}

func (b *backend) stop() {
	_ = b.ln.Close()
	b.mu.Lock()
	for p := range b.open {
		_ = p.Close()
	}
	b.mu.Unlock()
	b.wg.Wait()
}

// bounded checks the pool's invariant. The portable engine may close a socket
// some time after we have asked for it.
func (b *backend) bounded(t *testing.T, e loop.Engine, conns int) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if e != loop.Portable && b.most > conns {
		t.Errorf("%d connections at once, at most %d are allowed", b.most, conns)
	}
}

func (b *backend) server(conns int) Server {
	return Server{Network: b.network, Address: b.addr, Conns: conns}
}

// echo answers every request with its TOKEN and keeps the connection.
func echo(p *peer) {
	for {
		q, err := p.next()
		if err != nil {
			return
		}
		p.send(reply(q.id, q.params["TOKEN"]))
	}
}

// Our side.

// engines runs a test on every engine of this system.
func engines(t *testing.T, f func(t *testing.T, e loop.Engine)) {
	for _, e := range loop.Engines() {
		t.Run(string(e), func(t *testing.T) { f(t, e) })
	}
}

// site is a loop with its part of a pool.
type site struct {
	granted, left int // of the loop

	t  *testing.T
	l  *loop.Loop
	lp *Local
}

func start(t *testing.T, e loop.Engine, p *Pool, loops int) []*site {
	t.Helper()
	var list []*site
	for range loops {
		l, err := loop.New(e)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, &site{t: t, l: l, lp: p.On(l)})
	}
	for _, s := range list {
		go func() { _ = s.l.Run() }()
		t.Cleanup(func() {
			s.l.Stop()
			select {
			case <-s.l.Done():
			case <-time.After(5 * time.Second):
				t.Error("a loop did not stop")
			}
		})
	}
	return list
}

// on runs fn on the loop and waits for it.
func (s *site) on(fn func()) {
	s.t.Helper()
	done := make(chan struct{})
	s.l.Post(func() { fn(); close(done) })
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		s.t.Fatal("the loop did not run a posted function")
	}
}

// result is how a call ended.
type result struct {
	out, stderr string
	end         EndRequestBody
	err         error // from Refused or Failed
	refused     bool
	reused      bool
	started     bool
	accepted    bool
}

// call is one request: an Asker and a Stream. Its fields belong to the loop
// once ask was called.
type call struct {
	site    *site
	t       Ticket
	token   string
	fresh   bool
	check   bool
	unended bool // STDIN is left open
	want    Want // beside fresh and check
	granted func(c Channel)

	conn        Channel
	reused      bool
	out, stderr bytes.Buffer
	turns       int
	over        bool
	res         chan result
}

func (s *site) call(token string) *call {
	return &call{site: s, token: token, res: make(chan result, 1)}
}

// ask lets k go, from any goroutine.
func (k *call) ask() *call {
	k.site.l.Post(k.askNow)
	return k
}

// askNow is for the loop.
func (k *call) askNow() {
	w := k.want
	w.Fresh, w.Check, w.Left = k.fresh, k.check, k
	k.site.lp.Ask(k, &k.t, w)
}

func (k *call) Granted(c Channel) Stream {
	if k.over {
		panic("granted after the end: " + k.token)
	}
	k.conn, k.reused = c, c.Reused()
	k.site.granted++
	b := AppendBeginRequest(nil, c.ID(), Responder, KeepConn)
	w := BeginParams(b, c.ID())
	w.AddString("TOKEN", k.token)
	b = w.End()
	if !k.unended {
		b = AppendHeader(b, Stdin, c.ID(), 0, 0)
		c.StdinDone()
	}
	c.Write(b)
	if k.granted != nil {
		k.granted(c)
	}
	return k
}

func (k *call) finish(r result) {
	if k.over {
		panic("two ends for " + k.token)
	}
	k.over = true
	r.out, r.stderr = k.out.String(), k.stderr.String()
	if r.reused = k.reused; k.conn != nil {
		r.started, r.accepted = k.conn.Started(), k.conn.Accepted()
	}
	k.res <- r
}

// Left implements Leaver: it must come once for each Granted.
func (k *call) Left() { k.site.left++ }

func (k *call) Describe() string { return "token " + k.token }

func (k *call) Refused(err error) { k.finish(result{err: err, refused: true}) }
func (k *call) Failed(err error)  { k.finish(result{err: err}) }

func (k *call) Ended(end EndRequestBody) { k.finish(result{end: end}) }

func (k *call) Stdout(p []byte) { k.mustRun(); k.out.Write(p) }
func (k *call) Stderr(p []byte) { k.mustRun(); k.stderr.Write(p) }
func (k *call) Turn()           { k.mustRun(); k.turns++ }
func (k *call) Drained()        { k.mustRun() }

func (k *call) mustRun() {
	if k.over {
		panic("something came after the end of " + k.token)
	}
}

// wait answers how k ended.
func (k *call) wait() result {
	k.site.t.Helper()
	select {
	case r := <-k.res:
		return r
	case <-time.After(10 * time.Second):
		k.site.t.Fatalf("request %s did not end", k.token)
		return result{}
	}
}

// good fails the test unless k got its own answer.
func (k *call) good() result {
	k.site.t.Helper()
	r := k.wait()
	if r.err != nil || r.out != k.token {
		k.site.t.Fatalf("request %s: got %q, error %v", k.token, r.out, r.err)
	}
	return r
}

func (k *call) is(want error) {
	k.site.t.Helper()
	if r := k.wait(); !errors.Is(r.err, want) || !r.refused {
		k.site.t.Fatalf("request %s: error %v (refused %v), want %v", k.token, r.err, r.refused, want)
	}
}

// eventually waits for something that other goroutines bring about.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never happened: %s", what)
		}
	}
}

// settled waits until nothing is at work, and checks the counters.
func settled(t *testing.T, p *Pool, sites []*site) {
	t.Helper()
	count := func() (idle, conns int) {
		for _, s := range sites {
			s.on(func() {
				idle += len(s.lp.idle)
				conns += s.lp.conns
				if int(s.lp.idleCount.Load()) != len(s.lp.idle) || s.lp.first != nil || s.lp.dialing != 0 {
					conns += 1000
				}
			})
		}
		return idle, conns
	}
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		idle, conns := count()
		if idle == conns && idle == p.InUse() && p.Waiting() == 0 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("a permit leaked: %d idle, %d connections, %d permits in use, %d waiting", idle, conns, p.InUse(), p.Waiting())
		}
	}
	for _, s := range sites {
		s.on(s.lp.Close)
	}
	eventually(t, "all permits are back after Close", func() bool { return p.InUse() == 0 })
	allLeft(t, sites)
}

// allLeft waits until all requests that were granted have left, and no connection
// is remembered.
func allLeft(t *testing.T, sites []*site) {
	t.Helper()
	eventually(t, "all requests have left", func() bool {
		ok := true
		for _, s := range sites {
			s.on(func() { ok = ok && s.granted == s.left && len(s.lp.own) == 0 })
		}
		return ok
	})
	for _, s := range sites {
		s.on(func() {
			if s.left > s.granted {
				t.Errorf("%d requests have left, %d were granted", s.left, s.granted)
			}
		})
	}
}
