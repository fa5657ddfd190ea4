package http1

import (
	"strings"
	"testing"
)

// Requests that two readers may cut apart differently. One error, no head: not
// an octet behind them is taken for a request. Sections are RFC 9112's.
var smuggled = []struct {
	name, fields string // behind POST / and Host
	want         *Error
}{
	// §6.3: "If a message is received with both a Transfer-Encoding and a
	// Content-Length header field … ought to be handled as an error."
	{"CL.TE", "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n", errLengthAndTE},
	{"TE.CL", "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", errLengthAndTE},
	{"CL.0 with TE", "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n", errLengthAndTE},
	{"CL.TE without case", "content-LENGTH: 6\r\ntransfer-ENCODING: CHUNKED\r\n", errLengthAndTE},

	// §6.3: "If a message is received without Transfer-Encoding and with an
	// invalid Content-Length header field, then the message framing is invalid …".
	{"CL.CL", "Content-Length: 5\r\nContent-Length: 6\r\n", errLength},
	{"CL twice the same", "Content-Length: 5\r\nContent-Length: 5\r\n", errLength},
	{"CL twice, empty", "Content-Length: 5\r\nContent-Length:\r\n", errLength},
	{"CL list", "Content-Length: 5, 5\r\n", errLength},
	{"CL list of two", "Content-Length: 5,6\r\n", errLength},
	{"CL empty", "Content-Length:\r\n", errLength},
	{"CL plus", "Content-Length: +5\r\n", errLength},
	{"CL minus", "Content-Length: -1\r\n", errLength},
	{"CL minus nought", "Content-Length: -0\r\n", errLength},
	{"CL hexadecimal", "Content-Length: 0x5\r\n", errLength},
	{"CL hex digits", "Content-Length: a\r\n", errLength},
	{"CL fraction", "Content-Length: 5.0\r\n", errLength},
	{"CL exponent", "Content-Length: 5e0\r\n", errLength},
	{"CL underscore", "Content-Length: 1_0\r\n", errLength},
	{"CL with space", "Content-Length: 5 5\r\n", errLength},
	{"CL with letters behind", "Content-Length: 5abc\r\n", errLength},
	{"CL quoted", "Content-Length: \"5\"\r\n", errLength},
	{"CL semicolon", "Content-Length: 5;\r\n", errLength},
	{"CL of 19 digits", "Content-Length: 1000000000000000000\r\n", errLength},
	{"CL over an int64", "Content-Length: 9223372036854775808\r\n", errLength},
	{"CL over a uint64", "Content-Length: 18446744073709551621\r\n", errLength},
	{"CL in other digits", "Content-Length: \xd9\xa5\r\n", errLength},
	{"CL NUL", "Content-Length: 5\x00\r\n", errFieldValue},
	{"CL vertical tab", "Content-Length: \x0b5\r\n", errFieldValue},

	// §6.1: only "chunked" is served; §7: case does not matter, all else does.
	{"TE two codings", "Transfer-Encoding: gzip, chunked\r\n", errTE},
	{"TE chunked not last", "Transfer-Encoding: chunked, identity\r\n", errTE},
	{"TE chunked twice", "Transfer-Encoding: chunked, chunked\r\n", errTE},
	{"TE.TE", "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n", errTE},
	{"TE.TE the same", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", errTE},
	{"TE.TE split list", "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", errTE},
	{"TE identity", "Transfer-Encoding: identity\r\n", errTE},
	{"TE empty", "Transfer-Encoding:\r\n", errTE},
	{"TE comma behind", "Transfer-Encoding: chunked,\r\n", errTE},
	{"TE comma before", "Transfer-Encoding: ,chunked\r\n", errTE},
	{"TE xchunked", "Transfer-Encoding: xchunked\r\n", errTE},
	{"TE chunkedx", "Transfer-Encoding: chunkedx\r\n", errTE},
	{"TE parameter", "Transfer-Encoding: chunked;q=1\r\n", errTE},
	{"TE quoted", "Transfer-Encoding: \"chunked\"\r\n", errTE},
	{"TE in single quotes", "Transfer-Encoding: 'chunked'\r\n", errTE},
	{"TE Kelvin sign", "Transfer-Encoding: chun\xe2\x84\xaaed\r\n", errTE},
	{"TE no-break space", "Transfer-Encoding: \xa0chunked\r\n", errTE},
	{"TE and unknown TE with CL", "Content-Length: 4\r\nTransfer-Encoding: cow\r\n", errTE},
	{"TE vertical tab", "Transfer-Encoding: \x0bchunked\r\n", errFieldValue},
	{"TE form feed", "Transfer-Encoding: chunked\x0c\r\n", errFieldValue},
	{"TE NUL", "Transfer-Encoding: chunked\x00\r\n", errFieldValue},
	{"TE backspace", "Transfer-Encoding: x\x08chunked\r\n", errFieldValue},

	// §5.1: names that another reader may trim, join or split.
	{"TE space before colon", "Transfer-Encoding : chunked\r\n", errFieldName},
	{"TE tab before colon", "Transfer-Encoding\t: chunked\r\n", errFieldName},
	{"TE NUL in name", "Transfer-Encoding\x00: chunked\r\n", errFieldName},
	{"TE no-break space in name", "Transfer-Encoding\xa0: chunked\r\n", errFieldName},
	{"CL space before colon", "Content-Length : 5\r\n", errFieldName},
	{"CL colon missing", "Content-Length 5\r\n", errFieldName},
	{"TE after a space", " Transfer-Encoding: chunked\r\n", errFold},
	{"TE folded value", "Transfer-Encoding:\r\n chunked\r\n", errFold},
	{"CL folded value", "Content-Length: 1\r\n 5\r\n", errFold},
	{"TE hidden by bare LF", "X: y\nTransfer-Encoding: chunked\r\n", errBareLF},
	{"TE hidden by bare CR", "X: y\rTransfer-Encoding: chunked\r\n", errBareCR},
	{"TE hidden by LF CR", "X: y\n\rTransfer-Encoding: chunked\r\n", errBareLF},
	{"head ended by LF CR LF", "X: y\n\r\n", errBareLF},
	{"CL with CR CR LF", "Content-Length: 5\r\r\n", errBareCR},
}

func TestSmuggling(t *testing.T) {
	for _, tt := range smuggled {
		t.Run(tt.name, func(t *testing.T) {
			in := "POST / HTTP/1.1\r\nHost: a\r\n" + tt.fields + "\r\n0\r\n\r\nGET /admin HTTP/1.1\r\nHost: a\r\n\r\n"
			testTranscript(t, Limits{}, in, said(tt.want))
			// The order of the fields makes no difference, nor do others around.
			in = "POST / HTTP/1.1\r\nX: y\r\n" + tt.fields + "Z: z\r\nHost: a\r\n\r\n0\r\n\r\n"
			testTranscript(t, Limits{}, in, said(tt.want))
		})
	}
	// §6.1: "A server or client that receives an HTTP/1.0 message containing a
	// Transfer-Encoding header field MUST treat the message as if the framing is
	// faulty".
	t.Run("TE in 1.0", func(t *testing.T) {
		testTranscript(t, Limits{}, "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", said(errTEVersion))
	})
	t.Run("TE and CL in 1.0", func(t *testing.T) {
		testTranscript(t, Limits{}, "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", said(errLengthAndTE))
	})
}

// Names that only look like the framing fields do not frame, and a CGI variable
// made from them is not our affair.
func TestLookalikesDoNotFrame(t *testing.T) {
	for _, f := range []string{"Transfer_Encoding: chunked", "Content_Length: 5", "X-Transfer-Encoding: chunked", "Content-Lengt: 5", "Content-Length2: 5", "TransferEncoding: chunked"} {
		in := "POST / HTTP/1.1\r\nHost: a\r\n" + f + "\r\n\r\n"
		testTranscript(t, Limits{}, in, "POST / 1.1 host=a len=0 keep {"+f+"}\nend\n")
	}
}

// §7.1; in is what follows the head of a chunked request.
var chunkedRefused = []struct {
	name, in, body string // body comes before the error
	want           *Error
}{
	{"no size", "\r\nabc\r\n0\r\n\r\n", "", errChunkSize},
	{"no hex digit", "g\r\nabc\r\n0\r\n\r\n", "", errChunkSize},
	{"0x", "0x3\r\nabc\r\n0\r\n\r\n", "", errChunkSize},
	{"plus", "+3\r\nabc\r\n0\r\n\r\n", "", errChunkSize},
	{"minus", "-3\r\nabc\r\n0\r\n\r\n", "", errChunkSize},
	{"space before", " 3\r\nabc\r\n0\r\n\r\n", "", errChunkSize},
	{"tab before", "\t3\r\nabc\r\n0\r\n\r\n", "", errChunkSize},
	{"semicolon only", ";a=b\r\nabc\r\n0\r\n\r\n", "", errChunkSize},
	{"underscore", "1_0\r\n0123456789abcdef\r\n0\r\n\r\n", "", errChunkSize},
	{"comma", "3,3\r\nabc\r\n0\r\n\r\n", "", errChunkSize},
	{"NUL behind", "3\x00\r\nabc\r\n0\r\n\r\n", "", errChunkSize},
	{"letters behind", "3xyz\r\nabc\r\n0\r\n\r\n", "", errChunkSize},
	// §7.1.1: BWS stands before ";" only. A reader that drops white space
	// takes "1 0" for sixteen.
	{"space within digits", "1 0\r\nabc\r\n0\r\n\r\n", "", errChunkSize},
	{"space behind digits", "3 \r\nabc\r\n0\r\n\r\n", "", errChunkSize},
	{"word after space", "3 abc\r\nabc\r\n0\r\n\r\n", "", errChunkSize},
	{"sixteen digits", "0000000000000003\r\nabc\r\n0\r\n\r\n", "", errChunkSize},
	{"over an int64", "8000000000000000\r\nabc\r\n0\r\n\r\n", "", errChunkSize},
	{"minus one in two's complement", "ffffffffffffffff\r\nabc\r\n0\r\n\r\n", "", errChunkSize},
	{"wraps to three", "10000000000000003\r\nabc\r\n0\r\n\r\n", "", errChunkSize},
	{"size ends with LF", "3\nabc\r\n0\r\n\r\n", "", errChunkSize},
	// RFC 9112 §2.2 with §7.1.1: the extension that hides a line from readers
	// that look for CRLF only.
	{"LF in extension", "3;a\nabc\r\n0\r\n\r\n", "", errChunkSize},
	{"LF in quoted extension", "3;a=\"\n\"\r\nabc\r\n0\r\n\r\n", "", errChunkSize},
	{"NUL in extension", "3;\x00\r\nabc\r\n0\r\n\r\n", "", errChunkSize},
	{"DEL in extension", "3;\x7f\r\nabc\r\n0\r\n\r\n", "", errChunkSize},
	{"CR in extension", "3;a\rb\r\nabc\r\n0\r\n\r\n", "", errBareCR},
	{"CR behind size", "3\rabc\r\n0\r\n\r\n", "", errBareCR},
	{"CR CR LF behind size", "3\r\r\nabc\r\n0\r\n\r\n", "", errBareCR},
	{"data too long", "3\r\nabcd\r\n0\r\n\r\n", "abc", errChunkEnd},
	{"data ends with LF", "3\r\nabc\n0\r\n\r\n", "abc", errChunkEnd},
	{"data ends with CR", "3\r\nabc\r0\r\n\r\n", "abc", errChunkEnd},
	{"data ends with nothing", "3\r\nabc0\r\n\r\n", "abc", errChunkEnd},
	{"two CRLF after data", "3\r\nabc\r\n\r\n0\r\n\r\n", "abc", errChunkSize},
	{"bad second size", "3\r\nabc\r\nz\r\n", "abc", errChunkSize},

	// §7.1.2: trailer-section = *( field-line CRLF ).
	{"trailer without colon", "0\r\nabc\r\n\r\n", "", errTrailer},
	{"trailer empty name", "0\r\n: b\r\n\r\n", "", errTrailer},
	{"trailer space before colon", "0\r\nA : b\r\n\r\n", "", errTrailer},
	{"trailer fold", "0\r\nA: b\r\n c\r\n\r\n", "", errTrailer},
	{"trailer fold first", "0\r\n A: b\r\n\r\n", "", errTrailer},
	{"trailer NUL", "0\r\nA: \x00\r\n\r\n", "", errTrailer},
	{"trailer LF", "0\r\nA: b\nC: d\r\n\r\n", "", errTrailer},
	{"trailer LF ends", "0\r\n\n", "", errTrailer},
	{"trailer CR", "0\r\nA: b\rC: d\r\n\r\n", "", errBareCR},
	{"trailer CR ends", "0\r\n\rx", "", errBareCR},
	{"request for trailer", "0\r\nGET /admin HTTP/1.1\r\nHost: a\r\n\r\n", "", errTrailer},
}

func TestChunkedRefused(t *testing.T) {
	for _, tt := range chunkedRefused {
		t.Run(tt.name, func(t *testing.T) {
			want := chunkedSaid + said(tt.want)
			if tt.body != "" {
				want = strings.TrimSuffix(chunkedWant(tt.body), "end\n") + said(tt.want)
			}
			testTranscript(t, Limits{}, chunkedHead+tt.in, want)
		})
	}
}

// What one request leaves behind does not reach into the next: a chunked
// request after each kind, on the same parser.
func TestNothingCarriesOver(t *testing.T) {
	in := chunkedHead + "1;x\r\na\r\n0;y\r\nT: z\r\n\r\n"
	want := chunkedWant("a")
	first := []string{"", "\r\n", "\r\n\r\n", chunkedHead + "0\r\n\r\n", chunkedHead + "2;a=b\r\nxx\r\n0;c\r\nA: b\r\n\r\n", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx"}
	before := []string{"", "", "", chunkedWant(""), chunkedWant("xx"), "POST / 1.1 host=a len=1 keep {Content-Length: 1}\nbody \"x\"\nend\n"}
	for i := range first {
		for j := range first {
			if i < 3 && j < 3 {
				continue // more than two empty lines are refused
			}
			testTranscript(t, Limits{}, first[i]+first[j]+in, before[i]+before[j]+want)
		}
	}
}
