package host

import (
	"regexp"
	"strings"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"sluice/site"
)

// reportStderr writes a script's messages, one line each.
func reportStderr(log *zap.Logger, r site.Report, fields []zap.Field) {
	for _, text := range stderrMessages(string(r.Stderr)) {
		if ce := log.Check(stderrLevel(text), "php stderr"); ce != nil {
			ce.Write(append(fields[:len(fields):len(fields)], zap.String("text", text))...)
		}
	}
	if r.Lost > 0 {
		log.Warn("php stderr was cut", append(fields[:len(fields):len(fields)], zap.Int64("octets_lost", r.Lost))...)
	}
}

// fpmMessage is what php-fpm writes before each message of a request, fpmNext
// before all but the first.
const (
	fpmMessage = "PHP message: "
	fpmNext    = "; " + fpmMessage
)

var (
	// A message of PHP's own begins with its kind and two spaces, and ends with
	// its place.
	messageBegins = regexp.MustCompile(`^PHP [A-Z][A-Za-z ]*:  `)
	messageEnds   = regexp.MustCompile(` on line \d+$`)
	// messageTrace is what may follow the place: PHP 8.5's traces of all fatal
	// errors, and those of Xdebug.
	messageTrace = regexp.MustCompile(`^(Stack trace:$|#\d+ |PHP Stack trace:$|PHP +\d+\. )`)
)

// stderrMessages parts what a request's script wrote to STDERR into messages. The
// lines of an exception's trace, and a text of several lines, belong to the message
// before them; other lines (error_log in php-cgi) can't be told apart, and are a
// message each.
func stderrMessages(text string) (list []string) {
	trimmed := strings.TrimPrefix(text, "; ")
	if rest, ok := strings.CutPrefix(trimmed, fpmMessage); ok {
		for part := range strings.SplitSeq(rest, fpmNext) {
			if part = strings.TrimRight(part, "\r\n"); part != "" {
				list = append(list, part)
			}
		}
		return list
	}
	ofPHP, ended := false, false // the last message
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		begins := messageBegins.MatchString(line)
		switch {
		case !begins && ofPHP && (!ended || messageTrace.MatchString(line)):
			list[len(list)-1] += "\n" + line
		case line == "":
			continue
		default:
			list = append(list, line)
			ofPHP, ended = begins, false
		}
		ended = ended || messageEnds.MatchString(line)
	}
	for i := range list {
		list[i] = strings.TrimRight(list[i], "\n")
	}
	return list
}

// stderrLevel reads the severity that PHP writes in front of its messages.
func stderrLevel(text string) zapcore.Level {
	line, _, _ := strings.Cut(text, "\n")
	switch {
	case strings.Contains(line, "PHP Fatal error"), strings.Contains(line, "PHP Parse error"), strings.Contains(line, "Uncaught "):
		return zapcore.ErrorLevel
	case strings.Contains(line, "PHP Notice"), strings.Contains(line, "PHP Deprecated"):
		return zapcore.InfoLevel
	default:
		return zapcore.WarnLevel
	}
}
