package cgi

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"sluice/message"
)

// show writes a Response down in a form that is easy to compare.
func show(res *Response) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d", res.Status)
	if len(res.Reason) > 0 {
		fmt.Fprintf(&b, " %s", res.Reason)
	}
	for _, f := range res.Fields {
		fmt.Fprintf(&b, "|%s: %s", f.Name, f.Value)
	}
	if res.ContentLength >= 0 {
		fmt.Fprintf(&b, "|length %d", res.ContentLength)
	}
	if res.LocalRedirect {
		b.WriteString("|local redirect")
	}
	if len(res.SendFile) > 0 {
		fmt.Fprintf(&b, "|send %s", res.SendFile)
	}
	if len(res.AccelRedirect) > 0 {
		fmt.Fprintf(&b, "|accel %s", res.AccelRedirect)
	}
	if res.Unbuffered {
		b.WriteString("|unbuffered")
	}
	return b.String()
}

// read feeds pieces, and answers what was left after the head.
func read(pieces ...[]byte) (text, rest string, done bool, err error) {
	var r HeadReader
	var res Response
	for i, p := range pieces {
		n, done, err := r.Feed(p, &res)
		if n > len(p) || (!done && err == nil && n != len(p)) {
			return "", "", false, fmt.Errorf("Feed took %d of %d octets", n, len(p))
		}
		if err != nil {
			return "", "", done, err
		}
		if done {
			return show(&res), string(p[n:]) + string(bytes.Join(pieces[i+1:], nil)), true, nil
		}
	}
	return "", "", false, nil
}

func single(b []byte) [][]byte {
	list := make([][]byte, len(b))
	for i := range b {
		list[i] = b[i : i+1]
	}
	return list
}

func TestHeadReader(t *testing.T) {
	long := strings.Repeat("v", 100<<10)
	tests := []struct{ name, in, want, rest, err string }{
		{"php", "X-Powered-By: PHP/8.2\r\nContent-type: text/html; charset=UTF-8\r\n\r\nhello", "200|X-Powered-By: PHP/8.2|Content-type: text/html; charset=UTF-8", "hello", ""},
		{"bare LF", "Content-type: text/plain\n\nhello\n\n", "200|Content-type: text/plain", "hello\n\n", ""},
		{"both line ends", "A: 1\r\nB: 2\n\r\nrest", "200|A: 1|B: 2", "rest", ""},
		{"only an empty line", "\r\nbody", "200", "body", ""},
		{"content that begins with an empty line", "A: 1\r\n\r\n\r\nx", "200|A: 1", "\r\nx", ""},
		{"white space around the value", "A: \t 1 2\t \r\nB:3\r\nC:\r\n\r\n", "200|A: 1 2|B: 3|C: ", "", ""},
		{"value with a colon and high octets", "A: http://x:80/\r\nB: \xC3\xA9\xFF\r\n\r\n", "200|A: http://x:80/|B: \xC3\xA9\xFF", "", ""},
		{"tab within", "A: 1\t2\r\n\r\n", "200|A: 1\t2", "", ""},
		{"cookies keep their order", "Set-Cookie: a=1\r\nX: y\r\nSet-Cookie: b=2\r\nset-cookie: a=3\r\n\r\n", "200|Set-Cookie: a=1|X: y|Set-Cookie: b=2|set-cookie: a=3", "", ""},

		{"status with reason", "Status: 404 Not Found\r\nA: 1\r\n\r\n", "404 Not Found|A: 1", "", ""},
		{"status alone", "status:503\r\n\r\n", "503", "", ""},
		{"status in the middle", "A: 1\r\nSTATUS: 201 \r\nB: 2\r\n\r\n", "201|A: 1|B: 2", "", ""},
		{"last status counts", "Status: 404 Gone\r\nStatus: 200 OK\r\n\r\n", "200 OK", "", ""},
		{"status of two digits", "Status: 20\r\n\r\n", "", "", "three digits"},
		{"status of four digits", "Status: 2000\r\n\r\n", "", "", "three digits"},
		{"status without digits", "Status: OK\r\n\r\n", "", "", "three digits"},
		{"status with a sign", "Status: +20 x\r\n\r\n", "", "", "three digits"},
		{"empty status", "Status:\r\n\r\n", "", "", "three digits"},
		{"status of an interim response", "Status: 100 Continue\r\n\r\n", "", "", "not that of a final response"},
		{"status 101", "Status: 101\r\n\r\n", "", "", "not that of a final response"},

		{"non-parsed header", "HTTP/1.1 404 Not Found\r\nA: 1\r\n\r\n", "404 Not Found|A: 1", "", ""},
		{"non-parsed header of HTTP/2", "HTTP/2 204\r\n\r\n", "204", "", ""},
		{"status after a status line", "HTTP/1.0 200 OK\r\nStatus: 302\r\n\r\n", "302", "", ""},
		{"status line without status", "HTTP/1.1\r\nA: 1\r\n\r\n", "200|A: 1", "", ""},
		{"bad status line", "HTTP/1.1 abc\r\n\r\n", "", "", "three digits"},
		{"bare CR in a status line", "HTTP/1.1 200 OK\rSet-Cookie: a=b\r\n\r\n", "", "", "control character"},
		{"status line later", "A: 1\r\nHTTP/1.1 200 OK\r\n\r\n", "", "", "no field"},

		{"local redirect", "Location: /new?x=1\r\n\r\n", "200|Location: /new?x=1|local redirect", "", ""},
		{"absolute redirect", "Location: http://example.org/\r\nA: 1\r\n\r\n", "302|Location: http://example.org/|A: 1", "", ""},
		{"network-path redirect is not local", "Location: //evil.example/\r\n\r\n", "302|Location: //evil.example/", "", ""},
		{"relative redirect", "Location: new.php\r\n\r\n", "302|Location: new.php", "", ""},
		{"root is local", "Location: /\r\n\r\n", "200|Location: /|local redirect", "", ""},
		{"redirect with status", "Status: 301 Moved Permanently\r\nLocation: /new\r\n\r\n", "301 Moved Permanently|Location: /new", "", ""},
		{"redirect with status after it", "Location: /new\r\nStatus: 303\r\n\r\n", "303|Location: /new", "", ""},
		{"location of a 201", "Status: 201\r\nLocation: http://x/1\r\n\r\n", "201|Location: http://x/1", "", ""},
		{"status line makes it no local redirect", "HTTP/1.1 200 OK\r\nLocation: /x\r\n\r\n", "200 OK|Location: /x", "", ""},

		{"hop-by-hop", "Connection: close\r\nKeep-Alive: 5\r\nTransfer-Encoding: chunked\r\nTE: x\r\nTrailer: y\r\nUpgrade: z\r\nProxy-Connection: a\r\nA: 1\r\n\r\n", "200|A: 1", "", ""},
		{"X-Sendfile", "X-SendFile: /srv/f\r\nA: 1\r\n\r\n", "200|A: 1|send /srv/f", "", ""},
		{"X-Accel-Redirect", "X-Accel-Redirect: /p/f\r\nX-Accel-Expires: 5\r\nX-Accel-Limit-Rate: 1\r\nX-Accel-Charset: x\r\n\r\n", "200|accel /p/f", "", ""},
		{"X-LiteSpeed-Location", "x-litespeed-location: /p/f\r\n\r\n", "200|accel /p/f", "", ""},
		{"X-Accel-Buffering: no", "X-Accel-Buffering: no\r\n\r\n", "200|unbuffered", "", ""},
		{"X-Accel-Buffering: No", "x-accel-buffering: No\r\n\r\n", "200|unbuffered", "", ""},
		{"X-Accel-Buffering: yes", "X-Accel-Buffering: yes\r\n\r\n", "200", "", ""},
		{"event stream", "Content-Type: text/event-stream; charset=utf-8\r\n\r\n", "200|Content-Type: text/event-stream; charset=utf-8|unbuffered", "", ""},
		{"event stream, odd case", "Content-Type: Text/Event-Stream\r\n\r\n", "200|Content-Type: Text/Event-Stream|unbuffered", "", ""},

		{"content length", "Content-Length: 5\r\n\r\nhello", "200|length 5", "hello", ""},
		{"content length twice the same", "Content-Length: 5\r\ncontent-length: 05\r\n\r\n", "200|length 5", "", ""},
		{"content lengths differ", "Content-Length: 5\r\nContent-Length: 6\r\n\r\n", "", "", "repeated or not a number"},
		{"content length negative", "Content-Length: -5\r\n\r\n", "", "", "not a number"},
		{"content length with a sign", "Content-Length: +5\r\n\r\n", "", "", "not a number"},
		{"content length empty", "Content-Length: \r\n\r\n", "", "", "not a number"},
		{"content length a list", "Content-Length: 5, 5\r\n\r\n", "", "", "not a number"},
		{"content length of 18 digits", "Content-Length: 999999999999999999\r\n\r\n", "200|length 999999999999999999", "", ""},
		{"content length of 19 digits", "Content-Length: 9999999999999999999\r\n\r\n", "", "", "not a number"},
		{"content length that wraps", "Content-Length: 36893488147419103237\r\n\r\n", "", "", "not a number"},

		{"no colon", "A: 1\r\nfoo\r\n\r\n", "", "", `no field: "foo"`},
		{"a page without a head", "<html>\n<body>\n\n", "", "", `no field: "<html>"`},
		{"php warning before the head", "<br />\nContent-type: x\n\n", "", "", "no field"},
		{"empty name", ": x\r\n\r\n", "", "", "no field"},
		{"space before the colon", "A : x\r\n\r\n", "", "", "no field"},
		{"space in a name", "A B: x\r\n\r\n", "", "", "no field"},
		{"folded line", "A: 1\r\n 2\r\n\r\n", "", "", "no field"},
		{"NUL in a name", "A\x00: x\r\n\r\n", "", "", "no field"},
		{"high octet in a name", "A\xC3\xA9: x\r\n\r\n", "", "", "no field"},
		{"NUL in a value", "A: x\x00y\r\n\r\n", "", "", "control character"},
		{"bare CR in a value", "A: x\rB: y\r\n\r\n", "", "", "control character"},
		{"DEL in a value", "A: x\x7F\r\n\r\n", "", "", "control character"},
		{"escape in a dropped field", "Connection: \x1B\r\n\r\n", "", "", "control character"},

		{"as many fields as may be", strings.Repeat("A: 1\n", responseFieldsMax) + "\n", "200" + strings.Repeat("|A: 1", responseFieldsMax), "", ""},
		{"a field too many", strings.Repeat("A: 1\n", responseFieldsMax+1) + "\n", "", "", "more than 1000 fields"},
		{"200 kB", "A: " + long + "\r\nB: " + long + "\r\n\r\nx", "200|A: " + long + "|B: " + long, "x", ""},
		{"over the limit", "A: " + long + "\r\nB: " + long + "\r\nC: " + long + "\r\n\r\n", "", "", `over 262144 octets; the last line begins with "C: vvvv`},
		{"over the limit without a line end", strings.Repeat("x", responseHeadBytesMax+1), "", "", "over 262144 octets"},
		{"as long as may be", "A: " + strings.Repeat("v", responseHeadBytesMax-7) + "\r\n\r\n", "200|A: " + strings.Repeat("v", responseHeadBytesMax-7), "", ""},
		{"an octet too long", "A: " + strings.Repeat("v", responseHeadBytesMax-6) + "\r\n\r\n", "", "", "over 262144 octets"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			check := func(how string, pieces ...[]byte) {
				got, rest, done, err := read(pieces...)
				if (err == nil) != (tt.err == "") || (err != nil && !strings.Contains(err.Error(), tt.err)) {
					t.Fatalf("%s: error %v, want %q", how, err, tt.err)
				}
				if got != tt.want || rest != tt.rest || (err == nil && !done) {
					t.Errorf("%s: got %.200q, rest %.60q, want %.200q, rest %.60q", how, got, rest, tt.want, tt.rest)
				}
			}
			in := []byte(tt.in)
			check("whole", in)
			check("octet by octet", single(in)...)
			for i := 0; i <= len(in); i += 1 + len(in)/2000*100 {
				check(fmt.Sprintf("cut at %d", i), in[:i], in[i:])
			}
		})
	}
}

func TestHeadNeedsItsEnd(t *testing.T) {
	in := []byte("Status: 200\r\nA: 1\r\n\r\n")
	for i := range in {
		if _, _, done, err := read(in[:i]); done || err != nil {
			t.Errorf("after %d octets: done %v, error %v", i, done, err)
		}
	}
}

func TestHeadReaderReset(t *testing.T) {
	var r HeadReader
	var res Response
	if _, done, err := r.Feed([]byte("Status: 404\nX-Sendfile: /f\nContent-Length: 3\nX-Accel-Buffering: no\nLocation: /x\nB: 1\n\n"), &res); !done || err != nil {
		t.Fatal(done, err)
	}
	if r.Empty() || string(res.Get("b")) != "1" || res.Get("c") != nil || string(res.Location) != "/x" {
		t.Errorf("Empty %v, Get %q %q", r.Empty(), res.Get("b"), res.Get("c"))
	}
	r.Reset()
	if !r.Empty() {
		t.Error("not Empty after Reset")
	}
	if _, done, err := r.Feed([]byte("A: 1\n\n"), &res); !done || err != nil || show(&res) != "200|A: 1" || res.ContentType != nil || res.Location != nil {
		t.Errorf("after Reset: %s, error %v", show(&res), err)
	}
}

func FuzzResponse(f *testing.F) {
	f.Add([]byte("Status: 404 Not Found\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\n\r\nbody"), uint16(9))
	f.Add([]byte("HTTP/1.1 200 OK\nLocation: /x\n\n"), uint16(30))
	f.Add([]byte("Content-Length: 12\nX-Accel-Redirect: /a\nX-Sendfile: /b\n\n"), uint16(1))
	f.Add([]byte("A: \rB: 1\n\n"), uint16(4))
	f.Fuzz(func(t *testing.T, in []byte, cut uint16) {
		got, rest, done, err := read(in)
		k := int(cut) % (len(in) + 1)
		for how, pieces := range map[string][][]byte{"in two": {in[:k], in[k:]}, "octet by octet": single(in)} {
			got2, rest2, done2, err2 := read(pieces...)
			if got2 != got || rest2 != rest || done2 != done || fmt.Sprint(err2) != fmt.Sprint(err) {
				t.Fatalf("%s: %q %q %v %v; whole: %q %q %v %v", how, got2, rest2, done2, err2, got, rest, done, err)
			}
		}
		if !done || err != nil {
			return
		}
		var r HeadReader
		var res Response
		_, _, _ = r.Feed(in, &res)
		if res.Status < 200 || res.Status > 999 || hasControl(res.Reason) {
			t.Fatalf("status %d, reason %q", res.Status, res.Reason)
		}
		for _, field := range res.Fields { // nothing that could become another line
			if !message.IsToken(field.Name) || hasControl(field.Value) {
				t.Fatalf("field %q: %q", field.Name, field.Value)
			}
			if n := strings.ToLower(string(field.Name)); n == "content-length" || n == "transfer-encoding" || n == "connection" || n == "status" {
				t.Fatalf("field %q was passed on", field.Name)
			}
		}
	})
}
