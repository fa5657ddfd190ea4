package site

import (
	"bytes"
	"iter"
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
	for name, line := range fieldLines(block) {
		if !h.drops(name) {
			dst = append(dst, line...)
		}
	}
	return append(dst, h.lines...)
}

// fieldLines goes through a block of field lines: the name, and the line with its
// end. What has no colon has no name.
func fieldLines(block []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(name, line []byte) bool) {
		for len(block) > 0 {
			end := bytes.IndexByte(block, '\n') + 1
			if end == 0 {
				return
			}
			line := block[:end]
			block = block[end:]
			if !yield(line[:max(bytes.IndexByte(line, ':'), 0)], line) {
				return
			}
		}
	}
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
