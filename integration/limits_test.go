//go:build linux

package integration

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestLimitsAreOneStory: PHP's limits and sluice's follow each other, so that
// one setting is enough.
func TestLimitsAreOneStory(t *testing.T) {
	st, _ := faultSite(t)
	writeFile(t, filepath.Join(st.root, "ini.php"), `<?php echo ini_get($_GET['name']);`)
	st.ini = map[string]string{"post_max_size": "3M"}
	st.tuning.requestTime = "7s"
	s := startSluice(t, st)
	for mib, want := range map[int]int{2: http.StatusOK, 4: http.StatusRequestEntityTooLarge} {
		a := raw(t, s.addr, "POST", request(s, "POST", "/echo.php", strings.Repeat("m", mib<<20)))
		if a.status != want {
			t.Errorf("a body of %d MiB with post_max_size = 3M: status %d, want %d", mib, a.status, want)
		}
	}
	if a := get(t, s, "/ini.php?name=max_execution_time"); a.body != "7" {
		t.Errorf("max_execution_time is %q with a request time of 7 s", a.body)
	}

	st.ini, st.bodyMiB = nil, 20
	s = startSluice(t, st)
	if a := raw(t, s.addr, "POST", request(s, "POST", "/echo.php", strings.Repeat("m", 12<<20))); !strings.HasPrefix(a.body, fmt.Sprint(12<<20)) {
		t.Errorf("a body of 12 MiB with body_max = 20 MiB: status %d, %q", a.status, excerpt(a.body))
	}
	for _, name := range []string{"post_max_size", "upload_max_filesize"} {
		if a := get(t, s, "/ini.php?name="+name); a.body != fmt.Sprint(20<<20) && a.body != "20M" {
			t.Errorf("%s is %q with body_max = 20 MiB", name, a.body)
		}
	}
}

// TestSendfile: a script may name a file of the site to be sent in its stead,
// and no other.
func TestSendfile(t *testing.T) {
	st, _ := faultSite(t)
	writeFile(t, filepath.Join(st.root, "send.php"), `<?php header($_GET['field'] . ': ' . $_GET['file']); echo 'instead';`)
	writeFile(t, filepath.Join(filepath.Dir(st.root), "outside.txt"), "OUTSIDE")
	s := startSluice(t, st)
	tests := []struct {
		field, file string
		served      bool
	}{
		{"X-Sendfile", filepath.Join(st.root, "static.txt"), true},
		{"X-Accel-Redirect", "/static.txt", true},
		{"X-Accel-Redirect", "/../outside.txt", false},
		{"X-Sendfile", filepath.Join(filepath.Dir(st.root), "outside.txt"), false},
		{"X-Sendfile", st.root + "/../outside.txt", false},
		{"X-Sendfile", "/etc/passwd", false},
		{"X-Sendfile", filepath.Join(st.root, "missing.txt"), false},
	}
	for _, tt := range tests {
		a := get(t, s, "/send.php?field="+tt.field+"&file="+strings.ReplaceAll(tt.file, "/", "%2f"))
		name := tt.field + ": " + tt.file
		if tt.served && (a.status != http.StatusOK || a.body != "static\n") {
			t.Errorf("%s: status %d %q, want the file", name, a.status, excerpt(a.body))
		}
		if !tt.served && (a.status < 400 || strings.Contains(a.body, "OUTSIDE") || strings.Contains(a.body, "root:")) {
			t.Errorf("%s: status %d %q, want an error", name, a.status, excerpt(a.body))
		}
		if got := a.header.Get(tt.field); got != "" {
			t.Errorf("%s: the field reached the client", name)
		}
	}
}

// TestFaultAllKilled: with every php-cgi gone at once, the parent too, PHP is
// there again in seconds, and files are served all the time.
func TestFaultAllKilled(t *testing.T) {
	st, mark := faultSite(t)
	st.workers = 2
	s := startSluice(t, st)
	wantParallel(t, s, mark, 2)
	for round := range 2 {
		for _, id := range phpOf(t, s) {
			if err := syscall.Kill(id.pid, syscall.SIGKILL); err != nil && id.alive() {
				t.Fatal(err)
			}
		}
		if a := get(t, s, "/static.txt"); a.status != http.StatusOK {
			t.Errorf("round %d: a static file without PHP: status %d", round, a.status)
		}
		// Up to the end of a back-off the answer is 503; then it stays 200.
		began, last, inARow := time.Now(), answer{}, 0
		back := eventually(10*time.Second, func() bool {
			last = get(t, s, "/hello.php")
			inARow++
			if last.body != "hello" {
				inARow = 0
			}
			if last.status != http.StatusOK && last.status != http.StatusServiceUnavailable && last.status != http.StatusBadGateway {
				t.Errorf("round %d: status %d", round, last.status)
			}
			return inARow == 20
		})
		if !back {
			t.Fatalf("round %d: PHP is not back after %v: status %d", round, time.Since(began), last.status)
		}
	}
	wantParallel(t, s, mark, 2)
}
