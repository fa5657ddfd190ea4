package front

import (
	"context"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice/gateway"
	"sluice/loop"
	"sluice/spool"
)

const short = 150 * time.Millisecond

func smallSpools(t *testing.T) func(*gateway.Options) {
	dir := t.TempDir()
	return func(o *gateway.Options) { o.Store = &spool.Store{Dir: dir, MemoryBytes: 32 << 10} }
}

func TestTimeLimits(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		w := newWorld(t, e, change{front: func(o *Options) {
			o.HeadTime, o.BodyTime, o.SendTime, o.IdleTime = short, short, short, short
		}})
		began := time.Now()
		silent, dribbling, kept, half, halfChunked, late := w.dial(), w.dial(), w.dial(), w.dial(), w.dial(), w.dial()
		dribbling.send("GET / HT")
		kept.send(get("/a.txt"))
		kept.expect("GET", 200)
		half.send(request("POST", "/echo.php", "Content-Length: 10") + "half")
		halfChunked.send(request("POST", "/echo.php", "Transfer-Encoding: chunked") + "5\r\nab")
		late.send(request("POST", "/a.txt", "Content-Length: 10") + "half")
		late.expect("POST", 405)
		silent.ends()
		kept.ends()
		for name, c := range map[string]*client{"head": dribbling, "content": half, "chunk": halfChunked} {
			if a, err := c.read("POST"); err != nil || a.status != 408 || !a.close {
				t.Errorf("%s: status %d, close %v, %v; want 408 and close", name, a.status, a.close, err)
			}
			c.ends()
		}
		late.ends()
		if took := time.Since(began); took < short/2 || took > 20*short {
			t.Errorf("the limits of %v took %v", short, took)
		}
		if n := w.app.count("echo.php"); n != 0 {
			t.Errorf("the script ran %d times", n)
		}
	})
}

// Unwanted content that stops coming does not cut off the response to it.
func TestResponseOutlivesContent(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		w := newWorld(t, e, change{front: func(o *Options) { o.BodyTime = short }})
		c := w.dial()
		if err := c.c.(*net.TCPConn).SetReadBuffer(64 << 10); err != nil {
			t.Fatal(err)
		}
		c.send(request("GET", "/big.bin", "Content-Length: 10") + "half")
		time.Sleep(2 * short)
		if a := c.expect("GET", 200); a.body != string(bigFile) {
			t.Errorf("got %d octets", len(a.body))
		}
		c.ends()
	})
}

// Neither a head nor content that keeps coming is limited by each piece's time;
// but a head has to be whole in the end.
func TestSlowButSteady(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		w := newWorld(t, e, change{front: func(o *Options) {
			o.HeadTime, o.BodyTime, o.SendTime, o.IdleTime = 2*short, short, short, short
		}})
		content := strings.Repeat("x", 12)
		c := w.dial()
		c.send(request("POST", "/echo.php", "Content-Length: 12"))
		for i := range content {
			time.Sleep(short / 4)
			c.send(content[i : i+1])
		}
		if a := c.expect("POST", 200); !strings.HasSuffix(a.body, content) {
			t.Errorf("%q", a.body)
		}
		// A script may take longer than all of these limits.
		c = w.dial()
		c.send(get("/block.php"))
		w.blockedScripts(1)
		time.Sleep(3 * short)
		w.app.release <- struct{}{}
		c.expect("GET", 200)
		// A head in drops: the limit is for the whole.
		c = w.dial()
		stop := time.Now().Add(20 * short)
		for n := 0; time.Now().Before(stop); n++ {
			if _, err := io.WriteString(c.c, "GET / HTTP/1.1\r\n"[n%16:n%16+1]); err != nil {
				break
			}
			time.Sleep(short / 10)
			if n == 15 {
				break
			}
		}
		_, _ = io.WriteString(c.c, "Host: te")
		if a, err := c.read("GET"); err != nil || a.status != 408 {
			t.Errorf("status %d, %v; want 408", a.status, err)
		}
	})
}

// A client that reads nothing does not hold its connection for ever, whatever
// it was sent and whether the connection would have gone on.
func TestStalledReaders(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		w := newWorld(t, e, change{front: func(o *Options) { o.SendTime, o.IdleTime = short, short }})
		for _, text := range []string{
			get("/big.bin"), get("/big.bin", "Connection: close"), "GET /big.bin HTTP/1.0\r\n\r\n",
			get("/big.php?n=12000000"), get("/big.php?n=12000000", "Connection: close"),
			strings.Repeat(get("/big.bin"), 50),
		} {
			c := w.dial()
			c.send(text)
		}
		eventually(t, "all connections given up by the front", func() bool { return w.open() == 0 })
		eventually(t, "all connections closed", func() bool { return w.loops[0].Conns() <= w.pool.InUse() })
	})
}

// A client that reads slowly gets everything, however long it takes.
func TestSlowReaders(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		var readers sync.WaitGroup
		w := newWorld(t, e, change{front: func(o *Options) { o.SendTime, o.IdleTime = 2*short, short }})
		for name, tt := range map[string]struct {
			text string
			want []byte
		}{
			"file":               {get("/big.bin"), bigFile},
			"file, last":         {get("/big.bin", "Connection: close"), bigFile},
			"script":             {get("/big.php?n=9000000"), bigFile[:9_000_000]},
			"script, last":       {get("/big.php?n=9000000", "Connection: close"), bigFile[:9_000_000]},
			"script, not framed": {"GET /big.php?n=9000000 HTTP/1.0\r\n\r\n", bigFile[:9_000_000]},
		} {
			c := w.dial()
			if err := c.c.(*net.TCPConn).SetReadBuffer(64 << 10); err != nil {
				t.Fatal(err)
			}
			c.send(tt.text)
			readers.Go(func() {
				c.r.Reset(&slowly{c: c.c, span: 4 * short, total: len(tt.want)})
				if a, err := c.read("GET"); err != nil || a.status != 200 || a.body != string(tt.want) {
					t.Errorf("%s: status %d, got %d octets, want %d, %v", name, a.status, len(a.body), len(tt.want), err)
				}
			})
		}
		readers.Wait()
	})
}

// slowly spreads the reading of total octets over a time.
type slowly struct {
	c     net.Conn
	span  time.Duration
	total int
	got   int
	began time.Time
}

func (s *slowly) Read(p []byte) (int, error) {
	if s.began.IsZero() {
		s.began = time.Now()
	}
	due := time.Duration(float64(s.span) * float64(s.got) / float64(s.total))
	time.Sleep(min(due-time.Since(s.began), short/2))
	n, err := s.c.Read(p)
	s.got += n
	return n, err
}

// Requests that are pipelined without the responses being read must not pile up
// in memory.
func TestPipelinedWithoutReading(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		w := newWorld(t, e, change{})
		c := w.dial()
		one := get("/none")
		go func() {
			text := strings.Repeat(one, 1000)
			for range 100 {
				if _, err := io.WriteString(c.c, text); err != nil {
					return
				}
			}
		}()
		most := int64(0)
		for range 60 {
			time.Sleep(5 * time.Millisecond)
			w.onLoop(func(lf *local) {
				for h := lf.first; h != nil; h = h.next {
					most = max(most, h.c.Queued())
				}
			})
		}
		if most > 1<<20 {
			t.Errorf("%d octets of responses wait for a client that reads none", most)
		}
		// Once it reads, everything comes.
		for i := range 5000 {
			if a, err := c.read("GET"); err != nil || a.status != 404 {
				t.Fatalf("response %d: status %d, %v", i, a.status, err)
			}
		}
	})
}

func TestRequestsMax(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		w := newWorld(t, e, change{front: func(o *Options) { o.RequestsMax = 3 }})
		c := w.dial()
		c.send(strings.Repeat(get("/a.txt"), 2) + strings.Repeat(get("/hello.php"), 3))
		for i := range 3 {
			if a := c.expect("GET", 200); a.close != (i == 2) {
				t.Errorf("response %d: close %v", i, a.close)
			}
		}
		c.ends()
	})
}

func TestConnsMax(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		w := newWorld(t, e, change{front: func(o *Options) { o.ConnsMax = 3 }})
		var list []*client
		for range 3 {
			c := w.dial()
			c.stillOpen()
			list = append(list, c)
		}
		fourth := w.dial()
		fourth.send(get("/a.txt"))
		time.Sleep(50 * time.Millisecond)
		if n := w.open(); n != 3 {
			t.Errorf("%d connections, want 3", n)
		}
		_ = list[0].c.Close()
		fourth.expect("GET", 200)
	})
}

func TestDrain(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		w := newWorld(t, e, change{})
		unused, script, upload, half, file := w.dial(), w.dial(), w.dial(), w.dial(), w.dial()
		unused.stillOpen()
		script.send(get("/block.php"))
		upload.send(request("POST", "/echo.php", "Content-Length: 10") + "01234")
		half.send("GET /a.txt HTTP/1.1\r\nHo")
		file.send(get("/big.bin"))
		w.blockedScripts(1)
		eventually(t, "five connections", func() bool { return w.open() == 5 })
		eventually(t, "only one of them is idle", func() bool {
			n := 0
			w.onLoop(func(lf *local) {
				for h := lf.first; h != nil; h = h.next {
					if h.phase == idle && h.c.Queued() == 0 {
						n++
					}
				}
			})
			return n == 1
		})
		drained := make(chan error, 1)
		go func() { drained <- w.srv.Drain(t.Context()) }()
		unused.ends()
		eventually(t, "nobody accepts", func() bool {
			c, err := net.Dial("tcp", w.addr)
			if err == nil {
				_ = c.Close()
			}
			return err != nil
		})
		upload.send("56789")
		if a := upload.expect("POST", 200); !a.close || !strings.HasSuffix(a.body, "0123456789") {
			t.Errorf("upload: close %v, %q", a.close, a.body)
		}
		upload.ends()
		half.send("st: test\r\n\r\n")
		if a := half.expect("GET", 200); !a.close {
			t.Error("a head in flight: the connection is said to go on")
		}
		select {
		case err := <-drained:
			t.Fatalf("drained while a script ran: %v", err)
		case <-time.After(20 * time.Millisecond):
		}
		w.app.release <- struct{}{}
		if a := script.expect("GET", 200); !a.close || a.body != "released" {
			t.Errorf("script: close %v, %q", a.close, a.body)
		}
		// The file was in flight too: Drain waits for its reader.
		time.Sleep(50 * time.Millisecond)
		select {
		case err := <-drained:
			t.Errorf("drained with most of a file unsent: %v", err)
		default:
		}
		if a := file.expect("GET", 200); a.body != string(bigFile) {
			t.Errorf("file: %d octets", len(a.body))
		}
		if err := <-drained; err != nil {
			t.Error(err)
		}
	})
}

func TestDrainGivesUp(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		w := newWorld(t, e, change{})
		c := w.dial()
		c.send(get("/block.php"))
		w.blockedScripts(1)
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		err := w.srv.Drain(ctx)
		if err == nil || !strings.Contains(err.Error(), "still busy") {
			t.Errorf("%v", err)
		}
		w.stop()
		if a, err := c.read("GET"); err == nil {
			t.Errorf("a request that was cut off got %+v", a)
		}
		if w.loops[0].Conns() != 0 {
			t.Errorf("%d connections after the end", w.loops[0].Conns())
		}
	})
}
