//go:build linux

package integration

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// phpSite is a configuration with a site over root and keys of its table php.
func phpSite(root, keys string) string {
	return fmt.Sprintf("listen = [\"{addr}\"]\ntrusted_proxies = [\"127.0.0.1\"]\n[[site]]\nroot = %q\n[site.php]\n%s\n", root, keys)
}

// TestWorkersGrow: requests that wait while the processors have time get more
// workers, up to the bound and not beyond.
func TestWorkersGrow(t *testing.T) {
	st, mark := faultSite(t)
	s := startSluiceConf(t, phpSite(st.root, "workers = 2\nworkers_max = 5"))
	var most int
	// Where other tests keep the processors busy there are rightly no more for now.
	if !eventually(60*time.Second, func() bool { most = max(most, parallel(t, s, mark, 20)); return most >= 5 }) {
		t.Fatalf("%d workers at once, want 5\n%s", most, s.proc.tail(20))
	}
	if n := parallel(t, s, mark, 12); n > 5 {
		t.Errorf("%d workers at once, want no more than 5", n)
	}
	if !strings.Contains(s.proc.output(), "requests waited") {
		t.Errorf("the log does not say why there are more workers\n%s", s.proc.tail(20))
	}
}

// TestLoopbackCalls: all workers are at pages that ask their own site for
// something; without a lane for such calls nothing would ever move.
func TestLoopbackCalls(t *testing.T) {
	for _, of := range []string{"own", "foreign"} {
		t.Run(of, func(t *testing.T) {
			st, _ := faultSite(t)
			// The pages' client is this machine, as is that of their calls: a bound for
			// him must not hold the calls back.
			keys := "workers = 2\nclient_requests = 2"
			if of == "foreign" {
				sock := filepath.Join(workDir(t), "fpm.sock")
				startPool(t, pool{listen: sock, children: 4})
				keys += fmt.Sprintf("\nuse = %q", "unix:"+sock)
			}
			s := startSluiceConf(t, phpSite(st.root, keys))
			writeFile(t, filepath.Join(st.root, "outer.php"), fmt.Sprintf(`<?php echo "outer ", file_get_contents("http://%s/inner.php");`, s.addr))
			writeFile(t, filepath.Join(st.root, "inner.php"), `<?php usleep(20000); echo "inner";`)
			var all []<-chan answer
			for range 6 {
				all = append(all, inFlight(s, "GET", "/outer.php", ""))
			}
			for _, ch := range all {
				if a := await(t, "outer.php", ch, 40*time.Second); a.status != http.StatusOK || a.body != "outer inner" {
					t.Errorf("status %d %s", a.status, excerpt(a.body))
				}
			}
		})
	}
}

// TestRequestsBounded: neither a path nor a client takes all workers.
func TestRequestsBounded(t *testing.T) {
	st, mark := faultSite(t)
	s := startSluiceConf(t, phpSite(st.root, "workers = 6\nclient_requests = 2\n[site.php.path_requests]\n\"/sleep.php\" = \"50%\""))
	tests := []struct {
		name    string
		clients int           // 0: from the machine itself
		min     time.Duration // that all take together
	}{
		// Each request takes 0.4 s.
		{"one client", 1, 1200 * time.Millisecond},                // 6 requests, two at a time
		{"three clients and one path", 3, 800 * time.Millisecond}, // 6 requests, three at a time
		{"the machine itself", 0, 1200 * time.Millisecond},        // is a client as well
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			begin := time.Now()
			var all []<-chan answer
			for i := range 6 {
				header := ""
				if tt.clients > 0 {
					header = fmt.Sprintf("X-Forwarded-For: 192.0.2.%d\r\n", 1+i%tt.clients)
				}
				ch := make(chan answer, 1)
				all = append(all, ch)
				go func() {
					target := at("sleep.php", mark, "s", "0.4", "id", fmt.Sprintf("b%d-%d", tt.clients, i))
					a, err := tryRaw(s.addr, "GET", "GET "+target+" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"+header+"\r\n")
					if err != nil {
						a.body = err.Error()
					}
					ch <- a
				}()
			}
			time.Sleep(100 * time.Millisecond)
			other, err := tryRaw(s.addr, "GET", "GET /hello.php HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Forwarded-For: 192.0.2.99\r\n\r\n")
			if err != nil || other.body != "hello" {
				t.Errorf("another path by another client: %v, %d %s", err, other.status, excerpt(other.body))
			}
			for _, ch := range all {
				if a := await(t, "sleep.php", ch, 30*time.Second); a.status != http.StatusOK {
					t.Errorf("sleep.php: status %d %s", a.status, excerpt(a.body))
				}
			}
			if took := time.Since(begin); took < tt.min {
				t.Errorf("all were done after %v; within the bound it takes at least %v", took, tt.min)
			}
		})
	}
}

// TestFreshWorkers: SIGHUP replaces the workers under load and loses nothing,
// whatever the method.
func TestFreshWorkers(t *testing.T) {
	for _, manager := range []string{"cgi", "fpm"} {
		t.Run(manager, func(t *testing.T) {
			st, mark := faultSite(t)
			s := startSluiceConf(t, phpSite(st.root, "workers = 4\nmanager = \""+manager+"\""))
			writeFile(t, filepath.Join(st.root, "count.php"), `<?php file_put_contents($_GET["mark"]."/posts", "x", FILE_APPEND|LOCK_EX); echo getmypid();`)
			stop := make(chan struct{})
			var posts, bad atomic.Int64
			var all sync.WaitGroup
			for i := range 6 {
				all.Go(func() {
					for {
						select {
						case <-stop:
							return
						default:
						}
						method, target, body := "GET", "/hello.php", ""
						if i%2 == 0 {
							method, target, body = "POST", at("count.php", mark), "a=1"
						}
						a, err := tryRaw(s.addr, method, request(s, method, target, body))
						if err != nil || a.status != http.StatusOK {
							bad.Add(1)
							t.Errorf("%s: %v, status %d %s", method, err, a.status, excerpt(a.body))
							return
						}
						if method == "POST" {
							posts.Add(1)
						}
					}
				})
			}
			pids := map[string]bool{}
			for i := range 5 {
				pids[get(t, s, at("count.php", mark)).body] = true
				s.proc.signal(t, syscall.SIGHUP)
				if !eventually(30*time.Second, func() bool { return strings.Count(s.proc.output(), "were replaced by fresh ones") == i+1 }) {
					t.Fatalf("reload %d is not told of\n%s", i, s.proc.tail(20))
				}
			}
			close(stop)
			all.Wait()
			if len(pids) < 3 {
				t.Errorf("the workers were only %v", pids)
			}
			written, err := os.ReadFile(filepath.Join(mark, "posts"))
			if err != nil || int64(len(written)) != posts.Load()+5 {
				t.Errorf("%d posts were answered, %d ran: %v", posts.Load(), len(written)-5, err)
			}
			t.Logf("%d posts, %d failures", posts.Load(), bad.Load())
		})
	}
}

// TestWorkersListed: the log tells what each worker is at.
func TestWorkersListed(t *testing.T) {
	st, mark := faultSite(t)
	s := startSluiceConf(t, phpSite(st.root, "workers = 2"))
	get(t, s, "/hello.php")
	flight := inFlight(s, "GET", at("sleep.php", mark, "s", "3", "id", "listed"), "")
	pid := markedPid(t, mark, "listed")
	s.proc.signal(t, syscall.SIGUSR2)
	want := []string{fmt.Sprintf(`"pid":%d`, pid), "GET /sleep.php", `"waiting":0`}
	if !eventually(10*time.Second, func() bool {
		for _, w := range want {
			if !strings.Contains(s.proc.output(), w) {
				return false
			}
		}
		return true
	}) {
		t.Errorf("the log lacks one of %q\n%s", want, s.proc.tail(20))
	}
	if a := await(t, "sleep.php", flight, 15*time.Second); a.status != http.StatusOK {
		t.Errorf("status %d", a.status)
	}
}
