package rewrite

import "strings"

// rateType takes the quality of the item of Accept that fits the type best.
func (n *negotiation) rateType(v *variant) {
	q, definite := float32(0), true
	for i := range n.accept.items {
		a := &n.accept.items[i]
		stars := v.stars
		if !v.matchType(a) || stars == v.stars {
			continue // none, or no better a match
		}
		q = a.quality
		if !n.asked.strict && !n.explicit {
			switch v.stars {
			case 1:
				q = anyTypeQuality
			case 2:
				q = anySubtypeQuality
			}
		}
		definite = v.stars == 3
	}
	v.typeQ = q
	v.definite = v.definite && definite
}

func (v *variant) matchType(a *acceptItem) bool {
	name := v.acceptItem.name
	switch {
	case strings.HasPrefix(a.name, "*"):
		v.stars = max(v.stars, 1)
		return true
	case len(a.name) > 1 && strings.HasSuffix(a.name, "*") && strings.HasPrefix(name, a.name[:len(a.name)-2]):
		v.stars = max(v.stars, 2)
		return true
	case (a.name == name || a.name == typeHTML && isHTML(name)) && a.level >= v.level:
		v.levelMatched, v.stars = v.level, 3
		return true
	}
	return false
}

// rateLanguage takes the best quality of the variant's languages.
func (n *negotiation) rateLanguage(v *variant) {
	if len(v.languages) == 0 {
		if !n.asked.strict {
			v.languageQ = n.noLanguage
		}
		return
	}
	if n.languages.sent {
		n.matchLanguages(v)
	} else {
		v.definite = false
	}
	c := &n.r.cfg.language
	prefer, fallback := true, false
	if c.force != nil {
		prefer, fallback = *c.force&forcePrefer != 0, *c.force&forceFallback != 0
	}
	if !(prefer && v.priority < 0) && !(fallback && v.languageQ == 0) {
		return
	}
	switch place := c.place(v.languages); {
	case place < 0:
	case v.languageQ != 0 && prefer:
		v.priority = place
	case v.languageQ == 0 && fallback:
		v.priority, v.languageQ, v.definite = place, noLanguageQuality, false
	}
}

// matchLanguages asks Accept-Language: for each language of the variant the
// longest item that it begins with counts, of those the best.
func (n *negotiation) matchLanguages(v *variant) {
	var best, star *acceptItem
	near, starred := float32(0), false
	for _, language := range v.languages {
		var match *acceptItem
		for i := range n.languages.items {
			a := &n.languages.items[i]
			if a.name == "*" {
				if star == nil {
					star = a
				}
				continue
			}
			if isRange(a.name, language) && (match == nil || len(a.name) > len(match.name)) && a.name != "" {
				match = a
			}
			if match == nil && !n.asked.strict {
				if prefix, _, more := strings.Cut(a.name, "-"); more && strings.HasPrefix(language, prefix) {
					near = nearLanguageQuality
				}
			}
		}
		if best == nil || match != nil && match.quality > best.quality {
			best = match
		}
		starred = starred || match == nil && star != nil
	}
	if starred && (best == nil || star.quality > best.quality) {
		best, v.definite = star, false
	}
	v.languageQ = near
	if best != nil {
		v.languageQ = best.quality
	}
}

// isRange is RFC 4647 §3.3.1: a range matches a tag that it equals, or that goes
// on with a hyphen.
func isRange(name, language string) bool {
	return strings.HasPrefix(language, name) && (len(language) == len(name) || language[len(name)] == '-')
}

// rateCharset: what is not said of a text is ISO 8859-1.
func (n *negotiation) rateCharset(v *variant) {
	charset := v.charset
	if !n.charsets.sent {
		v.definite = v.definite && charset == ""
		return
	}
	if charset == "" {
		if n.asked.strict || !strings.HasPrefix(v.acceptItem.name, "text/") {
			return
		}
		charset = "iso-8859-1"
	}
	var star *acceptItem
	for i := range n.charsets.items {
		a := &n.charsets.items[i]
		if a.name == charset {
			v.charsetQ = a.quality
			return
		}
		if a.name == "*" {
			star = a
		}
	}
	switch {
	case star != nil:
		v.charsetQ, v.definite = star.quality, false
	case charset == "iso-8859-1":
		v.charsetQ = 1
	default:
		v.charsetQ = 0
	}
}

// plain tells whether an encoding is none.
func plain(encoding string) bool {
	return encoding == "" || encoding == "7bit" || encoding == "8bit" || encoding == "binary"
}

// rateEncoding: no encoding is always acceptable, unless it is excluded.
func (n *negotiation) rateEncoding(v *variant) {
	encoding, other := strings.TrimPrefix(v.encoding, "x-"), float32(0)
	if plain(v.encoding) {
		encoding, other = "identity", noLanguageQuality
	}
	if !n.encodings.sent {
		v.encodingQ = 1
		if encoding != "identity" {
			v.encodingQ = 0.5
		}
		return
	}
	v.encodingQ = other
	for i := range n.encodings.items {
		a := &n.encodings.items[i]
		if strings.TrimPrefix(a.name, "x-") == encoding {
			v.encodingQ = a.quality
			return
		}
		if a.name == "*" {
			v.encodingQ = a.quality
		}
	}
}

// fixEncoding says Content-Encoding by the name that the client knows it by:
// gzip or x-gzip.
func (r *record) fixEncoding() {
	if r.meta.Encoding == "" {
		return
	}
	encoding, old := strings.TrimPrefix(r.meta.Encoding, "x-"), ""
	for _, a := range r.q.acceptList("Accept-Encoding").items {
		if a.name == encoding {
			r.meta.Encoding = encoding
			return
		}
		if a.name == "x-"+encoding {
			old = a.name
		}
	}
	if old != "" {
		r.meta.Encoding = old
	}
}
