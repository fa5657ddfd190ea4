//go:build linux

package htaccess_test

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// oracleShards is how many sluices share the oracle's cases: each case costs a
// settling time.
const oracleShards = 8

// oracleTotal is the last line of oracle.py: requests, skipped ones, and those
// that agree at each level.
var oracleTotal = regexp.MustCompile(`TOTAL (\d+) requests, (\d+) skipped; agree at L1 (\d+) .*?L2 (\d+) .*?L3 (\d+) `)

// shard is one run of oracle.py over some of the cases.
type shard struct {
	cases []string
	args  []string
	work  string
	out   []byte
	err   error
	total [5]int // as oracleTotal
}

func (s *shard) run(python string) {
	cmd := exec.Command(python, s.args...)
	cmd.Env = append(cmd.Environ(), "ORACLE_WORK="+s.work)
	s.out, s.err = cmd.CombinedOutput()
	m := oracleTotal.FindSubmatch(s.out)
	if m == nil {
		return
	}
	for i := range s.total {
		s.total[i], _ = strconv.Atoi(string(m[i+1]))
	}
}

// TestOracle replays Apache's recorded answers against sluice by the oracle's
// own program. The cases over TLS are left out by it.
func TestOracle(t *testing.T) {
	dir := sharedDir()
	if dir == "" {
		t.Skip("NOT TESTED: the oracle ../shared/htaccess is not here")
	}
	python := tool(t, "python3")
	if *peerFlag == "apache" {
		t.Skip("oracle.py verify compares Apache with its own answers")
	}
	begin := time.Now()
	shards := oracleShardsOf(t, dir)
	var wg sync.WaitGroup
	for _, s := range shards {
		wg.Go(func() { s.run(python) })
	}
	wg.Wait()
	var sum [5]int
	for _, s := range shards {
		if s.total[0] == 0 {
			t.Fatalf("oracle.py replayed nothing of %v: %v\n%s", s.cases, s.err, s.out[max(0, len(s.out)-2048):])
		}
		for i, n := range s.total {
			sum[i] += n
		}
		if s.total[4] < s.total[0] && *showFlag > 0 {
			t.Logf("%s", strings.TrimSpace(string(s.out)))
		}
	}
	share := func(level int) float64 { return 100 * float64(sum[level+1]) / float64(sum[0]) }
	t.Logf("oracle: %d requests in %v, %d skipped (TLS); agree at level 1 %.2f%%, level 2 %.2f%%, level 3 %.2f%%",
		sum[0], time.Since(begin).Round(time.Second), sum[1], share(1), share(2), share(3))
	for level := 1; level <= 3; level++ {
		if share(level) < asAsked[level-1] {
			t.Errorf("level %d: %.2f%% agree, want %.2f%%", level, share(level), asAsked[level-1])
		}
	}
}

// oracleShardsOf deals the oracle's cases out, each shard with a sluice.
func oracleShardsOf(t *testing.T, dir string) []*shard {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "cases", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	only, err := regexp.Compile(*onlyFlag)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, path := range paths {
		if name := strings.TrimSuffix(filepath.Base(path), ".json"); only.MatchString(name) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		t.Skip("no case of the oracle's is selected")
	}
	shards := make([]*shard, min(oracleShards, len(names)))
	for i := range shards {
		shards[i] = &shard{work: workDir(t)}
	}
	for i, name := range names {
		s := shards[i%len(shards)]
		s.cases = append(s.cases, name)
	}
	for i, addr := range freeAddrs(t, len(shards)) {
		s := shards[i]
		root := filepath.Join(s.work, "www", "htdocs")
		writeFile(t, filepath.Join(root, "index.php"), probeScript)
		writeFile(t, filepath.Join(root, ".htaccess"), "# to be replaced\n")
		startSluice(t, root, addr, "--workers", "2")
		s.args = append([]string{filepath.Join(dir, "oracle.py"), "replay"}, s.cases...)
		s.args = append(s.args, "--base", "http://"+addr, "--docroot", root, "--level", "3",
			"--settle", fmt.Sprint(settleFlag.Seconds()), "--show", strconv.Itoa(*showFlag))
	}
	return shards
}
