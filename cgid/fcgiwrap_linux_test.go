package cgid

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"sluice/fcgi"
	"sluice/responder/respondertest"
)

// startFcgiwrap runs Debian's fcgiwrap with nothing but PATH in its environment.
func startFcgiwrap(t *testing.T) (address string) {
	t.Helper()
	bin := "/usr/sbin/fcgiwrap"
	if _, err := os.Stat(bin); err != nil {
		const text = "NOT TESTED: the comparison with fcgiwrap (see integration/packages.txt)"
		if os.Getenv("CI") == "true" {
			t.Fatal(text)
		}
		t.Skip(text)
	}
	address = filepath.Join(t.TempDir(), "fcgiwrap.sock")
	cmd := exec.Command(bin, "-f", "-s", "unix:"+address)
	cmd.Env = []string{"PATH=" + pathDefault}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	respondertest.Eventually(t, "fcgiwrap listens", func() bool {
		_, err := os.Stat(address)
		return err == nil
	})
	return address
}

// sorted makes answers comparable: fcgiwrap rewrites the head's ends of lines; it
// puts the lines of a content in order, for a process's environment has
// none, and leaves out what is listed in beyond.
func sorted(out string, beyond ...string) string {
	head, body, found := strings.Cut(out, "\r\n\r\n")
	if !found {
		head, body, _ = strings.Cut(out, "\n\n")
	}
	head = strings.ReplaceAll(head, "\r", "")
	lines := slices.DeleteFunc(strings.Split(body, "\n"), func(line string) bool { return slices.Contains(beyond, line) })
	slices.Sort(lines)
	return head + "\n\n" + strings.Join(lines, "\n")
}

// The same programs give the same answers here and under fcgiwrap. Only those
// that read it get a body: fcgiwrap gives up on the others, or hangs.
func TestLikeFcgiwrap(t *testing.T) {
	other := startFcgiwrap(t)
	f := start(t, Options{})
	const perl, python = "#!/usr/bin/env perl\n", "#!/usr/bin/env python3\n"
	params := []string{"GATEWAY_INTERFACE=CGI/1.1", "QUERY_STRING=a=b&c=%20", "SERVER_PROTOCOL=HTTP/1.1", "HTTP_COOKIE=a=1; b=\"2\"", "PATH_INFO=/ä/\n", "EMPTY=", "CONTENT_LENGTH=100000", "HTTP_PROXY_HINT=x"}
	body := bytes.Repeat([]byte("0123456789"), 10000)
	for _, tt := range []struct {
		name, text string
		// beyond is what fcgiwrap's programs see more.
		beyond []string
		reads  bool
	}{
		{"env.sh", "#!/bin/sh\necho Content-Type: text/plain; echo; env", []string{"FCGI_ROLE=RESPONDER"}, false},
		{"env.pl", perl + `print "Status: 200 OK\r\n\n", map { "$_=$ENV{$_}\n" } sort keys %ENV;`, []string{"FCGI_ROLE=RESPONDER"}, false},
		{"env.py", python + "import os\nprint('A: b\\n')\nfor k in sorted(os.environ): print(k + '=' + os.environ[k])", []string{"FCGI_ROLE=RESPONDER"}, false},
		{"folder.sh", "#!/bin/sh\necho A: b; echo; pwd; echo \"$0 $#\"", nil, false},
		{"echo.sh", "#!/bin/sh\necho A: b; echo; exec cat", nil, true},
		{"echo.pl", perl + `local $/; print "A: b\n\n", scalar <STDIN>;`, nil, true},
		{"echo.py", python + "import sys\nsys.stdout.write('A: b\\n\\n' + sys.stdin.read())", nil, true},
		{"length.pl", perl + `read(STDIN, my $b, $ENV{CONTENT_LENGTH}); print "A: b\n\n", length $b;`, nil, true},
		{"large.pl", perl + `print "A: b\n\n", "x" x 5_000_000;`, nil, false},
		{"stderr.sh", "#!/bin/sh\necho A: b; echo; echo body; echo one >&2; echo two >&2", nil, false},
		{"status.sh", "#!/bin/sh\necho Status: 404 Gone fishing; echo; exit 7", nil, false},
		{"redirect.sh", "#!/bin/sh\necho Location: /elsewhere; echo", nil, false},
		{"binary.pl", perl + `binmode STDOUT; print "A: b\r\n\r\n", map { chr } 0 .. 255;`, nil, false},
		{"crash.sh", "#!/bin/sh\necho A: b; echo; echo half; kill -KILL $$", nil, false},
		{"broken.sh", "#!/bin/sh\necho this is no head", nil, false},
		{"names with spaces & signs;.sh", "#!/bin/sh\necho A: b; echo; echo \"$SCRIPT_FILENAME\"", nil, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := f.program(tt.name, tt.text+"\n")
			ask := func(address string) answer {
				c := respondertest.Dial(t, address)
				defer func() { _ = c.Close() }()
				b := head(1, path, append(params, "REQUEST_METHOD=POST")...)
				if tt.reads {
					b = fcgi.AppendStream(b, fcgi.Stdin, 1, body)
				}
				go func() { _, _ = c.Write(fcgi.AppendRecord(b, fcgi.Stdin, 1, nil)) }()
				return c.Answer(1)
			}
			ours, theirs := ask(f.Address()), ask(other)
			if got, want := sorted(ours.Out), sorted(theirs.Out, tt.beyond...); got != want {
				t.Errorf("STDOUT %.600q\nfcgiwrap %.600q", got, want)
			}
			if ours.Err != theirs.Err || ours.Cut != theirs.Cut || ours.End.ProtocolStatus != theirs.End.ProtocolStatus {
				t.Errorf("STDERR %q, end %+v, cut %v\nfcgiwrap %q, %+v, %v", ours.Err, ours.End, ours.Cut, theirs.Err, theirs.End, theirs.Cut)
			}
			if len(theirs.Out) == 0 {
				t.Error("fcgiwrap's answer is empty: nothing was compared")
			}
		})
	}
}
