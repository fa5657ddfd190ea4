//go:build linux

package integration

import (
	"bufio"
	"bytes"
	"crypto/md5" // what PHP computes fastest
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// TestFaultStderrFlood: what a script prints to its error stream by the hundred
// megabytes costs neither memory nor disk, and the answer is right.
func TestFaultStderrFlood(t *testing.T) {
	const (
		floodMiB     = 100
		logMaxBytes  = 1 << 20
		growthMaxKiB = 16 << 10
	)
	st, mark := faultSite(t)
	writeFile(t, filepath.Join(st.root, "flood.php"), `<?php
$piece = str_repeat(str_repeat('e', 99) . "\n", 1024);
$err = fopen('php://stderr', 'wb');
for ($sent = 0; $sent < $_GET['mib'] << 20; $sent += strlen($piece)) {
    if ($_GET['how'] === 'log') { error_log($piece); } else { fwrite($err, $piece); }
}
echo 'answered after ', $sent >> 20;`)
	st.workers = 1
	st.tuning.requestTime = "120s"
	s := startSluice(t, st)
	warmUp(t, s, mark)
	for _, how := range []string{"log", "stream"} {
		t.Run(how, func(t *testing.T) {
			before := len(s.proc.output())
			stop := watchMemory(t, s)
			flight := inFlight(s, "GET", fmt.Sprintf("/flood.php?how=%s&mib=%d", how, floodMiB), "")
			a := await(t, "flood.php", flight, 20*time.Second)
			grown := stop()
			if want := fmt.Sprint("answered after ", floodMiB); a.status != http.StatusOK || a.body != want {
				t.Errorf("status %d, %q, want %q", a.status, excerpt(a.body), want)
			}
			said := map[string]string{"log": "octets_lost", "stream": "php output dropped"}[how]
			if !eventually(2*time.Second, func() bool { return strings.Contains(s.proc.output()[before:], said) }) {
				t.Errorf("the log does not say that it lacks the rest (%q)", said)
			}
			logged := len(s.proc.output()) - before
			t.Logf("%d MiB: %d octets logged, memory grew by %d KiB", floodMiB, logged, grown)
			if logged > logMaxBytes {
				t.Errorf("%d octets logged, at most %d allowed", logged, logMaxBytes)
			}
			if grown > growthMaxKiB {
				t.Errorf("memory grew by %d KiB, at most %d allowed", grown, growthMaxKiB)
			}
			if a := get(t, s, "/hello.php"); a.body != "hello" {
				t.Errorf("the next request: status %d", a.status)
			}
		})
	}
}

const (
	// crowd is how many clients of each of the four kinds there are, crowdPause
	// how long each of them waits between two octets.
	crowd      = 150
	crowdPause = 200 * time.Millisecond
	crowdMiB   = 3 // what each reader has asked for
	// crowdGrowthMaxKiB is what all spools may keep in memory (64 MiB), as much
	// again for what the collector has not looked at, and what the connections
	// have at hand. What the scripts print is 450 MiB.
	crowdGrowthMaxKiB = 160 << 10
	crowdTime         = 3 * time.Second
)

// TestFaultSlowCrowd: hundreds of clients that send and read an octet now and
// then hold nobody up, cost no memory to speak of, and are served right.
func TestFaultSlowCrowd(t *testing.T) {
	st, mark := faultSite(t)
	var file bytes.Buffer
	for range 16 * crowdMiB {
		_, _ = file.Write(block()) // a buffer takes all
	}
	writeFile(t, filepath.Join(st.root, "large.bin"), file.String())
	s := startSluice(t, st)
	warmUp(t, s, mark)
	alone := pace(t, s, crowdTime/3)
	stop := watchMemory(t, s)
	body := strings.Repeat("b", 1000)
	post := md5.Sum([]byte(body))
	want := hex.EncodeToString(post[:])
	kinds := []struct {
		name, request string
		keep          int // octets sent slowly
		check         func(answer) bool
	}{
		{"head", request(s, "GET", "/hello.php", "", "X-Slow: "+strings.Repeat("s", 200)), 200, func(a answer) bool { return a.body == "hello" }},
		{"body", request(s, "POST", "/echo.php", body), 900, func(a answer) bool { return a.body == "1000 "+want }},
		{"file", request(s, "GET", "/large.bin", ""), 0, func(a answer) bool { return a.body == file.String() }},
		{"script", request(s, "GET", at("big.php", mark, "mib", fmt.Sprint(crowdMiB)), ""), 0, func(a answer) bool { return a.body == file.String() }},
	}
	var all []*slowClient
	for _, k := range kinds {
		for range crowd {
			all = append(all, startSlow(t, s.addr, k.request, k.keep))
		}
	}
	// Who comes now waits his turn behind the crowd's scripts, which must not
	// wait for their readers.
	if a := await(t, "hello.php behind the scripts", inFlight(s, "GET", "/hello.php", ""), rawTimeout); a.body != "hello" {
		t.Errorf("hello.php behind the scripts: status %d", a.status)
	}
	beside := pace(t, s, crowdTime)
	if n, ok := statusKiB(s.proc.pid(), "VmRSS"); ok {
		t.Logf("%d slow clients: resident %d KiB; p50 %v, slowest %v, alone p50 %v, slowest %v (%d and %d requests)",
			len(all), n, beside.middle, beside.slowest, alone.middle, alone.slowest, beside.n, alone.n)
	}
	if most := 5*alone.middle + 20*time.Millisecond; beside.middle > most {
		t.Errorf("half of the others waited more than %v, at most %v allowed", beside.middle, most)
	}
	if beside.slowest > 2*time.Second {
		t.Errorf("one of the others waited %v", beside.slowest)
	}
	var wg sync.WaitGroup
	for i, c := range all {
		kind := kinds[i/crowd]
		wg.Go(func() {
			a, err := c.finish()
			if err != nil || a.status != http.StatusOK || !kind.check(a) {
				t.Errorf("slow %s: status %d, %d octets, %v", kind.name, a.status, len(a.body), err)
			}
		})
		if i%20 == 19 { // a few at a time: their answers are kept whole here
			wg.Wait()
		}
	}
	wg.Wait()
	grown := stop()
	t.Logf("memory grew by %d KiB", grown)
	if grown > crowdGrowthMaxKiB {
		t.Errorf("memory grew by %d KiB, at most %d allowed", grown, crowdGrowthMaxKiB)
	}
}

// tempo is how requests were served for some time.
type tempo struct {
	n               int
	middle, slowest time.Duration
}

// pace sends requests to PHP and for a file, one after the other.
func pace(t *testing.T, s *server, d time.Duration) tempo {
	t.Helper()
	var times []time.Duration
	for end := time.Now().Add(d); time.Now().Before(end); {
		for target, want := range map[string]string{"/hello.php": "hello", "/static.txt": "static\n"} {
			began := time.Now()
			if a := get(t, s, target); a.status != http.StatusOK || a.body != want {
				t.Fatalf("%s: status %d, %q", target, a.status, excerpt(a.body))
			}
			times = append(times, time.Since(began))
		}
	}
	slices.Sort(times)
	return tempo{len(times), times[len(times)/2], times[len(times)-1]}
}

// slowClient sends the last octets of a request one by one; when there are none,
// it reads the answer so, once that has begun.
type slowClient struct {
	conn  net.Conn
	rest  string
	read  []byte
	stop  chan struct{}
	ended chan error
}

func startSlow(t *testing.T, addr, request string, keep int) *slowClient {
	t.Helper()
	d := net.Dialer{Timeout: rawTimeout, Control: func(_, _ string, raw syscall.RawConn) error {
		var err error
		// As small as it gets, or the kernel reads in the client's stead.
		failed := raw.Control(func(fd uintptr) { err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4096) })
		if failed != nil {
			return failed
		}
		return err
	}}
	conn, err := d.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	// Of all that follows: the server's patience is tested elsewhere.
	if err := conn.SetDeadline(time.Now().Add(2 * time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, request[:len(request)-keep]); err != nil {
		t.Fatal(err)
	}
	c := &slowClient{conn: conn, rest: request[len(request)-keep:], stop: make(chan struct{}), ended: make(chan error, 1)}
	go func() { c.ended <- c.crawl() }()
	return c
}

func (c *slowClient) crawl() error {
	one := make([]byte, 1)
	for {
		var err error
		if len(c.rest) > 0 {
			_, err = io.WriteString(c.conn, c.rest[:1])
			c.rest = c.rest[1:]
		} else {
			_, err = c.conn.Read(one)
			c.read = append(c.read, one[0])
		}
		if err != nil {
			return err
		}
		select {
		case <-c.stop:
			return nil
		case <-time.After(crowdPause):
		}
	}
}

// finish does the rest at full speed.
func (c *slowClient) finish() (answer, error) {
	defer func() { _ = c.conn.Close() }()
	close(c.stop)
	if err := <-c.ended; err != nil {
		return answer{}, err
	}
	if _, err := io.WriteString(c.conn, c.rest); err != nil {
		return answer{}, err
	}
	return readAnswer(bufio.NewReader(io.MultiReader(bytes.NewReader(c.read), c.conn)), "GET")
}

// tinyDisk is a file system of so many MiB, which only root can mount.
func tinyDisk(t *testing.T, mib int) string {
	t.Helper()
	dir := workDir(t)
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%dm", mib)); err != nil {
		skipLoudly(t, fmt.Sprintf("NOT TESTED: %s NEEDS A FILE SYSTEM OF ITS OWN, AND MAY NOT MOUNT ONE: %v", strings.ToUpper(t.Name()), err))
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Errorf("integration: unmount %s: %v", dir, err)
		}
	})
	return dir
}

// freeKiB of a file system.
func freeKiB(t *testing.T, dir string) int64 {
	t.Helper()
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err != nil {
		t.Fatal(err)
	}
	return int64(fs.Bavail) * fs.Bsize >> 10
}

// fill leaves nothing of a file system; what it returns is to be removed.
func fill(t *testing.T, dir string) string {
	t.Helper()
	path := filepath.Join(dir, "full")
	writeFile(t, path, "")
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	if err := f.Close(); err != nil || freeKiB(t, dir) > 4 {
		t.Fatalf("integration: %s is not full: %d KiB free, %v", dir, freeKiB(t, dir), err)
	}
	return path
}

// fullDisk is a server whose spool has no room until what it returns is removed.
func fullDisk(t *testing.T) (s *server, mark, disk, filler string) {
	t.Helper()
	st, mark := faultSite(t)
	disk = tinyDisk(t, 32)
	s = startSluiceConf(t, fmt.Sprintf("listen = [\"{addr}\"]\nspool_dir = %q\n[[site]]\nroot = %q\nbody_max = \"64MiB\"\n[site.php]\nworkers = 1\n", disk, st.root))
	return s, mark, disk, fill(t, disk)
}

// checkNoRoom wants the reason in the log, and all else to go on.
func checkNoRoom(t *testing.T, s *server, logged int, what string) {
	t.Helper()
	if !eventually(2*time.Second, func() bool { return strings.Contains(s.proc.output()[logged:], "no space left on device") }) {
		t.Errorf("%s: no reason in the log:\n%s", what, s.proc.output()[logged:])
	}
	for target, want := range map[string]string{"/hello.php": "hello", "/static.txt": "static\n"} {
		if a := get(t, s, target); a.status != http.StatusOK || a.body != want {
			t.Errorf("%s with a full disk, after %s: status %d, %q", target, what, a.status, excerpt(a.body))
		}
	}
}

// TestFaultDiskFullBody: a request whose content has no room is refused, and no
// other.
func TestFaultDiskFullBody(t *testing.T) {
	const bodyMiB, together = 6, 4
	s, _, disk, filler := fullDisk(t)
	body := strings.Repeat("d", bodyMiB<<20)
	sum := md5.Sum([]byte(body))
	want := fmt.Sprintf("%d %x", len(body), sum)
	head := "POST /echo.php HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
	requests := map[string]string{
		"with length": fmt.Sprintf("%sContent-Length: %d\r\n\r\n%s", head, len(body), body),
		"chunked":     fmt.Sprintf("%sTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", head, len(body), body),
	}
	for name, text := range requests {
		logged := len(s.proc.output())
		var wg sync.WaitGroup
		for range together {
			wg.Go(func() {
				a, err := sendBeside(s.addr, text)
				if err != nil || a.status != http.StatusInsufficientStorage {
					t.Errorf("%s: status %d, %v; want 507", name, a.status, err)
				}
			})
		}
		wg.Wait()
		checkNoRoom(t, s, logged, name)
		if a := raw(t, s.addr, "POST", request(s, "POST", "/echo.php", body[:100])); a.status != http.StatusOK {
			t.Errorf("%s: a content that needs no disk: status %d", name, a.status)
		}
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	free := freeKiB(t, disk)
	for name, text := range requests {
		if a, err := sendBeside(s.addr, text); err != nil || a.status != http.StatusOK || a.body != want {
			t.Errorf("%s, with room again: status %d, %q, %v; want %q", name, a.status, excerpt(a.body), err, want)
		}
	}
	if !eventually(2*time.Second, func() bool { return freeKiB(t, disk) >= free }) {
		t.Errorf("%d KiB free before, %d after", free, freeKiB(t, disk))
	}
}

// sendBeside reads the answer while it sends: who is refused may stop.
func sendBeside(addr, text string) (answer, error) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = c.Close() }()
	if err := c.SetDeadline(time.Now().Add(rawTimeout)); err != nil {
		return answer{}, err
	}
	go func() { _, _ = io.WriteString(c, text) }() // the answer tells
	return readAnswer(bufio.NewReader(c), "POST")
}

// TestFaultDiskFullResponse: a response that waits for its client and has no
// room is broken off, so that the client knows, and holds nobody else up.
func TestFaultDiskFullResponse(t *testing.T) {
	const mib = 16
	s, mark, disk, filler := fullDisk(t)
	logged := len(s.proc.output())
	slow := func() net.Conn {
		c := dial(t, s.addr)
		if _, err := io.WriteString(c, request(s, "GET", at("big.php", mark, "mib", fmt.Sprint(mib)), "")); err != nil {
			t.Fatal(err)
		}
		return c
	}
	c := slow()
	if !eventually(10*time.Second, func() bool { return strings.Contains(s.proc.output()[logged:], "no space") }) {
		t.Errorf("nothing in the log:\n%s", s.proc.tail(1000))
	}
	checkNoRoom(t, s, logged, "a response")
	a, err := readAnswer(bufio.NewReader(c), "GET")
	if err == nil && a.status < 500 {
		t.Errorf("status %d with %d octets came as a whole", a.status, len(a.body))
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	free := freeKiB(t, disk)
	c = slow()
	finished := filepath.Join(mark, "finished")
	if !eventually(10*time.Second, func() bool { _, err := os.Stat(finished); return err == nil }) {
		t.Error("with room again, the script waits for a client that does not read")
	}
	if a, err := readAnswer(bufio.NewReader(c), "GET"); err != nil || len(a.body) != mib<<20 {
		t.Errorf("with room again: status %d, %d octets, %v", a.status, len(a.body), err)
	}
	if !eventually(2*time.Second, func() bool { return freeKiB(t, disk) >= free }) {
		t.Errorf("%d KiB free before, %d after", free, freeKiB(t, disk))
	}
}
