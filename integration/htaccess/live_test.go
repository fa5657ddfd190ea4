//go:build linux

package htaccess_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const (
	liveMax     = time.Second            // until a change must be in force
	livePause   = 200 * time.Millisecond // under load between two changes
	liveClients = 6
)

// liveChange is one change of a file and how it shows.
type liveChange struct {
	name string
	do   func(root string) error
	want string // what /front or /sub/front then says, see liveState
}

// put writes a file at once, as editors and deployments do.
func put(path, text string) func(string) error {
	return func(root string) error {
		full := filepath.Join(root, path)
		if err := os.WriteFile(full+".tmp", []byte(text), 0o644); err != nil {
			return err
		}
		return os.Rename(full+".tmp", full)
	}
}

// overwrite writes into the file that is there.
func overwrite(path, text string) func(string) error {
	return func(root string) error { return os.WriteFile(filepath.Join(root, path), []byte(text), 0o644) }
}

func remove(path string) func(string) error {
	return func(root string) error { return os.Remove(filepath.Join(root, path)) }
}

func ruleTo(target string) string {
	return "RewriteEngine On\nRewriteRule ^(sub/)?front$ " + target + " [L]\n"
}

// liveChanges follow one another.
var liveChanges = []liveChange{
	{"created", put(".htaccess", ruleTo("/a.txt")), "a"},
	{"replaced", put(".htaccess", ruleTo("/b.txt")), "b"},
	{"overwritten in place", overwrite(".htaccess", ruleTo("/a.txt")), "a"},
	{"same size and longer ago", func(root string) error {
		if err := overwrite(".htaccess", ruleTo("/b.txt"))(root); err != nil {
			return err
		}
		return os.Chtimes(filepath.Join(root, ".htaccess"), treeTime, treeTime)
	}, "b"},
	{"broken", overwrite(".htaccess", "NoSuchDirective\n"), "500"},
	{"mended", overwrite(".htaccess", ruleTo("/a.txt")), "a"},
	{"deleted", remove(".htaccess"), "404"},
	{"created again", overwrite(".htaccess", ruleTo("/b.txt")), "b"},
	{"created in a folder", put("sub/.htaccess", "RewriteEngine On\nRewriteRule ^front$ /sub.txt [L]\n"), "b sub"},
	{"folder replaced", func(root string) error {
		if err := os.MkdirAll(filepath.Join(root, "other"), 0o755); err != nil {
			return err
		}
		if err := os.Rename(filepath.Join(root, "sub"), filepath.Join(root, "away")); err != nil {
			return err
		}
		return os.Rename(filepath.Join(root, "other"), filepath.Join(root, "sub"))
	}, "b"},
	{"root replaced", func(root string) error {
		fresh := root + ".new"
		for path, text := range map[string]string{
			".htaccess": ruleTo("/a.txt"), "a.txt": "STATIC a\n", "b.txt": "STATIC b\n", "sub.txt": "STATIC sub\n",
			"plain.txt": "STATIC plain\n", "run.php": probeScript, "sub/x.txt": "STATIC x\n",
		} {
			if err := os.MkdirAll(filepath.Dir(filepath.Join(fresh, path)), 0o755); err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(fresh, path), []byte(text), 0o644); err != nil {
				return err
			}
		}
		if err := os.Rename(root, root+".old"); err != nil {
			return err
		}
		return os.Rename(fresh, root)
	}, "a"},
}

// liveState is what the two rewritten addresses answer: the file's word or the
// status, once if both say the same.
func liveState(addr string) string {
	say := func(target string) string {
		r := parseRequest(target)
		a := exchange(addr, r, exchangeMax).tidy(r, "")
		switch {
		case a.err != nil:
			return a.err.Error()
		case a.kind == "static":
			return a.static
		}
		return fmt.Sprint(a.status)
	}
	one, two := say("/front"), say("/sub/front")
	if one == two {
		return one
	}
	return one + " " + two
}

// load asks for a file and a script on one kept connection until stop; every
// answer must be a 200, or a 500 while the file is broken.
type load struct {
	stop   chan struct{}
	broken atomic.Bool
	moving atomic.Bool // the document root is absent for a moment
	asked  atomic.Int64
	failed atomic.Int64
	first  atomic.Value // of the failures
}

func (l *load) fail(text string) {
	if l.failed.Add(1) == 1 {
		l.first.Store(text)
	}
}

func (l *load) client(addr string) {
	for {
		c, err := net.DialTimeout("tcp", addr, exchangeMax)
		if err != nil {
			l.fail(err.Error())
			return
		}
		again := l.connection(c)
		_ = c.Close()
		if !again {
			return
		}
	}
}

// connection says whether the server asked for a new one.
func (l *load) connection(c net.Conn) bool {
	in := bufio.NewReader(c)
	for i := 0; ; i++ {
		select {
		case <-l.stop:
			return false
		default:
		}
		target := []string{"/plain.txt", "/run.php", "/front"}[i%3]
		odd := l.broken.Load() || l.moving.Load()
		_ = c.SetDeadline(time.Now().Add(exchangeMax))
		if _, err := fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: example.com\r\n\r\n", target); err != nil {
			l.fail(err.Error())
			return false
		}
		resp, err := http.ReadResponse(in, nil)
		if err == nil {
			_, err = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
		}
		l.asked.Add(1)
		odd = odd || l.broken.Load() || l.moving.Load()
		switch {
		case err != nil:
			l.fail(fmt.Sprintf("%s: %v", target, err))
			return false
		case resp.StatusCode == 200 || target == "/front" && resp.StatusCode == 404:
		case !odd:
			l.fail(fmt.Sprintf("%s: status %d", target, resp.StatusCode))
		}
		if resp.Close {
			return true
		}
	}
}

// TestLive changes .htaccess files under load: each change must be in force
// within a second, and no request may fail.
func TestLive(t *testing.T) {
	root := filepath.Join(workDir(t), "site", "htdocs")
	for path, text := range map[string]string{
		"a.txt": "STATIC a\n", "b.txt": "STATIC b\n", "sub.txt": "STATIC sub\n", "plain.txt": "STATIC plain\n",
		"run.php": probeScript, "sub/x.txt": "STATIC x\n",
	} {
		writeFile(t, filepath.Join(root, path), text)
	}
	addr := freeAddrs(t, 1)[0]
	startSluice(t, root, addr, "--workers", "2")
	if got := liveState(addr); got != "404" {
		t.Fatalf("before any change /front says %q, want 404", got)
	}
	l := &load{stop: make(chan struct{})}
	var wg sync.WaitGroup
	for range liveClients {
		wg.Go(func() { l.client(addr) })
	}
	var slowest time.Duration
	for _, c := range liveChanges {
		time.Sleep(livePause)
		took, err := l.change(addr, root, c)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		t.Logf("%-26s in force after %v", c.name, took.Round(time.Millisecond))
		slowest = max(slowest, took)
	}
	close(l.stop)
	wg.Wait()
	t.Logf("%d requests meanwhile, %d failed; slowest change %v", l.asked.Load(), l.failed.Load(), slowest.Round(time.Millisecond))
	if l.asked.Load() < 100 {
		t.Errorf("only %d requests were asked: no load", l.asked.Load())
	}
	if n := l.failed.Load(); n > 0 {
		t.Errorf("%d requests failed, the first: %v", n, l.first.Load())
	}
}

// change makes one change and measures until it shows.
func (l *load) change(addr, root string, c liveChange) (time.Duration, error) {
	broken := c.want == "500"
	if broken {
		l.broken.Store(true)
	}
	l.moving.Store(strings.Contains(c.name, "root"))
	begin := time.Now()
	if err := c.do(root); err != nil {
		return 0, err
	}
	defer func() {
		// What was odd during this change is no excuse during the next; a file
		// is broken until its mending is in force.
		l.moving.Store(false)
		l.broken.Store(broken)
	}()
	for {
		got := liveState(addr)
		took := time.Since(begin)
		if got == c.want && took <= liveMax {
			return took, nil
		}
		if got == c.want {
			return 0, fmt.Errorf("in force only after %v, want %v", took.Round(time.Millisecond), liveMax)
		}
		if took > 2*liveMax {
			return 0, fmt.Errorf("after %v /front and /sub/front say %q, want %q", took.Round(time.Millisecond), got, c.want)
		}
		time.Sleep(10 * time.Millisecond)
	}
}
