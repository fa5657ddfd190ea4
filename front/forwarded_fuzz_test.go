package front

import (
	"net/netip"
	"testing"

	"sluice/message"
	"sluice/site"
)

// What strangers write into the fields is never believed beyond the last proxy
// that is not trusted, and can't make an address of anything but an address.
func FuzzForwarded(f *testing.F) {
	for _, s := range []string{
		"192.0.2.1", "10.9.9.9, 192.0.2.1:4711 ,[::ffff:10.0.0.1]", "[2001:db8::1%25eth0]:80,unknown,_x", "for=192.0.2.1;proto=https, for=10.0.0.3",
		`For="[2001:db8::1]:4711"; Proto="https";by=10.0.0.1`, `for="a,b=\"c;d", ;;=,for=`, "", ",,", "fe80::1%a,b",
	} {
		f.Add(s, s, "https, http", uint16(3))
	}
	peer := netip.MustParseAddr("127.0.0.1")
	stranger := netip.MustParseAddr("203.0.113.9")
	trusted := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8")}
	told := func(fields ...message.Field) *site.Exchange {
		x := &site.Exchange{Req: &message.Request{Fields: fields}, Client: peer}
		hop{x, trusted}.forwarded()
		return x
	}
	field := func(name, value string) message.Field {
		return message.Field{Name: []byte(name), Value: []byte(value)}
	}
	f.Fuzz(func(t *testing.T, list, elements, proto string, cut uint16) {
		for _, x := range []*site.Exchange{
			told(field("X-Forwarded-For", list), field("Forwarded", elements), field("X-Forwarded-Proto", proto)),
			told(field("Forwarded", elements)),
		} {
			if a := x.Client; !a.IsValid() || a.Zone() != "" || a.Is4In6() || x.Peer != peer || !x.Forwarded {
				t.Fatalf("client %v, peer %v of %q %q", a, x.Peer, list, elements)
			}
		}
		if x := told(field("X-Forwarded-For", list+", "+stranger.String()), field("Forwarded", elements)); x.Client != stranger || x.HTTPS {
			t.Fatalf("X-Forwarded-For %q of a stranger: client %v, HTTPS %v", list, x.Client, x.HTTPS)
		}
		if x := told(field("Forwarded", elements+", for="+stranger.String())); x.Client != stranger || x.HTTPS {
			t.Fatalf("Forwarded %q of a stranger: client %v, HTTPS %v", elements, x.Client, x.HTTPS)
		}
		// RFC 9110 §5.3: lines of one name are one list.
		k := int(cut) % (len(list) + 1)
		one, two := told(field("x-forwarded-for", list[:k]+","+list[k:])), told(field("x-forwarded-for", list[:k]), field("X-FORWARDED-FOR", list[k:]))
		if one.Client != two.Client || one.ClientPort != two.ClientPort {
			t.Fatalf("%q in two lines: %v:%d, in one: %v:%d", list, two.Client, two.ClientPort, one.Client, one.ClientPort)
		}
		if a, ok := parseNode([]byte(list)); ok {
			if again, ok := parseNode([]byte(a.String())); !ok || again != a {
				t.Fatalf("parseNode(%q) is %v, and that is %v, %v", list, a, again, ok)
			}
		}
	})
}
