//go:build linux

package integration

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestGateway runs every backend of docs/backends.md behind one sluice.
func TestGateway(t *testing.T) {
	s := newStand(t)
	s.needLibraries(t)
	backends := gatewayBackends(s)
	for _, b := range backends {
		b.up(t)
	}
	host := startSluiceConf(t, s.conf(t, "php-fpm", "Perl", "Ruby", "Go", "ASP.NET", "CGI"))
	for _, b := range backends {
		t.Run(b.name, func(t *testing.T) {
			c := newCaller(t, host, b)
			t.Run("variables", c.variables)
			t.Run("requests", c.requests)
			t.Run("responses", c.responses)
			t.Run("clients", c.clients)
			if b.start != nil {
				t.Run("restart", c.restart)
			}
		})
	}
	t.Run("files", func(t *testing.T) {
		for _, language := range []string{"perl", "ruby", "go"} {
			a := get(t, host, "/"+language+"/style.css")
			if a.status != http.StatusOK || !strings.HasPrefix(a.header.Get("Content-Type"), "text/css") || !strings.Contains(a.body, language) {
				t.Errorf("%s: status %d, %v, %q: not the file", language, a.status, a.header, a.body)
			}
		}
	})
}

// caller asks one backend through sluice.
type caller struct {
	host   *server
	b      *backend
	client *http.Client
}

func newCaller(t testing.TB, host *server, b *backend) *caller {
	t.Helper()
	return &caller{host: host, b: b, client: plainClient(t)}
}

// plainClient shows responses as they come: not unpacked, not redirected.
func plainClient(t testing.TB) *http.Client {
	t.Helper()
	tr := &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{
		Transport: tr, Timeout: time.Minute,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// ask sends one request to the program's ?do=what; what may have more of the
// query behind it.
func (c *caller) ask(method, what, contentType string, body io.Reader, header ...string) (answer, error) {
	return c.send(method, "?do="+what, contentType, body, header...)
}

// send sends one request to the program's address with something behind it.
func (c *caller) send(method, rest, contentType string, body io.Reader, header ...string) (answer, error) {
	if c.b.host != "" {
		header = append(header, "Host: "+c.b.host)
	}
	return exchange(c.client, method, c.host.url(c.b.base+rest), contentType, body, header...)
}

// exchange sends one request and reads its response.
func exchange(client *http.Client, method, target, contentType string, body io.Reader, header ...string) (answer, error) {
	req, err := http.NewRequestWithContext(context.Background(), method, target, body)
	if err != nil {
		return answer{}, err
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		if name == "Host" {
			req.Host = value
		}
		req.Header.Set(name, value)
	}
	resp, err := client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return answer{}, fmt.Errorf("body of a %d after %d bytes: %w", resp.StatusCode, len(text), err)
	}
	return answer{resp.StatusCode, resp.Header, string(text)}, nil
}

// wants fails the test unless the answer is a 200 with just this body.
func wants(t testing.TB, what string, a answer, err error, body string) {
	t.Helper()
	switch {
	case err != nil:
		t.Errorf("%s: %v", what, err)
	case a.status != http.StatusOK:
		t.Errorf("%s: status %d %s, want 200", what, a.status, excerpt(a.body))
	case a.body != body:
		t.Errorf("%s: %d bytes %s, want %d bytes %s", what, len(a.body), excerpt(a.body), len(body), excerpt(body))
	}
}

// variables: what the program hears of the request.
func (c *caller) variables(t *testing.T) {
	a, err := c.send("GET", "/deep/er%20x?do=env&q=a+b%26c", "", http.NoBody, "X-Probe: seen, twice")
	if err != nil || a.status != http.StatusOK {
		t.Fatalf("status %d, %v: %s", a.status, err, excerpt(a.body))
	}
	if got := a.header.Get("Content-Type"); !strings.HasPrefix(got, "text/plain") {
		t.Errorf("Content-Type: %q, want text/plain", got)
	}
	got := map[string]string{}
	for line := range strings.Lines(a.body) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		got[name] = value
	}
	want := map[string]string{
		"REQUEST_METHOD": "GET", "QUERY_STRING": "do=env&q=a+b%26c", "REMOTE_ADDR": "127.0.0.1",
		"SERVER_PROTOCOL": "HTTP/1.1", "SERVER_NAME": "127.0.0.1", "HTTP_X_PROBE": "seen, twice",
		"REQUEST_URI": c.b.base + "/deep/er%20x?do=env&q=a+b%26c",
	}
	for name, value := range c.b.env {
		want[name] = value
	}
	for _, name := range sortedKeys(want) {
		if got[name] != want[name] {
			t.Errorf("%s is %q, want %q", name, got[name], want[name])
		}
	}
}

// requests: content in every form.
func (c *caller) requests(t *testing.T) {
	const form = "application/x-www-form-urlencoded"
	a, err := c.ask("POST", "form", form, strings.NewReader(url.Values{"name": {"Ada"}}.Encode()))
	wants(t, "form", a, err, "name=Ada")
	for _, size := range []int{0, 1, 70000, 1 << 20} {
		body := noise(size)
		want := fmt.Sprintf("%d %x", size, sha256.Sum256([]byte(body)))
		a, err := c.ask("POST", "body", "application/octet-stream", strings.NewReader(body))
		wants(t, fmt.Sprintf("%d bytes", size), a, err, want)
		a, err = c.ask("POST", "body", "application/octet-stream", streamed{strings.NewReader(body)})
		wants(t, fmt.Sprintf("%d bytes in chunks", size), a, err, want)
	}
}

// noise is a body that differs each time.
func noise(size int) string {
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(rand.Uint32())
	}
	return string(b)
}

// responses: status, fields, sizes and methods.
func (c *caller) responses(t *testing.T) {
	var big strings.Builder
	for i := range 131072 {
		fmt.Fprintf(&big, "%07d\n", i)
	}
	a, err := c.ask("GET", "big", "", http.NoBody)
	wants(t, "1 MiB", a, err, big.String())
	a, err = c.ask("GET", "status", "", http.NoBody)
	if err != nil || a.status != http.StatusTeapot || a.body != "tea" {
		t.Errorf("status: %d %q, %v; want 418 tea", a.status, a.body, err)
	}
	a, err = c.ask("GET", "redirect", "", http.NoBody)
	if where := a.header.Get("Location"); err != nil || a.status != http.StatusSeeOther || where != "https://other.test/there?x=1" || a.body != "moved" {
		t.Errorf("redirect: %d to %q with %q, %v", a.status, where, a.body, err)
	}
	a, err = c.ask("GET", "cookies", "", http.NoBody)
	wants(t, "cookies", a, err, "baked")
	if got := strings.Join(a.header.Values("Set-Cookie"), " | "); got != "a=1; Path=/ | b=2; Path=/; HttpOnly" {
		t.Errorf("Set-Cookie: %s", got)
	}
	for _, what := range []string{"big", "cookies", "status"} {
		whole, err := c.ask("GET", what, "", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		// Content here would spoil the kept connection's next answer.
		head, err := c.ask("HEAD", what, "", http.NoBody)
		if err != nil || head.status != whole.status || head.body != "" || head.header.Get("Content-Type") != whole.header.Get("Content-Type") {
			t.Errorf("HEAD of %s: %d %v %q, %v; GET has %d %v", what, head.status, head.header, head.body, err, whole.status, whole.header)
		}
		a, err := c.ask("GET", "echo&id=after-head", "", http.NoBody)
		wants(t, "GET after HEAD of "+what, a, err, "echo after-head")
	}
}

// clients: many at once, and each gets its own answer.
func (c *caller) clients(t *testing.T) {
	const clients, each = 32, 10
	var wg sync.WaitGroup
	for n := range clients {
		wg.Go(func() {
			for i := range each {
				id := fmt.Sprintf("%d-%d", n, i)
				if i%2 == 0 {
					a, err := c.ask("GET", "echo&id="+id, "", http.NoBody)
					wants(t, "GET "+id, a, err, "echo "+id)
					continue
				}
				body := noise(n * i * 100)
				a, err := c.ask("POST", "body&id="+id, "application/octet-stream", strings.NewReader(body))
				wants(t, "POST "+id, a, err, fmt.Sprintf("%d %x", len(body), sha256.Sum256([]byte(body))))
			}
		})
	}
	wg.Wait()
}

// restart: the backend dies, and comes again; sluice needs no help.
func (c *caller) restart(t *testing.T) {
	body := noise(1000)
	sum := fmt.Sprintf("%d %x", len(body), sha256.Sum256([]byte(body)))
	for round := range 2 {
		// The connections that sluice keeps are dead, and it has not been told.
		for range 4 {
			a, err := c.ask("GET", "echo&id=warm", "", http.NoBody)
			wants(t, "before", a, err, "echo warm")
		}
		c.b.kill(t)
		c.b.up(t)
		a, err := c.ask("POST", "body", "application/octet-stream", strings.NewReader(body))
		wants(t, fmt.Sprintf("POST after restart %d", round), a, err, sum)
		a, err = c.ask("GET", "echo&id=fresh", "", http.NoBody)
		wants(t, fmt.Sprintf("GET after restart %d", round), a, err, "echo fresh")
	}
	c.b.kill(t)
	for _, method := range []string{"GET", "POST"} {
		began := time.Now()
		a, err := c.ask(method, "echo&id=nobody", "", http.NoBody)
		if err != nil || a.status != http.StatusBadGateway && a.status != http.StatusServiceUnavailable {
			t.Errorf("%s with nobody there: status %d, %v; want 502 or 503", method, a.status, err)
		}
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("%s with nobody there took %v", method, took)
		}
	}
	c.b.up(t)
	// A server that failed is asked again after a second.
	if !eventually(20*time.Second, func() bool {
		a, err := c.ask("GET", "echo&id=back", "", http.NoBody)
		return err == nil && a.status == http.StatusOK
	}) {
		t.Fatalf("%s is back, and gets no requests", c.b.name)
	}
	for range 20 {
		a, err := c.ask("GET", "echo&id=again", "", http.NoBody)
		wants(t, "GET when it is back", a, err, "echo again")
	}
}
