package listing

import (
	"cmp"
	"slices"
	"strings"
)

// row is an entry as it is shown and sorted.
type row struct {
	name        string // with a slash at the end for folders
	dir         bool
	first       bool // a folder, with FoldersFirst
	size        int64
	modified    int64 // microseconds, -1 unknown
	entry       *Entry
	description string
}

// rowsOf filters and sorts. Plain lists know names only: neither facts nor
// FoldersFirst count there.
func rowsOf(entries []Entry, v *view) []row {
	rich := v.has(optFancy | optTable)
	rows := make([]row, 0, len(entries))
	for i := range entries {
		e := &entries[i]
		if v.filter != nil && !v.filter.match(e.Name) {
			continue
		}
		r := row{name: e.Name, dir: e.Dir, size: -1, modified: -1, entry: e}
		if e.Dir {
			r.name += "/"
		}
		if rich {
			r.modified = e.ModTime.UnixMicro()
			r.description = e.Description
			r.first = e.Dir && v.has(optFoldersFirst)
			if !e.Dir {
				r.size = e.Size
			}
		}
		rows = append(rows, r)
	}
	slices.SortFunc(rows, func(a, b row) int { return v.compare(&a, &b) })
	return rows
}

func (v *view) compare(a, b *row) int {
	if a.first != b.first {
		if a.first {
			return -1
		}
		return 1
	}
	if v.descending {
		a, b = b, a
	}
	result := 0
	switch v.key {
	case keyModified:
		result = cmp.Compare(a.modified, b.modified)
	case keySize:
		result = cmp.Compare(a.size, b.size)
	case keyDescription:
		if v.has(optVersionSort) {
			result = naturalCompare(a.description, b.description, false)
		} else {
			result = strings.Compare(a.description, b.description)
		}
	}
	if result != 0 {
		return result
	}
	return v.compareNames(a.name, b.name)
}

// compareNames ends at the octets, so that the order is always the same.
func (v *view) compareNames(a, b string) int {
	fold := v.has(optIgnoreCase)
	result := 0
	if v.has(optVersionSort) {
		if fold {
			result = naturalCompare(a, b, true)
		}
		if result == 0 {
			result = naturalCompare(a, b, false)
		}
	}
	if result == 0 && fold {
		result = foldCompare(a, b)
	}
	if result == 0 {
		result = strings.Compare(a, b)
	}
	return result
}

func foldCompare(a, b string) int {
	for i := range min(len(a), len(b)) {
		if c := cmp.Compare(lower(a[i]), lower(b[i])); c != 0 {
			return c
		}
	}
	return cmp.Compare(len(a), len(b))
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

func upper(c byte) byte {
	if c >= 'a' && c <= 'z' {
		return c - ('a' - 'A')
	}
	return c
}

func digit(s string, i int) bool { return i < len(s) && s[i] >= '0' && s[i] <= '9' }

func octet(s string, i int) byte {
	if i < len(s) {
		return s[i]
	}
	return 0
}

// naturalCompare is VersionSort's order: white space does not count, runs of
// digits compare as numbers, or as fractions where one begins with 0; octets
// above 127 are below all others, as C's signed characters are.
func naturalCompare(a, b string, fold bool) int {
	for i, k := 0, 0; ; i, k = i+1, k+1 {
		i, k = skipSpace(a, i), skipSpace(b, k)
		if digit(a, i) && digit(b, k) {
			if c := compareDigits(a[i:], b[k:]); c != 0 {
				return c
			}
		}
		ca, cb := octet(a, i), octet(b, k)
		if ca == 0 && cb == 0 {
			return 0
		}
		if fold {
			ca, cb = upper(ca), upper(cb)
		}
		if ca != cb {
			return cmp.Compare(int8(ca), int8(cb))
		}
	}
}

func skipSpace(s string, i int) int {
	for i < len(s) && (s[i] == ' ' || s[i] >= '\t' && s[i] <= '\r') {
		i++
	}
	return i
}

// compareDigits compares the runs of digits at the beginning of both.
func compareDigits(a, b string) int {
	fraction := a[0] == '0' || b[0] == '0'
	bias := 0
	for i := 0; ; i++ {
		da, db := digit(a, i), digit(b, i)
		switch {
		case !da && !db:
			return bias
		case !da:
			return -1
		case !db:
			return 1
		}
		if bias == 0 {
			bias = cmp.Compare(a[i], b[i])
		}
		if fraction && bias != 0 {
			return bias
		}
	}
}
