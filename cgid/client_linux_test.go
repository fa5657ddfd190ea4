package cgid

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"sluice/fcgi"
	"sluice/responder/respondertest"
)

// fixture is a server with a folder of programs.
type fixture struct {
	*Server
	t   *testing.T
	dir string

	log respondertest.Log
}

func start(t *testing.T, opts Options) *fixture {
	t.Helper()
	f := &fixture{t: t, dir: t.TempDir()}
	opts.Folder = t.TempDir()
	opts.Log = func(script string, err error) {
		f.log.Note("%s: %v", filepath.Base(script), err)
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

type client = respondertest.Conn

func (f *fixture) dial() *client {
	f.t.Helper()
	return respondertest.Dial(f.t, f.Address())
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

type answer = respondertest.Answer

// get asks once, on a connection of its own.
func (f *fixture) get(script string, params ...string) answer {
	f.t.Helper()
	c := f.dial()
	c.Send(whole(1, script, params...))
	a := c.Answer(1)
	_ = c.Close()
	return a
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

// accepted lists the descriptors of the server's ends of its connections.
func (f *fixture) accepted() (fds []int) {
	list, _ := os.ReadDir("/proc/self/fd")
	for _, entry := range list {
		fd, _ := strconv.Atoi(entry.Name())
		name, _ := syscall.Getsockname(fd)
		local, ok := name.(*syscall.SockaddrUnix)
		listens, err := syscall.GetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_ACCEPTCONN)
		if ok && err == nil && listens == 0 && local.Name == f.Address() {
			fds = append(fds, fd)
		}
	}
	return fds
}
