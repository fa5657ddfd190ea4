package cgid

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"sluice/fcgi"
	"sluice/responder/respondertest"
)

func need(t *testing.T, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		t.Skip(err)
	}
	return path
}

func TestPrograms(t *testing.T) {
	f := start(t, Options{})
	const echo = "Content-Type: text/plain\n\nbar|hello|"
	for _, tt := range []struct{ name, interpreter, text string }{
		{"a.sh", "sh", "echo Content-Type: text/plain; echo; printf '%s|' $FOO; cat; printf '|'; pwd; echo oops >&2; exit 3"},
		{"a.pl", "perl", "use Cwd; print \"Content-Type: text/plain\\n\\n$ENV{FOO}|\", <STDIN>, '|', getcwd(), \"\\n\"; print STDERR \"oops\\n\"; exit 3"},
		{"a.py", "python3", "import os,sys\nprint('Content-Type: text/plain\\n\\n'+os.environ['FOO']+'|'+sys.stdin.read()+'|'+os.getcwd())\nsys.stderr.write('oops\\n')\nsys.exit(3)"},
	} {
		t.Run(tt.interpreter, func(t *testing.T) {
			path := f.program(tt.name, "#!"+need(t, tt.interpreter)+"\n"+tt.text+"\n")
			c := f.dial()
			for id := uint16(1); id <= 3; id++ { // on one connection
				b := fcgi.AppendStream(head(id, path, "FOO=bar"), fcgi.Stdin, id, []byte("hello"))
				c.Send(fcgi.AppendRecord(b, fcgi.Stdin, id, nil))
				a := c.Answer(id)
				if want := echo + f.dir + "\n"; a.Out != want || a.Err != "oops\n" || a.Cut || a.End.AppStatus != 3 {
					t.Errorf("request %d: %+v, want STDOUT %q", id, a, want)
				}
			}
		})
	}
}

// The environment is what was given, and nothing of ours.
func TestEnvironmentOfProgram(t *testing.T) {
	t.Setenv("LD_LIBRARY_PATH", "/nowhere")
	t.Setenv("SECRET", "ours")
	f := start(t, Options{Environment: []string{"EXTRA=1", "FOO=over"}})
	path := f.program("env", "#!"+need(t, "perl")+"\nprint \"\\n\\n\"; print \"$_=$ENV{$_}\\n\" for sort keys %ENV; print \"$0 @ARGV\\n\"")
	got := f.get(path, "FOO=bar", "HTTP_PROXY=evil", "GATEWAY_INTERFACE=CGI/9", "BAD-NAME=1", "1A=1", "QUERY_STRING=one+two%2Fb")
	want := "\nEXTRA=1\nFOO=bar\nGATEWAY_INTERFACE=CGI/1.1\nPATH=" + pathDefault + "\nQUERY_STRING=one+two%2Fb\nREQUEST_METHOD=GET\nSCRIPT_FILENAME=" + path + "\n" + path + " one two/b\n"
	if got.Out[1:] != want {
		t.Errorf("got %s\nwant %s", got.Out[1:], want)
	}
}

func TestRefused(t *testing.T) {
	f := start(t, Options{})
	plain := filepath.Join(f.dir, "plain")
	if err := os.WriteFile(plain, []byte("#!/bin/sh\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		path   string
		status string
		log    string
	}{
		{f.dir + "/none", "404", "no such file"},
		{plain + "/below", "404", "not a directory"},
		{f.dir, "403", "is a folder"},
		{"/dev/null", "403", "no regular file"},
		{plain, "500", "chmod +x"},
		{f.program("nobang", "echo hello"), "500", "no #! line"},
		{f.program("crlf", "#!/bin/sh\r\necho\r\n"), "500", "CR LF"},
		{f.program("missing", "#!/no/interpreter -x\n"), "500", "interpreter of its first line is missing"},
		{"relative", "500", "no absolute path"},
		{"", "500", "no absolute path"},
		{f.program("php-cgi", "#!/bin/sh\n"), "403", "CVE-2012-1823"},
		{f.program("x.cgi", "#!/usr/bin/php-cgi8.2 -q\n"), "403", "let sluice serve PHP"},
	} {
		a := f.get(tt.path)
		if !strings.HasPrefix(a.Out, "Status: "+tt.status+" ") || a.Cut || !strings.Contains(f.log.String(), tt.log) {
			t.Errorf("%s: %+v, log %s; want %s and %q", tt.path, a, f.log.String(), tt.status, tt.log)
		}
		f.log.Forget()
	}
}

// 20 MB in while 20 MB come out.
func TestLargeBothWays(t *testing.T) {
	f := start(t, Options{})
	path := f.sh("cat", "printf 'A: b\\n\\n'; exec cat")
	body := make([]byte, 20<<20)
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range body {
		body[i] = byte(rng.Uint32())
	}
	c := f.dial()
	c.Send(head(1, path))
	go func() {
		b := fcgi.AppendStream(nil, fcgi.Stdin, 1, body)
		_, _ = c.Write(fcgi.AppendRecord(b, fcgi.Stdin, 1, nil))
	}()
	a := c.Answer(1)
	got, _ := strings.CutPrefix(a.Out, "A: b\n\n")
	if a.Cut || sha256.Sum256([]byte(got)) != sha256.Sum256(body) {
		t.Errorf("got %d octets, cut %v", len(got), a.Cut)
	}
}

// A program that writes before it reads anything, and one that never reads.
func TestUnreadStdin(t *testing.T) {
	t.Parallel()
	f := start(t, Options{})
	body := bytes.Repeat([]byte("x"), 20<<20)
	for name, text := range map[string]string{
		"late":   "echo; echo; head -c 20000000 /dev/zero; wc -c",
		"never":  "echo; echo; head -c 20000000 /dev/zero; echo 20971520",
		"closes": "exec <&-; echo; echo; head -c 20000000 /dev/zero; sleep .3; echo 20971520",
	} {
		t.Run(name, func(t *testing.T) {
			path := f.sh(name, text)
			c := f.dial()
			for id := uint16(1); id <= 2; id++ { // the connection can be used again
				done := make(chan error, 1)
				go func() {
					b := fcgi.AppendStream(head(id, path), fcgi.Stdin, id, body)
					_, err := c.Write(fcgi.AppendRecord(b, fcgi.Stdin, id, nil))
					done <- err
				}()
				a := c.Answer(id)
				if n := len(a.Out); a.Cut || n < 20000000 || strings.TrimSpace(a.Out[20000002:]) != "20971520" {
					t.Errorf("%d octets, cut %v", n, a.Cut)
				}
				if err := <-done; err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// What a program writes is the gateway's to judge.
func TestBrokenHeadPassesAsIs(t *testing.T) {
	f := start(t, Options{})
	for i, text := range []string{"no head", "", "\x00\xff\n", "Status: x\n\n"} {
		path := f.sh(fmt.Sprint("broken", i), "printf '"+strings.NewReplacer("\x00", `\000`, "\xff", `\377`, "\n", `\n`).Replace(text)+"'")
		if a := f.get(path); a.Out != text || a.Cut {
			t.Errorf("got %+v, want %q", a, text)
		}
	}
}

// The connection ends, ABORT_REQUEST comes, or the reading side is shut (as the
// gateway does): program and grandchildren are gone, also those that ignore
// SIGTERM, and those with an unread body.
func TestAbortEndsGroup(t *testing.T) {
	t.Parallel()
	f := start(t, Options{})
	polite := f.sh("polite", "sleep 600 & (sleep 600; true) & printf 'A: b\\n\\n'; sleep 600")
	stubborn := f.sh("stubborn", "trap '' TERM; (trap '' TERM; sleep 600; sleep 600) & printf 'A: b\\n\\n'; sleep 600; sleep 600")
	mark := newMark(t)
	for _, tt := range []struct {
		name, path string
		abort      func(c *client)
		patience   time.Duration
	}{
		{"closed", polite, func(c *client) { _ = c.Close() }, killTime - 100*time.Millisecond},
		{"closed, stubborn", stubborn, func(c *client) { _ = c.Close() }, killTime + 2*time.Second},
		{"ABORT_REQUEST", polite, func(c *client) {
			c.Send(fcgi.AppendAbortRequest(nil, 1))
			if a := c.Answer(1); a.Cut || a.End.ProtocolStatus != fcgi.RequestComplete {
				c.T.Errorf("after ABORT_REQUEST: %+v", a)
			}
			c.Send(whole(2, f.sh("next", "echo; echo next")))
			if a := c.Answer(2); a.Out != "\nnext\n" {
				c.T.Errorf("after ABORT_REQUEST: %+v", a)
			}
		}, killTime - 100*time.Millisecond},
		{"stdin stuck", polite, func(c *client) {
			go func() { _, _ = c.Write(fcgi.AppendStream(nil, fcgi.Stdin, 1, make([]byte, 4<<20))) }()
			time.Sleep(100 * time.Millisecond)
			_ = c.CloseRead()
		}, 2*probeTime + killTime/2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := f.dial()
			c.Send(head(1, tt.path, "MARK="+mark))
			if ev, ok := c.Event(); !ok || ev.Type != fcgi.Stdout {
				t.Fatal("no output")
			}
			respondertest.Eventually(t, "three processes", func() bool { return len(marked(mark)) >= 3 })
			began := time.Now()
			tt.abort(c)
			respondertest.Eventually(t, "all are gone", func() bool { return len(marked(mark)) == 0 && len(f.slots) == 0 })
			if took := time.Since(began); took > tt.patience {
				t.Errorf("took %s, want at most %s", took, tt.patience)
			}
		})
	}
}

// endsBy asks for a program that is ended by a limit.
func (f *fixture) endsBy(name, text, log string) answer {
	f.t.Helper()
	a := f.get(f.sh(name, text))
	respondertest.Eventually(f.t, name+" in the log: "+log, func() bool {
		for line := range strings.Lines(f.log.String()) {
			if strings.HasPrefix(line, name+": ") && strings.Contains(line, log) {
				return true
			}
		}
		return false
	})
	return a
}

// ABORT_REQUEST while the peer does not read the answer: half a record can't be
// followed by END_REQUEST.
func TestAbortWithinRecord(t *testing.T) {
	t.Parallel()
	f := start(t, Options{})
	c := f.dial()
	c.Send(whole(1, f.sh("yes", "echo; echo; exec yes")))
	time.Sleep(200 * time.Millisecond) // for the socket to be full
	c.Send(fcgi.AppendAbortRequest(nil, 1))
	respondertest.Eventually(t, "the program is gone", func() bool { return len(f.slots) == 0 })
	if a := c.Answer(1); !a.Cut || len(a.Out) < 100000 {
		t.Errorf("%d octets, cut %v", len(a.Out), a.Cut)
	}
}

func TestTimeout(t *testing.T) {
	t.Parallel()
	f := start(t, Options{Timeout: 300 * time.Millisecond})
	const log = "longer than its time limit"
	if a := f.endsBy("silent", "sleep 600", log); !strings.HasPrefix(a.Out, "Status: 504 ") || a.Cut {
		t.Errorf("%+v", a)
	}
	if a := f.endsBy("begun", "echo A: b; echo; sleep 600", log); !a.Cut {
		t.Errorf("%+v", a)
	}
	if a := f.endsBy("after", "echo; exec >&-; sleep 600", log); a.Cut {
		t.Errorf("%+v", a)
	}
}

func TestOutputLimit(t *testing.T) {
	t.Parallel()
	f := start(t, Options{OutputBytesMax: 100000})
	for name, text := range map[string]string{"endless": "exec yes", "one more": "yes | head -c 100000; sleep .1; echo"} {
		if a := f.endsBy(name, text, "over 100000 octets"); !a.Cut || len(a.Out) > 100000 {
			t.Errorf("%s: %d octets, cut %v", name, len(a.Out), a.Cut)
		}
	}
	if a := f.get(f.sh("exact", "yes | head -c 100000")); a.Cut || len(a.Out) != 100000 {
		t.Errorf("just as much as allowed: %d octets, cut %v", len(a.Out), a.Cut)
	}
	small := start(t, Options{OutputBytesMax: 2})
	if a := small.endsBy("at once", "echo too much", "over 2 octets"); a.Cut || !strings.HasPrefix(a.Out, "Status: 502 ") {
		t.Errorf("%+v", a)
	}
}

// A program that closes its output has answered; the next request does not wait
// for it.
func TestGoesOnAfterClosing(t *testing.T) {
	t.Parallel()
	f := start(t, Options{})
	done := filepath.Join(f.dir, "done")
	path := f.sh("on", "echo; echo answer; exec >&-; sleep 3; echo late >&2; : >"+done)
	c := f.dial()
	began := time.Now()
	c.Send(whole(1, path))
	if a := c.Answer(1); a.Out != "\nanswer\n" || a.Cut {
		t.Errorf("%+v", a)
	}
	c.Send(whole(2, f.sh("next", "echo; echo next")))
	if a := c.Answer(2); a.Out != "\nnext\n" {
		t.Errorf("%+v", a)
	}
	_ = c.Close() // does not end it
	if took := time.Since(began); took > 2500*time.Millisecond {
		t.Errorf("took %s", took)
	}
	respondertest.Eventually(t, "the program has ended", func() bool {
		_, err := os.Stat(done)
		return err == nil && len(f.slots) == 0
	})
	if !strings.Contains(f.log.String(), "STDERR that no request took: late") {
		t.Errorf("log: %s", f.log.String())
	}
}

// The program has exited; something keeps its output open.
func TestBackgroundJob(t *testing.T) {
	t.Parallel()
	f := start(t, Options{})
	mark := newMark(t)
	for _, tt := range []struct {
		name, text, out string
		min, max        time.Duration
	}{
		{"redirected", "sleep 5 >/dev/null 2>&1 & echo; echo a", "\na\n", 0, lingerTime - 100*time.Millisecond},
		{"stderr only", "sleep 5 >/dev/null & echo; echo a", "\na\n", 0, lingerTime - 100*time.Millisecond},
		{"talking", "(for i in 1 2 3 4; do sleep .7; echo $i; done) & echo; echo a", "\na\n1\n2\n3\n4\n", 2 * time.Second, 6 * time.Second},
		{"silent", "(sleep 5; echo b) & echo; echo a", "\na\n", lingerTime, lingerTime + 2*time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			a := f.get(f.sh(tt.name, tt.text), "MARK="+mark)
			took := time.Since(began)
			if a.Out != tt.out || a.Cut || took < tt.min || took > tt.max {
				t.Errorf("%+v in %s, want %q in %s to %s", a, took, tt.out, tt.min, tt.max)
			}
		})
	}
	t.Cleanup(func() {
		respondertest.Eventually(t, "jobs end by themselves", func() bool { return len(marked(mark)) == 0 })
	})
}

// A slow client gets all of a program's output: what is left in the pipe of a
// program that has exited is not taken for a background job's silence.
func TestSlowClientGetsAll(t *testing.T) {
	t.Parallel()
	f := start(t, Options{})
	exited := filepath.Join(f.dir, "exited")
	// The socket takes 16 KiB or more, the relay holds 32, the pipe 64.
	path := f.sh("much", "echo; echo; head -c 90000 /dev/zero; : >"+exited)
	c := f.dial()
	respondertest.Eventually(t, "the connection is accepted", func() bool {
		fds := f.accepted()
		for _, fd := range fds {
			_ = syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_SNDBUF, 16<<10)
		}
		return len(fds) == 1
	})
	c.Send(whole(1, path))
	respondertest.Eventually(t, "the program has written all", func() bool { _, err := os.Stat(exited); return err == nil })
	time.Sleep(lingerTime + 500*time.Millisecond)
	if a := c.Answer(1); a.Cut || len(a.Out) != 90002 {
		t.Errorf("%d octets, cut %v", len(a.Out), a.Cut)
	}
}

func TestConcurrency(t *testing.T) {
	t.Parallel()
	f := start(t, Options{Concurrency: 2})
	path := f.sh("slow", ": >"+f.dir+"/run.$$; echo; echo a; sleep .4")
	began := time.Now()
	var clients []*client
	for range 5 {
		c := f.dial()
		c.Send(whole(1, path))
		clients = append(clients, c)
	}
	respondertest.Eventually(t, "two programs run", func() bool {
		running, err := filepath.Glob(f.dir + "/run.*")
		return err == nil && len(running) >= 2
	})
	gone := f.dial() // waits for its turn, then goes
	gone.Send(whole(1, f.sh("never", ": >"+f.dir+"/ran")))
	_ = gone.Close()
	for _, c := range clients {
		if a := c.Answer(1); a.Out != "\na\n" {
			t.Errorf("%+v", a)
		}
	}
	if took := time.Since(began); took < 1200*time.Millisecond {
		t.Errorf("five programs of 0.4 s, two at once, took %s", took)
	}
	if _, err := os.Stat(f.dir + "/ran"); err == nil {
		t.Error("the program of a client that had gone was run")
	}
}

func TestStderrIsBounded(t *testing.T) {
	f := start(t, Options{})
	a := f.get(f.sh("loud", "head -c 1000000 /dev/zero >&2; echo; echo a"))
	if len(a.Err) != stderrBytesMax || a.Out != "\na\n" {
		t.Errorf("%d octets of STDERR, STDOUT %q", len(a.Err), a.Out)
	}
	if want := fmt.Sprintf("loud: cgid: %d octets of STDERR were dropped", 1000000-stderrBytesMax); !strings.Contains(f.log.String(), want) {
		t.Errorf("log: %s", f.log.String())
	}
}

func TestNPH(t *testing.T) {
	f := start(t, Options{})
	path := f.sh("nph-a", `printf 'HTTP/1.1 201 Made\r\nA: b\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n'; printf '0\r\n\r\n'`)
	if a := f.get(path); a.Out != "Status: 201 Made\r\nA: b\r\nX-Accel-Buffering: no\r\n\r\nhello" || a.Cut {
		t.Errorf("%+v", a)
	}
	if a := f.get(f.sh("nph-cut", `printf 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel'`)); !a.Cut || !strings.HasSuffix(a.Out, "\r\n\r\nhel") {
		t.Errorf("half a chunk: %+v", a)
	}
	// A piece comes when it was written.
	c := f.dial()
	c.Send(whole(1, f.sh("nph-slow", `printf 'HTTP/1.0 200 OK\n\none'; sleep .3; printf two`)))
	var pieces []string
	for {
		ev, ok := c.Event()
		if !ok || ev.Type == fcgi.EndRequest {
			break
		}
		if len(ev.Content) > 0 {
			pieces = append(pieces, string(ev.Content))
		}
	}
	if want := []string{"Status: 200 OK\r\nX-Accel-Buffering: no\r\n\r\none", "two"}; !slices.Equal(pieces, want) {
		t.Errorf("%q, want %q", pieces, want)
	}
}

// Ended by a signal after its output: the answer stands, the status tells.
func TestCrash(t *testing.T) {
	f := start(t, Options{})
	if a := f.get(f.sh("crash", "echo; echo a; kill -SEGV $$")); a.Out != "\na\n" || a.Cut || a.End.AppStatus != 128+11 {
		t.Errorf("%+v", a)
	}
}
