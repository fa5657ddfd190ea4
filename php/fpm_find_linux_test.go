package php

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestFPMCandidates(t *testing.T) {
	s := fpmSearch{
		glob: func(pattern string) ([]string, error) {
			if pattern == "/run/php/*fpm*.sock" {
				return []string{"/run/php/php-fpm.sock", "/run/php/php7.4-fpm.sock", "/run/php/php8.2-fpm.sock", "/run/php/php8.10-fpm.sock"}, nil
			}
			return nil, nil
		},
		resolve: func(path string) (string, error) {
			if path == "/run/php/php-fpm.sock" {
				return "/run/php/php8.2-fpm.sock", nil
			}
			return path, nil
		},
		listening: func() []string {
			return []string{"/run/php/php8.2-fpm.sock", "@php-fpm", "/srv/PHP-FPM/a.sock", "/run/mysqld.sock", "/tmp/" + folderPrefix + "1/php-fpm.sock"}
		},
	}
	want := []string{
		"unix:/run/php/php-fpm.sock", "unix:/run/php/php8.10-fpm.sock", "unix:/run/php/php7.4-fpm.sock", "unix:/srv/PHP-FPM/a.sock", "tcp:127.0.0.1:9000",
	}
	var got []string
	for _, a := range s.candidates() {
		got = append(got, a.String())
	}
	if !slices.Equal(got, want) {
		t.Errorf("candidates = %q, want %q", got, want)
	}
}

func TestPathVersion(t *testing.T) {
	tests := map[string]int{
		"/run/php/php8.2-fpm.sock": 8002, "/run/php/php8.10-fpm.sock": 8010, "/run/php-fpm82/x.sock": 0, "/run/php82/x.sock": 8002,
		"/var/opt/remi/php74/run/php-fpm/www.sock": 7004, "/run/php8-fpm.sock": 8000, "/run/php": 0, "": 0, "/run/php/x.sock": 0,
	}
	for path, want := range tests {
		if got := pathVersion(path); got != want {
			t.Errorf("pathVersion(%q) = %d, want %d", path, got, want)
		}
	}
}

// alone searches one real socket.
func alone(path string) fpmSearch {
	return fpmSearch{
		glob:    func(pattern string) ([]string, error) { return nil, nil },
		resolve: filepath.EvalSymlinks,
		listening: func() []string {
			return slices.DeleteFunc(listeningSockets(), func(p string) bool { return p != path })
		},
		trusted: trustedListener,
		answers: answersFastCGI,
	}
}

func TestFindFPMTakesARunningOne(t *testing.T) {
	address := startExternalFPM(t, "pm = static\npm.max_children = 1")
	a, err := alone(address).find(t.Context())
	if err != nil || a != (FPMAddress{"unix", address}) {
		t.Errorf("find = %v, %v", a, err)
	}
}

func TestFindFPMRefuses(t *testing.T) {
	path := filepath.Join(dirFor(t, fmt.Sprintf("php-fpm%d", os.Getpid())), "x.sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Read(make([]byte, 100))
			_, _ = conn.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
			_ = conn.Close()
		}
	}()
	s := alone(path)
	if _, err := s.find(t.Context()); !errors.Is(err, ErrNoFPM) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "FastCGI version 72") {
		t.Errorf("who speaks HTTP: %v", err)
	}
	s.trusted = func(FPMAddress) error { return errOwner }
	s.answers = func(context.Context, string, string) error { t.Error("asked"); return nil }
	if _, err := s.find(t.Context()); !errors.Is(err, ErrNoFPM) || !errors.Is(err, errOwner) {
		t.Errorf("another user's: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := alone(path).find(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestUnixListener(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.sock")
	if _, err := unixListener(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no socket: %v", err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	if uid, err := unixListener(path); err != nil || uid != os.Geteuid() {
		t.Errorf("unixListener = %d, %v", uid, err)
	}
}

func TestTCPListener(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if uid, err := tcpListener(address); err != nil || uid != os.Geteuid() {
		t.Errorf("tcpListener = %d, %v", uid, err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := tcpListener(address); err == nil {
		t.Error("a closed port has a listener")
	}
}

func TestParseUnixSockets(t *testing.T) {
	text := "Num       RefCount Protocol Flags    Type St Inode Path\n" +
		"00000000bde07bf2: 00000003 00000000 00000000 0001 03 5555830\n" +
		"00000000bde07bf2: 00000002 00000000 00010000 0001 01 5555831 /run/a b.sock\n" +
		"00000000bde07bf2: 00000003 00000000 00000000 0001 03 5555832 /run/connected.sock\n" +
		"00000000bde07bf2: 00000002 00000000 00010000 0001 01 5555833 @abstract\n" +
		"00000000bde07bf2: 00000002 00000000 xyz 0001 01 5555833 /bad\n\n"
	if got := parseUnixSockets(text); !slices.Equal(got, []string{"/run/a b.sock", "@abstract"}) {
		t.Errorf("parseUnixSockets = %q", got)
	}
}

func TestParseTCPListener(t *testing.T) {
	line := func(local, state, uid string) string {
		return "   0: " + local + " 00000000:0000 " + state + " 00000000:00000000 00:00000000 00000000  " + uid + "        0 5552493 2\n"
	}
	tests := []struct {
		name, text string
		uid        int
		ok         bool
	}{
		{"loopback", line("0100007F:2328", "0A", "33"), 33, true},
		{"all", line("00000000:2328", "0A", "0"), 0, true},
		{"all of IPv6", line(strings.Repeat("0", 32)+":2328", "0A", "7"), 7, true},
		{"connected", line("0100007F:2328", "01", "33"), 0, false},
		{"other port", line("0100007F:2329", "0A", "33"), 0, false},
		{"other address", line("0200000A:2328", "0A", "33"), 0, false},
		{"broken", "sl local\n x\n" + line("0100007F", "0A", "1") + line("0100007F:zz", "0A", "1") + line("0100007F:2328", "0A", "x"), 0, false},
		{"second", line("0100007F:0050", "0A", "1") + line("0100007F:2328", "0A", "2"), 2, true},
	}
	for _, tt := range tests {
		if uid, ok := parseTCPListener(tt.text, 9000); uid != tt.uid || ok != tt.ok {
			t.Errorf("%s: %d, %t; want %d, %t", tt.name, uid, ok, tt.uid, tt.ok)
		}
	}
}

// startExternalFPM starts a php-fpm as an administrator would: it owns its
// socket, whose path is returned, and its pool has these settings.
func startExternalFPM(t *testing.T, settings string) string {
	t.Helper()
	b, err := phpFPM()
	if err != nil {
		t.Skip(err)
	}
	dir := dirFor(t, fmt.Sprintf("ext%d-%d", os.Getpid(), groups.Add(1)))
	socket, conf := filepath.Join(dir, "php-fpm.sock"), filepath.Join(dir, "fpm.conf")
	text := "[global]\ndaemonize = no\nerror_log = /dev/stderr\n[www]\nlisten = " + socket + "\n"
	args := []string{"--nodaemonize", "--force-stderr", "--fpm-config", conf}
	if os.Geteuid() == 0 {
		text += "user = root\n"
		settings += "\nuser = root" // of the last pool
		args = append(args, "--allow-to-run-as-root")
	}
	if err := os.WriteFile(conf, []byte(text+settings+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	startProcess(t, b.Path, args...)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if err := awaitAnswer(ctx, "unix", socket); err != nil {
		t.Fatal(err)
	}
	return socket
}
