package conf

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"

	"github.com/pelletier/go-toml/v2/unstable"
)

// builder makes a tree of a TOML document. go-toml splits the text into
// expressions; which table they belong to, and whether they may, is decided
// here, because go-toml stops at the first fault and keeps no places.
type builder struct {
	data []byte // the document; its capacity is its length
	base int    // offset in data of what the parser was last reset to
	p    unstable.Parser

	root    *node
	current *node // the table of the last header
	fault   func(at int, key, msg string)
}

// syntaxFaults is the number of faults of the text as such.
type syntaxFaults int

// readTOML parses a document. Text that is not TOML is reported and skipped up
// to the next line that looks like a header or a key.
func readTOML(data []byte, fault func(at int, key, msg string)) (*node, syntaxFaults) {
	b := &builder{data: bytes.Clone(data), fault: fault}
	b.data = b.data[:len(b.data):len(b.data)]
	b.root = &node{shape: shapeTable, made: madeHeaded}
	b.current = b.root
	// Editors on Windows like to begin a file with a byte order mark.
	b.base = len(b.data) - len(bytes.TrimPrefix(b.data, []byte("\xef\xbb\xbf")))
	var bad syntaxFaults
	for {
		b.p.Reset(b.data[b.base:])
		for b.p.NextExpression() {
			b.expression(b.p.Expression())
		}
		err := b.p.Error()
		if err == nil {
			return b.root, bad
		}
		at := b.base
		msg := err.Error()
		var perr *unstable.ParserError
		if errors.As(err, &perr) {
			at = min(max(len(b.data)-cap(perr.Highlight), b.base), len(b.data))
		}
		fault(at, "", "not TOML: "+msg)
		bad++
		if bytes.HasPrefix(bytes.TrimLeft(lineAt(b.data, at), " \t"), []byte("[")) {
			b.current = &node{shape: shapeTable} // nobody knows whose keys follow
		}
		next := nextStart(b.data, at)
		if next < 0 || bad == syntaxFaultsMax {
			return b.root, bad
		}
		b.base = next
	}
}

var startOfExpression = regexp.MustCompile(`(?m)^[ \t]*(?:\[{1,2}[ \t]*[A-Za-z0-9_"']|[A-Za-z0-9_."'-]+[ \t]*=)`)

// nextStart finds the first line after at's that can start an expression.
func nextStart(data []byte, at int) int {
	eol := bytes.IndexByte(data[at:], '\n')
	if eol < 0 {
		return -1
	}
	from := at + eol + 1
	loc := startOfExpression.FindIndex(data[from:])
	if loc == nil {
		return -1
	}
	return from + loc[0]
}

func lineAt(data []byte, at int) []byte {
	from := bytes.LastIndexByte(data[:at], '\n') + 1
	line, _, _ := bytes.Cut(data[from:], []byte("\n"))
	return line
}

func (b *builder) expression(n *unstable.Node) {
	switch n.Kind { //nolint:exhaustive // a top-level expression is one of these three
	case unstable.Table:
		b.header(b.parts(n.Key()), false)
	case unstable.ArrayTable:
		b.header(b.parts(n.Key()), true)
	case unstable.KeyValue:
		b.keyValue(b.current, n)
	}
}

// part is one name of a dotted key with its offset.
type part struct {
	name string
	at   int
}

func (b *builder) parts(it unstable.Iterator) []part {
	var all []part
	for it.Next() {
		k := it.Node()
		all = append(all, part{string(k.Data), b.base + int(k.Raw.Offset)})
	}
	return all
}

// header opens the table of [a.b] or [[a.b]].
func (b *builder) header(path []part, list bool) {
	at := b.root
	for i, p := range path[:len(path)-1] {
		m := at.get(p.name)
		if m == nil {
			at = at.put(p.name, p.at, &node{shape: shapeTable, at: p.at, made: madeImplied})
			continue
		}
		next := m.value
		if next.made == madeList {
			next = next.items[len(next.items)-1]
		}
		if next.shape != shapeTable || next.made == madeInline {
			b.conflict(path[:i+1], m)
			b.current = &node{shape: shapeTable} // what follows belongs nowhere
			return
		}
		at = next
	}
	if list {
		b.current = b.listHeader(at, path)
	} else {
		b.current = b.tableHeader(at, path)
	}
}

func (b *builder) tableHeader(in *node, path []part) *node {
	last := path[len(path)-1]
	m := in.get(last.name)
	switch {
	case m == nil:
		return in.put(last.name, last.at, &node{shape: shapeTable, at: last.at, made: madeHeaded})
	case m.value.shape == shapeTable && m.value.made == madeImplied:
		m.value.made = madeHeaded
		m.at, m.value.at = last.at, last.at
		return m.value
	}
	b.conflict(path, m)
	if m.value.shape == shapeTable {
		return m.value // its keys are still worth a check
	}
	return &node{shape: shapeTable}
}

func (b *builder) listHeader(in *node, path []part) *node {
	last := path[len(path)-1]
	element := &node{shape: shapeTable, at: last.at, made: madeHeaded}
	m := in.get(last.name)
	switch {
	case m == nil:
		in.put(last.name, last.at, &node{shape: shapeArray, at: last.at, made: madeList, items: []*node{element}})
	case m.value.made == madeList:
		m.value.items = append(m.value.items, element)
	default:
		b.conflict(path, m)
	}
	return element
}

// keyValue puts a.b = value into a table.
func (b *builder) keyValue(in *node, n *unstable.Node) {
	path := b.parts(n.Key())
	last := path[len(path)-1]
	value := b.value(n.Value(), last.at)
	for i, p := range path[:len(path)-1] {
		m := in.get(p.name)
		if m == nil {
			in = in.put(p.name, p.at, &node{shape: shapeTable, at: p.at, made: madeDotted})
			continue
		}
		if m.value.shape != shapeTable || m.value.made != madeDotted {
			b.conflict(path[:i+1], m)
			return
		}
		in = m.value
	}
	if m := in.get(last.name); m != nil {
		b.conflict(path, m)
		return
	}
	in.put(last.name, last.at, value)
}

// value converts a value; keyAt is its place if it has none of its own.
func (b *builder) value(n *unstable.Node, keyAt int) *node {
	at := keyAt
	if n.Raw.Length > 0 {
		at = b.base + int(n.Raw.Offset)
	}
	v := &node{at: at, text: string(n.Data)}
	switch n.Kind { //nolint:exhaustive // what is left has no use in a configuration
	case unstable.String:
		v.shape = shapeText
	case unstable.Integer:
		v.shape = shapeInteger
	case unstable.Bool:
		v.shape = shapeBool
	case unstable.Array:
		v.shape = shapeArray
		for it := n.Children(); it.Next(); {
			v.items = append(v.items, b.value(it.Node(), at))
		}
	case unstable.InlineTable:
		v.shape = shapeTable
		for it := n.Children(); it.Next(); {
			b.keyValue(v, it.Node())
		}
		closeTables(v)
	default:
		v.shape = shapeOther
	}
	return v
}

// closeTables forbids additions to the tables that an inline table made by
// dotted keys.
func closeTables(n *node) {
	for _, m := range n.members {
		if m.value.shape == shapeTable {
			m.value.made = madeInline
			closeTables(m.value)
		}
	}
}

func (b *builder) conflict(path []part, first *member) {
	var key string
	for i, p := range path {
		if i > 0 {
			key += "."
		}
		key += p.name
	}
	line, _ := place(b.data, first.at)
	b.fault(path[len(path)-1].at, key, fmt.Sprintf("key %q is already set at line %d", key, line))
}
