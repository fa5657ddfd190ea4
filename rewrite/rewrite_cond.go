package rewrite

import (
	"errors"
	"fmt"
	"strings"
)

type condKind uint8

const (
	condPattern condKind = iota
	condFile
	condSize
	condLink
	condDir
	condExec
	condURI
	condSubFile
	condText // op on strings
	condInt  // op on numbers
	condExpr
)

// RewriteCond is a compiled condition.
type RewriteCond struct {
	File    string
	Line    int
	Test    string
	Pattern string // as written, with "!"
	Flags   string

	input  *template
	kind   condKind
	op     string // of condText and condInt: eq, lt, le, gt, ge
	value  string
	not    bool
	fold   bool
	orNext bool
	noVary bool
	regex  *Pattern
	expr   *Expr
}

func rewriteCondLine(c *compiler, s *scope, n *node, _ []string) error {
	a, count, _, err := rewriteArgs(n.args)
	if err != nil {
		return err
	}
	rc := &RewriteCond{File: c.file.Name, Line: n.line, Test: a[0], Pattern: a[1], input: compileTemplate(a[0])}
	if count > 2 {
		rc.Flags = a[2]
		if err := rewriteFlags(a[2], rc.setFlag); err != nil {
			return err
		}
	}
	if err := rc.setPattern(c, a[1]); err != nil {
		return err
	}
	conf := s.rewriteOf()
	conf.pending = append(conf.pending, rc)
	return nil
}

func (rc *RewriteCond) setFlag(key, _ string) error {
	switch toLower(key) {
	case "nc", "nocase":
		rc.fold = true
	case "or", "ornext":
		rc.orNext = true
	case "nv", "novary":
		rc.noVary = true
	default:
		return fmt.Errorf("unknown flag '%s'", key)
	}
	return nil
}

var fileTests = map[byte]condKind{
	'f': condFile, 's': condSize, 'd': condDir, 'x': condExec,
	'h': condLink, 'L': condLink, 'l': condLink, 'U': condURI, 'F': condSubFile,
}

func (rc *RewriteCond) setPattern(c *compiler, p string) (err error) {
	if strings.HasPrefix(p, "!") {
		rc.not = true
		p = p[1:]
	}
	switch {
	case equalFold(rc.Test, "expr"):
		rc.kind = condExpr
		rc.expr, err = c.expr(p)
		return err
	case len(p) > 1 && p[0] == '-' && rc.dashTest(p):
	case len(p) > 1 && strings.IndexByte("<>=", p[0]) >= 0:
		rc.textTest(p)
	default:
		rc.regex, err = CompilePattern(p, rc.fold)
		return err
	}
	if rc.kind != condText {
		rc.fold = false
	}
	return nil
}

func (rc *RewriteCond) dashTest(p string) bool {
	if len(p) == 2 {
		k, ok := fileTests[p[1]]
		rc.kind = k
		return ok
	}
	if len(p) < 4 {
		return false
	}
	op := p[1:3]
	switch op {
	case "lt", "le", "gt", "ge", "eq":
	case "ne":
		op = "eq"
		rc.not = !rc.not
	default:
		return false
	}
	rc.kind, rc.op, rc.value = condInt, op, p[3:]
	return true
}

func (rc *RewriteCond) textTest(p string) {
	rc.kind = condText
	switch {
	case strings.HasPrefix(p, ">="):
		rc.op, rc.value = "ge", p[2:]
	case strings.HasPrefix(p, "<="):
		rc.op, rc.value = "le", p[2:]
	case p[0] == '>':
		rc.op, rc.value = "gt", p[1:]
	case p[0] == '<':
		rc.op, rc.value = "lt", p[1:]
	default:
		rc.op, rc.value = "eq", p[1:]
		if rc.value == `""` {
			rc.value = ""
		}
	}
}

// hold evaluates the condition. groups tells whether somebody reads %n.
func (rc *RewriteCond) hold(x *rewriteContext, groups bool) bool {
	input, ok := "", false
	if rc.kind == condExpr {
		ok = rc.holdsExpr(x)
	} else {
		input = rc.input.expand(x, nil, nil)
		ok = rc.test(x, input, groups)
	}
	if rc.not {
		ok = !ok
	}
	if x.r.q.Trace != nil {
		x.r.q.trace(Event{Kind: TraceCond, File: rc.File, Line: rc.Line, Directive: rc.text(), Before: input, Matched: ok})
	}
	return ok
}

func (rc *RewriteCond) holdsExpr(x *rewriteContext) bool {
	var m Match
	scope := exprScope{r: x.r, match: &m}
	if !rc.noVary {
		scope.vary = &x.r.vary
	}
	ok, err := rc.expr.test(&scope)
	if err != nil {
		x.r.q.log("RewriteCond: expr='" + rc.Pattern + "' evaluation failed: " + err.Error())
		return false
	}
	if ok && !rc.not {
		x.condMatch = m
	}
	return ok
}

func (rc *RewriteCond) test(x *rewriteContext, input string, groups bool) bool {
	r := x.r
	switch rc.kind {
	case condPattern:
		if rc.not || !groups {
			ok := rc.regex.MatchString(input)
			if ok && !rc.not {
				x.condMatch.clear()
			}
			return ok
		}
		return rc.regex.Find(input, &x.condMatch)
	case condFile:
		return r.stat(input).Kind == Regular
	case condSize:
		f := r.stat(input)
		return f.Kind == Regular && f.Size > 0
	case condDir:
		return r.stat(input).Kind == Directory
	case condExec:
		return r.stat(input).Exec
	case condLink:
		return input != "" && r.q.Env.Lstat(input).Kind == Symlink
	case condURI:
		return input != "" && r.subRequestAllowed() && r.urlReachable(input)
	case condSubFile:
		return input != "" && r.subRequestAllowed() && r.fileReachable(input)
	case condInt:
		return compareOrder(rc.op, int(sign(atoi(input)-atoi(rc.value))))
	case condText:
		return compareOrder(rc.op, rc.compareText(input))
	case condExpr:
	}
	return false
}

// compareText compares as Apache does: with NC as strings, else by length first.
func (rc *RewriteCond) compareText(input string) int {
	if rc.fold {
		return strings.Compare(toLower(input), toLower(rc.value))
	}
	if rc.op == "eq" {
		return choose2(input == rc.value, 0, 1)
	}
	if len(input) != len(rc.value) {
		return choose2(len(input) > len(rc.value), 1, -1)
	}
	return strings.Compare(input, rc.value)
}

func choose2(c bool, a, b int) int {
	if c {
		return a
	}
	return b
}

var errInvalidStatus = errors.New("invalid HTTP response code for flag 'R'")
