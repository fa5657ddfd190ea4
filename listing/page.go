package listing

import (
	"strings"
	"time"
)

// Entry is a file or folder to be listed.
type Entry struct {
	Name    string // without slashes, any octets
	Dir     bool
	Size    int64     // octets; of no meaning for folders
	ModTime time.Time // shown in the time's own location
	// Description is HTML by the site's owner (AddDescription, Title); it is
	// cut to its column, not escaped.
	Description string
}

// Insert is the file that HeaderName or ReadmeName named.
type Insert struct {
	Content []byte
	Plain   bool // text/plain and the like: shown escaped in <pre>; otherwise HTML
}

// Page is all that a listing is made of.
type Page struct {
	Path    string // decoded path of the URL, beginning with a slash
	Query   string // as sent, without "?"
	Entries []Entry
	Options Options
	Order   string // IndexOrderDefault, as "descending date"; "" is "ascending name"
	// HideParent leaves out the link upwards: IndexIgnore matches "..".
	HideParent bool
	Header     *Insert // nil: none
	Readme     *Insert // nil: none
	StyleSheet string  // IndexStyleSheet, a URL by the site's owner
	HeadInsert string  // IndexHeadInsert, HTML by the site's owner
}

// ScanTitles tells whether entries without a description get the Title of their
// HTML files: with ScanHTMLTitles, unless the list is a plain one.
func (p *Page) ScanTitles() bool {
	v := viewOf(p)
	return v.has(optScanTitles) && v.has(optFancy|optTable)
}

const (
	doctypeHTML  = "<!DOCTYPE HTML PUBLIC \"-//W3C//DTD HTML 4.01//EN\" \"http://www.w3.org/TR/html4/strict.dtd\">\n"
	doctypeXHTML = "<!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0 Transitional//EN\"\n" +
		"\"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd\">\n"
)

// Render appends the page's HTML to dst. Entries are not changed. The work grows
// with the number of entries times its logarithm, whatever the query says.
func Render(dst []byte, p *Page) []byte {
	v := viewOf(p)
	w := writer{dst: dst, page: p, view: &v, styled: p.StyleSheet != "", rows: rowsOf(p.Entries, &v)}
	if parent := parentOf(p.Path); parent != "" && !p.HideParent {
		w.parent = parent
	}
	w.head()
	w.list()
	w.tail()
	return w.dst
}

// writer renders one page.
type writer struct {
	dst    []byte
	page   *Page
	view   *view
	styled bool
	parent string // "" for none
	rows   []row
}

func (w *writer) put(parts ...string) {
	for _, s := range parts {
		w.dst = append(w.dst, s...)
	}
}

// close ends a tag without content.
func (w *writer) close() {
	if w.view.has(optXHTML) {
		w.put(" /")
	}
	w.put(">")
}

// parentOf is the folder above, "" for the root. Two slashes at the beginning
// would make the link one to another host.
func parentOf(path string) string {
	trimmed := strings.Trim(path, "/")
	if trimmed == "" {
		return ""
	}
	return "/" + trimmed[:strings.LastIndexByte(trimmed, '/')+1]
}

// title is the path without the slashes at its end, and "/" for the root.
func (w *writer) title() {
	path := w.page.Path
	for len(path) > 1 && path[len(path)-1] == '/' {
		path = path[:len(path)-1]
	}
	w.dst = appendHTML(w.dst, path)
}

// head writes everything before the list. A plain header always needs a
// preamble around it, an HTML one may bring its own.
func (w *writer) head() {
	header := w.page.Header
	if header == nil || header.Plain || !w.view.has(optNoPreamble) {
		w.preamble()
	}
	if header != nil {
		w.insert(header)
		return
	}
	if w.styled {
		w.put("  <h1 id=\"indextitle\">Index of ")
	} else {
		w.put("<h1>Index of ")
	}
	w.title()
	w.put("</h1>\n")
}

func (w *writer) preamble() {
	if w.view.has(optXHTML) {
		w.put(doctypeXHTML, "<html xmlns=\"http://www.w3.org/1999/xhtml\">\n")
	} else {
		w.put(doctypeHTML, "<html>\n")
	}
	w.put(" <head>\n  <title>Index of ")
	w.title()
	w.put("</title>\n")
	if w.styled {
		w.put("  <link rel=\"stylesheet\" href=\"", w.page.StyleSheet, "\" type=\"text/css\"")
		w.close()
		w.put("\n")
	}
	w.put(w.page.HeadInsert, " </head>\n <body>\n")
}

func (w *writer) insert(i *Insert) {
	if !i.Plain {
		w.dst = append(w.dst, i.Content...)
		return
	}
	w.put("<pre>\n")
	w.dst = appendPlain(w.dst, i.Content)
	w.put("</pre>\n")
}

func (w *writer) tail() {
	readme := w.page.Readme
	if readme != nil {
		w.insert(readme)
	}
	if readme == nil || readme.Plain || !w.view.has(optNoPreamble) {
		w.put("</body></html>\n")
	}
}
