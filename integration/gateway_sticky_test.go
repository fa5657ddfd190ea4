//go:build linux

package integration

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"
)

// stuck is a client with the cookie that keeps him at a server.
type stuck struct{ server, cookie string }

// ask makes a request, and follows what the answer says about the cookie.
func (c *stuck) ask(t testing.TB, s *server) (by string) {
	t.Helper()
	var lines []string
	if c.cookie != "" {
		lines = append(lines, "Cookie: other=1; server="+c.cookie)
	}
	a := get(t, s, "/sticky/app.php?do=pool", lines...)
	if a.status != http.StatusOK || a.body != "a" && a.body != "b" {
		t.Fatalf("status %d %s", a.status, excerpt(a.body))
	}
	for _, line := range a.header.Values("Set-Cookie") {
		value, ok := strings.CutPrefix(line, "server=")
		if !ok {
			t.Errorf("Set-Cookie: %s", line)
		}
		c.cookie, _, _ = strings.Cut(value, ";")
		if part := strings.Split(c.cookie, "."); len(part) < 2 || base64.RawURLEncoding.EncodeToString([]byte(a.body)) != part[1] {
			t.Errorf("the cookie %q does not name the server %q, or says more", c.cookie, a.body)
		}
	}
	return a.body
}

// TestGatewaySticky: clients that come one at a time are spread over the servers,
// stay where they are, also when sluice restarts, and go elsewhere only when their
// server dies; then they stay there.
func TestGatewaySticky(t *testing.T) {
	stand := newStand(t)
	pools := map[string]pool{
		"a": {name: "a", listen: stand.run("php/a.sock"), children: 4},
		"b": {name: "b", listen: stand.run("php/b.sock"), children: 4},
	}
	running := map[string]*process{}
	for name, p := range pools {
		running[name] = startPool(t, p)
	}
	conf := stand.conf(t, "Clients that stay at a server")
	s := startSluiceConf(t, conf)
	clients := make([]stuck, 30)
	count := map[string]int{}
	for i := range clients {
		c := &clients[i]
		c.server = c.ask(t, s)
		count[c.server]++
		if c.cookie == "" {
			t.Fatal("a new client gets no cookie")
		}
	}
	if count["a"] < 10 || count["b"] < 2 { // weights 2 and 1
		t.Errorf("clients by server: %v", count)
	}
	stay := func(s *server, when string, exempt string) {
		t.Helper()
		for i := range clients {
			c := &clients[i]
			if by := c.ask(t, s); by != c.server && c.server != exempt {
				t.Errorf("%s: client %d of %s was served by %s", when, i, c.server, by)
			} else {
				c.server = by
			}
		}
	}
	for range 3 {
		stay(s, "with both servers", "")
	}
	s.proc.stop()
	s = startSluiceConf(t, conf)
	stay(s, "after a restart of sluice", "")

	killGroup(t, running["a"])
	stay(s, "after the death of a", "a")
	for i := range clients {
		if clients[i].server != "b" {
			t.Errorf("client %d was served by the dead one", i)
		}
	}
	running["a"] = startPool(t, pools["a"])
	served := func() bool { return (&stuck{}).ask(t, s) == "a" }
	if !eventually(40*time.Second, served) {
		t.Fatal("a gets no new clients after its return")
	}
	stay(s, "after the return of a", "")
}
