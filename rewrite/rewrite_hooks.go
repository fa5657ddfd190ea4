package rewrite

import "strings"

// fixupRewrite runs a directory's rules (hook_fixup). It returns a status, 0 to
// go on. r.redirectTo is set when the request goes to another URL.
func (r *record) fixupRewrite() int {
	c := r.cfg.rewrite
	if c == nil || !c.engine || c.dir == "" {
		if c != nil && len(c.rules) > 0 {
			r.traceSkip(c.rules[0], "RewriteEngine is off")
		}
		return 0
	}
	if c.options&optNoSlash == 0 && len(r.filename) == len(c.dir)-1 && strings.HasPrefix(c.dir, r.filename) {
		return 0
	}
	if r.ended {
		if len(c.rules) > 0 {
			r.traceSkip(c.rules[0], "a rule with [END] has matched")
		}
		return 0
	}
	if r.options()&(OptFollowSymLinks|OptSymLinksIfOwnerMatch) == 0 {
		r.q.log("Options FollowSymLinks and SymLinksIfOwnerMatch are both off, so the RewriteRule directive is also forbidden: " + r.filename)
		return 403
	}
	if len(c.rules) == 0 {
		return 0
	}
	oldName, oldArgs, hadArgs := r.filename, r.args, r.hasArgs
	x := r.q.context(r, c.dir)
	act := x.runRules(c.rules)
	r.q.release(x)
	if act != actionNone && r.dangling() {
		return r.refuseLink()
	}
	switch act {
	case actionNone:
		r.filename = oldName
		return 0
	case actionNormal, actionNoEscape:
	case actionStatus, actionStatusSet:
		if r.hasArgs && hasControl(r.args) {
			return r.controlInQuery()
		}
		return r.takeStatus()
	}
	skip, _ := absoluteScheme(r.filename)
	if r.passThrough {
		// [PT] in a directory only hides that the result is a URL.
		skip, r.passThrough, r.proxied = 0, false, false
	}
	if r.hasArgs && (skip == 0 || act == actionNoEscape) && hasControl(r.args) {
		return r.controlInQuery()
	}
	switch {
	case r.proxied:
		return r.toProxy(act)
	case skip > 0:
		if c.base != nil {
			r.rebase(skip, c)
		}
		return r.redirectOut(skip, act, hadArgs && r.args == oldArgs)
	}
	return r.redirectIn(c, oldName)
}

func (r *record) controlInQuery() int {
	r.q.log("Rewritten query string contains control characters or spaces")
	return 403
}

func (r *record) takeStatus() int {
	n := r.status
	r.status = 200
	return n
}

// rebase puts RewriteBase in place of the directory behind the host.
func (r *record) rebase(skip int, c *rewriteConf) {
	i := strings.IndexByte(r.filename[skip:], '/')
	if i < 0 || skip+i+1 >= len(r.filename) {
		return
	}
	head, tail := r.filename[:skip+i+1], r.filename[skip+i+1:]
	if s, ok := replacePrefix(tail, strings.TrimPrefix(c.dir, "/"), strings.TrimPrefix(*c.base, "/")); ok {
		r.filename = head + s
	}
}

// redirectOut answers with Location.
func (r *record) redirectOut(skip int, act action, sameArgs bool) int {
	target := r.filename
	if act != actionNoEscape {
		target = escapeAbsolute(target, skip)
	}
	if r.hasArgs {
		args := r.args
		if act != actionNoEscape && !sameArgs {
			args = escapeURI(args)
		}
		target += "?" + args
	}
	r.location = target
	if isRedirect(r.status) {
		return r.takeStatus()
	}
	return 302
}

// redirectIn sends the request to another URL of this site.
func (r *record) redirectIn(c *rewriteConf, oldName string) int {
	if !strings.HasPrefix(r.filename, "/") {
		return 400
	}
	if r.filename == oldName {
		return 0
	}
	if c.base != nil {
		r.filename, _ = replacePrefix(r.filename, c.dir, *c.base)
	} else {
		r.filename = r.q.Site.uriOf(r.filename)
	}
	r.redirectTo = r.filename
	if r.hasArgs {
		r.redirectTo += "?" + r.args
	}
	r.keepVary = true
	r.handler = handlerRewrite
	return 0
}

func (r *record) toProxy(act action) int {
	target := r.filename
	if r.hasArgs && act == actionNoEscape {
		target += "?" + r.args
	}
	if !r.q.Site.Proxy {
		r.q.log("attempt to make remote request from mod_rewrite without proxy enabled: " + target)
		return 403
	}
	r.proxyTo, r.proxyRaw = target, act == actionNoEscape
	r.handler = handlerProxy
	return 0
}

// translateRewrite runs the server's rules (hook_uri2file). declined tells that
// the path is to be mapped to the document root as usual.
func (r *record) translateRewrite() (status int, declined bool) {
	c := r.q.Site.serverRules()
	if c == nil || !c.engine || r.ended || len(c.rules) == 0 || !strings.HasPrefix(r.uri, "/") {
		return 0, true
	}
	r.q.setScriptURL(r)
	oldArgs, hadArgs := r.args, r.hasArgs
	r.filename = r.uri
	x := r.q.context(r, "")
	act := x.runRules(c.rules)
	last := x.lastSub
	r.q.release(x)
	if act == actionNone {
		return 0, true
	}
	skip, _ := absoluteScheme(r.filename)
	if r.hasArgs && (skip == 0 || act == actionNoEscape) && hasControl(r.args) {
		return r.controlInQuery(), false
	}
	switch {
	case act == actionStatus || act == actionStatusSet:
		return r.takeStatus(), false
	case r.proxied:
		return r.toProxy(act), false
	case skip > 0:
		return r.redirectOut(skip, act, hadArgs && r.args == oldArgs), false
	case r.passThrough:
		r.passThrough = false
		r.uri = r.filename
		return 0, true
	case !strings.HasPrefix(r.filename, "/"):
		return 400, false
	}
	if r.reduced || !r.isFilePath(c, last) {
		r.filename = r.q.fileOf(r.filename)
	}
	return 0, false
}

// isFilePath decides whether a result is a path of the file system (prefix_stat
// with the hardening of 2.4.60, CVE-2024-38475): its first part exists, and the
// rule's text began with it or it lies in the document root.
func (r *record) isFilePath(c *rewriteConf, last *RewriteRule) bool {
	first := r.filename
	if i := strings.IndexByte(first[1:], '/'); i >= 0 {
		first = first[:1+i]
	}
	if r.q.Env.Stat(first).Kind == Missing {
		return false
	}
	if last == nil || last.unsafePrefix || c.options&optUnsafePrefixStat != 0 {
		return true
	}
	return strings.HasPrefix(last.Substitution, first) || strings.HasPrefix(r.filename, r.q.Site.Root)
}
