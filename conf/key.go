package conf

import (
	"fmt"
	"slices"
	"strings"
)

// kind is what a key takes.
type kind uint8

const (
	kindText kind = iota
	kindChoice
	kindInteger
	kindSize
	kindDuration
	kindFlag
	kindList // of strings; a single string stands for a list of one
	kindMap  // a table of names to values
)

// String names the kind in the reference.
func (k kind) String() string {
	return [...]string{"string", "string", "integer", "size", "duration", "boolean", "list of strings", "table"}[k]
}

// target is what a key's value is stored in: server keys use server, site keys
// use site.
type target struct {
	server *Config
	site   *Site
}

// key describes one key of sluice.toml: everything about it that the reader,
// the defaults and the reference page need.
type key struct {
	path     string // dotted, without "site."
	kind     kind
	def      string // TOML; "" if there is none
	defText  string // what the reference says in place of def
	min, max int64  // octets, nanoseconds or the number itself, inclusive
	unit     string // of an integer, for the reference
	word     string // a string that may stand in place of a number
	wordIs   int64  // the number it stands for
	choices  []string
	about    string
	siteOnly bool // of [[site]] alone, not a default for all sites at the top
	loose    bool // kindMap: values may be integers and booleans
	flagged  bool // kindText: true and false are taken, too, as text
	multi    bool // kindMap: values may be lists of strings

	resolve   func(base, s string) string // makes relative paths absolute
	reset     func(t target)              // kindList: drops what was inherited
	setText   func(t target, s string) error
	setNumber func(t target, n int64)
	setFlag   func(t target, b bool)
	setPair   func(t target, name, value string) error
}

// table describes a TOML table that holds keys.
type table struct {
	path  string // dotted, without "site."; "" is the top
	title string
	about string
	short string // the key that a value in place of the table is for
}

// level is a set of keys that may stand in a table and the tables below it.
type level struct {
	keys   map[string]*key
	tables map[string]*table
	order  []*key
}

func newLevel(tables []table, keys ...[]key) *level {
	l := &level{keys: map[string]*key{}, tables: map[string]*table{}}
	for _, list := range keys {
		for i := range list {
			k := &list[i]
			l.keys[k.path] = k
			l.order = append(l.order, k)
			for p := k.path; strings.Contains(p, "."); {
				p = p[:strings.LastIndexByte(p, '.')]
				l.tables[p] = &table{path: p}
			}
		}
	}
	for i := range tables {
		if _, ok := l.tables[tables[i].path]; ok {
			l.tables[tables[i].path] = &tables[i]
		}
	}
	return l
}

// names lists what may stand directly in the table at prefix ("" or "php.").
func (l *level) names(prefix string) []string {
	var all []string
	for _, k := range l.order {
		rest, ok := strings.CutPrefix(k.path, prefix)
		name, _, _ := strings.Cut(rest, ".")
		if ok && !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	return all
}

// lastNames lists the last names of all keys in tables.
func (l *level) lastNames() []string {
	var all []string
	for _, k := range l.order {
		if i := strings.LastIndexByte(k.path, '.'); i >= 0 {
			all = append(all, k.path[i+1:])
		}
	}
	return all
}

// home finds the table that has a key of that last name.
func (l *level) home(name string) (string, bool) {
	for _, k := range l.order {
		if i := strings.LastIndexByte(k.path, '.'); k.path[i+1:] == name {
			return strings.TrimSuffix(k.path[:i+1], "."), true
		}
	}
	return "", false
}

// takes says what a key wants, for messages.
func (k *key) takes() string {
	var s string
	switch k.kind {
	case kindText:
		s = "a string"
	case kindChoice:
		s = "one of " + strings.Join(k.choices, ", ")
	case kindInteger:
		s = "an integer"
	case kindSize:
		s = "a size such as \"64KiB\""
	case kindDuration:
		s = "a duration such as \"30s\""
	case kindFlag:
		s = "true or false"
	case kindList:
		s = "a list of strings"
	case kindMap:
		s = "a table"
	}
	if k.flagged {
		s += ", true or false"
	}
	if k.word != "" {
		s += fmt.Sprintf(" or %q", k.word)
	}
	return s
}

// format writes a number of the key's kind as the file would.
func (k *key) format(n int64) string {
	switch k.kind {
	case kindSize:
		return formatSize(n)
	case kindDuration:
		return formatDuration(duration(n))
	case kindText, kindChoice, kindInteger, kindFlag, kindList, kindMap:
	}
	return fmt.Sprint(n)
}
