package rewrite

import (
	"fmt"
	"strings"
)

// RewriteRule is a compiled rule with its conditions.
type RewriteRule struct {
	File         string
	Line         int
	Pattern      string // as written, with "!"
	Substitution string
	Flags        string

	conds  []*RewriteCond
	regex  *Pattern
	not    bool
	output *template

	noSub, forceStatus, redirect        bool
	last, end, chain, next, noSubReq    bool
	proxy, passThrough, noEscape        bool
	qsAppend, qsDiscard, qsLast, qsNone bool
	discardPathInfo, fold               bool
	escape, escapeCtls, escapeNoPlus    bool
	unsafe3F, unsafePrefix, unc         bool

	escapes, noEscapes string
	code               int
	skip               int
	rounds             int
	env                []envFlag
	cookies            []*template
	mimeType, handler  *template

	groups     bool // somebody reads $n
	condGroups bool // somebody reads %n
}

func rewriteRuleLine(c *compiler, s *scope, n *node, _ []string) error {
	a, count, end, err := rewriteArgs(n.args)
	if err != nil {
		return err
	}
	r := &RewriteRule{File: c.file.Name, Line: n.line, Pattern: a[0], Substitution: a[1], code: 302, rounds: roundsMax}
	if count > 2 {
		r.Flags = a[2]
		if err := rewriteFlags(a[2], r.setFlag); err != nil {
			return err
		}
	}
	pattern := a[0]
	if strings.HasPrefix(pattern, "!") {
		r.not = true
		pattern = pattern[1:]
	}
	if r.regex, err = CompilePattern(pattern, r.fold); err != nil {
		return err
	}
	output := a[1]
	r.noSub = r.noSub || output == "-"
	switch {
	case end == '?' && r.qsAppend:
		r.qsLast = true
	case end == '?':
		// A literal "?" at the end drops the query, whatever is captured.
		r.qsNone = true
		output = output[:len(output)-1]
	case r.qsDiscard && strings.IndexByte(output, '?') < 0:
		r.qsNone = true
	}
	r.output = compileTemplate(output)
	conf := s.rewriteOf()
	r.conds, conf.pending = conf.pending, nil
	r.noteGroups()
	conf.rules = append(conf.rules, r)
	if r.proxy && !c.hasModule("proxy_http") {
		c.note(n, Warning, "[P] passes nothing on, for the site's proxy_to names no server: the answer is 500")
	}
	return nil
}

// noteGroups finds out whether anybody reads $n or %n, so that a match need not
// note its groups for nothing.
func (r *RewriteRule) noteGroups() {
	all := []*template{r.output}
	for _, t := range [...]*template{r.mimeType, r.handler} {
		if t != nil {
			all = append(all, t)
		}
	}
	all = append(all, r.cookies...)
	for _, e := range r.env {
		all = append(all, e.value)
	}
	for _, c := range r.conds {
		all = append(all, c.input)
	}
	for _, t := range all {
		r.groups = r.groups || t.rule
		r.condGroups = r.condGroups || t.cond
	}
}

// ruleFlags are the flags without a value of their own.
var ruleFlags = map[string]func(r *RewriteRule){
	"bnp": func(r *RewriteRule) { r.escapeNoPlus = true }, "backrefernoplus": func(r *RewriteRule) { r.escapeNoPlus = true },
	"bctls": func(r *RewriteRule) { r.escapeCtls, r.escape = true, true },
	"c":     func(r *RewriteRule) { r.chain = true }, "chain": func(r *RewriteRule) { r.chain = true },
	"dpi": func(r *RewriteRule) { r.discardPathInfo = true }, "discardpath": func(r *RewriteRule) { r.discardPathInfo = true },
	"d":   func(r *RewriteRule) { r.discardPathInfo = true },
	"end": func(r *RewriteRule) { r.end = true },
	"f":   func(r *RewriteRule) { r.force(403) }, "forbidden": func(r *RewriteRule) { r.force(403) },
	"g": func(r *RewriteRule) { r.force(410) }, "gone": func(r *RewriteRule) { r.force(410) },
	"l": func(r *RewriteRule) { r.last = true }, "last": func(r *RewriteRule) { r.last = true },
	"ne": func(r *RewriteRule) { r.noEscape = true }, "noescape": func(r *RewriteRule) { r.noEscape = true },
	"ns": func(r *RewriteRule) { r.noSubReq = true }, "nosubreq": func(r *RewriteRule) { r.noSubReq = true },
	"nc": func(r *RewriteRule) { r.fold = true }, "nocase": func(r *RewriteRule) { r.fold = true },
	"p": func(r *RewriteRule) { r.proxy = true }, "proxy": func(r *RewriteRule) { r.proxy = true },
	"pt": func(r *RewriteRule) { r.passThrough = true }, "passthrough": func(r *RewriteRule) { r.passThrough = true },
	"qsa": func(r *RewriteRule) { r.qsAppend = true }, "qsappend": func(r *RewriteRule) { r.qsAppend = true },
	"qsd": func(r *RewriteRule) { r.qsDiscard = true }, "qsdiscard": func(r *RewriteRule) { r.qsDiscard = true },
	"qsl": func(r *RewriteRule) { r.qsLast = true }, "qslast": func(r *RewriteRule) { r.qsLast = true },
	"unsafeprefixstat": func(r *RewriteRule) { r.unsafePrefix = true },
	"unsafeallow3f":    func(r *RewriteRule) { r.unsafe3F = true },
	"unc":              func(r *RewriteRule) { r.unc = true },
}

func (r *RewriteRule) force(code int) { r.forceStatus, r.noSub, r.code = true, true, code }

func (r *RewriteRule) setFlag(key, value string) error {
	lower := toLower(key)
	if set, ok := ruleFlags[lower]; ok {
		set(r)
		return nil
	}
	switch lower {
	case "b", "backrefescaping":
		r.escape = true
		if value != "" {
			r.escapes = value
		}
	case "bne":
		if value == "" {
			return fmt.Errorf("flag 'BNE' wants a list of characters (i.e. [BNE=...])")
		}
		r.noEscapes = value
	case "co", "cookie":
		r.cookies = append(r.cookies, compileTemplate(value))
	case "e", "env":
		r.env = append(r.env, compileEnv(value))
	case "h", "handler":
		r.handler = compileTemplate(value)
	case "n", "next":
		r.next = true
		if value != "" {
			r.rounds = int(atoi(value))
		}
	case "r", "redirect":
		return r.setRedirect(value)
	case "s", "skip":
		r.skip = int(atoi(value))
	case "t", "type":
		r.mimeType = compileTemplate(value)
	default:
		return fmt.Errorf("unknown flag '%s'", key)
	}
	return nil
}

func (r *RewriteRule) setRedirect(value string) error {
	r.redirect = true
	if value == "" {
		return nil
	}
	switch {
	case equalFold(value, "permanent"):
		r.code = 301
	case equalFold(value, "temp"):
		r.code = 302
	case equalFold(value, "seeother"):
		r.code = 303
	case isDigit(value[0]):
		r.code = int(atoi(value))
		if !knownStatus(r.code) {
			return fmt.Errorf("%w: '%s'", errInvalidStatus, value)
		}
		if !isRedirect(r.code) {
			r.forceStatus, r.noSub = true, true
		}
	default:
		r.code = 0
	}
	return nil
}

// isRedirect is ap_is_HTTP_REDIRECT.
func isRedirect(code int) bool { return code >= 300 && code < 400 }

// knownStatus tells whether Apache has a text for a status.
func knownStatus(code int) bool {
	switch {
	case code >= 100 && code <= 103, code >= 200 && code <= 208, code == 226, code >= 300 && code <= 308 && code != 306:
		return true
	case code >= 400 && code <= 417, code >= 421 && code <= 426 && code != 425, code == 428, code == 429, code == 431, code == 451:
		return true
	case code >= 500 && code <= 508, code == 510, code == 511:
		return true
	}
	return false
}

// escapeBackRef is the B family of flags: like PHP's urlencode.
func (r *RewriteRule) escapeBackRef(s string) string {
	var b []byte
	for i := 0; i < len(s); i++ {
		c := s[i]
		want := (r.escapes == "" && !r.escapeCtls) || (r.escapeCtls && (c <= ' ' || c == 0x7f)) ||
			(r.escapes != "" && strings.IndexByte(r.escapes, c) >= 0)
		if !want || (r.noEscapes != "" && strings.IndexByte(r.noEscapes, c) >= 0) || isAlnum(c) || c == '_' {
			if b != nil {
				b = append(b, c)
			}
			continue
		}
		if b == nil {
			b = append(make([]byte, 0, len(s)+16), s[:i]...)
		}
		if c == ' ' && !r.escapeNoPlus {
			b = append(b, '+')
			continue
		}
		b = appendHex(b, c)
	}
	if b == nil {
		return s
	}
	return string(b)
}
