package rewrite

import (
	"fmt"
	"net/netip"
	"strings"
)

// Expr is a compiled ap_expr, immutable.
type Expr struct {
	source string
	root   *exprNode
}

// String returns the expression as it was written.
func (e *Expr) String() string { return e.source }

type exprOp uint8

const (
	opText exprOp = iota
	opJoin
	opVar
	opFunc
	opBackRef
	opRegex
	opTrue
	opFalse
	opNot
	opAnd
	opOr
	opCompare // text is the operator
	opIn
	opMatch
	opNoMatch
	opUnary
	opIPMatch
	opStrMatch
	opStrCMatch
	opFnMatch
)

// exprNode is a node of an expression's tree.
type exprNode struct {
	op      exprOp
	text    string
	n       int
	a, b    *exprNode
	list    []*exprNode
	pattern *Pattern
	value   exprValue
	call    exprCall
	net     netip.Prefix
}

// CompileExpr compiles a condition.
func CompileExpr(source string) (*Expr, error) {
	p := exprParser{lex: exprLexer{src: source}}
	if err := p.advance(); err != nil {
		return nil, fmt.Errorf("rewrite: expression %q: %w", source, err)
	}
	root, err := p.or()
	if err == nil && p.tok.kind != tokEnd {
		err = errExprSyntax
	}
	if err != nil {
		return nil, fmt.Errorf("rewrite: expression %q: %w", source, err)
	}
	return &Expr{source, root}, nil
}

// expr compiles a condition of a directive.
func (c *compiler) expr(source string) (*Expr, error) {
	e, err := CompileExpr(source)
	if err == nil {
		err = c.mayUse(e)
	}
	return e, err
}

// stringExpr compiles a text with %{…} of a directive.
func (c *compiler) stringExpr(source string) (*Expr, error) {
	e, err := CompileStringExpr(source)
	if err == nil {
		err = c.mayUse(e)
	}
	return e, err
}

// mayUse keeps files of the machine from who may only write a .htaccess
// (AP_EXPR_FLAG_RESTRICTED).
func (c *compiler) mayUse(e *Expr) error {
	if name := e.root.restricted(); name != "" && !c.dialect.Server {
		return fmt.Errorf("%s not available in restricted context", name)
	}
	return nil
}

// restricted names a function of the tree that only a server's own
// configuration may call.
func (n *exprNode) restricted() string {
	if n == nil {
		return ""
	}
	if n.op == opFunc {
		switch name := toLower(n.text); name {
		case "file", "filesize", "filemod":
			return name
		}
	}
	for _, sub := range [2]*exprNode{n.a, n.b} {
		if name := sub.restricted(); name != "" {
			return name
		}
	}
	for _, sub := range n.list {
		if name := sub.restricted(); name != "" {
			return name
		}
	}
	return ""
}

// CompileStringExpr compiles text with %{…} and $n in it.
func CompileStringExpr(source string) (*Expr, error) {
	l := exprLexer{src: source}
	root, err := l.text(0)
	if err != nil {
		return nil, fmt.Errorf("rewrite: expression %q: %w", source, err)
	}
	return &Expr{source, root}, nil
}

type exprParser struct {
	lex   exprLexer
	tok   exprToken
	depth int
}

func (p *exprParser) advance() (err error) {
	p.tok, err = p.lex.next()
	return err
}

func (p *exprParser) isOp(op string) bool { return p.tok.kind == tokOp && p.tok.text == op }

func (p *exprParser) isPunct(s string) bool { return p.tok.kind == tokPunct && p.tok.text == s }

func (p *exprParser) expect(s string) error {
	if !p.isPunct(s) {
		return fmt.Errorf("%w: %q expected", errExprSyntax, s)
	}
	return p.advance()
}

func (p *exprParser) or() (*exprNode, error)  { return p.chain("||", opOr, p.and) }
func (p *exprParser) and() (*exprNode, error) { return p.chain("&&", opAnd, p.term) }

func (p *exprParser) chain(op string, kind exprOp, sub func() (*exprNode, error)) (*exprNode, error) {
	left, err := sub()
	for err == nil && p.isOp(op) {
		if err = p.advance(); err != nil {
			break
		}
		var right *exprNode
		right, err = sub()
		left = &exprNode{op: kind, a: left, b: right}
	}
	return left, err
}

func (p *exprParser) term() (*exprNode, error) {
	p.depth++
	defer func() { p.depth-- }()
	if p.depth > exprParseDepthMax {
		return nil, fmt.Errorf("%w: nested too deeply", errExprSyntax)
	}
	switch {
	case p.tok.kind == tokTrue:
		return &exprNode{op: opTrue}, p.advance()
	case p.tok.kind == tokFalse:
		return &exprNode{op: opFalse}, p.advance()
	case p.isOp("!"):
		if err := p.advance(); err != nil {
			return nil, err
		}
		a, err := p.term()
		return &exprNode{op: opNot, a: a}, err
	case p.isPunct("("):
		if err := p.advance(); err != nil {
			return nil, err
		}
		a, err := p.or()
		if err != nil {
			return nil, err
		}
		return a, p.expect(")")
	case p.tok.kind == tokUnary:
		return p.unary()
	}
	return p.comparison()
}

func (p *exprParser) unary() (*exprNode, error) {
	op := p.tok.text
	if strings.IndexByte("defsLhxUFAnzTR", op[0]) < 0 {
		return nil, fmt.Errorf("unary operator %q does not exist", "-"+op)
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	a, err := p.word()
	if err != nil {
		return nil, err
	}
	n := &exprNode{op: opUnary, text: op, a: a}
	if op == "R" {
		n.net, err = constantNet(a)
	}
	return n, err
}

// comparison reads "word operator word".
func (p *exprParser) comparison() (*exprNode, error) {
	left, err := p.word()
	if err != nil {
		return nil, err
	}
	t := p.tok
	if t.kind != tokOp && t.kind != tokBinary {
		return nil, errExprSyntax
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	switch {
	case t.kind == tokBinary:
		return p.binary(t.text, left)
	case t.text == "=~" || t.text == "!~":
		if p.tok.kind != tokRegex {
			return nil, fmt.Errorf("%w: regular expression expected", errExprSyntax)
		}
		op := opMatch
		if t.text == "!~" {
			op = opNoMatch
		}
		pattern := p.tok.node.pattern
		return &exprNode{op: op, a: left, pattern: pattern}, p.advance()
	case t.text == "-in":
		return p.in(left)
	case t.text == "&&" || t.text == "||" || t.text == "!" || t.text == ".":
		return nil, errExprSyntax
	}
	right, err := p.word()
	return &exprNode{op: opCompare, text: t.text, a: left, b: right}, err
}

func (p *exprParser) binary(op string, left *exprNode) (*exprNode, error) {
	right, err := p.word()
	if err != nil {
		return nil, err
	}
	n := &exprNode{a: left, b: right}
	switch op {
	case "ipmatch":
		n.op = opIPMatch
		n.net, err = constantNet(right)
	case "strmatch":
		n.op = opStrMatch
	case "strcmatch":
		n.op = opStrCMatch
	case "fnmatch":
		n.op = opFnMatch
	default:
		return nil, fmt.Errorf("binary operator %q does not exist", "-"+op)
	}
	return n, err
}

func constantNet(n *exprNode) (netip.Prefix, error) {
	if n.op != opText {
		return netip.Prefix{}, fmt.Errorf("subnet/netmask must be constant")
	}
	return parseNet(n.text)
}

// in reads a list in braces, or a function that makes one.
func (p *exprParser) in(left *exprNode) (*exprNode, error) {
	n := &exprNode{op: opIn, a: left}
	if !p.isPunct("{") {
		// Only mod_ssl has functions that make lists (PeerExtList); without a
		// client certificate they make empty ones.
		if p.tok.kind != tokIdent || !equalFold(p.tok.text, "PeerExtList") {
			return nil, fmt.Errorf("%w: list expected", errExprSyntax)
		}
		_, err := p.call()
		return n, err
	}
	for {
		if err := p.advance(); err != nil {
			return nil, err
		}
		w, err := p.word()
		if err != nil {
			return nil, err
		}
		n.list = append(n.list, w)
		if !p.isPunct(",") {
			return n, p.expect("}")
		}
	}
}

// word reads words joined by ".".
func (p *exprParser) word() (*exprNode, error) {
	left, err := p.single()
	for err == nil && p.isOp(".") {
		if err = p.advance(); err != nil {
			break
		}
		var right *exprNode
		right, err = p.single()
		left = concat(left, right)
	}
	return left, err
}

func (p *exprParser) single() (*exprNode, error) {
	if p.tok.kind == tokWord {
		n := p.tok.node
		return n, p.advance()
	}
	if p.tok.kind == tokIdent {
		return p.call()
	}
	return nil, errExprSyntax
}

// call reads name(word).
func (p *exprParser) call() (*exprNode, error) {
	name := p.tok.text
	if err := p.advance(); err != nil {
		return nil, err
	}
	if err := p.expect("("); err != nil {
		return nil, err
	}
	p.depth++
	defer func() { p.depth-- }()
	if p.depth > exprParseDepthMax {
		return nil, fmt.Errorf("%w: nested too deeply", errExprSyntax)
	}
	arg, err := p.word()
	if err != nil {
		return nil, err
	}
	if err := p.expect(")"); err != nil {
		return nil, err
	}
	if equalFold(name, "PeerExtList") {
		return &exprNode{op: opText}, nil
	}
	return funcNode(name, arg)
}
