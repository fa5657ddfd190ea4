//go:build linux

package htaccess_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"sort"
	"strings"
	"time"
)

// answer is a response, or why there is none.
type answer struct {
	err    error
	status int
	header http.Header
	body   []byte
	// The rest is found by tidy.
	kind    string // probe, static, listing, empty, head, other
	static  string // first line of a static file
	text    string // body of no known form
	listing []string
	probe   probe
}

// probe is what testdata/probe.php says.
type probe struct {
	Probe  string         `json:"probe"`
	Cwd    string         `json:"cwd"`
	Body   int            `json:"body"`
	Server map[string]any `json:"server"`
	Get    any            `json:"get"`
	Cookie any            `json:"cookie"`
	Memory any            `json:"memory_limit"`
}

// These bound one request; a server that takes longer hangs.
const (
	exchangeMax = 10 * time.Second
	apacheMax   = 3 * time.Second
)

// exchange sends a request on a connection of its own.
func exchange(addr string, r request, longest time.Duration) *answer {
	c, err := net.DialTimeout("tcp", addr, longest)
	if err != nil {
		return &answer{err: err}
	}
	defer func() { _ = c.Close() }()
	if err := c.SetDeadline(time.Now().Add(longest)); err != nil {
		return &answer{err: err}
	}
	if _, err := io.WriteString(c, r.wire()); err != nil {
		return &answer{err: err}
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: r.method})
	if err != nil {
		return &answer{err: err}
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return &answer{err: fmt.Errorf("body of a %d: %w", resp.StatusCode, err)}
	}
	return &answer{status: resp.StatusCode, header: resp.Header, body: body}
}

// apacheTries is how often a crash of Apache's is forgiven.
const apacheTries = 6

// askApache is exchange with Apache 2.4.71, whose processes crash or hang now and
// then on "RewriteCond expr" in .htaccess.
func askApache(addr string, r request) *answer {
	for try := 1; ; try++ {
		a := exchange(addr, r, apacheMax)
		if a.err == nil || try == apacheTries {
			return a
		}
	}
}

// fileTime is how Last-Modified says treeTime.
var fileTime = treeTime.UTC().Format(http.TimeFormat)

// tidy finds out what the body is and takes out what differs between any two
// runs: times, tags, the place of the document root.
func (a *answer) tidy(r request, root string) *answer {
	if a.err != nil {
		return a
	}
	a.tidyHeader(root)
	body := a.body
	if bytes.HasPrefix(body, []byte{0x1f, 0x8b}) {
		if z, err := gzip.NewReader(bytes.NewReader(body)); err == nil {
			if raw, err := io.ReadAll(z); err == nil {
				body = raw
			}
		}
	}
	switch {
	case r.method == "HEAD":
		a.kind = "head"
	case bytes.HasPrefix(body, []byte(`{"probe":`)):
		a.kind = "probe"
		if err := json.Unmarshal(bytes.ReplaceAll(body, []byte(root), []byte("@DOCROOT@")), &a.probe); err != nil {
			a.kind, a.text = "other", "probe: "+err.Error()
		}
	case bytes.HasPrefix(body, []byte("STATIC ")):
		a.kind = "static"
		a.static, _, _ = strings.Cut(string(body[len("STATIC "):]), "\n")
	case len(body) == 0:
		a.kind = "empty"
	case bytes.Contains(body, []byte("<title>Index of")):
		a.kind, a.listing = "listing", listed(body)
	default:
		a.kind = "other"
		if !ownPage(body) {
			a.text = strings.ReplaceAll(string(body[:min(len(body), 200)]), root, "@DOCROOT@")
		}
	}
	return a
}

// ownPage recognises the pages that servers make up themselves, whose words
// are their own affair, and FPM's for a missing script.
func ownPage(body []byte) bool {
	start := bytes.ToLower(bytes.TrimSpace(body[:min(len(body), 200)]))
	return bytes.HasPrefix(start, []byte("<!doctype html")) || bytes.HasPrefix(start, []byte("file not found"))
}

var hrefs = regexp.MustCompile(`href="([^"?]+)"`)

// listed are the links of a folder's listing, sorted, once each.
func listed(body []byte) []string {
	seen := map[string]bool{}
	var all []string
	for _, m := range hrefs.FindAllSubmatch(body, -1) {
		if s := string(m[1]); !seen[s] {
			seen[s] = true
			all = append(all, s)
		}
	}
	sort.Strings(all)
	return all
}

var cookieExpires = regexp.MustCompile(`(?i)expires=[^;,]+,[^;,]+`)

// nearDate is how far an Expires may lie from Date to be compared as a
// difference; beyond, it is an absolute date by a script or file.
const nearDate = 10 * 365 * 24 * time.Hour

// ofTheProxy are the names that a script and its handler have in this test's
// Apache once mod_proxy_fcgi has them. With mod_php, and here, they are what the
// replacements say.
var ofTheProxy = []struct {
	name *regexp.Regexp
	is   string
}{
	{regexp.MustCompile(`proxy:fcgi://localhost(@DOCROOT@)`), "$1"},
	{regexp.MustCompile(`proxy:unix:[^|]*fpm\.sock\|fcgi://localhost`), "application/x-httpd-php"},
}

func (a *answer) tidyHeader(root string) {
	now, dateErr := http.ParseTime(a.header.Get("Date"))
	for name, values := range a.header {
		for i, v := range values {
			v = strings.ReplaceAll(v, root, "@DOCROOT@")
			for _, p := range ofTheProxy {
				v = p.name.ReplaceAllString(v, p.is)
			}
			switch name {
			case "Etag":
				v = "present"
			case "Last-Modified":
				if v != fileTime {
					v = "present"
				}
			case "Expires":
				if at, err := http.ParseTime(v); err == nil && dateErr == nil && at.Sub(now).Abs() < nearDate {
					v = fmt.Sprintf("date%+d", int(at.Sub(now).Seconds()))
				}
			case "Set-Cookie":
				v = cookieExpires.ReplaceAllString(v, "expires=T")
			}
			values[i] = v
		}
	}
}

// field is a header's value, several lines joined.
func (a *answer) field(name string) string { return strings.Join(a.header.Values(name), ", ") }
