package site

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice/cgi"
	"sluice/loop"
	"sluice/rewrite"
)

// ruledOptions are those of a site that obeys the .htaccess files of a folder.
func ruledOptions(dir string) Options {
	o := options(dir)
	o.Htaccess = &Htaccess{Allowed: rewrite.OverrideAll}
	return o
}

// ruled is the part of a loop that does not run, for rules that wait for nothing.
func ruled(t testing.TB, files map[string]string, change ...func(*Options)) *Host {
	t.Helper()
	o := ruledOptions(tree(t, files))
	for _, c := range change {
		c(&o)
	}
	h := hostOf(t, o)
	t.Cleanup(h.Close)
	return h
}

// root is the real folder of a host's first site.
func (h *Host) rootDir() string { return h.all[0].roots[0].cache.RealRoot() }

// visitor fills in what the front knows of a client.
func visitor(x *Exchange) *Exchange {
	x.Client, x.ClientPort = netip.MustParseAddr("192.0.2.7"), 40000
	x.Server = netip.MustParseAddrPort("198.51.100.1:80")
	return x
}

// answered serves a request whose answer needs neither PHP nor waiting.
func answered(t *testing.T, h *Host, head string) *recorder {
	t.Helper()
	x, rec := exchange(t, head)
	h.Serve(visitor(x))
	if rec.heads != 1 || rec.finished != 1 || rec.broken != 0 {
		t.Fatalf("%.60q: %d heads, %d times finished, %d times broken; plan %+v", head, rec.heads, rec.finished, rec.broken, x.plan)
	}
	checkHead(t, head, rec)
	return rec
}

// checkHead holds for every response: field lines are whole, each field that
// frames the message stands there once at most.
func checkHead(t *testing.T, head string, rec *recorder) {
	t.Helper()
	if rec.fields != "" && !strings.HasSuffix(rec.fields, "\r\n") {
		t.Errorf("%.60q: fields %q end without CRLF", head, rec.fields)
	}
	counts := map[string]int{}
	for line := range strings.SplitSeq(strings.TrimSuffix(rec.fields, "\r\n"), "\r\n") {
		name, value, ok := strings.Cut(line, ":")
		if rec.fields != "" && (!ok || name == "" || strings.ContainsAny(name, " \t") || strings.ContainsAny(value, "\r\n\x00")) {
			t.Errorf("%.60q: field line %q", head, line)
		}
		counts[strings.ToLower(name)]++
	}
	for _, name := range []string{"content-length", "content-type", "location", "content-encoding", "etag"} {
		if counts[name] > 1 {
			t.Errorf("%.60q: %d lines of %s: %q", head, counts[name], name, rec.fields)
		}
	}
	for _, name := range []string{"transfer-encoding", "connection", "x-injected"} {
		if counts[name] > 0 {
			t.Errorf("%.60q: has %s: %q", head, name, rec.fields)
		}
	}
}

// meta collects meta-variables.
type meta map[string]string

// Pair implements cgi.Sink.
func (m meta) Pair(name, value []byte) { m[string(name)] = string(value) }

// rehearsed gives what a script would be told; nil if none would run.
func rehearsed(t *testing.T, h *Host, head string) (meta, *recorder) {
	t.Helper()
	x, rec := exchange(t, head)
	var env meta
	visitor(x).Rehearse = func(e *cgi.Environment) {
		env = meta{}
		e.Emit(env)
	}
	h.Serve(x)
	if rec.heads != 1 || rec.finished != 1 {
		t.Fatalf("%.60q: %d heads, %d times finished; plan %+v", head, rec.heads, rec.finished, x.plan)
	}
	checkHead(t, head, rec)
	return env, rec
}

// ruledScript is an exchange whose script, chosen by rules, is about to answer.
func ruledScript(t *testing.T, h *Host, head string) (*Exchange, *recorder) {
	t.Helper()
	x, rec := exchange(t, head)
	h.Serve(visitor(x))
	if x.plan.Kind != Script || rec.heads != 0 {
		t.Fatalf("%.60q: plan %+v, status %d; want a script that runs", head, x.plan, rec.status)
	}
	return x, rec
}

// alone ends the gateway's part of a request, so that a test can play it.
func alone(x *Exchange, rec *recorder) (*Exchange, *recorder) {
	x.request.Abort()
	x.request = nil
	return x, rec
}

// expect compares a response with a status and field lines "Name: value"; one
// that is only "Name:" must not be there.
func expect(t *testing.T, what string, rec *recorder, status int, lines ...string) {
	t.Helper()
	if rec.status != status {
		t.Errorf("%.70q: status %d, want %d; %q %q %+v", what, rec.status, status, rec.fields, rec.body.String(), rec.reports)
	}
	for _, line := range lines {
		name, want, _ := strings.Cut(line, ":")
		if want = strings.TrimSpace(want); rec.field(name) != want {
			t.Errorf("%.70q: %s %q, want %q; all: %q", what, name, rec.field(name), want, rec.fields)
		}
	}
}

// reported tells whether an administrator is told of something with that text.
func (r *recorder) reported(text string) bool {
	for _, rep := range r.reports {
		if rep.Err != nil && strings.Contains(rep.Err.Error(), text) {
			return true
		}
	}
	return false
}

// write replaces a file below the root.
func write(t testing.TB, h *Host, name, content string) {
	t.Helper()
	full := filepath.Join(h.rootDir(), name)
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(full, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// onLoops runs a test on a running loop of each engine.
func onLoops(t *testing.T, test func(t *testing.T, l *running)) {
	for _, engine := range []loop.Engine{loop.Portable, loop.Epoll} {
		t.Run(string(engine), func(t *testing.T) {
			l, err := loop.New(engine)
			if err != nil {
				t.Skip(err)
			}
			test(t, &running{t: t, loop: l})
		})
	}
}

// running is a host on a loop that runs.
type running struct {
	t    *testing.T
	loop *loop.Loop
	host *Host
}

// start makes the site and runs the loop until the test ends.
func (l *running) start(o Options) {
	l.t.Helper()
	s, err := New(o)
	if err != nil {
		l.t.Fatal(err)
	}
	if l.host, err = NewHost(l.loop, []*Site{s}); err != nil {
		l.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- l.loop.Run() }()
	l.t.Cleanup(func() {
		l.do(func() {
			l.host.Close()
			for _, r := range l.host.all[0].roots {
				r.cache.Close()
			}
		})
		l.loop.Stop()
		if err := <-ended; err != nil {
			l.t.Error(err)
		}
	})
}

// do runs fn on the loop and waits for it.
func (l *running) do(fn func()) {
	l.t.Helper()
	done := make(chan struct{})
	if !l.loop.Post(func() { defer close(done); fn() }) {
		l.t.Fatal("the loop has ended")
	}
	<-done
}

// begin serves a request on the loop.
func (l *running) begin(head string) (*Exchange, *recorder) {
	l.t.Helper()
	x, rec := exchange(l.t, head)
	l.do(func() { l.host.Serve(visitor(x)) })
	return x, rec
}

// until waits for something to become true on the loop.
func (l *running) until(what string, cond func() bool) {
	l.t.Helper()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(2 * time.Millisecond) {
		ok := false
		l.do(func() { ok = cond() })
		if ok {
			return
		}
		if time.Now().After(end) {
			l.t.Fatalf("waited in vain for: %s", what)
		}
	}
}

// serve answers a request, however long it waits.
func (l *running) serve(head string) *recorder {
	l.t.Helper()
	_, rec := l.begin(head)
	l.until(head, func() bool { return rec.finished+rec.broken > 0 })
	var out recorder
	l.do(func() { // a copy, so that the loop's is not read from here
		out = recorder{
			t: l.t, status: rec.status, fields: rec.fields, length: rec.length, heads: rec.heads,
			finished: rec.finished, broken: rec.broken, reports: rec.reports,
		}
		out.body.Write(rec.body.Bytes())
	})
	if out.heads != 1 || out.finished != 1 {
		l.t.Fatalf("%.60q: %d heads, %d times finished, %d times broken", head, out.heads, out.finished, out.broken)
	}
	checkHead(l.t, head, &out)
	return &out
}

// slowly stands for the lookups' goroutines: while it is held, none gets an
// answer.
type slowly struct {
	once sync.Once
	l    *lookups
}

func hold(l *lookups) *slowly {
	for range lookupsAtOnceMax {
		l.running <- struct{}{}
	}
	return &slowly{l: l}
}

func (s *slowly) release() {
	s.once.Do(func() {
		for range lookupsAtOnceMax {
			<-s.l.running
		}
	})
}
