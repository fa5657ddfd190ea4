package rewrite

import (
	"fmt"
	"strings"
)

// Level grades a finding.
type Level uint8

const (
	// Skipped: a known directive that means nothing here.
	Skipped Level = iota
	// Warning: accepted, but not as the author may think.
	Warning
	// Broken: the file is refused, and with it its whole folder (500).
	Broken
)

func (l Level) String() string { return [...]string{"skipped", "warning", "error"}[l] }

// Finding is a remark about a line of a file.
type Finding struct {
	File      string
	Line      int
	Directive string
	Message   string
	Level     Level
}

func (f Finding) String() string {
	return fmt.Sprintf("%s:%d: %s: %s: %s", f.File, f.Line, f.Level, f.Directive, f.Message)
}

// Error makes a finding an error.
func (f Finding) Error() string { return f.String() }

// node is a directive or a section.
type node struct {
	name     string // as written; a section's with "<"
	key      string // lower case, without "<"
	args     string // the rest of the line; a section's without ">"
	line     int
	section  bool
	children []*node
}

// lineReader cuts text into logical lines: a backslash at the end joins the next.
type lineReader struct {
	text string
	line int // number of the last physical line read
}

// next returns a logical line without surrounding white space, and the number
// of its first physical line.
func (r *lineReader) next() (text string, line int, ok bool) {
	var joined strings.Builder
	for first := true; ; first = false {
		if r.text == "" {
			return strings.TrimFunc(joined.String(), isSpaceRune), line, !first
		}
		part, rest, _ := strings.Cut(r.text, "\n")
		r.text = rest
		r.line++
		if first {
			line = r.line
		}
		part = strings.TrimSuffix(part, "\r")
		more := strings.HasSuffix(part, `\`)
		if more {
			part = part[:len(part)-1]
		}
		if !more && first {
			return strings.TrimFunc(part, isSpaceRune), line, true
		}
		joined.WriteString(part)
		if !more || joined.Len() > lineBytesMax {
			return strings.TrimFunc(joined.String(), isSpaceRune), line, true
		}
	}
}

func isSpaceRune(r rune) bool { return r < 0x80 && isSpace(byte(r)) }

// parseTree reads a file to its directives. name is for findings.
func parseTree(name, text string) ([]*node, *Finding) {
	if len(text) > fileBytesMax {
		return nil, &Finding{File: name, Line: 1, Message: fmt.Sprintf("larger than %d bytes", fileBytesMax), Level: Broken}
	}
	root := &node{}
	open := []*node{root}
	r := lineReader{text: text}
	for {
		l, line, ok := r.next()
		if !ok {
			break
		}
		if l == "" || l[0] == '#' {
			continue
		}
		n, err := parseLine(l, line)
		if err == nil {
			open, err = place(open, n)
		}
		if err != nil {
			return nil, &Finding{File: name, Line: line, Directive: n.name, Message: err.Error(), Level: Broken}
		}
	}
	if len(open) > 1 {
		n := open[len(open)-1]
		return nil, &Finding{File: name, Line: n.line, Directive: n.name, Message: n.name + "> was not closed", Level: Broken}
	}
	return root.children, nil
}

func parseLine(l string, line int) (*node, error) {
	n := &node{line: line}
	n.name, n.args = nextWord(l)
	n.key = toLower(n.name)
	if n.name == "" || n.name[0] != '<' {
		return n, nil
	}
	if strings.HasPrefix(n.name, "</") {
		// The name must end right before ">", with nothing behind it.
		if !strings.HasSuffix(n.name, ">") || n.args != "" {
			return n, fmt.Errorf("%s without matching <%s section", n.name, n.name[2:])
		}
		n.key = n.key[2 : len(n.key)-1]
		return n, nil
	}
	n.section = true
	end := strings.LastIndexByte(l, '>')
	if end < 0 {
		return n, fmt.Errorf("%s> directive missing closing '>'", n.name)
	}
	n.name = strings.TrimSuffix(n.name, ">")
	n.key = toLower(n.name[1:])
	n.args = strings.TrimFunc(l[min(len(n.name), end):end], isSpaceRune)
	return n, nil
}

// place puts a node into the innermost open section.
func place(open []*node, n *node) ([]*node, error) {
	top := open[len(open)-1]
	if strings.HasPrefix(n.name, "</") {
		if len(open) == 1 {
			return open, fmt.Errorf("%s without matching <%s> section", n.name, n.key)
		}
		if top.key != n.key {
			return open, fmt.Errorf("expected </%s> but saw %s", top.name[1:], n.name)
		}
		return open[:len(open)-1], nil
	}
	top.children = append(top.children, n)
	if n.section {
		if len(open) > nestingMax {
			return open, fmt.Errorf("sections nested deeper than %d", nestingMax)
		}
		open = append(open, n)
	}
	return open, nil
}

// nextWord takes a word off a line, as Apache's ap_getword_conf: white space
// ends it, or it stands in quotes, where a backslash takes the quote's meaning.
func nextWord(s string) (word, rest string) {
	i := 0
	for i < len(s) && isSpace(s[i]) {
		i++
	}
	s = s[i:]
	if s == "" {
		return "", ""
	}
	end := 0
	if q := s[0]; q == '"' || q == '\'' {
		end = 1
		for end < len(s) && s[end] != q {
			if s[end] == '\\' && end+1 < len(s) && (s[end+1] == q || s[end+1] == '\\') {
				end++
			}
			end++
		}
		end = min(end, len(s))
		word = unquote(s[1:end], q)
		if end < len(s) {
			end++
		}
	} else {
		for end < len(s) && !isSpace(s[end]) {
			end++
		}
		word = unquote(s[:end], 0)
	}
	for end < len(s) && isSpace(s[end]) {
		end++
	}
	return word, s[end:]
}

func unquote(s string, q byte) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) && (s[i+1] == '\\' || (q != 0 && s[i+1] == q)) {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// words cuts a line into its words.
func words(s string) []string {
	var out []string
	for s != "" {
		var w string
		w, s = nextWord(s)
		out = append(out, w)
	}
	return out
}
