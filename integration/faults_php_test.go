//go:build linux

package integration

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// inFlight sends a request and hands over its answer when that comes.
func inFlight(s *server, method, target, body string) <-chan answer {
	done := make(chan answer, 1)
	go func() {
		a, err := tryRaw(s.addr, method, request(s, method, target, body))
		if err != nil {
			a = answer{status: -1, body: err.Error()}
		}
		done <- a
	}()
	return done
}

// await takes an answer that must come within d.
func await(t *testing.T, what string, ch <-chan answer, d time.Duration) answer {
	t.Helper()
	select {
	case a := <-ch:
		return a
	case <-time.After(d):
		t.Fatalf("%s: no answer after %v", what, d)
		return answer{}
	}
}

// markedPid is the pid a script left in the folder of marks.
func markedPid(t *testing.T, mark, id string) int {
	t.Helper()
	pid := 0
	eventually(10*time.Second, func() bool {
		text, err := os.ReadFile(filepath.Join(mark, "pid."+id))
		if err == nil {
			pid, _ = strconv.Atoi(string(text))
		}
		return pid != 0
	})
	if pid == 0 {
		t.Fatalf("script %q did not start", id)
	}
	return pid
}

// parallel says how many workers answer at the same time.
func parallel(t *testing.T, s *server, mark string, n int) int {
	t.Helper()
	var all []<-chan answer
	for i := range n {
		all = append(all, inFlight(s, "GET", at("sleep.php", mark, "s", "0.5", "id", fmt.Sprint("p", i)), ""))
	}
	pids := map[string]bool{}
	for _, ch := range all {
		a := await(t, "sleep.php", ch, 15*time.Second)
		if a.status != http.StatusOK {
			t.Fatalf("sleep.php: status %d %s", a.status, excerpt(a.body))
		}
		pids[a.body] = true
	}
	return len(pids)
}

// wantParallel fails unless n workers answer at the same time, now or, while
// they are being replaced, soon.
func wantParallel(t *testing.T, s *server, mark string, n int) {
	t.Helper()
	most := 0
	if !eventually(10*time.Second, func() bool { most = max(most, parallel(t, s, mark, n)); return most == n }) {
		t.Errorf("%d workers answer at the same time, want %d", most, n)
	}
}

// TestFaultWorkerKilled: a request whose worker dies is a 502, never half a page
// called whole, and nobody else notices.
func TestFaultWorkerKilled(t *testing.T) {
	st, mark := faultSite(t)
	st.workers = 2
	s := startHost(t, st)
	for _, method := range []string{"GET", "POST"} {
		body := map[string]string{"POST": "a=1"}[method]
		flight := inFlight(s, method, at("sleep.php", mark, "s", "20", "id", method), body)
		pid := markedPid(t, mark, method)
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		if a := await(t, method, flight, 5*time.Second); a.status != http.StatusBadGateway {
			t.Errorf("%s whose worker was killed: status %d %s, want 502", method, a.status, excerpt(a.body))
		}
		for i := range 20 {
			if a := get(t, s, "/hello.php"); a.status != http.StatusOK || a.body != "hello" {
				t.Fatalf("request %d after the kill: status %d %s", i, a.status, excerpt(a.body))
			}
		}
	}
	wantParallel(t, s, mark, 2)
	// With the head out already, the client must see that the rest is missing.
	if a, err := tryRaw(s.addr, "GET", request(s, "GET", "/die.php", "")); err == nil && a.status == http.StatusOK {
		t.Errorf("die.php came as a whole page: %q", a.body)
	}
}

// TestFaultTimeLimit: scripts that never end get 504 and are ended, one that
// resists with its worker, while others go on.
func TestFaultTimeLimit(t *testing.T) {
	st, mark := faultSite(t)
	st.workers = 4
	st.tuning.requestTime = "2s"
	s := startSluice(t, st)
	began := time.Now()
	stuck := map[string]<-chan answer{
		"spin":     inFlight(s, "GET", at("spin.php", mark), ""),
		"never":    inFlight(s, "GET", at("sleep.php", mark, "s", "3600", "id", "never"), ""),
		"stubborn": inFlight(s, "POST", at("stubborn.php", mark), "a=1"),
	}
	ids := map[string]procID{}
	for id := range stuck {
		pid := markedPid(t, mark, id)
		stat, ok := readStat(pid)
		if !ok {
			t.Fatalf("worker %d of %s is gone already", pid, id)
		}
		ids[id] = procID{pid, stat.start}
	}
	served := 0
	for time.Since(began) < 1500*time.Millisecond {
		if a := get(t, s, "/hello.php"); a.status == http.StatusOK {
			served++
		}
	}
	if served < 20 {
		t.Errorf("only %d requests of others were served beside the stuck ones", served)
	}
	for id, ch := range stuck {
		if a := await(t, id, ch, 10*time.Second); a.status != http.StatusGatewayTimeout {
			t.Errorf("%s: status %d %s, want 504", id, a.status, excerpt(a.body))
		}
	}
	if took := time.Since(began); took < 1900*time.Millisecond || took > 6*time.Second {
		t.Errorf("the limit of 2 s took %v", took)
	}
	wantParallel(t, s, mark, 4)
	if !eventually(10*time.Second, func() bool { return !ids["stubborn"].alive() }) {
		t.Errorf("worker %d goes on with a script past its limit", ids["stubborn"].pid)
	}
	spun, ok := readStat(ids["spin"].pid)
	time.Sleep(500 * time.Millisecond)
	if now, still := readStat(ids["spin"].pid); ok && still && now.start == spun.start && now.cpuTicks-spun.cpuTicks > 20 {
		t.Errorf("worker %d still spins", ids["spin"].pid)
	}
}

// TestFaultClientGone: the one worker is free again soon after its client left.
func TestFaultClientGone(t *testing.T) {
	st, mark := faultSite(t)
	st.workers = 1
	st.tuning.requestTime = "5s"
	s := startSluice(t, st)
	for _, script := range []string{"chatty", "sleep"} {
		c := dial(t, s.addr)
		target := at(script+".php", mark, "s", "3600", "id", script)
		if _, err := io.WriteString(c, request(s, "GET", target, "")); err != nil {
			t.Fatal(err)
		}
		markedPid(t, mark, script)
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		a := await(t, "hello.php after "+script, inFlight(s, "GET", "/hello.php", ""), 12*time.Second)
		if a.status != http.StatusOK {
			t.Errorf("after a client left %s.php: status %d", script, a.status)
		}
		t.Logf("%s.php: worker free after %v", script, time.Since(began).Round(time.Millisecond))
		if script == "chatty" && time.Since(began) > 3*time.Second {
			t.Errorf("a script that prints held its worker %v after its client left", time.Since(began))
		}
	}
}

// TestFaultRetirement: workers retire under load and no request is lost or run
// twice.
func TestFaultRetirement(t *testing.T) {
	const clients, perClient, retireAfter = 16, 250, 40
	st, mark := faultSite(t)
	st.workers = 3
	st.tuning.maxRequests = retireAfter
	s := startSluice(t, st)
	var failed atomic.Int64
	var wg sync.WaitGroup
	for c := range clients {
		wg.Go(func() {
			tr := &http.Transport{MaxIdleConnsPerHost: 1}
			defer tr.CloseIdleConnections()
			client := &http.Client{Transport: tr, Timeout: 20 * time.Second}
			for i := range perClient {
				id := fmt.Sprintf("%d-%d", c, i)
				body := strings.Repeat("b", i*37%5000)
				resp, err := client.Post(s.url(at("count.php", mark, "id", id)), "text/plain", strings.NewReader(body))
				if err != nil {
					failed.Add(1)
					t.Errorf("request %s: %v", id, err)
					continue
				}
				text, err := io.ReadAll(resp.Body)
				_ = resp.Body.Close()
				if want := fmt.Sprintf("%s %d", id, len(body)); err != nil || resp.StatusCode != http.StatusOK || string(text) != want {
					failed.Add(1)
					t.Errorf("request %s: status %d, %q, %v; want %q", id, resp.StatusCode, excerpt(string(text)), err, want)
				}
				if failed.Load() > 10 {
					return
				}
			}
		})
	}
	wg.Wait()
	text, err := os.ReadFile(filepath.Join(mark, "count"))
	if err != nil {
		t.Fatal(err)
	}
	runs, pids := map[string]int{}, map[string]int{}
	lines := bufio.NewScanner(strings.NewReader(string(text)))
	for lines.Scan() {
		id, pid, _ := strings.Cut(lines.Text(), " ")
		runs[id]++
		pids[pid]++
	}
	for id, n := range runs {
		if n != 1 {
			t.Errorf("request %s ran %d times", id, n)
		}
	}
	if len(runs) != clients*perClient {
		t.Errorf("%d of %d requests reached PHP", len(runs), clients*perClient)
	}
	if least := clients * perClient / retireAfter / 2; len(pids) < least {
		t.Errorf("%d workers did it all: they do not retire after %d requests", len(pids), retireAfter)
	}
	for pid, n := range pids {
		if n > retireAfter {
			t.Errorf("worker %s answered %d requests, its limit is %d", pid, n, retireAfter)
		}
	}
}

// TestFaultQueue: beyond the queue's bounds the client hears at once, and when
// to come again.
func TestFaultQueue(t *testing.T) {
	st, mark := faultSite(t)
	st.workers = 1
	st.tuning.queue, st.tuning.queueTime = 2, "20s"
	s := startSluice(t, st)
	first := inFlight(s, "GET", at("sleep.php", mark, "s", "2", "id", "first"), "")
	markedPid(t, mark, "first")
	var waiting []<-chan answer
	for range 6 {
		waiting = append(waiting, inFlight(s, "GET", "/hello.php", ""))
	}
	counts := map[int]int{}
	for _, ch := range append(waiting, first) {
		a := await(t, "queued request", ch, 15*time.Second)
		counts[a.status]++
		if a.status == http.StatusServiceUnavailable {
			checkRetryAfter(t, a)
		}
	}
	if counts[http.StatusOK] != 3 || counts[http.StatusServiceUnavailable] != 4 {
		t.Errorf("statuses %v, want three of 200 (one running, two waiting) and four of 503", counts)
	}
	t.Run("time", func(t *testing.T) {
		st.tuning.queueTime = "500ms"
		s := startSluice(t, st)
		long := inFlight(s, "GET", at("sleep.php", mark, "s", "3", "id", "long"), "")
		markedPid(t, mark, "long")
		began := time.Now()
		a := await(t, "queued request", inFlight(s, "GET", "/hello.php", ""), 10*time.Second)
		if took := time.Since(began); a.status != http.StatusServiceUnavailable || took > 2*time.Second {
			t.Errorf("after waiting %v: status %d, want 503 after 500 ms", took, a.status)
		}
		checkRetryAfter(t, a)
		if a := await(t, "the running request", long, 10*time.Second); a.status != http.StatusOK {
			t.Errorf("the running request: status %d", a.status)
		}
	})
}

func checkRetryAfter(t *testing.T, a answer) {
	t.Helper()
	if n, err := strconv.Atoi(a.header.Get("Retry-After")); err != nil || n < 1 {
		t.Errorf("503 with Retry-After %q", a.header.Get("Retry-After"))
	}
}

// TestFaultStreaming: the script waits after each piece until the test has it,
// so a server that holds pieces back fails without any clock.
func TestFaultStreaming(t *testing.T) {
	for _, how := range []string{"accel", "events"} {
		t.Run(how, func(t *testing.T) {
			st, mark := faultSite(t)
			s := startSluice(t, st)
			c := dial(t, s.addr)
			if _, err := io.WriteString(c, request(s, "GET", at("stream.php", mark, "how", how), "")); err != nil {
				t.Fatal(err)
			}
			resp, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: "GET"})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = resp.Body.Close() }()
			lines := bufio.NewReader(resp.Body)
			for i := range 4 {
				line, err := lines.ReadString('\n')
				if want := fmt.Sprintf("data: piece %d\n", i); err != nil || line != want {
					t.Fatalf("piece %d: %q, %v; want %q", i, line, err, want)
				}
				if _, err := lines.ReadString('\n'); err != nil {
					t.Fatal(err)
				}
				writeFile(t, filepath.Join(mark, fmt.Sprintf("go.%d", i)), "")
			}
			if rest, err := io.ReadAll(lines); err != nil || string(rest) != "end\n" {
				t.Errorf("the end: %q, %v", rest, err)
			}
			if got := resp.Header.Get("X-Accel-Buffering"); got != "" {
				t.Errorf("X-Accel-Buffering: %s reached the client", got)
			}
		})
	}
}
