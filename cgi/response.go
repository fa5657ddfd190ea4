package cgi

import (
	"bytes"
	"fmt"

	"sluice/message"
)

// Response is the head of a script's response (RFC 3875 §6). Its slices belong
// to the HeadReader that made it.
type Response struct {
	Status int    // 200 if the script said none
	Reason []byte // reason phrase, if the script gave one
	// Fields are the field lines to pass on, in the script's order. What is for
	// the gateway (Status, X-Sendfile…) or belongs to one connection only
	// (hop-by-hop, RFC 9110 §7.6.1) is not among them, nor is Content-Length.
	Fields []message.Field
	// ContentLength is what the script declared, -1 if nothing.
	ContentLength int64
	ContentType   []byte
	Location      []byte
	// LocalRedirect: Location is a path on this server and no Status was given
	// (§6.2.2): the gateway answers with that path's response.
	LocalRedirect bool
	// SendFile is a file in whose place the content is sent, by X-Sendfile
	// (a file system path); AccelRedirect by X-Accel-Redirect or
	// X-LiteSpeed-Location (a URL path).
	SendFile      []byte
	AccelRedirect []byte
	// Unbuffered: X-Accel-Buffering: no, or an event stream: every piece is to
	// be passed on as it comes.
	Unbuffered bool
}

// Get returns the value of the first field of that name, given in lower case.
func (r *Response) Get(name string) []byte {
	for i := range r.Fields {
		if message.EqualFold(r.Fields[i].Name, name) {
			return r.Fields[i].Value
		}
	}
	return nil
}

// HeadReader collects a response head from pieces and parses it. It can be used
// again after Reset.
type HeadReader struct {
	buf       []byte
	lineStart int
	hasStatus bool
}

// Reset makes the reader ready for another response.
func (r *HeadReader) Reset() {
	*r = HeadReader{buf: r.buf[:0]}
}

// Empty tells whether nothing was fed yet.
func (r *HeadReader) Empty() bool { return len(r.buf) == 0 }

// Feed takes octets from the front of p until the empty line that ends the head.
// When done, res is filled and the rest of p is content. Lines end with CRLF or
// LF (RFC 3875 §6.3: NL; scripts do either).
func (r *HeadReader) Feed(p []byte, res *Response) (n int, done bool, err error) {
	for n < len(p) {
		i := bytes.IndexByte(p[n:], '\n')
		if i < 0 {
			r.buf = append(r.buf, p[n:]...)
			n = len(p)
			break
		}
		r.buf = append(r.buf, p[n:n+i+1]...)
		n += i + 1
		if len(r.buf) > responseHeadBytesMax {
			break
		}
		line := chomp(r.buf[r.lineStart:])
		r.lineStart = len(r.buf)
		if len(line) == 0 {
			return n, true, r.parse(res)
		}
	}
	if len(r.buf) > responseHeadBytesMax {
		return n, false, fmt.Errorf("cgi: response head is over %d octets; the last line begins with %.40q", responseHeadBytesMax, r.buf[r.lineStart:])
	}
	return n, false, nil
}

func chomp(b []byte) []byte {
	if n := len(b); n > 0 && b[n-1] == '\n' {
		b = b[:n-1]
	}
	if n := len(b); n > 0 && b[n-1] == '\r' {
		b = b[:n-1]
	}
	return b
}

func (r *HeadReader) parse(res *Response) error {
	*res = Response{Status: 200, ContentLength: -1, Fields: res.Fields[:0]}
	r.hasStatus = false
	rest, first := r.buf, true
	for len(rest) > 0 {
		end := bytes.IndexByte(rest, '\n')
		line := chomp(rest[:end+1])
		rest = rest[end+1:]
		if len(line) == 0 {
			break
		}
		if first && bytes.HasPrefix(line, []byte("HTTP/")) {
			// A non-parsed header's status line; some programs send it always.
			if sp := bytes.IndexByte(line, ' '); sp > 0 {
				if err := r.status(res, line[sp+1:]); err != nil {
					return err
				}
			}
			first = false
			continue
		}
		first = false
		if err := r.field(res, line); err != nil {
			return err
		}
	}
	return r.settle(res)
}

// settle applies RFC 3875 §6.2.
func (r *HeadReader) settle(res *Response) error {
	if len(res.Location) == 0 || r.hasStatus {
		return nil
	}
	if res.Location[0] == '/' && (len(res.Location) == 1 || res.Location[1] != '/') {
		res.LocalRedirect = true
		return nil
	}
	res.Status = 302
	return nil
}

func (r *HeadReader) field(res *Response, line []byte) error {
	colon := bytes.IndexByte(line, ':')
	if colon <= 0 || !message.IsToken(line[:colon]) {
		return fmt.Errorf("cgi: response head has a line that is no field: %.80q", line)
	}
	name, value := line[:colon:colon], bytes.Trim(line[colon+1:], " \t")
	if hasControl(value) {
		return fmt.Errorf("cgi: response field %s has a control character: %.80q", name, value)
	}
	pass, err := r.known(res, name, value)
	if err != nil || !pass {
		return err
	}
	if len(res.Fields) == responseFieldsMax {
		return fmt.Errorf("cgi: response head has more than %d fields", responseFieldsMax)
	}
	res.Fields = append(res.Fields, message.Field{Name: name, Value: value})
	return nil
}

func hasControl(b []byte) bool {
	for _, c := range b {
		if (c < ' ' && c != '\t') || c == 0x7F {
			return true
		}
	}
	return false
}

// known handles the fields that mean something to the gateway, and tells
// whether the client gets them.
func (r *HeadReader) known(res *Response, name, value []byte) (pass bool, err error) {
	switch {
	case message.EqualFold(name, "status"):
		return false, r.status(res, value)
	case message.EqualFold(name, "content-type"):
		res.ContentType = value
		const stream = "text/event-stream"
		if len(value) >= len(stream) && message.EqualFold(value[:len(stream)], stream) {
			res.Unbuffered = true
		}
	case message.EqualFold(name, "content-length"):
		return false, length(res, value)
	case message.EqualFold(name, "location"):
		res.Location = value
	case message.EqualFold(name, "x-sendfile"):
		res.SendFile = value
		return false, nil
	case message.EqualFold(name, "x-accel-redirect"), message.EqualFold(name, "x-litespeed-location"):
		res.AccelRedirect = value
		return false, nil
	case message.EqualFold(name, "x-accel-buffering"):
		res.Unbuffered = message.EqualFold(value, "no")
		return false, nil
	case hopByHop(name):
		return false, nil
	}
	return true, nil
}

// hopByHop lists what concerns one connection only, and what the front writes
// itself.
func hopByHop(name []byte) bool {
	for _, n := range [...]string{"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "proxy-connection", "proxy-authenticate", "x-accel-expires", "x-accel-limit-rate", "x-accel-charset"} {
		if message.EqualFold(name, n) {
			return true
		}
	}
	return false
}

// status reads Status: 3DIGIT SP reason-phrase (§6.3.3).
func (r *HeadReader) status(res *Response, v []byte) error {
	if len(v) < 3 || (len(v) > 3 && v[3] != ' ') {
		return fmt.Errorf("cgi: Status %.40q does not begin with three digits", v)
	}
	n := 0
	for _, c := range v[:3] {
		if c < '0' || c > '9' {
			return fmt.Errorf("cgi: Status %.40q does not begin with three digits", v)
		}
		n = n*10 + int(c-'0')
	}
	if hasControl(v[3:]) { // of a status line, which no field's check has seen
		return fmt.Errorf("cgi: reason phrase has a control character: %.80q", v)
	}
	if n < 200 {
		return fmt.Errorf("cgi: Status %d is not that of a final response", n)
	}
	res.Status, r.hasStatus = n, true
	res.Reason = bytes.Trim(v[3:], " \t")
	return nil
}

func length(res *Response, v []byte) error {
	var n int64
	for _, c := range v {
		if c < '0' || c > '9' {
			n = -1
			break
		}
		n = n*10 + int64(c-'0')
	}
	if n < 0 || len(v) == 0 || len(v) > 18 || (res.ContentLength >= 0 && res.ContentLength != n) {
		return fmt.Errorf("cgi: Content-Length %.40q is repeated or not a number", v)
	}
	res.ContentLength = n
	return nil
}
