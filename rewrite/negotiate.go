package rewrite

import (
	"sort"
	"strconv"
	"strings"
)

// FolderReader is an Env that knows what a folder holds: without it there is no
// MultiViews. dir ends in a slash. names are sorted by octets, those of folders
// end in a slash (links do not); nil means that the folder can't be read. While
// done is false the request ends in AnswerPending and is to be run again.
type FolderReader interface {
	FolderNames(dir string) (names []string, done bool)
}

// negotiation is a choice between files that differ in type, language, charset
// or encoding (mod_negotiation's MultiViews).
type negotiation struct {
	r        *record
	asked    negotiate
	variants []*variant
	// transparent: RFC 2295 applies.
	transparent bool

	accept, languages, charsets, encodings acceptList
	explicit                               bool    // Accept has a quality below 1
	noLanguage                             float32 // the quality of a variant without a language
}

// variant is one of the files, and how well it fits.
type variant struct {
	sub  *record
	name string
	acceptItem
	languages []string
	encoding  string

	typeQ, languageQ, charsetQ, encodingQ float32
	levelMatched                          float32
	stars                                 int // 3 for a match of the whole type, 2 for type/*, 1 for */*
	priority                              int // of its language, -1: none
	definite                              bool
}

// multiViews looks for files that have the missing one's name and extensions
// more. It runs first of the type checkers. done tells that it has chosen one,
// which is the request's now.
func (r *record) multiViews() (status int, done bool) {
	if r.file.Kind != Missing || r.options()&OptMultiViews == 0 || r.proxyTo != "" || !strings.HasPrefix(r.filename, "/") {
		return 0, false
	}
	reader, ok := r.q.Env.(FolderReader)
	if !ok {
		return 0, false
	}
	n := &negotiation{r: r}
	if status := n.collect(reader); status != 0 || len(n.variants) == 0 {
		return status, false
	}
	best, choice := n.negotiate()
	if !choice {
		n.asked.alternates = true
		n.note(false)
		r.variantList = n.list()
		if n.transparent && n.asked.understood {
			return 300, false
		}
		r.q.log("no acceptable variant: " + r.filename)
		return 406, false
	}
	if n.transparent {
		r.negotiated = setField(r.negotiated, "Content-Location", escapeSegment(best.name))
	}
	n.note(true)
	if r.q.Trace != nil {
		r.q.trace(Event{Kind: TraceMap, Directive: "MultiViews", Before: r.uri, After: best.sub.filename, Rest: best.sub.pathInfo})
	}
	r.become(best.sub)
	return 0, true
}

// become takes a variant in place of the missing file, before the fixups run.
func (r *record) become(sub *record) {
	if !sub.hasArgs {
		sub.args, sub.hasArgs = r.args, r.hasArgs
	}
	negotiated := r.negotiated
	r.adopt(sub)
	r.negotiated = negotiated
	if r.redirectTo != "" {
		// A name that mod_rewrite's rules don't expect, as in Apache.
		r.filename = "redirect:" + r.filename
	}
}

// collect finds the variants: what has a name that is known but for the parts
// that the request names.
func (n *negotiation) collect(reader FolderReader) int {
	r := n.r
	dir, base := r.filename[:len(r.filename)-len(baseName(r.filename))], baseName(r.filename)+"."
	names, done := reader.FolderNames(dir)
	switch {
	case !done:
		return statusPending
	case names == nil:
		r.q.log("cannot read directory for multi: " + dir)
		return 403
	}
	tried := 0
	for _, name := range names[sort.SearchStrings(names, base):] {
		if !strings.HasPrefix(name, base) {
			break
		}
		if strings.HasSuffix(name, "/") {
			continue
		}
		if tried++; tried > variantsMax {
			r.q.log("only " + strconv.Itoa(variantsMax) + " files are looked at for " + r.filename)
			break
		}
		sub := r.lookupSibling(name)
		switch {
		case sub == nil:
			return 500
		case sub.status == statusPending:
			return statusPending
		}
		if v := sub.asVariant(name, base[:len(base)-1]); v != nil {
			n.variants = append(n.variants, v)
		}
	}
	if tried > 0 && len(n.variants) == 0 {
		r.q.log("Negotiation: discovered file(s) matching request: " + r.filename + " (None could be negotiated).")
		return 404
	}
	sort.SliceStable(n.variants, func(i, j int) bool { return n.variants[i].quality > n.variants[j].quality })
	return 0
}

// lookupSibling is lookupFile for a file beside the request's own, with its
// PATH_INFO and query.
func (r *record) lookupSibling(name string) *record {
	sub := r.sub()
	if sub == nil {
		return nil
	}
	uri := strings.TrimSuffix(r.uri, r.pathInfo)
	sub.uri = uri[:strings.LastIndexByte(uri, '/')+1] + name + r.pathInfo
	sub.filename, sub.fileRequest = r.filename[:strings.LastIndexByte(r.filename, '/')+1]+name, true
	sub.pathInfo = r.pathInfo
	if r.args != "" {
		sub.args, sub.hasArgs = r.args, true
	}
	r.q.depth++
	if r.q.Trace != nil {
		r.q.trace(Event{Kind: TracePass, Before: sub.filename})
	}
	if s := sub.processFile(); s != 0 {
		sub.status = s
	}
	r.q.depth--
	return sub
}

// asVariant is the variant that a file is for the name that was asked for; nil
// if it is none.
func (r *record) asVariant(name, asked string) *variant {
	if r.file.Kind != Regular {
		return nil
	}
	contentType := r.contentType()
	if contentType == "" && r.handler != "" {
		contentType = typeProgram
	}
	parts, known := r.cfg.unknownParts(name, r.q.Site.Types)
	if !known || !contains(asked, parts) || r.status != 200 || contentType == "" {
		return nil
	}
	v := &variant{sub: r, name: name, languages: r.meta.Languages, encoding: r.meta.Encoding}
	v.acceptItem, _ = cutAcceptItem(contentType)
	v.typeQ, v.languageQ, v.charsetQ, v.encodingQ = 1, 1, 1, 1
	v.priority, v.definite = -1, true
	return v
}

// contains tells whether the parts of a name between its dots hold others, in
// their order.
func contains(name string, parts []string) bool {
	for name != "" && len(parts) > 0 {
		var part string
		part, name, _ = strings.Cut(name, ".")
		if part == parts[0] {
			parts = parts[1:]
		}
	}
	return len(parts) == 0
}

// isHTML tells whether a media type is HTML, also as SSI knows it.
func isHTML(t string) bool { return t == typeHTML || t == typeParsed || t == typeParsed3 }

// note adds the fields that tell of the negotiation (RFC 2295 §8). They are sent
// with errors, too.
func (n *negotiation) note(choice bool) {
	r := n.r
	if n.asked.alternates {
		var list []string
		for _, v := range n.variants {
			list = append(list, v.alternate())
		}
		r.negotiated = appendField(r.negotiated, "Alternates", strings.Join(list, ", "))
	}
	var vary []string
	if n.transparent {
		vary = append(vary, "negotiate")
	}
	for _, d := range [...]struct {
		field string
		of    func(v *variant) string
	}{
		{"accept", func(v *variant) string { return v.acceptItem.name }},
		{"accept-language", func(v *variant) string { return strings.Join(v.languages, ",") }},
		{"accept-charset", func(v *variant) string { return v.charset }},
		{"accept-encoding", func(v *variant) string { return v.encoding }},
	} {
		for _, v := range n.variants {
			if d.of(v) != d.of(n.variants[0]) {
				vary = append(vary, d.field)
				break
			}
		}
	}
	if len(vary) > 0 {
		r.negotiated = appendField(r.negotiated, "Vary", strings.Join(vary, ", "))
	}
	if n.transparent {
		r.negotiated = setField(r.negotiated, "TCN", choose(choice, "choice", "list"))
	}
}

// respondNegotiated adds to a response what negotiation has to tell.
func (r *record) respondNegotiated(p *Response) {
	for _, f := range r.negotiated {
		switch {
		case p.Status == 304 && (f.Name == "Alternates" || f.Name == "TCN"):
		case p.Own:
			p.Fields = append(p.Fields, f)
		default:
			p.Always = append(p.Always, f)
		}
	}
}

// finishNegotiated makes one Vary of several.
func (r *record) finishNegotiated(p *Response) {
	if len(r.negotiated) == 0 {
		return
	}
	var names []string
	for _, list := range [2][]Field{p.Always, p.Fields} {
		for _, f := range list {
			if !equalFold(f.Name, "Vary") {
				continue
			}
			for _, name := range strings.FieldsFunc(f.Value, func(c rune) bool { return c == ',' || c == ' ' }) {
				if !listed(names, name) {
					names = append(names, name)
				}
			}
		}
	}
	if len(names) > 0 {
		p.Always = removeField(p.Always, "Vary")
		p.Fields = append(removeField(p.Fields, "Vary"), Field{"Vary", strings.Join(names, ",")})
	}
}

func listed(names []string, name string) bool {
	for _, n := range names {
		if equalFold(n, name) {
			return true
		}
	}
	return false
}

// alternate is the variant's description (RFC 2295 §5).
func (v *variant) alternate() string {
	q := strconv.FormatFloat(float64(v.quality), 'f', 3, 32)
	s := `{"` + escapeSegment(v.name) + `" ` + strings.TrimSuffix(strings.TrimRight(q, "0"), ".")
	attribute := func(name, value string) {
		if value != "" {
			s += " {" + name + " " + value + "}"
		}
	}
	attribute("type", v.acceptItem.name)
	attribute("charset", v.charset)
	attribute("language", strings.Join(v.languages, ","))
	attribute("encoding", v.encoding)
	if v.sub.handler == "" {
		attribute("length", strconv.FormatInt(v.sub.file.Size, 10))
	}
	return s + "}"
}

// list is the variants as a page shows them.
func (n *negotiation) list() string {
	var b strings.Builder
	b.WriteString("Available variants:\n<ul>\n")
	for _, v := range n.variants {
		b.WriteString(`<li><a href="` + escapeHTML(escapeSegment(v.name)) + `">` + escapeHTML(v.name) + "</a>")
		for _, a := range [...][2]string{
			{"type", v.acceptItem.name},
			{"language", strings.Join(v.languages, ",")},
			{"charset", v.charset},
			{"encoding", v.encoding},
		} {
			if a[1] != "" {
				b.WriteString(", " + a[0] + " " + escapeHTML(a[1]))
			}
		}
		b.WriteString("</li>\n")
	}
	b.WriteString("</ul>\n")
	return b.String()
}

// escapeSegment is ap_escape_path_segment for a name without slashes.
func escapeSegment(name string) string { return strings.ReplaceAll(escapeURI(name), ";", "%3b") }

func escapeHTML(s string) string { return htmlEscapes.Replace(s) }

var htmlEscapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;")
