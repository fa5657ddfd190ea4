package php

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// marker is in the environment of every php-cgi that a test starts; it finds
// those that were left behind. php-fpm writes its title over its environment: there
// its value is in the pool's name and in the folder's.
const marker = "SLUICE_PHP_TEST"

func TestMain(m *testing.M) {
	if os.Getenv("SLUICE_PHP_HELPER") != "" {
		helper()
		return
	}
	os.Exit(m.Run())
}

var phpCGI = sync.OnceValues(func() (Binary, error) { return Find("") })

var groups atomic.Int64

// testOptions are for two real workers that leave nothing behind.
func testOptions(t testing.TB) Options {
	t.Helper()
	b, err := phpCGI()
	if err != nil {
		t.Skipf("needs php-cgi: %v", err)
	}
	id := fmt.Sprintf("t%d-%d.", os.Getpid(), groups.Add(1))
	t.Cleanup(func() { wantNoneLeft(t, id) })
	return Options{Site: "test", Binary: b, Workers: 2, Dir: t.TempDir(), Env: map[string]string{marker: id}}
}

func startGroup(t testing.TB, change func(*Options)) *Group {
	t.Helper()
	opts := testOptions(t)
	if change != nil {
		change(&opts)
	}
	g, err := NewGroup(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.Stop(0); err != nil {
			t.Errorf("Stop: %v", err)
		}
		entries, err := os.ReadDir(opts.Dir)
		if err != nil || len(entries) != 0 {
			t.Errorf("folder after Stop has %v, %v; want nothing", entries, err)
		}
	})
	if err := g.Start(t.Context()); err != nil {
		t.Fatalf("Start: %v", err)
	}
	return g
}

// idOf is the value of the marker.
func idOf(o *Options) string { return o.Env[marker] }

// marked returns the living processes with this marker.
func marked(id string) []procStat {
	return processes(func(s procStat) bool {
		env, err := os.ReadFile("/proc/" + strconv.Itoa(s.pid) + "/environ")
		title, _ := os.ReadFile("/proc/" + strconv.Itoa(s.pid) + "/cmdline")
		return err == nil && slices.Contains(strings.Split(string(env), "\x00"), marker+"="+id) ||
			bytes.HasPrefix(title, []byte("php-fpm:")) && bytes.Contains(title, []byte(id))
	})
}

func wantNoneLeft(t testing.TB, id string) {
	t.Helper()
	eventually(t, "processes are gone", func() bool { return len(marked(id)) == 0 })
}

// eventually polls for at most five seconds.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within 5 s: %s", what)
		}
	}
}

// kept is a kept FastCGI connection.
type kept struct {
	t    testing.TB
	conn net.Conn
	r    *bufio.Reader
}

func dial(t testing.TB, s Server) *kept {
	t.Helper()
	conn, err := net.Dial(s.Network, s.Address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(8 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return &kept{t: t, conn: conn, r: bufio.NewReader(conn)}
}

func (k *kept) send(script string) {
	k.t.Helper()
	params := appendPair(nil, "SCRIPT_FILENAME", script)
	for _, name := range []string{"REQUEST_METHOD=GET", "REDIRECT_STATUS=200", "GATEWAY_INTERFACE=CGI/1.1"} {
		n, v, _ := strings.Cut(name, "=")
		params = appendPair(params, n, v)
	}
	b := appendRecord(nil, typeBeginRequest, 1, []byte{0, roleResponder, 1, 0, 0, 0, 0, 0})
	b = appendRecord(b, typeParams, 1, params)
	b = appendRecord(b, typeParams, 1, nil)
	b = appendRecord(b, typeStdin, 1, nil)
	if _, err := k.conn.Write(b); err != nil {
		k.t.Fatal(err)
	}
}

// receive returns the body of the answer, and all of it with stderr.
func (k *kept) receive() (body, all string, err error) {
	var out, raw bytes.Buffer
	for {
		kind, content, err := readRecord(k.r)
		if err != nil {
			return "", raw.String(), err
		}
		if kind == typeEndRequest {
			_, body, _ := strings.Cut(out.String(), "\r\n\r\n")
			return body, raw.String(), nil
		}
		raw.Write(content)
		if kind == typeStdout {
			out.Write(content)
		}
	}
}

func (k *kept) get(script string) string {
	k.t.Helper()
	k.send(script)
	body, all, err := k.receive()
	if err != nil {
		k.t.Fatalf("%s: %v after %q", script, err, all)
	}
	return body
}

// fd lends the connection's descriptor.
func (k *kept) fd(use func(fd uintptr)) {
	k.t.Helper()
	raw, err := k.conn.(interface {
		SyscallConn() (syscall.RawConn, error)
	}).SyscallConn()
	if err != nil {
		k.t.Fatal(err)
	}
	if err := raw.Control(use); err != nil {
		k.t.Fatal(err)
	}
}

func (k *kept) pid() int {
	k.t.Helper()
	pid, err := strconv.Atoi(k.get(script(k.t, "<?php echo getmypid();")))
	if err != nil {
		k.t.Fatal(err)
	}
	return pid
}

func script(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.php")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// openScript is one that every user can read.
func openScript(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(openDir(t), "x.php")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// openDir is a folder that every user can enter, unlike t.TempDir.
func openDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "sluice-test-") //nolint:usetesting // see above
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// helperAccount is who the helper's workers are: SLUICE_PHP_UID, or as it is.
func helperAccount() *Account {
	uid, err := strconv.ParseUint(os.Getenv("SLUICE_PHP_UID"), 10, 32)
	if err != nil {
		return nil
	}
	return &Account{UID: uint32(uid), GID: uint32(uid)}
}

// helper is a sluice to be killed: it starts a group and waits.
func helper() {
	find, mode := Find, ModeAuto
	if os.Getenv("SLUICE_PHP_MODE") == ModeFPM.String() {
		find, mode = FindFPMBinary, ModeFPM
	}
	b, err := find("")
	if err == nil {
		var g *Group
		g, err = NewGroup(Options{
			Site: os.Getenv("SLUICE_PHP_HELPER"), Binary: b, Mode: mode, Workers: 2, Dir: os.Getenv("SLUICE_PHP_DIR"),
			Env: map[string]string{marker: os.Getenv("SLUICE_PHP_HELPER")}, Account: helperAccount(),
		})
		if err == nil {
			if err = g.Start(context.Background()); err == nil {
				fmt.Println(g.Servers()[0].Address)
				select {}
			}
		}
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
