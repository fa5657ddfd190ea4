package rewrite

import (
	"errors"
	"strings"
)

// languageConf is mod_negotiation's configuration.
type languageConf struct {
	priority []string // nil: nothing was said
	force    *uint8
}

// What ForceLanguagePriority says; nothing means Prefer.
const (
	forceNone uint8 = 1 << iota
	forcePrefer
	forceFallback
)

func mergeLanguage(base, over *languageConf) languageConf {
	c := languageConf{priority: base.priority, force: pick(over.force, base.force)}
	if over.priority != nil {
		c.priority = over.priority
	}
	return c
}

// place is the first place of LanguagePriority that one of some languages has,
// -1 if none has one.
func (c *languageConf) place(languages []string) int {
	best := -1
	for _, l := range languages {
		for i, p := range c.priority {
			if strings.HasPrefix(l, p) {
				if best < 0 || i < best {
					best = i
				}
				break
			}
		}
	}
	return best
}

// What MultiviewsMatch lets count as a known extension, beside those that say
// something of the content.
const (
	matchNegotiated uint8 = 1 << iota
	matchHandlers
	matchFilters
	matchAny
)

// unknownParts reads a name as mod_mime does: parts are its first one, and the
// extensions that mean nothing. known is false if no extension means anything.
func (c *Config) unknownParts(name string, types map[string]string) (parts []string, known bool) {
	match := uint8(0)
	if c.mime != nil && c.mime.match != nil {
		match = *c.mime.match
	}
	dots := len(name) - len(strings.TrimLeft(name, "."))
	first, rest, _ := strings.Cut(name[dots:], ".")
	parts = append(parts, name[:dots]+first)
	for rest != "" {
		var ext string
		if ext, rest, _ = strings.Cut(rest, "."); ext == "" {
			continue
		}
		if match&matchAny != 0 || c.knows(toLower(ext), types, match) {
			known = true
		} else {
			parts = append(parts, ext)
		}
	}
	return parts, known
}

// knows tells whether an extension means something.
func (c *Config) knows(ext string, types map[string]string, match uint8) bool {
	if types[ext] != "" {
		return true
	}
	if match&matchFilters != 0 {
		for _, f := range c.filters.byExt {
			if f.Type == ext {
				return true
			}
		}
	}
	if c.mime == nil || c.mime.byExt[ext] == nil {
		return false
	}
	says := func(p *string) bool { return p != nil && *p != "" }
	e := c.mime.byExt[ext]
	return says(e.mediaType) || says(e.charset) || says(e.language) || says(e.encoding) ||
		match&matchHandlers != 0 && says(e.handler)
}

func init() {
	register(map[string]directive{
		"languagepriority": {OverrideFileInfo, takeMany, func(_ *compiler, s *scope, _ *node, args []string) error {
			s.cfg.language.priority = append(s.cfg.language.priority, args...)
			return nil
		}},
		"forcelanguagepriority": {OverrideFileInfo, takeMany, forceLanguagePriority},
		"multiviewsmatch":       {OverrideFileInfo, takeMany, multiviewsMatch},
		"cachenegotiateddocs":   {overrideServer, take1, func(*compiler, *scope, *node, []string) error { return nil }},
	})
}

func forceLanguagePriority(_ *compiler, s *scope, _ *node, args []string) error {
	force := uint8(0)
	if s.cfg.language.force != nil {
		force = *s.cfg.language.force
	}
	for _, a := range args {
		bit, ok := map[string]uint8{"none": forceNone, "prefer": forcePrefer, "fallback": forceFallback}[toLower(a)]
		if !ok {
			return errors.New("invalid ForceLanguagePriority option " + a)
		}
		if force |= bit; force&forceNone != 0 && force != forceNone {
			return errors.New("cannot combine ForceLanguagePriority options with None")
		}
	}
	s.cfg.language.force = &force
	return nil
}

func multiviewsMatch(_ *compiler, s *scope, _ *node, args []string) error {
	m := s.mimeOf()
	match := uint8(0)
	if m.match != nil {
		match = *m.match
	}
	for _, a := range args {
		bit, ok := map[string]uint8{"any": matchAny, "negotiatedonly": matchNegotiated, "handlers": matchHandlers, "filters": matchFilters}[toLower(a)]
		if !ok {
			return errors.New("unrecognized option '" + a + "'")
		}
		if match |= bit; match&(matchAny|matchNegotiated) != 0 && match&(match-1) != 0 {
			return errors.New(a + " can't be combined with the options before it")
		}
	}
	m.match = &match
	return nil
}
