//go:build linux

package integration

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// load is clients that keep sites busy until stop, with what they saw.
type load struct {
	host   *server
	client *http.Client
	counts string // the file that POSTs write their ids to
	stop   chan struct{}
	wg     sync.WaitGroup
	gets   atomic.Int64
	posts  atomic.Int64
	bad    atomic.Int64    // GETs that were not answered as they should
	turns  []*atomic.Int64 // of each client

	mu       sync.Mutex
	answered map[string]bool // ids of POSTs: whether they got 200
	refused  map[int]int     // statuses of the others
}

func newLoad(t testing.TB, host *server) *load {
	t.Helper()
	return &load{
		host: host, client: plainClient(t), counts: filepath.Join(workDir(t), "counts"),
		stop: make(chan struct{}), answered: map[string]bool{}, refused: map[int]int{},
	}
}

// run keeps n clients at one thing.
func (l *load) run(n int, what func(client, turn int)) {
	for c := range n {
		turns := &atomic.Int64{}
		l.turns = append(l.turns, turns)
		l.wg.Go(func() {
			for turn := 0; ; turn++ {
				select {
				case <-l.stop:
					return
				default:
					what(c, turn)
					turns.Add(1)
				}
			}
		})
	}
}

// progress waits until every client has come n turns further: no request is in
// flight any more that was before.
func (l *load) progress(t testing.TB, n int64) {
	t.Helper()
	var want []int64
	for _, turns := range l.turns {
		want = append(want, turns.Load()+n)
	}
	done := func() bool {
		for i, turns := range l.turns {
			if turns.Load() < want[i] {
				return false
			}
		}
		return true
	}
	if !eventually(time.Minute, done) {
		t.Fatal("a client gets no answers")
	}
}

// get asks for a page that takes a while and must come as it is.
func (l *load) get(t testing.TB, base string) func(client, turn int) {
	return func(client, turn int) {
		id := fmt.Sprintf("%d-%d", client, turn)
		a, err := exchange(l.client, "GET", l.host.url(base+"?do=echo&ms=3&id="+id), "", http.NoBody)
		l.gets.Add(1)
		if (err != nil || a.status != http.StatusOK || a.body != "echo "+id) && l.bad.Add(1) <= 10 {
			t.Errorf("GET %s of %s: status %d %s, %v", id, base, a.status, excerpt(a.body), err)
		}
	}
}

// post has a line written, which must be there once if it is answered well, and
// not twice in any case.
func (l *load) post(base string) func(client, turn int) {
	return func(client, turn int) {
		id := fmt.Sprintf("%s-%d-%d", strings.ReplaceAll(base, "/", "."), client, turn)
		target := l.host.url(base + "?do=count&ms=3&file=" + l.counts + "&id=" + id)
		a, err := exchange(l.client, "POST", target, "text/plain", strings.NewReader("content"))
		l.posts.Add(1)
		ok := err == nil && a.status == http.StatusOK && a.body == "counted "+id
		l.mu.Lock()
		defer l.mu.Unlock()
		l.answered[id] = ok
		if !ok {
			l.refused[a.status]++
		}
	}
}

// end waits for the clients, then holds what was answered against what ran.
func (l *load) end(t testing.TB) (lost int) {
	t.Helper()
	close(l.stop)
	l.wg.Wait()
	runs := linesOf(t, l.counts)
	lostRan := 0
	for id, ok := range l.answered {
		switch n := runs[id]; {
		case n > 1:
			t.Errorf("POST %s ran %d times", id, n)
		case ok && n != 1:
			t.Errorf("POST %s was answered by 200, and has not run", id)
		case !ok:
			lost++
			lostRan += n
		}
	}
	for id := range runs {
		if _, sent := l.answered[id]; !sent {
			t.Errorf("POST %s ran, and nobody has sent it", id)
		}
	}
	t.Logf("%d GETs, %d failed; %d POSTs, %d not answered by 200 (%v), of which %d ran", l.gets.Load(), l.bad.Load(), l.posts.Load(), lost, l.refused, lostRan)
	if l.gets.Load() < 100 || l.posts.Load() < 100 {
		t.Errorf("that is no load")
	}
	return lost
}
