package front

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"

	"sluice/loop"
)

func TestForwarded(t *testing.T) {
	trusting := func(prefixes ...string) func(*Options) {
		return func(o *Options) {
			for _, p := range prefixes {
				o.Trusted = append(o.Trusted, netip.MustParsePrefix(p))
			}
		}
	}
	trusted := newWorld(t, loop.Portable, change{front: trusting("127.0.0.0/8", "10.0.0.0/8", "2001:db8:ffff::/48")})
	nobody := newWorld(t, loop.Portable, change{})
	others := newWorld(t, loop.Portable, change{front: trusting("10.0.0.0/8")})
	for _, tt := range []struct {
		w      *world
		fields string
		remote string // of REMOTE_ADDR:REMOTE_PORT, without the port where the peer itself is meant
		tls    bool
	}{
		{trusted, "", "127.0.0.1", false},
		{trusted, "X-Forwarded-For: 192.0.2.1", "192.0.2.1:0", false},
		{trusted, "X-Forwarded-For: 192.0.2.1:4711", "192.0.2.1:4711", false},
		{trusted, "X-Forwarded-For: 2001:db8::1", "[2001:db8::1]:0", false},
		{trusted, "X-Forwarded-For: [2001:db8::1]:80", "[2001:db8::1]:80", false},
		{trusted, "X-Forwarded-For: [2001:db8::1]", "[2001:db8::1]:0", false},
		{trusted, "X-Forwarded-For: ::ffff:192.0.2.1", "192.0.2.1:0", false},
		{trusted, "X-Forwarded-For: [::ffff:10.0.0.1]", "10.0.0.1:0", false},
		{trusted, "X-Forwarded-For: 192.0.2.7, [::ffff:10.0.0.1]", "192.0.2.7:0", false},
		// Whatever stands before the first stranger was written by him.
		{trusted, "X-Forwarded-For: 10.9.9.9, 192.0.2.1", "192.0.2.1:0", false},
		{trusted, "X-Forwarded-For: 8.8.8.8, 192.0.2.1, 10.0.0.2,10.0.0.3", "192.0.2.1:0", false},
		{trusted, "X-Forwarded-For: 8.8.8.8|X-Forwarded-For: 192.0.2.1|X-Forwarded-For: 10.0.0.2", "192.0.2.1:0", false},
		{trusted, "X-Forwarded-For: 192.0.2.1, 2001:db8:ffff::5", "192.0.2.1:0", false},
		{trusted, "X-Forwarded-For: 10.0.0.2", "10.0.0.2:0", false},
		{trusted, "X-Forwarded-For: 8.8.8.8, nonsense, 10.0.0.2", "10.0.0.2:0", false},
		{trusted, "X-Forwarded-For: ", "127.0.0.1", false},
		{trusted, "X-Forwarded-For: unknown", "127.0.0.1", false},
		{trusted, "X-Forwarded-For: 192.0.2.1%eth0", "127.0.0.1", false},
		{trusted, "X-Forwarded-For: 192.0.2.1\"", "127.0.0.1", false},
		{trusted, "X-Forwarded-Proto: https", "127.0.0.1", true},
		{trusted, "X-Forwarded-Proto: HTTPS", "127.0.0.1", true},
		{trusted, "X-Forwarded-Proto: http", "127.0.0.1", false},
		{trusted, "X-Forwarded-Proto: https, http", "127.0.0.1", false},
		{trusted, "X-Forwarded-Proto: ftp", "127.0.0.1", false},
		// Forwarded, RFC 7239.
		{trusted, "Forwarded: for=192.0.2.1", "192.0.2.1:0", false},
		{trusted, "Forwarded: For=\"192.0.2.1:4711\";Proto=HTTPS;by=10.0.0.1", "192.0.2.1:4711", true},
		{trusted, "Forwarded: for=\"[2001:db8::1]:4711\"; proto=\"https\"", "[2001:db8::1]:4711", true},
		{trusted, "Forwarded: for=\"[2001:db8::1]\"", "[2001:db8::1]:0", false},
		{trusted, "Forwarded: for=8.8.8.8, for=192.0.2.1;proto=https, for=10.0.0.3;proto=http", "192.0.2.1:0", true},
		{trusted, "Forwarded: for=8.8.8.8;proto=https, for=192.0.2.1;proto=http", "192.0.2.1:0", false},
		{trusted, "Forwarded: for=8.8.8.8|Forwarded: for=192.0.2.1", "192.0.2.1:0", false},
		{trusted, "Forwarded: for=_hidden, for=10.0.0.2", "10.0.0.2:0", false},
		{trusted, "Forwarded: for=unknown", "127.0.0.1", false},
		{trusted, "Forwarded: for=\"evil, for=192.0.2.1", "192.0.2.1:0", false}, // an open quote hides nothing
		{trusted, "Forwarded: proto=https", "127.0.0.1", true},
		{trusted, "Forwarded: ", "127.0.0.1", false},
		// A proxy that knows X-Forwarded-For only hands the client's own
		// Forwarded on.
		{trusted, "Forwarded: for=8.8.8.8;proto=https|X-Forwarded-For: 192.0.2.1|X-Forwarded-Proto: http", "192.0.2.1:0", false},
		// Strangers are not believed.
		{nobody, "X-Forwarded-For: 192.0.2.1|X-Forwarded-Proto: https", "127.0.0.1", false},
		{nobody, "Forwarded: for=192.0.2.1;proto=https", "127.0.0.1", false},
		{others, "X-Forwarded-For: 192.0.2.1, 10.0.0.1|X-Forwarded-Proto: https", "127.0.0.1", false},
	} {
		c := tt.w.dial()
		c.send(get("/env.php", strings.Split(tt.fields, "|")...))
		if tt.fields == "" {
			c = tt.w.dial()
			c.send(get("/env.php"))
		}
		a := c.expect("GET", 200)
		want := tt.remote
		if want == "127.0.0.1" {
			want = c.c.LocalAddr().String()
		}
		if !strings.HasPrefix(a.body, fmt.Sprintf("remote=%s tls=%v ", want, tt.tls)) {
			t.Errorf("%q: %q; want remote=%s tls=%v", tt.fields, a.body, want, tt.tls)
		}
	}
}

// A peer on a Unix socket has no address; it is believed only if that was said.
func TestForwardedOverUnix(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		for _, trust := range []bool{true, false} {
			dir := shortDir(t)
			w := newWorld(t, e, change{listen: "unix", address: filepath.Join(dir, "s"), front: func(o *Options) { o.TrustedUnix = trust }})
			c := w.dial()
			c.send(get("/env.php", "X-Forwarded-For: 192.0.2.1", "X-Forwarded-Proto: https"))
			a := c.expect("GET", 200)
			if got := strings.HasPrefix(a.body, "remote=192.0.2.1:0 tls=true port=443"); got != trust {
				t.Errorf("trusted %v: %q", trust, a.body)
			}
			c.stillOpen()
		}
	})
}
