package rewrite

import "strings"

// acceptItem is an item of Accept, Accept-Language, Accept-Charset or
// Accept-Encoding (RFC 9110 §12.5), or a media type with its parameters.
type acceptItem struct {
	name    string // lower case
	quality float32
	level   float32 // of HTML
	charset string  // lower case
}

// acceptList is a field's items; sent tells the field that has none from the
// one that was not sent.
type acceptList struct {
	items []acceptItem
	sent  bool
}

func (q *Request) acceptList(field string) acceptList {
	v, ok := q.header(field)
	l := acceptList{sent: ok}
	for v = strings.TrimLeft(v, acceptSpace); v != "" && len(l.items) < acceptItemsMax; {
		var item acceptItem
		item, v = cutAcceptItem(v)
		l.items = append(l.items, item)
	}
	return l
}

// acceptSpace is what C's isspace takes for white.
const acceptSpace = " \t\n\v\f\r"

// The media types of server-parsed HTML, and what files with a handler and
// without a type count as.
const (
	typeHTML    = "text/html"
	typeParsed  = "text/x-server-parsed-html"
	typeParsed3 = "text/x-server-parsed-html3"
	typeProgram = "application/x-httpd-cgi"
)

// cutAcceptItem reads an item as Apache does: separated by commas or by space.
func cutAcceptItem(s string) (item acceptItem, rest string) {
	name, s := cutAcceptToken(s, false)
	item = acceptItem{name: toLower(name), quality: 1}
	switch item.name {
	case typeHTML, typeParsed:
		item.level = 2
	case typeParsed3:
		item.level = 3
	}
	for strings.HasPrefix(s, ";") {
		var param string
		param, s = cutAcceptToken(s[1:], true)
		item.set(param)
	}
	return item, strings.TrimLeft(strings.TrimPrefix(s, ","), acceptSpace)
}

// set takes a parameter, "name = value".
func (a *acceptItem) set(param string) {
	end := strings.IndexAny(param, acceptSpace+"=")
	if end < 0 {
		return
	}
	name, value := toLower(param[:end]), strings.TrimLeft(param[end:], acceptSpace+"=")
	stop := acceptSpace
	if strings.HasPrefix(value, `"`) {
		value, stop = value[1:], "\"\r\n"
	}
	if i := strings.IndexAny(value, stop); i >= 0 {
		value = value[:i]
	}
	switch name {
	case "q", "qs":
		a.quality = quality(value)
	case "level":
		a.level = float32(atoi(value))
	case "charset":
		a.charset = toLower(value)
	}
}

// cutAcceptToken reads up to a comma or semicolon (outside quotes), or to white
// space unless that may be inside.
func cutAcceptToken(s string, white bool) (token, rest string) {
	s = strings.TrimLeft(s, acceptSpace)
	i, quoted := 0, false
	for ; i < len(s); i++ {
		c := s[i]
		if c == '"' {
			quoted = !quoted
		}
		if !quoted && (c == ';' || c == ',' || !white && strings.IndexByte(acceptSpace, c) >= 0) {
			break
		}
	}
	return s[:i], strings.TrimLeft(s[i:], acceptSpace)
}

// quality reads a qvalue (RFC 9110 §12.4.2); what is none counts as 1.
func quality(s string) float32 {
	s = strings.TrimLeft(s, acceptSpace)
	if s == "" || s[0] != '.' && s[0] != '0' {
		return 1
	}
	s = strings.TrimPrefix(s, "0")
	if s == "" || s[0] != '.' {
		return 0
	}
	n := 0
	for i, unit := 1, 100; i < len(s) && i <= 3 && isDigit(s[i]); i, unit = i+1, unit/10 {
		n += int(s[i]-'0') * unit
	}
	return float32(n) / 1000
}

// negotiate is what the Negotiate field asks for (RFC 2295 §8.4).
type negotiate struct {
	understood bool // the client knows transparent negotiation
	alternates bool // it wants the list of variants
	choose     bool // the server may choose
	remote     bool // by the algorithm of RFC 2296
	strict     bool // the Accept fields mean exactly what they say
}

func (q *Request) negotiate() negotiate {
	v, ok := q.header("Negotiate")
	if agent, _ := q.header("User-Agent"); !ok || v == "trans" && strings.HasPrefix(agent, "Lynx") {
		return negotiate{choose: true}
	}
	n := negotiate{}
	for _, word := range strings.Split(toLower(v), ",") {
		word = strings.TrimSpace(word)
		switch word {
		case "1.0":
			n.choose, n.remote, n.strict = true, true, true
		case "*":
			n.choose, n.strict = true, true
		case "trans", "vlist", "guess-small":
		default:
			if word == "" || !isDigit(word[0]) {
				continue
			}
		}
		n.understood, n.alternates = true, true
	}
	return n
}
