package site

import (
	"fmt"
	"strings"

	"sluice/cgi"
)

// fillRuled changes the environment of a script to what the rules made of the
// request.
func (x *Exchange) fillRuled(e *cgi.Environment, hasContent bool) {
	a, g, site := x.plan.ruled, x.ruling, &x.site.rules.site
	vars := g.vars[:0]
	e.RedirectStatus = 0
	redirected := false
	for _, v := range a.Env {
		redirected = redirected || v.Name == "REDIRECT_URL"
		switch v.Name {
		case "PHP_VALUE", "PHP_ADMIN_VALUE": // FPM would take them for settings
		default:
			vars = append(vars, cgi.Variable(v))
		}
	}
	dir, prefix := a.Context()
	vars = append(vars, cgi.Variable{Name: "CONTEXT_DOCUMENT_ROOT", Value: dir}, cgi.Variable{Name: "CONTEXT_PREFIX", Value: prefix})
	if a.User != "" {
		vars = append(vars, cgi.Variable{Name: "REMOTE_USER", Value: a.User}, cgi.Variable{Name: "AUTH_TYPE", Value: a.AuthType})
	}
	if a.RemoteHost != "" {
		vars = append(vars, cgi.Variable{Name: "REMOTE_HOST", Value: a.RemoteHost})
	}
	g.vars, e.Variables = vars, vars
	e.HideAuthorization = !a.PassAuth && (a.User != "" || !x.site.utf8)
	e.RequestURI = x.Req.Target
	e.DocumentRoot = []byte(site.Root)
	e.ScriptFilename = []byte(a.Filename)
	e.ScriptName = []byte(strings.TrimSuffix(a.URI, a.PathInfo))
	e.PathInfo = []byte(a.PathInfo)
	switch e.PathTranslated = nil; {
	case a.PathInfo == "":
	case redirected && !x.plan.isCGI():
		// PHP, told of a REDIRECT_URL, drops PATH_INFO or takes PATH_TRANSLATED
		// for the script, unless it has to cut PATH_INFO off by itself.
		e.ScriptFilename = append(e.ScriptFilename, a.PathInfo...)
	default:
		e.PathTranslated = []byte(a.PathTranslated())
	}
	e.Query = []byte(a.Args)
	if x.HasContent && !hasContent {
		e.ContentLength = 0
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

func errNoProxy(url string) error {
	return fmt.Errorf("site: [P] to %.200q: this site passes nothing on to other servers", url)
}
