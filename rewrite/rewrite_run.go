package rewrite

import "strings"

// action is what a list of rules comes to.
type action uint8

const (
	actionNone      action = iota
	actionNormal           // filename has changed
	actionNoEscape         // the same, without escaping
	actionStatus           // r.status is the answer
	actionStatusSet        // an error while a rule was evaluated
)

// rewriteContext is a run of a list of rules.
type rewriteContext struct {
	r         *record
	dir       string // "" in server context
	uri       string // what patterns see
	joined    joined
	ruleMatch Match
	condMatch Match
	varyCond  []string // headers that the condition at hand read
	varyRule  []string // headers of the conditions that held
	scratch   []byte
	lastSub   *RewriteRule
}

// joined is a file's name with the path behind it, kept for the rules that follow.
type joined struct{ filename, pathInfo, both string }

func (j *joined) of(filename, pathInfo string) string {
	switch {
	case pathInfo == "":
		return filename
	case j.filename != filename || j.pathInfo != pathInfo:
		*j = joined{filename, pathInfo, filename + pathInfo}
	}
	return j.both
}

type ruleResult uint8

const (
	ruleNoMatch ruleResult = iota
	ruleMatched
	ruleNoSub
	ruleStatusSet
)

// runRules applies a list of rules (apply_rewrite_list).
func (x *rewriteContext) runRules(rules []*RewriteRule) action {
	r := x.r
	changed := actionNone
	round, seen := 1, 0
	for i := 0; i < len(rules); i++ {
		p := rules[i]
		if r.main != nil && (p.noSubReq || p.redirect) {
			continue
		}
		x.varyRule = x.varyRule[:0]
		rc := x.applyRule(p)
		if rc == ruleNoMatch {
			for i < len(rules) && rules[i].chain {
				i++
			}
			continue
		}
		if !p.noSub {
			x.lastSub = p
		}
		if len(r.filename) > rewriteBytesMax {
			r.q.log("RewriteRule '" + p.Pattern + "' and URI '" + r.uri + "' exceeded maximum length")
			r.status = 500
			return actionStatus
		}
		r.vary = append(r.vary, x.varyRule...)
		if rc == ruleStatusSet {
			return actionStatusSet
		}
		if p.forceStatus {
			return actionStatus
		}
		if rc != ruleNoSub {
			changed = actionNormal
			if p.noEscape {
				changed = actionNoEscape
			}
		}
		switch {
		case p.passThrough:
			r.passThrough = true
			return actionNormal
		case p.end:
			r.ended = true
			return changed
		case p.proxy || p.last:
			return changed
		case p.next:
			round++
			seen += len(r.filename) * (i + 1)
			if round >= p.rounds || seen > roundBytesMax {
				r.q.log("RewriteRule '" + p.Pattern + "' and URI '" + r.uri + "' exceeded maximum number of rounds via the [N] flag")
				r.status = 500
				return actionStatus
			}
			i = -1
			continue
		}
		i += max(p.skip, 0)
	}
	return changed
}

// subject makes the string that a pattern sees.
func (x *rewriteContext) subject() {
	x.uri = x.r.filename
	if x.dir == "" {
		return
	}
	x.uri = x.joined.of(x.r.filename, x.r.pathInfo)
	if !x.r.proxied {
		x.uri = strings.TrimPrefix(x.uri, x.dir)
	}
}

// applyRule applies one rule (apply_rewrite_rule).
func (x *rewriteContext) applyRule(p *RewriteRule) ruleResult {
	x.subject()
	if !x.matchRule(p) {
		return ruleNoMatch
	}
	if !x.holdConds(p) {
		return ruleNoMatch
	}
	newURI := ""
	if !p.noSub {
		var q *questionMark
		if !p.unsafe3F {
			q = &questionMark{last: p.qsLast}
		}
		newURI = p.output.expand(x, p, q)
		x.traceRewrite(p, newURI)
		if q != nil && q.unsafe {
			x.r.q.log("Unsafe URL with %3f URL rewritten without UnsafeAllow3F")
			x.r.status = 403
			return ruleStatusSet
		}
	}
	x.setEnv(p)
	x.setCookies(p)
	if p.noSub {
		x.forceType(p)
		if p.forceStatus {
			x.r.status = p.code
		}
		x.traceRewrite(p, "-")
		return ruleNoSub
	}
	return x.substitute(p, newURI)
}

func (x *rewriteContext) matchRule(p *RewriteRule) bool {
	ok := false
	if p.groups && !p.not {
		ok = p.regex.Find(x.uri, &x.ruleMatch)
	} else {
		ok = p.regex.MatchString(x.uri)
		x.ruleMatch.clear()
	}
	if x.r.q.Trace != nil {
		x.r.q.trace(Event{Kind: TraceRule, File: p.File, Line: p.Line, Directive: p.text(), Before: x.uri, Matched: ok != p.not})
	}
	if ok == p.not {
		return false
	}
	if !ok {
		x.ruleMatch.clear()
	}
	x.condMatch.clear()
	x.varyCond = x.varyCond[:0]
	return true
}

// holdConds evaluates the conditions: all of them, where [OR] makes chains.
func (x *rewriteContext) holdConds(p *RewriteRule) bool {
	for i := 0; i < len(p.conds); i++ {
		c := p.conds[i]
		ok := c.hold(x, p.condGroups)
		if c.noVary {
			x.varyCond = x.varyCond[:0]
		}
		if c.orNext {
			if !ok {
				x.varyCond = x.varyCond[:0]
				continue
			}
			for i+1 < len(p.conds) && p.conds[i].orNext {
				i++
			}
		} else if !ok {
			return false
		}
		x.varyRule = append(x.varyRule, x.varyCond...)
		x.varyCond = x.varyCond[:0]
	}
	return true
}

// envFlag is [E=name:value]; name is "" where the parts are known only once all
// of it is expanded.
type envFlag struct {
	name  string
	value *template
}

func compileEnv(text string) envFlag {
	name, value, ok := strings.Cut(text, ":")
	if !ok || name == "" || name[0] == '!' || strings.ContainsAny(name, `\$%`) {
		return envFlag{value: compileTemplate(text)}
	}
	return envFlag{name, compileTemplate(value)}
}

func (x *rewriteContext) setEnv(p *RewriteRule) {
	for _, e := range p.env {
		s := e.value.expand(x, nil, nil)
		if e.name != "" {
			x.r.env.Set(e.name, s)
			x.r.q.traceVariable(e.name, s, p.File, p.Line)
			continue
		}
		if strings.HasPrefix(s, "!") {
			x.r.env.Unset(s[1:])
			x.r.q.traceUnset(s[1:], p.File, p.Line)
			continue
		}
		name, value, _ := strings.Cut(s, ":")
		x.r.env.Set(name, value)
		x.r.q.traceVariable(name, value, p.File, p.Line)
	}
}

// forceType keeps [T] and [H] for the end of the fixups.
func (x *rewriteContext) forceType(p *RewriteRule) {
	if p.mimeType != nil {
		if s := p.mimeType.expand(x, p, nil); s != "" {
			x.r.forcedType = toLower(s)
		}
	}
	if p.handler != nil {
		if s := p.handler.expand(x, p, nil); s != "" {
			x.r.forcedHandler = toLower(s)
		}
	}
}

func (x *rewriteContext) traceRewrite(p *RewriteRule, after string) {
	if x.r.q.Trace != nil {
		x.r.q.trace(Event{Kind: TraceRewrite, File: p.File, Line: p.Line, Before: x.uri, After: after, Matched: true})
	}
}

// substitute makes newURI the request's filename and splits its query off.
func (x *rewriteContext) substitute(p *RewriteRule, newURI string) ruleResult {
	r := x.r
	prefixed := false
	if n, _ := absoluteScheme(newURI); !r.proxied && n == 0 && !strings.HasPrefix(newURI, "/") {
		if x.dir != "" {
			newURI = x.dir + newURI
			prefixed = true
		} else if !p.proxy && !p.redirect {
			newURI = "/" + newURI
			prefixed = true
		}
	}
	r.filename = newURI
	if x.dir != "" && p.discardPathInfo {
		r.pathInfo = ""
	}
	r.splitArgs(p)
	switch {
	case p.proxy:
		r.qualify()
		r.proxied = true
		return ruleMatched
	case p.redirect:
		r.qualify()
		r.status = p.code
		return ruleMatched
	}
	r.reduce()
	if n, _ := absoluteScheme(r.filename); n > 0 {
		r.status = p.code
		return ruleMatched
	}
	if !p.unc && !prefixed && !strings.HasPrefix(p.output.source, "//") {
		for strings.HasPrefix(r.filename, "//") {
			r.filename = r.filename[1:]
		}
	}
	x.forceType(p)
	return ruleMatched
}

// splitArgs cuts the query off the filename (splitout_queryargs).
func (r *record) splitArgs(p *RewriteRule) {
	if p.qsNone {
		r.args, r.hasArgs = "", false
		return
	}
	skip, query := absoluteScheme(r.filename)
	if skip > 0 && !query {
		r.args, r.hasArgs = "", false
		return
	}
	if p.qsDiscard {
		r.args, r.hasArgs = "", false
	}
	tail := r.filename[skip:]
	i := strings.IndexByte(tail, '?')
	if p.qsLast {
		i = strings.LastIndexByte(tail, '?')
	}
	if i < 0 {
		return
	}
	q := tail[i+1:]
	r.filename = r.filename[:skip+i]
	if p.qsAppend {
		if q != "" {
			r.args = q + "&" + r.args
		}
	} else {
		r.args = q
	}
	r.args = strings.TrimSuffix(r.args, "&")
	r.hasArgs = r.args != ""
}

// qualify puts scheme and host in front of a path.
func (r *record) qualify() {
	if n, _ := absoluteScheme(r.filename); n > 0 {
		return
	}
	slash := ""
	if !strings.HasPrefix(r.filename, "/") {
		slash = "/"
	}
	r.filename = r.q.origin() + slash + r.filename
}

// reduce takes our own scheme and host off an absolute URL.
func (r *record) reduce() {
	s := r.filename
	scheme := r.q.scheme() + "://"
	if len(s) <= len(scheme) || !equalFold(s[:len(scheme)], scheme) {
		return
	}
	host, path := s[len(scheme):], "/"
	if i := strings.IndexByte(host, '/'); i >= 0 {
		host, path = host[:i], host[i:]
	}
	port := r.q.defaultPort()
	if h, p, ok := strings.Cut(host, ":"); ok {
		host, port = h, int(atoi(p))
	}
	if r.q.isOurs(host, port) {
		r.filename = path
		r.reduced = true
	}
}

// setCookies is the CO flag.
func (x *rewriteContext) setCookies(p *RewriteRule) {
	for _, t := range p.cookies {
		s := t.expand(x, nil, nil)
		sep := ":"
		if strings.HasPrefix(s, ";") {
			sep, s = ";", s[1:]
		}
		// Empty fields vanish, as with strtok.
		var f []string
		for _, v := range strings.Split(s, sep) {
			if v != "" {
				f = append(f, v)
			}
		}
		if len(f) >= 3 {
			x.r.q.addCookie(f)
		}
	}
}
