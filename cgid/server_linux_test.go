package cgid

import (
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"sluice/fcgi"
	"sluice/responder/respondertest"
)

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
		c.Send(whole(1, f.sh(text[:5], text), "MARK="+mark))
		clients = append(clients, c)
	}
	respondertest.Eventually(t, "seven processes", func() bool { return len(marked(mark)) == 7 })
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if left := marked(mark); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
	for _, c := range clients[:2] {
		if a := c.Answer(1); !a.Cut {
			t.Errorf("%+v", a)
		}
	}
}

func TestNonsenseClosesConnection(t *testing.T) {
	f := start(t, Options{})
	c := f.dial()
	c.Send(fcgi.AppendRecord(fcgi.AppendStream(fcgi.AppendBeginRequest(nil, 1, fcgi.Responder, 1), fcgi.Params, 1, []byte("\x05\x05x")), fcgi.Params, 1, nil))
	if ev, more := c.Event(); more {
		t.Error(ev)
	}
	respondertest.Eventually(t, "it is in the log", func() bool { return strings.Contains(f.log.String(), "cgid: PARAMS: ") })
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
				c.Send(head(id, path))
				_ = c.Close()
				c = f.dial()
				continue
			}
			b := fcgi.AppendStream(head(id, path), fcgi.Stdin, id, []byte("hi\n"))
			c.Send(fcgi.AppendRecord(b, fcgi.Stdin, id, nil))
			if a := c.Answer(id); a.Out != "\nhi\n" {
				t.Fatalf("request %d: %+v", i, a)
			}
		}
		_ = c.Close()
		respondertest.Eventually(t, "all connections are gone", func() bool { return len(f.accepted()) == 0 && len(f.slots) == 0 })
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
	respondertest.Eventually(t, "as many goroutines as before", func() bool { return runtime.NumGoroutine() <= goroutines })
	respondertest.Eventually(t, "as many descriptors as before", func() bool { return fds() <= descriptors })
	respondertest.Eventually(t, "no zombies", func() bool { return zombies(t) == 0 })
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
	c := respondertest.Dial(t, strings.TrimSpace(string(address[:n])))
	c.Send(whole(1, path, "MARK="+mark))
	respondertest.Eventually(t, "the program runs", func() bool { return len(marked(mark)) == 1 })
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	respondertest.Eventually(t, "the program is gone", func() bool { return len(marked(mark)) == 0 })
}
