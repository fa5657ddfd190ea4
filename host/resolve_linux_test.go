package host

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"net"
	"net/netip"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"sluice/fcgi"
)

// names is a DNS server that knows one name's addresses, whatever is asked for.
type names struct {
	addrs atomic.Pointer[[]netip.Addr]
	asked atomic.Int32
}

// use makes it the system's until the test has ended.
func (n *names) use(t *testing.T) {
	t.Helper()
	old := net.DefaultResolver
	t.Cleanup(func() { net.DefaultResolver = old })
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go n.serve(ours)
		return theirs, nil
	}}
}

// serve answers as over TCP (RFC 1035 §4.2.2), which is what the resolver speaks
// to what is no packet socket.
func (n *names) serve(c net.Conn) {
	defer func() { _ = c.Close() }()
	for {
		var size [2]byte
		if _, err := io.ReadFull(c, size[:]); err != nil {
			return
		}
		q := make([]byte, binary.BigEndian.Uint16(size[:]))
		if _, err := io.ReadFull(c, q); err != nil || len(q) < 12 {
			return
		}
		if _, err := c.Write(n.answer(q)); err != nil {
			return
		}
	}
}

func (n *names) answer(q []byte) []byte {
	end := 12
	for q[end] != 0 {
		end += 1 + int(q[end])
	}
	end += 5 // the root, QTYPE and QCLASS
	var addrs []netip.Addr
	if binary.BigEndian.Uint16(q[end-4:]) == 1 { // A
		n.asked.Add(1)
		addrs = *n.addrs.Load()
	}
	msg := append([]byte{q[0], q[1], 0x81, 0x80, 0, 1, 0, byte(len(addrs)), 0, 0, 0, 0}, q[12:end]...)
	for _, a := range addrs {
		msg = append(append(msg, 0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4), a.AsSlice()...)
	}
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(msg))), msg...)
}

// A name of several addresses is as many servers, and php.resolve_time later what
// it has become.
func TestResolveTime(t *testing.T) {
	var port string
	for i, host := range []string{"127.0.0.1:0", "127.0.0.2:", "127.0.0.3:"} {
		ln, err := net.Listen("tcp", host+port)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = ln.Close() }()
		if _, port, err = net.SplitHostPort(ln.Addr().String()); err != nil {
			t.Fatal(err)
		}
		go func() {
			for {
				c, err := ln.Accept()
				if err != nil {
					return
				}
				go serveRoles(c, func(fcgi.Role, map[string]string, string, string) string {
					return fmt.Sprintf("Content-Type: text/plain\r\n\r\n%d", i+1)
				})
			}
		}()
	}
	var dns names
	set := func(last ...byte) {
		var list []netip.Addr
		for _, b := range last {
			list = append(list, netip.AddrFrom4([4]byte{127, 0, 0, b}))
		}
		dns.addrs.Store(&list)
	}
	set(1, 2)
	dns.use(t)
	h := serveConfig(t, map[string]string{"a.php": "<?php"}, fmt.Sprintf(`
[[site]]
root = "{dir}"
[site.php]
servers = ["tcp:php.sluice.test:%s name=php"]
resolve_time = "1s"
`, port))
	by := func() map[string]bool {
		seen := map[string]bool{}
		for range 40 {
			rec := ask(h, "GET", "/a.php", "")
			if rec.Code != 200 {
				t.Fatalf("status %d: %.200s", rec.Code, rec.Body)
			}
			seen[rec.Body.String()] = true
		}
		return seen
	}
	if seen := by(); len(seen) != 2 || !seen["1"] || !seen["2"] {
		t.Errorf("answers of %v, want those of both addresses", seen)
	}
	becomes := func(what string, want ...string) {
		t.Helper()
		var seen map[string]bool
		for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
			if seen = by(); slices.Equal(slices.Sorted(maps.Keys(seen)), want) {
				return
			}
		}
		t.Fatalf("%s: answers of %v, want %q", what, seen, want)
	}
	set(3)
	becomes("another address", "3")
	asked := dns.asked.Load()
	set() // the name is gone; what was known of it goes on being used
	for end := time.Now().Add(20 * time.Second); dns.asked.Load() < asked+2 && time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
	}
	if dns.asked.Load() < asked+2 {
		t.Error("the name was not looked up again")
	}
	becomes("no address", "3")
	set(1, 3)
	becomes("an address more", "1", "3")
}
