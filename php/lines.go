package php

import (
	"bytes"
	"time"
)

// splitter cuts a stream into lines of at most lineMaxBytes; what is longer loses
// its rest. It keeps no more than one line.
type splitter struct {
	line []byte
	cut  bool
}

// feed calls emit for each line that b completes, without its line end. The slice
// is valid during the call only.
func (s *splitter) feed(b []byte, emit func(line []byte, cut bool)) {
	for len(b) > 0 {
		end := bytes.IndexByte(b, '\n')
		part, rest := b, []byte(nil)
		if end >= 0 {
			part, rest = b[:end], b[end+1:]
		}
		if room := lineMaxBytes - len(s.line); len(part) > room {
			part = part[:room]
			s.cut = true
		}
		s.line = append(s.line, part...)
		if end >= 0 {
			s.flush(emit)
		}
		b = rest
	}
}

// flush emits an unfinished line, if there is one.
func (s *splitter) flush(emit func(line []byte, cut bool)) {
	line := bytes.TrimRight(s.line, "\r")
	if len(line) > 0 {
		emit(line, s.cut)
	}
	s.line, s.cut = s.line[:0], false
}

// limiter is a token bucket that counts what it refuses.
type limiter struct {
	tokens  float64
	last    time.Time
	dropped int
}

// allow reports whether a line may pass, and how many were dropped since the last
// that did.
func (l *limiter) allow(now time.Time) (ok bool, dropped int) {
	if l.last.IsZero() {
		l.tokens = linesBurst
	} else {
		l.tokens = min(linesBurst, l.tokens+now.Sub(l.last).Seconds()*linesPerSecond)
	}
	l.last = now
	if l.tokens < 1 {
		l.dropped++
		return false, 0
	}
	l.tokens--
	dropped, l.dropped = l.dropped, 0
	return true, dropped
}

// tail keeps the last lines.
type tail struct {
	lines []string
}

func (t *tail) add(line []byte) {
	if len(t.lines) == tailLines {
		t.lines = append(t.lines[:0], t.lines[1:]...)
	}
	t.lines = append(t.lines, string(line))
}
