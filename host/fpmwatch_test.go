package host

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"sluice/conf"
	"sluice/fcgi"
)

// fpmPage is a status page as php-fpm writes it. One of the active ones is at our
// question.
func fpmPage(manager string, idle, active int, processes ...string) string {
	page := fmt.Sprintf(`{"pool":"www","process manager":%q,"start time":1,"accepted conn":9,"listen queue":3,"idle processes":%d,"active processes":%d,"total processes":%d`, manager, idle, active, idle+active)
	if len(processes) > 0 {
		page += `,"processes":[` + strings.Join(processes, ",") + "]"
	}
	return page + "}"
}

// likeFPM answers for its status page, our questions and scripts, as php-fpm does.
func likeFPM(page func() string) func(fcgi.Role, map[string]string, string, string) string {
	return func(_ fcgi.Role, env map[string]string, _, _ string) string {
		switch {
		case env["SCRIPT_NAME"] == "/status":
			return "Content-Type: application/json\r\n\r\n" + page()
		case env["SCRIPT_NAME"] == "/probe.php":
			return "Content-Type: text/plain\r\n\r\n\nsluice-facts\npost_max_size\t1000\nupload_max_filesize\t1000\nmax_execution_time\t9\nmemory_limit\t1M\nversion\t8.9.7\nsapi\tfpm-fcgi\nend\t1\n"
		case strings.HasSuffix(env["SCRIPT_NAME"], ".php"):
			return "Content-Type: text/plain\r\n\r\nran"
		}
		return "Status: 404\r\n\r\nFile not found.\n"
	}
}

func upstreamOf(address string) conf.Upstream {
	network, rest, _ := strings.Cut(address, ":")
	return conf.Upstream{Network: network, Address: rest}
}

// TestLookAtFPM: what a php-fpm says of itself decides how many connections it is
// given, and how it fares among others.
func TestLookAtFPM(t *testing.T) {
	answer := ""
	address := program(t, likeFPM(func() string { return answer }))
	for _, tt := range []struct {
		name, answer          string
		workers, conns, other int
	}{
		{"static", fpmPage("static", 6, 4), 0, 9, 3},
		{"dynamic, few at the moment", fpmPage("dynamic", 1, 1), 0, externalConnsDefault, 0},
		{"dynamic, many", fpmPage("dynamic", 0, 12), 0, 11, 11},
		{"the configuration says", fpmPage("static", 6, 4), 3, 3, 3},
		{"no status page", "nothing", 0, externalConnsDefault, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			answer = tt.answer
			r := &phpRunner{cfg: &conf.PHP{StatusPath: "/status", Workers: tt.workers}, log: zap.NewNop()}
			r.external([]conf.Upstream{upstreamOf(address)})
			if err := r.upstreams.start(context.Background()); err != nil {
				t.Fatal(err)
			}
			defer r.stop(0)
			r.lookAtServers()
			if st := r.pool.States()[0]; st.Server.Conns != tt.conns || st.Others != tt.other {
				t.Errorf("%d connections, %d requests of others; want %d and %d", st.Server.Conns, st.Others, tt.conns, tt.other)
			}
			if asks := r.status.asks(r.pool.States()[0].Server, time.Now()); asks == (tt.answer == "nothing") {
				t.Errorf("it is asked again: %t", asks)
			}
			if !r.status.asks(r.pool.States()[0].Server, time.Now().Add(2*fpmNoPageTime)) {
				t.Error("it is never asked again")
			}
		})
	}
}

// Each of several servers is given connections by its own children, names are
// looked at as well, and what is configured stays.
func TestLookAtSeveralFPM(t *testing.T) {
	page := func(n int) func(fcgi.Role, map[string]string, string, string) string {
		return likeFPM(func() string { return fpmPage("static", n, 0) })
	}
	first, told := upstreamOf(program(t, page(7))), upstreamOf(program(t, page(7)))
	told.Conns = 2
	named := upstreamOf(programAt(t, "tcp", "127.0.0.1:0", page(13)))
	named.Address = strings.Replace(named.Address, "127.0.0.1", "localhost", 1)
	r := &phpRunner{cfg: &conf.PHP{StatusPath: "/status"}, log: zap.NewNop()}
	r.external([]conf.Upstream{first, told, named})
	if err := r.upstreams.start(context.Background()); err != nil {
		t.Fatal(err)
	}
	defer r.stop(0)
	r.lookAtServers()
	var conns []int
	for _, st := range r.pool.States() {
		if !strings.HasPrefix(st.Server.Address, "[::1]") { // nobody listens there
			conns = append(conns, st.Server.Conns)
		}
	}
	if want := []int{6, 2, 12}; !slices.Equal(conns, want) {
		t.Errorf("connections %v, want %v", conns, want)
	}
}

// hosted starts a configuration over one script.
func hosted(t *testing.T, log *zap.Logger, text string) *Host {
	t.Helper()
	cfg := configOf(t, text)
	h, err := Start(cfg, Options{Embedded: true, Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Stop(time.Second) })
	return h
}

// A php-fpm that is started after sluice is asked all that one before it is.
func TestFPMComesLater(t *testing.T) {
	address := filepath.Join(t.TempDir(), "s")
	h := hosted(t, zap.NewNop(), "[[site]]\nroot = \".\"\nphp = \"unix:"+address+"\"\n")
	p := h.sites[0]
	if n := p.php.pool.Conns(); n != externalConnsDefault || p.bodyMax.Load() != bodyMaxUnknown || p.php.facts.Load() != nil {
		t.Fatalf("%d connections, content up to %d, facts %+v of who is not there", n, p.bodyMax.Load(), p.php.facts.Load())
	}
	programAt(t, "unix", address, likeFPM(func() string { return fpmPage("static", 11, 1) }))
	for end := time.Now().Add(20 * time.Second); p.php.pool.Conns() != 11 || p.bodyMax.Load() != 1000; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d connections, content up to %d; want 11 and 1000", p.php.pool.Conns(), p.bodyMax.Load())
		}
	}
	if text := p.describePHP(); !strings.Contains(text, "8.9.7") || !strings.Contains(text, "up to 11 connections") {
		t.Errorf("described as %q", text)
	}
}

// timed asks for a script, by a method that gets a new connection.
func timed(h http.Handler, target string) (*httptest.ResponseRecorder, time.Duration) {
	began := time.Now()
	return ask(h, "POST", target, "x"), time.Since(began)
}

// A restart of the only server is waited for; one that does not come back is given
// up at last, and then at once.
func TestFPMRestarts(t *testing.T) {
	address := filepath.Join(t.TempDir(), "s")
	start := func(t *testing.T) { // until the test ends
		programAt(t, "unix", address, likeFPM(func() string { return fpmPage("static", 4, 1) }))
	}
	h := serveConfig(t, map[string]string{"a.php": "<?php"}, "[[site]]\nroot = \"{dir}\"\nphp = { use = \"unix:"+address+"\", queue_time = \"5s\", queue = 1 }\n")
	t.Run("before", func(t *testing.T) {
		start(t)
		if rec, _ := timed(h, "/a.php"); rec.Code != 200 {
			t.Fatalf("%d %s", rec.Code, rec.Body)
		}
	})
	t.Run("after three seconds", func(t *testing.T) {
		const pause = 3 * time.Second
		done := make(chan string)
		go func() {
			rec, took := timed(h, "/a.php")
			done <- fmt.Sprint(rec.Code, " ", took > pause/2)
		}()
		time.Sleep(pause)
		if rec, took := timed(h, "/a.php"); rec.Code != 503 || took > time.Second {
			t.Errorf("%d after %v from a full queue, want 503", rec.Code, took)
		}
		start(t)
		if got := <-done; got != "200 true" {
			t.Errorf("%s, want 200 after %v", got, pause)
		}
	})
	t.Run("never", func(t *testing.T) {
		if rec, took := timed(h, "/a.php"); rec.Code < 502 || rec.Code > 503 || took < 3*time.Second || took > 15*time.Second {
			t.Errorf("%d after %v, want 5 s", rec.Code, took)
		}
		if rec, took := timed(h, "/a.php"); rec.Code < 502 || rec.Code > 503 || took > time.Second {
			t.Errorf("then %d after %v", rec.Code, took)
		}
	})
}

// Of several servers that all refuse nobody is waited for.
func TestAllServersDown(t *testing.T) {
	dir := t.TempDir()
	h := serveConfig(t, map[string]string{"a.php": "<?php"}, "[[site]]\nroot = \"{dir}\"\n[site.php]\nservers = [\"unix:"+dir+"/a\", \"unix:"+dir+"/b\", \"tcp:127.0.0.1:1\"]\n")
	if rec, took := timed(h, "/a.php"); rec.Code < 502 || rec.Code > 503 || took > 1500*time.Millisecond {
		t.Errorf("%d after %v", rec.Code, took)
	}
	if rec, took := timed(h, "/a.php"); rec.Code != 503 || took > 500*time.Millisecond {
		t.Errorf("then %d after %v", rec.Code, took)
	}
}

// The log has what a php-fpm that is not ours tells of itself and its workers.
func TestLogForeignWorkers(t *testing.T) {
	address := program(t, likeFPM(func() string {
		return fpmPage("static", 1, 9, // it counts roughly
			`{"pid":41,"state":"Running","start time":1700000000,"requests":7,"request duration":1802417,"request method":"GET","request uri":"/slow.php?x=1","script":"/srv/slow.php"}`,
			`{"pid":42,"state":"Idle","start time":1700000000,"requests":8,"request duration":5,"request method":"GET","request uri":"/last.php","script":"/srv/last.php"}`,
			`{"pid":43,"state":"Running","start time":1700000000,"requests":9,"request duration":5,"request method":"GET","request uri":"/status?json&full","script":"-"}`)
	}))
	core, logs := observer.New(zap.InfoLevel)
	h := hosted(t, zap.New(core), "[[site]]\nroot = \".\"\nphp = \""+address+"\"\n")
	h.LogWorkers()
	for message, want := range map[string]map[string]any{
		"php server": {"server": address, "up": true, "at_most": int64(2), "children": int64(3), "active": int64(1), "idle": int64(2), "listen_queue": int64(3)},
		"php":        {"waiting": int64(0), "at_most": int64(2)},
		"php worker": {
			"server": address, "pid": int64(41), "state": "Running", "requests": int64(7), "request": "GET /slow.php?x=1 /srv/slow.php", "for": 1802 * time.Millisecond,
		},
	} {
		lines := logs.FilterMessage(message).All()
		if len(lines) == 0 {
			t.Fatalf("no line %q in %v", message, logs.All())
		}
		got := lines[0].ContextMap()
		for name, value := range want {
			if got[name] != value {
				t.Errorf("%s: %s is %v, want %v", message, name, got[name], value)
			}
		}
	}
	workers := h.Workers()
	if len(workers) != 3 || workers[1].Request != "" || workers[2].Request != "" || workers[2].State != "Idle" || workers[0].Age < time.Hour {
		t.Errorf("workers %+v", workers)
	}
}
