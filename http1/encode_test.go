package http1

import (
	"math"
	"strings"
	"testing"
)

func TestAppendChunkHead(t *testing.T) {
	for _, tt := range []struct {
		n    int
		want string
	}{
		{0, "0\r\n"},
		{1, "1\r\n"},
		{15, "f\r\n"},
		{16, "10\r\n"},
		{255, "ff\r\n"},
		{256, "100\r\n"},
		{64 << 10, "10000\r\n"},
		{0xabcdef, "abcdef\r\n"},
		{math.MaxInt64, "7fffffffffffffff\r\n"},
	} {
		if got := string(AppendChunkHead([]byte("x"), tt.n)); got != "x"+tt.want {
			t.Errorf("AppendChunkHead(x, %d) = %q, want %q", tt.n, got, "x"+tt.want)
		}
	}
}

// What we write we read back.
func TestChunkRoundTrip(t *testing.T) {
	var body strings.Builder
	in := []byte(chunkedHead)
	for _, n := range []int{1, 9, 10, 15, 16, 17, 255, 4096, 70000} {
		piece := strings.Repeat(string(rune('a'+n%26)), n)
		body.WriteString(piece)
		in = append(append(AppendChunkHead(in, n), piece...), '\r', '\n')
	}
	in = append(AppendChunkHead(in, 0), '\r', '\n')
	if got, want := drive(t, Limits{}, in), chunkedWant(body.String()); got != want {
		t.Errorf("drive of %d octets: %.200q…, want %.200q…", len(in), got, want)
	}
}

// RFC 9112 §4: "status-line = HTTP-version SP status-code SP [ reason-phrase ]";
// "A server MUST send the space that separates the status-code from the
// reason-phrase even when the reason-phrase is absent".
func TestAppendStatusLine(t *testing.T) {
	for _, tt := range []struct {
		status int
		reason string
		want   string
	}{
		{100, "", "HTTP/1.1 100 Continue\r\n"},
		{200, "", "HTTP/1.1 200 OK\r\n"},
		{200, "Fine", "HTTP/1.1 200 Fine\r\n"},
		{404, "", "HTTP/1.1 404 Not Found\r\n"},
		{431, "", "HTTP/1.1 431 Request Header Fields Too Large\r\n"},
		{505, "", "HTTP/1.1 505 HTTP Version Not Supported\r\n"},
		{299, "", "HTTP/1.1 299 \r\n"},
		{299, "Odd", "HTTP/1.1 299 Odd\r\n"},
		{599, "", "HTTP/1.1 599 \r\n"},
		{600, "", "HTTP/1.1 600 \r\n"},
		{999, "", "HTTP/1.1 999 \r\n"},
	} {
		if got := string(AppendStatusLine([]byte("x"), tt.status, []byte(tt.reason))); got != "x"+tt.want {
			t.Errorf("AppendStatusLine(x, %d, %q) = %q, want %q", tt.status, tt.reason, got, "x"+tt.want)
		}
	}
	if got, want := string(Continue), "HTTP/1.1 100 Continue\r\n\r\n"; got != want {
		t.Errorf("Continue = %q, want %q", got, want)
	}
}
