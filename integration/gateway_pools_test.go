//go:build linux

package integration

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// answers counts who has answered.
type answers struct {
	mu sync.Mutex
	by map[string]int
}

func (a *answers) of(name string) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.by[name]
}

// pool asks who answers: it must be one of the names.
func (l *load) pool(t testing.TB, base string, seen *answers, names ...string) func(client, turn int) {
	return func(client, turn int) {
		a, err := exchange(l.client, "GET", l.host.url(base+"?do=pool&ms=3"), "", http.NoBody)
		l.gets.Add(1)
		if err != nil || a.status != http.StatusOK || !slices.Contains(names, a.body) {
			if l.bad.Add(1) <= 10 {
				t.Errorf("GET %d-%d: status %d %s, %v", client, turn, a.status, excerpt(a.body), err)
			}
			return
		}
		seen.mu.Lock()
		defer seen.mu.Unlock()
		seen.by[a.body]++
	}
}

// TestGatewayPools kills one of three php-fpm under load and revives it, over a
// Unix socket and over TCP, with and without checks of sluice's own: no GET
// fails, and the one that has come back is used again.
func TestGatewayPools(t *testing.T) {
	for _, checked := range []bool{true, false} {
		t.Run(fmt.Sprintf("checked=%v", checked), func(t *testing.T) {
			s := newStand(t)
			pools := map[string]pool{
				"a": {name: "a", listen: s.run("php/a.sock"), children: 4},
				"b": {name: "b", listen: s.run("php/b.sock"), children: 4},
				"c": {name: "c", listen: s.replaced["127.0.0.1:9001"], children: 4},
			}
			running := map[string]*process{}
			for name, p := range pools {
				running[name] = startPool(t, p)
			}
			conf := s.conf(t, "Several php-fpm servers")
			if !checked {
				conf = strings.Replace(conf, "health_path", "# health_path", 1)
			}
			l := newLoad(t, startSluiceConf(t, conf))
			seen := &answers{by: map[string]int{}}
			l.run(6, l.pool(t, "/pools/app.php", seen, "a", "b", "c"))
			l.run(2, l.post("/pools/app.php"))
			for _, victim := range []string{"a", "c"} {
				served(t, seen, victim)
				l.progress(t, 5)
				killGroup(t, running[victim])
				l.progress(t, 1) // what was in flight has gone elsewhere
				before := seen.of(victim)
				l.progress(t, 10)
				if n := seen.of(victim); n != before {
					t.Errorf("%s has answered %d times after its end", victim, n-before)
				}
				running[victim] = startPool(t, pools[victim])
				served(t, seen, victim)
			}
			l.end(t)
			t.Logf("answers by pool: %v", seen.by)
		})
	}
}

// served waits until the pool has answered some more requests.
func served(t testing.TB, seen *answers, name string) {
	t.Helper()
	before := seen.of(name)
	if !eventually(40*time.Second, func() bool { return seen.of(name) >= before+10 }) {
		t.Fatalf("%s gets no requests", name)
	}
}
