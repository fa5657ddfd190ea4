package php

import (
	"bytes"
	"strconv"
	"strings"
)

// SlowRequest is a script that ran longer than FPMOptions.SlowTime, and where it
// was at that moment.
type SlowRequest struct {
	PID    int // of the worker; the script may be done by now
	Script string
	Trace  []Frame // innermost first; empty if php-fpm could not look
}

// Frame is one call of a trace.
type Frame struct {
	Function string // "name()"
	File     string // of the caller
	Line     int
}

func (f Frame) String() string { return f.Function + " " + f.File + ":" + strconv.Itoa(f.Line) }

// slowParser reads what php-fpm writes to its slow log:
//
//	[21-Nov-2026 02:54:31]  [pool www] pid 22114
//	script_filename = /srv/x.php
//	[0x00007fcb236140f0] sleep() /srv/x.php:3
//
// with an empty line before each. Nothing marks the end but silence, of which
// flush tells. It keeps one request.
type slowParser struct {
	line  []byte
	entry SlowRequest // PID 0: none
}

// feed calls emit for each request that b shows to be complete.
func (s *slowParser) feed(b []byte, emit func(SlowRequest)) {
	for len(b) > 0 {
		part, rest, ended := bytes.Cut(b, []byte("\n"))
		s.line = append(s.line, part[:min(len(part), slowLineMaxBytes-len(s.line))]...)
		if ended {
			s.take(string(s.line), emit)
			s.line = s.line[:0]
		}
		b = rest
	}
}

// flush emits an unfinished request, if there is one.
func (s *slowParser) flush(emit func(SlowRequest)) {
	if len(s.line) > 0 {
		s.take(string(s.line), emit)
		s.line = s.line[:0]
	}
	if s.entry.PID != 0 {
		emit(s.entry)
		s.entry = SlowRequest{}
	}
}

func (s *slowParser) take(line string, emit func(SlowRequest)) {
	if pid, ok := slowHead(line); ok {
		if s.entry.PID != 0 {
			emit(s.entry)
		}
		s.entry = SlowRequest{PID: pid}
		return
	}
	if s.entry.PID == 0 {
		return
	}
	if script, ok := strings.CutPrefix(line, "script_filename = "); ok && s.entry.Script == "" {
		s.entry.Script = script
		return
	}
	if f, ok := slowFrame(line); ok && len(s.entry.Trace) < slowFramesMax {
		s.entry.Trace = append(s.entry.Trace, f)
	}
}

// slowHead reads "[date]  [pool name] pid 7".
func slowHead(line string) (pid int, ok bool) {
	if !strings.HasPrefix(line, "[") || !strings.Contains(line, "]  [pool ") {
		return 0, false
	}
	at := strings.LastIndex(line, "] pid ")
	if at < 0 {
		return 0, false
	}
	pid, err := strconv.Atoi(line[at+len("] pid "):])
	return pid, err == nil && pid > 0
}

// slowFrame reads "[0x…] name() file:line".
func slowFrame(line string) (Frame, bool) {
	_, call, ok := strings.Cut(line, "] ")
	if !ok || !strings.HasPrefix(line, "[0x") {
		return Frame{}, false
	}
	function, place, ok := strings.Cut(call, " ")
	if !ok {
		return Frame{}, false
	}
	at := strings.LastIndexByte(place, ':')
	if at < 0 {
		return Frame{}, false
	}
	number, err := strconv.Atoi(place[at+1:])
	if err != nil {
		return Frame{}, false
	}
	return Frame{Function: function, File: place[:at], Line: number}, true
}
