package front

import (
	"bytes"
	"encoding/binary"
	"net"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"sluice/accesslog"
	"sluice/fcgi"
	"sluice/gateway"
	"sluice/loop"
)

// cheapBackend answers every request with the same octets and allocates nothing.
func cheapBackend(t *testing.T, body string) string {
	t.Helper()
	path := filepath.Join(shortDir(t), "b")
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go answerAll(c, []byte("Content-Type: text/html\r\n\r\n"+body))
		}
	}()
	return path
}

// answerAll reads records until STDIN's empty one, and writes the answer.
func answerAll(c net.Conn, stdout []byte) {
	buf, have := make([]byte, 1<<16), 0
	var answer []byte
	for {
		n, err := c.Read(buf[have:])
		if err != nil {
			return
		}
		have += n
		for have >= fcgi.HeaderBytes {
			content := int(binary.BigEndian.Uint16(buf[4:]))
			size := fcgi.HeaderBytes + content + int(buf[6])
			if have < size {
				break
			}
			last := fcgi.Type(buf[1]) == fcgi.Stdin && content == 0
			id := binary.BigEndian.Uint16(buf[2:])
			have = copy(buf, buf[size:have])
			if last {
				answer = fcgi.AppendStream(answer[:0], fcgi.Stdout, id, stdout)
				answer = fcgi.AppendHeader(answer, fcgi.Stdout, id, 0, 0)
				answer = fcgi.AppendEndRequest(answer, id, 0, fcgi.RequestComplete)
				if _, err := c.Write(answer); err != nil {
					return
				}
			}
		}
	}
}

// allocsPerRequest counts what the whole process allocates.
func allocsPerRequest(t *testing.T, w *world, text, end string) float64 {
	t.Helper()
	c, err := net.Dial("tcp", w.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	req, mark, buf := []byte(text), []byte(end), make([]byte, 1<<16)
	run := func(n int) {
		for range n {
			if _, err := c.Write(req); err != nil {
				t.Fatal(err)
			}
			for have := 0; !bytes.HasSuffix(buf[:have], mark); {
				k, err := c.Read(buf[have:])
				if err != nil {
					t.Fatal(err)
				}
				have += k
			}
		}
	}
	run(500)
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // a collection empties pools
	const requests = 3000
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	run(requests)
	runtime.ReadMemStats(&after)
	return float64(after.Mallocs-before.Mallocs) / requests
}

func TestAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	pollers(t, allocations)
}

// pollers runs a test on the engines that are made for Linux. The portable one has
// a goroutine for each connection, and other costs.
func pollers(t *testing.T, f func(t *testing.T, e loop.Engine)) {
	t.Helper()
	for _, e := range loop.Engines() {
		if e != loop.Portable {
			t.Run(string(e), func(t *testing.T) { f(t, e) })
		}
	}
}

func allocations(t *testing.T, e loop.Engine) {
	for _, logged := range []bool{false, true} {
		w := newWorld(t, e, change{
			gateway: func(o *gateway.Options) {
				socket := cheapBackend(t, "hello from a script")
				o.Pool = fcgi.NewPool(fcgi.Options{Servers: []fcgi.Server{{Network: "unix", Address: socket, Conns: 2}}})
			},
			front: func(o *Options) {
				if !logged {
					return
				}
				log, err := accesslog.Open(accesslog.Options{Path: filepath.Join(t.TempDir(), "log"), Format: accesslog.Combined})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = log.Close() })
				o.AccessLog = func(string) *accesslog.Log { return log }
			},
		})
		browser := []string{
			"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0)", "Accept: text/html,*/*;q=0.8", "Accept-Encoding: gzip, deflate, br, zstd",
			"Accept-Language: en", "Cookie: a=b; c=d", "Cookie: e=f", "Referer: http://test/", "Connection: keep-alive",
		}
		for _, tt := range []struct {
			name, text, end string
			most            float64
		}{
			{"static", get("/a.txt"), "static a", 0},
			{"static, browser", get("/a.txt?v=1", browser...), "static a", 0},
			{"not modified", get("/a.txt", "If-None-Match: *"), "\r\n\r\n", 0},
			{"script", get("/hello.php"), "hello from a script", 5},
			{"script, browser", get("/hello.php/info?a=b", browser...), "hello from a script", 5},
			{"script, content", post("/hello.php", "a=b&c=d"), "hello from a script", 5},
		} {
			got := allocsPerRequest(t, w, tt.text, tt.end)
			t.Logf("%s, logged %v: %.3f allocations per request", tt.name, logged, got)
			if got > tt.most+0.1 { // once a second facts are looked at anew
				t.Errorf("%s, logged %v: %.2f allocations per request, at most %v", tt.name, logged, got, tt.most)
			}
		}
	}
}

// A connection that waits for its next request holds next to nothing.
func TestIdleConnectionCost(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes everything larger")
	}
	pollers(t, idleConnectionCost)
}

func idleConnectionCost(t *testing.T, e loop.Engine) {
	const (
		conns        = 5000
		bytesPerConn = 1 << 10
	)
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil || limit.Cur < 2*conns+200 {
		t.Skipf("descriptor limit %d, %v", limit.Cur, err)
	}
	w := newWorld(t, e, change{loops: 2})
	ap, err := net.ResolveTCPAddr("tcp", w.addr)
	if err != nil {
		t.Fatal(err)
	}
	req, buf := []byte(get("/a.txt")), make([]byte, 4096)
	// Plain descriptors: net.Conn would cost more than what is measured.
	fds := make([]int, 0, conns+1)
	defer func() {
		for _, fd := range fds {
			_ = unix.Close(fd)
		}
	}()
	open := func() {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		fds = append(fds, fd)
		if err := unix.Connect(fd, &unix.SockaddrInet4{Port: ap.Port, Addr: [4]byte{127, 0, 0, 1}}); err != nil {
			t.Fatal(err)
		}
		if _, err := unix.Write(fd, req); err != nil {
			t.Fatal(err)
		}
		for have := 0; !bytes.HasSuffix(buf[:have], []byte("static a")); {
			n, err := unix.Read(fd, buf[have:])
			if err != nil || n == 0 {
				t.Fatalf("%d, %v", n, err)
			}
			have += n
		}
	}
	used := func() uint64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc + m.StackInuse
	}
	open()
	before := used()
	for range conns {
		open()
	}
	after := used()
	if n := w.open(); n != conns+1 {
		t.Fatalf("%d connections are open, want %d", n, conns+1)
	}
	per := (int64(after) - int64(before)) / conns
	t.Logf("%d octets per idle connection", per)
	if per > bytesPerConn {
		t.Errorf("%d octets per idle connection, at most %d", per, bytesPerConn)
	}
}
