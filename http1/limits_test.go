package http1

import (
	"strings"
	"testing"
)

const closing = "Host: a\r\n\r\n"

// lineOf makes a request line of n octets without CRLF.
func lineOf(n int) string {
	return "GET /" + strings.Repeat("a", n-len("GET / HTTP/1.1")) + " HTTP/1.1"
}

// headOf makes a head of n octets, the last CRLF included.
func headOf(n int) string {
	const front, back = "GET / HTTP/1.1\r\nHost: a\r\nX: ", "\r\n\r\n"
	return front + strings.Repeat("x", n-len(front)-len(back)) + back
}

// fieldsOf makes a head of n field lines.
func fieldsOf(n int) string {
	return "GET / HTTP/1.1\r\nHost: a\r\n" + strings.Repeat("X: y\r\n", n-1) + "\r\n"
}

// refusedOrNot is a transcript cut down to "ok" or its error.
func refusedOrNot(got string) string {
	if last := lastLine(got); strings.HasPrefix(last, "error ") {
		return last + "\n"
	}
	return lastLine(got)
}

// The largest that is taken, the smallest that is not; the defaults are issue
// 2's: 8 KiB (414), 32 KiB and 100 fields (431).
func TestLimits(t *testing.T) {
	long := "GET / HTTP/1.1\r\nHost: a\r\nX: "
	for _, tt := range []struct {
		name, in string
		lim      Limits
		want     string
	}{
		{"line of 8 KiB", lineOf(8<<10) + "\r\n" + closing, Limits{}, "end"},
		{"line of 8 KiB and one", lineOf(8<<10+1) + "\r\n" + closing, Limits{}, said(errLineTooLong)},
		{"line of 8 KiB after empty lines", "\r\n\r\n" + lineOf(8<<10) + "\r\n" + closing, Limits{}, "end"},
		{"line of 8 KiB and one after empty lines", "\r\n\r\n" + lineOf(8<<10+1) + "\r\n" + closing, Limits{}, said(errLineTooLong)},
		{"line without end", strings.Repeat("a", 8<<10+3), Limits{}, said(errLineTooLong)},
		{"line, own limit", lineOf(40) + "\r\n" + closing, Limits{RequestLineBytes: 40}, "end"},
		{"line, own limit and one", lineOf(41) + "\r\n" + closing, Limits{RequestLineBytes: 40}, said(errLineTooLong)},
		{"field line longer than a request line", "GET / HTTP/1.1\r\nX: " + strings.Repeat("x", 9<<10) + "\r\n" + closing, Limits{}, "end"},

		{"head of 32 KiB", headOf(32 << 10), Limits{}, "end"},
		{"head of 32 KiB and one", headOf(32<<10 + 1), Limits{}, said(errHeadTooLong)},
		{"head without end", long + strings.Repeat("x", 32<<10+1-len(long)), Limits{}, said(errHeadTooLong)},
		{"head, own limit", headOf(100), Limits{RequestLineBytes: 50, HeadBytes: 100}, "end"},
		{"head, own limit and one", headOf(101), Limits{RequestLineBytes: 50, HeadBytes: 100}, said(errHeadTooLong)},

		{"100 fields", fieldsOf(100), Limits{}, "end"},
		{"101 fields", fieldsOf(101), Limits{}, said(errTooManyFields)},
		{"fields, own limit", fieldsOf(3), Limits{FieldLines: 3}, "end"},
		{"fields, own limit and one", fieldsOf(4), Limits{FieldLines: 3}, said(errTooManyFields)},

		{"method of 32", strings.Repeat("M", methodBytesMax) + " / HTTP/1.1\r\n" + closing, Limits{}, "end"},
		{"method of 33", strings.Repeat("M", methodBytesMax+1) + " / HTTP/1.1\r\n" + closing, Limits{}, said(errMethod)},

		{"content length of 18 digits", "POST / HTTP/1.1\r\nContent-Length: 999999999999999999\r\n" + closing, Limits{}, "more length"},
		{"chunk size of 15 digits", chunkedHead + "fffffffffffffff\r\n", Limits{}, "more chunkData"},
		{"chunk line of 256", chunkedHead + "0;" + strings.Repeat("x", chunkLineBytesMax-4) + "\r\n\r\n", Limits{}, "end"},
		{"chunk line of 257", chunkedHead + "0;" + strings.Repeat("x", chunkLineBytesMax-3) + "\r\n\r\n", Limits{}, said(errChunkSize)},
		{"chunk line without end", chunkedHead + "0;" + strings.Repeat("x", chunkLineBytesMax-1), Limits{}, said(errChunkSize)},
		{"trailers of 8 KiB", chunkedHead + "0\r\nA:" + strings.Repeat("x", trailerBytesMax-6) + "\r\n\r\n", Limits{}, "end"},
		{"trailers of 8 KiB and one", chunkedHead + "0\r\nA:" + strings.Repeat("x", trailerBytesMax-5) + "\r\n\r\n", Limits{}, said(errTrailer)},
		{"trailers without end", chunkedHead + "0\r\n" + strings.Repeat("A: b\r\n", trailerBytesMax/6+1), Limits{}, said(errTrailer)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for how, pieces := range map[string][][]byte{"whole": {[]byte(tt.in)}, "bytewise": bytewise(tt.in)} {
				if got := refusedOrNot(drive(t, tt.lim, pieces...)); got != tt.want {
					t.Errorf("%s: drive(%d octets, %+v) = %q, want %q", how, len(tt.in), tt.lim, got, tt.want)
				}
			}
		})
	}
}

// The limits count for a request, not for what a client sends behind it, nor
// for what came before.
func TestLimitsArePerRequest(t *testing.T) {
	in := strings.Repeat(headOf(32<<10), 3)
	if got := refusedOrNot(drive(t, Limits{}, []byte(in))); got != "end" {
		t.Errorf("three heads of 32 KiB: %q, want end", got)
	}
	content := "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n" + strings.Repeat("\r\n", 50000)
	if got := refusedOrNot(drive(t, Limits{}, []byte(content))); got != "end" {
		t.Errorf("100000 octets of content: %q, want end", got)
	}
}

func TestStatuses(t *testing.T) {
	for err, want := range map[*Error]int{errLineTooLong: 414, errHeadTooLong: 431, errTooManyFields: 431, errVersion: 505, errExpect: 417, errHost: 400, errLengthAndTE: 400, errTE: 400} {
		if err.Status != want {
			t.Errorf("%v: status %d, want %d", err, err.Status, want)
		}
	}
	if got, want := errHost.Error(), "http1: Host is missing, repeated or not a host"; got != want {
		t.Errorf("Error() = %q, want %q", got, want)
	}
}

func TestInitSetsDefaults(t *testing.T) {
	lim := Limits{FieldLines: 7, HeadBytes: -1}
	var p Parser
	p.Init(&lim)
	if want := (Limits{RequestLineBytes: 8192, HeadBytes: 32768, FieldLines: 7}); lim != want {
		t.Errorf("Init: %+v, want %+v", lim, want)
	}
}
