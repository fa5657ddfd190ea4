package rewrite

import "strings"

// negotiate chooses one of the variants; choice is false if none will do, or if
// the client is to choose.
func (n *negotiation) negotiate() (best *variant, choice bool) {
	q := n.r.q
	get := n.r.method == "GET" || n.r.method == "HEAD"
	n.transparent = get && n.r.pathInfo == ""
	n.asked = negotiate{choose: true}
	if n.transparent {
		n.asked = q.negotiate()
	}
	n.accept, n.languages = q.acceptList("Accept"), q.acceptList("Accept-Language")
	n.charsets, n.encodings = q.acceptList("Accept-Charset"), q.acceptList("Accept-Encoding")
	for _, a := range n.accept.items {
		n.explicit = n.explicit || a.quality < 1
	}
	if !n.accept.sent {
		n.accept.items = append(n.accept.items, acceptItem{name: "*/*", quality: 1})
	}
	// Programs are the last resort, but the first one of what only they can do.
	program := acceptItem{name: typeProgram, quality: 0.001}
	switch {
	case n.asked.remote:
		program.quality = 0
	case !get || n.r.hasArgs || n.r.pathInfo != "":
		program.quality = 2
	}
	n.accept.items = append(n.accept.items, program)
	n.noLanguage = 1
	for _, v := range n.variants {
		if len(v.languages) > 0 && !n.asked.strict {
			n.noLanguage = noLanguageQuality
		}
	}
	return n.best()
}

const (
	// noLanguageQuality is that of a variant without a language among others.
	noLanguageQuality float32 = 0.0001
	// Where no item of Accept has a quality, wildcards count as little.
	anyTypeQuality    float32 = 0.01
	anySubtypeQuality float32 = 0.02
	// nearLanguageQuality is that of en and en-GB for who wants en-US.
	nearLanguageQuality float32 = 0.001
)

// best rates the variants. With a variable prefer-language only those in it
// count at first.
func (n *negotiation) best() (best *variant, choice bool) {
	prefer, preferred := n.r.env.Get("prefer-language")
	bestQ := float32(0)
	for {
		best = nil
		for _, v := range n.variants {
			if n.discarded(v) || preferred && !v.speaks(prefer) {
				continue
			}
			n.rateType(v)
			if preferred {
				v.languageQ, v.definite = 1, true
			} else {
				n.rateLanguage(v)
			}
			n.rateEncoding(v)
			n.rateCharset(v)
			better := false
			switch {
			case !n.asked.choose:
			case n.asked.remote:
				better = v.betterRemote(best, &bestQ)
			default:
				better = v.better(best, &bestQ)
			}
			if better {
				best = v
			}
		}
		choice = best != nil && bestQ > 0 && (!n.asked.remote || best.definite)
		if choice || !preferred {
			return best, choice
		}
		preferred = false
	}
}

// discarded tells that variables forbid the encoding (as they do mod_deflate's).
func (n *negotiation) discarded(v *variant) bool {
	if plain(v.encoding) || v.encoding == "identity" {
		return false
	}
	if _, off := n.r.env.Get("no-gzip"); off {
		return true
	}
	only, _ := n.r.env.Get("gzip-only-text/html")
	return only == "1" && !strings.HasPrefix(v.acceptItem.name, typeHTML)
}

func (v *variant) speaks(language string) bool {
	for _, l := range v.languages {
		if l == language {
			return true
		}
	}
	return false
}

// betterRemote compares as RFC 2296 wants it: by the product of the qualities.
func (v *variant) betterRemote(best *variant, bestQ *float32) bool {
	q := v.typeQ * v.quality * v.charsetQ * v.languageQ
	if v.encodingQ == 0 || q <= 0 || q < *bestQ || q == *bestQ && (best == nil || v.encodingQ <= best.encodingQ) {
		return false
	}
	*bestQ = q
	return true
}

// better compares as Apache does: type, language, the priority of languages, the
// level of HTML, charset, encoding, size; the first difference decides.
func (v *variant) better(best *variant, bestQ *float32) bool {
	q := v.typeQ * v.quality
	if v.encodingQ == 0 || v.languageQ == 0 || v.charsetQ == 0 || q == 0 || q < *bestQ {
		return false
	}
	if q > *bestQ || best == nil || v.wins(best) {
		*bestQ = q
		return true
	}
	return false
}

// wins tells that a variant of equal type is to be preferred.
func (v *variant) wins(best *variant) bool {
	switch {
	case v.languageQ != best.languageQ:
		return v.languageQ > best.languageQ
	case v.priority != best.priority:
		return v.priority >= 0 && (best.priority < 0 || v.priority < best.priority)
	}
	if order := v.compareLevel(best); order != 0 {
		return order > 0
	}
	switch {
	case v.charsetQ != best.charsetQ:
		return v.charsetQ > best.charsetQ
	case !latin(v.charset) && latin(best.charset):
		return true
	case v.encodingQ != best.encodingQ:
		return v.encodingQ > best.encodingQ
	}
	return v.sub.file.Size < best.sub.file.Size
}

// latin tells whether a charset is the one that HTTP once meant by default.
func latin(charset string) bool { return charset == "" || charset == "iso-8859-1" }

// compareLevel prefers the highest level that the client knows, else the lowest.
func (v *variant) compareLevel(best *variant) int {
	html := isHTML(v.acceptItem.name)
	switch {
	case html && !isHTML(best.acceptItem.name), !html && v.acceptItem.name != best.acceptItem.name:
		return 0
	case v.levelMatched != best.levelMatched:
		return choose2(v.levelMatched > best.levelMatched, 1, -1)
	case v.level != best.level:
		return choose2(v.level < best.level, 1, -1)
	}
	return 0
}
