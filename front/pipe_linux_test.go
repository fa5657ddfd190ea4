package front

import (
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"sluice/loop"
)

// openPipes counts this process's pipes as large as those that content goes through.
func openPipes(t *testing.T) (n int) {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		fd, _ := strconv.Atoi(e.Name())
		if size, err := unix.FcntlInt(uintptr(fd), unix.F_GETPIPE_SZ, 0); err == nil && size == 1<<20 {
			n++
		}
	}
	return n
}

// Large content goes from the client to the worker through a pipe, and however the
// request ends, nothing of that is left.
func TestContentThroughAPipe(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		if e == loop.Portable {
			return // has none
		}
		w := newWorld(t, e, change{front: func(o *Options) { o.BodyTime = 500 * time.Millisecond }})
		content := string(pattern(280 << 10))
		half := func() *client {
			c := w.dial()
			text := post("/echo.php", content)
			c.send(text[:len(text)-50_000])
			eventually(t, "a pipe is open", func() bool { return openPipes(t) == 2 })
			return c
		}
		none := func(after string) {
			t.Helper()
			eventually(t, "no pipe is open after "+after, func() bool { return openPipes(t) == 0 })
		}
		c := half()
		c.send(content[len(content)-50_000:] + get("/a.txt")) // the next request comes with the end
		if a := c.expect("POST", 200); a.body != fmt.Sprintf("POST %d <nil>\n%s", len(content), content) {
			t.Fatalf("got %d octets, %.60q", len(a.body), a.body)
		}
		if a := c.expect("GET", 200); a.body != "static a" {
			t.Errorf("behind it: %.60q", a.body)
		}
		none("an answer")
		for range 3 {
			c.send(post("/echo.php", content))
			if a := c.expect("POST", 200); a.body != fmt.Sprintf("POST %d <nil>\n%s", len(content), content) {
				t.Fatalf("got %d octets, %.60q", len(a.body), a.body)
			}
		}
		c.stillOpen()
		_ = half().c.Close()
		none("a client that has gone")
		half().expect("POST", 408)
		none("a client that was too slow")
	})
}
