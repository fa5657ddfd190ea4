//go:build unix

package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestBanner(t *testing.T) {
	dir := staticDir(t)
	sock := filepath.Join(t.TempDir(), "s")
	p := serveFor(t, dir, "--listen", "127.0.0.1:0", "--listen", "unix:"+sock, "--php", "off")
	for _, word := range []string{"sluice 1.2.3-test", "http://127.0.0.1:", "unix:" + sock, "static", dir, "php        off", "loop(s)"} {
		if !strings.Contains(p.told(), word) {
			t.Errorf("the banner lacks %q:\n%s", word, p.told())
		}
	}
	if code, body := p.get("/"); code != 200 || body != "<h1>static</h1>" {
		t.Errorf("%d %q", code, body)
	}
	c := http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return net.Dial("unix", sock) }}}
	res, err := c.Get("http://x/")
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != 200 {
		t.Errorf("over the Unix socket: %d", res.StatusCode)
	}
	c.CloseIdleConnections()
	p.signal(syscall.SIGTERM)
	p.exits(0)
	if _, err := os.Stat(sock); err == nil {
		t.Error("the socket's file is left")
	}
}

// A socket's file that a killed sluice left does not keep the next one from
// starting; one that somebody listens on does.
func TestLeftSocket(t *testing.T) {
	dir, sock := staticDir(t), filepath.Join(t.TempDir(), "s")
	p := serveFor(t, dir, "--listen", "unix:"+sock, "--php", "off")
	if code, _, fault := run(t, dir, "serve", dir, "--listen", "unix:"+sock, "--php", "off"); code != exitListen || !strings.Contains(fault, sock) {
		t.Errorf("in use: exit %d, %q", code, fault)
	}
	p.signal(syscall.SIGKILL)
	p.exits(-1)
	p = serveFor(t, dir, "--listen", "unix:"+sock, "--php", "off")
	if c, err := net.Dial("unix", sock); err != nil {
		t.Errorf("%v; %s", err, p.log())
	} else {
		_ = c.Close()
	}
	file := write(t, t.TempDir(), "precious", "x")
	if code, _, _ := run(t, dir, "serve", dir, "--listen", "unix:"+file, "--php", "off"); code == 0 {
		t.Error("a file that is no socket was taken")
	}
	if b, err := os.ReadFile(file); err != nil || string(b) != "x" {
		t.Errorf("a file that is no socket is gone: %q, %v", b, err)
	}
}

// Whoever may enter the folder may connect, as with nginx, whatever the umask.
func TestSocketMode(t *testing.T) {
	for _, engine := range []string{"auto", "portable"} {
		for _, umask := range []int{0o022, 0o077} {
			sock := filepath.Join(t.TempDir(), "s")
			old := syscall.Umask(umask)
			p := serveFor(t, staticDir(t), "--listen", "unix:"+sock, "--php", "off", "--engine", engine)
			syscall.Umask(old)
			info, err := os.Stat(sock)
			if err != nil {
				t.Fatal(err)
			}
			if got := info.Mode().Perm(); got != 0o666 {
				t.Errorf("engine %s, umask %03o: the socket has mode %03o, want 666", engine, umask, got)
			}
			p.signal(syscall.SIGTERM)
			p.exits(0)
		}
	}
}

// What a server that is not there would have told is not shown as nothing.
func TestBannerWithoutVersion(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "index.php", "<?php")
	p := serveFor(t, dir, "--listen", "127.0.0.1:0", "--php", "tcp:127.0.0.1:1")
	if !strings.Contains(p.told(), "  php        PHP at tcp:127.0.0.1:1, up to ") {
		t.Errorf("the banner:\n%s", p.told())
	}
}

func TestTermFinishesRequests(t *testing.T) {
	socket, began, release := fakePHP(t)
	dir := t.TempDir()
	write(t, dir, "wait.php", "<?php")
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		p := serveFor(t, dir, "--listen", "127.0.0.1:0", "--php", "unix:"+socket)
		got := p.inFlight("/wait.php")
		<-began
		p.signal(sig)
		eventually(t, "nobody accepts any more", func() bool {
			c, err := net.Dial("tcp", p.addr)
			if err == nil {
				_ = c.Close()
			}
			return err != nil
		})
		select {
		case <-p.ended:
			t.Fatalf("ended with a request in flight: %s", p.log())
		case <-time.After(30 * time.Millisecond):
		}
		release <- struct{}{}
		if text := <-got; text != "200 waited <nil>" {
			t.Errorf("%v: the request in flight got %q", sig, text)
		}
		p.exits(0)
	}
}

// inFlight asks for a page, and later says how that ended: status, content, error.
func (p *daemonProcess) inFlight(target string) <-chan string {
	got := make(chan string, 1)
	go func() {
		res, err := http.Get("http://" + p.addr + target)
		if err != nil {
			got <- err.Error()
			return
		}
		b, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		got <- fmt.Sprint(res.StatusCode, " ", string(b), " ", err)
	}()
	return got
}

// A signal that comes doubled, as from timeout(1), is one signal.
func TestDoubledSignal(t *testing.T) {
	socket, began, release := fakePHP(t)
	dir := t.TempDir()
	write(t, dir, "wait.php", "<?php")
	p := serveFor(t, dir, "--listen", "127.0.0.1:0", "--php", "unix:"+socket)
	got := p.inFlight("/wait.php")
	<-began
	p.signal(syscall.SIGTERM)
	time.Sleep(10 * time.Millisecond) // the kernel makes one of two that wait
	p.signal(syscall.SIGTERM)
	select {
	case <-p.ended:
		t.Fatalf("ended with a request in flight: %s", p.log())
	case <-time.After(sameSignalTime):
	}
	release <- struct{}{}
	if text := <-got; text != "200 waited <nil>" {
		t.Errorf("the request in flight got %q", text)
	}
	p.exits(0)
}

// A second signal does not wait.
func TestSecondSignal(t *testing.T) {
	socket, began, release := fakePHP(t)
	dir := t.TempDir()
	write(t, dir, "wait.php", "<?php")
	p := serveFor(t, dir, "--listen", "127.0.0.1:0", "--php", "unix:"+socket)
	_ = p.inFlight("/wait.php") // its end is the server's
	<-began
	p.signal(syscall.SIGTERM)
	eventually(t, "it is stopping", func() bool { return strings.Contains(p.log(), "stopping") })
	time.Sleep(sameSignalTime + sameSignalTime/10)
	p.signal(syscall.SIGTERM)
	p.exits(exitFailure)
	release <- struct{}{}
}

func TestReopenLogs(t *testing.T) {
	dir, logs := staticDir(t), t.TempDir()
	log := filepath.Join(logs, "access.log")
	p := serveFor(t, dir, "--listen", "127.0.0.1:0", "--php", "off", "--access-log", log)
	p.get("/?first")
	if err := os.Rename(log, log+".1"); err != nil {
		t.Fatal(err)
	}
	p.signal(syscall.SIGUSR1)
	eventually(t, "a new log", func() bool { _, err := os.Stat(log); return err == nil })
	time.Sleep(20 * time.Millisecond) // the writer takes the new file when it is told
	p.get("/?second")
	p.signal(syscall.SIGTERM)
	p.exits(0)
	before, _ := os.ReadFile(log + ".1")
	after, _ := os.ReadFile(log)
	if all := string(before) + string(after); strings.Count(all, "GET /?first") != 1 || strings.Count(string(after), "GET /?second") != 1 {
		t.Errorf("before %q, after %q", before, after)
	}
}

// SIGHUP does not end a daemon: its standard input is no terminal.
func TestHangUp(t *testing.T) {
	p := serveFor(t, staticDir(t), "--listen", "127.0.0.1:0", "--php", "off")
	p.signal(syscall.SIGHUP)
	eventually(t, "the signal is answered", func() bool { return p.log() != "" })
	if code, _ := p.get("/"); code != 200 {
		t.Errorf("after SIGHUP: %d, %s", code, p.log())
	}
	if !strings.Contains(p.log(), "fresh php workers") {
		t.Errorf("the log says nothing of it: %s", p.log())
	}
	p.signal(syscall.SIGTERM)
	p.exits(0)
}
