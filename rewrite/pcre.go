package rewrite

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// translation is a PCRE pattern in the common dialect of Go's regexp and regexp2:
// classes and case folding are spelt out over the 256 octets, so that neither
// engine's own idea of letters matters.
type translation struct {
	names  map[string]int // groups with names
	text   string
	groups int
	slow   bool // needs look-around, back references or atomic groups
	minLen int
}

var (
	errPatternEnd    = errors.New("unexpected end of pattern")
	errParenthesis   = errors.New("unbalanced parenthesis")
	errNothingRepeat = errors.New("quantifier does not follow a repeatable item")
	errUnsupported   = errors.New("recursion, conditionals and verbs are not supported")
)

func translate(source string, fold bool) (translation, error) {
	t := newTranslator(source, fold, false)
	if err := t.run(); err != nil {
		return translation{}, err
	}
	if t.slow {
		t = newTranslator(source, fold, true)
		if err := t.run(); err != nil {
			return translation{}, err
		}
	}
	return translation{names: t.names, text: t.out.String(), groups: t.groups, slow: t.slow, minLen: t.top().least()}, nil
}

// patternFlags are the inline options in force.
type patternFlags struct {
	fold, multi, dotAll, extended, ungreedy bool
}

// groupFrame is an open group (the pattern itself is the outermost).
type groupFrame struct {
	start int // in out
	saved patternFlags
	look  bool // look-around: no length
	sum   int
	best  int // least length of the branches before, -1: none
}

func (g *groupFrame) least() int {
	if g.best >= 0 && g.best < g.sum {
		return g.best
	}
	return g.sum
}

type translator struct {
	src       string
	pos       int
	out       strings.Builder
	flags     patternFlags
	frames    []groupFrame
	groups    int
	total     int // groups in the whole pattern
	names     map[string]int
	slow      bool
	emitSlow  bool
	atom      int // where the last item begins in out, -1: none
	atomLen   int
	atomGroup bool // holds a capture
}

func newTranslator(source string, fold, emitSlow bool) *translator {
	t := &translator{src: source, emitSlow: emitSlow, atom: -1}
	t.flags = patternFlags{fold: fold, dotAll: true}
	t.frames = []groupFrame{{best: -1}}
	t.slow = emitSlow
	t.total = countGroups(source)
	return t
}

// countGroups counts the capturing groups, to tell \10 from an octal escape.
func countGroups(s string) int {
	n, class := 0, false
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\':
			i++
		case class:
			class = s[i] != ']'
		case s[i] == '[':
			class = true
			if i+1 < len(s) && s[i+1] == '^' {
				i++
			}
			if i+1 < len(s) && s[i+1] == ']' {
				i++
			}
		case s[i] == '(':
			if i+1 >= len(s) || s[i+1] != '?' || namedGroupAt(s, i) {
				n++
			}
		}
	}
	return n
}

func namedGroupAt(s string, i int) bool {
	rest := s[i:]
	return strings.HasPrefix(rest, "(?P<") || strings.HasPrefix(rest, "(?'") ||
		(strings.HasPrefix(rest, "(?<") && !strings.HasPrefix(rest, "(?<=") && !strings.HasPrefix(rest, "(?<!"))
}

func (t *translator) top() *groupFrame { return &t.frames[len(t.frames)-1] }

func (t *translator) run() error {
	for t.pos < len(t.src) {
		if err := t.step(); err != nil {
			return fmt.Errorf("%w at offset %d", err, t.pos)
		}
	}
	if len(t.frames) != 1 {
		return errParenthesis
	}
	return nil
}

func (t *translator) step() error {
	c := t.src[t.pos]
	if t.flags.extended && (isSpace(c) || c == '#') {
		t.skipExtended()
		return nil
	}
	switch c {
	case '\\':
		return t.escape()
	case '[':
		return t.class()
	case '(':
		return t.open()
	case ')':
		return t.close()
	case '|':
		g := t.top()
		g.best, g.sum = g.least(), 0
		t.raw("|")
		t.atom = -1
	case '.':
		if t.flags.dotAll {
			t.item(`(?s:.)`, 1)
		} else {
			t.item(`[^\n]`, 1)
		}
	case '^':
		t.item(choose(t.flags.multi, `(?m:^)`, `\A`), 0)
	case '$':
		t.item(choose(t.flags.multi, `(?m:$)`, `\z`), 0)
	case '*', '+', '?':
		return t.quantifier(c, 0, 0)
	case '{':
		if lo, hi, n := repeatAt(t.src[t.pos:]); n > 0 {
			t.pos += n - 1
			return t.quantifier('{', lo, hi)
		}
		t.literal(c)
	default:
		t.literal(c)
	}
	t.pos++
	return nil
}

func choose(c bool, a, b string) string {
	if c {
		return a
	}
	return b
}

func (t *translator) skipExtended() {
	if t.src[t.pos] != '#' {
		t.pos++
		return
	}
	for t.pos < len(t.src) && t.src[t.pos] != '\n' {
		t.pos++
	}
}

func (t *translator) raw(s string) { t.out.WriteString(s) }

// item writes something that a quantifier may follow.
func (t *translator) item(s string, length int) {
	t.atom = t.out.Len()
	t.atomLen = length
	t.atomGroup = false
	t.top().sum += length
	t.raw(s)
}

func (t *translator) literal(c byte) {
	if lower := lowerByte(c); t.flags.fold && lower >= 'a' && lower <= 'z' {
		t.item("["+string(rune(lower&^0x20))+string(rune(lower))+"]", 1)
		return
	}
	t.item(quoteOctet(c), 1)
}

// quoteOctet writes an octet so that neither engine sees syntax in it.
func quoteOctet(c byte) string {
	if isAlnum(c) || c == '_' || c == '/' || c == ' ' || c == '%' || c == '=' || c == '&' {
		return string(rune(c))
	}
	const hex = "0123456789abcdef"
	return `\x` + string([]byte{hex[c>>4], hex[c&15]})
}

// repeatAt reads {n}, {n,} or {n,m}; size 0 means that the brace is a literal.
func repeatAt(s string) (lo, hi, size int) {
	end := strings.IndexByte(s, '}')
	if end < 2 {
		return 0, 0, 0
	}
	a, b, comma := strings.Cut(s[1:end], ",")
	lo, err := strconv.Atoi(a)
	if err != nil || a == "" || !isDigit(a[0]) {
		return 0, 0, 0
	}
	switch {
	case !comma:
		hi = lo
	case b == "":
		hi = -1
	default:
		hi, err = strconv.Atoi(b)
		if err != nil || !isDigit(b[0]) {
			return 0, 0, 0
		}
	}
	return lo, hi, end + 1
}

// repeatMax is PCRE's bound; goRepeatMax that of Go's regexp.
const (
	repeatMax   = 65535
	goRepeatMax = 1000
)

func (t *translator) quantifier(c byte, lo, hi int) error {
	if t.atom < 0 {
		return errNothingRepeat
	}
	switch c {
	case '*':
		lo, hi = 0, -1
	case '+':
		lo, hi = 1, -1
	case '?':
		lo, hi = 0, 1
	}
	if lo > repeatMax || hi > repeatMax {
		return errors.New("number too big in {} quantifier")
	}
	if hi >= 0 && hi < lo {
		return errors.New("numbers out of order in {} quantifier")
	}
	t.pos++
	lazy, possessive := t.flags.ungreedy, false
	if t.pos < len(t.src) {
		switch t.src[t.pos] {
		case '?':
			lazy = !lazy
			t.pos++
		case '+':
			possessive = true
			t.pos++
		}
	}
	t.top().sum += t.atomLen * (lo - 1)
	t.repeat(lo, hi, lazy && !possessive, possessive)
	t.atom = -1
	return nil
}

func (t *translator) repeat(lo, hi int, lazy, possessive bool) {
	whole := t.out.String()
	head, atom := whole[:t.atom], whole[t.atom:]
	text := atom + repeatSuffix(lo, hi)
	if lo > goRepeatMax || hi > goRepeatMax {
		split, ok := splitRepeat(atom, lo, hi)
		if ok && !t.atomGroup && !t.emitSlow {
			text = split
		} else {
			t.slow = true
		}
	}
	if lazy {
		text += "?"
	}
	if possessive {
		t.slow = true
		text = "(?>" + text + ")"
	}
	t.out.Reset()
	t.raw(head)
	t.raw(text)
}

func repeatSuffix(lo, hi int) string {
	switch {
	case lo == 0 && hi < 0:
		return "*"
	case lo == 1 && hi < 0:
		return "+"
	case lo == 0 && hi == 1:
		return "?"
	case hi < 0:
		return "{" + strconv.Itoa(lo) + ",}"
	case lo == hi:
		return "{" + strconv.Itoa(lo) + "}"
	}
	return "{" + strconv.Itoa(lo) + "," + strconv.Itoa(hi) + "}"
}

// splitRepeatMax bounds a large repeat that is spelt out for Go's regexp.
const splitRepeatMax = 10000

// splitRepeat spells X{2000,} as X{1000}X{1000}X*, which Go accepts.
func splitRepeat(atom string, lo, hi int) (string, bool) {
	if lo > splitRepeatMax || (hi >= 0 && hi != lo) {
		return "", false
	}
	var b strings.Builder
	b.WriteString("(?:")
	for n := lo; n > 0; n -= goRepeatMax {
		b.WriteString(atom + "{" + strconv.Itoa(min(n, goRepeatMax)) + "}")
	}
	if hi < 0 {
		b.WriteString(atom + "*")
	}
	b.WriteString(")")
	return b.String(), true
}
