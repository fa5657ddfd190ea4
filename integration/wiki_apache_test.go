//go:build linux

package integration

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"
)

// wikiHeaders are what both servers must send alike.
var wikiHeaders = []string{
	"Location", "Content-Type", "Cache-Control", "Content-Language", "Last-Modified", "Expires", "X-Content-Type-Options",
	"X-Frame-Options", "Content-Disposition", "Vary", "Www-Authenticate",
}

// wikiAsk is one request to both servers: "GET /path" and further lines.
type wikiAsk struct {
	method, target, body string
	lines                []string
}

func wikiGets(targets ...string) []wikiAsk {
	asks := make([]wikiAsk, 0, len(targets))
	for _, target := range targets {
		asks = append(asks, wikiAsk{method: "GET", target: target})
	}
	return asks
}

// likeApache compares sluice, asked to be as open as a stock Apache, with
// Apache over the same folder. What volatile matches is of the moment.
func (w *wiki) likeApache(t *testing.T, volatile *regexp.Regexp, asks []wikiAsk) {
	t.Helper()
	if !hostIsSluice() {
		t.Skip("this compares sluice with Apache, and sluice is not the host")
	}
	openToOthers(t, w.site.root)
	oracle := startApache(t, w.site, w.fpm)
	bodies, statuses := 0, map[int]int{}
	for _, ask := range asks {
		t.Run(ask.method+" "+ask.target, func(t *testing.T) {
			want, got := ask.of(t, oracle), ask.of(t, w.like)
			statuses[want.status]++
			if got.status != want.status {
				t.Fatalf("status %d, apache %d\n%s", got.status, want.status, excerpt(got.body))
			}
			own := strings.HasSuffix(want.header.Get("Content-Type"), "charset=iso-8859-1") // Apache's words, not the wiki's
			for _, name := range wikiHeaders {
				if own && name != "Location" {
					continue
				}
				if g, w := got.header.Values(name), want.header.Values(name); !sameField(name, g, w) {
					t.Errorf("%s %q, apache %q", name, g, w)
				}
			}
			if own {
				return
			}
			bodies++
			var g, b string
			for range 3 { // the clock may have gone on between the two
				g, b = volatile.ReplaceAllString(got.body, "…"), volatile.ReplaceAllString(want.body, "…")
				if g == b || ask.method != "GET" {
					break
				}
				want, got = ask.of(t, oracle), ask.of(t, w.like)
			}
			if g != b {
				t.Errorf("another body than apache's:\n%s", firstDifference(g, b))
			}
		})
	}
	t.Logf("%d requests, statuses %v, %d bodies compared", len(asks), statuses, bodies)
	if bodies < len(asks)/3 {
		t.Errorf("only %d bodies of %d were of the wiki", bodies, len(asks))
	}
}

// asKeeper asks as who is logged in by the cookies; the first page says so by
// the sign.
func (w *wiki) asKeeper(t testing.TB, cookies []*http.Cookie, sign string, asks []wikiAsk) []wikiAsk {
	t.Helper()
	var pairs []string
	for _, c := range cookies {
		pairs = append(pairs, c.Name+"="+c.Value)
	}
	for i := range asks {
		asks[i].lines = append(asks[i].lines, "Cookie: "+strings.Join(pairs, "; "))
	}
	if first := asks[0].of(t, w.like); hostIsSluice() && !strings.Contains(first.body, sign) {
		t.Errorf("%s with the cookies of who is logged in: status %d, no %q\n%s", asks[0].target, first.status, sign, excerpt(first.body))
	}
	return asks
}

func (ask wikiAsk) of(t testing.TB, s *server) answer {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: wiki.test:8080\r\nConnection: close\r\n", ask.method, ask.target)
	for _, line := range ask.lines {
		b.WriteString(line + "\r\n")
	}
	if ask.body != "" {
		fmt.Fprintf(&b, "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n", len(ask.body))
	}
	return raw(t, s.addr, ask.method, b.String()+"\r\n"+ask.body)
}

// sameField compares lists as lists, and dates roughly: scripts reckon them from
// the moment.
func sameField(name string, got, want []string) bool {
	g, w := strings.Join(got, ","), strings.Join(want, ",")
	if name == "Expires" || name == "Last-Modified" {
		at, err := http.ParseTime(g)
		as, wrong := http.ParseTime(w)
		if err == nil && wrong == nil {
			return at.Sub(as).Abs() < time.Minute
		}
	}
	return strings.ReplaceAll(g, ", ", ",") == strings.ReplaceAll(w, ", ", ",")
}

// firstDifference shows where two texts part.
func firstDifference(got, want string) string {
	at := 0
	for at < len(got) && at < len(want) && got[at] == want[at] {
		at++
	}
	around := func(s string) string {
		return s[min(len(s), max(0, at-80)):min(len(s), at+200)]
	}
	return fmt.Sprintf("at %d of %d and %d:\n got %q\nwant %q", at, len(got), len(want), around(got), around(want))
}
