package listing

import (
	"fmt"
	"strconv"
	"strings"
)

type flag uint32

// The words of IndexOptions that are on or off.
const (
	optNone flag = 1 << iota
	optIconsAreLinks
	optScanTitles
	optNoIcon
	optNoModified
	optNoSize
	optNoDescription
	optNoPreamble
	optNoColumnSorting
	optNoRules
	optFoldersFirst
	optVersionSort
	optTrackModified
	optFancy
	optTable
	optIgnoreClient
	optIgnoreCase
	optXHTML
	optShowForbidden
	optAltClass
	// optUnset is there until a level above or "None" settles something; a level
	// with nothing else inherits.
	optUnset
)

var flagWords = map[string]flag{
	"iconsarelinks": optIconsAreLinks, "scanhtmltitles": optScanTitles, "suppressicon": optNoIcon,
	"suppresslastmodified": optNoModified, "suppresssize": optNoSize, "suppressdescription": optNoDescription,
	"suppresshtmlpreamble": optNoPreamble, "suppresscolumnsorting": optNoColumnSorting,
	"suppressrules": optNoRules, "foldersfirst": optFoldersFirst, "versionsort": optVersionSort,
	"trackmodified": optTrackModified, "fancyindexing": optFancy, "htmltable": optTable,
	"ignoreclient": optIgnoreClient, "ignorecase": optIgnoreCase, "xhtml": optXHTML,
	"showforbidden": optShowForbidden, "addaltclass": optAltClass,
}

// width is NameWidth= or DescriptionWidth=.
type width struct {
	set    bool
	adjust bool // "*": as wide as the longest
	// 0: the default. Apache takes "=0" as well and then writes outside its memory.
	bytes int
}

func (w width) size() int {
	if w.bytes == 0 {
		return columnBytesDefault
	}
	return w.bytes
}

// Options is what IndexOptions says for a folder. The zero value is Apache's
// default: a plain list. Options are comparable and never change.
type Options struct {
	on    flag
	plus  flag // signed words, for levels below
	minus flag

	name        width
	description width
	mediaType   string
	charset     string
	charsetSet  bool
	oldDates    bool
}

// ParseOptions merges the words of IndexOptions, one level of configuration per
// argument, outermost first: each folder with its .htaccess, each section that
// applies. Levels matter, within one a word without sign drops the signed ones
// before it, and signed ones after it reach only what further levels inherit. A
// level that has other directives of mod_autoindex is an empty list; nil is no
// level. A word that Apache refuses is an error.
func ParseOptions(levels ...[]string) (Options, error) {
	var merged *Options
	for _, words := range levels {
		if words == nil {
			continue
		}
		over, err := parseLevel(words)
		if err != nil {
			return Options{}, err
		}
		if merged != nil {
			over = merged.merge(&over)
		}
		merged = &over
	}
	if merged == nil {
		return Options{}, nil
	}
	// Apache keeps the first level as it is and merges the server's
	// configuration, here without IndexOptions, under the result.
	server := Options{on: optUnset}
	return server.merge(merged), nil
}

// parseLevel reads the words of one level, of one or more directives.
func parseLevel(words []string) (Options, error) {
	o := Options{on: optUnset}
	for _, word := range words {
		w, sign := word, byte(0)
		if w != "" && (w[0] == '+' || w[0] == '-') {
			w, sign = w[1:], w[0]
		}
		bit, err := o.word(strings.ToLower(w), w, sign)
		if err != nil {
			return o, err
		}
		switch sign {
		case 0:
			o.on |= bit
			o.plus, o.minus = 0, 0
		case '+':
			o.plus |= bit
			o.minus &^= bit
		default:
			o.minus |= bit
			o.plus &^= bit
		}
		if o.on&optNone != 0 && o.on != optNone {
			return o, fmt.Errorf("listing: option %q beside \"None\"", word)
		}
	}
	return o, nil
}

// word applies one word; fold is its lower case form. It returns the flag, if it
// is one.
func (o *Options) word(fold, w string, sign byte) (flag, error) {
	if bit, ok := flagWords[fold]; ok {
		return bit, nil
	}
	key, value, _ := strings.Cut(fold, "=")
	switch {
	case fold == "none":
		if sign != 0 {
			return 0, fmt.Errorf("listing: %q: \"None\" takes no sign", w)
		}
		o.on = 0
		return optNone, nil
	case fold == "useolddateformat":
		o.oldDates = true
	case key == "iconwidth" || key == "iconheight":
		if sign == '-' && key != fold {
			return 0, fmt.Errorf("listing: \"-%s\": a value can't be taken away", w)
		}
	case key == "namewidth":
		return 0, o.name.word(w, value, sign, key != fold, nameBytesMin)
	case key == "descriptionwidth":
		return 0, o.description.word(w, value, sign, key != fold, descriptionBytesMin)
	case key != fold && key == "type":
		o.mediaType = w[len("type="):]
		return 0, checkFieldValue(o.mediaType)
	case key != fold && key == "charset":
		o.charset, o.charsetSet = w[len("charset="):], true
		return 0, checkFieldValue(o.charset)
	default:
		return 0, fmt.Errorf("listing: unknown option %q", w)
	}
	return 0, nil
}

func (w *width) word(word, value string, sign byte, hasValue bool, least int) error {
	switch {
	case !hasValue && sign == '-':
		*w = width{set: true}
		return nil
	case !hasValue || sign == '-':
		return fmt.Errorf("listing: option %q needs either a value or the sign \"-\"", word)
	case strings.HasPrefix(value, "*"):
		w.set, w.adjust = true, true
		return nil
	}
	n := leadingInt(value)
	if n != 0 && n < least {
		return fmt.Errorf("listing: option %q: at least %d", word, least)
	}
	*w = width{set: true, bytes: min(n, columnBytesMax)}
	return nil
}

// leadingInt is C's atoi.
func leadingInt(s string) int {
	end := 0
	for end < len(s) && (s[end] >= '0' && s[end] <= '9' || end == 0 && (s[end] == '-' || s[end] == '+')) {
		end++
	}
	n, err := strconv.Atoi(s[:end])
	if err != nil && end > 1 {
		return columnBytesMax
	}
	return n
}

// checkFieldValue refuses what would break the Content-Type field.
func checkFieldValue(s string) error {
	for i := range len(s) {
		if s[i] < ' ' || s[i] == 0x7f {
			return fmt.Errorf("listing: control character in %q", s)
		}
	}
	return nil
}

// merge puts a level over what was inherited.
func (o Options) merge(over *Options) Options {
	out := o
	// A word without sign, or "None", ends what was inherited.
	out.on, out.plus, out.minus = over.on, 0, 0
	if over.on == optUnset {
		// What a level took away stays away below, even if added again there.
		out.plus = (o.plus | over.plus) &^ over.minus
		out.minus = o.minus | over.minus
		out.on = (o.on&^optNone | out.plus) &^ out.minus
	}
	if over.name.set {
		out.name = over.name
	}
	if over.description.set {
		out.description = over.description
	}
	if over.mediaType != "" {
		out.mediaType = over.mediaType
	}
	if over.charsetSet {
		out.charset, out.charsetSet = over.charset, true
	}
	out.oldDates = o.oldDates || over.oldDates
	return out
}

func (o *Options) has(f flag) bool { return o.on&f != 0 }

// ContentType is the page's media type with its charset. As with Apache on Unix
// that is ISO-8859-1 unless Charset= says otherwise (Debian's autoindex.conf
// does: UTF-8); an empty Charset= leaves it to the client.
func (o *Options) ContentType() string {
	mediaType, charset := "text/html", "ISO-8859-1"
	if o.mediaType != "" {
		mediaType = o.mediaType
	}
	if o.charsetSet {
		charset = o.charset
	}
	if charset == "" {
		return mediaType
	}
	return mediaType + ";charset=" + charset
}

// TrackModified tells whether the response carries Last-Modified and ETag of the
// folder.
func (o *Options) TrackModified() bool { return o.has(optTrackModified) }

// ShowForbidden tells whether entries are listed that a request would be refused
// (401 or 403).
func (o *Options) ShowForbidden() bool { return o.has(optShowForbidden) }
