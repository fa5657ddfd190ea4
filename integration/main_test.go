//go:build linux

package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// program is the sluice under test. A failed build is kept and reported by the
// tests that need it, so that the oracle-only checks still run.
var program struct {
	path string
	err  error
}

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "sluice-bin-")
	if err != nil {
		fmt.Fprintln(os.Stderr, "integration:", err)
		os.Exit(1)
	}
	program.path, program.err = buildProgram(dir)
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

func buildProgram(dir string) (string, error) {
	if bin := os.Getenv("SLUICE_BIN"); bin != "" {
		abs, err := filepath.Abs(bin)
		if err != nil {
			return "", fmt.Errorf("integration: SLUICE_BIN %q: %w", bin, err)
		}
		if _, err := os.Stat(abs); err != nil {
			return "", fmt.Errorf("integration: SLUICE_BIN: %w", err)
		}
		return abs, nil
	}
	bin := filepath.Join(dir, "sluice")
	cmd := exec.Command("go", "build", "-o", bin, "../cmd/sluice")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("integration: go build ./cmd/sluice: %w\n%s", err, strings.TrimSpace(string(out)))
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

// tool finds the first of the named programs, also in the folders that are on
// root's PATH only.
func tool(t testing.TB, names ...string) string {
	t.Helper()
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
		for _, dir := range []string{"/usr/sbin", "/usr/local/sbin", "/sbin"} {
			found, _ := filepath.Glob(filepath.Join(dir, name))
			if len(found) > 0 {
				return found[len(found)-1]
			}
		}
	}
	missing(t, "program "+strings.Join(names, " or "))
	return ""
}

// needDir skips or fails when a package's folder is absent.
func needDir(t testing.TB, dir string) {
	t.Helper()
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		missing(t, "folder "+dir)
	}
}

// missing is loud: a suite that quietly skips proves nothing.
func missing(t testing.TB, what string) {
	t.Helper()
	text := "NOT TESTED: " + strings.ToUpper(t.Name()) + " NEEDS " + what +
		" (SEE integration/packages.txt)"
	if os.Getenv("CI") == "true" {
		t.Fatal(text)
	}
	skipLoudly(t, text)
}

// skipLoudly tells of a skipped test also where go test says nothing of it, which is
// where the others pass: in the file that .ci/loudly shows, or on the terminal.
func skipLoudly(t testing.TB, text string) {
	t.Helper()
	path := os.Getenv("SLUICE_SKIPPED")
	if path == "" {
		path = "/dev/tty"
	}
	if f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0); err == nil { // else nobody looks
		_, _ = fmt.Fprintln(f, text)
		_ = f.Close()
	}
	t.Skip(text)
}

// workDir is a folder that every user may enter (Apache and MariaDB drop root)
// and that is removed after all processes of the test are gone.
func workDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "sluice-it-") //nolint:usetesting // t.TempDir is closed to other users
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Logf("integration: remove %s: %v", dir, err)
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

// makeDir creates a folder and returns its path.
func makeDir(t testing.TB, path string) string {
	t.Helper()
	if err := os.MkdirAll(path, 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// copyTree copies a package's folder with symlinks resolved, so that the copy
// is writable throughout and holds no way out of itself.
func copyTree(t testing.TB, from, to string) {
	t.Helper()
	out, err := exec.Command("cp", "-rL", "--no-preserve=ownership", from+"/.", makeDir(t, to)).CombinedOutput()
	if err != nil {
		// cp goes on after a dangling link; Debian's documentation links dangle
		// when the -doc package is absent.
		for _, line := range strings.Split(strings.TrimSpace(string(out)), "\n") {
			if !strings.Contains(line, "No such file or directory") {
				t.Fatalf("integration: cp %s %s: %v: %s", from, to, err, line)
			}
		}
	}
}
