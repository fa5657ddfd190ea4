package rewrite

import "strings"

// Meta is what a file's name says about its content.
type Meta struct {
	Type      string
	Charset   string
	Encoding  string
	Languages []string
}

// ContentType is the value of Content-Type, "" if nothing is known.
func (m *Meta) ContentType() string {
	if m.Charset == "" || m.Type == "" {
		return m.Type
	}
	before, after := m.Type, ""
	for i := 0; i < len(m.Type); i++ {
		if m.Type[i] != ';' || !hasPrefixFold(strings.TrimLeft(m.Type[i+1:], " "), "charset=") {
			continue
		}
		before = m.Type[:i]
		if end := strings.IndexByte(m.Type[i+1:], ';'); end >= 0 {
			after = m.Type[i+1+end:]
		}
		break
	}
	return before + "; charset=" + m.Charset + after
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && equalFold(s[:len(prefix)], prefix)
}

// spaced writes a media type as mod_mime does: a space before each parameter.
func spaced(mediaType string) string {
	parts := strings.Split(mediaType, ";")
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	return strings.Join(parts, "; ")
}

// mimeConf is mod_mime's configuration: what extensions mean.
type mimeConf struct {
	byExt           map[string]*extInfo
	defaultLanguage *string
	usePathInfo     *bool
	match           *uint8 // MultiviewsMatch
}

// extInfo is an extension; a pointer to "" means that it was removed, the
// server's own media type included.
type extInfo struct {
	mediaType, charset, encoding, language, handler *string
}

func (s *scope) mimeOf() *mimeConf {
	if s.cfg.mime == nil {
		s.cfg.mime = &mimeConf{byExt: map[string]*extInfo{}}
	}
	return s.cfg.mime
}

func (c *mimeConf) ext(name string) *extInfo {
	name = toLower(strings.TrimPrefix(name, "."))
	e := c.byExt[name]
	if e == nil {
		e = &extInfo{}
		c.byExt[name] = e
	}
	return e
}

func mergeMime(base, over *mimeConf) *mimeConf {
	switch {
	case over == nil:
		return base
	case base == nil:
		return over
	}
	c := &mimeConf{
		byExt:           make(map[string]*extInfo, len(base.byExt)+len(over.byExt)),
		defaultLanguage: pick(over.defaultLanguage, base.defaultLanguage),
		usePathInfo:     pick(over.usePathInfo, base.usePathInfo),
		match:           pick(over.match, base.match),
	}
	for k, v := range base.byExt {
		c.byExt[k] = v
	}
	for k, v := range over.byExt {
		b := base.byExt[k]
		if b == nil {
			c.byExt[k] = v
			continue
		}
		c.byExt[k] = &extInfo{
			mediaType: pick(v.mediaType, b.mediaType), charset: pick(v.charset, b.charset),
			encoding: pick(v.encoding, b.encoding), language: pick(v.language, b.language),
			handler: pick(v.handler, b.handler),
		}
	}
	return c
}

// resolveMeta reads all the extensions of a name, as mod_mime does: each may say
// something, the last word on a matter counts. types are the server's own.
func resolveMeta(name string, c *mimeConf, types map[string]string) (m Meta, handler string) {
	name = strings.TrimLeft(name, ".")
	_, rest, _ := strings.Cut(name, ".")
	for rest != "" {
		var ext string
		ext, rest, _ = strings.Cut(rest, ".")
		if ext == "" {
			continue
		}
		ext = toLower(ext)
		var e *extInfo
		if c != nil {
			e = c.byExt[ext]
		}
		if e == nil || e.mediaType == nil {
			if t := types[ext]; t != "" {
				m.Type = t
			}
		}
		if e == nil {
			continue
		}
		if e.mediaType != nil && *e.mediaType != "" {
			m.Type = *e.mediaType
		}
		if e.charset != nil && *e.charset != "" {
			m.Charset = *e.charset
		}
		if e.language != nil && *e.language != "" {
			m.Languages = append(m.Languages, *e.language)
		}
		if e.handler != nil && *e.handler != "" {
			handler = *e.handler
		}
		if e.encoding != nil && *e.encoding != "" {
			if m.Encoding != "" {
				m.Encoding += ", "
			}
			m.Encoding += *e.encoding
		}
	}
	if len(m.Languages) == 0 && c != nil && c.defaultLanguage != nil {
		m.Languages = []string{*c.defaultLanguage}
	}
	return m, handler
}

func init() {
	set := func(field func(*extInfo) **string) directive {
		return directive{OverrideFileInfo, take2up, func(_ *compiler, s *scope, _ *node, args []string) error {
			value := spaced(toLower(args[0]))
			for _, ext := range args[1:] {
				e := s.mimeOf().ext(ext)
				p := field(e)
				if removed := *p != nil && **p == ""; removed && p != &e.mediaType {
					// Apache removes when all of the file is read, but for types.
					continue
				}
				*p = &value
			}
			return nil
		}}
	}
	unset := func(field func(*extInfo) **string) directive {
		return directive{OverrideFileInfo, takeMany, func(_ *compiler, s *scope, _ *node, args []string) error {
			none := ""
			for _, ext := range args {
				*field(s.mimeOf().ext(ext)) = &none
			}
			return nil
		}}
	}
	mediaType := func(e *extInfo) **string { return &e.mediaType }
	charset := func(e *extInfo) **string { return &e.charset }
	encoding := func(e *extInfo) **string { return &e.encoding }
	language := func(e *extInfo) **string { return &e.language }
	handler := func(e *extInfo) **string { return &e.handler }
	register(map[string]directive{
		"addtype": set(mediaType), "removetype": unset(mediaType),
		"addcharset": set(charset), "removecharset": unset(charset),
		"addencoding": set(encoding), "removeencoding": unset(encoding),
		"addlanguage": set(language), "removelanguage": unset(language),
		"addhandler": set(handler), "removehandler": unset(handler),
		"defaultlanguage": {OverrideFileInfo, take1, func(_ *compiler, s *scope, _ *node, args []string) error {
			s.mimeOf().defaultLanguage = &args[0]
			return nil
		}},
		"modmimeusepathinfo": {overrideServer, take1, func(*compiler, *scope, *node, []string) error { return nil }},
	})
}
