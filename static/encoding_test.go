package static

import (
	"testing"

	"sluice/message"
)

func TestAcceptChoose(t *testing.T) {
	all := CodingSet(0).With(Gzip).With(Brotli).With(Zstd)
	tests := []struct {
		value     string
		available CodingSet
		want      Coding
	}{
		{"", all, Identity},
		{"gzip", all, Gzip},
		{"GZIP", all, Gzip},
		{"x-gzip", all, Gzip},
		{"gzip, deflate, br", all, Brotli},
		{"gzip, deflate, br, zstd", all, Zstd},
		{"gzip, deflate, br, zstd", CodingSet(0).With(Gzip), Gzip},
		{"gzip, deflate, br, zstd", 0, Identity},
		{"br;q=0.5, gzip;q=0.8", all, Gzip},
		{"br;q=0.5,gzip ; Q=0.500", all, Brotli},
		{"br;q=0, gzip;q=0.001", all, Gzip},
		{"gzip;q=0", all, Identity},
		{"*", all, Zstd},
		{"*;q=0.1, zstd;q=0", all, Brotli},
		{"*;q=0", all, Identity},
		{"identity", all, Identity},
		{"identity, gzip;q=0.5", all, Identity},
		{"identity;q=0.5, gzip;q=0.5", all, Gzip},
		{"identity;q=0, gzip", 0, Identity},
		{"gzip;q=2", all, Identity},
		{"gzip;q=1.001", all, Identity},
		{"gzip;q=0.0001", all, Identity},
		{"gzip;q=", all, Identity},
		{"gzip;q=.5", all, Identity},
		{"gzip;q=abc, br;q=0.3", all, Brotli},
		{"gzip;x=y;q=0.2, br;q=0.1", all, Gzip},
		{",, gzip ,,", all, Gzip},
		{"gzipped", all, Identity},
	}
	for _, tt := range tests {
		a := ParseAcceptEncoding([]byte(tt.value))
		if got := a.Choose(tt.available); got != tt.want {
			t.Errorf("%q of %03b: %s, want %s", tt.value, tt.available, got, tt.want)
		}
	}
}

func TestAcceptIdentity(t *testing.T) {
	for value, want := range map[string]bool{
		"": true, "gzip": true, "identity;q=0": false, "*;q=0": false, "*;q=0, identity": true, "*;q=0.5": true,
		"identity;q=0, *": false,
	} {
		a := ParseAcceptEncoding([]byte(value))
		if got := a.Accepts(Identity); got != want {
			t.Errorf("%q accepts identity: %v", value, got)
		}
	}
}

func TestAcceptOfLines(t *testing.T) {
	req := request("GET", "Accept-Encoding", "gzip;q=0.5", "ACCEPT-ENCODING", "br")
	a := acceptOf(req)
	if !a.Accepts(Gzip) || a.Choose(CodingSet(0).With(Gzip).With(Brotli)) != Brotli {
		t.Errorf("two lines gave %+v", a)
	}
	a = acceptOf(request("GET"))
	if a.Accepts(Gzip) || !a.Accepts(Identity) {
		t.Errorf("no line gave %+v", a)
	}
}

// request makes a request with fields given as name, value, …
func request(method string, fields ...string) *message.Request {
	req := &message.Request{Method: []byte(method), Minor: 1}
	for i := 0; i < len(fields); i += 2 {
		req.Fields = append(req.Fields, message.Field{Name: []byte(fields[i]), Value: []byte(fields[i+1])})
	}
	return req
}

func FuzzAcceptEncoding(f *testing.F) {
	for _, s := range []string{"", "gzip, br;q=0.5", "*;q=0", "identity;q=0,*", "gzip;q=1.0000", ";;q=,=;"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		a := ParseAcceptEncoding(value)
		for c := Identity; c < numCodings; c++ {
			if a.weight[c] < 0 || a.weight[c] > weightOne {
				t.Fatalf("%q: weight of %s is %d", value, c, a.weight[c])
			}
		}
		for set := CodingSet(0); set < 1<<numCodings; set++ {
			got := a.Choose(set)
			if got != Identity && (!set.Has(got) || !a.Accepts(got)) {
				t.Fatalf("%q of %04b: %s", value, set, got)
			}
			for c := Gzip; c < numCodings; c++ {
				if set.Has(c) && a.weight[c] > a.weight[got] {
					t.Fatalf("%q of %04b: %s, although %s weighs more", value, set, got, c)
				}
			}
		}
	})
}
