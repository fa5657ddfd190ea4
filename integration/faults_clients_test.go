//go:build linux

package integration

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// TestFaultAllBusy: with every worker held and the queue full, files are served
// as fast as ever and one request more for PHP hears at once that it is refused.
func TestFaultAllBusy(t *testing.T) {
	const workers, queue, more = 2, 3, 20
	st, mark := faultSite(t)
	writeFile(t, filepath.Join(st.root, "hold.php"), `<?php file_put_contents($_GET['mark'] . '/pid.' . $_GET['id'], getmypid()); sleep(30); echo 'held';`)
	st.workers = workers
	st.tuning.queue, st.tuning.queueTime, st.tuning.requestTime = queue, "20s", "4s"
	s := startSluice(t, st)
	files := func(d time.Duration) (slowest time.Duration, n int) {
		t.Helper()
		for end := time.Now().Add(d); time.Now().Before(end); n++ {
			began := time.Now()
			if a := get(t, s, "/static.txt"); a.body != "static\n" {
				t.Fatalf("static.txt: status %d", a.status)
			}
			slowest = max(slowest, time.Since(began))
		}
		return slowest, n
	}
	_, alone := files(time.Second)
	var held, queued []<-chan answer
	for i := range workers {
		held = append(held, inFlight(s, "GET", at("hold.php", mark, "id", fmt.Sprint(i)), ""))
	}
	for i := range workers {
		markedPid(t, mark, fmt.Sprint(i))
	}
	for range queue {
		queued = append(queued, inFlight(s, "GET", "/hello.php", ""))
	}
	time.Sleep(200 * time.Millisecond) // for the queue to fill
	for i := range more {
		began := time.Now()
		a := get(t, s, "/hello.php")
		if took := time.Since(began); a.status != http.StatusServiceUnavailable || took > time.Second {
			t.Errorf("request %d beyond the queue: status %d after %v, want 503 at once", i, a.status, took)
		}
		checkRetryAfter(t, a)
	}
	slowest, beside := files(time.Second)
	t.Logf("files in a second: %d alone, %d beside, slowest %v", alone, beside, slowest)
	if beside < alone/4 || slowest > time.Second {
		t.Errorf("files in a second: %d alone, %d beside held workers, slowest %v", alone, beside, slowest)
	}
	for _, ch := range held {
		if a := await(t, "hold.php", ch, 10*time.Second); a.status != http.StatusGatewayTimeout {
			t.Errorf("hold.php: status %d, want 504", a.status)
		}
	}
	for _, ch := range queued {
		if a := await(t, "a queued request", ch, 10*time.Second); a.body != "hello" {
			t.Errorf("a queued request: status %d", a.status)
		}
	}
}

// TestFaultVanish: clients that break off anywhere by the hundred leave nothing
// behind: no descriptor, no memory, no worker that is held.
func TestFaultVanish(t *testing.T) {
	const each, growthMax = 100, 32 << 10
	st, mark := faultSite(t)
	st.workers = 2
	s := startSluice(t, st)
	warmUp(t, s, mark)
	wantParallel(t, s, mark, 2)
	opened := func() int64 { return stateOf(t, s, 0).opened }
	before := opened()
	stop := watchMemory(t, s)
	head := "POST /echo.php HTTP/1.1\r\nHost: x\r\n"
	kinds := []struct {
		name, text string
		read       int // octets of the answer
	}{
		{"in the request line", "GET /hel", 0},
		{"in the head", head + "X-Half: ha", 0},
		{"before the content", head + "Content-Length: 3000000\r\n\r\n", 0},
		{"in the content", head + "Content-Length: 3000000\r\n\r\n" + string(make([]byte, 100_000)), 0},
		{"in a chunk", head + "Transfer-Encoding: chunked\r\n\r\nffff\r\nhalf", 0},
		{"before the answer", request(s, "GET", "/hello.php", ""), 0},
		{"in the answer's head", request(s, "GET", "/hello.php", ""), 20},
		{"in a script's answer", request(s, "GET", at("big.php", mark, "mib", "2"), ""), 5000},
		{"in a file", request(s, "GET", "/static.txt", ""), 100},
	}
	for _, k := range kinds {
		var wg sync.WaitGroup
		for i := range each {
			// Half of them close, half of them reset.
			wg.Go(func() {
				if err := vanish(s.addr, k.text, k.read, i%2 == 0); err != nil {
					t.Errorf("vanishing %s: %v", k.name, err)
				}
			})
		}
		wg.Wait()
		if a := get(t, s, "/hello.php"); a.body != "hello" {
			t.Errorf("after clients that vanished %s: status %d", k.name, a.status)
		}
	}
	wantParallel(t, s, mark, 2)
	if !eventually(5*time.Second, func() bool { return opened() <= before+2 }) {
		t.Errorf("%d descriptors before, %d after", before, opened())
	}
	grown := stop()
	t.Logf("memory grew by %d KiB; %d descriptors before, %d after", grown, before, opened())
	if grown > growthMax {
		t.Errorf("memory grew by %d KiB, at most %d allowed", grown, growthMax)
	}
}

// vanish sends text, reads so much of the answer and goes, by a reset or not.
func vanish(addr, text string, read int, reset bool) error {
	c, err := net.DialTimeout("tcp", addr, rawTimeout)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }() // that is the point
	if err := c.SetDeadline(time.Now().Add(rawTimeout)); err != nil {
		return err
	}
	if reset {
		if err := c.(*net.TCPConn).SetLinger(0); err != nil {
			return err
		}
	}
	if _, err := io.WriteString(c, text); err != nil {
		return err
	}
	_, err = io.ReadFull(c, make([]byte, read))
	return err
}
