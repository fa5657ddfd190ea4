//go:build linux

package integration

import (
	"bytes"
	"context"
	"fmt"
	"html"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/cookiejar"
	"net/textproto"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
)

// agent is a person with a browser without scripts: it keeps cookies, follows
// redirects and remembers nothing else.
type agent struct {
	t    testing.TB
	base string
	c    *http.Client
}

func newAgent(t testing.TB, s *server) *agent {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	tr := &http.Transport{MaxIdleConnsPerHost: 4}
	t.Cleanup(tr.CloseIdleConnections)
	return &agent{t: t, base: s.url(""), c: &http.Client{Jar: jar, Transport: tr, Timeout: 2 * time.Minute}}
}

// page is what the agent sees after redirects.
type page struct {
	answer
	url string
}

func (a *agent) do(method, path, contentType string, body io.Reader, header ...string) page {
	a.t.Helper()
	target := path
	if !strings.HasPrefix(path, "http://") {
		target = a.base + path
	}
	req, err := http.NewRequestWithContext(context.Background(), method, target, body)
	if err != nil {
		a.t.Fatal(err)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		req.Header.Set(name, value)
	}
	resp, err := a.c.Do(req)
	if err != nil {
		a.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		a.t.Fatalf("%s %s: body after %d bytes: %v", method, path, len(text), err)
	}
	return page{answer{resp.StatusCode, resp.Header, string(text)}, resp.Request.URL.String()}
}

func (a *agent) get(path string, header ...string) page {
	a.t.Helper()
	return a.do("GET", path, "", http.NoBody, header...)
}

func (a *agent) post(path string, form url.Values) page {
	a.t.Helper()
	return a.do("POST", path, "application/x-www-form-urlencoded", strings.NewReader(form.Encode()))
}

// upload is one file of a multipart form.
type upload struct {
	field, name, contentType string
	data                     []byte
}

// multipartBody writes fields in sorted order, then the file.
func multipartBody(t testing.TB, fields map[string]string, up upload) (contentType string, body []byte) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, key := range sortedKeys(fields) {
		if err := w.WriteField(key, fields[key]); err != nil {
			t.Fatal(err)
		}
	}
	head := textproto.MIMEHeader{}
	head.Set("Content-Disposition", fmt.Sprintf("form-data; name=%q; filename=%q", up.field, up.name))
	head.Set("Content-Type", up.contentType)
	part, err := w.CreatePart(head)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := part.Write(up.data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return w.FormDataContentType(), b.Bytes()
}

// streamed hides a reader's length, so that net/http sends it chunked.
type streamed struct{ io.Reader }

// want fails the test unless the page has the status and every text.
func (p page) want(t testing.TB, status int, texts ...string) page {
	t.Helper()
	if p.status != status {
		t.Fatalf("%s: status %d, want %d\n%s", p.url, p.status, status, excerpt(p.body))
	}
	for _, text := range texts {
		if !strings.Contains(p.body, text) {
			t.Fatalf("%s: no %q in the page\n%s", p.url, text, excerpt(p.body))
		}
	}
	return p
}

// find returns the first group of the pattern.
func (p page) find(t testing.TB, pattern string) string {
	t.Helper()
	m := regexp.MustCompile(pattern).FindStringSubmatch(p.body)
	if m == nil {
		t.Fatalf("%s: nothing matches %s\n%s", p.url, pattern, excerpt(p.body))
	}
	return html.UnescapeString(m[1])
}

var markup = regexp.MustCompile(`(?s)<(script|style).*?</(script|style)>|<[^>]*>|\s+`)

// excerpt is the visible text of a page, short enough for a failure message.
func excerpt(body string) string {
	text := strings.Join(strings.Fields(markup.ReplaceAllString(body, " ")), " ")
	if len(text) > 1500 {
		text = text[:1500] + " …"
	}
	return text
}
