package cgid

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"sluice/cgi"
)

// convertPieces feeds pieces to a reader and answers all that it made of them.
func convertPieces(head bool, pieces ...string) (string, error) {
	n := newNPHReader(head)
	var out []byte
	var err error
	for _, p := range pieces {
		if out, err = n.Feed(out, []byte(p)); err != nil {
			return string(out), err
		}
	}
	out, err = n.End(out)
	return string(out), err
}

const unbuffered = "X-Accel-Buffering: no\r\n\r\n"

func TestNPHReader(t *testing.T) {
	const chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\nContent-Length: 3\r\n\r\n"
	for _, tt := range []struct {
		name, in, want string
		head, broken   bool
	}{
		{"nothing", "", "", false, false},
		{"CRLF", "HTTP/1.1 404 Not Found\r\nA: b\r\nC: d\r\n\r\nbody\r\n\r\n", "Status: 404 Not Found\r\nA: b\r\nC: d\r\n" + unbuffered + "body\r\n\r\n", false, false},
		{"LF", "HTTP/1.0 200\nA: b\n\nbody", "Status: 200\r\nA: b\r\n" + unbuffered + "body", false, false},
		{"no fields", "HTTP/1.0 200 OK\r\n\r\n", "Status: 200 OK\r\n" + unbuffered, false, false},
		{"other Status and buffering", "HTTP/1.1 200 OK\r\nStatus: 500\r\nx-accel-buffering: yes\r\n\r\n", "Status: 200 OK\r\n" + unbuffered, false, false},
		{"interim responses", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\nb", "Status: 200 OK\r\n" + unbuffered + "b", false, false},
		{"plain CGI after an interim response", "HTTP/1.1 100 C\n\nStatus: 200\n\nx", "Status: 200\n\nx", false, false},
		{"switching protocols is the gateway's to refuse", "HTTP/1.1 101 Switching\r\n\r\n", "Status: 101 Switching\r\n" + unbuffered, false, false},
		{"no status", "HTTP/1.1\r\n\r\n", "Status: \r\n" + unbuffered, false, false},
		{"field that is none", "HTTP/1.1 200 OK\r\nfoo\r\n\r\n", "Status: 200 OK\r\nfoo\r\n" + unbuffered, false, false},
		{"plain CGI", "Content-Type: text/plain\n\nbody", "Content-Type: text/plain\n\nbody", false, false},
		{"plain CGI like HTTP", "HTT\n\nbody", "HTT\n\nbody", false, false},
		{"cut head", "HTTP/1.1 200 OK\r\nA: b\r\n", "HTTP/1.1 200 OK\r\nA: b\r\n", false, false},
		{"cut start", "HTT", "HTT", false, false},
		{"chunks", chunked + "3\r\nabc\r\n00A;x=y\r\n0123456789\r\n0\r\nT: r\r\n\r\nmore", "Status: 200 OK\r\n" + unbuffered + "abc0123456789", false, false},
		{"chunks of LF", strings.ReplaceAll(chunked, "\r", "") + "3\nabc\n0\n\n", "Status: 200 OK\r\n" + unbuffered + "abc", false, false},
		{"chunks, cut in data", chunked + "3\r\nab", "Status: 200 OK\r\n" + unbuffered + "ab", false, true},
		{"chunks, no last", chunked + "3\r\nabc\r\n", "Status: 200 OK\r\n" + unbuffered + "abc", false, true},
		{"chunks, none", chunked, "Status: 200 OK\r\n" + unbuffered, false, true},
		{"chunks, none to HEAD", chunked, "Status: 200 OK\r\n" + unbuffered, true, false},
		{"chunks, none with 304", strings.Replace(chunked, "200 OK", "304 X", 1), "Status: 304 X\r\n" + unbuffered, false, false},
		{"chunks, no size", chunked + "\r\nabc", "Status: 200 OK\r\n" + unbuffered, false, true},
		{"chunks, nonsense after the size", chunked + "3x\r\nabc", "Status: 200 OK\r\n" + unbuffered, false, true},
		{"chunks, size too large", chunked + "1234567890123456\r\nabc", "Status: 200 OK\r\n" + unbuffered, false, true},
		{"chunks, data too long", chunked + "3\r\nabcd", "Status: 200 OK\r\n" + unbuffered + "abc", false, true},
		{"chunks, endless extension", chunked + "3;" + strings.Repeat("x", chunkLineBytesMax), "Status: 200 OK\r\n" + unbuffered, false, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			check := func(how string, pieces ...string) {
				got, err := convertPieces(tt.head, pieces...)
				if got != tt.want || errors.Is(err, errChunk) != tt.broken || (err != nil) != tt.broken {
					t.Fatalf("%s: got %q, %v; want %q, broken %v", how, got, err, tt.want, tt.broken)
				}
			}
			check("whole", tt.in)
			check("octet by octet", strings.Split(tt.in, "")...)
			for i := range len(tt.in) {
				check(fmt.Sprint("cut at ", i), tt.in[:i], tt.in[i:])
			}
		})
	}
}

func TestNPHHeadIsBounded(t *testing.T) {
	in := "HTTP/1.1 200 OK\r\n" + strings.Repeat("A: b\r\n", nphHeadBytesMax/6) + "\r\n"
	if got, err := convertPieces(false, in); got != in || err != nil {
		t.Errorf("got %d octets, %v; want the %d as they are", len(got), err, len(in))
	}
}

// FuzzNPHReader: cuts do not show, and what the gateway's parser makes of the
// converted head is what it makes of the program's own.
func FuzzNPHReader(f *testing.F) {
	f.Add([]byte("HTTP/1.1 200 OK\r\nA: b\r\n\r\nbody"), uint16(7), false)
	f.Add([]byte("HTTP/1.1 100 C\n\nHTTP/1.0 404 N\nTransfer-Encoding: chunked\n\n5;x\nhello\n0\n\n"), uint16(60), true)
	f.Add([]byte("Status: 200\n\nx"), uint16(2), false)
	f.Add([]byte("HTTP/1.1 100 C\n\nStatus: 200\n\nx"), uint16(2), false)
	f.Add([]byte("HTTP/1.1\nStatus: 3\n\n"), uint16(2), false)
	f.Fuzz(func(t *testing.T, b []byte, cut uint16, head bool) {
		whole, err := convertPieces(head, string(b))
		k := int(cut) % (len(b) + 1)
		for how, pieces := range map[string][]string{"in two": {string(b[:k]), string(b[k:])}, "octet by octet": strings.Split(string(b), "")} {
			if got, gotErr := convertPieces(head, pieces...); got != whole || fmt.Sprint(gotErr) != fmt.Sprint(err) {
				t.Fatalf("%s: %q, %v; whole: %q, %v", how, got, gotErr, whole, err)
			}
		}
		rest, isNPH := strings.CutPrefix(whole, "Status: ")
		_, status, _ := bytes.Cut(b, []byte(" "))
		if !isNPH || !bytes.HasPrefix(b, []byte(httpPrefix)) || bytes.HasPrefix(status, []byte("1")) {
			return // after an interim response may come plain CGI
		}
		var ours, plain cgi.Response
		var r1, r2 cgi.HeadReader
		_, done, ourErr := r1.Feed([]byte(whole), &ours)
		if !done && ourErr == nil {
			t.Fatalf("the converted head has no end: %q", whole)
		}
		line, fields, _ := strings.Cut(rest, "\r\n") // of a field, white space is trimmed
		_, _, plainErr := r2.Feed([]byte("HTTP/1.1 "+strings.Trim(line, " \t")+"\r\n"+fields), &plain)
		if (ourErr == nil) != (plainErr == nil) || (ourErr == nil && (ours.Status != plain.Status || !ours.Unbuffered)) {
			t.Fatalf("%q: %+v, %v; by a status line: %+v, %v", whole, ours, ourErr, plain, plainErr)
		}
	})
}
