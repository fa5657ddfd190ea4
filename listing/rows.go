package listing

import "strings"

const parentName = "Parent Directory"

// list writes the table, the preformatted list or the plain one.
func (w *writer) list() {
	switch {
	case w.view.has(optTable):
		w.table()
	case w.view.has(optFancy):
		w.preformatted()
	default:
		w.plain()
	}
}

// each calls f for the parent, if it is shown, and all rows.
func (w *writer) each(f func(n int, r *row, shown string)) {
	n := 0
	if w.parent != "" {
		f(0, &row{name: w.parent, dir: true, size: -1, modified: -1}, parentName)
		n = 1
	}
	for i := range w.rows {
		f(n+i, &w.rows[i], w.rows[i].name)
	}
}

func (w *writer) anchor(r *row) {
	w.put("<a href=\"")
	w.dst = appendHref(w.dst, r.name)
	w.put("\">")
}

func (w *writer) plain() {
	w.put("<ul>")
	w.each(func(_ int, r *row, shown string) {
		w.put("<li>")
		w.anchor(r)
		w.put(" ")
		w.dst = appendHTML(w.dst, shown)
		w.put("</a></li>\n")
	})
	w.put("</ul>\n")
}

// columnHead writes a head that sorts; the active one reverses.
func (w *writer) columnHead(name string, key byte) {
	v := w.view
	if v.has(optNoColumnSorting) {
		w.put(name)
		return
	}
	order := "A"
	if v.key == key && !v.descending {
		order = "D"
	}
	w.put("<a href=\"?C=", string(key), ";O=", order, v.carried, "\">", name, "</a>")
}

// cell is the text of an opening cell: a class with a style sheet, without one
// its attribute.
func (w *writer) cell(tag, class, attribute string) {
	switch {
	case w.styled:
		w.put("<", tag, " class=\"indexcol", class, "\">")
	case attribute != "":
		w.put("<", tag, " ", attribute, ">")
	default:
		w.put("<", tag, ">")
	}
}

func (w *writer) table() {
	if w.styled {
		w.put("  <table id=\"indexlist\">\n   <tr class=\"indexhead\">")
	} else {
		w.put("  <table>\n   <tr>")
	}
	columns := 1
	if !w.view.has(optNoIcon) {
		w.cell("th", "icon", `valign="top"`)
		w.put("&nbsp;</th>")
		columns++
	}
	w.cell("th", "name", "")
	w.columnHead("Name", keyName)
	for _, c := range []struct {
		hide  flag
		class string
		name  string
		key   byte
	}{
		{optNoModified, "lastmod", "Last modified", keyModified},
		{optNoSize, "size", "Size", keySize},
		{optNoDescription, "desc", "Description", keyDescription},
	} {
		if w.view.has(c.hide) {
			continue
		}
		w.put("</th>")
		w.cell("th", c.class, "")
		w.columnHead(c.name, c.key)
		columns++
	}
	w.put("</th></tr>\n")
	w.rule(columns)
	w.each(w.tableRow)
	w.rule(columns)
	w.put("</table>\n")
}

func (w *writer) rule(columns int) {
	if w.view.has(optNoRules) {
		return
	}
	w.put("   <tr")
	if w.styled {
		w.put(" class=\"indexbreakrow\"")
	}
	w.put("><th colspan=\"", string(rune('0'+columns)), "\"><hr")
	w.close()
	w.put("</th></tr>\n")
}

func (w *writer) tableRow(n int, r *row, shown string) {
	v := w.view
	w.openRow(n, r)
	if !v.has(optNoIcon) {
		w.cell("td", "icon", `valign="top"`)
		if v.has(optIconsAreLinks) {
			w.anchor(r)
			w.put("&nbsp;</a></td>")
		} else {
			w.put("&nbsp;</td>")
		}
	}
	w.cell("td", "name", "")
	w.anchor(r)
	if v.name.adjust {
		w.dst = appendHTML(w.dst, shown)
		w.put("</a>")
	} else {
		w.padded(shown, v.name.size())
	}
	if !v.has(optNoModified) {
		w.put("</td>")
		if date := w.date(r); date != "" {
			w.cell("td", "lastmod", `align="right"`)
			w.put(date, "  ")
		} else {
			w.cell("td", "lastmod", "")
			w.put("&nbsp;")
		}
	}
	if !v.has(optNoSize) {
		w.put("</td>")
		w.cell("td", "size", `align="right"`)
		w.put(formatSize(r.size))
	}
	if !v.has(optNoDescription) {
		w.put("</td>")
		w.cell("td", "desc", "")
		switch {
		case r.description == "":
			w.put("&nbsp;")
		case v.description.adjust:
			w.put(r.description)
		default:
			w.put(v.cutDescription(r.description, v.description.size()))
		}
	}
	w.put("</td></tr>\n")
}

func (w *writer) openRow(n int, r *row) {
	if !w.styled {
		w.put("<tr>")
		return
	}
	w.put("   <tr class=\"", [2]string{"even", "odd"}[n&1])
	if w.view.has(optAltClass) && r.dir {
		// Files have no alternative text without AddAlt. The parent has one in
		// fancy lists only.
		switch {
		case r.entry != nil:
			w.put("-dir")
		case w.view.has(optFancy):
			w.put("-parentdir")
		}
	}
	w.put("\">")
}

func (w *writer) preformatted() {
	v := w.view
	nameSize, descriptionSize := v.name.size(), v.description.size()
	w.each(func(_ int, r *row, _ string) {
		if v.name.adjust {
			nameSize = max(nameSize, len(r.name))
		}
		if v.description.adjust {
			descriptionSize = max(descriptionSize, len(r.description))
		}
	})
	w.put("<pre>")
	if !v.has(optNoIcon) {
		w.put("      ")
	}
	w.columnHead("Name", keyName)
	w.put(strings.Repeat(" ", nameSize-len("Name")), " ")
	if !v.has(optNoModified) {
		w.columnHead("Last modified", keyModified)
		w.put("      ")
	}
	if !v.has(optNoSize) {
		w.columnHead("Size", keySize)
		w.put("  ")
	}
	if !v.has(optNoDescription) {
		w.columnHead("Description", keyDescription)
	}
	if v.has(optNoRules) {
		w.put("\n")
	} else {
		w.put("<hr")
		w.close()
	}
	w.each(func(_ int, r *row, shown string) {
		w.preformattedRow(r, shown, nameSize, descriptionSize)
	})
	if !v.has(optNoRules) {
		w.put("<hr")
		w.close()
	}
	w.put("</pre>\n")
}

func (w *writer) preformattedRow(r *row, shown string, nameSize, descriptionSize int) {
	v := w.view
	if !v.has(optNoIcon) {
		if v.has(optIconsAreLinks) {
			w.anchor(r)
			w.put("     </a> ")
		} else {
			w.put("      ")
		}
	}
	w.anchor(r)
	w.padded(shown, nameSize)
	w.put(" ")
	if !v.has(optNoModified) {
		if date := w.date(r); date != "" {
			w.put(date, "  ")
		} else {
			w.put("                   ")
		}
	}
	if !v.has(optNoSize) {
		w.put(formatSize(r.size), "  ")
	}
	if !v.has(optNoDescription) && r.description != "" {
		w.put(v.cutDescription(r.description, descriptionSize))
	}
	w.put("\n")
}

// padded ends a link with its text cut or filled to size octets.
func (w *writer) padded(shown string, size int) {
	if len(shown) > size {
		shown = shown[:size-len("..>")] + "..>"
	}
	w.dst = appendHTML(w.dst, shown)
	w.put("</a>", strings.Repeat(" ", size-len(shown)))
}

func (w *writer) date(r *row) string {
	if r.entry == nil {
		return ""
	}
	if w.view.oldDates {
		return r.entry.ModTime.Format("02-Jan-2006 15:04")
	}
	return r.entry.ModTime.Format("2006-01-02 15:04")
}

// cutDescription cuts HTML to the column: tags take no room, an entity is one
// character. Apache reads past the end of tags and entities that are not
// closed; here they end with the text.
func (v *view) cutDescription(s string, size int) string {
	if !v.description.set {
		// Without DescriptionWidth the room of hidden columns is added.
		for _, c := range []struct {
			hidden flag
			bytes  int
		}{{optNoIcon, 6}, {optNoModified, 19}, {optNoSize, 7}} {
			if v.has(c.hidden) {
				size += c.bytes
			}
		}
	}
	i := 0
	for i < len(s) && (size > 0 || s[i] == '<') {
		end := byte(0)
		switch s[i] {
		case '<':
			end = '>'
		case '&':
			end = ';'
			size--
		default:
			size--
		}
		if end != 0 {
			n := strings.IndexByte(s[i:], end)
			if n < 0 {
				return s
			}
			i += n
		}
		i++
	}
	if i < len(s) && i > 0 {
		return s[:i-1] + ">"
	}
	return s
}
