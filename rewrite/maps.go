package rewrite

import (
	"strings"
)

// TextMap reads the text of a RewriteMap txt: a key and a value to a line.
// It fails for a text larger than mapFileBytesMax, which is then empty.
func TextMap(text string) Map { return parseMap(text) }

// RandomMap is a RewriteMap rnd: one of a value's parts between "|" is taken.
// pick returns a number in [0, n).
func RandomMap(text string, pick func(n int) int) Map { return randomMap{parseMap(text), pick} }

// InternalMap is a RewriteMap int: tolower, toupper, escape or unescape; nil for others.
func InternalMap(name string) Map {
	switch name {
	case "tolower":
		return funcMap(toLower)
	case "toupper":
		return funcMap(toUpper)
	case "escape":
		return funcMap(escapeURI)
	case "unescape":
		return funcMap(func(s string) string { return exprUnescape(nil, s) })
	}
	return nil
}

type textMap map[string]string

func (m textMap) Lookup(key string) (string, bool) {
	v, ok := m[key]
	return v, ok
}

type randomMap struct {
	text textMap
	pick func(n int) int
}

func (m randomMap) Lookup(key string) (string, bool) {
	v, ok := m.text[key]
	if parts := strings.Split(v, "|"); len(parts) > 1 {
		v = parts[m.pick(len(parts))]
	}
	return v, ok
}

type funcMap func(string) string

func (f funcMap) Lookup(key string) (string, bool) { return f(key), true }

// parseMap keeps the first value of a key.
func parseMap(text string) textMap {
	m := textMap{}
	if len(text) > mapFileBytesMax {
		return m
	}
	for text != "" {
		var l string
		l, text, _ = strings.Cut(text, "\n")
		if l == "" || l[0] == '#' {
			continue
		}
		f := strings.Fields(l)
		if len(f) < 2 {
			continue
		}
		if _, ok := m[f[0]]; !ok {
			m[f[0]] = f[1]
		}
	}
	return m
}
