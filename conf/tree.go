package conf

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// shape is what a TOML value is.
type shape uint8

const (
	shapeText    shape = iota // text holds the decoded string
	shapeInteger              // text holds the digits as written
	shapeBool                 // text holds true or false
	shapeOther                // floats, dates: no key takes them; text as written
	shapeArray                // items
	shapeTable                // members
)

// String names the shape in messages.
func (s shape) String() string {
	return [...]string{"a string", "an integer", "a boolean", "a float or date", "an array", "a table"}[s]
}

// made says how a table or array came to be, which decides what may still be
// added to it (TOML 1.0, "Table").
type made uint8

const (
	madeInline  made = iota // by a value: closed; nothing may be added
	madeImplied             // as a step of [a.b.c]: may get a header of its own
	madeHeaded              // by [a]: may get sub-tables, no second header
	madeDotted              // by a.b = 1: may get dotted keys and sub-tables
	madeList                // by [[a]]: may get further elements
)

// node is a TOML value with its place: an octet offset into the file.
type node struct {
	shape   shape
	text    string
	at      int
	items   []*node
	members []*member

	made made
}

// member is a key of a table with its value; at is the key's place.
type member struct {
	name  string
	at    int
	value *node
}

func (n *node) get(name string) *member {
	for _, m := range n.members {
		if m.name == name {
			return m
		}
	}
	return nil
}

func (n *node) put(name string, at int, v *node) *node {
	n.members = append(n.members, &member{name: name, at: at, value: v})
	return v
}

// locate finds the place of the value at a dotted path, or of the value that
// stands in place of a table on the way; -1 if there is neither.
func (n *node) locate(path string) int {
	first, rest, more := strings.Cut(path, ".")
	m := n.get(first)
	switch {
	case m == nil:
		return -1
	case !more || m.value.shape != shapeTable:
		return m.value.at
	}
	return m.value.locate(rest)
}

// place turns an octet offset into a line and a column in characters, both from
// 1. An offset inside of a character, as go-toml may give, is the character's.
func place(data []byte, at int) (line, column int) {
	at = min(max(at, 0), len(data))
	line = 1 + bytes.Count(data[:at], []byte("\n"))
	start := bytes.LastIndexByte(data[:at], '\n') + 1
	text, _, _ := bytes.Cut(data[start:], []byte("\n"))
	column = 1
	for rest := text; len(rest) > 0; column++ {
		_, size := utf8.DecodeRune(rest)
		if rest = rest[size:]; start+len(text)-len(rest) > at {
			break
		}
	}
	return line, column
}
