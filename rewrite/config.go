package rewrite

// Config is what the directives of a context say: a file's plain part, a
// section's, or the merger of several. It is immutable once compiled. A nil
// part means that nothing was said (which is not the same as a default:
// Apache's merge rules depend on it).
type Config struct {
	core        coreConf
	rewrite     *rewriteConf
	redirect    []*redirectRule // mod_alias, innermost first
	redirectAll *redirectAll
	require     *authzSection
	auth        authConf
	compat      *compatConf
	headers     []*HeaderEdit
	early       []*HeaderEdit // RequestHeader … early
	request     []*HeaderEdit
	expires     expiresConf
	env         []envOp
	setIf       []*envRule
	mime        *mimeConf
	language    languageConf
	dir         dirConf
	index       indexConf
	filters     filterConf
	php         []PHPValue

	files []*section
	ifs   []*section
}

// coreConf is what Apache's core keeps.
type coreConf struct {
	options      optionsConf
	errors       []errorDocument
	forceType    *string
	handler      *stringValue
	pathInfo     *uint8
	etag         *string
	bodyMax      *int64
	charset      *string
	passAuth     *bool
	requireTLS   bool
	authMerging  *uint8
	relRedirects *bool
}

// stringValue is a text, or an expression that makes one.
type stringValue struct {
	text string
	expr *Expr
}

// value evaluates it; a failing expression is "".
func (v *stringValue) value(x *exprScope) string {
	if v.expr == nil {
		return v.text
	}
	s, err := v.expr.expand(x)
	if err != nil {
		return ""
	}
	return s
}

type dirConf struct {
	index     *[]string
	slash     *bool
	fallback  *string
	redirect  *int // DirectoryIndexRedirect
	checkHand *bool
}

// PHPValue is a php_value or php_flag line.
type PHPValue struct {
	Name  string
	Value string
	Flag  bool
	Admin bool
}

type indexConf struct {
	ignore      []string
	options     []string   // of this file; nil: it says nothing about listings
	levels      [][]string // those of all files, outer ones first
	ignoreReset bool
	headName    *string
	readme      *string
	order       *string
}

type filterConf struct {
	byType []TypeFilter
	byExt  []TypeFilter
	set    *[]string
}

// TypeFilter names the output filters of a media type or an extension.
type TypeFilter struct {
	Type    string
	Filters []string
}

// section is a <Files>, <FilesMatch> or <If>.
type section struct {
	kind    sectionKind
	arg     string
	glob    string
	pattern *Pattern
	expr    *Expr
	file    string
	line    int
	cfg     *Config
}

type sectionKind uint8

const (
	sectionFiles sectionKind = iota
	sectionIf
	sectionElseIf
	sectionElse
)

func (s *section) name() string {
	name := [...]string{"<Files", "<If", "<ElseIf", "<Else"}[s.kind]
	if s.pattern != nil {
		name = "<FilesMatch"
	}
	if s.arg == "" {
		return name + ">"
	}
	return name + " " + s.arg + ">"
}

// matchesName tells whether a <Files> section applies to a base name.
func (s *section) matchesName(base string) bool {
	if s.pattern != nil {
		return s.pattern.MatchString(base)
	}
	return wildMatch(s.glob, base, false, true)
}

func pick[T any](over, base *T) *T {
	if over != nil {
		return over
	}
	return base
}

// merge makes the configuration that over, nearer to the file, has on top of base.
func merge(base, over *Config) *Config {
	if base == nil {
		return over
	}
	if over == nil {
		return base
	}
	c := &Config{}
	c.core = mergeCore(&base.core, &over.core)
	c.rewrite = mergeRewrite(base.rewrite, over.rewrite)
	c.redirect = join(over.redirect, base.redirect)
	c.redirectAll = pick(over.redirectAll, base.redirectAll)
	c.require = mergeRequire(base.require, over.require, over.core.authMerging)
	c.auth = mergeAuth(&base.auth, &over.auth)
	c.compat = pick(over.compat, base.compat)
	c.headers = join(base.headers, over.headers)
	c.early = join(base.early, over.early)
	c.request = join(base.request, over.request)
	c.expires = mergeExpires(&base.expires, &over.expires)
	c.env = join(base.env, over.env)
	c.setIf = join(base.setIf, over.setIf)
	c.mime = mergeMime(base.mime, over.mime)
	c.language = mergeLanguage(&base.language, &over.language)
	c.dir = dirConf{
		index:     pick(over.dir.index, base.dir.index),
		slash:     pick(over.dir.slash, base.dir.slash),
		fallback:  pick(over.dir.fallback, base.dir.fallback),
		redirect:  pick(over.dir.redirect, base.dir.redirect),
		checkHand: pick(over.dir.checkHand, base.dir.checkHand),
	}
	c.index = mergeIndex(&base.index, &over.index)
	c.filters = filterConf{
		byType: join(base.filters.byType, over.filters.byType),
		byExt:  join(base.filters.byExt, over.filters.byExt),
		set:    pick(over.filters.set, base.filters.set),
	}
	c.php = join(base.php, over.php)
	c.files = join(base.files, over.files)
	c.ifs = join(base.ifs, over.ifs)
	return c
}

func mergeCore(base, over *coreConf) coreConf {
	return coreConf{
		options:      mergeOptions(base.options, over.options),
		errors:       join(base.errors, over.errors),
		forceType:    pick(over.forceType, base.forceType),
		handler:      pick(over.handler, base.handler),
		pathInfo:     pick(over.pathInfo, base.pathInfo),
		etag:         pick(over.etag, base.etag),
		bodyMax:      pick(over.bodyMax, base.bodyMax),
		charset:      pick(over.charset, base.charset),
		passAuth:     pick(over.passAuth, base.passAuth),
		requireTLS:   base.requireTLS || over.requireTLS,
		authMerging:  over.authMerging,
		relRedirects: pick(over.relRedirects, base.relRedirects),
	}
}

func mergeIndex(base, over *indexConf) indexConf {
	ignore := join(base.ignore, over.ignore)
	if over.ignoreReset {
		ignore = over.ignore
	}
	return indexConf{
		ignore: ignore, levels: join(base.allLevels(), over.allLevels()), ignoreReset: base.ignoreReset || over.ignoreReset,
		headName: pick(over.headName, base.headName),
		readme:   pick(over.readme, base.readme),
		order:    pick(over.order, base.order),
	}
}

// allLevels are the words of IndexOptions by file: Apache merges the files'
// results, not their words.
func (c *indexConf) allLevels() [][]string {
	switch {
	case c.options != nil:
		return append(c.levels[:len(c.levels):len(c.levels)], c.options)
	case len(c.levels) == 0 && (len(c.ignore) > 0 || c.ignoreReset || c.headName != nil || c.readme != nil || c.order != nil):
		return [][]string{{}}
	}
	return c.levels
}

// join appends without sharing memory with either list.
func join[T any](a, b []T) []T {
	switch {
	case len(a) == 0:
		return b
	case len(b) == 0:
		return a
	}
	out := make([]T, 0, len(a)+len(b))
	return append(append(out, a...), b...)
}
