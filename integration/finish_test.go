//go:build linux

package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// A script that answers and goes on keeps its worker, not the requests behind it: they
// go to another one, whatever their method, and what it does after its answer is done.
func TestFinishedRequestGoesOn(t *testing.T) {
	for _, of := range []string{"own", "foreign"} {
		t.Run(of, func(t *testing.T) {
			root := workDir(t)
			writeFile(t, filepath.Join(root, "fin.php"), `<?php echo "answer"; fastcgi_finish_request(); sleep(3); file_put_contents($_GET["to"], "done");`)
			writeFile(t, filepath.Join(root, "hello.php"), `<?php echo "hello ", $_SERVER["REQUEST_METHOD"];`)
			php := "manager = \"fpm\"\nworkers = 3"
			if of == "foreign" {
				sock := filepath.Join(workDir(t), "fpm.sock")
				startPool(t, pool{listen: sock, children: 4})
				php = fmt.Sprintf("use = %q\nworkers = 3", "unix:"+sock)
			}
			s := startSluiceConf(t, phpSite(root, php))
			for i := range 3 { // each worker has a connection that is kept
				get(t, s, fmt.Sprintf("/hello.php?%d", i))
			}
			to := filepath.Join(workDir(t), "done")
			if a := get(t, s, "/fin.php?to="+to); a.status != 200 || a.body != "answer" {
				t.Fatalf("fin.php: %d %q", a.status, a.body)
			}
			quick := func(method, target, body string) {
				began := time.Now()
				a, err := tryRaw(s.addr, method, request(s, method, target, body))
				if took := time.Since(began); err != nil || a.status != 200 || a.body != "hello "+method || took > 1500*time.Millisecond {
					t.Errorf("%s %s: %d %.40q, %v, after %v, while another script goes on after its answer", method, target, a.status, a.body, err, took)
				}
			}
			for range 3 {
				quick("GET", "/hello.php", "")
				quick("GET", "/hello.php?x", "")
				quick("POST", "/hello.php", "x")
			}
			var all sync.WaitGroup
			for range 12 {
				all.Go(func() { quick("GET", "/hello.php", "") })
			}
			all.Wait()
			if !eventually(20*time.Second, func() bool { _, err := os.Stat(to); return err == nil }) {
				t.Error("what was to be done after the answer was not")
			}
		})
	}
}
