package php

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

const (
	unixHeader = "Num       RefCount Protocol Flags    Type St Inode Path\n"
	tcpHeader  = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
)

// A listening socket is found by its whole path whatever stands around it, and
// nothing is found that the text does not name.
func FuzzParseUnixSockets(f *testing.F) {
	line := "0000000000000000: 00000002 00000000 00010000 0001 01 12345 /run/php/php8.2-fpm.sock\n"
	f.Add(unixHeader+line, "/run/my php.sock", uint32(7))
	f.Add(strings.ReplaceAll(line, "00010000", "00000000")+line, " /a ", uint32(4294967295))
	f.Add("a b c 10000 d e f\na b c 10000 d e f g h\n", "@abstract", uint32(10000))
	f.Fuzz(func(t *testing.T, text, path string, inode uint32) {
		found := parseUnixSockets(text)
		for _, p := range found {
			if p == "" || strings.Contains(p, "\n") || !strings.Contains(text, p) {
				t.Fatalf("parseUnixSockets(%q) found %q", text, p)
			}
		}
		if strings.TrimSpace(path) == "" || strings.Contains(path, "\n") {
			return
		}
		own := fmt.Sprintf("0000000000000000: 00000002 00000000 00010000 0001 01 %5d %s\n", inode, path)
		if got := parseUnixSockets(own); !slices.Equal(got, []string{path}) {
			t.Fatalf("parseUnixSockets(%q) = %q", own, got)
		}
		if text != "" && !strings.HasSuffix(text, "\n") {
			text += "\n"
		}
		if got := parseUnixSockets(text + own); !slices.Equal(got, append(found, path)) {
			t.Fatalf("parseUnixSockets(%q) = %q, before the last line %q", text+own, got, found)
		}
	})
}

// Who listens is a user, and only a line about that port says so.
func FuzzParseTCPListener(f *testing.F) {
	line := "   0: 0100007F:2328 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 12345 1 0\n"
	f.Add(tcpHeader+line, uint16(9000), uint32(1000))
	f.Add(strings.ReplaceAll(line, " 0A ", " 01 ")+strings.ReplaceAll(line, "  1000 ", "  -1 "), uint16(9000), uint32(0))
	f.Add(strings.ReplaceAll(line, "0100007F:2328", "00000000000000000000000000000000:FFFF"), uint16(65535), uint32(4294967295))
	f.Fuzz(func(t *testing.T, text string, port uint16, uid uint32) {
		got, ok := parseTCPListener(text, port)
		if ok && (got < 0 || !strings.Contains(strings.ToUpper(text), fmt.Sprintf("%X", port))) {
			t.Fatalf("parseTCPListener(%q, %d) = %d", text, port, got)
		}
		own := fmt.Sprintf("   0: 0100007F:%04X 00000000:0000 0A 00000000:00000000 00:00000000 00000000 %5d        0 12345 1 0\n", port, uid)
		if got, ok := parseTCPListener(own, port); !ok || got != int(uid) {
			t.Fatalf("parseTCPListener(%q, %d) = %d, %v", own, port, got, ok)
		}
		if _, ok := parseTCPListener(own, port^1); ok {
			t.Fatalf("parseTCPListener(%q, %d) found a listener", own, port^1)
		}
		if text != "" && !strings.HasSuffix(text, "\n") {
			text += "\n"
		}
		if after, _ := parseTCPListener(text+own, port); ok && after != got || !ok && after != int(uid) {
			t.Fatalf("parseTCPListener(%q, %d) = %d, before the last line %d, %v", text+own, port, after, got, ok)
		}
	})
}
