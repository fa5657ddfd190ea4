package http1

import (
	"bytes"
	"testing"
)

// Eight octets at a time finds the same as one at a time: every octet at every
// place of short and long slices, between neighbours that could borrow.
func TestHasBelow(t *testing.T) {
	for _, around := range []byte{'!', 'a', '~', 0x80, 0xFF} {
		for n := 1; n <= 17; n++ {
			b := bytes.Repeat([]byte{around}, n)
			for at := range b {
				for c := range 256 {
					b[at] = byte(c)
					for _, low := range []uint64{' ', ' ' + 1} {
						if got, want := hasBelow(b, low), uint64(c) < low || c == 0x7F; got != want {
							t.Fatalf("hasBelow(%q, %#x) = %v, want %v", b, low, got, want)
						}
					}
				}
				b[at] = around
			}
		}
	}
	if hasBelow(nil, ' ') {
		t.Error("hasBelow(nil) = true, want false")
	}
}

func TestIsHost(t *testing.T) {
	for _, good := range []string{"", "a", "a.b-c_d~e", "10.0.0.1", "a:0", "a:65535", "a:", "[::]", "[::1]:", "[2001:db8::1]:443", "a%20b", "A!$&'()*+,;=z"} {
		if !isHost([]byte(good)) {
			t.Errorf("isHost(%q) = false, want true", good)
		}
	}
	for _, bad := range []string{":", ":1", "a:b", "a:-1", "a: 1", "a:123456", "a b", "a/", "a?", "a#", "a@b", "a\\b", "a\x00", "a\t", "<a>", "a|b", "a^b", "a`b", "a{b}", "[", "[]", "[:]", "[::1", "[::1]a", "[::1]80", "[::g]", "[::1%25eth0]", "a[::1]", "]", "\x80"} {
		if isHost([]byte(bad)) {
			t.Errorf("isHost(%q) = true, want false", bad)
		}
	}
}
