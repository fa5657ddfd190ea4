package static

import (
	"net/http"
	"testing"
	"time"
)

const testNow = 1_800_000_000 // January 2027

func TestParseDate(t *testing.T) {
	const example = 784111777
	tests := []struct {
		in   string
		want int64
		ok   bool
	}{
		{"Sun, 06 Nov 1994 08:49:37 GMT", example, true},
		{"Sunday, 06-Nov-94 08:49:37 GMT", example, true},
		{"Sun Nov  6 08:49:37 1994", example, true},
		{"Thu, 01 Jan 1970 00:00:00 GMT", 0, true},
		{"Wed, 31 Dec 1969 23:59:59 GMT", -1, true},
		{"Sat, 29 Feb 2020 12:00:00 GMT", 1582977600, true},
		{"Tue, 29 Feb 2000 00:00:00 GMT", 951782400, true},
		{"Wed, 29 Feb 2023 12:00:00 GMT", 0, false},
		{"Wed, 29 Feb 1900 12:00:00 GMT", 0, false},
		{"Fri, 31 Dec 9999 23:59:59 GMT", 253402300799, true},
		{"Sat, 31 Dec 2016 23:59:60 GMT", 1483228800, true}, // leap second
		{"Tuesday, 01-Jan-30 00:00:00 GMT", 1893456000, true},
		{"Friday, 01-Jan-77 00:00:00 GMT", 3376684800, true}, // 50 years ahead
		{"Sunday, 01-Jan-78 00:00:00 GMT", 252460800, true},  // past century
		{"Sun, 06 Nov 1994 08:49:37 UTC", 0, false},
		{"Sun, 06 nov 1994 08:49:37 GMT", 0, false},
		{"Xun, 06 Nov 1994 08:49:37 GMT", 0, false},
		{"Sun, 6 Nov 1994 08:49:37 GMT", 0, false},
		{"Sun, 00 Nov 1994 08:49:37 GMT", 0, false},
		{"Sun, 31 Nov 1994 08:49:37 GMT", 0, false},
		{"Sun, 06 Nov 1994 24:49:37 GMT", 0, false},
		{"Sun, 06 Nov 1994 08:60:37 GMT", 0, false},
		{"Sun, 06 Nov 1994 08:49:61 GMT", 0, false},
		{"Sun, 06 Nov 1994 08:49:37 GMT; length=12", 0, false},
		{"Funday, 06-Nov-94 08:49:37 GMT", 0, false},
		{"", 0, false},
		{"0", 0, false},
		{"1994-11-06T08:49:37Z", 0, false},
	}
	for _, tt := range tests {
		got, ok := ParseDate([]byte(tt.in), testNow)
		if ok != tt.ok || got != tt.want {
			t.Errorf("ParseDate(%q) = %d, %v, want %d, %v", tt.in, got, ok, tt.want, tt.ok)
		}
	}
}

func TestDatesAgainstTime(t *testing.T) {
	for s := int64(-62167219200); s < 253402300799; s += 86400*97 + 12345 {
		at := time.Unix(s, 0).UTC()
		got := string(AppendDate(nil, s))
		if want := at.Format(http.TimeFormat); got != want {
			t.Fatalf("AppendDate(%d) = %q, want %q", s, got, want)
		}
		if back, ok := ParseDate([]byte(got), testNow); !ok || back != s {
			t.Fatalf("ParseDate(%q) = %d, %v, want %d", got, back, ok, s)
		}
		asc := at.Format(time.ANSIC)
		if back, ok := ParseDate([]byte(asc), testNow); !ok || back != s {
			t.Fatalf("ParseDate(%q) = %d, %v, want %d", asc, back, ok, s)
		}
	}
	if got := AppendDate(nil, 253402300800); len(got) != 0 {
		t.Errorf("AppendDate of the year 10000 = %q", got)
	}
}

func FuzzDate(f *testing.F) {
	for _, s := range []string{"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994", "Mon,"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got, ok := ParseDate(b, testNow)
		if !ok {
			return
		}
		out := AppendDate(nil, got)
		if len(out) == 0 {
			return // second 60 at the end of 9999
		}
		if back, ok := ParseDate(out, testNow); !ok || back != got {
			t.Fatalf("ParseDate(%q) = %d, printed %q, read %d, %v", b, got, out, back, ok)
		}
	})
}
