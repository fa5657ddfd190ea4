package site

import (
	"bytes"
	"strings"

	"sluice/message"
	"sluice/rewrite"
)

// applyRules edits a response's head as Header, Expires* and their kin say.
func (x *Exchange) applyRules(h *Head, own bool) {
	g := x.ruling
	a := g.a
	if a == nil || a.Kind == rewrite.AnswerPending || a.Quiet() {
		return
	}
	p := &g.resp
	*p = rewrite.Response{Status: h.Status, Own: own, Fields: p.Fields[:0], Always: p.Always[:0], ModTime: a.File.ModTime}
	length := readFields(p, h.Fields, x.plan.Kind == Script && !own)
	typed := p.ContentType != ""
	if !typed && h.Status == 304 {
		p.ContentType = a.Meta.ContentType() // Expires go by it
	}
	a.Respond(p)
	n := len(x.lines) // h.Fields may be there
	b := x.lines
	for _, list := range [2][]rewrite.Field{p.Always, p.Fields} {
		for _, f := range list {
			b = appendSafe(b, f.Name, f.Value)
		}
	}
	if p.ContentType != "" && (typed || h.Status != 304) {
		b = appendSafe(b, "Content-Type", x.withCharset(p.ContentType))
	}
	b = append(b, length...)
	x.lines = b
	h.Fields = b[n:]
	h.OwnServer = h.OwnServer || hasField(p, "server")
}

// withCharset says utf-8 of text where nobody has said anything, unless the site
// is to be as a stock Apache.
func (x *Exchange) withCharset(contentType string) string {
	if x.site.utf8 && strings.HasPrefix(contentType, "text/") && strings.IndexByte(contentType, ';') < 0 && x.plan.Kind == Static {
		return x.site.utf8Of(contentType)
	}
	return contentType
}

// utf8Of remembers the few types there are.
func (s *local) utf8Of(media string) string {
	full, ok := s.utf8Types[media]
	if !ok {
		if s.utf8Types == nil || len(s.utf8Types) >= textTypesMax {
			s.utf8Types = map[string]string{}
		}
		full = media + "; charset=utf-8"
		s.utf8Types[strings.Clone(media)] = full
	}
	return full
}

// readFields takes field lines apart; Content-Length is none of the rules'
// business and given back as it is.
//
// What a script says stands in the table that "Header always" edits, but for
// fields about its content (Apache's err_headers_out; ap_scan_script_header).
func readFields(p *rewrite.Response, block []byte, script bool) (length []byte) {
	for name, line := range fieldLines(block) {
		if len(name) == 0 {
			continue
		}
		value := view(bytes.TrimSpace(line[len(name)+1:]))
		switch {
		case message.EqualFold(name, "content-length"):
			length = line
		case message.EqualFold(name, "content-type"):
			p.ContentType = value
		case script && !isContentField(name):
			p.Always = append(p.Always, rewrite.Field{Name: view(name), Value: value})
		default:
			p.Fields = append(p.Fields, rewrite.Field{Name: view(name), Value: value})
		}
	}
	return length
}

func isContentField(name []byte) bool {
	for _, f := range [...]string{"location", "content-range", "etag", "last-modified", "vary", "content-encoding"} {
		if message.EqualFold(name, f) {
			return true
		}
	}
	return false
}

func hasField(p *rewrite.Response, lower string) bool {
	for _, list := range [2][]rewrite.Field{p.Always, p.Fields} {
		for _, f := range list {
			if strings.EqualFold(f.Name, lower) {
				return true
			}
		}
	}
	return false
}

// frontOwns are fields that the front writes itself, or that would change where
// the message ends.
var frontOwns = [...]string{"connection", "date", "keep-alive", "transfer-encoding", "content-length", "upgrade", "trailer"}

// appendSafe writes a field line of the rules. Their values may come from the
// request, so that a line end in one must not begin another field.
func appendSafe(b []byte, name, value string) []byte {
	if !message.IsToken([]byte(name)) {
		return b
	}
	for _, own := range frontOwns {
		if len(name) == len(own) && strings.EqualFold(name, own) {
			return b
		}
	}
	b = append(append(b, name...), ": "...)
	for i := 0; i < len(value); i++ {
		c := value[i]
		if c < ' ' && c != '\t' || c == 0x7F {
			c = ' '
		}
		b = append(b, c)
	}
	return append(b, "\r\n"...)
}
