package cgid

import (
	"os"
	"strings"
	"testing"
)

// Programs of another user have his groups and nothing of ours.
func TestAccount(t *testing.T) {
	if os.Geteuid() != 0 {
		if os.Getenv("CI") == "true" {
			t.Fatal("NOT TESTED: needs root")
		}
		t.Skip("NOT TESTED: needs root")
	}
	f := start(t, Options{Account: &Account{UID: 54321, GID: 54322, Groups: []uint32{54323}}})
	dir, err := os.MkdirTemp("", "sluice-test-") //nolint:usetesting // t.TempDir is closed to other users
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	f.dir = dir
	path := f.sh("a", "echo; sed -n -E '/^(Uid|Gid|Groups|CapEff|CapPrm|CapAmb):/s/[[:space:]]+/ /gp' /proc/self/status; cat; echo said >&2\n")
	if err := os.Chmod(path, 0o755); err != nil {
		t.Fatal(err)
	}
	got := f.get(path)
	want := "\nUid: 54321 54321 54321 54321\nGid: 54322 54322 54322 54322\nGroups: 54323 \nCapPrm: 0000000000000000\nCapEff: 0000000000000000\nCapAmb: 0000000000000000\n"
	if !strings.HasSuffix(got.Out, want) || got.Err != "said\n" {
		t.Errorf("STDOUT %q, STDERR %q; want %q", got.Out, got.Err, want)
	}
	secret := f.sh("b", "echo\n")
	if err := os.Chmod(secret, 0o700); err != nil {
		t.Fatal(err)
	}
	if got := f.get(secret); !strings.Contains(got.Out, "Status: 500") || !strings.Contains(f.log.String(), "this user may not execute it") {
		t.Errorf("root's program: %q, log %q", got.Out, f.log.String())
	}
}
