package site

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice/gateway"
)

// The password of each user is "secret".
const passwords = `sha:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=
apr:$apr1$lZL6Vci1$tH37qoVYn.hqbdIV0mliI/
bcrypt:$2y$04$HUck8tmqwUe1qmsdlTU4LuiHYAVh82U15/V..h5rPYg/1aRctvJJG
`

// guarded are the options of a site with a folder that wants a password.
func guarded(t *testing.T) Options {
	t.Helper()
	dir := tree(t, map[string]string{
		"in/a.txt": "inside", "in/app.php": phpSource, "open.txt": "open", "open.php": phpSource,
		"doc/.htaccess": "ErrorDocument 502 /in/a.txt\nErrorDocument 404 /in/a.txt\n", "doc/app.php": phpSource,
	})
	users := filepath.Join(dir, ".users")
	for name, content := range map[string]string{
		users:                              passwords,
		filepath.Join(dir, "in/.htaccess"): "AuthType Basic\nAuthName in\nAuthUserFile " + users + "\nRequire valid-user\n",
	} {
		if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return ruledOptions(dir)
}

func as(user, password string) string {
	return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

func TestPasswords(t *testing.T) {
	onLoops(t, func(t *testing.T, l *running) {
		l.start(guarded(t))
		for _, user := range []string{"sha", "apr", "bcrypt"} {
			rec := l.serve(get("/in/a.txt", as(user, "secret")))
			if expect(t, user, rec, 200); rec.body.String() != "inside" {
				t.Errorf("%s: %q", user, rec.body.String())
			}
			for _, wrong := range []string{"Secret", "", "secret ", strings.Repeat("x", 200)} {
				expect(t, user+" "+wrong, l.serve(get("/in/a.txt", as(user, wrong))), 401, `WWW-Authenticate: Basic realm="in"`)
			}
		}
		expect(t, "nobody", l.serve(get("/in/a.txt", as("nobody", "secret"))), 401)
		// What was found out is remembered: nothing has to be asked again.
		held := hold(l.host.all[0].lookups)
		defer held.release()
		for _, user := range []string{"sha", "apr", "bcrypt"} {
			expect(t, user, l.serve(get("/in/a.txt", as(user, "secret"))), 200)
			expect(t, user, l.serve(get("/in/a.txt", as(user, "Secret"))), 401)
		}
	})
}

// A password whose hash was replaced is asked for again.
func TestPasswordThatChanged(t *testing.T) {
	onLoops(t, func(t *testing.T, l *running) {
		o := guarded(t)
		l.start(o)
		expect(t, "before", l.serve(get("/in/a.txt", as("bcrypt", "secret"))), 200)
		users := filepath.Join(o.Roots[0].Config.Root, ".users")
		if err := os.WriteFile(users, []byte(strings.ReplaceAll(passwords, "bcrypt:", "other:")), 0o644); err != nil {
			t.Fatal(err)
		}
		l.until("the user is gone", func() bool {
			x, rec := exchange(t, get("/in/a.txt", as("bcrypt", "secret")))
			l.host.Serve(visitor(x))
			return rec.status == 401
		})
	})
}

// Content that arrives while the request waits is kept, in order, for the script.
func TestContentWhileWaiting(t *testing.T) {
	onLoops(t, func(t *testing.T, l *running) {
		l.start(guarded(t))
		held := hold(l.host.all[0].lookups)
		defer held.release()
		x, rec := l.begin(request("POST", "/in/app.php", "Host: x", "Transfer-Encoding: chunked", as("apr", "secret")))
		l.do(func() {
			if !x.Wanted() || rec.paused != 1 || rec.heads != 0 || x.request != nil {
				t.Errorf("waiting: wanted %t, paused %d, %d heads", x.Wanted(), rec.paused, rec.heads)
			}
			x.Content([]byte("one "))
			x.Content([]byte("two"))
		})
		held.release()
		l.until("the script has what came", func() bool { return x.received == 7 })
		l.do(func() {
			if x.content != wanted || rec.resumed != 1 || rec.heads != 0 || len(x.ruling.held) != 0 {
				t.Errorf("content %d, resumed %d, %d heads", x.content, rec.resumed, rec.heads)
			}
			x.Content([]byte("3"))
			x.ContentEnd()
			if x.received != 8 || x.content != ended {
				t.Errorf("received %d, content %d", x.received, x.content)
			}
			x.Gone()
		})
	})
}

func TestWholeContentWhileWaiting(t *testing.T) {
	onLoops(t, func(t *testing.T, l *running) {
		l.start(guarded(t))
		for _, tt := range []struct {
			target, password string
			octets           int
			status           int // 0: the script has it all
		}{
			{"/in/app.php", "secret", 100, 0},
			{"/in/app.php", "secret", 101, 413},
			{"/in/app.php", "wrong", 100, 401},
			{"/in/a.txt", "secret", 100, 200},
		} {
			lookups := l.host.all[0].lookups
			lookups.mu.Lock()
			clear(lookups.passwords)
			lookups.mu.Unlock()
			held := hold(lookups)
			x, rec := l.begin(request("POST", tt.target, "Host: x", "Transfer-Encoding: chunked", as("bcrypt", tt.password)))
			l.do(func() {
				x.Content(make([]byte, tt.octets))
				x.ContentEnd()
			})
			held.release()
			l.until("an end", func() bool { return rec.finished == 1 || x.content == ended && x.received > 0 })
			l.do(func() {
				if rec.status != tt.status || tt.status == 0 && x.received != int64(tt.octets) {
					t.Errorf("%+v: status %d, received %d", tt, rec.status, x.received)
				}
				x.Gone()
			})
		}
	})
}

// A client that leaves while his request waits is never answered, nor is the
// next one with the same memory answered twice.
func TestGoneWhileWaiting(t *testing.T) {
	onLoops(t, func(t *testing.T, l *running) {
		l.start(guarded(t))
		lookups := l.host.all[0].lookups
		held := hold(lookups)
		defer held.release()
		x, first := l.begin(get("/in/a.txt", as("bcrypt", "secret")))
		second, third := &recorder{t: t}, &recorder{t: t}
		var y *Exchange
		l.do(func() {
			x.Gone()
			x.Reset()
			other, _ := exchange(t, get("/in/a.txt", as("apr", "wrong")))
			x.Req, x.Stream = other.Req, second
			l.host.Serve(visitor(x)) // waits, with the memory of the first
			y, _ = exchange(t, get("/open.txt"))
			y.Stream = third
			l.host.Serve(visitor(y))
		})
		held.release()
		l.until("an answer", func() bool { return second.finished > 0 })
		l.until("both looked up", func() bool { return len(lookups.running) == 0 && knownPasswords(lookups) == 2 })
		l.do(func() {
			if first.heads != 0 || first.finished != 0 {
				t.Errorf("the client that left: %d heads", first.heads)
			}
			if second.status != 401 || second.heads != 1 || second.finished != 1 {
				t.Errorf("the next: status %d, %d heads", second.status, second.heads)
			}
			if third.status != 200 || third.body.String() != "open" {
				t.Errorf("another: status %d", third.status)
			}
		})
	})
}

func knownPasswords(l *lookups) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.passwords)
}

// Content that turns out to be broken while the request waits is answered once.
func TestRejectedWhileWaiting(t *testing.T) {
	onLoops(t, func(t *testing.T, l *running) {
		l.start(guarded(t))
		lookups := l.host.all[0].lookups
		held := hold(lookups)
		defer held.release()
		x, rec := l.begin(request("POST", "/in/app.php", "Host: x", "Transfer-Encoding: chunked", as("bcrypt", "secret")))
		l.do(func() {
			x.Gone()
			l.host.Reject(x, 400, nil)
		})
		held.release()
		l.until("looked up", func() bool { return knownPasswords(lookups) == 1 && len(lookups.running) == 0 })
		l.do(func() {
			if rec.status != 400 || rec.heads != 1 || rec.finished != 1 || x.request != nil {
				t.Errorf("status %d, %d heads, finished %d", rec.status, rec.heads, rec.finished)
			}
		})
	})
}

// again is a Stream whose connection has the next request ready, as the front has
// with requests in a row.
type again struct {
	*recorder
	next func()
}

func (a *again) Finish() {
	a.recorder.Finish()
	if n := a.next; n != nil {
		a.next = nil
		n()
	}
}

// The end of a response may bring the next request, with the same memory: what
// waited for the first says nothing about it.
func TestNextRequestAfterWaiting(t *testing.T) {
	onLoops(t, func(t *testing.T, l *running) {
		l.start(guarded(t))
		held := hold(l.host.all[0].lookups)
		defer held.release()
		x, first := exchange(t, request("POST", "/in/a.txt", "Host: x", "Transfer-Encoding: chunked", as("bcrypt", "secret")))
		next, second := exchange(t, request("POST", "/open.php", "Host: x", "Transfer-Encoding: chunked"))
		x.Stream = &again{first, func() {
			x.Reset()
			x.Req, x.Stream, x.HasContent = next.Req, second, true
			l.host.Serve(visitor(x))
		}}
		l.do(func() { l.host.Serve(visitor(x)) })
		held.release()
		l.until("the next request runs", func() bool { return x.request != nil && x.Stream == second })
		l.do(func() {
			if first.status != 200 || second.resumed != 0 || second.heads != 0 || x.content != wanted {
				t.Errorf("first %d; next: resumed %d times, %d heads, content %d", first.status, second.resumed, second.heads, x.content)
			}
			x.Gone()
		})
	})
}

// An error's document that asks for a password nobody has checked yet is not
// waited for; the error is told all the same, and nobody else waits instead.
func TestErrorDocumentBehindAPassword(t *testing.T) {
	h := hostOf(t, guarded(t))
	t.Cleanup(h.Close)
	x, rec := ruledScript(t, h, get("/doc/app.php", as("bcrypt", "secret")))
	x.Fail(gateway.Failure{Status: 502})
	if expect(t, "502", rec, 502); !strings.Contains(rec.body.String(), "<h1>502") || rec.finished != 1 {
		t.Errorf("%q", rec.body.String())
	}
	expect(t, "next", answered(t, h, get("/open.txt")), 200)
	x, rec = ruledScript(t, h, get("/doc/app.php", as("sha", "secret")))
	x.Fail(gateway.Failure{Status: 502})
	if expect(t, "502, known", rec, 502); rec.body.String() != "inside" {
		t.Errorf("%q", rec.body.String())
	}
}
