//go:build unix

package gateway

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"sluice/fcgi"
	"sluice/loop"
)

const fpmConf = `[global]
error_log = %[1]s/log
daemonize = no
[www]
listen = %[1]s/s
pm = static
pm.max_children = 4
ping.path = /ping
`

// fpm is a php-fpm with four children.
type fpm struct {
	dir string
	cmd *exec.Cmd
}

func startFPM(t *testing.T) *fpm {
	t.Helper()
	list, err := filepath.Glob("/usr/sbin/php-fpm*")
	if err != nil || len(list) == 0 {
		t.Skip("no php-fpm")
	}
	dir, err := os.MkdirTemp("", "gw") //nolint:usetesting // t.TempDir may be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	conf := fmt.Sprintf(fpmConf, dir)
	args := []string{"-y", filepath.Join(dir, "conf"), "-F"}
	if os.Getuid() == 0 {
		conf += "user = root\ngroup = root\n"
		args = append(args, "-R")
	}
	script := `<?php if (isset($_GET['us'])) usleep((int)$_GET['us']); header('Content-Type: text/plain'); echo $_SERVER['QUERY_STRING'];`
	for name, text := range map[string]string{"conf": conf, "x.php": script} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f := &fpm{dir: dir, cmd: exec.Command(list[0], args...)}
	endWithTest(t, f.cmd)
	waitFor(t, f.socket())
	return f
}

func (p *fpm) socket() string { return filepath.Join(p.dir, "s") }

func (p *fpm) script() []byte { return []byte(filepath.Join(p.dir, "x.php")) }

func (p *fpm) get(f *fixture, query string) *client {
	c := f.client("GET", query)
	f.on(func() {
		c.r.Env.ScriptFilename = p.script()
		c.r.Start(false)
	})
	return c
}

// other is a client of the same php-fpm that is not ours: a new connection for
// each request, as nginx does. It answers how long it took.
func (p *fpm) other(t *testing.T, query string) time.Duration {
	t.Helper()
	began := time.Now()
	c, err := net.Dial("unix", p.socket())
	if err != nil {
		t.Error(err)
		return 0
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	w := fcgi.BeginParams(fcgi.AppendBeginRequest(nil, 1, fcgi.Responder, 0), 1)
	for name, value := range map[string]string{"SCRIPT_FILENAME": string(p.script()), "REQUEST_METHOD": "GET", "QUERY_STRING": query, "SCRIPT_NAME": "/x.php"} {
		w.AddString(name, value)
	}
	if _, err := c.Write(fcgi.AppendHeader(w.End(), fcgi.Stdin, 1, 0, 0)); err != nil {
		t.Error(err)
	}
	var dec fcgi.Decoder
	buf := make([]byte, 4096)
	for {
		n, err := c.Read(buf)
		if err != nil {
			t.Errorf("the other client, after %v: %v", time.Since(began), err)
			return time.Since(began)
		}
		for b := buf[:n]; len(b) > 0; {
			k, ev, ok, err := dec.Next(b)
			if err != nil {
				t.Error(err)
				return 0
			}
			b = b[k:]
			if ok && ev.Type == fcgi.EndRequest {
				return time.Since(began)
			}
		}
	}
}

// load keeps n clients busy until stop is closed, and answers how many requests
// were served. Everyone must be.
func (p *fpm) load(t *testing.T, f *fixture, n int, stop chan struct{}) (wait func() int) {
	var wg sync.WaitGroup
	var served atomic.Int32
	for i := range n {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for j := 0; ; j++ {
				select {
				case <-stop:
					return
				default:
				}
				query := fmt.Sprintf("us=2000&t=%d-%d", i, j)
				c := p.get(f, query)
				if c.wait(); !c.ended || c.body.String() != query {
					t.Errorf("%s: %d %q %+v", query, c.status, c.body.String(), c.failure)
				}
				served.Add(1)
			}
		}()
	}
	return func() int {
		wg.Wait()
		return int(served.Load())
	}
}

// A pool whose four children we keep busy all the time is still there for
// others; when we have nothing to do, all of it.
func TestSharedFPM(t *testing.T) {
	p := startFPM(t)
	f := startOn(t, loop.Auto, fcgi.Options{
		Servers:  []fcgi.Server{{Network: "unix", Address: p.socket(), Conns: 4, Mux: fcgi.MuxAuto}},
		IdleTime: 100 * time.Millisecond, KeepTime: 50 * time.Millisecond,
	}, settings{})
	stop := make(chan struct{})
	served := p.load(t, f, 12, stop)
	time.Sleep(50 * time.Millisecond) // all children are ours
	worst := time.Duration(0)
	for range 30 {
		worst = max(worst, p.other(t, "us=100"))
	}
	close(stop)
	n := served()
	t.Logf("%d requests served, the other client waited %v at most", n, worst)
	if worst > 500*time.Millisecond {
		t.Errorf("the other client waited %v", worst)
	}
	if n < 100 {
		t.Errorf("only %d requests of ours were served", n)
	}
	if st := f.pool.States()[0]; st.Multiplexes != "single" {
		t.Errorf("%+v", st)
	}
	f.eventually("idle connections are given back", func() bool { return f.pool.InUse() == 0 })
	var wg sync.WaitGroup
	for range 4 { // all four at once
		wg.Add(1)
		go func() {
			defer wg.Done()
			if d := p.other(t, "us=50000"); d > 180*time.Millisecond {
				t.Errorf("with nothing of ours at work it took %v", d)
			}
		}()
	}
	wg.Wait()
}

// php-fpm is reloaded under load, with its ping as the health check: no GET is
// lost.
func TestFPMReload(t *testing.T) {
	p := startFPM(t)
	f := startOn(t, loop.Auto, fcgi.Options{
		Servers:  []fcgi.Server{{Network: "unix", Address: p.socket(), Conns: 3, Mux: fcgi.MuxAuto}},
		IdleTime: time.Second, Health: fcgi.Health{Path: "/ping", Interval: 50 * time.Millisecond},
	}, settings{retries: 5})
	stop := make(chan struct{})
	served := p.load(t, f, 6, stop)
	reloads := func() int {
		log, err := os.ReadFile(filepath.Join(p.dir, "log"))
		if err != nil {
			t.Error(err)
		}
		return bytes.Count(log, []byte("Reloading in progress"))
	}
	for i := range 6 {
		time.Sleep(120 * time.Millisecond)
		if err := p.cmd.Process.Signal(syscall.SIGUSR2); err != nil {
			t.Fatal(err)
		}
		f.eventually("php-fpm is reloaded", func() bool { return reloads() > i })
	}
	time.Sleep(200 * time.Millisecond)
	if st := f.pool.States()[0]; !st.Up {
		t.Errorf("%+v", st)
	}
	close(stop)
	if n := served(); n < 30 {
		t.Errorf("only %d requests were served", n)
	}
	f.on(f.lp.Close)
	f.eventually("all connections are given back", func() bool { return f.pool.InUse() == 0 })
}
