package site

import (
	"strings"
	"testing"

	"sluice/cgi"
	"sluice/session"
)

// TestStickyRehearsal: without a server that answered there is no cookie, and one
// that is signed for another site is not believed.
func TestStickyCookieNeedsItsOwnSite(t *testing.T) {
	o := options(tree(t, map[string]string{"index.php": "<?php"}))
	key := []byte("0123456789abcdef0123456789abcdef")
	o.Sticky = &session.Sticky{Name: "route", Key: key, Scope: "here"}
	other := &session.Sticky{Name: "route", Key: key, Scope: "there"}
	h := hostOf(t, o)
	for _, tt := range []struct {
		name, value, want string
	}{
		{"own", o.Sticky.Value("tcp:a", h.loop.Wall()), "tcp:a"},
		{"another site's", other.Value("tcp:a", h.loop.Wall()), ""},
		{"forged", "1.tcp:a.0.xxxx", ""},
	} {
		x, _ := exchange(t, get("/index.php", "Cookie: a=b; route="+tt.value))
		x.Rehearse = func(*cgi.Environment) {}
		h.Serve(x)
		r := x.site.php.Begin(x)
		x.stick(r)
		if r.Prefer != tt.want {
			t.Errorf("%s: prefers %q, want %q", tt.name, r.Prefer, tt.want)
		}
		if b := x.stickyCookie(nil); strings.Contains(string(b), "Set-Cookie") {
			t.Errorf("%s: %q though nobody answered", tt.name, b)
		}
	}
}
