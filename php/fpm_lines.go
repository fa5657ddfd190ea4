package php

import (
	"bytes"

	"go.uber.org/zap/zapcore"
)

// fpmLevels are those of php-fpm's log.
var fpmLevels = []struct {
	name  string
	level zapcore.Level
}{
	{"DEBUG", zapcore.DebugLevel},
	{"NOTICE", zapcore.DebugLevel},
	{"WARNING", zapcore.WarnLevel},
	{"ERROR", zapcore.ErrorLevel},
	{"ALERT", zapcore.ErrorLevel},
}

// fpmLine takes "[21-Nov-2026 02:54:31] WARNING: text" apart. Its notices (a
// worker ended and was replaced) are for debugging. Lines of other shapes are
// what workers print. "NOTICE: PHP message: …", without a time, repeats an error
// that the request's STDERR stream also has, unless there was no request any
// more, as after fastcgi_finish_request.
func fpmLine(line []byte) (text []byte, level zapcore.Level) {
	rest, dated := line, false
	if bytes.HasPrefix(line, []byte("[")) {
		if _, after, ok := bytes.Cut(line, []byte("] ")); ok {
			rest, dated = after, true
		}
	}
	for _, l := range fpmLevels {
		after, ok := bytes.CutPrefix(rest, []byte(l.name+": "))
		switch {
		case !ok:
			continue
		case bytes.HasPrefix(after, []byte("PHP message: ")):
			return after, zapcore.InfoLevel
		case !dated:
			return line, lineLevel(line)
		case bytes.Contains(after, []byte(" executing too slow (")):
			return after, zapcore.DebugLevel // the trace says more
		}
		return after, l.level
	}
	return line, lineLevel(line)
}

// cgiLine is fpmLine for php-cgi, whose lines have no common shape.
func cgiLine(line []byte) (text []byte, level zapcore.Level) { return line, lineLevel(line) }
