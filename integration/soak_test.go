//go:build linux

package integration

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

const (
	// soakDefault is what fits into every run; SLUICE_SOAK=1000000 asks for more.
	soakDefault = 100_000
	soakClients = 32
	// Over what was there after a fifth of the requests. A leak of eight octets
	// per request would show in the full run.
	soakGrowthMaxKiB   = 4 << 10
	soakThreadsMore    = 3 // Go starts one where a system call takes long
	soakFilesMore      = 8 // connections are renewed all the time
	soakGoroutinesMore = 2
)

// soakState is what a process holds at some moment.
type soakState struct {
	done                    int64 // requests so far
	rssKiB, threads, opened int64
}

// TestSoakMillion sends very many requests to PHP: none may fail, and what
// sluice holds must stay level.
func TestSoakMillion(t *testing.T) {
	total := int64(soakDefault)
	if text := os.Getenv("SLUICE_SOAK"); text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 1000 {
			t.Fatalf("integration: SLUICE_SOAK %q is no number of requests", text)
		}
		total = n
	}
	st, _ := faultSite(t)
	short, long := startSluice(t, st), startSluice(t, st)
	soak(t, short, total/5)

	began := time.Now()
	states := soak(t, long, total)
	took := time.Since(began)
	early, late := within(states, total/5, total*3/10), within(states, total*9/10, total)
	if len(early) == 0 || len(late) == 0 {
		t.Fatalf("%d states seen, none early or none late", len(states))
	}
	level := func(what string, of func(soakState) int64, more int64) {
		t.Helper()
		a, b := of(early[0]), of(late[0])
		for _, s := range early {
			a = max(a, of(s))
		}
		for _, s := range late {
			b = max(b, of(s))
		}
		t.Logf("%s: %d between 20%% and 30%%, %d after 90%%", what, a, b)
		if b > a+more {
			t.Errorf("%s grew from %d to %d, at most %d more allowed", what, a, b, more)
		}
	}
	level("resident KiB", func(s soakState) int64 { return s.rssKiB }, soakGrowthMaxKiB)
	level("threads", func(s soakState) int64 { return s.threads }, soakThreadsMore)
	level("descriptors", func(s soakState) int64 { return s.opened }, soakFilesMore)
	few, many := goroutines(t, short), goroutines(t, long)
	t.Logf("%d requests in %v (%.0f/s); goroutines: %d after a fifth, %d at the end", total, took.Round(time.Millisecond), float64(total)/took.Seconds(), few, many)
	if many > few+soakGoroutinesMore {
		t.Errorf("%d goroutines after %d requests, %d after a fifth of them", many, total, few)
	}
}

func within(states []soakState, from, to int64) []soakState {
	return slices.DeleteFunc(slices.Clone(states), func(s soakState) bool { return s.done < from || s.done > to })
}

// soak sends total requests and returns what the server held meanwhile.
func soak(t *testing.T, s *server, total int64) []soakState {
	t.Helper()
	var next, done atomic.Int64
	faults := make([]error, soakClients)
	var wg sync.WaitGroup
	for i := range soakClients {
		wg.Go(func() {
			c := soakClient{addr: s.addr, line: []byte("GET /hello.php HTTP/1.1\r\nHost: " + s.addr + "\r\n\r\n")}
			defer c.close()
			for next.Add(1) <= total && faults[i] == nil {
				if faults[i] = c.once(); faults[i] == nil {
					done.Add(1)
				}
			}
		})
	}
	ended := make(chan struct{})
	go func() { wg.Wait(); close(ended) }()
	var states []soakState
	for running := true; running; {
		select {
		case <-ended:
			running = false
		case <-time.After(20 * time.Millisecond):
			states = append(states, stateOf(t, s, done.Load()))
		}
	}
	if err := errors.Join(faults...); err != nil {
		t.Fatalf("%d of %d requests were answered: %v", done.Load(), total, err)
	}
	return states
}

func stateOf(t *testing.T, s *server, done int64) soakState {
	t.Helper()
	rss, ok1 := statusKiB(s.proc.pid(), "VmRSS")
	threads, ok2 := statusKiB(s.proc.pid(), "Threads")
	files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.proc.pid()))
	if !ok1 || !ok2 || err != nil {
		t.Fatalf("integration: nothing to be seen of sluice: %v", err)
	}
	return soakState{done, rss, threads, int64(len(files))}
}

// soakClient sends one request after the other over a kept connection.
type soakClient struct {
	addr string
	line []byte
	conn net.Conn
	r    *bufio.Reader
}

func (c *soakClient) close() {
	if c.conn != nil {
		_ = c.conn.Close() // only read from
		c.conn = nil
	}
}

// once fails for all but the one right answer. Nothing is tried again.
func (c *soakClient) once() error {
	if c.conn == nil {
		conn, err := net.Dial("tcp", c.addr)
		if err != nil {
			return err
		}
		c.conn, c.r = conn, bufio.NewReader(conn)
	}
	if err := c.conn.SetDeadline(time.Now().Add(rawTimeout)); err != nil {
		return err
	}
	if _, err := c.conn.Write(c.line); err != nil {
		return err
	}
	resp, err := http.ReadResponse(c.r, nil)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK || string(body) != "hello" || c.r.Buffered() > 0 {
		return fmt.Errorf("status %d, %q, %d octets more", resp.StatusCode, body, c.r.Buffered())
	}
	if resp.Close {
		c.close()
	}
	return nil
}

// goroutines ends the server as SIGQUIT ends a Go program, and counts what that
// lists.
func goroutines(t *testing.T, s *server) int {
	t.Helper()
	s.proc.signal(t, syscall.SIGQUIT)
	if _, ended := s.proc.waitGone(10 * time.Second); !ended {
		t.Fatal("sluice runs on after SIGQUIT")
	}
	n := strings.Count(s.proc.output(), "\ngoroutine ")
	if n == 0 {
		t.Fatalf("no goroutine in\n%s", s.proc.tail(1000))
	}
	return n
}
