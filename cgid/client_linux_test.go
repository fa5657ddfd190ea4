package cgid

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"sluice/fcgi"
)

// fixture is a server with a folder of programs.
type fixture struct {
	*Server
	t   *testing.T
	dir string

	mu  sync.Mutex
	log []string
}

func start(t *testing.T, opts Options) *fixture {
	t.Helper()
	f := &fixture{t: t, dir: t.TempDir()}
	opts.Folder = t.TempDir()
	opts.Log = func(script string, err error) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.log = append(f.log, filepath.Base(script)+": "+err.Error())
	}
	s, err := Start(opts)
	if err != nil {
		t.Fatal(err)
	}
	f.Server = s
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

func (f *fixture) logged() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return strings.Join(f.log, "\n")
}

// program writes an executable file. No fork may happen meanwhile: the child
// would have the file open for writing for a moment, and it could not be executed
// (ETXTBSY, go.dev/issue/22315).
func (f *fixture) program(name, text string) string {
	f.t.Helper()
	path := filepath.Join(f.dir, name)
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		f.t.Fatal(err)
	}
	return path
}

func (f *fixture) sh(name, text string) string { return f.program(name, "#!/bin/sh\n"+text) }

// client is the gateway's end of a connection.
type client struct {
	t   *testing.T
	nc  *net.UnixConn
	dec fcgi.Decoder
	in  []byte // received, not decoded
	buf [64 << 10]byte
}

func (f *fixture) dial() *client {
	f.t.Helper()
	return dial(f.t, f.Address())
}

func dial(t *testing.T, address string) *client {
	t.Helper()
	nc, err := net.Dial("unix", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = nc.Close() })
	return &client{t: t, nc: nc.(*net.UnixConn)}
}

func (c *client) write(b []byte) {
	c.t.Helper()
	if _, err := c.nc.Write(b); err != nil {
		c.t.Fatal(err)
	}
}

// head is BEGIN_REQUEST and PARAMS; of a GET request if they do not say.
func head(id uint16, script string, params ...string) []byte {
	b := fcgi.AppendBeginRequest(nil, id, fcgi.Responder, fcgi.KeepConn)
	w := fcgi.BeginParams(b, id)
	w.AddString("SCRIPT_FILENAME", script)
	if !strings.Contains(strings.Join(params, "\n"), "REQUEST_METHOD=") {
		w.AddString("REQUEST_METHOD", "GET")
	}
	for _, p := range params {
		name, value, _ := strings.Cut(p, "=")
		w.AddString(name, value)
	}
	return w.End()
}

func whole(id uint16, script string, params ...string) []byte {
	return fcgi.AppendRecord(head(id, script, params...), fcgi.Stdin, id, nil)
}

// answer is what came for a request.
type answer struct {
	out, err string
	end      fcgi.EndRequestBody
	cut      bool // the connection ended before END_REQUEST
}

// event is the next record, false at the end of the connection.
func (c *client) event() (fcgi.Event, bool) {
	c.t.Helper()
	for {
		if len(c.in) > 0 {
			n, ev, ok, err := c.dec.Next(c.in)
			c.in = c.in[n:]
			if err != nil {
				c.t.Fatal(err)
			}
			if ok {
				return ev, true
			}
			continue
		}
		_ = c.nc.SetReadDeadline(time.Now().Add(15 * time.Second))
		n, err := c.nc.Read(c.buf[:])
		c.in = c.buf[:n]
		if n == 0 {
			if !errors.Is(err, io.EOF) && !strings.Contains(err.Error(), "reset") {
				c.t.Fatal(err)
			}
			return fcgi.Event{}, false
		}
	}
}

func (c *client) answer(id uint16) answer {
	c.t.Helper()
	var out, errs bytes.Buffer
	for {
		ev, ok := c.event()
		switch {
		case !ok:
			return answer{out.String(), errs.String(), fcgi.EndRequestBody{}, true}
		case ev.ID != id:
			c.t.Fatalf("%v of request %d, want %d", ev.Type, ev.ID, id)
		case ev.Type == fcgi.Stdout:
			out.Write(ev.Content)
		case ev.Type == fcgi.Stderr:
			errs.Write(ev.Content)
		case ev.Type == fcgi.EndRequest:
			end, err := fcgi.ParseEndRequest(ev.Content)
			if err != nil {
				c.t.Fatal(err)
			}
			return answer{out.String(), errs.String(), end, false}
		default:
			c.t.Fatalf("unexpected %v", ev.Type)
		}
	}
}

// get asks once, on a connection of its own.
func (f *fixture) get(script string, params ...string) answer {
	f.t.Helper()
	c := f.dial()
	c.write(whole(1, script, params...))
	a := c.answer(1)
	_ = c.nc.Close()
	return a
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

// marked lists the processes whose environment has the mark, this one excepted.
func marked(mark string) (pids []string) {
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		env, _ := os.ReadFile(filepath.Join(dir, "environ"))
		if bytes.Contains(env, []byte("MARK="+mark)) {
			pids = append(pids, filepath.Base(dir))
		}
	}
	return pids
}

func newMark(t *testing.T) string { return fmt.Sprintf("%s-%d;", t.Name(), os.Getpid()) }

// zombies counts children of this process that nobody has waited for.
func zombies(t *testing.T) (n int) {
	t.Helper()
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		rest := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
		if len(rest) > 1 && rest[0] == "Z" && rest[1] == fmt.Sprint(os.Getpid()) {
			n++
		}
	}
	return n
}
