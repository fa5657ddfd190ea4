//go:build linux

package integration

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Two sluices share an address, so a new one can take over from the old one; a third
// that does not say reuse_port is told why it can't listen.
func TestAddressShared(t *testing.T) {
	roots := [2]string{workDir(t), workDir(t)}
	conf := func(root, more string) string {
		return fmt.Sprintf("listen = [\"{addr}\"]\n%s\n[[site]]\nroot = %q\nphp = \"off\"\n", more, root)
	}
	writeFile(t, filepath.Join(roots[0], "a.txt"), "old")
	writeFile(t, filepath.Join(roots[1], "a.txt"), "new")
	old := startSluiceConf(t, conf(roots[0], "reuse_port = true"))
	start := func(root, more string) *process {
		dir := workDir(t)
		writeFile(t, filepath.Join(dir, "sluice.toml"), strings.ReplaceAll(conf(root, more), "{addr}", old.addr))
		return startProcess(t, dir, "sluice-beside", exec.Command(sluiceBinary(t), "serve", "--config", filepath.Join(dir, "sluice.toml")))
	}
	alone := start(roots[1], "")
	if !eventually(20*time.Second, func() bool { return !alone.running() }) || !strings.Contains(alone.output(), "reuse_port") {
		t.Errorf("one that does not share the address: running %v\n%s", alone.running(), alone.tail(4096))
	}
	beside := start(roots[1], "reuse_port = true")
	both := map[string]bool{}
	if !eventually(20*time.Second, func() bool {
		both[get(t, old, "/a.txt").body] = true
		return len(both) == 2
	}) {
		t.Fatalf("answers %v, want those of both\n%s", both, beside.tail(4096))
	}
	old.proc.stop()
	for range 20 {
		if a := get(t, old, "/a.txt"); a.body != "new" {
			t.Fatalf("%d %q after the old one has ended", a.status, a.body)
		}
	}
}
