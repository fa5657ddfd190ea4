package rewrite

import (
	"errors"
	"fmt"
)

// rewriteConf is mod_rewrite's configuration of a directory or section.
type rewriteConf struct {
	engine     bool
	engineSet  bool
	options    rewriteOption
	optionsSet bool
	base       *string
	baseSet    bool
	dir        string // the prefix that rules are relative to, with a slash at the end
	pending    []*RewriteCond
	rules      []*RewriteRule
}

type rewriteOption uint16

const (
	optInherit rewriteOption = 1 << iota
	optInheritBefore
	optInheritDown
	optInheritDownBefore
	optIgnoreInherit
	optNoSlash
	optAnyURI
	optMergeBase
	optIgnoreContext
	optLegacyPrefix
	optUnsafePrefixStat
	optLongURL
)

var rewriteOptions = map[string]rewriteOption{
	"inherit": optInherit, "inheritbefore": optInheritBefore, "inheritdown": optInheritDown,
	"inheritdownbefore": optInheritDownBefore, "ignoreinherit": optIgnoreInherit,
	"allownoslash": optNoSlash, "allowanyuri": optAnyURI, "mergebase": optMergeBase,
	"ignorecontextinfo": optIgnoreContext, "legacyprefixdocroot": optLegacyPrefix,
	"unsafeprefixstat": optUnsafePrefixStat, "longurloptimization": optLongURL,
}

// mergeRewrite follows config_perdir_merge of mod_rewrite: rules of a child
// replace its parent's, unless an option says to inherit.
func mergeRewrite(base, over *rewriteConf) *rewriteConf {
	switch {
	case over == nil:
		return base
	case base == nil:
		return over
	}
	c := &rewriteConf{
		engine: base.engine, engineSet: base.engineSet || over.engineSet,
		options: base.options, optionsSet: base.optionsSet || over.optionsSet,
		base: over.base, baseSet: over.baseSet, dir: over.dir, rules: over.rules,
	}
	if over.engineSet {
		c.engine = over.engine
	}
	if over.optionsSet {
		c.options = over.options
	}
	if c.options&optMergeBase != 0 && !over.baseSet {
		c.base, c.baseSet = base.base, base.baseSet
	}
	ignores := c.options&optIgnoreInherit != 0
	switch {
	case c.options&optInherit != 0 || (base.options&optInheritDown != 0 && !ignores):
		c.rules = join(over.rules, base.rules)
	case c.options&optInheritBefore != 0 || (base.options&optInheritDownBefore != 0 && !ignores):
		c.rules = join(base.rules, over.rules)
	}
	return c
}

// rewriteOf returns the context's rewrite part, making it when it is first used.
func (s *scope) rewriteOf() *rewriteConf {
	if s.cfg.rewrite == nil {
		s.cfg.rewrite = &rewriteConf{dir: s.path}
	}
	return s.cfg.rewrite
}

func init() {
	register(map[string]directive{
		"rewriteengine":  {OverrideFileInfo, takeFlag, rewriteEngine},
		"rewriteoptions": {OverrideFileInfo, takeMany, rewriteOptionsLine},
		"rewritebase":    {OverrideFileInfo, take1, rewriteBase},
		"rewritecond":    {OverrideFileInfo, takeRaw, rewriteCondLine},
		"rewriterule":    {OverrideFileInfo, takeRaw, rewriteRuleLine},
		"rewritemap":     {overrideServer, take23, rewriteMapLine},
	})
}

func rewriteEngine(_ *compiler, s *scope, _ *node, args []string) error {
	on, err := onOff(args[0])
	if err != nil {
		return err
	}
	c := s.rewriteOf()
	c.engine, c.engineSet = on, true
	return nil
}

func rewriteOptionsLine(c *compiler, s *scope, n *node, args []string) error {
	conf := s.rewriteOf()
	for _, w := range args {
		key := toLower(w)
		if len(key) > 13 && key[:13] == "maxredirects=" {
			c.note(n, Warning, "MaxRedirects has been removed from Apache and does nothing")
			conf.optionsSet = true
			continue
		}
		o, ok := rewriteOptions[key]
		if !ok {
			return fmt.Errorf("unknown option '%s'", w)
		}
		conf.options |= o
		conf.optionsSet = true
	}
	return nil
}

func rewriteBase(_ *compiler, s *scope, _ *node, args []string) error {
	switch {
	case args[0] == "":
		return errors.New("empty URL not allowed")
	case args[0][0] != '/':
		return errors.New("argument is not a valid URL")
	}
	c := s.rewriteOf()
	c.base, c.baseSet = &args[0], true
	return nil
}

func rewriteMapLine(c *compiler, _ *scope, n *node, _ []string) error {
	c.note(n, Skipped, "maps are part of the site's configuration")
	return nil
}

// rewriteArgs cuts the arguments of RewriteCond and RewriteRule, which have
// their own rule: a backslash before white space keeps it, quotes know no escape.
func rewriteArgs(s string) (a [3]string, n int, end byte, err error) {
	i := 0
	for n = 0; n < 3; n++ {
		for i < len(s) && isSpace(s[i]) {
			i++
		}
		if i >= len(s) && n > 0 {
			break
		}
		quote := byte(0)
		if i < len(s) && isQuote(s[i]) {
			quote = s[i]
			i++
		}
		from := i
		for i < len(s) {
			if (quote == 0 && isSpace(s[i])) || (quote != 0 && s[i] == quote) {
				break
			}
			if s[i] == '\\' && i+1 < len(s) && isSpace(s[i+1]) {
				i++
			}
			i++
		}
		i = min(i, len(s))
		a[n] = s[from:i]
		if n == 1 && i > 0 {
			end = s[i-1]
		}
		if n == 0 && i >= len(s) {
			return a, 0, 0, fmt.Errorf("bad argument line '%s'", s)
		}
		if i < len(s) {
			i++
		}
	}
	if n < 2 {
		if n == 1 {
			return a, 2, 0, nil
		}
		return a, n, 0, fmt.Errorf("bad argument line '%s'", s)
	}
	return a, n, end, nil
}

// rewriteFlags cuts "[a,b=c]".
func rewriteFlags(s string, set func(key, value string) error) error {
	if len(s) < 2 || s[0] != '[' || s[len(s)-1] != ']' {
		return errors.New("bad flag delimiters")
	}
	rest := s[1:len(s)-1] + ","
	for rest != "" {
		for rest != "" && isSpace(rest[0]) {
			rest = rest[1:]
		}
		i := 0
		for i < len(rest) && rest[i] != ',' {
			i++
		}
		if i >= len(rest) {
			break
		}
		item := rest[:i]
		rest = rest[i+1:]
		for item != "" && isSpace(item[len(item)-1]) {
			item = item[:len(item)-1]
		}
		key, value := item, ""
		for j := 0; j < len(item); j++ {
			if item[j] == '=' {
				key, value = item[:j], item[j+1:]
				break
			}
		}
		if err := set(key, value); err != nil {
			return err
		}
	}
	return nil
}
