//go:build linux

package htaccess_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var (
	peerFlag     = flag.String("peer", "sluice", "who is compared with Apache: sluice or apache")
	onlyFlag     = flag.String("only", "", "cases to run (regular expression)")
	showFlag     = flag.Int("show", 20, "differences to print per test")
	reportFlag   = flag.String("report", "", "file for the differences, grouped by reason")
	settleFlag   = flag.Duration("settle", 1100*time.Millisecond, "time for sluice to notice a new tree")
	lanesFlag    = flag.Int("lanes", 20, "document roots side by side")
	errorLogFlag = flag.String("errorlog", "", "file for Apache's error log, which tells why it answers 500")
	seedFlag     = flag.Int64("seed", 1, "seed of the random rule sets")
	casesFlag    = flag.Int("cases", 60, "number of random rule sets")
)

// program is the sluice under test. A failed build is kept and reported by the
// tests that need it.
var program struct {
	path string
	err  error
}

func TestMain(m *testing.M) {
	flag.Parse()
	dir, err := os.MkdirTemp("", "sluice-bin-")
	if err != nil {
		fmt.Fprintln(os.Stderr, "htaccess:", err)
		os.Exit(1)
	}
	program.path, program.err = buildProgram(dir)
	code := m.Run()
	if err := writeReport(*reportFlag); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

func buildProgram(dir string) (string, error) {
	if bin := os.Getenv("SLUICE_BIN"); bin != "" {
		abs, err := filepath.Abs(bin)
		if err != nil {
			return "", fmt.Errorf("htaccess: SLUICE_BIN %q: %w", bin, err)
		}
		if _, err := os.Stat(abs); err != nil {
			return "", fmt.Errorf("htaccess: SLUICE_BIN: %w", err)
		}
		return abs, nil
	}
	bin := filepath.Join(dir, "sluice")
	cmd := exec.Command("go", "build", "-o", bin, "../../cmd/sluice")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("htaccess: go build ./cmd/sluice: %w\n%s", err, strings.TrimSpace(string(out)))
	}
	return bin, nil
}

// sluiceBinary is the path of the program under test.
func sluiceBinary(t testing.TB) string {
	t.Helper()
	if program.err != nil {
		t.Fatal(program.err)
	}
	return program.path
}

// errMissing is the cause when a program is not installed.
var errMissing = errors.New("not installed")

// findTool finds the first of the named programs, also in the folders that are
// on root's PATH only.
func findTool(names ...string) (string, error) {
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
		for _, dir := range []string{"/usr/sbin", "/usr/local/sbin", "/sbin"} {
			found, _ := filepath.Glob(filepath.Join(dir, name))
			if len(found) > 0 {
				return found[len(found)-1], nil
			}
		}
	}
	return "", fmt.Errorf("program %s: %w", strings.Join(names, " or "), errMissing)
}

// tool is findTool for a test that is nothing without it.
func tool(t testing.TB, names ...string) string {
	t.Helper()
	path, err := findTool(names...)
	if err != nil {
		missing(t, err.Error())
	}
	return path
}

// missing is loud: a suite that quietly skips proves nothing.
func missing(t testing.TB, what string) {
	t.Helper()
	text := "NOT TESTED: " + strings.ToUpper(t.Name()) + " NEEDS " + what +
		" (SEE integration/htaccess/packages.txt)"
	if os.Getenv("CI") == "true" {
		t.Fatal(text)
	}
	path := os.Getenv("SLUICE_SKIPPED") // go test says nothing of it where others pass
	if path == "" {
		path = "/dev/tty"
	}
	if f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0); err == nil { // else nobody looks
		_, _ = fmt.Fprintln(f, text)
		_ = f.Close()
	}
	t.Skip(text)
}

// sharedDir is the folder with the corpus and the oracle, "" where it is not.
func sharedDir() string {
	for _, dir := range []string{"../../../shared/htaccess", "/work/shared/htaccess"} {
		if info, err := os.Stat(filepath.Join(dir, "cases")); err == nil && info.IsDir() {
			if abs, err := filepath.Abs(dir); err == nil {
				return abs
			}
		}
	}
	return ""
}

// workDir is a folder that every user may enter (Apache drops root) and that
// is removed after all processes of the test are gone.
func workDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "sluice-ht-") //nolint:usetesting // t.TempDir is closed to other users
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Logf("htaccess: remove %s: %v", dir, err)
		}
	})
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// writeFile creates folders as needed.
func writeFile(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
