//go:build linux

package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

func TestParseStat(t *testing.T) {
	got, err := parseStat("42 (a) b (c) S 7 42 42 0 -1 4194560 1 2 3 4 150 50 9 9 20 0 1 0 5")
	want := stat{"a) b (c", 7, 2 * time.Second}
	if got != want || err != nil {
		t.Errorf("parseStat = %+v, %v, want %+v", got, err, want)
	}
	for _, bad := range []string{"", "42 (a", "42 (a) S 7", "42 (a) S x 42 42 0 -1 4194560 1 2 3 4 150 50 9"} {
		if _, err := parseStat(bad); err == nil {
			t.Errorf("parseStat(%q): no error", bad)
		}
	}
}

func TestUsageGrows(t *testing.T) {
	before, err := serverUsage(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	// The tick of 10 ms is what this measures with.
	for end := ownCPU() + 50*time.Millisecond; ownCPU() < end; {
		continue
	}
	after, err := serverUsage(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if used := after.cpu - before.cpu; used < 20*time.Millisecond || used > 5*time.Second {
		t.Errorf("used %v, want about 50 ms", used)
	}
	if _, err := serverUsage(1 << 30); err == nil {
		t.Error("usage of a process that is not there: no error")
	}
}

func TestParseWrk(t *testing.T) {
	out := "Running\n  x\n\n@{\"requests\":100,\"micros\":2000000,\"bytes\":5000,\"connect\":1,\"read\":2,\"write\":3,\"status\":20,\"timeout\":5,\"p50\":100,\"p99\":900,\"max\":1000,\"bad\":6}\n"
	r, err := parseWrk([]byte(out))
	if err != nil {
		t.Fatal(err)
	}
	if r.errors() != 31 || r.Bad != 6 {
		t.Errorf("parsed %+v", r)
	}
	// Refusals are no answers.
	s := sampleOf(r, 8*time.Millisecond)
	if s.RPS != 40 || s.CPU != 100 || s.P99 != 0.9 || s.Requests != 80 {
		t.Errorf("sample %+v", s)
	}
	for _, bad := range []string{"", "\n@{x}\n", strings.Replace(out, "100,", "0,", 1)} {
		if _, err := parseWrk([]byte(bad)); err == nil {
			t.Errorf("parseWrk(%q): no error", bad)
		}
	}
}

func TestFits(t *testing.T) {
	for _, tt := range []struct {
		octets int64
		ok     bool
	}{{100_000, true}, {99_000, true}, {103_000, true}, {118_000, true}, {90_000, false}, {130_000, false}} {
		err := wrkResult{Requests: 1000, Bytes: tt.octets}.fits(100, 115, 32)
		if (err == nil) != tt.ok {
			t.Errorf("%d octets: %v", tt.octets, err)
		}
	}
}

func TestMiddle(t *testing.T) {
	m := middle([]sample{{RPS: 3, Errors: 1}, {RPS: 1, Faults: []string{"f"}}, {RPS: 9, Errors: 1}})
	if m.RPS != 3 || m.Errors != 2 || len(m.Faults) != 1 {
		t.Errorf("middle %+v", m)
	}
	if got := median([]float64{4, 1, 3, 2}); got != 2.5 {
		t.Errorf("median of four: %v", got)
	}
}

func TestChoose(t *testing.T) {
	o, err := parseOptions([]string{"-scenario", "static,hello", "-peers", "nginx"})
	if err != nil {
		t.Fatal(err)
	}
	if len(o.scenarios) != 2 || o.scenarios[0].name != "hello" || len(o.peers) != 1 || o.peers[0].name != "nginx" {
		t.Errorf("chose %+v", o)
	}
	for _, bad := range [][]string{{"-scenario", "x"}, {"-peers", "x"}, {"-rounds", "0"}, {"more"}} {
		if _, err := parseOptions(bad); err == nil {
			t.Errorf("%v: no error", bad)
		}
	}
}

// One worker must stay unbound, or what waits in the backlog starves.
func TestNginxNeverBindsAllWorkers(t *testing.T) {
	for workers := 1; workers <= 9; workers++ {
		for _, kind := range []backendKind{phpCGI, phpFPM, goFew} {
			for _, s := range nginxSetups(kind, workers) {
				if s.processes*s.kept >= workers {
					t.Errorf("%d workers: %s keeps %d each", workers, s.name, s.kept)
				}
			}
		}
	}
}

func TestDocroot(t *testing.T) {
	f := files()
	rewritten := map[string]string{"wp": "/wp/index.php", "wppretty": "/wp/index.php"}
	for _, sc := range scenarios() {
		if sc.clients || sc.backend == goApp || sc.backend == goFew {
			continue // it has no files
		}
		for _, path := range []string{sc.path, sc.plain} {
			if path == "" {
				continue
			}
			if to := rewritten[sc.name]; to != "" && path == sc.path {
				path = to
			}
			path, _, _ = strings.Cut(path, "?")
			text, ok := f[strings.TrimPrefix(path, "/")]
			if !ok {
				t.Errorf("%s: no file for %s", sc.name, path)
			}
			if !sc.php && text != string(sc.want) {
				t.Errorf("%s: %s is not what is wanted", sc.name, path)
			}
		}
	}
	if n := len(page(kib)); n != kib {
		t.Errorf("page of %d octets, want %d", n, kib)
	}
}

// reportOf makes a report of one scenario.
func reportOf(sluice sample) *report {
	g := goal{RPSMin: 1.25, CPUMax: 0.65, BareMin: 0.85}
	return &report{Results: []result{
		{Scenario: "hello", Title: "hello.php", Peer: "sluice", Median: sluice, Goal: &g},
		{Scenario: "hello", Title: "hello.php", Peer: "nginx", Median: sample{RPS: 1000, CPU: 50}},
		{Scenario: "hello", Title: "hello.php", Peer: "bare", Median: sample{RPS: 2000}},
	}}
}

func TestVerdict(t *testing.T) {
	for _, tt := range []struct {
		name         string
		in           sample
		loose, tight string // what the error says; "": none
	}{
		{"met", sample{RPS: 1700, CPU: 32}, "", ""},
		{"slower than nginx's share", sample{RPS: 1200, CPU: 32}, "", "req/s >= 1.25 nginx"},
		{"slower than bare's share", sample{RPS: 1600, CPU: 32}, "", "req/s >= 0.85 bare"},
		{"dearer", sample{RPS: 1700, CPU: 33}, "", "CPU <= 0.65 nginx"},
		{"errors", sample{RPS: 1700, CPU: 32, Errors: 3}, "3 errors", "3 errors"},
		{"wrong", sample{RPS: 1700, CPU: 32, Faults: []string{"f"}}, "1 faults", "1 faults"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for strict, want := range map[bool]string{false: tt.loose, true: tt.tight} {
				err := reportOf(tt.in).verdict(strict)
				if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
					t.Errorf("strict %v: %v, want %q", strict, err, want)
				}
			}
		})
	}
}

func TestGoalsAtStart(t *testing.T) {
	r := &report{BinarySize: 20e6, Startups: []startup{{"nginx", 900, 90 << 10}, {"sluice", 149, 29 << 10}}}
	if err := r.verdict(true); err != nil {
		t.Errorf("all met: %v", err)
	}
	r = &report{BinarySize: 26e6, Startups: []startup{{"sluice", 151, 31 << 10}}}
	if got := r.missedAtStart(); len(got) != 3 || r.verdict(true) == nil || r.verdict(false) != nil {
		t.Errorf("missed %q", got)
	}
}

func TestTable(t *testing.T) {
	var b bytes.Buffer
	if err := reportOf(sample{RPS: 1500, CPU: 20, Faults: []string{"half a page"}}).print(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"1.50", "0.40", "FAULT: half a page", "MISSED req/s >= 0.85 bare"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("table lacks %q:\n%s", want, b.String())
		}
	}
}

func TestChart(t *testing.T) {
	r := reportOf(sample{RPS: 1500, CPU: 20, Errors: 1})
	r.Results[0].Title = "a <b> & c"
	svg := r.chart()
	decoder := xml.NewDecoder(bytes.NewReader(svg))
	bars := map[string]bool{}
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, svg)
		}
		if e, ok := token.(xml.StartElement); ok && e.Name.Local == "rect" {
			for _, a := range e.Attr {
				if a.Name.Local == "width" {
					bars[a.Value] = true
				}
			}
		}
	}
	// Requests: 1.5, 1, 2 of nginx's, the longest is bare's. CPU: 0.4 and 1.
	for _, want := range []string{"225.0", "150.0", "300.0", "120.0"} {
		if !bars[want] {
			t.Errorf("no bar of length %s among %v", want, bars)
		}
	}
	if !bytes.Contains(svg, []byte("1500/s (errors)")) {
		t.Error("the errors do not show")
	}
}

func TestProbe(t *testing.T) {
	sc := scenario{path: "/x", want: []byte("right"), post: []byte("up")}
	for _, tt := range []struct {
		name  string
		serve http.HandlerFunc
		wrong bool
		want  string
	}{
		{"right", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "right") }, false, ""},
		{"wrong", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "wrong") }, true, "wrong answer"},
		{"short", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "righ") }, true, "wrong answer"},
		{"refused", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "busy", http.StatusServiceUnavailable) }, false, "503"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			server := httptest.NewServer(tt.serve)
			defer server.Close()
			n, err := probe(server.Listener.Addr().String(), sc)
			if tt.want == "" && (err != nil || n < int64(len("HTTP/1.1 200 OK\r\n\r\nright"))) {
				t.Errorf("probe = %d, %v", n, err)
			}
			if tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want) || errors.Is(err, errWrong) != tt.wrong) {
				t.Errorf("probe: %v, want %q", err, tt.want)
			}
		})
	}
}

func TestProbeSendsFields(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Host+" "+r.UserAgent()+" "+r.Header.Get("Cookie"))
	}))
	defer server.Close()
	sc := scenario{path: "/x", want: []byte("a.test b c=d"), fields: [][2]string{{"Host", "a.test"}, {"User-Agent", "b"}, {"Cookie", "c=d"}}}
	if _, err := probe(server.Listener.Addr().String(), sc); err != nil {
		t.Error(err)
	}
}

func TestFastcgiAnswer(t *testing.T) {
	answer := appendRecord(nil, typeStdout, []byte("Content-type: text/html\r\n\r\nhel"))
	answer = append(answer, 1, typeStdout, 0, 1, 0, 2, 3, 0, 'l', 'o', 0, 0, 0) // padded
	answer = appendRecord(answer, typeEndRequest, make([]byte, 8))
	two := append(append([]byte(nil), answer...), answer...)
	for name, from := range map[string]io.Reader{"whole": bytes.NewReader(two), "by octets": iotest.OneByteReader(bytes.NewReader(two))} {
		r := newFastcgiReader(from)
		for i := range 2 {
			if err := r.answer([]byte("hello")); err != nil {
				t.Errorf("%s, answer %d: %v", name, i, err)
			}
		}
		if err := r.answer([]byte("hello")); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: after the last: %v", name, err)
		}
	}
	for _, want := range []string{"hallo", "lo", "more than the whole answer, head and all, could ever hold"} {
		if err := newFastcgiReader(bytes.NewReader(answer)).answer([]byte(want)); err == nil {
			t.Errorf("%q taken for %q", "hello", want)
		}
	}
}

// A server that dies must say so, not be waited for.
func TestProcessDied(t *testing.T) {
	p, err := startProcess(t.TempDir(), "p", nil, "sh", "-c", "echo no licence; exit 3")
	if err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		if err := p.died(); err != nil {
			if !strings.Contains(err.Error(), "no licence") {
				t.Errorf("died: %v", err)
			}
			return
		}
		if time.Now().After(end) {
			t.Fatal("its end was not noticed")
		}
	}
}

func TestStopEndsTheGroup(t *testing.T) {
	// A grandchild that does not heed SIGTERM.
	p, err := startProcess(t.TempDir(), "p", nil, "sh", "-c", "(trap '' TERM; exec sleep 60) & exec sleep 61")
	if err != nil {
		t.Fatal(err)
	}
	var grandchild int
	for end := time.Now().Add(5 * time.Second); grandchild == 0; time.Sleep(time.Millisecond) {
		children, err := processTree()
		if err != nil || time.Now().After(end) {
			t.Fatalf("no grandchild: %v", err)
		}
		for _, pid := range children[p.cmd.Process.Pid] {
			if s, err := readStat(pid); err == nil && s.name == "sleep" {
				grandchild = pid
			}
		}
	}
	p.stop()
	for end := time.Now().Add(5 * time.Second); alive(grandchild); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the grandchild lives on")
		}
	}
}

// alive tells whether a process runs; a zombie does not.
func alive(pid int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !strings.Contains(string(text), ") Z ")
}
