package http1

import "testing"

// Requests that are refused; sections are RFC 9112's where no other is named.
var refused = []struct {
	name, in string
	want     *Error
}{
	// §2.2: "… MAY recognize a single LF as a line terminator" is not taken up.
	{"bare LF after request line", "GET / HTTP/1.1\nHost: a\r\n\r\n", errBareLF},
	{"bare LF after field", "GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n", errBareLF},
	{"bare LF ends head", "GET / HTTP/1.1\r\nHost: a\r\n\n", errBareLF},
	{"bare LF before", "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", errBareLF},
	{"only bare LF", "GET / HTTP/1.1\nHost: a\n\n", errBareLF},
	// §2.2: "A recipient of such a bare CR MUST consider that element to be
	// invalid or replace each bare CR with SP …".
	{"bare CR in method", "G\rET / HTTP/1.1\r\nHost: a\r\n\r\n", errBareCR},
	{"bare CR in target", "GET /\rx HTTP/1.1\r\nHost: a\r\n\r\n", errBareCR},
	{"bare CR after version", "GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", errBareCR},
	{"bare CR in field name", "GET / HTTP/1.1\r\nHost: a\r\nX\rY: z\r\n\r\n", errBareCR},
	{"bare CR in value", "GET / HTTP/1.1\r\nHost: a\r\nX: y\rz\r\n\r\n", errBareCR},
	{"bare CR as line", "GET / HTTP/1.1\r\nHost: a\r\n\r\r\n", errBareCR},
	{"bare CR before", "\r\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", errBareCR},
	{"three empty lines before", "\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", errEmptyLines},

	// §3: request-line = method SP request-target SP HTTP-version.
	{"HTTP/0.9", "GET /\r\n", errRequestLine},
	{"one word", "GET\r\n", errRequestLine},
	{"space only", " \r\n", errRequestLine},
	{"space before method", " GET / HTTP/1.1\r\nHost: a\r\n\r\n", errRequestLine},
	{"two spaces after method", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", errTarget},
	{"two spaces before version", "GET /  HTTP/1.1\r\nHost: a\r\n\r\n", errTarget},
	{"space after version", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", errRequestLine},
	{"no target", "GET HTTP/1.1\r\nHost: a\r\n\r\n", errRequestLine},
	{"empty target", "GET  HTTP/1.1\r\nHost: a\r\n\r\n", errRequestLine},
	{"tabs for spaces", "GET\t/\tHTTP/1.1\r\nHost: a\r\n\r\n", errRequestLine},
	{"TLS hello", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n", errRequestLine},
	{"method is no token", "G(T / HTTP/1.1\r\nHost: a\r\n\r\n", errMethod},
	{"method with colon", "GET: / HTTP/1.1\r\nHost: a\r\n\r\n", errMethod},
	{"NUL in method", "GE\x00 / HTTP/1.1\r\nHost: a\r\n\r\n", errMethod},
	{"octet over 0x7F in method", "G\xc9T / HTTP/1.1\r\nHost: a\r\n\r\n", errMethod},
	{"space in target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", errTarget},
	{"tab in target", "GET /a\tb HTTP/1.1\r\nHost: a\r\n\r\n", errTarget},
	{"NUL in target", "GET /a\x00b HTTP/1.1\r\nHost: a\r\n\r\n", errTarget},
	{"DEL in target", "GET /a\x7fb HTTP/1.1\r\nHost: a\r\n\r\n", errTarget},
	{"fragment in target", "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", errTarget},

	// §2.3, RFC 9110 §15.6.6.
	{"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", errVersion},
	{"HTTP/2.0", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", errVersion},
	{"HTTP/0.9 named", "GET / HTTP/0.9\r\nHost: a\r\n\r\n", errVersion},
	{"minor is no digit", "GET / HTTP/1.x\r\nHost: a\r\n\r\n", errVersion},
	{"version of two digits", "GET / HTTP/1.10\r\nHost: a\r\n\r\n", errRequestLine},
	{"major of two digits", "GET / HTTP/11.1\r\nHost: a\r\n\r\n", errRequestLine},
	{"version without minor", "GET / HTTP/1\r\nHost: a\r\n\r\n", errRequestLine},
	// §2.3: "HTTP-version is case-sensitive."
	{"http in lower case", "GET / http/1.1\r\nHost: a\r\n\r\n", errRequestLine},
	{"another protocol", "GET / ICAP/1.0\r\nHost: a\r\n\r\n", errRequestLine},

	// §3.2.
	{"target without slash", "GET a HTTP/1.1\r\nHost: a\r\n\r\n", errTargetForm},
	{"authority-form outside CONNECT", "GET a:80 HTTP/1.1\r\nHost: a\r\n\r\n", errTargetForm},
	{"another scheme", "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", errTargetForm},
	{"asterisk outside OPTIONS", "GET * HTTP/1.1\r\nHost: a\r\n\r\n", errTargetForm},
	{"asterisk and more", "OPTIONS *x HTTP/1.1\r\nHost: a\r\n\r\n", errTargetForm},
	{"options in lower case", "options * HTTP/1.1\r\nHost: a\r\n\r\n", errTargetForm},
	{"scheme only", "GET http:// HTTP/1.1\r\nHost: a\r\n\r\n", errTargetForm},
	{"absolute, empty host", "GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n", errHost},
	{"absolute, empty host, port", "GET http://:80/x HTTP/1.1\r\nHost: a\r\n\r\n", errHost},
	// RFC 9110 §4.2.4: userinfo.
	{"absolute, userinfo", "GET http://u:p@b/ HTTP/1.1\r\nHost: a\r\n\r\n", errHost},
	{"absolute, backslash", "GET http://b\\@c/ HTTP/1.1\r\nHost: a\r\n\r\n", errHost},
	// §3.2.3: authority-form is CONNECT's only form.
	{"CONNECT with a path", "CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n", errTargetForm},
	{"CONNECT with absolute-form", "CONNECT http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", errTargetForm},

	// §3.2: "A server MUST respond with a 400 (Bad Request) status code to any
	// HTTP/1.1 request message that lacks a Host header field and to any request
	// message that contains more than one Host header field line or a Host header
	// field with an invalid field value."
	{"no Host", "GET / HTTP/1.1\r\n\r\n", errHost},
	{"no Host, absolute", "GET http://b/ HTTP/1.1\r\n\r\n", errHost},
	{"two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", errHost},
	{"two equal Hosts", "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\nhost: a\r\n\r\n", errHost},
	{"two Hosts in 1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", errHost},
	{"two Hosts, absolute", "GET http://b/ HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", errHost},
	{"Host list", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", errHost},
	{"Host with path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", errHost},
	{"Host with userinfo", "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", errHost},
	{"Host with backslash", "GET / HTTP/1.1\r\nHost: a\\b\r\n\r\n", errHost},
	{"Host with scheme", "GET / HTTP/1.1\r\nHost: http://a\r\n\r\n", errHost},
	{"Host with quote", "GET / HTTP/1.1\r\nHost: a\"b\r\n\r\n", errHost},
	{"Host with octet over 0x7F", "GET / HTTP/1.1\r\nHost: \xe4\r\n\r\n", errHost},
	{"Host, bad port", "GET / HTTP/1.1\r\nHost: a:8x\r\n\r\n", errHost},
	{"Host, port of six digits", "GET / HTTP/1.1\r\nHost: a:123456\r\n\r\n", errHost},
	{"Host, port only", "GET / HTTP/1.1\r\nHost: :80\r\n\r\n", errHost},
	{"Host, two ports", "GET / HTTP/1.1\r\nHost: a:80:80\r\n\r\n", errHost},
	{"Host, open bracket", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", errHost},
	{"Host, empty brackets", "GET / HTTP/1.1\r\nHost: []\r\n\r\n", errHost},
	{"Host, name in brackets", "GET / HTTP/1.1\r\nHost: [host]\r\n\r\n", errHost},
	{"Host, more after brackets", "GET / HTTP/1.1\r\nHost: [::1]x\r\n\r\n", errHost},
	{"Host, IPv6 without brackets", "GET / HTTP/1.1\r\nHost: ::1\r\n\r\n", errHost},

	// §5.1: "A server MUST reject, with a response status code of 400 (Bad
	// Request), any received request message that contains whitespace between a
	// header field name and colon."
	{"space before colon", "GET / HTTP/1.1\r\nHost : a\r\n\r\n", errFieldName},
	{"tab before colon", "GET / HTTP/1.1\r\nHost\t: a\r\n\r\n", errFieldName},
	{"no colon", "GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n", errFieldName},
	{"empty name", "GET / HTTP/1.1\r\nHost: a\r\n: x\r\n\r\n", errFieldName},
	{"name is no token", "GET / HTTP/1.1\r\nHost: a\r\nX(Y): z\r\n\r\n", errFieldName},
	{"space in name", "GET / HTTP/1.1\r\nHost: a\r\nX Y: z\r\n\r\n", errFieldName},
	{"NUL in name", "GET / HTTP/1.1\r\nHost: a\r\nX\x00: z\r\n\r\n", errFieldName},
	{"octet over 0x7F in name", "GET / HTTP/1.1\r\nHost: a\r\nX\xa0: z\r\n\r\n", errFieldName},
	// §5.2: "A server that receives an obs-fold in a request message … MUST
	// either reject the message … or replace each".
	{"fold with space", "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n z\r\n\r\n", errFold},
	{"fold with tab", "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n\tz\r\n\r\n", errFold},
	{"fold of nothing", "GET / HTTP/1.1\r\nHost: a\r\n \r\n\r\n", errFold},
	// §2.2: white space between the start-line and the first field.
	{"fold after request line", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", errFold},
	// RFC 9110 §5.5: "Field values containing CR, LF, or NUL characters are
	// invalid and dangerous".
	{"NUL in value", "GET / HTTP/1.1\r\nHost: a\r\nX: y\x00z\r\n\r\n", errFieldValue},
	{"NUL at the end of value", "GET / HTTP/1.1\r\nHost: a\r\nX: y\x00\r\n\r\n", errFieldValue},
	{"control in value", "GET / HTTP/1.1\r\nHost: a\r\nX: \x1b[0m\r\n\r\n", errFieldValue},
	{"control in long value", "GET / HTTP/1.1\r\nHost: a\r\nX: 0123456789abcde\x1f0123456789abcdef\r\n\r\n", errFieldValue},
	{"DEL in value", "GET / HTTP/1.1\r\nHost: a\r\nX: \x7f\r\n\r\n", errFieldValue},

	// RFC 9110 §10.1.1: "… MAY respond with a 417 (Expectation Failed)".
	{"another expectation", "GET / HTTP/1.1\r\nHost: a\r\nExpect: 200-ok\r\n\r\n", errExpect},
	{"two expectations", "GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue, x\r\n\r\n", errExpect},
}

func TestRefused(t *testing.T) {
	for _, tt := range refused {
		t.Run(tt.name, func(t *testing.T) { testTranscript(t, Limits{}, tt.in, said(tt.want)) })
	}
}

// A request may be refused before it has come whole, but never be accepted
// because its end has come first: nothing is complete up to the error.
func TestRefusedHasNoHead(t *testing.T) {
	for _, tt := range refused {
		for n := range len(tt.in) {
			got := drive(t, Limits{}, []byte(tt.in[:n]))
			if got != "" && got != said(tt.want) && got != "more startLine\n" && got != "more fieldLines\n" {
				t.Errorf("%s: drive(%q) = %q", tt.name, tt.in[:n], got)
			}
		}
	}
}

// Every control character and NUL is refused everywhere in a head, HTAB aside.
func TestControlCharactersAnywhere(t *testing.T) {
	const head = "GET /p?q HTTP/1.1\r\nHost: a\r\nAccept-Long-Name: 0123456789 abcdef\r\n\r\n"
	for c := range 0x80 {
		if c == '\t' || (c >= ' ' && c != 0x7F) {
			continue
		}
		for at := range len(head) - 3 { // inserted before the last line's end
			if (c == '\n' || c == '\r') && at == 0 {
				continue // §2.2 has its own cases
			}
			in := head[:at] + string(rune(c)) + head[at:]
			if got := drive(t, Limits{}, []byte(in)); lastLine(got)[:5] != "error" {
				t.Errorf("0x%02x at %d: drive(%q) = %q, want an error", c, at, in, got)
			}
		}
	}
}
