package site

import (
	"fmt"
	"strings"
	"unsafe"

	"sluice/cgi"
)

// fillRuled changes the environment of a script to what the rules made of the
// request.
func (x *Exchange) fillRuled(e *cgi.Environment, hasContent bool) {
	a, g, site := x.plan.ruled, x.ruling, &x.site.rules.site
	vars := g.vars[:0]
	if !x.site.utf8 { // to the letter as Apache
		e.RedirectStatus = 0 // it is among the variables, after redirects only
		e.RequestURI = x.Req.Target
	}
	for _, v := range a.Env {
		switch v.Name {
		case "PHP_VALUE", "PHP_ADMIN_VALUE": // FPM would take them for settings
		default:
			vars = append(vars, cgi.Variable(v))
		}
	}
	if dir, prefix := a.Context(); prefix != "" || !x.site.utf8 { // else it says nothing new
		vars = append(vars, cgi.Variable{Name: "CONTEXT_DOCUMENT_ROOT", Value: dir}, cgi.Variable{Name: "CONTEXT_PREFIX", Value: prefix})
	}
	if a.User != "" {
		vars = append(vars, cgi.Variable{Name: "REMOTE_USER", Value: a.User}, cgi.Variable{Name: "AUTH_TYPE", Value: a.AuthType})
	}
	if a.RemoteHost != "" {
		vars = append(vars, cgi.Variable{Name: "REMOTE_HOST", Value: a.RemoteHost})
	}
	g.vars, e.Variables = vars, vars
	e.HideAuthorization = !a.PassAuth && (a.User != "" || !x.site.utf8)
	e.DocumentRoot = octets(site.Root)
	e.ScriptFilename = octets(a.Filename)
	e.ScriptName = octets(strings.TrimSuffix(a.URI, a.PathInfo))
	e.PathInfo = octets(a.PathInfo)
	e.PathTranslated = nil
	if a.PathInfo != "" {
		e.PathTranslated = []byte(a.PathTranslated())
		if !x.plan.isCGI() {
			dotRedirectURL(vars)
		}
	}
	if x.plan.isApp() { // the program is the site, all of the path its PATH_INFO
		e.ScriptName = octets(x.site.opts.Path)
		e.PathInfo = x.site.below([]byte(a.URI))
		e.PathTranslated = append([]byte(site.Root), e.PathInfo...)
		e.ScriptFilename = e.PathTranslated
	}
	e.Query = octets(a.Args)
	if x.HasContent && !hasContent {
		e.ContentLength = 0
	}
}

// octets shows a string as octets without copying; they must not be written to.
func octets(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

// dotRedirectURL renames REDIRECT_URL so that PHP does not see it before it has made
// $_SERVER, where a dot becomes "_": told of it and of a PATH_INFO, PHP takes itself
// for a CGI program behind Apache's Action and drops PATH_INFO, or takes
// PATH_TRANSLATED for the script (init_request_info in its cgi and fpm programs).
func dotRedirectURL(vars []cgi.Variable) {
	for i := range vars {
		if vars[i].Name == "REDIRECT_URL" {
			vars[i].Name = "REDIRECT.URL"
		}
	}
}

// redirectRuled starts again with another path of this site, as a GET, by the
// rules.
func (x *Exchange) redirectRuled(target string) {
	if x.hops++; x.hops > internalRedirectsMax {
		x.respondPlain(500, fmt.Errorf("site: more than %d internal redirects; the last one to %.200q", internalRedirectsMax, target))
		return
	}
	method := "GET"
	if x.Req.Is("HEAD") {
		method = "HEAD"
	}
	x.content, x.status, x.plan = unwanted, 0, Plan{}
	x.rule(method, target)
}
