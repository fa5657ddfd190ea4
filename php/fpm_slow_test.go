package php

import (
	"reflect"
	"strings"
	"testing"
)

const slowText = "\n[21-Nov-2026 02:54:31]  [pool a] b] pid 22114\nscript_filename = /srv/x y.php\n" +
	"[0x00007fcb236140f0] sleep() /srv/x y.php:3\n[0x00007fcb23614000] A::b() /srv/[c]: d.php:41\n" +
	"\n[21-Nov-2026 02:54:32]  [pool www] pid 7\nscript_filename = /y.php\nnoise\n[0x1] broken\n[0x1] f() nowhere\n[0x1] f() x:y\n" +
	"\n[21-Nov-2026 02:54:32]  [pool www] pid 8\n"

func slowWant() []SlowRequest {
	return []SlowRequest{
		{PID: 22114, Script: "/srv/x y.php", Trace: []Frame{{"sleep()", "/srv/x y.php", 3}, {"A::b()", "/srv/[c]: d.php", 41}}},
		{PID: 7, Script: "/y.php"},
		{PID: 8},
	}
}

func TestSlowParser(t *testing.T) {
	for _, step := range []int{1, 3, 100, len(slowText)} {
		var p slowParser
		var got []SlowRequest
		emit := func(r SlowRequest) { got = append(got, r) }
		for rest := slowText; rest != ""; {
			n := min(step, len(rest))
			p.feed([]byte(rest[:n]), emit)
			rest = rest[n:]
		}
		p.flush(emit)
		p.flush(emit)
		if !reflect.DeepEqual(got, slowWant()) {
			t.Errorf("step %d: %+v", step, got)
		}
	}
	if s := slowWant()[0].Trace[0].String(); s != "sleep() /srv/x y.php:3" {
		t.Errorf("frame %q", s)
	}
}

func TestSlowParserIsBounded(t *testing.T) {
	var p slowParser
	var got []SlowRequest
	text := "[d]  [pool a] pid 1\nscript_filename = " + strings.Repeat("a", 1<<20) + "\n" + strings.Repeat("[0x1] f() x:1\n", 1000)
	p.feed([]byte(text), nil)
	p.flush(func(r SlowRequest) { got = append(got, r) })
	if len(got) != 1 || len(got[0].Trace) != slowFramesMax || len(got[0].Script) > slowLineMaxBytes {
		t.Errorf("%d requests, %d frames, script of %d bytes", len(got), len(got[0].Trace), len(got[0].Script))
	}
}

func FuzzSlowParser(f *testing.F) {
	f.Add([]byte(slowText), 3)
	f.Add([]byte("[d]  [pool a] pid 1\n[0x1] f() x:1"), 1)
	f.Fuzz(func(t *testing.T, b []byte, step int) {
		parse := func(step int) (got []SlowRequest) {
			var p slowParser
			emit := func(r SlowRequest) {
				if r.PID <= 0 || len(r.Trace) > slowFramesMax || len(r.Script) > slowLineMaxBytes {
					t.Fatalf("emitted %+v", r)
				}
				got = append(got, r)
			}
			for rest := b; len(rest) > 0; {
				n := min(step, len(rest))
				p.feed(rest[:n], emit)
				rest = rest[n:]
			}
			p.flush(emit)
			return got
		}
		whole := parse(len(b))
		if parts := parse(max(1, step)); !reflect.DeepEqual(whole, parts) {
			t.Fatalf("whole %+v, in parts %+v", whole, parts)
		}
	})
}
