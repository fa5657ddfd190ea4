//go:build linux

package integration

import (
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestGuestbook: what `make run` serves, as a newcomer sees it: it shows its form,
// takes an entry, shows it, and still has it after a restart.
func TestGuestbook(t *testing.T) {
	root := filepath.Join(workDir(t), "guestbook") // the database's name is made of it
	copyTree(t, "../examples/guestbook", root)
	t.Setenv("TMPDIR", workDir(t))
	s := startSluiceZero(t, root)
	if a := get(t, s, "/"); a.status != http.StatusOK || !strings.Contains(a.body, `name="message"`) || !strings.HasPrefix(a.header.Get("Content-Type"), "text/html") {
		t.Fatalf("the page: status %d, %v, %q", a.status, a.header, excerpt(a.body))
	}
	if a := get(t, s, "/style.css"); a.status != http.StatusOK || !strings.HasPrefix(a.header.Get("Content-Type"), "text/css") {
		t.Errorf("its style: status %d, %v", a.status, a.header)
	}
	post := func(name, message, origin string) answer {
		t.Helper()
		form := url.Values{"name": {name}, "message": {message}}.Encode()
		return raw(t, s.addr, "POST", request(s, "POST", "/", form, "Content-Type: application/x-www-form-urlencoded", "Origin: "+origin))
	}
	own := "http://" + s.addr
	if a := post("Ada", "hello <b>world</b>", own); a.status != http.StatusSeeOther || a.header.Get("Location") != "/#entries" {
		t.Fatalf("an entry: status %d, to %q, %q\n%s", a.status, a.header.Get("Location"), excerpt(a.body), s.proc.tail(2000))
	}
	if a := post("", "without a name", own); a.status != http.StatusUnprocessableEntity {
		t.Errorf("an entry without a name: status %d", a.status)
	}
	if a := post("Eve", "from elsewhere", "https://evil.test"); a.status != http.StatusUnprocessableEntity {
		t.Errorf("an entry of another site's form: status %d", a.status)
	}
	shows := func(when string, want map[string]int) {
		t.Helper()
		page := get(t, s, "/").body
		for text, n := range want {
			if got := strings.Count(page, text); got != n {
				t.Errorf("%s: %q is there %d times, want %d", when, text, got, n)
			}
		}
	}
	shows("written", map[string]int{"hello &lt;b&gt;world": 1, "without a name": 0, "from elsewhere": 0})
	s.proc.signal(t, syscall.SIGTERM)
	if state, ended := s.proc.waitGone(10 * time.Second); !ended || state.ExitCode() != 0 {
		t.Fatalf("stopped: %v, %v", ended, state)
	}

	s = startSluiceZero(t, root)
	shows("after a restart", map[string]int{"hello &lt;b&gt;world": 1})
	if a := post("Grace", "still here", "http://"+s.addr); a.status != http.StatusSeeOther {
		t.Errorf("an entry after the restart: status %d, %q", a.status, excerpt(a.body))
	}
	shows("after another", map[string]int{"hello &lt;b&gt;world": 1, "still here": 1})
	// The database is out of the document root, and its name would not help.
	files, err := filepath.Glob(filepath.Join(root, "*"))
	if err != nil || len(files) != 2 {
		t.Errorf("the document root holds %q, %v", files, err)
	}
}
