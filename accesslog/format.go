package accesslog

import (
	"fmt"
	"net/netip"
	"strconv"
	"time"
)

// Format is the form of a line.
type Format uint8

// The forms of a line.
const (
	Combined Format = iota // Apache's and nginx's "combined"
	JSON                   // one object per line
)

// String returns the format's name in a configuration.
func (f Format) String() string {
	switch f {
	case Combined:
		return "combined"
	case JSON:
		return "json"
	}
	return "Format(" + strconv.Itoa(int(f)) + ")"
}

// ParseFormat is the inverse of String.
func ParseFormat(s string) (Format, error) {
	switch s {
	case "combined":
		return Combined, nil
	case "json":
		return JSON, nil
	}
	return 0, fmt.Errorf(`accesslog: format %q is neither "combined" nor "json"`, s)
}

// stamp keeps the text of the second that was formatted last: formatting a
// time costs as much as the rest of the line.
type stamp struct {
	second int64
	zone   *time.Location
	head   []byte // up to the second
	tail   []byte // the zone
	valid  bool
}

func (s *stamp) refresh(t time.Time, layout, zone string) {
	if sec := t.Unix(); !s.valid || sec != s.second || t.Location() != s.zone {
		s.second, s.zone, s.valid = sec, t.Location(), true
		s.head = t.AppendFormat(s.head[:0], layout)
		s.tail = t.AppendFormat(s.tail[:0], zone)
	}
}

// appendCombined appends one line:
// remote - user [time] "request line" status bytes "referer" "user agent".
func appendCombined(b []byte, r *Record, s *stamp) []byte {
	if r.Remote.IsValid() {
		b = appendAddr(b, r.Remote)
	} else {
		b = append(b, '-')
	}
	b = append(b, " - "...)
	b = appendOrDash(b, r.User, true)
	s.refresh(r.Time, "02/Jan/2006:15:04:05", "-0700")
	b = append(b, " ["...)
	b = append(b, s.head...)
	b = append(b, ' ')
	b = append(b, s.tail...)
	b = append(b, `] "`...)
	if len(r.Method) == 0 && len(r.Target) == 0 {
		b = append(b, '-')
	} else {
		// A space inside the target would make the request line ambiguous.
		b = appendEscaped(b, r.Method, true)
		b = append(b, ' ')
		b = appendEscaped(b, r.Target, true)
		b = append(b, ' ')
		b = appendEscaped(b, r.Proto, true)
	}
	b = append(b, `" `...)
	b = strconv.AppendInt(b, int64(r.Status), 10)
	b = append(b, ' ')
	b = strconv.AppendInt(b, r.Bytes, 10)
	b = append(b, ` "`...)
	b = appendOrDash(b, r.Referer, false)
	b = append(b, `" "`...)
	b = appendOrDash(b, r.UserAgent, false)
	return append(b, '"', '\n')
}

// appendAddr leaves out the zone: X-Forwarded-For could name one of any bytes.
func appendAddr(b []byte, a netip.Addr) []byte { return a.WithZone("").AppendTo(b) }

func appendOrDash(b, field []byte, escapeSpace bool) []byte {
	if len(field) == 0 {
		return append(b, '-')
	}
	return appendEscaped(b, field, escapeSpace)
}

// appendJSON appends one line: an object. Fields the request did not have are
// left out; time is RFC 3339 with milliseconds, duration is in seconds.
func appendJSON(b []byte, r *Record, s *stamp) []byte {
	s.refresh(r.Time, "2006-01-02T15:04:05", "Z07:00")
	b = append(b, `{"time":"`...)
	b = append(b, s.head...)
	b = append(b, '.')
	b = appendPadded(b, int64(r.Time.Nanosecond()/int(time.Millisecond)), 3)
	b = append(b, s.tail...)
	b = append(b, '"')
	if r.Remote.IsValid() {
		b = append(b, `,"remote":"`...)
		b = appendAddr(b, r.Remote)
		b = append(b, '"')
	}
	b = appendMember(b, `,"user":"`, r.User)
	b = appendMember(b, `,"method":"`, r.Method)
	b = appendMember(b, `,"target":"`, r.Target)
	b = appendMember(b, `,"proto":"`, r.Proto)
	b = appendMember(b, `,"host":"`, r.Host)
	b = append(b, `,"status":`...)
	b = strconv.AppendInt(b, int64(r.Status), 10)
	b = append(b, `,"bytes":`...)
	b = strconv.AppendInt(b, r.Bytes, 10)
	b = append(b, `,"duration":`...)
	us := max(r.Duration.Microseconds(), 0)
	b = strconv.AppendInt(b, us/1e6, 10)
	b = append(b, '.')
	b = appendPadded(b, us%1e6, 6)
	b = appendMember(b, `,"referer":"`, r.Referer)
	b = appendMember(b, `,"user_agent":"`, r.UserAgent)
	b = appendMember(b, `,"request_id":"`, r.RequestID)
	return append(b, '}', '\n')
}

func appendMember(b []byte, name string, value []byte) []byte {
	if len(value) == 0 {
		return b
	}
	b = append(b, name...)
	b = appendJSONText(b, value)
	return append(b, '"')
}

// appendPadded appends n, which is not negative, with leading zeros.
func appendPadded(b []byte, n int64, digits int) []byte {
	for p := int64(10); digits > 1; digits-- {
		if n < p {
			for range digits - 1 {
				b = append(b, '0')
			}
			break
		}
		p *= 10
	}
	return strconv.AppendInt(b, n, 10)
}
