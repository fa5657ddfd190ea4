package cgid

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"sluice/fcgi"
)

func TestPrivateFolder(t *testing.T) {
	f := start(t, Options{})
	folder := filepath.Dir(f.Address())
	info, err := os.Stat(folder)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", info, err)
	}
	if err := errors.Join(f.Close(), f.Close()); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(folder); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after Close: %v", err)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for _, opts := range []Options{
		{Environment: []string{"x"}},
		{Environment: []string{"=x"}},
		{Environment: []string{"A=\x00"}},
		{Timeout: -1},
		{OutputBytesMax: -1},
		{Concurrency: -1},
		{Folder: "/nowhere"},
	} {
		if s, err := Start(opts); err == nil {
			t.Errorf("%+v: no error", opts)
			_ = s.Close()
		}
	}
}

func TestCloseEndsAll(t *testing.T) {
	t.Parallel()
	f := start(t, Options{})
	mark := newMark(t)
	var clients []*client
	for _, text := range []string{"sleep 600 & sleep 600", "trap '' TERM; sleep 600; sleep 600", "exec >&-; sleep 600"} {
		c := f.dial()
		c.write(whole(1, f.sh(text[:5], text), "MARK="+mark))
		clients = append(clients, c)
	}
	eventually(t, "seven processes", func() bool { return len(marked(mark)) == 7 })
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if left := marked(mark); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
	for _, c := range clients[:2] {
		if a := c.answer(1); !a.cut {
			t.Errorf("%+v", a)
		}
	}
}

func TestManagement(t *testing.T) {
	f := start(t, Options{Concurrency: 7})
	c := f.dial()
	asked := fcgi.AppendPair(fcgi.AppendPair(fcgi.AppendPair(fcgi.AppendPair(nil, "FCGI_MAX_CONNS", ""), "FCGI_MAX_REQS", ""), "FCGI_MPXS_CONNS", ""), "OTHER", "")
	c.write(fcgi.AppendRecord(nil, fcgi.GetValues, 0, asked))
	ev, _ := c.event()
	want := fcgi.AppendPair(fcgi.AppendPair(fcgi.AppendPair(nil, "FCGI_MAX_CONNS", "7"), "FCGI_MAX_REQS", "7"), "FCGI_MPXS_CONNS", "0")
	if ev.Type != fcgi.GetValuesResult || string(ev.Content) != string(want) {
		t.Errorf("%v %q", ev.Type, ev.Content)
	}
	c.write(fcgi.AppendRecord(nil, 99, 0, nil))
	if ev, _ := c.event(); ev.Type != fcgi.UnknownType || ev.Content[0] != 99 {
		t.Errorf("%v %q", ev.Type, ev.Content)
	}
	c.write(fcgi.AppendBeginRequest(nil, 5, fcgi.Filter, 0))
	if a := c.answer(5); a.end.ProtocolStatus != fcgi.UnknownRole {
		t.Errorf("%+v", a)
	}
	c.write(head(1, f.sh("slow", "echo; cat")))
	c.write(whole(2, "/bin/true"))
	if a := c.answer(2); a.end.ProtocolStatus != fcgi.CantMpxConn {
		t.Errorf("%+v", a)
	}
	c.write(fcgi.AppendRecord(nil, fcgi.Stdin, 1, nil))
	if a := c.answer(1); a.out != "\n" || a.end.ProtocolStatus != fcgi.RequestComplete {
		t.Errorf("%+v", a)
	}
	c.write(fcgi.AppendBeginRequest(nil, 3, fcgi.Responder, 0))
	c.write(fcgi.AppendAbortRequest(nil, 3))
	if a := c.answer(3); a.cut {
		t.Errorf("aborted before PARAMS: %+v", a)
	}
}

// Without KEEP_CONN the connection ends with the answer, and nothing of it is
// lost though a body is unread.
func TestNoKeep(t *testing.T) {
	f := start(t, Options{})
	c := f.dial()
	b := whole(1, f.sh("a", "echo; echo a"))
	b[10] = 0 // flags
	c.write(b)
	if a := c.answer(1); a.out != "\na\n" || a.cut {
		t.Errorf("%+v", a)
	}
	if _, more := c.event(); more {
		t.Error("the connection is still open")
	}
}

func TestNonsenseClosesConnection(t *testing.T) {
	f := start(t, Options{})
	pairs := fcgi.AppendPair(nil, "A", strings.Repeat("x", paramsBytesMax))
	for name, b := range map[string][]byte{
		"no FastCGI":  []byte("GET / HTTP/1.0\r\n\r\n"),
		"role of us":  fcgi.AppendEndRequest(nil, 1, 0, 0),
		"cut pairs":   fcgi.AppendRecord(fcgi.AppendStream(fcgi.AppendBeginRequest(nil, 1, fcgi.Responder, 1), fcgi.Params, 1, []byte("\x05\x05x")), fcgi.Params, 1, nil),
		"long params": fcgi.AppendStream(fcgi.AppendBeginRequest(nil, 1, fcgi.Responder, 1), fcgi.Params, 1, pairs),
		"short begin": fcgi.AppendRecord(nil, fcgi.BeginRequest, 1, []byte("\x00\x01")),
	} {
		c := f.dial()
		_, _ = c.nc.Write(b)
		if ev, more := c.event(); more {
			t.Errorf("%s: %v", name, ev)
		}
	}
	eventually(t, "five lines in the log", func() bool { return strings.Count(f.logged(), "\n") == 4 })
}

// After 500 requests, some of them aborted, nothing is left.
func TestNothingLeaks(t *testing.T) {
	f := start(t, Options{Concurrency: 8})
	path := f.sh("a", "read x; echo; echo $x")
	round := func(n int) {
		c := f.dial()
		for i := range n {
			id := uint16(1 + i%2)
			if i%20 == 19 {
				c.write(head(id, path))
				_ = c.nc.Close()
				c = f.dial()
				continue
			}
			b := fcgi.AppendStream(head(id, path), fcgi.Stdin, id, []byte("hi\n"))
			c.write(fcgi.AppendRecord(b, fcgi.Stdin, id, nil))
			if a := c.answer(id); a.out != "\nhi\n" {
				t.Fatalf("request %d: %+v", i, a)
			}
		}
		_ = c.nc.Close()
		eventually(t, "all connections are gone", func() bool {
			f.Server.mu.Lock()
			defer f.Server.mu.Unlock()
			return len(f.conns) == 0 && len(f.slots) == 0
		})
	}
	fds := func() int {
		list, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	round(40)
	goroutines, descriptors := runtime.NumGoroutine(), fds()
	round(500)
	eventually(t, "as many goroutines as before", func() bool { return runtime.NumGoroutine() <= goroutines })
	eventually(t, "as many descriptors as before", func() bool { return fds() <= descriptors })
	eventually(t, "no zombies", func() bool { return zombies(t) == 0 })
}

// TestMain is also a sluice to be killed: see TestKilledServerLeavesNoProgram.
func TestMain(m *testing.M) {
	if script := os.Getenv("CGID_HELPER"); script != "" {
		s, err := Start(Options{})
		if err != nil {
			panic(err)
		}
		_, _ = os.Stdout.WriteString(s.Address() + "\n")
		select {}
	}
	os.Exit(m.Run())
}

func TestKilledServerLeavesNoProgram(t *testing.T) {
	mark := newMark(t)
	f := &fixture{t: t, dir: t.TempDir()}
	path := f.sh("sleeps", "trap '' TERM; exec sleep 600")
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "CGID_HELPER="+path, "TMPDIR="+t.TempDir())
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	address := make([]byte, 300)
	n, err := out.Read(address)
	if err != nil {
		t.Fatal(err)
	}
	c := dial(t, strings.TrimSpace(string(address[:n])))
	c.write(whole(1, path, "MARK="+mark))
	eventually(t, "the program runs", func() bool { return len(marked(mark)) == 1 })
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	eventually(t, "the program is gone", func() bool { return len(marked(mark)) == 0 })
}
