//go:build linux

package integration

import (
	"bufio"
	"bytes"
	"crypto/md5" // what PHP computes fastest
	"encoding/hex"
	"fmt"
	"hash"
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

const (
	// largeMiB is the 1 GiB.
	largeMiB = 1024
	// growthMaxKiB bounds how much a gigabyte may add to resident memory.
	growthMaxKiB = 32 << 10
)

// block is 64 KiB of the pattern that big.php prints.
func block() []byte {
	b := make([]byte, 64<<10)
	for i := range b {
		b[i] = byte(i*7 + i>>8)
	}
	return b
}

// serverKiB is the resident memory of a server without its PHP; 0 when it is
// gone, which the requests under way will report.
func serverKiB(s *server) int64 {
	sum, _ := statusKiB(s.proc.pid(), "VmRSS")
	if s.kind == "sluice" {
		return sum
	}
	for _, id := range descendants(s.proc.pid()) {
		n, _ := statusKiB(id.pid, "VmRSS")
		sum += n
	}
	return sum
}

// watchMemory samples until stop is called, which returns the growth over what
// there was at the start.
func watchMemory(t *testing.T, s *server) (stop func() int64) {
	t.Helper()
	base := serverKiB(s)
	if base == 0 {
		t.Fatalf("no resident memory to be seen of %s", s.kind)
	}
	done, result := make(chan struct{}), make(chan int64, 1)
	go func() {
		most := base
		for {
			select {
			case <-done:
				result <- most - base
				return
			case <-time.After(20 * time.Millisecond):
				most = max(most, serverKiB(s))
			}
		}
	}()
	return func() int64 { close(done); return <-result }
}

func checkGrowth(t *testing.T, s *server, what string, grownKiB int64) {
	t.Helper()
	t.Logf("%s: resident memory of %s grew by %.1f MiB (now %d KiB)", what, s.kind, float64(grownKiB)/1024, serverKiB(s))
	if grownKiB > growthMaxKiB {
		t.Errorf("%s: resident memory grew by %d KiB, at most %d allowed", what, grownKiB, growthMaxKiB)
	}
}

// warmUp touches what a server allocates once.
func warmUp(t *testing.T, s *server, mark string) {
	t.Helper()
	for range 8 {
		if a := get(t, s, "/hello.php"); a.status != http.StatusOK {
			t.Fatalf("hello.php: status %d", a.status)
		}
		if a := raw(t, s.addr, "POST", request(s, "POST", "/echo.php", strings.Repeat("x", 1<<20))); a.status != http.StatusOK {
			t.Fatalf("echo.php: status %d", a.status)
		}
		if a := get(t, s, at("big.php", mark, "mib", "2")); len(a.body) != 2<<20 {
			t.Fatalf("big.php: %d bytes", len(a.body))
		}
	}
}

// memoryHost has limits beyond a gigabyte and one worker, so that a worker that
// is held shows.
func memoryHost(t *testing.T) (s *server, mark string) {
	t.Helper()
	st, mark := faultSite(t)
	st.workers, st.bodyMiB = 1, largeMiB+64
	tmp := makeDir(t, filepath.Join(filepath.Dir(st.root), "phptmp"))
	st.ini = map[string]string{"post_max_size": "1200M", "sys_temp_dir": tmp, "upload_tmp_dir": tmp, "max_execution_time": "120"}
	st.tuning.requestTime = "120s"
	s = startHost(t, st)
	warmUp(t, s, mark)
	return s, mark
}

func TestMemoryUpload(t *testing.T) {
	s, _ := memoryHost(t)
	for _, chunked := range []bool{false, true} {
		name := map[bool]string{false: "with length", true: "chunked"}[chunked]
		t.Run(name, func(t *testing.T) {
			stop := watchMemory(t, s)
			others := 0
			a, sum := sendLarge(t, s, chunked, func() {
				// While the body comes in, the only worker is everybody's.
				if got := get(t, s, "/hello.php"); got.body == "hello" {
					others++
				}
			})
			grown := stop()
			if want := fmt.Sprintf("%d %s", largeMiB<<20, sum); a.status != http.StatusOK || a.body != want {
				t.Errorf("status %d, PHP read %q, want %q", a.status, excerpt(a.body), want)
			}
			if others == 0 {
				t.Error("nobody else was served during the upload")
			}
			checkGrowth(t, s, "upload "+name, grown)
		})
	}
}

// sendLarge posts the gigabyte and calls between now and then.
func sendLarge(t *testing.T, s *server, chunked bool, between func()) (answer, string) {
	t.Helper()
	c, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if err := c.SetDeadline(time.Now().Add(2 * time.Minute)); err != nil {
		t.Fatal(err)
	}
	framing := fmt.Sprintf("Content-Length: %d", largeMiB<<20)
	if chunked {
		framing = "Transfer-Encoding: chunked"
	}
	w := bufio.NewWriterSize(c, 256<<10)
	_, _ = fmt.Fprintf(w, "POST /echo.php HTTP/1.1\r\nHost: %s\r\nConnection: close\r\nContent-Type: application/octet-stream\r\n%s\r\n\r\n", s.addr, framing)
	sum, piece := md5.New(), block()
	for i := range 16 * largeMiB {
		if i%(4*largeMiB) == 2*largeMiB {
			between()
		}
		_, _ = sum.Write(piece) // a hash takes all
		if chunked {
			_, _ = fmt.Fprintf(w, "%x\r\n", len(piece)) // Write reports it
		}
		_, err = w.Write(piece)
		if chunked {
			_, err = w.WriteString("\r\n")
		}
		if err != nil {
			t.Fatalf("sending after %d MiB: %v", i/16, err)
		}
	}
	if chunked {
		_, _ = w.WriteString("0\r\n\r\n") // Flush reports it
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	a, err := readAnswer(bufio.NewReader(c), "POST")
	if err != nil {
		t.Fatal(err)
	}
	return a, hex.EncodeToString(sum.Sum(nil))
}

// TestMemoryDownload lets a script print a gigabyte to a client that does not
// read: the script ends, its worker serves others, and all of it arrives later.
func TestMemoryDownload(t *testing.T) {
	s, mark := memoryHost(t)
	if err := os.Remove(filepath.Join(mark, "finished")); err != nil {
		t.Fatal(err)
	}
	stop := watchMemory(t, s)
	c, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if err := c.SetDeadline(time.Now().Add(2 * time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, request(s, "GET", at("big.php", mark, "mib", fmt.Sprint(largeMiB)), "")); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(c)
	resp, err := http.ReadResponse(r, &http.Request{Method: "GET"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if hostIsSluice() {
		finished := eventually(60*time.Second, func() bool {
			_, err := os.Stat(filepath.Join(mark, "finished"))
			return err == nil
		})
		if !finished {
			t.Fatal("the script waits for a client that does not read")
		}
		if a := get(t, s, "/hello.php"); a.body != "hello" {
			t.Errorf("another request meanwhile: status %d", a.status)
		}
	}
	sum, n := md5.New(), int64(0)
	if n, err = io.Copy(slowly{sum}, resp.Body); err != nil {
		t.Fatalf("body after %d bytes: %v", n, err)
	}
	grown := stop()
	want := md5.New()
	for range 16 * largeMiB {
		_, _ = want.Write(block()) // a hash takes all
	}
	if n != largeMiB<<20 || !bytes.Equal(sum.Sum(nil), want.Sum(nil)) {
		t.Errorf("got %d bytes, want %d and the same sum", n, largeMiB<<20)
	}
	checkGrowth(t, s, "download", grown)
}

// slowly pauses now and then, so that the sender meets a full socket again and
// again.
type slowly struct{ hash.Hash }

func (s slowly) Write(p []byte) (int, error) {
	if p[0] == 0 {
		time.Sleep(100 * time.Microsecond)
	}
	return s.Hash.Write(p)
}

// TestMemoryFile is the same with a file: sparse, so that it costs no disk.
func TestMemoryFile(t *testing.T) {
	st, mark := faultSite(t)
	f, err := os.Create(filepath.Join(st.root, "large.iso"))
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Truncate(largeMiB << 20); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	s := startHost(t, st)
	warmUp(t, s, mark)
	stop := watchMemory(t, s)
	resp, err := http.Get(s.url("/large.iso"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	n, err := io.Copy(io.Discard, resp.Body)
	if err != nil || n != largeMiB<<20 {
		t.Errorf("got %d bytes, %v", n, err)
	}
	checkGrowth(t, s, "file", stop())
}

// TestMemoryIdle keeps many connections open that have each had an answer. On the
// portable engine each has goroutines.
func TestMemoryIdle(t *testing.T) {
	for _, engine := range []string{"auto", "epoll"} {
		t.Run(engine, func(t *testing.T) { manyIdle(t, engine) })
	}
}

func manyIdle(t *testing.T, engine string) {
	const connections, eachMaxBytes = 10_000, 1 << 10
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if limit.Max < connections+1000 {
		missing(t, fmt.Sprintf("%d file descriptors (ulimit -Hn is %d)", connections+1000, limit.Max))
	}
	st, mark := faultSite(t)
	st.tuning.flags = []string{"--engine", engine}
	s := startSluice(t, st)
	warmUp(t, s, mark)
	var open []net.Conn
	defer func() {
		for _, c := range open {
			_ = c.Close()
		}
	}()
	buf := make([]byte, 4096)
	ask := func(c net.Conn) {
		if _, err := io.WriteString(c, "GET /static.txt HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		if n, err := c.Read(buf); err != nil || !bytes.HasPrefix(buf[:n], []byte("HTTP/1.1 200")) {
			t.Fatalf("connection %d: %q, %v", len(open), buf[:n], err)
		}
	}
	dial := func() net.Conn {
		c, err := net.Dial("tcp", s.addr)
		if err != nil {
			t.Fatalf("connection %d: %v", len(open), err)
		}
		open = append(open, c)
		return c
	}
	for c, i := dial(), 0; i < 800; i++ { // what all connections share: io_uring's buffers are used in turn
		ask(c)
	}
	before, _ := statusKiB(s.proc.pid(), "RssAnon")
	for range connections {
		ask(dial())
	}
	after, ok := statusKiB(s.proc.pid(), "RssAnon")
	each := (after - before) << 10 / connections
	t.Logf("%d idle connections: %d bytes each", connections, each)
	if !ok || each > eachMaxBytes {
		t.Errorf("an idle connection costs %d bytes, at most %d allowed", each, eachMaxBytes)
	}
}
