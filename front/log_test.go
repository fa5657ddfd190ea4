package front

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sluice/accesslog"
	"sluice/loop"
)

func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "sl") //nolint:usetesting // t.TempDir is too long for a socket's name
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// jsonLog gives a server an access log; what it answers ends and reads it.
func jsonLog(t *testing.T, o *Options) func() []map[string]any {
	t.Helper()
	path := filepath.Join(t.TempDir(), "access.log")
	log, err := accesslog.Open(accesslog.Options{Path: path, Format: accesslog.JSON})
	if err != nil {
		t.Fatal(err)
	}
	o.AccessLog = func(label string) *accesslog.Log {
		if label != "test" {
			t.Errorf("log of site %q", label)
		}
		return log
	}
	return func() []map[string]any {
		if err := log.Close(); err != nil {
			t.Error(err)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var list []map[string]any
		for text := range strings.Lines(string(b)) {
			m := map[string]any{}
			if err := json.Unmarshal([]byte(text), &m); err != nil {
				t.Fatalf("%q: %v", text, err)
			}
			list = append(list, m)
		}
		return list
	}
}

func TestAccessLog(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		var lines func() []map[string]any
		w := newWorld(t, e, change{front: func(o *Options) {
			lines = jsonLog(t, o)
			o.BodyTime = short
			o.Trusted = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
		}})
		c := w.dial()
		for _, text := range []string{
			get("/a.txt"), get("/hello.php?n=12"), request("HEAD", "/a.txt"), get("/none"), get("/a.txt", "Range: bytes=0-2"),
			get("/medium.bin"), get("/a.txt", "X-Forwarded-For: 192.0.2.1"),
		} {
			c.send(text)
			method := strings.Fields(text)[0]
			if _, err := c.read(method); err != nil {
				t.Fatal(err)
			}
		}
		gone := w.dial()
		gone.send(get("/block.php"))
		w.blockedScripts(1)
		_ = gone.c.Close()
		eventually(t, "gone", func() bool { return w.open() == 1 })
		gone = w.dial()
		gone.send(request("POST", "/echo.php", "Content-Length: 5") + "a")
		time.Sleep(5 * time.Millisecond)
		_ = gone.c.Close()
		eventually(t, "gone", func() bool { return w.open() == 1 })
		slow := w.dial()
		slow.send(request("POST", "/echo.php?slow", "Content-Length: 5") + "a")
		slow.expect("POST", 408)
		bad := w.dial()
		bad.send("GET /bad HTTP/1.1\r\nno colon\r\n\r\n")
		bad.expect("GET", 400)
		w.letGo(func() bool { return w.app.waiting() == 0 })
		w.stop()
		want := []string{
			"127.0.0.1 GET /a.txt 200 8", "127.0.0.1 GET /hello.php?n=12 200 8", "127.0.0.1 HEAD /a.txt 200 0", "127.0.0.1 GET /none 404 *",
			"127.0.0.1 GET /a.txt 206 3", "127.0.0.1 GET /medium.bin 200 49152", "192.0.2.1 GET /a.txt 200 8",
			"127.0.0.1 GET /block.php 499 0", "127.0.0.1 POST /echo.php 499 0", "127.0.0.1 POST /echo.php?slow 408 *", "127.0.0.1 * * 400 *",
		}
		got := lines()
		if len(got) != len(want) {
			t.Fatalf("%d lines, want %d: %v", len(got), len(want), got)
		}
		for i, m := range got {
			parts := strings.Fields(want[i])
			have := []any{m["remote"], m["method"], m["target"], m["status"], m["bytes"]}
			for k, p := range parts {
				if p != "*" && fmt.Sprint(have[k]) != p {
					t.Errorf("line %d: %v, want %s", i, m, want[i])
				}
			}
		}
	})
}
