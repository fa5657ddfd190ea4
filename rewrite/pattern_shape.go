package rewrite

import (
	"regexp/syntax"
	"strings"
)

// literalShape is a pattern so simple that no engine is needed: nothing, one
// octet of any kind, all of them, or a literal with or without anchors.
type literalShape struct {
	kind  shapeKind
	text  string
	group bool // group 1 is all of the match
}

type shapeKind uint8

const (
	shapeAny      shapeKind = iota // "" or "^": matches at 0, empty
	shapeOctet                     // ".": any one octet
	shapeWhole                     // ^literal$
	shapePrefix                    // ^literal
	shapeSuffix                    // literal$
	shapeContains                  // literal
	shapeAll                       // ".*", "^(.*)$" and the like
	shapeSome                      // ".+", "^(.+)$" and the like
)

// shapeOf finds the shape of a tree, nil if it has none. Only what takes all
// may be a group.
func shapeOf(re *syntax.Regexp, groups int) *literalShape {
	if l := shapeOfAll(re, groups); l != nil || groups > 0 {
		return l
	}
	begin, end, text := false, false, ""
	subs := []*syntax.Regexp{re}
	if re.Op == syntax.OpConcat {
		subs = re.Sub
	}
	for i, s := range subs {
		switch {
		case s.Op == syntax.OpBeginText && i == 0:
			begin = true
		case s.Op == syntax.OpEndText && i == len(subs)-1:
			end = true
		case s.Op == syntax.OpEmptyMatch:
		case s.Op == syntax.OpAnyChar && len(subs) == 1:
			return &literalShape{kind: shapeOctet}
		case s.Op == syntax.OpLiteral && s.Flags&syntax.FoldCase == 0 && text == "":
			for _, r := range s.Rune {
				text += string([]byte{byte(r)})
			}
		default:
			return nil
		}
	}
	switch {
	case begin && end:
		return &literalShape{kind: shapeWhole, text: text}
	case text == "" && !end:
		return &literalShape{kind: shapeAny}
	case begin:
		return &literalShape{kind: shapePrefix, text: text}
	case end:
		return &literalShape{kind: shapeSuffix, text: text}
	}
	return &literalShape{kind: shapeContains, text: text}
}

// shapeOfAll is shapeOf for what takes all there is: it begins at the first
// octet and, being greedy, ends at the last one, with anchors or without.
func shapeOfAll(re *syntax.Regexp, groups int) *literalShape {
	subs := []*syntax.Regexp{re}
	if re.Op == syntax.OpConcat {
		subs = re.Sub
	}
	if subs[0].Op == syntax.OpBeginText {
		subs = subs[1:]
	}
	if n := len(subs); n > 0 && subs[n-1].Op == syntax.OpEndText {
		subs = subs[:n-1]
	}
	if len(subs) != 1 || groups > 1 {
		return nil
	}
	all, grouped := subs[0], groups == 1
	if grouped && all.Op == syntax.OpCapture {
		all = all.Sub[0]
	}
	if all.Flags&syntax.NonGreedy != 0 || len(all.Sub) != 1 || all.Sub[0].Op != syntax.OpAnyChar {
		return nil
	}
	switch all.Op { //nolint:exhaustive // the rest is no loop
	case syntax.OpStar:
		return &literalShape{kind: shapeAll, group: grouped}
	case syntax.OpPlus:
		return &literalShape{kind: shapeSome, group: grouped}
	}
	return nil
}

func (l *literalShape) match(s string) bool {
	_, _, ok := l.find(s)
	return ok
}

func (l *literalShape) find(s string) (from, to int, ok bool) {
	n := len(l.text)
	switch l.kind {
	case shapeAny:
		return 0, 0, true
	case shapeOctet:
		return 0, min(1, len(s)), s != ""
	case shapeWhole:
		return 0, n, s == l.text
	case shapePrefix:
		return 0, n, strings.HasPrefix(s, l.text)
	case shapeSuffix:
		return len(s) - n, len(s), strings.HasSuffix(s, l.text)
	case shapeAll:
		return 0, len(s), true
	case shapeSome:
		return 0, len(s), s != ""
	case shapeContains:
		i := strings.Index(s, l.text)
		return i, i + n, i >= 0
	}
	return 0, 0, false
}
