package site

import (
	"errors"
	"fmt"
	"strings"

	"sluice/cgi"
	"sluice/message"
	"sluice/proxied"
	"sluice/rewrite"
)

// passOn gives the request to another server, as [P] says.
func (x *Exchange) passOn(a *rewrite.Answer) {
	if file, ok := scriptOf(a.Location); ok {
		x.runPassed(a, file)
		return
	}
	if x.site.proxy == nil {
		x.fail(500, errNoProxy(a.Location))
		return
	}
	target, status := a.ProxyTarget()
	if status != 0 {
		x.fail(status, fmt.Errorf("site: [P] to %.200q: no such address can be asked for", a.Location))
		return
	}
	x.plan = Plan{Kind: Proxied, Location: []byte(target), ruled: a}
	hasContent := x.HasContent && x.content != unwanted && (a.Method == view(x.Req.Method) || a.KeepsContent)
	if limit := x.bodyMax(); hasContent && limit > 0 && x.Req.ContentLength > limit {
		x.tooLarge(limit)
		return
	}
	if x.Rehearse != nil {
		x.content = unwanted
		x.Head(&cgi.Response{Status: 200}, -1)
		x.End()
		return
	}
	r := x.site.proxy.Begin(x)
	x.request = r
	x.fillAsk(&r.Env, a, hasContent)
	if hasContent {
		x.content = wanted
		x.Stream.Continue()
	}
	r.Start(hasContent)
}

// scriptOf is the file that a fcgi:// address names, for whatever server.
func scriptOf(url string) (file string, ok bool) {
	if strings.HasPrefix(url, "unix:") {
		_, url, _ = strings.Cut(url, "|")
	}
	const scheme = "fcgi://"
	if len(url) < len(scheme) || !strings.EqualFold(url[:len(scheme)], scheme) {
		return "", false
	}
	i := strings.IndexByte(url[len(scheme):], '/')
	if i < 0 {
		return "", false
	}
	file, _, _ = strings.Cut(url[len(scheme)+i:], "?")
	return file, true
}

// runPassed runs a script that [P] passes to a FastCGI server: they all mean this
// site's PHP, as with SetHandler. What follows the script is its PATH_INFO.
func (x *Exchange) runPassed(a *rewrite.Answer, file string) {
	info, end := rewrite.FileInfo{}, len(file)
	for end > 0 {
		if info = x.site.rules.world.Stat(file[:end]); info.Kind == rewrite.Regular {
			break
		}
		end = strings.LastIndexByte(file[:end], '/')
	}
	a.Filename, a.PathInfo = file, ""
	if info.Kind == rewrite.Regular {
		a.Filename, a.PathInfo = file[:end], file[end:]
	}
	a.Kind, a.Handler, a.File = rewrite.AnswerScript, scriptHandler, info
	if !x.mustAsk(a) { // it is another file than the one that was asked about
		x.obeyFile(a)
	}
}

// fillAsk says what is passed on. Field lines go as text, for a meta-variable's name
// does not tell "-" from "_".
func (x *Exchange) fillAsk(e *cgi.Environment, a *rewrite.Answer, hasContent bool) {
	g := x.ruling
	ask := proxied.Ask{
		Target: string(x.plan.Location), Fields: x.asRuled(a).Fields, Client: x.Client.String(), Server: x.serverName(),
		Fresh: variable(a, "proxy-nokeepalive"),
	}
	g.vars = ask.Variables(g.vars[:0])
	g.msg = *x.Req
	g.msg.Method, g.msg.Fields = []byte(a.Method), nil
	e.Request, e.Variables = &g.msg, g.vars
	e.ContentLength = -1
	if hasContent {
		e.ContentLength = max(x.Req.ContentLength, 0)
	}
}

// serverName is X-Forwarded-Server: the site's first name, as ServerName is; without
// one the name that was asked.
func (x *Exchange) serverName() string {
	for _, name := range x.site.opts.Names {
		if name != "*" && name[0] != '*' {
			return name
		}
	}
	host, _ := splitPort(x.Req.Authority)
	return string(appendLower(nil, host))
}

// interceptFault takes over where the other server has not answered: our own errors
// have an ErrorDocument, its errors have not (ProxyErrorOverride Off).
func (x *Exchange) interceptFault(res *cgi.Response) bool {
	text := ""
	for i := range res.Fields {
		if message.EqualFold(res.Fields[i].Name, strings.ToLower(proxied.FaultField)) {
			text = string(res.Fields[i].Value)
		}
	}
	if text == "" {
		x.plan.ruled.Vary = nil // mod_proxy_http begins with an empty head
		return false
	}
	x.request = nil
	x.fail(res.Status, errors.New("site: "+text))
	return true
}

// passes tells which fields of another server stand although the front has its own,
// as they do with Apache.
func (x *Exchange) passes(name []byte) bool {
	return x.plan.Kind == Proxied && message.EqualFold(name, "server")
}

func (x *Exchange) passesServer(res *cgi.Response) bool {
	return x.plan.Kind == Proxied && res.Get("server") != nil
}

func errNoProxy(url string) error {
	return fmt.Errorf("site: [P] to %.200q: this site passes nothing on to other servers (proxy_to)", url)
}
