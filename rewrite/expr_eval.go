package rewrite

import (
	"errors"
	"net/netip"
	"strings"
)

// exprScope is what an expression is evaluated against.
type exprScope struct {
	r     *record
	match *Match    // $0-$9
	vary  *[]string // headers that were read; nil: not wanted
	resp  *Response // nil before there is one
	depth int
	err   error
	// script: a script has answered, so that the variables it was given are there.
	script bool
}

// env reads a variable.
func (x *exprScope) env(name string) (string, bool) {
	if x.script {
		if v, ok := x.r.scriptVariable(name); ok {
			return v, true
		}
	}
	return x.r.env.Get(name)
}

var errExprDepth = errors.New("recursion limit reached")

// test evaluates a condition.
func (e *Expr) test(x *exprScope) (bool, error) {
	ok := e.root.test(x)
	return ok && x.err == nil, x.err
}

// expand evaluates a string expression.
func (e *Expr) expand(x *exprScope) (string, error) {
	s := e.root.word(x)
	return s, x.err
}

func (x *exprScope) enter() bool {
	x.depth++
	if x.depth > exprDepthMax {
		x.err = errExprDepth
		return false
	}
	return true
}

// word evaluates a node to a string.
func (n *exprNode) word(x *exprScope) string {
	switch n.op { //nolint:exhaustive // the parser makes words of these only
	case opText:
		return n.text
	case opVar:
		return n.value(x)
	case opBackRef:
		if x.match == nil {
			return ""
		}
		return x.match.Group(n.n)
	case opJoin:
		var b strings.Builder
		for _, s := range n.list {
			b.WriteString(s.word(x))
		}
		return b.String()
	case opFunc:
		if !x.enter() {
			return ""
		}
		defer func() { x.depth-- }()
		return n.call(x, n.a.word(x))
	default:
		return ""
	}
}

// test evaluates a node to a truth.
func (n *exprNode) test(x *exprScope) bool {
	if !x.enter() {
		return false
	}
	defer func() { x.depth-- }()
	switch n.op { //nolint:exhaustive // the parser makes conditions of these only
	case opTrue:
		return true
	case opNot:
		return !n.a.test(x)
	case opAnd:
		return n.a.test(x) && n.b.test(x)
	case opOr:
		return n.a.test(x) || n.b.test(x)
	case opCompare:
		return compareWords(n.text, n.a.word(x), n.b.word(x))
	case opIn:
		needle := n.a.word(x)
		for _, w := range n.list {
			if w.word(x) == needle {
				return true
			}
		}
	case opMatch:
		return n.matches(x)
	case opNoMatch:
		return !n.matches(x)
	case opUnary:
		return n.unary(x)
	case opIPMatch:
		a, err := netip.ParseAddr(n.a.word(x))
		return err == nil && n.net.Contains(a.Unmap())
	case opStrMatch:
		return wildMatch(n.b.word(x), n.a.word(x), false, false)
	case opStrCMatch:
		return wildMatch(n.b.word(x), n.a.word(x), true, false)
	case opFnMatch:
		return wildMatch(n.b.word(x), n.a.word(x), false, true)
	default:
	}
	return false
}

// matches runs =~. Only a pattern with groups touches $0-$9.
func (n *exprNode) matches(x *exprScope) bool {
	s := n.a.word(x)
	if n.pattern.Groups() == 0 {
		return n.pattern.MatchString(s)
	}
	if !n.pattern.filter.possible(s) {
		if x.match != nil {
			x.match.clear()
		}
		return false
	}
	if x.match == nil {
		x.match = &Match{}
	}
	ok := n.pattern.Find(s, x.match)
	if !ok {
		x.match.clear()
	}
	return ok
}

func compareWords(op, a, b string) bool {
	if op[0] == '-' {
		return compareOrder(op[1:], int(sign(atoi(a)-atoi(b))))
	}
	c := strings.Compare(a, b)
	switch op {
	case "==":
		return c == 0
	case "!=":
		return c != 0
	case "<":
		return c < 0
	case "<=":
		return c <= 0
	case ">":
		return c > 0
	default:
		return c >= 0
	}
}

func sign(n int64) int64 {
	switch {
	case n < 0:
		return -1
	case n > 0:
		return 1
	}
	return 0
}

func compareOrder(op string, c int) bool {
	switch op {
	case "eq":
		return c == 0
	case "ne":
		return c != 0
	case "lt":
		return c < 0
	case "le":
		return c <= 0
	case "gt":
		return c > 0
	default:
		return c >= 0
	}
}

func (n *exprNode) unary(x *exprScope) bool {
	arg := n.a.word(x)
	switch n.text {
	case "n":
		return arg != ""
	case "z":
		return arg == ""
	case "T":
		return arg != "" && arg != "0" && !equalFold(arg, "off") && !equalFold(arg, "false") && !equalFold(arg, "no")
	case "R":
		return n.net.Contains(x.r.q.RemoteAddr.Unmap())
	case "d":
		return x.r.stat(arg).Kind == Directory
	case "e":
		k := x.r.stat(arg).Kind
		return k != Missing && k != Symlink
	case "f":
		return x.r.stat(arg).Kind == Regular
	case "s":
		f := x.r.stat(arg)
		return f.Kind == Regular && f.Size > 0
	case "L", "h":
		return x.r.q.Env.Lstat(arg).Kind == Symlink
	case "x":
		return x.r.stat(arg).Exec
	case "F":
		return x.r.fileReachable(arg)
	default: // U, A
		return x.r.urlReachable(arg)
	}
}

// wildMatch is Apache's ap_strcmp_match (and apr_fnmatch with classes): "*" and
// "?" match any octets. It is iterative, so no pattern makes it slow beyond
// length times length.
func wildMatch(pattern, s string, fold, classes bool) bool {
	p, i, star, mark := 0, 0, -1, 0
	for i < len(s) {
		if p < len(pattern) && pattern[p] == '*' {
			star, mark = p, i
			p++
			continue
		}
		if n, ok := wildOne(pattern[p:], s[i], fold, classes); ok {
			p += n
			i++
			continue
		}
		if star < 0 {
			return false
		}
		p = star + 1
		mark++
		i = mark
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

// wildOne matches one octet and returns the size of the pattern's part.
func wildOne(pattern string, c byte, fold, classes bool) (int, bool) {
	if pattern == "" {
		return 0, false
	}
	switch {
	case pattern[0] == '?':
		return 1, true
	case pattern[0] == '\\' && classes && len(pattern) > 1:
		return 2, pattern[1] == c
	case pattern[0] == '[' && classes:
		if end := strings.IndexByte(pattern[1:], ']'); end > 0 {
			return end + 2, wildClass(pattern[1:1+end], c)
		}
	}
	if fold {
		return 1, lowerByte(pattern[0]) == lowerByte(c)
	}
	return 1, pattern[0] == c
}

func wildClass(class string, c byte) bool {
	negate := class[0] == '!' || class[0] == '^'
	if negate {
		class = class[1:]
	}
	for i := 0; i < len(class); i++ {
		if i+2 < len(class) && class[i+1] == '-' {
			if c >= class[i] && c <= class[i+2] {
				return !negate
			}
			i += 2
			continue
		}
		if class[i] == c {
			return !negate
		}
	}
	return negate
}
