package fcgi

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

func TestPairLengths(t *testing.T) {
	tests := []struct {
		name, value int
		head        string
	}{
		{0, 0, "\x00\x00"},
		{11, 2, "\x0B\x02"},
		{127, 127, "\x7F\x7F"},
		{128, 1, "\x80\x00\x00\x80\x01"},
		{1, 128, "\x01\x80\x00\x00\x80"},
		{255, 256, "\x80\x00\x00\xFF\x80\x00\x01\x00"},
		{65535, 65536, "\x80\x00\xFF\xFF\x80\x01\x00\x00"},
	}
	for _, tt := range tests {
		name, value := strings.Repeat("n", tt.name), strings.Repeat("v", tt.value)
		b := AppendPair(nil, name, value)
		if want := tt.head + name + value; string(b) != want {
			t.Errorf("AppendPair(%d, %d): begins with %q, want %q", tt.name, tt.value, b[:min(len(b), 8)], tt.head)
		}
		gotName, gotValue, n, err := ConsumePair(append(b, "rest"...))
		if err != nil || n != len(b) || string(gotName) != name || string(gotValue) != value {
			t.Errorf("ConsumePair(%d, %d): %d and %d octets, n %d of %d, error %v", tt.name, tt.value, len(gotName), len(gotValue), n, len(b), err)
		}
		for i := 0; i < len(b); i += 1 + i/16 {
			if _, _, n, err := ConsumePair(b[:i]); !errors.Is(err, ErrShortPair) || n != 0 {
				t.Errorf("ConsumePair of %d octets of %d: n %d, error %v, want ErrShortPair", i, len(b), n, err)
			}
		}
	}
}

// A length of 31 bits must not overflow or be believed.
func TestPairOfAbsurdLength(t *testing.T) {
	for _, in := range []string{"\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFFabc", "\xFF\xFF\xFF\xFF\x01abc", "\x01\xFF\xFF\xFF\xFFabc", "\x80\x00\x00\x00\xFF", "\x80"} {
		if _, _, _, err := ConsumePair([]byte(in)); !errors.Is(err, ErrShortPair) {
			t.Errorf("ConsumePair(%q): error %v, want ErrShortPair", in, err)
		}
	}
	// The long form of a short length is legal.
	if n, v, k, err := ConsumePair([]byte("\x80\x00\x00\x01\x80\x00\x00\x02abb!")); err != nil || string(n) != "a" || string(v) != "bb" || k != 11 {
		t.Errorf("long form: %q %q %d %v", n, v, k, err)
	}
}

func TestParamsWriterOneRecord(t *testing.T) {
	w := BeginParams([]byte("before"), 1)
	w.AddString("SERVER_PORT", "80")
	w.Add("SERVER_ADDR", []byte("199.170.183.42"))
	w.Raw(AppendPair(nil, "A", ""))
	w.Set(AppendPair(w.Buf(), "B", "C"))
	want := "before\x01\x04\x00\x01\x00\x31\x07\x00\x0B\x02SERVER_PORT80\x0B\x0ESERVER_ADDR199.170.183.42\x01\x00A\x01\x01BC\x00\x00\x00\x00\x00\x00\x00" + "\x01\x04\x00\x01\x00\x00\x00\x00"
	if got := string(w.End()); got != want {
		t.Errorf("End: %q, want %q", got, want)
	}
	e := BeginParams(nil, 2)
	if got := string(e.End()); got != "\x01\x04\x00\x02\x00\x00\x00\x00" {
		t.Errorf("End without pairs: %q", got)
	}
}

// PARAMS is a stream: what does not fit into one record goes on in the next,
// and nothing is cut off.
func TestParamsWriterAnyLength(t *testing.T) {
	for _, size := range []int{1, 100, 65526, 65527, 65528, 65529, 65535, 65536, 131070, 300000} {
		value := bytes.Repeat([]byte("0123456789abcdef"), size/16+1)[:size]
		w := BeginParams([]byte("head"), 1)
		w.Add("X", value)
		b := w.End()
		if string(b[:4]) != "head" {
			t.Fatalf("%d octets: End changed what was there before", size)
		}
		b = b[4:]
		if len(b)%8 != 0 {
			t.Errorf("%d octets: %d octets in all, not padded to 8", size, len(b))
		}
		got, between, err := gather(b)
		if err != nil || !between || len(got) != 2 || got[1] != "PARAMS/1:EOF" {
			t.Fatalf("%d octets: %d events, between %v, error %v", size, len(got), between, err)
		}
		pairs := strings.TrimPrefix(got[0], "PARAMS/1:")
		name, v, n, err := ConsumePair([]byte(pairs))
		if err != nil || n != len(pairs) || string(name) != "X" || !bytes.Equal(v, value) {
			t.Errorf("%d octets: the pair did not survive: %v", size, err)
		}
	}
}

func FuzzPairs(f *testing.F) {
	f.Add([]byte("\x0B\x02SERVER_PORT80"), "NAME", "value")
	f.Add([]byte("\x80\x00\x00\x01\x7Fa"), "", strings.Repeat("x", 128))
	f.Add([]byte("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"), strings.Repeat("n", 127), "")
	f.Fuzz(func(t *testing.T, raw []byte, name, value string) {
		for p := raw; len(p) > 0; {
			gotName, gotValue, n, err := ConsumePair(p)
			if err != nil {
				break
			}
			if n < 2 || n > len(p) || len(gotName)+len(gotValue) > n {
				t.Fatalf("ConsumePair(%q): n %d", p, n)
			}
			p = p[n:]
		}
		b := AppendPair(raw[:len(raw):len(raw)], name, value)
		gotName, gotValue, n, err := ConsumePair(b[len(raw):])
		if err != nil || n != len(b)-len(raw) || string(gotName) != name || string(gotValue) != value {
			t.Fatalf("round trip of %q=%q: %q=%q, n %d, error %v", name, value, gotName, gotValue, n, err)
		}
	})
}
