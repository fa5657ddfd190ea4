package accesslog

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func exampleRecord() Record {
	return Record{
		Time:      time.Date(2026, 2, 3, 4, 5, 6, 7_000_000, time.FixedZone("", 2*3600)),
		Remote:    netip.MustParseAddr("192.0.2.7"),
		User:      []byte("ann"),
		Method:    []byte("GET"),
		Target:    []byte("/a?b=c"),
		Proto:     []byte("HTTP/1.1"),
		Host:      []byte("example.org"),
		Referer:   []byte("http://example.org/"),
		UserAgent: []byte("curl/8"),
		RequestID: []byte("r1"),
		Status:    200,
		Bytes:     1234,
		Duration:  1500 * time.Microsecond,
	}
}

func TestLines(t *testing.T) {
	full := exampleRecord()
	bare := Record{Time: full.Time, Status: 400}
	hostile := full
	hostile.User = []byte("x [y] \"z")
	hostile.Target = []byte("/ HTTP/1.1\" 200 1\n10.0.0.1 - - \\")
	hostile.UserAgent = []byte("\x00\x7f\xff\u00e9\"")
	hostile.Referer = nil
	hostile.Remote = netip.MustParseAddr("fe80::1%a\"b")
	tests := []struct {
		name   string
		format Format
		in     Record
		want   string
	}{
		{"combined", Combined, full, `192.0.2.7 - ann [03/Feb/2026:04:05:06 +0200] "GET /a?b=c HTTP/1.1" 200 1234 "http://example.org/" "curl/8"`},
		{"combined without fields", Combined, bare, `- - - [03/Feb/2026:04:05:06 +0200] "-" 400 0 "-" "-"`},
		{"combined hostile", Combined, hostile, `fe80::1 - x\x20[y]\x20\"z [03/Feb/2026:04:05:06 +0200] "GET /\x20HTTP/1.1\"\x20200\x201\x0a10.0.0.1\x20-\x20-\x20\\ HTTP/1.1" 200 1234 "-" "\x00\x7f\xff\xc3\xa9\""`},
		{"json", JSON, full, `{"time":"2026-02-03T04:05:06.007+02:00","remote":"192.0.2.7","user":"ann","method":"GET","target":"/a?b=c","proto":"HTTP/1.1","host":"example.org","status":200,"bytes":1234,"duration":0.001500,"referer":"http://example.org/","user_agent":"curl/8","request_id":"r1"}`},
		{"json without fields", JSON, bare, `{"time":"2026-02-03T04:05:06.007+02:00","status":400,"bytes":0,"duration":0.000000}`},
		{"json hostile", JSON, hostile, `{"time":"2026-02-03T04:05:06.007+02:00","remote":"fe80::1","user":"x [y] \"z","method":"GET","target":"/ HTTP/1.1\" 200 1\u000a10.0.0.1 - - \\","proto":"HTTP/1.1","host":"example.org","status":200,"bytes":1234,"duration":0.001500,"user_agent":"\u0000\u007f\ufffdé\"","request_id":"r1"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var s stamp
			got := string(appendLine(tt.format, nil, &tt.in, &s))
			if got != tt.want+"\n" {
				t.Errorf("got  %swant %s", got, tt.want)
			}
		})
	}
}

func appendLine(f Format, b []byte, r *Record, s *stamp) []byte {
	if f == JSON {
		return appendJSON(b, r, s)
	}
	return appendCombined(b, r, s)
}

func TestStampFollowsTimeAndZone(t *testing.T) {
	var s stamp
	r := exampleRecord()
	zones := []*time.Location{time.UTC, time.FixedZone("", -5*3600-1800)}
	for i, d := range []time.Duration{0, 999 * time.Millisecond, time.Second, time.Hour} {
		r.Time = exampleRecord().Time.Add(d).In(zones[i%2])
		var got struct {
			Time time.Time `json:"time"`
		}
		if err := json.Unmarshal(appendJSON(nil, &r, &s), &got); err != nil {
			t.Fatal(err)
		}
		if want := r.Time.Truncate(time.Millisecond); !got.Time.Equal(want) {
			t.Errorf("after %v: time %v, want %v", d, got.Time, want)
		}
		var c stamp
		want := r.Time.Format("[02/Jan/2006:15:04:05 -0700]")
		if line := string(appendCombined(nil, &r, &c)); !strings.Contains(line, want) {
			t.Errorf("line %q lacks %s", line, want)
		}
	}
}

func TestDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second:                  `"duration":0.000000,`,
		time.Microsecond:              `"duration":0.000001,`,
		90*time.Second + 10050000:     `"duration":90.010050,`,
		999999 * time.Microsecond:     `"duration":0.999999,`,
		time.Second - time.Nanosecond: `"duration":0.999999,`,
	} {
		r := exampleRecord()
		r.Duration = d
		var s stamp
		if line := string(appendJSON(nil, &r, &s)); !strings.Contains(line, want) {
			t.Errorf("%v: %s lacks %s", d, line, want)
		}
	}
}

func TestLongFieldIsCut(t *testing.T) {
	long := strings.Repeat("\x01", fieldBytesMax+1)
	if got, want := len(appendEscaped(nil, []byte(long), false)), 4*fieldBytesMax; got != want {
		t.Errorf("combined: %d bytes, want %d", got, want)
	}
	if got, want := len(appendJSONText(nil, []byte(long))), 6*fieldBytesMax; got != want {
		t.Errorf("json: %d bytes, want %d", got, want)
	}
}

func TestFormatNames(t *testing.T) {
	for _, f := range []Format{Combined, JSON} {
		if got, err := ParseFormat(f.String()); got != f || err != nil {
			t.Errorf("ParseFormat(%q) = %v, %v", f.String(), got, err)
		}
	}
	if _, err := ParseFormat("xml"); err == nil || !strings.Contains(err.Error(), `"xml"`) {
		t.Errorf("ParseFormat(xml): %v", err)
	}
}

// FuzzEscaping: no field can end its quotes or its line, the combined form can
// be undone, and the JSON form is an object that says the same.
func FuzzEscaping(f *testing.F) {
	f.Add([]byte("plain"), []byte("/"), true)
	f.Add([]byte("\" 200\n"), []byte("\\\\\""), false)
	f.Add([]byte("\xff\xc3\x28\xe2\x80\xa8\xed\xa0\x80"), []byte("\u202e\u0085"), true)
	f.Fuzz(func(t *testing.T, a, b []byte, space bool) {
		a, b = cut(a), cut(b)
		for _, c := range appendEscaped(nil, a, space) {
			if c < ' ' || c > '~' || c == ' ' && space {
				t.Fatalf("%q leaves %q in the line", a, c)
			}
		}
		if got := unescape(t, appendEscaped(nil, a, space)); got != string(a) {
			t.Fatalf("undone: %q, want %q", got, a)
		}
		r := exampleRecord()
		r.User, r.Target, r.UserAgent = a, b, a
		var s stamp
		line := appendJSON(nil, &r, &s)
		var got struct {
			Target string `json:"target"`
			Agent  string `json:"user_agent"`
			ID     string `json:"request_id"`
		}
		if !utf8.Valid(line) || strings.IndexFunc(string(line[:len(line)-1]), deceptive) >= 0 {
			t.Fatalf("unsafe line %q", line)
		}
		if err := json.Unmarshal(line, &got); err != nil {
			t.Fatalf("%v in %q", err, line)
		}
		if got.Target != valid(b) || got.Agent != valid(a) || got.ID != "r1" {
			t.Fatalf("read %+v from %q", got, line)
		}
	})
}

// valid replaces each octet that is not UTF-8.
func valid(b []byte) string { return string([]rune(string(b))) }

func unescape(t *testing.T, b []byte) string {
	var out []byte
	for i := 0; i < len(b); i++ {
		if b[i] == '"' {
			t.Fatalf("bare quote in %q", b)
		}
		if b[i] != '\\' {
			out = append(out, b[i])
			continue
		}
		i++
		if b[i] != 'x' {
			out = append(out, b[i])
			continue
		}
		out = append(out, byte(strings.IndexByte(hexDigits, b[i+1])<<4|strings.IndexByte(hexDigits, b[i+2])))
		i += 2
	}
	return string(out)
}
