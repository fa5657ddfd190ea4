package rewrite

import (
	"strings"
)

// template is a string with $1, %1, %{VARIABLE} and ${map:key|default} in it,
// cut once when the file is read.
type template struct {
	source string
	parts  []templatePart
	rule   bool // has $n
	cond   bool // has %n
}

type partKind uint8

const (
	partText partKind = iota
	partRule
	partCond
	partVar
	partMap
)

type templatePart struct {
	kind  partKind
	text  string // or a map's name
	n     int
	value *variable
	key   *template
	other *template
}

// compileTemplate cuts a string. It never fails: what makes no sense is text.
func compileTemplate(s string) *template {
	t := &template{source: s}
	var lit []byte
	flush := func() {
		if len(lit) > 0 {
			t.parts = append(t.parts, templatePart{kind: partText, text: string(lit)})
			lit = nil
		}
	}
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == '\\' && i+1 < len(s):
			lit = append(lit, s[i+1])
			i += 2
			continue
		case (c == '$' || c == '%') && i+1 < len(s) && s[i+1] == '{':
			if p, size := bracePart(s[i:]); size > 0 {
				flush()
				t.add(p)
				i += size
				continue
			}
			lit = append(lit, c, '{')
			i += 2
			continue
		case (c == '$' || c == '%') && i+1 < len(s) && isDigit(s[i+1]):
			flush()
			kind := partRule
			if c == '%' {
				kind = partCond
			}
			t.add(templatePart{kind: kind, n: int(s[i+1] - '0')})
			i += 2
			continue
		}
		lit = append(lit, c)
		i++
	}
	flush()
	return t
}

func (t *template) add(p templatePart) {
	t.rule = t.rule || p.kind == partRule
	t.cond = t.cond || p.kind == partCond
	for _, in := range [...]*template{p.key, p.other} {
		if in != nil {
			t.rule = t.rule || in.rule
			t.cond = t.cond || in.cond
		}
	}
	t.parts = append(t.parts, p)
}

// bracePart reads %{…} or ${…}; size 0 means that it is text.
func bracePart(s string) (templatePart, int) {
	end := closingBrace(s[2:], 0)
	if end < 0 {
		return templatePart{}, 0
	}
	body := s[2 : 2+end]
	if s[0] == '%' {
		return templatePart{kind: partVar, value: compileVariable(body)}, end + 3
	}
	colon := closingBrace(body, ':')
	if colon < 0 {
		return templatePart{}, 0
	}
	p := templatePart{kind: partMap, text: body[:colon]}
	key := body[colon+1:]
	if bar := closingBrace(key, '|'); bar >= 0 {
		p.other = compileTemplate(key[bar+1:])
		key = key[:bar]
	}
	p.key = compileTemplate(key)
	return p, end + 3
}

// closingBrace finds the brace that closes a text, or (with stop) an octet that
// stands outside inner braces; -1 if there is none.
func closingBrace(s string, stop byte) int {
	depth := 1
	for i := 0; i < len(s); i++ {
		switch {
		case stop != 0 && s[i] == stop && depth == 1:
			return i
		case s[i] == '}':
			depth--
			if depth == 0 {
				if stop != 0 {
					return -1
				}
				return i
			}
		case s[i] == '{':
			depth++
		}
	}
	return -1
}

// questionMark says where the first (or last) "?" of an expansion comes from.
type questionMark struct {
	unsafe bool // it came from outside the rule
	done   bool
	last   bool // keep looking: the last one counts
}

func (q *questionMark) see(s string, outside bool) {
	if q == nil || q.done || strings.IndexByte(s, '?') < 0 {
		return
	}
	q.unsafe = outside
	q.done = !q.last
}

// expand makes the string. rule is set for a substitution (its escaping flags
// count); q, if not nil, watches question marks.
func (t *template) expand(x *rewriteContext, rule *RewriteRule, q *questionMark) string {
	if len(t.parts) == 1 {
		return x.part(&t.parts[0], rule, q)
	}
	if len(t.parts) == 0 {
		return ""
	}
	buf := x.scratch[:0]
	for i := range t.parts {
		if t.parts[i].kind == partMap {
			// A map's key is expanded with the same scratch memory.
			held := string(buf)
			s := x.part(&t.parts[i], rule, q)
			buf = append(append(x.scratch[:0], held...), s...)
			continue
		}
		buf = append(buf, x.part(&t.parts[i], rule, q)...)
	}
	x.scratch = buf[:0]
	return string(buf)
}

func (x *rewriteContext) part(p *templatePart, rule *RewriteRule, q *questionMark) string {
	switch p.kind {
	case partText:
		q.see(p.text, false)
		return p.text
	case partVar:
		s := p.value.get(x)
		q.see(s, true)
		return s
	case partMap:
		s := x.lookupMap(p)
		q.see(s, true)
		return s
	case partRule, partCond:
		m := &x.ruleMatch
		if p.kind == partCond {
			m = &x.condMatch
		}
		s := m.Group(p.n)
		if rule != nil && rule.escape {
			s = rule.escapeBackRef(s)
		}
		q.see(s, true)
		return s
	}
	return ""
}

func (x *rewriteContext) lookupMap(p *templatePart) string {
	key := p.key.expand(x, nil, nil)
	if m := x.r.q.Site.Maps[p.text]; m != nil {
		if v, ok := m.Lookup(key); ok {
			if v != "" {
				return v
			}
			return ""
		}
	}
	if p.other == nil {
		return ""
	}
	return p.other.expand(x, nil, nil)
}
