package proxied

import (
	"errors"
	"strings"
	"testing"

	"sluice/fcgi"
	"sluice/message"
)

// What is asked arrives as it was sent, and nothing that PARAMS may hold breaks
// the reader.
func FuzzAsked(f *testing.F) {
	pair := func(b []byte, name, value string) []byte { return fcgi.AppendPair(b, []byte(name), value) }
	f.Add(pair(pair(nil, "REQUEST_METHOD", "GET"), targetName, "http://a/"), "http://b/", "Cookie", "a=b: c", false)
	f.Add(pair(pair(nil, "CONTENT_LENGTH", "5"), freshName, "1"), "unix:/s|http://c/", "X", "", true)
	f.Add(pair(nil, fieldsName, "a: b\nc\n\n: d")[:9], "", "Connection", "close, x", true)
	f.Fuzz(func(t *testing.T, params []byte, target, name, value string, fresh bool) {
		if a, err := parseParams(params); err == nil {
			h, err := a.requestFields()
			var no *fault
			if err != nil && (!errors.As(err, &no) || no.status < 400) {
				t.Fatalf("fields %q: %v", a.fields, err)
			}
			for _, name := range ofConnection {
				if _, ok := h[name]; ok && err == nil {
					t.Fatalf("fields %q: %s is passed on", a.fields, name)
				}
			}
		}
		if name == "" || strings.ContainsAny(name+value, "\r\n") || strings.ContainsAny(name, ": ") {
			return // http1 lets none of these through
		}
		sent := Ask{Target: target, Fields: []message.Field{{Name: []byte(name), Value: []byte(value)}, {Name: []byte("Last"), Value: []byte("1")}}, Client: "192.0.2.1", Server: "s", Fresh: fresh}
		b := pair(nil, "REQUEST_METHOD", "PUT")
		for _, v := range sent.Variables(nil) {
			b = fcgi.AppendPair(b, []byte(v.Name), v.Value)
		}
		got, err := parseParams(b)
		if err != nil || got.method != "PUT" || got.target != target || got.client != "192.0.2.1" || got.server != "s" || got.fresh != fresh || got.length != "" {
			t.Fatalf("%+v became %+v, %v", sent, got, err)
		}
		if want := name + ": " + value + "\nLast: 1\n"; got.fields != want {
			t.Fatalf("fields %q, want %q", got.fields, want)
		}
		// A stream that was cut is an error, or one of the pairs is missing.
		for k := range b {
			if cut, err := parseParams(b[:k]); err == nil && cut == got {
				t.Fatalf("%d of %d octets are as good as all: %+v", k, len(b), cut)
			}
		}
	})
}
