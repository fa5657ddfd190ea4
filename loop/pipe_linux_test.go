package loop

import (
	"bytes"
	"io"
	"math/rand"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// piping collects what comes, into a pipe where it can, until want octets are there,
// and then sends it all to another connection.
type piping struct {
	funcs
	t        *testing.T
	want     int64
	parts    []any // []byte, or the octets in pipe as int64
	pipe     *Pipe
	got      int64
	piped    int64
	overfull int // octets that came as Data behind the pipe's
	done     func(p *piping)
}

func (p *piping) Data(c *Conn, b []byte) {
	p.parts = append(p.parts, bytes.Clone(b))
	if p.piped > 0 {
		p.overfull += len(b)
	}
	p.took(c, int64(len(b)))
}

func (p *piping) Piped(c *Conn, n int64) {
	if p.overfull > 0 {
		p.t.Error("octets went into the pipe behind others that did not")
	}
	p.parts = append(p.parts, n)
	p.piped += n
	p.took(c, n)
}

func (p *piping) took(c *Conn, n int64) {
	p.got += n
	if p.got == p.want {
		p.done(p)
		return
	}
	if p.pipe == nil {
		p.pipe = c.Loop().Pipe()
	}
	if p.overfull == 0 {
		c.ReadInto(p.pipe, p.want-p.got)
	}
}

// send gives it on in the order in which it came.
func (p *piping) send(c *Conn) {
	for _, part := range p.parts {
		switch part := part.(type) {
		case []byte:
			c.Write(part)
		case int64:
			c.WriteFile(p.pipe.Retain(), 0, part)
		}
	}
	if p.pipe != nil {
		p.pipe.Release()
	}
}

func piperEngines(t *testing.T, f func(t *testing.T, l *Loop)) {
	engines(t, func(t *testing.T, l *Loop) {
		if strings.HasSuffix(t.Name(), string(Portable)) {
			return // moves nothing
		}
		f(t, l)
	})
}

// openPipes counts this process's pipes of pipeBytes.
func openPipes(t *testing.T) (n int) {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		fd, _ := strconv.Atoi(e.Name())
		if size, err := unix.FcntlInt(uintptr(fd), unix.F_GETPIPE_SZ, 0); err == nil && size == pipeBytes {
			n++
		}
	}
	return n
}

// What comes from a client by TCP goes on to a Unix socket, or back to him, whole
// and in order, whatever the sizes and however slowly it is taken.
func TestPipe(t *testing.T) {
	piperEngines(t, func(t *testing.T, l *Loop) {
		rnd := rand.New(rand.NewSource(7))
		content := make([]byte, 900<<10)
		_, _ = rnd.Read(content)
		sock := filepath.Join(t.TempDir(), "s")
		peer, err := net.Listen("unix", sock)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = peer.Close() })
		var last *piping
		addr := listen(t, l, func(*Conn) Handler {
			last = &piping{t: t, want: int64(len(content))}
			last.done = func(p *piping) {
				c, err := l.Dial("unix", sock, &funcs{})
				if err != nil {
					t.Error(err)
					return
				}
				p.send(c)
				c.Close(false)
			}
			return last
		})
		run(t, l)
		for _, tt := range []struct {
			name  string
			piece int  // of what is sent at once; 0: all
			small bool // read one by one, at first
		}{
			{"at once", 0, false}, {"in pieces", 30_000, false}, {"in small ones", 700, true},
		} {
			t.Run(tt.name, func(t *testing.T) {
				c := dial(t, addr)
				_ = c.(*net.TCPConn).SetNoDelay(true)
				go func() {
					for rest := content; len(rest) > 0; {
						n := len(rest)
						if tt.piece > 0 {
							n = min(n, tt.piece)
						}
						if _, err := c.Write(rest[:n]); err != nil {
							t.Error(err)
							return
						}
						if tt.small && len(content)-len(rest) < 400_000 {
							time.Sleep(50 * time.Microsecond) // so that it is read alone
						}
						rest = rest[n:]
					}
				}()
				in, err := peer.Accept()
				if err != nil {
					t.Fatal(err)
				}
				time.Sleep(20 * time.Millisecond) // the socket's buffer fills
				got, err := io.ReadAll(in)
				if err != nil || !bytes.Equal(got, content) {
					t.Fatalf("got %d octets of %d, %v", len(got), len(content), err)
				}
				_ = in.Close()
				on(t, l, func() {
					if !tt.small && (last.piped == 0 || last.overfull > 0) {
						t.Errorf("%d octets in the pipe, %d behind them", last.piped, last.overfull)
					}
				})
				waitFor(t, "the pipe is closed", func() bool { return openPipes(t) == 0 })
			})
		}
	})
}

// However a connection ends, its pipe is closed, and an end is told as ever.
func TestPipeEnds(t *testing.T) {
	piperEngines(t, func(t *testing.T, l *Loop) {
		ended := make(chan string, 1)
		addr := listen(t, l, func(*Conn) Handler {
			p := &piping{t: t, want: 1 << 20}
			p.eof = func(c *Conn) {
				ended <- "EOF"
				c.Close(false)
				p.pipe.Release()
			}
			p.closed = func(*Conn, error) {
				ended <- "closed"
				p.pipe.Release()
			}
			return p
		})
		run(t, l)
		for _, end := range []string{"EOF", "closed"} {
			c := dial(t, addr)
			if _, err := c.Write(make([]byte, 300<<10)); err != nil {
				t.Fatal(err)
			}
			waitFor(t, "the pipe is open", func() bool { return openPipes(t) == 2 })
			if end == "closed" {
				_ = c.(*net.TCPConn).SetLinger(0)
			}
			_ = c.Close()
			if got := <-ended; got != end {
				t.Errorf("got %s, want %s", got, end)
			}
			waitFor(t, "the pipe is closed", func() bool { return openPipes(t) == 0 })
		}
	})
}

// Nobody gets more than the bound, and what was refused can be had later.
func TestPipesMax(t *testing.T) {
	piperEngines(t, func(t *testing.T, l *Loop) {
		run(t, l)
		on(t, l, func() {
			var list []*Pipe
			for range pipesMax {
				p := l.Pipe()
				if p == nil {
					t.Fatalf("only %d pipes", len(list))
				}
				list = append(list, p)
			}
			if l.Pipe() != nil {
				t.Error("more pipes than pipesMax")
			}
			for _, p := range list {
				p.Release()
			}
			if p := l.Pipe(); p == nil {
				t.Error("none after they were given back")
			} else {
				p.Release()
			}
		})
		if n := openPipes(t); n != 0 {
			t.Errorf("%d are left", n)
		}
	})
}
