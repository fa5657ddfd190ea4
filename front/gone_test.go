package front

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice/loop"
)

// reset closes a connection as a crash does.
func (c *client) reset() {
	if tc, ok := c.c.(*net.TCPConn); ok {
		_ = tc.SetLinger(0)
	}
	_ = c.c.Close()
}

// A client may leave at any moment, politely or not; nothing stays behind.
func TestClientLeaves(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		w := newWorld(t, e, change{conns: 3, gateway: smallSpools(t)})
		for _, tt := range []struct {
			name, text string
			during     func()
		}{
			{"silent", "", nil},
			{"in the head", "GET / HTTP/1.1\r\nHo", nil},
			{"idle", get("/a.txt"), nil},
			{"in content", request("POST", "/echo.php", "Content-Length: 100") + "abc", nil},
			{"in a chunk", request("POST", "/echo.php", "Transfer-Encoding: chunked") + "64\r\nabc", nil},
			{"in spooled content", request("POST", "/echo.php", fmt.Sprint("Content-Length: ", bodyMax)) + string(pattern(bodyMax/2)), nil},
			{"in unwanted content", request("POST", "/a.txt", "Content-Length: 100") + "abc", nil},
			{"while the script runs", get("/block.php"), func() {
				w.blockedScripts(1)
			}},
			{"in a file", get("/big.bin"), nil},
			{"in a script's response", get("/big.php?n=12000000"), nil},
			{"in a stream", get("/stream.php?n=100"), nil},
			{"with requests waiting", get("/block.php") + strings.Repeat(get("/a.txt"), 100), func() { w.blockedScripts(1) }},
		} {
			for _, how := range []string{"close", "reset", "half"} {
				if how == "half" && tt.during == nil {
					continue
				}
				if tt.name == "with requests waiting" && how != "reset" {
					continue // only a reset shows behind what waits to be read
				}
				c := w.dial()
				c.send(tt.text)
				time.Sleep(4 * time.Millisecond)
				if tt.during != nil {
					tt.during()
				}
				switch how {
				case "close":
					_ = c.c.Close()
				case "reset":
					c.reset()
				case "half":
					_ = c.c.(*net.TCPConn).CloseWrite()
				}
				left := func() bool { return w.open() == 0 }
				if tt.name == "with requests waiting" {
					w.letGo(left) // the script's answer finds nobody
				}
				eventually(t, tt.name+", "+how+": the connection has gone", left)
				w.letGo(func() bool { return w.app.waiting() == 0 })
			}
		}
		w.letGo(func() bool { return w.pool.InUse() <= 3 && w.pool.Waiting() == 0 })
		c := w.dial()
		for range 10 {
			c.send(get("/hello.php"))
			c.expect("GET", 200)
		}
	})
}

// letGo lets blocked scripts end until something is so.
func (w *world) letGo(ok func() bool) {
	w.t.Helper()
	eventually(w.t, "scripts end", func() bool {
		select {
		case w.app.release <- struct{}{}:
		default:
		}
		return ok()
	})
}

// A client that has sent all it has and shut its side gets its file.
func TestHalfClosed(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		w := newWorld(t, e, change{})
		for range 2 {
			c := w.dial()
			c.send(get("/a.txt") + get("/big.bin"))
			if err := c.c.(*net.TCPConn).CloseWrite(); err != nil {
				t.Fatal(err)
			}
			c.expect("GET", 200)
			if a := c.expect("GET", 200); a.body != string(bigFile) {
				t.Errorf("%d octets", len(a.body))
			}
			c.ends()
		}
	})
}

// Streams arrive as they are made, and the worker is not held by pauses of the
// client.
func TestStream(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		w := newWorld(t, e, change{})
		c := w.dial()
		c.send(get("/stream.php?n=3"))
		for i := range 3 {
			want := fmt.Sprintf("event %d\n", i)
			for {
				line, err := c.r.ReadString('\n')
				if err != nil {
					t.Fatal(err)
				}
				if line == want {
					break
				}
			}
			w.app.release <- struct{}{}
		}
		for line := ""; line != "0\r\n"; {
			var err error
			if line, err = c.r.ReadString('\n'); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := c.r.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		c.stillOpen()
	})
}

func descriptors() int {
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(list)
}

// Hundreds of clients do all kinds of things and leave at random; every answer
// that comes is right, and afterwards nothing is left.
func TestTorture(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		goroutines, fds := runtime.NumGoroutine(), descriptors()
		w := newWorld(t, e, change{loops: 2, conns: 5, gateway: smallSpools(t)})
		end := time.Now().Add(800 * time.Millisecond)
		var clients sync.WaitGroup
		for i := range 200 {
			clients.Go(func() {
				r := rand.New(rand.NewPCG(uint64(i), 1))
				for time.Now().Before(end) {
					w.misbehave(r)
				}
			})
		}
		clients.Wait()
		eventually(t, "no connection is left", func() bool { return w.open() == 0 })
		eventually(t, "no request waits and all workers are free", func() bool { return w.pool.Waiting() == 0 && w.pool.InUse() <= 5 })
		c := w.dial()
		for range 20 { // each worker still knows what to do
			c.send(get("/hello.php?n=1"))
			if a := c.expect("GET", 200); a.body != "hello 1" {
				t.Errorf("%q", a.body)
			}
		}
		_ = c.c.Close()
		w.stop()
		if n := w.pool.InUse(); n != 0 {
			t.Errorf("%d connections to the backend after the end", n)
		}
		for _, l := range w.loops {
			if l.Conns() != 0 {
				t.Errorf("%d connections after the end", l.Conns())
			}
		}
		eventually(t, "goroutines end", func() bool { return runtime.NumGoroutine() <= goroutines+4 }) // the backend's listener
		eventually(t, "descriptors are closed", func() bool { return descriptors() <= fds+4 })
	})
}

// misbehave is the life of one client.
func (w *world) misbehave(r *rand.Rand) {
	nc, err := net.Dial("tcp", w.addr)
	if err != nil {
		w.t.Errorf("dial: %v", err)
		return
	}
	c := w.wrap(nc)
	defer func() {
		if r.IntN(2) == 0 {
			c.reset()
		}
		_ = nc.Close()
	}()
	for range r.IntN(8) {
		n := r.IntN(20_000)
		text, method, want := w.whim(r, n)
		if r.IntN(6) == 0 { // leaves in the middle of its request
			_, _ = io.WriteString(nc, text[:r.IntN(len(text))])
			return
		}
		if _, err := io.WriteString(nc, text); err != nil {
			return
		}
		if r.IntN(6) == 0 { // leaves before or while the response comes
			_, _ = nc.Read(make([]byte, 1+r.IntN(1000)))
			return
		}
		a, err := c.read(method)
		if err != nil || (a.status != 503 && want != "" && a.body != want) {
			w.t.Errorf("%.50q: status %d, %d octets %.40q, %v", text, a.status, len(a.body), a.body, err)
			return
		}
		if a.close {
			return
		}
	}
}

// whim is a random request and the content of its response, "" for any.
func (w *world) whim(r *rand.Rand, n int) (text, method, want string) {
	switch r.IntN(9) {
	case 0:
		return get("/a.txt"), "GET", "static a"
	case 1:
		return get(fmt.Sprint("/hello.php?n=", n)), "GET", fmt.Sprint("hello ", n)
	case 2:
		content := string(pattern(n))
		return post("/echo.php", content), "POST", fmt.Sprintf("POST %d <nil>\n%s", n, content)
	case 3:
		content := string(pattern(n + 1))
		return chunkedPost("/echo.php", content, "x") + "\r\n", "POST", fmt.Sprintf("POST %d <nil>\n%sx", n+2, content)
	case 4:
		return get(fmt.Sprint("/big.php?n=", n*20)), "GET", string(pattern(n * 20))
	case 5:
		return get("/medium.bin"), "GET", string(mediumFile)
	case 6:
		return request("HEAD", "/big.php?n=100000"), "HEAD", ""
	case 7:
		return post("/none", string(pattern(n))), "POST", ""
	default:
		return get("/accel.php?to=/medium.bin", "Range: bytes=100-199"), "GET", string(mediumFile[100:200])
	}
}
