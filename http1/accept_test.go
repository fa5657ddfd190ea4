package http1

import (
	"strconv"
	"testing"
)

// Requests that are served. Sections are RFC 9112's where no other is named.
var accepted = []struct{ name, in, want string }{
	{"simple", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / 1.1 host=a len=0 keep\nend\n"},
	{"field order and repeats", "GET / HTTP/1.1\r\nHost: a\r\nCookie: a=1\r\nX: y\r\ncookie: b=2\r\n\r\n", "GET / 1.1 host=a len=0 keep {Cookie: a=1} {X: y} {cookie: b=2}\nend\n"},

	// §2.2: "a server that is expecting to receive and parse a request-line
	// SHOULD ignore at least one empty line (CRLF) received prior to the
	// request-line."
	{"one empty line before", "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / 1.1 host=a len=0 keep\nend\n"},
	{"two empty lines before", "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / 1.1 host=a len=0 keep\nend\n"},
	{"empty lines before chunked", "\r\n\r\nPOST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n", "POST / 1.1 host=a chunked keep {Transfer-Encoding: chunked}\nbody \"ab\"\nend\n"},
	{"empty line after content", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab\r\nGET /2 HTTP/1.1\r\nHost: b\r\n\r\n", "POST / 1.1 host=a len=2 keep {Content-Length: 2}\nbody \"ab\"\nend\nGET /2 1.1 host=b len=0 keep\nend\n"},

	// §3.1: "The request method is case-sensitive."
	{"method in lower case", "get / HTTP/1.1\r\nHost: a\r\n\r\n", "get / 1.1 host=a len=0 keep\nend\n"},
	{"every tchar in method", "!#$%&'*+-.^_`|~09azAZ / HTTP/1.1\r\nHost: a\r\n\r\n", "!#$%&'*+-.^_`|~09azAZ / 1.1 host=a len=0 keep\nend\n"},
	{"HEAD", "HEAD /x HTTP/1.1\r\nHost: a\r\n\r\n", "HEAD /x 1.1 host=a len=0 keep\nend\n"},

	// §3.2.1 origin-form.
	{"query", "GET /a?b=c HTTP/1.1\r\nHost: a\r\n\r\n", "GET /a?b=c 1.1 host=a len=0 keep\nend\n"},
	{"empty query", "GET /a? HTTP/1.1\r\nHost: a\r\n\r\n", "GET /a? 1.1 host=a len=0 keep\nend\n"},
	{"second question mark", "GET /a?b?c HTTP/1.1\r\nHost: a\r\n\r\n", "GET /a?b?c 1.1 host=a len=0 keep\nend\n"},
	{"path with two slashes is no authority", "GET //evil/x HTTP/1.1\r\nHost: a\r\n\r\n", "GET //evil/x 1.1 host=a len=0 keep\nend\n"},
	{"percent-encoding stays", "GET /%2e%2e%00/ HTTP/1.1\r\nHost: a\r\n\r\n", "GET /%2e%2e%00/ 1.1 host=a len=0 keep\nend\n"},
	{"octets over 0x7F in target", "GET /\xc3\xa4 HTTP/1.1\r\nHost: a\r\n\r\n", "GET /\xc3\xa4 1.1 host=a len=0 keep\nend\n"},

	// §3.2.2 absolute-form: "… MUST ignore the received Host header field (if
	// any) and instead use the host information of the request-target."
	{"absolute", "GET http://b:8/p?q HTTP/1.1\r\nHost: a\r\n\r\n", "GET /p?q 1.1 host=b:8 len=0 keep\nend\n"},
	{"absolute, scheme in capitals", "GET HTTPS://b/ HTTP/1.1\r\nHost: a\r\n\r\n", "GET / 1.1 host=b len=0 keep\nend\n"},
	{"absolute without path", "GET http://b HTTP/1.1\r\nHost: a\r\n\r\n", "GET / 1.1 host=b len=0 keep\nend\n"},
	{"absolute, query without path", "GET http://b?q HTTP/1.1\r\nHost: a\r\n\r\n", "GET /?q 1.1 host=b len=0 keep\nend\n"},
	{"absolute in 1.0 without Host", "GET http://b/ HTTP/1.0\r\n\r\n", "GET / 1.0 host=b len=0\nend\n"},

	// §3.2.3 authority-form, §3.2.4 asterisk-form.
	{"CONNECT", "CONNECT b:443 HTTP/1.1\r\nHost: b:443\r\n\r\n", "CONNECT  1.1 host=b:443 len=0 keep\nend\n"},
	{"OPTIONS *", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "OPTIONS * 1.1 host=a len=0 keep\nend\n"},

	// §3.2, RFC 9110 §7.2, RFC 3986 §3.2.2.
	{"Host with port", "GET / HTTP/1.1\r\nHost: a.example:8080\r\n\r\n", "GET / 1.1 host=a.example:8080 len=0 keep\nend\n"},
	{"Host with empty port", "GET / HTTP/1.1\r\nHost: a:\r\n\r\n", "GET / 1.1 host=a: len=0 keep\nend\n"},
	{"Host empty", "GET / HTTP/1.1\r\nHost:\r\n\r\n", "GET / 1.1 host= len=0 keep\nend\n"},
	{"Host IPv6", "GET / HTTP/1.1\r\nHost: [::ffff:10.0.0.1]:80\r\n\r\n", "GET / 1.1 host=[::ffff:10.0.0.1]:80 len=0 keep\nend\n"},
	{"Host name without case", "GET / HTTP/1.1\r\nhOST: a\r\n\r\n", "GET / 1.1 host=a len=0 keep\nend\n"},
	{"1.0 without Host", "GET / HTTP/1.0\r\n\r\n", "GET / 1.0 host= len=0\nend\n"},

	// §2.3, RFC 9110 §6.2: a higher minor version is treated as our highest.
	{"1.9", "GET / HTTP/1.9\r\nHost: a\r\n\r\n", "GET / 1.1 host=a len=0 keep\nend\n"},

	// §5: OWS around values is not part of them; obs-text is.
	{"white space around value", "GET / HTTP/1.1\r\nHost:\t a \t\r\nX: \t y  z \t \r\n\r\n", "GET / 1.1 host=a len=0 keep {X: y  z}\nend\n"},
	{"no white space", "GET / HTTP/1.1\r\nHost:a\r\nX:y\r\n\r\n", "GET / 1.1 host=a len=0 keep {X: y}\nend\n"},
	{"empty values", "GET / HTTP/1.1\r\nHost: a\r\nX:\r\nY: \t \r\n\r\n", "GET / 1.1 host=a len=0 keep {X: } {Y: }\nend\n"},
	{"colons in value", "GET / HTTP/1.1\r\nHost: a\r\nX: y:z:\r\n\r\n", "GET / 1.1 host=a len=0 keep {X: y:z:}\nend\n"},
	{"obs-text and tab in value", "GET / HTTP/1.1\r\nHost: a\r\nX: \xff\ty\r\n\r\n", "GET / 1.1 host=a len=0 keep {X: \xff\ty}\nend\n"},

	// §9.3.
	{"1.1 close", "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "GET / 1.1 host=a len=0 {Connection: close}\nend\n"},
	{"1.1 close in a list", "GET / HTTP/1.1\r\nHost: a\r\nConnection: x,\tCLOSE ,y\r\n\r\n", "GET / 1.1 host=a len=0 {Connection: x,\tCLOSE ,y}\nend\n"},
	{"1.1 close in a second line", "GET / HTTP/1.1\r\nHost: a\r\nConnection: te\r\nConnection: close\r\n\r\n", "GET / 1.1 host=a len=0 {Connection: te} {Connection: close}\nend\n"},
	{"close is part of a token", "GET / HTTP/1.1\r\nHost: a\r\nConnection: close-not\r\n\r\n", "GET / 1.1 host=a len=0 keep {Connection: close-not}\nend\n"},
	{"close wins over keep-alive", "GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, close\r\n\r\n", "GET / 1.1 host=a len=0 {Connection: keep-alive, close}\nend\n"},
	{"1.0 keep-alive", "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", "GET / 1.0 host= len=0 keep {Connection: Keep-Alive}\nend\n"},
	{"1.0 keep-alive and close", "GET / HTTP/1.0\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n", "GET / 1.0 host= len=0 {Connection: keep-alive} {Connection: close}\nend\n"},
	{"1.0 Keep-Alive field alone", "GET / HTTP/1.0\r\nKeep-Alive: timeout=5\r\n\r\n", "GET / 1.0 host= len=0 {Keep-Alive: timeout=5}\nend\n"},

	// RFC 9110 §10.1.1: "A server that receives a 100-continue expectation in
	// an HTTP/1.0 request MUST ignore that expectation."
	{"expect", "PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\nx", "PUT / 1.1 host=a len=1 keep expect {Expect: 100-Continue} {Content-Length: 1}\nbody \"x\"\nend\n"},
	{"expect in 1.0", "PUT / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx", "PUT / 1.0 host= len=1 {Expect: 100-continue} {Content-Length: 1}\nbody \"x\"\nend\n"},

	// §6.2, §6.3.
	{"content", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nGET", "POST / 1.1 host=a len=3 keep {Content-Length: 3}\nbody \"GET\"\nend\n"},
	{"no content", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", "POST / 1.1 host=a len=0 keep {Content-Length: 0}\nend\n"},
	{"leading zeros", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 002\r\n\r\nab", "POST / 1.1 host=a len=2 keep {Content-Length: 002}\nbody \"ab\"\nend\n"},
	{"content in GET", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab", "GET / 1.1 host=a len=2 keep {Content-Length: 2}\nbody \"ab\"\nend\n"},
	{"content of CRLF", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n\r\n\r\n", "POST / 1.1 host=a len=4 keep {Content-Length: 4}\nbody \"\\r\\n\\r\\n\"\nend\n"},
	{"content in 1.0", "POST / HTTP/1.0\r\nContent-Length: 2\r\n\r\nab", "POST / 1.0 host= len=2 {Content-Length: 2}\nbody \"ab\"\nend\n"},
	{"TE is not Transfer-Encoding", "POST / HTTP/1.1\r\nHost: a\r\nTE: chunked\r\nContent-Length: 1\r\n\r\nx", "POST / 1.1 host=a len=1 keep {TE: chunked} {Content-Length: 1}\nbody \"x\"\nend\n"},
}

func TestAccepted(t *testing.T) {
	for _, tt := range accepted {
		t.Run(tt.name, func(t *testing.T) { testTranscript(t, Limits{}, tt.in, tt.want) })
	}
}

// §7.1 chunked content; in is what follows the head.
var chunkedAccepted = []struct{ name, in, want string }{
	{"one", "3\r\nabc\r\n0\r\n\r\n", "abc"},
	{"two", "3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n", "abcd"},
	{"empty", "0\r\n\r\n", ""},
	{"hex in both cases", "a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n", "01234567890123456789"},
	{"leading zeros", "00000000000003\r\nabc\r\n000\r\n\r\n", "abc"},
	{"data like lines", "9\r\n\r\n0\r\n\r\nx\n\r\n0\r\n\r\n", "\r\n0\r\n\r\nx\n"},
	// §7.1.1: "A recipient MUST ignore unrecognized chunk extensions."
	{"extension", "3;a=b\r\nabc\r\n0;c\r\n\r\n", "abc"},
	{"extension with quotes", "3;a=\"b;c\"\r\nabc\r\n0\r\n\r\n", "abc"},
	{"extension after white space", "3 \t;a = b\r\nabc\r\n0\r\n\r\n", "abc"},
	{"hex digits in extension", "3;3\r\nabc\r\n0;ff=5\r\n\r\n", "abc"},
	// §7.1.2: trailers may be discarded.
	{"trailers", "3\r\nabc\r\n0\r\nX: y\r\nEmpty:\r\nA:b:c\r\n\r\n", "abc"},
	{"trailers do not frame", "0\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\nHost: z\r\n\r\n", ""},
}

const (
	chunkedHead = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
	chunkedSaid = "POST / 1.1 host=a chunked keep {Transfer-Encoding: chunked}\n"
)

func chunkedWant(body string) string {
	if body == "" {
		return chunkedSaid + "end\n"
	}
	return chunkedSaid + "body " + strconv.Quote(body) + "\nend\n"
}

func TestChunkedAccepted(t *testing.T) {
	for _, tt := range chunkedAccepted {
		t.Run(tt.name, func(t *testing.T) {
			testTranscript(t, Limits{}, chunkedHead+tt.in, chunkedWant(tt.want))
		})
	}
	// §7: "All transfer-coding names are case-insensitive."
	t.Run("name without case", func(t *testing.T) {
		in := "POST / HTTP/1.1\r\nHost: a\r\ntransfer-ENCODING: \t ChunkeD \r\n\r\n1\r\nx\r\n0\r\n\r\n"
		testTranscript(t, Limits{}, in, "POST / 1.1 host=a chunked keep {transfer-ENCODING: ChunkeD}\nbody \"x\"\nend\n")
	})
}

// A stream that ends too early is neither complete nor an error.
func TestUnfinished(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"nothing", "", ""},
		{"half a method", "GE", "more startLine\n"},
		{"no CRLF after the line", "GET / HTTP/1.1\r", "more startLine\n"},
		{"half a head", "GET / HTTP/1.1\r\nHost: a\r\n", "more fieldLines\n"},
		{"half a last CRLF", "GET / HTTP/1.1\r\nHost: a\r\n\r", "more fieldLines\n"},
		{"content owed", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n", "POST / 1.1 host=a len=1 keep {Content-Length: 1}\nmore length\n"},
		{"chunk size", chunkedHead + "a", chunkedSaid + "more chunkSize\n"},
		{"chunk owed", chunkedHead + "a\r\n", chunkedSaid + "more chunkData\n"},
		{"chunk end", chunkedHead + "1\r\nx\r", chunkedSaid + "more chunkCRLF\n"},
		{"trailers", chunkedHead + "0\r\n", chunkedSaid + "more trailers\n"},
		{"trailers, last CRLF", chunkedHead + "0\r\nA: b\r\n\r", chunkedSaid + "more trailers\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for how, pieces := range map[string][][]byte{"whole": {[]byte(tt.in)}, "bytewise": bytewise(tt.in)} {
				if got := drive(t, Limits{}, pieces...); got != tt.want {
					t.Errorf("%s: drive(%q)\n got %s\nwant %s", how, tt.in, indent(got), indent(tt.want))
				}
			}
		})
	}
}
