package php

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestSplitter(t *testing.T) {
	long := strings.Repeat("a", lineMaxBytes)
	in := "one\r\n\ntwo\n" + long + "bcd\n" + long + "\nrest"
	want := []string{"one", "two", long + "…", long, "rest"}
	for _, step := range []int{1, 2, 7, 4096, len(in)} {
		var s splitter
		var got []string
		emit := func(line []byte, cut bool) {
			text := string(line)
			if cut {
				text += "…"
			}
			got = append(got, text)
		}
		for rest := in; rest != ""; {
			n := min(step, len(rest))
			s.feed([]byte(rest[:n]), emit)
			rest = rest[n:]
		}
		s.flush(emit)
		if !slices.Equal(got, want) {
			t.Errorf("in steps of %d: %q", step, got)
		}
		if cap(s.line) > 2*lineMaxBytes {
			t.Errorf("in steps of %d: keeps %d bytes", step, cap(s.line))
		}
	}
}

func TestLimiter(t *testing.T) {
	var l limiter
	now := time.Unix(1000, 0)
	for i := range linesBurst {
		if ok, _ := l.allow(now); !ok {
			t.Fatalf("line %d of the burst is refused", i)
		}
	}
	for range 500 {
		if ok, _ := l.allow(now); ok {
			t.Fatal("a line beyond the burst passes")
		}
	}
	if ok, dropped := l.allow(now.Add(time.Second / linesPerSecond)); !ok || dropped != 500 {
		t.Errorf("after a while: %v with %d dropped, want true with 500", ok, dropped)
	}
	passed := 0
	for range 1000 {
		if ok, _ := l.allow(now.Add(time.Hour)); ok {
			passed++
		}
	}
	if passed != linesBurst {
		t.Errorf("%d pass after an hour, want %d", passed, linesBurst)
	}
}

func TestTail(t *testing.T) {
	var tl tail
	for i := range 20 {
		tl.add([]byte{byte('a' + i)})
	}
	if got := strings.Join(tl.lines, ""); got != "mnopqrst" {
		t.Errorf("tail = %q, want the last %d", got, tailLines)
	}
}
