package session

import (
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"testing"

	"sluice/fcgi"
)

// Clients stay where they are, through restarts of the transport and changes of
// the pool; a client of a server that is gone gets another.
func TestClientsStick(t *testing.T) {
	backend := func(name string) string {
		return goBackend(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, name) }))
	}
	var all []fcgi.Server
	for _, name := range []string{"one", "two", "three"} {
		all = append(all, fcgi.Server{Network: "unix", Address: backend(name), Name: name, Conns: 8})
	}
	jars := make([]http.CookieJar, 30)
	for i := range jars {
		jars[i], _ = cookiejar.New(nil)
	}
	home := map[int]string{}
	// round asks for everybody; it answers who had no home or lost it.
	round := func() (moved int) {
		for i, jar := range jars {
			client := &http.Client{Jar: jar}
			for range 3 {
				res, err := client.Get("http://site.test/")
				if err != nil {
					t.Fatal(err)
				}
				b := make([]byte, 16)
				n, _ := res.Body.Read(b)
				_ = res.Body.Close()
				if at := string(b[:n]); home[i] != at {
					moved++
					home[i] = at
				}
			}
		}
		return moved
	}
	with := func(servers []fcgi.Server, f func()) {
		s := sticky()
		s.MaxAge = 0
		tr := transportTo(t, fcgi.Options{Servers: servers}, func(o *Options) { o.Sticky = s })
		ways(t, tr, basic, func(t *testing.T, url string) {
			was := http.DefaultTransport
			http.DefaultTransport = rewrite{strings.TrimPrefix(url, "http://")}
			defer func() { http.DefaultTransport = was }()
			f()
		})
		tr.Close()
	}
	first := true
	with(all, func() { // each once, then all stay
		if n := round(); (first && n != len(jars)) || (!first && n != 0) {
			t.Errorf("%d moved (the first time: %v)", n, first)
		}
		first = false
	})
	count := map[string]int{}
	for _, at := range home {
		count[at]++
	}
	if len(count) != 3 {
		t.Errorf("all clients are at %v", count)
	}
	with(all, func() { // a restart
		if n := round(); n != 0 {
			t.Errorf("after a restart %d moved", n)
		}
	})
	first = true
	with(all[:2], func() { // a server less
		if n := round(); (first && n != count["three"]) || (!first && n != 0) {
			t.Errorf("%d moved, %d had lost their server", n, count["three"])
		}
		first = false
	})
}

// rewrite sends everything to one address.
type rewrite struct{ host string }

func (r rewrite) RoundTrip(req *http.Request) (*http.Response, error) {
	q := req.Clone(req.Context())
	q.URL.Host = r.host
	return (&http.Transport{DisableKeepAlives: true}).RoundTrip(q)
}
