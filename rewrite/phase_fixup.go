package rewrite

import "strings"

// typeChecker chooses media type and handler by name (mod_negotiation, mod_mime,
// then core's ForceType and SetHandler). It returns a status, 0 to go on.
func (r *record) typeChecker() int {
	if status, done := r.multiViews(); status != 0 {
		return status
	} else if !done {
		r.findMeta()
	}
	r.overrideType()
	if r.redirectTo != "" && r.handler != handlerRewrite {
		// SetHandler on a variant that rules redirect: the redirect is lost.
		r.redirectTo, r.file = "", FileInfo{}
	}
	return 0
}

// findMeta is mod_mime.
func (r *record) findMeta() {
	if r.file.Kind == Directory {
		r.meta = Meta{Type: handlerDir}
	} else {
		m, handler := resolveMeta(baseName(r.filename), r.cfg.mime, r.q.Site.Types)
		r.meta = m
		if handler != "" {
			r.handler = handler
		}
	}
}

// overrideType is ForceType and SetHandler.
func (r *record) overrideType() {
	if t := r.cfg.core.forceType; t != nil && !equalFold(*t, "none") {
		r.meta.Type, r.meta.Charset = *t, ""
	}
	if h := r.cfg.core.handler; h != nil {
		switch {
		case h.expr != nil:
			r.handler = h.value(&exprScope{r: r})
		case h.text != "none":
			r.handler = h.text
		}
	}
}

func baseName(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }

// fixups are the last changes before the handler runs. The order is Apache's:
// mod_rewrite, mod_alias, mod_env and mod_negotiation, mod_rewrite's types, mod_dir,
// mod_headers.
func (r *record) fixups() int {
	if status := r.fixupRewrite(); status != 0 {
		return r.traced("mod_rewrite", status)
	}
	if status := r.fixupRedirect(); status != 0 {
		return r.traced("mod_alias", status)
	}
	if r.q.TLS {
		r.env.Set("HTTPS", "on")
		if sni := r.q.Env.SSLVar("SSL_TLS_SNI"); sni != "" {
			r.env.Set("SSL_TLS_SNI", sni)
		}
	}
	r.setEnv()
	r.fixEncoding()
	if r.forcedType != "" {
		r.meta.Type, r.meta.Charset = r.forcedType, ""
	}
	if r.forcedHandler != "" {
		// It takes the place of mod_rewrite's own handler: the redirect is lost.
		r.handler = r.forcedHandler
		if r.redirectTo != "" {
			r.redirectTo, r.file = "", FileInfo{}
		}
	}
	if r.hiddenFolder() {
		return 404
	}
	if status := r.fixupPath(); status != 0 {
		return r.traced("mod_dir", status)
	}
	if r.main == nil {
		r.editRequest()
	}
	return 0
}

// hiddenFolder keeps mod_dir and what comes after it from telling that a folder
// exists that is not shown.
func (r *record) hiddenFolder() bool {
	hides := r.q.Site.HidesFolder
	if hides == nil || r.file.Kind != Directory || r.proxyTo != "" {
		return false
	}
	why := hides(r.filename)
	if why != "" && r.q.Trace != nil {
		r.q.trace(Event{Kind: TraceStatus, Directive: "sluice", Status: 404, After: why})
	}
	return why != ""
}

// fixupPath is mod_dir.
func (r *record) fixupPath() int {
	switch {
	case r.proxyTo != "":
	case r.file.Kind == Directory:
		return r.fixupDir()
	case r.file.Kind == Missing && r.handler == "":
		return r.fixupFallback()
	}
	return 0
}

// fixupDir is mod_dir for a folder: its slash, then its index.
func (r *record) fixupDir() int {
	if r.handler == "" {
		r.handler = handlerDir
	}
	if r.pathInfo != "" {
		return 0
	}
	d := &r.cfg.dir
	if !strings.HasSuffix(r.uri, "/") {
		if d.slash != nil && !*d.slash {
			return 0
		}
		if _, careful := r.env.Get("redirect-carefully"); careful && methodBit(r.method) != methodBit("GET") {
			return 0
		}
		r.location = r.q.origin() + escapeURI(r.uri) + "/"
		if r.hasArgs {
			r.location += "?" + r.args
		}
		return 301
	}
	if r.handler == handlerRewrite {
		return 0
	}
	if d.checkHand != nil && *d.checkHand && r.handler != handlerDir {
		return 0
	}
	names := defaultIndex
	if d.index != nil {
		names = *d.index
	}
	return r.tryIndex(names)
}

var defaultIndex = []string{"index.html"}

// tryIndex takes the first index file that exists, asking a sub-request for each.
func (r *record) tryIndex(names []string) int {
	failed := 0
	for _, name := range names {
		if r.hasArgs {
			name += "?" + r.args
		}
		sub := r.lookupURI(name)
		if sub == nil {
			return 500
		}
		if sub.status == 200 && (sub.proxyTo != "" || sub.file.Kind == Regular) {
			if n := r.cfg.dir.redirect; n != nil && *n != 0 {
				r.location = r.q.origin() + sub.uri
				return *n
			}
			r.traceAdopt("DirectoryIndex", sub)
			r.adopt(sub)
			return 0
		}
		if isRedirect(sub.status) || (sub.status == 401 || sub.status == 406) && len(names) == 1 {
			r.location, r.challenge = sub.location, sub.challenge
			r.vary = append(r.vary, sub.vary...)
			r.negotiated, r.variantList = append(r.negotiated, sub.negotiated...), sub.variantList
			return sub.status
		}
		if sub.status != 404 && sub.status != 200 {
			failed = sub.status
		}
	}
	return failed
}

// fixupFallback is FallbackResource.
func (r *record) fixupFallback() int {
	f := r.cfg.dir.fallback
	if f == nil || *f == "" || *f == "disabled" {
		return 0
	}
	if r.dangling() {
		return r.refuseLink()
	}
	target := *f
	if r.hasArgs {
		target += "?" + r.args
	}
	sub := r.lookupURI(target)
	if sub == nil {
		return 500
	}
	switch {
	case sub.status == 200 && (sub.proxyTo != "" || sub.file.Kind == Regular):
		r.traceAdopt("FallbackResource", sub)
		r.adopt(sub)
		return 0
	case isRedirect(sub.status) || sub.status == 401 || sub.status == 406:
		r.location, r.challenge = sub.location, sub.challenge
		if sub.status != 406 {
			r.negotiated, r.variantList = append(r.negotiated, sub.negotiated...), sub.variantList
		}
		return sub.status
	case sub.status != 404 && sub.status != 200:
		return sub.status
	}
	return 0
}

// fixupRedirect is Redirect and RedirectMatch.
func (r *record) fixupRedirect() int {
	if d := r.cfg.redirectAll; d != nil {
		target, err := d.url(r)
		if err != nil {
			r.q.log("Can't evaluate redirect expression: " + err.Error())
			return 500
		}
		if r.q.Trace != nil {
			r.q.trace(Event{Kind: TraceRule, File: d.file, Line: d.line, Directive: d.text, Before: r.uri, After: target, Matched: true, Status: d.status})
		}
		return r.redirectTarget(d.status, target)
	}
	for _, rule := range r.cfg.redirect {
		status, target, ok := rule.match(r.uri)
		if !ok {
			continue
		}
		if r.q.Trace != nil {
			r.q.trace(Event{Kind: TraceRule, File: rule.file, Line: rule.line, Directive: rule.text, Before: r.uri, After: target, Matched: true, Status: status})
		}
		return r.redirectTarget(status, target)
	}
	return 0
}

// redirectTarget answers with a status of Redirect, and Location.
func (r *record) redirectTarget(status int, target string) int {
	if !isRedirect(status) {
		if !knownStatus(status) {
			return 500
		}
		return status
	}
	relative := r.cfg.core.relRedirects != nil && *r.cfg.core.relRedirects
	if strings.HasPrefix(target, "/") {
		if !relative {
			target = r.q.origin() + target
		}
	} else if !isURL(target) {
		r.q.log("cannot redirect '" + r.uri + "' to '" + target + "'; target is not a valid absoluteURI or abs_path")
		return 500
	}
	if r.hasArgs && strings.IndexByte(target, '?') < 0 {
		target += "?" + r.args
	}
	r.location = target
	return status
}
