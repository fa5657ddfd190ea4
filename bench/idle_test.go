//go:build linux

package main

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// keepers answers with text, and ends every connection to the port when close
// is called.
func keepers(t *testing.T, text string) (address string, closeAll func()) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.RemoteAddr, "127.0.1.9:") {
			http.Error(w, "another source address", http.StatusForbidden)
			return
		}
		_, _ = io.WriteString(w, text)
	}), ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })
	return l.Addr().String(), func() { _ = server.Close() }
}

func TestHold(t *testing.T) {
	for _, closed := range []bool{false, true} {
		address, closeAll := keepers(t, "hello")
		in, end := io.Pipe()
		said, out := io.Pipe()
		done := make(chan error, 1)
		go func() { done <- hold([]string{address, "127.0.1.9", "/", "5", "7"}, in, out) }()
		lines := bufio.NewReader(said)
		if line, err := lines.ReadString('\n'); line != "7\n" {
			t.Fatalf("opened %q, %v", line, err)
		}
		want := "0\n"
		if closed {
			closeAll()
			want = "7\n"
			time.Sleep(20 * time.Millisecond) // for the news to arrive
		}
		if err := end.Close(); err != nil {
			t.Fatal(err)
		}
		if line, err := lines.ReadString('\n'); line != want {
			t.Errorf("closed by the server: %v: lost %q, %v, want %q", closed, line, err, want)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func TestHoldRefused(t *testing.T) {
	address, _ := keepers(t, "hello")
	for _, args := range [][]string{
		{address, "127.0.1.8", "/", "5", "1"}, // 403
		{address, "nowhere", "/", "5", "1"},
		{address, "127.0.1.9", "/", "x", "1"},
		{address},
	} {
		var out bytes.Buffer
		if err := hold(args, strings.NewReader(""), &out); err == nil || out.Len() > 0 {
			t.Errorf("hold(%q) = %v, said %q", args, err, out.String())
		}
	}
}

func TestIdleGoals(t *testing.T) {
	good := idleResult{Connections: 100, Processes: 1, BytesEach: 1024, Kept: 0.9}
	for _, tt := range []struct {
		change func(*idleResult)
		want   string
	}{
		{func(*idleResult) {}, ""},
		{func(r *idleResult) { r.BytesEach = 1100 }, "1100 octets"},
		{func(r *idleResult) { r.Kept = 0.89 }, "0.89 of the throughput"},
		{func(r *idleResult) { r.Lost = 3 }, "3 idle connections lost"},
	} {
		r := good
		tt.change(&r)
		err := (&report{Idle: &r}).verdict(true)
		if (tt.want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: %v, want %q", r, err, tt.want)
		}
		var b bytes.Buffer
		r.print(&b)
		if !strings.Contains(b.String(), tt.want) || !strings.Contains(b.String(), "by one process") {
			t.Errorf("printed %q", b.String())
		}
	}
	many := good
	many.Processes = 7
	var b bytes.Buffer
	many.print(&b)
	if want := "7 processes that share an address"; !strings.Contains(b.String(), want) {
		t.Errorf("printed %q, want %q", b.String(), want)
	}
}

func TestIdleProcesses(t *testing.T) {
	for _, tt := range []struct{ n, most, want int }{
		{100_000, 114_000, 1}, {100_000, 17_300, 7}, {17_300, 17_300, 1}, {17_301, 17_300, 2}, {1_000_000, 17_300, 61}, {10, 0, 0}, {10, -5, 0},
	} {
		if got := idleProcesses(tt.n, tt.most); got != tt.want {
			t.Errorf("%d connections, %d in a process: %d processes, want %d", tt.n, tt.most, got, tt.want)
		}
	}
}
