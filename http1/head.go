package http1

import (
	"bytes"
	"slices"

	"sluice/message"
)

// Head is a request's head and the memory that holds it. It is made to be used
// again: Parser.Begin empties it and keeps its memory.
type Head struct {
	message.Request
	// Chunked: the content comes in chunks (RFC 9112 §7.1).
	Chunked bool
	// KeepAlive: the connection may stay open after the response (§9.3).
	KeepAlive bool
	// Expect100: the client waits for 100 Continue before it sends the content.
	Expect100 bool

	buf   []byte
	lines []fieldLine // offsets into buf, which may still move
	line  requestLine
}

// Cap is how much memory the head holds for its octets.
func (h *Head) Cap() int { return cap(h.buf) }

type span struct{ from, to int32 }

type fieldLine struct{ name, value span }

type requestLine struct{ method, target span }

func (h *Head) reset() {
	fields, buf, lines := h.Fields[:0], h.buf[:0], h.lines[:0]
	*h = Head{buf: buf, lines: lines}
	h.Fields = fields
}

func (h *Head) at(s span) []byte { return h.buf[s.from:s.to:s.to] }

// parseRequestLine takes buf[from:to], without CRLF.
//
// RFC 9112 §3: request-line = method SP request-target SP HTTP-version.
func (h *Head) parseRequestLine(from, to int) *Error {
	line := h.buf[from:to]
	sp1 := bytes.IndexByte(line, ' ')
	sp2 := bytes.LastIndexByte(line, ' ')
	if sp1 <= 0 || sp2 <= sp1+1 {
		return errRequestLine
	}
	if sp1 > methodBytesMax || !message.IsToken(line[:sp1]) {
		return errMethod
	}
	version := line[sp2+1:]
	if len(version) != 8 || string(version[:5]) != "HTTP/" || version[6] != '.' {
		return errRequestLine
	}
	if version[5] != '1' || version[7] < '0' || version[7] > '9' {
		return errVersion
	}
	h.Minor = min(version[7]-'0', 1)
	if t := line[sp1+1 : sp2]; hasBelow(t, ' '+1) || bytes.IndexByte(t, '#') >= 0 {
		return errTarget
	}
	h.line.method = span{int32(from), int32(from + sp1)}
	h.line.target = span{int32(from + sp1 + 1), int32(from + sp2)}
	return nil
}

// parseField takes buf[from:to], without CRLF.
//
// RFC 9112 §5.1: "No whitespace is allowed between the field name and colon."
func (h *Head) parseField(from, to int) *Error {
	line := h.buf[from:to]
	if line[0] == ' ' || line[0] == '\t' {
		return errFold
	}
	colon := 0
	for colon < len(line) && message.IsTokenChar(line[colon]) {
		colon++
	}
	if colon == 0 || colon == len(line) || line[colon] != ':' {
		return errFieldName
	}
	v := colon + 1
	for v < len(line) && (line[v] == ' ' || line[v] == '\t') {
		v++
	}
	end := len(line)
	for end > v && (line[end-1] == ' ' || line[end-1] == '\t') {
		end--
	}
	if value := line[v:end]; hasBelow(value, ' ') && !isFieldValue(value) {
		return errFieldValue
	}
	h.lines = append(h.lines, fieldLine{
		name:  span{int32(from), int32(from + colon)},
		value: span{int32(from + v), int32(from + end)},
	})
	return nil
}

// finish turns offsets into slices, now that the memory no longer moves, and
// settles host, target and framing.
func (h *Head) finish() *Error {
	h.Method = h.at(h.line.method)
	h.Target = h.at(h.line.target)
	h.Fields = slices.Grow(h.Fields, len(h.lines))[:len(h.lines)]
	for i := range h.lines {
		l, f := &h.lines[i], &h.Fields[i]
		f.Name, f.Value = h.at(l.name), h.at(l.value)
	}
	if err := h.settleFields(); err != nil {
		return err
	}
	return h.settleTarget()
}

// framing collects what settleFields sees.
type framing struct {
	hosts, lengths, codings int
	close, keep             bool
}

func (h *Head) settleFields() *Error {
	var f framing
	for i := range h.Fields {
		if err := h.settleField(&f, h.Fields[i].Name, h.Fields[i].Value); err != nil {
			return err
		}
	}
	// RFC 9112 §3.2: 400 to any HTTP/1.1 request without Host, and to any
	// request with more than one.
	if f.hosts > 1 || (f.hosts == 0 && h.Minor > 0) {
		return errHost
	}
	if f.codings > 0 {
		switch {
		case f.lengths > 0:
			return errLengthAndTE
		case h.Minor == 0:
			return errTEVersion
		}
		h.Chunked = true
		h.ContentLength = -1
	}
	// RFC 9112 §9.3.
	h.KeepAlive = !f.close && (h.Minor > 0 || f.keep)
	if h.Minor == 0 {
		h.Expect100 = false // RFC 9110 §10.1.1
	}
	return nil
}

func (h *Head) settleField(f *framing, name, value []byte) *Error {
	switch len(name) {
	case 4:
		if message.EqualFold(name, "host") {
			f.hosts++
			if !isHost(value) {
				return errHost
			}
			h.Authority = value
		}
	case 6:
		if message.EqualFold(name, "expect") {
			if !message.EqualFold(value, "100-continue") {
				return errExpect
			}
			h.Expect100 = true
		}
	case 10:
		if message.EqualFold(name, "connection") {
			f.close = f.close || message.HasToken(value, "close")
			f.keep = f.keep || message.HasToken(value, "keep-alive")
		}
	case 14:
		if message.EqualFold(name, "content-length") {
			n, ok := parseLength(value)
			if f.lengths++; f.lengths > 1 || !ok {
				return errLength
			}
			h.ContentLength = n
		}
	case 17:
		if message.EqualFold(name, "transfer-encoding") {
			if f.codings++; f.codings > 1 || !message.EqualFold(value, "chunked") {
				return errTE
			}
		}
	}
	return nil
}

// settleTarget splits the request-target (RFC 9112 §3.2).
func (h *Head) settleTarget() *Error {
	t := h.Target
	switch {
	case h.Is("CONNECT"):
		// Only authority-form (§3.2.3); nobody serves it here, Path stays empty.
		if !isHost(t) {
			return errTargetForm
		}
		return nil
	case t[0] == '/':
	case len(t) == 1 && t[0] == '*':
		if !h.Is("OPTIONS") {
			return errTargetForm
		}
		h.Path = t
		return nil
	default:
		var err *Error
		if t, err = h.absoluteForm(t); err != nil {
			return err
		}
	}
	if q := bytes.IndexByte(t, '?'); q >= 0 {
		h.Path, h.Query, h.HasQuery = t[:q:q], t[q+1:], true
	} else {
		h.Path = t
	}
	if len(h.Path) == 0 {
		h.Path = slash
	}
	return nil
}

var slash = []byte("/")

// absoluteForm takes scheme and authority off.
//
// RFC 9112 §3.2.2: "When an origin server receives a request with an
// absolute-form of request-target, the origin server MUST ignore the received
// Host header field (if any) and instead use the host information of the
// request-target."
func (h *Head) absoluteForm(t []byte) ([]byte, *Error) {
	switch {
	case len(t) > 7 && message.EqualFold(t[:7], "http://"):
		t = t[7:]
	case len(t) > 8 && message.EqualFold(t[:8], "https://"):
		t = t[8:]
	default:
		return nil, errTargetForm
	}
	end := bytes.IndexAny(t, "/?")
	if end < 0 {
		end = len(t)
	}
	if end == 0 || !isHost(t[:end]) {
		return nil, errHost
	}
	h.Authority = t[:end:end]
	for i := range h.Fields {
		if message.EqualFold(h.Fields[i].Name, "host") {
			h.Fields[i].Value = h.Authority
		}
	}
	return t[end:], nil
}

func parseLength(v []byte) (int64, bool) {
	if len(v) == 0 || len(v) > lengthDigitsMax {
		return 0, false
	}
	var n int64
	for _, c := range v {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}
