package fcgi

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// Octets as in the specification: §3.3, §5, and the examples of appendix B.
func TestAppendRecords(t *testing.T) {
	tests := []struct {
		name string
		got  []byte
		want string
	}{
		{"begin, keep", AppendBeginRequest(nil, 1, Responder, KeepConn), "\x01\x01\x00\x01\x00\x08\x00\x00\x00\x01\x01\x00\x00\x00\x00\x00"},
		{"begin, authorizer, high id", AppendBeginRequest(nil, 0xABCD, Authorizer, 0), "\x01\x01\xAB\xCD\x00\x08\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00"},
		{"begin, filter", AppendBeginRequest(nil, 2, Filter, 0), "\x01\x01\x00\x02\x00\x08\x00\x00\x00\x03\x00\x00\x00\x00\x00\x00"},
		{"abort", AppendAbortRequest(nil, 0x0102), "\x01\x02\x01\x02\x00\x00\x00\x00"},
		{"end", AppendEndRequest(nil, 1, 0x01020304, Overloaded), "\x01\x03\x00\x01\x00\x08\x00\x00\x01\x02\x03\x04\x02\x00\x00\x00"},
		{"unknown type", AppendUnknownType(nil, 99), "\x01\x0B\x00\x00\x00\x08\x00\x00\x63\x00\x00\x00\x00\x00\x00\x00"},
		{"record, padded to 8", AppendRecord(nil, Stdin, 1, []byte("abc")), "\x01\x05\x00\x01\x00\x03\x05\x00abc\x00\x00\x00\x00\x00"},
		{"record, no padding wanted", AppendRecord(nil, Stdout, 1, []byte("12345678")), "\x01\x06\x00\x01\x00\x08\x00\x0012345678"},
		{"record, empty", AppendRecord(nil, Data, 3, nil), "\x01\x08\x00\x03\x00\x00\x00\x00"},
		{"stream, empty", AppendStream([]byte("x"), Stdin, 1, nil), "x"},
		{"get values", AppendRecord(nil, GetValues, 0, AppendPair(nil, "FCGI_MPXS_CONNS", "")), "\x01\x09\x00\x00\x00\x11\x07\x00\x0F\x00FCGI_MPXS_CONNS\x00\x00\x00\x00\x00\x00\x00"},
	}
	for _, tt := range tests {
		if string(tt.got) != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, tt.got, tt.want)
		}
	}
}

func TestAppendStreamCutsAt65535(t *testing.T) {
	for _, tt := range []struct {
		n    int
		want []int
	}{{1, []int{1}}, {65535, []int{65535}}, {65536, []int{65535, 1}}, {131070, []int{65535, 65535}}, {131071, []int{65535, 65535, 1}}} {
		in := bytes.Repeat([]byte("x"), tt.n)
		b := AppendStream(nil, Stdout, 7, in)
		if len(b)%8 != 0 {
			t.Errorf("AppendStream of %d octets: length %d is no multiple of 8", tt.n, len(b))
		}
		var lens []int
		for p := b; len(p) > 0; {
			n := int(p[4])<<8 | int(p[5])
			lens = append(lens, n)
			p = p[HeaderBytes+n+int(p[6]):]
		}
		if fmt.Sprint(lens) != fmt.Sprint(tt.want) {
			t.Errorf("AppendStream of %d octets: records of %v, want %v", tt.n, lens, tt.want)
		}
	}
}

// gather runs a decoder over pieces and joins what streams say, so that cuts do
// not show.
func gather(pieces ...[]byte) (out []string, between bool, err error) {
	var d Decoder
	for _, p := range pieces {
		for len(p) > 0 {
			n, ev, ok, err := d.Next(p)
			if n > len(p) || (n == 0 && !ok && err == nil) {
				return out, false, fmt.Errorf("Next took %d of %d octets", n, len(p))
			}
			if err != nil {
				return out, false, err
			}
			p = p[n:]
			if !ok {
				if len(p) > 0 {
					return out, false, fmt.Errorf("Next answered nothing and left %d octets", len(p))
				}
				continue
			}
			key := fmt.Sprintf("%v/%d:", ev.Type, ev.ID)
			last := len(out) - 1
			switch {
			case ev.EOF:
				out = append(out, key+"EOF")
			case ev.Type.isStream() && last >= 0 && strings.HasPrefix(out[last], key) && out[last] != key+"EOF":
				out[last] += string(ev.Content)
			default:
				out = append(out, key+string(ev.Content))
			}
		}
	}
	return out, d.Between(), nil
}

func piece(b []byte) [][]byte {
	list := make([][]byte, len(b))
	for i := range b {
		list[i] = b[i : i+1]
	}
	return list
}

func TestDecoder(t *testing.T) {
	padded := func(typ Type, id uint16, content string, padding int) string {
		return string(AppendHeader(nil, typ, id, len(content), padding)) + content + strings.Repeat("\xEE", padding)
	}
	tests := []struct {
		name    string
		in      string
		want    []string
		err     string
		between bool
	}{
		{"nothing", "", nil, "", true},
		{"half a header", "\x01\x06\x00\x01", nil, "", false},
		{
			"answer of appendix B", "\x01\x06\x00\x01\x00\x1B\x05\x00Content-type: text/html\r\n\r\n\x00\x00\x00\x00\x00" +
				"\x01\x06\x00\x01\x00\x00\x00\x00\x01\x03\x00\x01\x00\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
			[]string{"STDOUT/1:Content-type: text/html\r\n\r\n", "STDOUT/1:EOF", "END_REQUEST/1:\x00\x00\x00\x00\x00\x00\x00\x00"},
			"", true,
		},
		{"padding of 255", padded(Stderr, 1, "x", 255) + padded(Stderr, 2, "y", 0), []string{"STDERR/1:x", "STDERR/2:y"}, "", true},
		{"padding after no content", padded(Stdout, 1, "", 8) + padded(Stdout, 2, "a", 1), []string{"STDOUT/1:EOF", "STDOUT/2:a"}, "", true},
		{"padding owed", string(AppendHeader(nil, Stdout, 1, 1, 3)) + "aPP", []string{"STDOUT/1:a"}, "", false},
		{"content owed", string(AppendHeader(nil, Stdout, 1, 3, 0)) + "aP", []string{"STDOUT/1:aP"}, "", false},
		{
			"every stream ends", padded(Params, 1, "", 0) + padded(Stdin, 1, "", 0) + padded(Data, 1, "", 0) + padded(Stderr, 1, "", 0),
			[]string{"PARAMS/1:EOF", "STDIN/1:EOF", "DATA/1:EOF", "STDERR/1:EOF"},
			"", true,
		},
		{"no stream: no EOF", padded(AbortRequest, 3, "", 0) + padded(EndRequest, 3, "", 0), []string{"ABORT_REQUEST/3:", "END_REQUEST/3:"}, "", true},
		{"longest stream record", padded(Stdout, 65535, strings.Repeat("z", 65535), 1), []string{"STDOUT/65535:" + strings.Repeat("z", 65535)}, "", true},
		{"management", padded(GetValuesResult, 0, "\x0F\x01FCGI_MPXS_CONNS0", 5), []string{"GET_VALUES_RESULT/0:\x0F\x01FCGI_MPXS_CONNS0"}, "", true},
		{"unknown types", string(AppendUnknownType(nil, 12)) + padded(77, 0, "?", 0), []string{"UNKNOWN_TYPE/0:\x0C\x00\x00\x00\x00\x00\x00\x00", "an unknown type/0:?"}, "", true},
		{"management at its bound", padded(GetValuesResult, 0, strings.Repeat("m", managementBytesMax), 0), []string{"GET_VALUES_RESULT/0:" + strings.Repeat("m", managementBytesMax)}, "", true},
		{"management over its bound", padded(GetValuesResult, 0, strings.Repeat("m", managementBytesMax+1), 0), nil, "4097 octets of content", false},
		{"another protocol", "HTTP/1.1 400 Bad Request\r\n", nil, "version 72 instead of 1", false},
		{"wrong version later", padded(Stdout, 1, "a", 7) + "\x02\x06\x00\x01\x00\x00\x00\x00", []string{"STDOUT/1:a"}, "version 2", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			check := func(how string, pieces ...[]byte) {
				got, between, err := gather(pieces...)
				if (err == nil) != (tt.err == "") || (err != nil && !strings.Contains(err.Error(), tt.err)) {
					t.Fatalf("%s: error %v, want %q", how, err, tt.err)
				}
				if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", tt.want) || (err == nil && between != tt.between) {
					t.Errorf("%s: got %.200q between=%v, want %.200q between=%v", how, got, between, tt.want, tt.between)
				}
			}
			in := []byte(tt.in)
			check("whole", in)
			check("octet by octet", piece(in)...)
			for i := 0; i <= len(in); i += 1 + len(in)/1000*500 {
				check(fmt.Sprintf("cut at %d", i), in[:i], in[i:])
			}
		})
	}
}

func TestParseEndRequest(t *testing.T) {
	body, err := ParseEndRequest([]byte("\x01\x02\x03\x04\x01\x00\x00\x00"))
	if err != nil || body != (EndRequestBody{0x01020304, CantMpxConn}) {
		t.Errorf("ParseEndRequest: %+v, %v", body, err)
	}
	for n := range 8 {
		if _, err := ParseEndRequest(make([]byte, n)); err == nil {
			t.Errorf("ParseEndRequest of %d octets: no error", n)
		}
	}
}

func TestNames(t *testing.T) {
	for s, want := range map[fmt.Stringer]string{
		BeginRequest: "BEGIN_REQUEST", UnknownType: "UNKNOWN_TYPE", Type(0): "type 0", Type(12): "an unknown type",
		RequestComplete: "REQUEST_COMPLETE", CantMpxConn: "CANT_MPX_CONN", Overloaded: "OVERLOADED", UnknownRole: "UNKNOWN_ROLE", ProtocolStatus(9): "an unknown protocolStatus",
		recordHeader: "recordHeader", recordContent: "recordContent", recordPadding: "recordPadding", leaving: "leaving", closed: "closed",
	} {
		if s.String() != want {
			t.Errorf("String of %T %d: %q, want %q", s, s, s, want)
		}
	}
}

func FuzzDecoder(f *testing.F) {
	f.Add(AppendRecord(AppendRecord(nil, Stdout, 1, []byte("Status: 200\r\n\r\nx")), Stdout, 1, nil), uint16(3))
	f.Add(AppendEndRequest(AppendStream(nil, Stderr, 1, []byte("warning")), 1, 0, RequestComplete), uint16(9))
	f.Add(AppendUnknownType(AppendRecord(nil, GetValuesResult, 0, AppendPair(nil, "A", "B")), 3), uint16(17))
	f.Add(AppendHeader(nil, Data, 9, 0, 255), uint16(1))
	f.Add([]byte("\x01\x03\x00\x01\xFF\xFF\x00\x00"), uint16(8))
	f.Fuzz(func(t *testing.T, b []byte, cut uint16) {
		whole, between, err := gather(b)
		k := int(cut) % (len(b) + 1)
		for how, pieces := range map[string][][]byte{"in two": {b[:k], b[k:]}, "octet by octet": piece(b)} {
			got, gotBetween, gotErr := gather(pieces...)
			if fmt.Sprint(gotErr) != fmt.Sprint(err) || gotBetween != between || fmt.Sprintf("%q", got) != fmt.Sprintf("%q", whole) {
				t.Fatalf("%s: %q %v %v, whole: %q %v %v", how, got, gotBetween, gotErr, whole, between, err)
			}
		}
		body, err := ParseEndRequest(b)
		if (err == nil) != (len(b) >= 8) {
			t.Fatalf("ParseEndRequest of %d octets: %v", len(b), err)
		}
		if err == nil {
			again := AppendEndRequest(nil, 1, body.AppStatus, body.ProtocolStatus)[HeaderBytes:]
			if string(again[:5]) != string(b[:5]) {
				t.Fatalf("ParseEndRequest(%q) is %+v, which is written as %q", b[:8], body, again)
			}
		}
	})
}
