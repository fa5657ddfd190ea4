package session

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

var (
	day    = time.Unix(1_700_000_000, 0)
	keyOne = bytes.Repeat([]byte{1}, 32)
	keyTwo = bytes.Repeat([]byte{2}, 32)
)

func sticky() *Sticky { return &Sticky{Name: "route", Key: keyOne, Scope: "a", MaxAge: time.Hour} }

func TestStickyRoundTrip(t *testing.T) {
	s := sticky()
	for _, server := range []string{"a", "unix:/run/php.sock", "tcp:[::1]:9000", "a.b;c=d\r\n\x00ü", strings.Repeat("x", 255)} {
		set := s.Cookie(server, day)
		c, err := http.ParseSetCookie(set)
		if err != nil {
			t.Fatalf("%q: %v", set, err)
		}
		if c.Name != "route" || c.Path != "/" || !c.HttpOnly || c.Secure || c.MaxAge != 3600 || c.SameSite != http.SameSiteLaxMode {
			t.Errorf("%q", set)
		}
		got, renew := s.Server([]string{"x=y; route=" + c.Value + "; z=1"}, day.Add(time.Minute))
		if got != server || renew {
			t.Errorf("got %q, renew %v", got, renew)
		}
	}
}

// A fixed value, computed by another program from the description: cookies that
// are out there stay good with the next version of sluice.
func TestStickyValueIsStable(t *testing.T) {
	const want = "1.b25l.s44we8.Z8Q1aDBtu03Xr8dYlKeyLIfxM5wZqk5f3jDW3-y-G64"
	if got := sticky().Value("one", day); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestStickyIsPickedFromCookies(t *testing.T) {
	s := sticky()
	one, two := s.Value("one", day), s.Value("two", day)
	for _, tt := range []struct {
		lines []string
		want  string
	}{
		{nil, ""},
		{[]string{""}, ""},
		{[]string{"route"}, ""},
		{[]string{"route="}, ""},
		{[]string{"Route=" + one}, ""},
		{[]string{"xroute=" + one}, ""},
		{[]string{"route=" + one}, "one"},
		{[]string{" a=b ;route=" + one + " ; c"}, "one"},
		{[]string{"a=b", "route=" + one}, "one"},
		{[]string{"route=" + one + "; route=" + two}, "one"},
		{[]string{"route=bad; route=" + two}, "two"}, // one of a parent domain, perhaps
	} {
		if got, _ := s.Server(tt.lines, day); got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.lines, got, tt.want)
		}
	}
}

func TestStickyRefuses(t *testing.T) {
	s := sticky()
	good := s.Value("one", day)
	for i := range len(good) { // every octet counts
		for _, c := range []byte{'A', '.', good[i] ^ 1} {
			bad := []byte(good)
			if bad[i] == c {
				continue
			}
			bad[i] = c
			if server, _, ok := s.open(string(bad), day); ok {
				t.Errorf("octet %d changed to %q: %q is taken", i, c, server)
			}
		}
	}
	for i := range len(good) {
		if _, _, ok := s.open(good[:i], day); ok {
			t.Errorf("the first %d octets are taken", i)
		}
	}
	changed := func(f func(s *Sticky)) *Sticky {
		x := sticky()
		f(x)
		return x
	}
	for name, other := range map[string]*Sticky{
		"another key":   changed(func(s *Sticky) { s.Key = keyTwo }),
		"another scope": changed(func(s *Sticky) { s.Scope = "b" }),
		"another name":  changed(func(s *Sticky) { s.Name = "other" }),
		"parts moved":   changed(func(s *Sticky) { s.Scope, s.Name = "ar", "oute" }),
		"shorter age":   changed(func(s *Sticky) { s.MaxAge = -1 }),
	} {
		at := day
		if name == "shorter age" {
			other.MaxAge, at = time.Minute, day.Add(2*time.Minute)
		}
		if _, _, ok := other.open(good, at); ok {
			t.Errorf("%s: it is taken", name)
		}
	}
	if _, _, ok := s.open(s.Value("", day), day); ok {
		t.Error("a server without a name")
	}
	if _, _, ok := s.open(s.Value(strings.Repeat("x", 256), day), day); ok {
		t.Error("a name too long")
	}
}

func TestStickyAges(t *testing.T) {
	s := sticky()
	v := s.Value("one", day)
	for _, tt := range []struct {
		after     time.Duration
		ok, renew bool
	}{
		{-time.Hour, false, false}, {-4 * time.Minute, true, false}, {0, true, false}, {30 * time.Minute, true, false}, {31 * time.Minute, true, true}, {time.Hour, true, true}, {time.Hour + time.Second, false, false},
	} {
		if _, renew, ok := s.open(v, day.Add(tt.after)); ok != tt.ok || renew != tt.renew {
			t.Errorf("after %v: %v, renew %v", tt.after, ok, renew)
		}
	}
	s.MaxAge = 0 // for as long as the browser is open
	if _, renew, ok := s.open(s.Value("one", day), day.Add(10000*time.Hour)); !ok || renew || strings.Contains(s.Cookie("one", day), "Max-Age") {
		t.Errorf("without an age: %v, renew %v", ok, renew)
	}
}

func TestStickyKeyIsReplaced(t *testing.T) {
	was, now := sticky(), sticky()
	now.Key, now.OldKeys = keyTwo, [][]byte{keyOne}
	if server, _ := now.Server([]string{"route=" + was.Value("one", day)}, day); server != "one" {
		t.Error("a cookie of the old key is not taken")
	}
	if server, _ := was.Server([]string{"route=" + now.Value("one", day)}, day); server != "" {
		t.Error("a cookie of the new key is taken with the old")
	}
}

func TestStickyWants(t *testing.T) {
	for _, tt := range []struct {
		named    string
		renew    bool
		answered string
		want     bool
	}{{"", false, "a", true}, {"a", false, "a", false}, {"a", true, "a", true}, {"a", false, "b", true}, {"a", true, "", false}, {"", false, strings.Repeat("x", 256), false}} {
		if got := sticky().Wants(tt.named, tt.renew, tt.answered); got != tt.want {
			t.Errorf("%+v: %v", tt, got)
		}
	}
}

func TestStickyCheck(t *testing.T) {
	if err := sticky().Check(); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(s *Sticky){
		"no name":        func(s *Sticky) { s.Name = "" },
		"name":           func(s *Sticky) { s.Name = "a b" },
		"path":           func(s *Sticky) { s.Path = "/;x" },
		"domain":         func(s *Sticky) { s.Domain = "a;b" },
		"no key":         func(s *Sticky) { s.Key = nil },
		"short key":      func(s *Sticky) { s.Key = []byte("123456789012345") },
		"short old key":  func(s *Sticky) { s.OldKeys = [][]byte{{1}} },
		"same site":      func(s *Sticky) { s.SameSite = "lax; x" },
		"none, insecure": func(s *Sticky) { s.SameSite = "None" },
		"__Host-":        func(s *Sticky) { s.Name = "__Host-a" },
		"__Host- path":   func(s *Sticky) { s.Name, s.Secure, s.Path = "__Host-a", true, "/x" },
		"__Secure-":      func(s *Sticky) { s.Name = "__Secure-a" },
		"age":            func(s *Sticky) { s.MaxAge = -time.Second },
	} {
		s := sticky()
		if change(s); s.Check() == nil {
			t.Errorf("%s: %+v is taken", name, s)
		}
	}
	s := &Sticky{Name: "__Host-a", Key: keyOne, Secure: true, SameSite: "None"}
	if err := s.Check(); err != nil || !strings.HasSuffix(s.Cookie("x", day), "; Path=/; Secure; HttpOnly; SameSite=None") {
		t.Errorf("%v, %s", err, s.Cookie("x", day))
	}
}

func FuzzSticky(f *testing.F) {
	s := sticky()
	f.Add("route="+s.Value("one", day), int64(0))
	f.Add("a=b; route=1.b25l.s44we8.AAAA; route="+s.Value("two", day), int64(3000))
	f.Add("route=....; route;;=", int64(-1))
	f.Add("route="+s.Value("one", day)+"\r\n", int64(0))
	f.Fuzz(func(t *testing.T, line string, after int64) {
		now := day.Add(time.Duration(after%100_000) * time.Second)
		server, _ := s.Server([]string{line}, now)
		if server == "" {
			return
		}
		// Only what this key has signed is taken, and it was found in the line.
		for _, made := range []string{"one", "two"} {
			if server == made && strings.Contains(line, s.Value(made, day)) {
				return
			}
		}
		t.Fatalf("%q names %q", line, server)
	})
}

func TestLoadKey(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "key")
	one, err := LoadKey(path)
	if err != nil || len(one) != 64 {
		t.Fatalf("%q, %v", one, err)
	}
	if again, err := LoadKey(path); err != nil || !bytes.Equal(again, one) {
		t.Errorf("after a restart: %q, %v", again, err)
	}
	if other, err := LoadKey(filepath.Join(dir, "other")); err != nil || bytes.Equal(other, one) {
		t.Errorf("another file: %q, %v", other, err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".key-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if err := os.WriteFile(path, []byte(" short \n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadKey(path); err == nil {
		t.Error("a short key is taken")
	}
	if err := os.WriteFile(path, bytes.Repeat([]byte("x"), 5000), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadKey(path); err == nil {
		t.Error("a long file is taken")
	}
	if _, err := LoadKey(dir); err == nil {
		t.Error("a folder is taken")
	}
	if _, err := LoadKey(filepath.Join(dir, "none", "key")); err == nil {
		t.Error("no folder, no error")
	}
	if runtime.GOOS == "windows" {
		return
	}
	if err := os.WriteFile(path, one, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadKey(path); err == nil {
		t.Error("a file that all can read is taken")
	}
}

// Several processes that start at once have the same key.
func TestLoadKeyAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	keys := make(chan string, 8)
	for range 8 {
		go func() {
			k, err := LoadKey(path)
			keys <- fmt.Sprint(string(k), err)
		}()
	}
	first := <-keys
	for range 7 {
		if k := <-keys; k != first {
			t.Errorf("%q and %q", k, first)
		}
	}
}
