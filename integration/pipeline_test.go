//go:build linux

package integration

import (
	"fmt"
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// pipelineScript tells which request it answers and which worker it is. Some take
// longer than anybody may stay behind them.
const pipelineScript = `<?php
if (str_ends_with($_SERVER['PATH_INFO'], '/slow')) usleep(50000);
echo getmypid(), ' ', $_SERVER['PATH_INFO'];
`

// TestPipeline: with requests written behind others, each still gets its own
// answer, nobody waits for a slow one longer than it has to, and a worker that is
// killed takes no more with it than the request it is at.
func TestPipeline(t *testing.T) {
	dir := workDir(t)
	root := filepath.Join(dir, "www")
	writeFile(t, filepath.Join(root, "who.php"), pipelineScript)
	s := startSluice(t, site{root: root, workers: 2})
	const clients = 24
	var next, good, broken, late atomic.Int64
	var last atomic.Int64 // a worker that answered
	over := make(chan struct{})
	faults := make([]error, clients)
	var wg sync.WaitGroup
	for i := range clients {
		wg.Go(func() {
			for {
				select {
				case <-over:
					return
				default:
				}
				n := next.Add(1)
				path := fmt.Sprintf("/%d", n)
				if slow := n%1000 == 999; slow {
					path += "/slow"
				}
				began := time.Now()
				a, err := tryRaw(s.addr, "GET", request(s, "GET", "/who.php"+path, ""))
				var pid int64
				var said string
				switch _, _ = fmt.Sscan(a.body, &pid, &said); {
				case err != nil:
					faults[i] = err
					return
				case a.status == http.StatusBadGateway:
					broken.Add(1)
				case a.status != http.StatusOK || said != path:
					faults[i] = fmt.Errorf("%s: status %d %s", path, a.status, excerpt(a.body))
					return
				default:
					good.Add(1)
					last.Store(pid)
				}
				if time.Since(began) > 5*time.Second {
					late.Add(1)
				}
			}
		})
	}
	kills := 0
	for range 10 {
		before := good.Load()
		if !eventually(20*time.Second, func() bool { return good.Load() > before+500 }) {
			t.Error("no progress")
			break
		}
		if syscall.Kill(int(last.Load()), syscall.SIGKILL) == nil {
			kills++
		}
	}
	close(over)
	wg.Wait()
	for _, err := range faults {
		if err != nil {
			t.Error(err)
		}
	}
	t.Logf("%d answers, %d workers killed, %d requests with 502", good.Load(), kills, broken.Load())
	if kills == 0 || broken.Load() > int64(kills) {
		t.Errorf("%d requests were lost with %d workers", broken.Load(), kills)
	}
	if late.Load() > 0 {
		t.Errorf("%d requests took more than 5 s", late.Load())
	}
}
