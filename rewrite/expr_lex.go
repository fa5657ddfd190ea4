package rewrite

import (
	"errors"
	"fmt"
	"strings"
)

// exprKind is a token's kind.
type exprKind uint8

const (
	tokEnd exprKind = iota
	tokWord
	tokRegex
	tokIdent
	tokOp     // comparison, logic, concatenation; its canonical spelling is in text
	tokUnary  // -x
	tokBinary // -word
	tokPunct
	tokTrue
	tokFalse
)

type exprToken struct {
	kind exprKind
	text string
	node *exprNode
}

// exprLexer cuts an expression into tokens; strings and variables arrive as nodes.
type exprLexer struct {
	src string
	pos int
}

var (
	errExprUnterminated = errors.New("unterminated string or variable")
	errExprSyntax       = errors.New("syntax error")
)

// exprOps are the operators, longest first where one begins another.
var exprOps = [...]struct{ is, op string }{
	{"==", "=="},
	{"!=", "!="},
	{"<=", "<="},
	{">=", ">="},
	{"=~", "=~"},
	{"!~", "!~"},
	{"&&", "&&"},
	{"||", "||"},
	{"<", "<"},
	{">", ">"},
	{"=", "=="},
	{"!", "!"},
	{".", "."},
}

// exprWords are operators spelt as words.
var exprWords = map[string]string{
	"and": "&&", "or": "||", "not": "!",
	"lt": "-lt", "le": "-le", "gt": "-gt", "ge": "-ge", "ne": "-ne", "eq": "-eq", "in": "-in",
}

func (l *exprLexer) next() (exprToken, error) {
	for l.pos < len(l.src) && (l.src[l.pos] == ' ' || l.src[l.pos] == '\t' || l.src[l.pos] == '\n') {
		l.pos++
	}
	if l.pos >= len(l.src) {
		return exprToken{}, nil
	}
	c := l.src[l.pos]
	rest := l.src[l.pos:]
	switch {
	case c == '"' || c == '\'':
		l.pos++
		n, err := l.text(c)
		return exprToken{kind: tokWord, node: n}, err
	case strings.HasPrefix(rest, "%{"):
		n, err := l.variable()
		return exprToken{kind: tokWord, node: n}, err
	case c == '$' && len(rest) > 1 && isDigit(rest[1]):
		l.pos += 2
		return exprToken{kind: tokWord, node: &exprNode{op: opBackRef, n: int(rest[1] - '0')}}, nil
	case c == '/':
		return l.regex(1)
	case c == 'm' && len(rest) > 1 && strings.IndexByte("/#$%^,;:_?|-!.'\"", rest[1]) >= 0:
		return l.regex(2)
	case c == '-' || isDigit(c):
		return l.dash()
	case isAlnum(c):
		return l.word()
	case strings.IndexByte("(){},:", c) >= 0:
		l.pos++
		return exprToken{kind: tokPunct, text: rest[:1]}, nil
	}
	for _, o := range exprOps {
		if strings.HasPrefix(rest, o.is) {
			l.pos += len(o.is)
			return exprToken{kind: tokOp, text: o.op}, nil
		}
	}
	return exprToken{}, fmt.Errorf("parse error near %q", string(rune(c)))
}

func nameLength(s string) int {
	n := 0
	for n < len(s) && (isAlnum(s[n]) || s[n] == '_') {
		n++
	}
	return n
}

func (l *exprLexer) word() (exprToken, error) {
	n := nameLength(l.src[l.pos:])
	w := l.src[l.pos : l.pos+n]
	l.pos += n
	switch {
	case w == "true":
		return exprToken{kind: tokTrue}, nil
	case w == "false":
		return exprToken{kind: tokFalse}, nil
	case exprWords[w] != "":
		return exprToken{kind: tokOp, text: exprWords[w]}, nil
	}
	return exprToken{kind: tokIdent, text: w}, nil
}

// dash reads numbers and the operators that begin with "-".
func (l *exprLexer) dash() (exprToken, error) {
	rest := l.src[l.pos:]
	i := 0
	if rest[0] == '-' {
		i = 1
	}
	if i < len(rest) && isDigit(rest[i]) {
		for i < len(rest) && isDigit(rest[i]) {
			i++
		}
		l.pos += i
		return exprToken{kind: tokWord, node: &exprNode{op: opText, text: rest[:i]}}, nil
	}
	n := nameLength(rest[1:])
	if n == 0 {
		return exprToken{}, errors.New(`parse error near "-"`)
	}
	w := rest[1 : 1+n]
	l.pos += 1 + n
	switch w {
	case "in", "eq", "ne", "lt", "le", "gt", "ge":
		return exprToken{kind: tokOp, text: "-" + w}, nil
	}
	if n == 1 {
		return exprToken{kind: tokUnary, text: w}, nil
	}
	return exprToken{kind: tokBinary, text: w}, nil
}

func (l *exprLexer) regex(skip int) (exprToken, error) {
	delim := l.src[l.pos+skip-1]
	from := l.pos + skip
	end := strings.IndexByte(l.src[from:], delim)
	if end < 0 {
		return exprToken{}, errors.New("unterminated regular expression")
	}
	source := l.src[from : from+end]
	l.pos = from + end + 1
	fold := l.pos < len(l.src) && l.src[l.pos] == 'i'
	if fold {
		l.pos++
	}
	p, err := CompilePattern(source, fold)
	if err != nil {
		return exprToken{}, err
	}
	return exprToken{kind: tokRegex, node: &exprNode{op: opRegex, pattern: p}}, nil
}

// text reads a string up to its delimiter, 0 meaning the end of the source
// (an expression whose result is a string), '}' the argument of %{name:argument}.
func (l *exprLexer) text(delim byte) (*exprNode, error) {
	var result *exprNode
	var lit []byte
	flush := func() {
		if len(lit) > 0 {
			result = concat(result, &exprNode{op: opText, text: string(lit)})
			lit = lit[:0]
		}
	}
	for {
		if l.pos >= len(l.src) {
			if delim != 0 {
				return nil, errExprUnterminated
			}
			break
		}
		c := l.src[l.pos]
		if c == delim && delim != 0 {
			l.pos++
			break
		}
		rest := l.src[l.pos:]
		switch {
		case c == '\n':
			return nil, errExprUnterminated
		case c == '\\':
			o, size, err := exprEscape(rest)
			if err != nil {
				return nil, err
			}
			lit = append(lit, o)
			l.pos += size
		case c == '$' && len(rest) > 1 && isDigit(rest[1]):
			flush()
			result = concat(result, &exprNode{op: opBackRef, n: int(rest[1] - '0')})
			l.pos += 2
		case strings.HasPrefix(rest, "%{"):
			flush()
			v, err := l.variable()
			if err != nil {
				return nil, err
			}
			result = concat(result, v)
		default:
			lit = append(lit, c)
			l.pos++
		}
	}
	flush()
	if result == nil {
		result = &exprNode{op: opText}
	}
	return result, nil
}

func exprEscape(s string) (byte, int, error) {
	if len(s) < 2 {
		return 0, 0, errExprUnterminated
	}
	c := s[1]
	if isDigit(c) {
		v, n := 0, 1
		for n < len(s) && n < 4 && s[n] >= '0' && s[n] <= '7' {
			v = v*8 + int(s[n]-'0')
			n++
		}
		if n == 1 {
			return 0, 0, errors.New("bad escape sequence")
		}
		if v > 255 {
			return 0, 0, errors.New("escape sequence out of bound")
		}
		return byte(v), n, nil
	}
	switch c {
	case 'n':
		c = '\n'
	case 'r':
		c = '\r'
	case 't':
		c = '\t'
	case 'b':
		c = '\b'
	case 'f':
		c = '\f'
	}
	return c, 2, nil
}

func concat(a, b *exprNode) *exprNode {
	switch {
	case a == nil:
		return b
	case a.op == opJoin:
		a.list = append(a.list, b)
		return a
	}
	return &exprNode{op: opJoin, list: []*exprNode{a, b}}
}

// variable reads %{name} or %{function:argument}.
func (l *exprLexer) variable() (*exprNode, error) {
	l.pos += 2
	n := nameLength(l.src[l.pos:])
	if n == 0 || isDigit(l.src[l.pos]) {
		return nil, errors.New("invalid character in variable name")
	}
	name := l.src[l.pos : l.pos+n]
	l.pos += n
	if l.pos >= len(l.src) {
		return nil, errExprUnterminated
	}
	switch l.src[l.pos] {
	case '}':
		l.pos++
		return varNode(name)
	case ':':
		l.pos++
		arg, err := l.text('}')
		if err != nil {
			return nil, err
		}
		return funcNode(name, arg)
	}
	return nil, fmt.Errorf("invalid character in variable name %q", name+l.src[l.pos:l.pos+1])
}
