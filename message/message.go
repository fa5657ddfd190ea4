// Package message holds an HTTP request as RFC 9110 sees it, whatever wire
// protocol carried it: http1 (and later http2) fill it in, site and the
// responders read it. It imports nothing of ours and does no I/O.
//
// All slices point into one buffer that belongs to the request; they die with
// it. Whoever wants to keep a part copies it.
package message

// Field is one field line (RFC 9110 §5): a name as it was sent and a value
// without surrounding white space.
type Field struct {
	Name  []byte
	Value []byte
}

// Request is a request's head.
type Request struct {
	Method    []byte // case-sensitive (RFC 9110 §9.1)
	Target    []byte // request-target as sent
	Path      []byte // path of the target, still percent-encoded; "*" for OPTIONS *
	Query     []byte // after the first "?", without it
	Authority []byte // host[:port] from an absolute-form target, else from Host
	HasQuery  bool   // tells "/a?" from "/a"
	Minor     uint8  // HTTP/1.Minor

	Fields []Field

	// ContentLength is the length of the content in octets, 0 if there is none,
	// -1 if it is not known beforehand (Transfer-Encoding: chunked).
	ContentLength int64
}

// Get returns the value of the first field line of that name, nil if there is
// none. name must be in lower case.
func (r *Request) Get(name string) []byte {
	for i := range r.Fields {
		if EqualFold(r.Fields[i].Name, name) {
			return r.Fields[i].Value
		}
	}
	return nil
}

// Is tells whether the method is m (case-sensitive).
func (r *Request) Is(m string) bool { return string(r.Method) == m }

// EqualFold compares an ASCII name with a lower-case one.
func EqualFold(b []byte, lower string) bool {
	if len(b) != len(lower) {
		return false
	}
	for i := range len(b) {
		c := b[i]
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// HasToken tells whether a comma-separated list contains a token (RFC 9110
// §5.6.1), compared without case. token must be in lower case.
func HasToken(list []byte, token string) bool {
	for len(list) > 0 {
		end := 0
		for end < len(list) && list[end] != ',' {
			end++
		}
		if EqualFold(trimOWS(list[:end]), token) {
			return true
		}
		if end == len(list) {
			break
		}
		list = list[end+1:]
	}
	return false
}

func trimOWS(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t') {
		b = b[:len(b)-1]
	}
	return b
}
