package listing

import "strings"

// The columns, by the letters of "C=".
const (
	keyName        = 'N'
	keyModified    = 'M'
	keySize        = 'S'
	keyDescription = 'D'
)

// view is a page's options after the client's query.
type view struct {
	Options
	key        byte
	descending bool
	filter     *wildcard // nil: all
	carried    string    // what links of column heads repeat, from ";" on
}

// viewOf applies the folder's order and the query. Apache's parser stops at the
// first part it does not know and keeps what it has.
func viewOf(p *Page) view {
	v := view{Options: p.Options, key: keyName}
	v.order(p.Order)
	if v.has(optIgnoreClient) {
		v.on |= optNoColumnSorting
		return v
	}
	var format, version, pattern string
	query := p.Query
	for query != "" {
		if strings.HasPrefix(query, "P=") {
			part, rest := cutPart(query[2:])
			query = rest
			v.filter = nil
			if plain, ok := unescape(part); ok && part != "" {
				v.filter = compileWildcard(plain)
				pattern = ";P=" + string(appendEscapedPath(nil, plain))
			}
			continue
		}
		if len(query) < 3 || query[1] != '=' || len(query) > 3 && query[3] != '&' && query[3] != ';' {
			break
		}
		letter, value := query[0], query[2]
		switch {
		case letter == 'C' && strings.IndexByte("NMSD", value) >= 0:
			v.key = value
		case letter == 'O' && (value == 'A' || value == 'D'):
			v.descending = value == 'D'
		case letter == 'F' && value >= '0' && value <= '2':
			v.format(value)
			format = ";F=" + string(value)
		case letter == 'V' && (value == '0' || value == '1'):
			v.on &^= optVersionSort
			if value == '1' {
				v.on |= optVersionSort
			}
			version = ";V=" + string(value)
		default:
			query = ""
			continue
		}
		query = query[min(len(query), 4):]
	}
	v.carried = format + version + pattern
	return v
}

// order reads IndexOrderDefault: direction and key.
func (v *view) order(words string) {
	direction, key, _ := strings.Cut(strings.ToLower(strings.TrimSpace(words)), " ")
	v.descending = direction == "descending"
	switch strings.TrimSpace(key) {
	case "date":
		v.key = keyModified
	case "size":
		v.key = keySize
	case "description":
		v.key = keyDescription
	}
}

func (v *view) format(value byte) {
	v.on &^= optFancy | optTable
	switch value {
	case '1':
		v.on |= optFancy
	case '2':
		v.on |= optFancy | optTable
	}
}

// cutPart splits a query at the first separator.
func cutPart(query string) (part, rest string) {
	if i := strings.IndexAny(query, "&;"); i >= 0 {
		return query[:i], query[i+1:]
	}
	return query, ""
}

// unescape decodes percent-encoding; a bad one, an encoded slash or a zero makes
// the pattern void, as in Apache.
func unescape(s string) (string, bool) {
	if strings.IndexByte(s, '%') < 0 {
		return s, true
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			out = append(out, s[i])
			continue
		}
		if i+2 >= len(s) {
			return "", false
		}
		hi, lo := unhex(s[i+1]), unhex(s[i+2])
		if hi < 0 || lo < 0 {
			return "", false
		}
		c := byte(hi<<4 | lo)
		if c == 0 || c == '/' {
			return "", false
		}
		out = append(out, c)
		i += 2
	}
	return string(out), true
}

func unhex(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}
