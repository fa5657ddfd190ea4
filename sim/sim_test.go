package sim

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// seedsDefault is how many seeds a test run tries, shortSeeds with -short;
// SEEDS in the environment overrules both.
const (
	seedsDefault = 3000
	shortSeeds   = 300
	failuresMax  = 5
)

// regressions are seeds that have found something.
var regressions = []uint64{
	737, 975, 1013, // a cut answer of HTTP/1.0 without length looked complete
	935, 1091, 1991, // requests that were not read reset the connection under the last answer
}

// folder makes the static files.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for i := range files {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("f%d.txt", i)), fileContent(i), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "run.php"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestSeeds(t *testing.T) {
	dir := folder(t)
	n := uint64(seedsDefault)
	if testing.Short() {
		n = shortSeeds
	}
	if text := os.Getenv("SEEDS"); text != "" {
		var err error
		if n, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	failed := 0
	for seed := uint64(1); seed <= n && failed < failuresMax; seed++ {
		if err := run(seed, dir, nil); err != nil {
			failed++
			t.Errorf("SEED=%d go test ./sim -run TestSeed$ -v\n%v", seed, err)
		}
	}
}

func TestRegressions(t *testing.T) {
	dir := folder(t)
	for _, seed := range regressions {
		if err := run(seed, dir, nil); err != nil {
			t.Errorf("SEED=%d go test ./sim -run TestSeed$ -v\n%v", seed, err)
		}
	}
}

// TestSeed repeats the seed in the environment, with a trace.
func TestSeed(t *testing.T) {
	text := os.Getenv("SEED")
	if text == "" {
		t.Skip("SEED is not set")
	}
	seed, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	if err := run(seed, folder(t), func(line string) { t.Log(line) }); err != nil {
		t.Error(err)
	}
}

// The same seed is the same run.
func TestDeterministic(t *testing.T) {
	dir := folder(t)
	var logs [2]string
	for i := range logs {
		if err := run(7, dir, func(line string) { logs[i] += line + "\n" }); err != nil {
			t.Fatal(err)
		}
	}
	if logs[0] != logs[1] || len(logs[0]) == 0 {
		t.Error("two runs of seed 7 differ")
	}
}
