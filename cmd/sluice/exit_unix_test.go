//go:build unix

package main

import (
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestVersion(t *testing.T) {
	code, out, _ := run(t, "", "version")
	if code != 0 || !regexp.MustCompile(`^sluice 1\.2\.3-test \(go1\.\S+ \w+/\w+\)\n$`).MatchString(out) {
		t.Errorf("exit %d, %q", code, out)
	}
}

// Exit codes and messages of what can't start: docs/usage.md. Each message says
// what is wrong and what to do.
func TestExitCodes(t *testing.T) {
	dir := staticDir(t)
	php := t.TempDir()
	write(t, php, "index.php", "<?php echo 1;")
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	bad := write(t, t.TempDir(), "bad.toml", "lisen = \"x\"\nloops = -1\n[[site]]\n")
	notPHP := write(t, t.TempDir(), "php-cgi", "#!/bin/sh\necho I am not PHP\n")
	if err := os.Chmod(notPHP, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		args []string
		code int
		says []string
	}{
		{"unknown command", []string{"sevre"}, exitUsage, []string{"sevre", "serve?"}},
		{"unknown flag", []string{"serve", "--nope"}, exitUsage, []string{"--nope"}},
		{"flag without value", []string{"serve", "--listen"}, exitUsage, []string{"--listen"}},
		{"two folders", []string{"serve", "a", "b"}, exitUsage, []string{"one folder"}},
		{"folder and file", []string{"serve", "--config", bad, dir}, exitUsage, []string{"not both"}},
		{"empty folder", []string{"serve", ""}, exitUsage, []string{"empty", "variable"}},
		{"empty folder and a flag", []string{"serve", "--php", "off", ""}, exitUsage, []string{"empty", "variable"}},
		{"empty file", []string{"serve", "--config", ""}, exitUsage, []string{"--config", "variable"}},
		{"check empty folder", []string{"check", ""}, exitUsage, []string{"empty", "variable"}},
		{"check empty file", []string{"check", "--config="}, exitUsage, []string{"--config", "variable"}},
		{"explain in an empty folder", []string{"explain", "/", ""}, exitUsage, []string{"empty", "variable"}},
		{"explain with an empty file", []string{"explain", "/", "--config="}, exitUsage, []string{"--config", "variable"}},
		{"version with more", []string{"version", "x"}, exitUsage, []string{"x"}},
		{"check two folders", []string{"check", "a", "b"}, exitUsage, []string{"one folder"}},
		{"check folder and file", []string{"check", "a", "--config", bad}, exitUsage, []string{"not both"}},
		{"check missing folder", []string{"check", filepath.Join(dir, "none")}, exitConfig, []string{"none"}},
		{"missing folder", []string{"serve", filepath.Join(dir, "none"), "--listen", "127.0.0.1:0"}, exitConfig, []string{"none"}},
		{"folder is a file", []string{"serve", filepath.Join(dir, "index.html"), "--listen", "127.0.0.1:0"}, exitConfig, []string{"index.html"}},
		{"bad address", []string{"serve", dir, "--listen", "nonsense"}, exitConfig, []string{"--listen", "nonsense"}},
		{"bad engine", []string{"serve", dir, "--engine", "steam"}, exitConfig, []string{"--engine", "steam", "epoll"}},
		{"two bad flags", []string{"serve", dir, "--workers", "many", "--hidden-files", "maybe"}, exitConfig, []string{"2 faults", "--workers", "--hidden-files"}},
		{"faults of a file", []string{"serve", "--config", bad}, exitConfig, []string{"faults", "bad.toml:1:1", "listen", "bad.toml:2:", "loops"}},
		{"no file", []string{"serve", "--config", "/none.toml"}, exitConfig, []string{"/none.toml"}},
		{"port taken", []string{"serve", dir, "--listen", taken.Addr().String()}, exitListen, []string{taken.Addr().String(), "--listen", "in use"}},
		{"second port taken", []string{"serve", dir, "--listen", "127.0.0.1:0", "--listen", taken.Addr().String()}, exitListen, []string{taken.Addr().String()}},
		{"not our address", []string{"serve", dir, "--listen", "192.0.2.1:8080"}, exitListen, []string{"192.0.2.1:8080", "no such address"}},
		{"no folder for a socket", []string{"serve", dir, "--listen", "unix:/nonexistent/s"}, 0, []string{"/nonexistent/s"}},
		{"no such php-cgi", []string{"serve", php, "--listen", "127.0.0.1:0", "--php", "/nonexistent/php-cgi"}, 0, []string{"/nonexistent/php-cgi"}},
		{"no php-cgi at all", []string{"serve", php, "--listen", "127.0.0.1:0", "--php", notPHP}, exitPHP, []string{notPHP}},
		{"log that can't be", []string{"serve", dir, "--listen", "127.0.0.1:0", "--access-log", "/nonexistent/log"}, 0, []string{"/nonexistent"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			code, out, fault := run(t, dir, tt.args...)
			if code == 0 || (tt.code != 0 && code != tt.code) {
				t.Errorf("exit code %d, want %d; %s", code, tt.code, fault)
			}
			for _, word := range tt.says {
				if !strings.Contains(fault, word) {
					t.Errorf("the message lacks %q: %s", word, fault)
				}
			}
			if !strings.HasPrefix(fault, "sluice: ") && !strings.Contains(fault, "\nsluice: ") {
				t.Errorf("no line of the message is ours: %q", fault)
			}
			if strings.Contains(fault+out, "goroutine ") || strings.Contains(out, "listening") {
				t.Errorf("stdout %q, stderr %q", out, fault)
			}
		})
	}
}

func TestCheck(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "www/index.html", "x")
	good := write(t, dir, "good.toml", "listen = [\"127.0.0.1:8081\", \"127.0.0.1:8082\"]\n[[site]]\nroot = \"www\"\n")
	if code, out, fault := run(t, dir, "check", "--config", good); code != 0 || !strings.Contains(out, "127.0.0.1:8081, 127.0.0.1:8082") || !strings.Contains(out, "1 site") {
		t.Errorf("exit %d, %q, %q", code, out, fault)
	}
	write(t, dir, "sluice.toml", "listen = \"127.0.0.1:8081\"\n\n[keep_alive]\nidel = \"5s\"\n\n[limits]\nhead_time = \"soon\"\nfields = 0\n\n[[site]]\nroot = \"none\"\nnames = [\"a b\"]\n")
	code, out, fault := run(t, dir, "check") // sluice.toml is what it looks for
	if code != exitConfig || out != "" {
		t.Errorf("exit %d, stdout %q", code, out)
	}
	if !regexp.MustCompile(`has \d+ faults:`).MatchString(fault) || strings.Count(fault, "sluice.toml:") < 4 {
		t.Errorf("not all faults are told: %s", fault)
	}
	for _, word := range []string{":4:1", ":7:", "soon", ":8:", "none"} {
		if !strings.Contains(fault, word) {
			t.Errorf("%q is missing: %s", word, fault)
		}
	}
	if code, _, fault := run(t, t.TempDir(), "check"); code != exitConfig || !strings.Contains(fault, "sluice.toml") {
		t.Errorf("without a file: exit %d, %q", code, fault)
	}
}
