package rewrite

import (
	"errors"
	"strconv"
	"strings"
)

// open reads what follows "(".
func (t *translator) open() error {
	rest := t.src[t.pos:]
	switch {
	case strings.HasPrefix(rest, "(?#"):
		end := strings.IndexByte(rest, ')')
		if end < 0 {
			return errPatternEnd
		}
		t.pos += end + 1
		return nil
	case strings.HasPrefix(rest, "(*"):
		return errUnsupported
	case !strings.HasPrefix(rest, "(?"):
		t.groups++
		t.push("(", 1, false)
		return nil
	}
	for _, k := range [...]struct {
		is, text string
		look     bool
	}{
		{"(?:", "(?:", false},
		{"(?=", "(?=", true},
		{"(?!", "(?!", true},
		{"(?<=", "(?<=", true},
		{"(?<!", "(?<!", true},
		{"(?>", "(?>", false},
	} {
		if strings.HasPrefix(rest, k.is) {
			t.slow = t.slow || k.is != "(?:"
			t.push(k.text, len(k.is), k.look)
			return nil
		}
	}
	if namedGroupAt(t.src, t.pos) {
		return t.named(rest)
	}
	return t.inline(rest)
}

func (t *translator) push(text string, size int, look bool) {
	t.frames = append(t.frames, groupFrame{start: t.out.Len(), saved: t.flags, look: look, best: -1})
	t.raw(text)
	t.pos += size
	t.atom = -1
}

// named writes a named group as a numbered one: the two engines number named
// groups differently.
func (t *translator) named(rest string) error {
	from := strings.IndexAny(rest, "<'") + 1
	end := strings.IndexAny(rest[from:], ">'")
	if end <= 0 {
		return errors.New("syntax error in the name of a group")
	}
	t.groups++
	if t.names == nil {
		t.names = map[string]int{}
	}
	name := rest[from : from+end]
	if _, twice := t.names[name]; twice {
		return errors.New("two named groups have the same name")
	}
	t.names[name] = t.groups
	t.push("(", from+end+1, false)
	return nil
}

// inline reads (?i), (?i-s) and (?i:…).
func (t *translator) inline(rest string) error {
	flags, on, i := t.flags, true, 2
	for ; i < len(rest); i++ {
		switch rest[i] {
		case 'i':
			flags.fold = on
		case 'm':
			flags.multi = on
		case 's':
			flags.dotAll = on
		case 'x':
			flags.extended = on
		case 'U':
			flags.ungreedy = on
		case 'J':
		case '-':
			on = false
		case '^':
			flags = patternFlags{}
		case ':':
			t.push("(?:", i+1, false)
			t.flags = flags
			return nil
		case ')':
			t.flags = flags
			t.pos += i + 1
			t.atom = -1
			return nil
		default:
			return errUnsupported
		}
	}
	return errPatternEnd
}

func (t *translator) close() error {
	if len(t.frames) == 1 {
		return errParenthesis
	}
	g := *t.top()
	t.frames = t.frames[:len(t.frames)-1]
	t.flags = g.saved
	t.raw(")")
	t.pos++
	t.atom, t.atomLen, t.atomGroup = g.start, g.least(), true
	if g.look {
		t.atomLen = 0
	}
	t.top().sum += t.atomLen
	return nil
}

// backReference writes \n; n must exist.
func (t *translator) backReference(n int) error {
	if n > t.total || n == 0 {
		return errors.New("reference to non-existent subpattern")
	}
	t.slow = true
	text := `(?:\` + strconv.Itoa(n) + `)`
	if t.flags.fold {
		text = `(?i:\` + strconv.Itoa(n) + `)`
	}
	t.item(text, 0)
	return nil
}

// namedReference reads \k<n>, \k{n}, \k'n', \g{n}, \gn and \g{-n}.
func (t *translator) namedReference() error {
	rest := t.src[t.pos+1:]
	if rest == "" {
		return errPatternEnd
	}
	name, size := "", 0
	if i := strings.IndexByte("<{'", rest[0]); i >= 0 {
		end := strings.IndexByte(rest[1:], ">}'"[i])
		if end < 0 {
			return errPatternEnd
		}
		name, size = rest[1:1+end], end+2
	} else {
		for size < len(rest) && (isDigit(rest[size]) || (size == 0 && rest[size] == '-')) {
			size++
		}
		name = rest[:size]
	}
	t.pos += 1 + size
	if n, err := strconv.Atoi(name); err == nil {
		if n < 0 {
			n = t.groups + 1 + n
		}
		return t.backReference(max(n, 0))
	}
	n, ok := t.names[name]
	if !ok {
		return errors.New("reference to non-existent subpattern")
	}
	return t.backReference(n)
}
