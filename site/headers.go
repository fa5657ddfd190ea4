package site

import (
	"bytes"
	"strings"

	"sluice/message"
)

// headerRules are Rules made ready: names in lower case, lines with CRLF.
type headerRules struct {
	drop      []string
	lines     []byte
	ownServer bool
}

func compileRules(r Rules) headerRules {
	var h headerRules
	for _, name := range r.Remove {
		h.drop = append(h.drop, strings.ToLower(name))
	}
	for _, f := range r.Set {
		h.drop = append(h.drop, strings.ToLower(f.Name))
		h.lines = appendField(h.lines, f.Name, f.Value)
	}
	for _, f := range r.Add {
		h.lines = appendField(h.lines, f.Name, f.Value)
	}
	h.ownServer = h.drops([]byte("server"))
	return h
}

func (h *headerRules) none() bool { return len(h.drop) == 0 && len(h.lines) == 0 }

// apply appends the field lines in block, changed by the rules, to dst.
func (h *headerRules) apply(dst, block []byte) []byte {
	for len(block) > 0 {
		end := bytes.IndexByte(block, '\n') + 1
		if end == 0 {
			break
		}
		line := block[:end]
		block = block[end:]
		if colon := bytes.IndexByte(line, ':'); colon < 0 || !h.drops(line[:colon]) {
			dst = append(dst, line...)
		}
	}
	return append(dst, h.lines...)
}

func (h *headerRules) drops(name []byte) bool {
	for _, d := range h.drop {
		if message.EqualFold(name, d) {
			return true
		}
	}
	return false
}

func appendField[N, V ~string | ~[]byte](dst []byte, name N, value V) []byte {
	dst = append(dst, name...)
	dst = append(dst, ": "...)
	dst = append(dst, value...)
	return append(dst, "\r\n"...)
}
