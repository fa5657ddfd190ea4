package site

import (
	"bytes"
	"fmt"
	"strconv"
	"time"

	"sluice/cgi"
	"sluice/fcgi"
	"sluice/gateway"
	"sluice/loop"
	"sluice/message"
	"sluice/static"
)

// runScript hands the request to PHP.
func (x *Exchange) runScript() {
	if x.outsideChroot() {
		return
	}
	req, hasContent := x.Req, x.HasContent
	if a := x.plan.ruled; a != nil {
		req = x.asRuled(a)
		hasContent = hasContent && x.content != unwanted && (a.Method == view(x.Req.Method) || a.KeepsContent)
		if limit := x.bodyMax(); hasContent && limit > 0 && x.Req.ContentLength > limit {
			x.tooLarge(limit)
			return
		}
	} else if x.hops > 0 {
		req, hasContent = &x.method, false
	}
	if x.Rehearse != nil {
		x.rehearse(req, hasContent)
		return
	}
	var data gateway.Data
	if x.plan.filter > 0 {
		var ok bool
		if data, ok = x.openForFilter(); !ok {
			return
		}
	}
	r := x.backend().Begin(x)
	if x.plan.filter > 0 {
		r.Role, r.Data = fcgi.Filter, data
	}
	x.request = r
	x.fillEnvironment(&r.Env, hasContent)
	x.enterChroot(&r.Env)
	r.Env.Request = req
	x.stick(r)
	r.Override = x.granted
	if x.plan.isPHP() {
		x.throughGates(r)
	}
	if hasContent {
		x.content = wanted
		x.Stream.Continue()
	}
	r.Start(hasContent)
}

// backend is who runs the script of the plan.
func (x *Exchange) backend() *gateway.Local {
	switch p := &x.plan; {
	case p.filter > 0:
		return x.site.filters[p.filter-1]
	case p.isApp():
		return x.site.app
	case p.isCGI():
		return x.site.cgi
	case p.ruled != nil:
		return x.phpFor(p.ruled).php
	}
	return x.site.php
}

// rehearse tells what would be run, and goes on as if it had answered.
func (x *Exchange) rehearse(req *message.Request, hasContent bool) {
	e := cgi.Environment{Request: req}
	x.fillEnvironment(&e, hasContent)
	x.enterChroot(&e)
	x.Rehearse(&e)
	x.content = unwanted
	x.Head(&cgi.Response{Status: 200, ContentType: []byte("text/html; charset=UTF-8"), Fields: []message.Field{
		{Name: []byte("Content-Type"), Value: []byte("text/html; charset=UTF-8")},
	}}, -1)
	x.End()
}

// fillEnvironment sets what the meta-variables are made from. Values that have
// to be composed are kept in x.scratch, which lives as long as x.
func (x *Exchange) fillEnvironment(e *cgi.Environment, hasContent bool) {
	// x.scratch may move while it grows, so offsets first, slices last.
	b := x.scratch[:0]
	mark := func() int { return len(b) }
	if x.plan.ruled == nil {
		b = append(b, x.plan.root.cache.RealRoot()...)
	}
	docEnd := mark()
	if x.plan.ruled == nil {
		b = append(b, x.plan.File[len(x.plan.root.prefix):]...)
	}
	fileEnd := mark()
	if len(x.plan.PathInfo) > 0 {
		b = append(append(b, x.site.roots[0].cache.RealRoot()...), x.plan.PathInfo...)
	}
	transEnd := mark()
	b = x.Client.AppendTo(b)
	clientEnd := mark()
	b = strconv.AppendUint(b, uint64(x.ClientPort), 10)
	clientPortEnd := mark()
	b = x.Server.Addr().AppendTo(b)
	serverEnd := mark()
	host, port := splitPort(x.Req.Authority)
	if len(port) > 0 {
		b = append(b, port...)
	} else {
		b = x.appendPort(b)
	}
	serverPortEnd := mark()
	b = appendLower(b, host)
	nameEnd := mark()
	b = x.appendURI(b)
	x.scratch = b

	e.DocumentRoot = b[:docEnd]
	if x.plan.root.prefix != "" && x.plan.ruled == nil {
		e.DocumentRoot = []byte(x.site.roots[0].cache.RealRoot())
	}
	e.ScriptFilename = b[:fileEnd]
	e.PathTranslated = b[fileEnd:transEnd]
	e.RemoteAddr = b[transEnd:clientEnd]
	e.RemotePort = b[clientEnd:clientPortEnd]
	e.ServerAddr = b[clientPortEnd:serverEnd]
	e.ServerPort = b[serverEnd:serverPortEnd]
	e.ServerName = b[serverPortEnd:nameEnd]
	e.RequestURI = b[nameEnd:]
	if len(host) == 0 {
		e.ServerName = e.ServerAddr
	}
	e.Query, e.ScriptName, e.PathInfo = x.query, x.plan.File, x.plan.PathInfo
	e.HTTPS = x.HTTPS
	e.RedirectStatus = x.orStatus(200)
	e.ContentLength = -1
	if hasContent || (!x.Req.Is("GET") && x.Req.Get("content-length") != nil) {
		e.ContentLength = max(x.Req.ContentLength, 0)
	}
	if x.plan.ruled != nil {
		x.fillRuled(e, hasContent)
	}
}

// appendLower writes a host name as Apache gives it in SERVER_NAME.
func appendLower(b, name []byte) []byte {
	for _, c := range name {
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		b = append(b, c)
	}
	return b
}

// appendPort is the port where Host names none: behind a proxy, or where the
// listener has no port, that of the scheme.
func (x *Exchange) appendPort(b []byte) []byte {
	switch {
	case x.Server.IsValid() && !x.Forwarded:
		return strconv.AppendUint(b, uint64(x.Server.Port()), 10)
	case x.HTTPS:
		return append(b, "443"...)
	default:
		return append(b, "80"...)
	}
}

// appendURI is REQUEST_URI: path and query as they were sent, without scheme
// and host.
func (x *Exchange) appendURI(b []byte) []byte {
	b = append(b, x.Req.Path...)
	if x.Req.HasQuery {
		b = append(append(b, '?'), x.Req.Query...)
	}
	return b
}

// Exchange implements gateway.Client.

// Intercept takes over responses that name something to send instead.
func (x *Exchange) Intercept(res *cgi.Response) bool {
	switch {
	case x.plan.Kind == Proxied:
		return x.interceptFault(res)
	case len(res.AccelRedirect) > 0:
		target := append([]byte(nil), res.AccelRedirect...)
		x.endScript()
		x.keepFields(res)
		x.internalRedirect(target)
		return true
	case len(res.SendFile) > 0:
		return x.interceptSendFile(res)
	case res.LocalRedirect:
		target := append([]byte(nil), res.Location...)
		x.endScript()
		if x.ruling != nil {
			x.redirectRuled(string(target))
			return true
		}
		x.internalRedirect(target)
		return true
	}
	return false
}

// endScript: the script, or the authorizer that refuses, is not waited for.
func (x *Exchange) endScript() {
	x.reportSlow()
	x.request = nil
	x.endAsking()
}

// keepFields keeps what a script said about the content that a file replaces;
// what the file itself knows better is left out, as nginx does.
func (x *Exchange) keepFields(res *cgi.Response) {
	x.kept = x.kept[:0]
	for i := range res.Fields {
		name := res.Fields[i].Name
		switch {
		case message.EqualFold(name, "content-type"), message.EqualFold(name, "etag"),
			message.EqualFold(name, "last-modified"), message.EqualFold(name, "accept-ranges"):
		default:
			x.kept = appendField(x.kept, name, res.Fields[i].Value)
		}
	}
	x.sending = static.Options{Type: string(res.ContentType)}
}

// interceptSendFile serves a file below one of the site's roots in place of the
// response's content. Hidden files and scripts are refused.
func (x *Exchange) interceptSendFile(res *cgi.Response) bool {
	file := res.SendFile
	if x.plan.isPHP() && x.asking == nil {
		file = x.site.leftChroot(file)
	}
	if r, rest := x.site.rootNamed(file); r != nil {
		target := escapePath(r.prefix, rest)
		x.endScript()
		x.keepFields(res)
		x.filesOnly = true
		x.internalRedirect(target)
		return true
	}
	x.endScript()
	x.fail(500, fmt.Errorf("site: X-Sendfile %.200q is not below a root of the site", res.SendFile))
	return true
}

// rootNamed finds the root that a script names in the path of a file, resolved as
// PHP has it or as it was configured, and what follows.
func (s *local) rootNamed(file []byte) (r *rootCache, rest []byte) {
	for i := range s.roots {
		r := &s.roots[i]
		for _, dir := range [...]string{r.cache.RealRoot(), r.cache.RootPath()} {
			if rest, ok := bytes.CutPrefix(file, octets(dir)); ok && dir != "" && len(rest) > 0 && rest[0] == '/' {
				return r, rest
			}
		}
	}
	return nil, nil
}

// escapePath encodes what DecodePath would take for something else.
func escapePath(prefix string, path []byte) []byte {
	const hex = "0123456789ABCDEF"
	out := []byte(prefix)
	for _, c := range path {
		if c == '%' || c == '?' || c <= ' ' || c >= 0x7F {
			out = append(out, '%', hex[c>>4], hex[c&15])
		} else {
			out = append(out, c)
		}
	}
	return out
}

// Head implements gateway.Client.
func (x *Exchange) Head(res *cgi.Response, length int64) {
	b := x.lines[:0]
	considered := x.considersPacking(res, length)
	packed := considered && x.acceptsGzip()
	for i := range res.Fields {
		name, value := res.Fields[i].Name, res.Fields[i].Value
		if frontWrites(name) && !x.passes(name) {
			continue
		}
		// An ETag stays as it is even if the content is compressed: scripts
		// compare what comes back with what they sent, letter for letter.
		b = appendField(b, name, value)
	}
	b = x.stickyCookie(b)
	if considered {
		b = append(b, "Vary: Accept-Encoding\r\n"...)
	}
	if packed {
		b = append(b, "Content-Encoding: gzip\r\n"...)
		x.packer = x.site.newPacker()
		x.packer.stream, length = length < 0, -1
	}
	if len(res.ContentType) == 0 && x.plan.Kind != Proxied && length != 0 && res.Status != 304 && res.Status != 204 {
		b = appendField(b, "Content-Type", "text/html; charset=UTF-8")
	}
	x.lines = b
	x.head(Head{Status: res.Status, Reason: res.Reason, Fields: b, Length: length, OwnServer: x.passesServer(res)}, false)
}

// frontWrites tells which fields of a script would stand in the head twice.
func frontWrites(name []byte) bool {
	return message.EqualFold(name, "date") || message.EqualFold(name, "server")
}

// Body implements gateway.Client.
func (x *Exchange) Body(p []byte) {
	if x.packer != nil {
		x.pack(p)
		return
	}
	x.Stream.Write(p)
}

// BodyFile implements gateway.Client.
func (x *Exchange) BodyFile(f loop.FileRef, off, n int64) {
	if x.packer != nil {
		x.packFile(f, off, n)
		return
	}
	x.Stream.WriteFile(f, off, n)
}

// Full implements gateway.Client.
func (x *Exchange) Full() bool { return x.Stream.Full() }

// End implements gateway.Client.
func (x *Exchange) End() {
	x.endScript()
	if x.packFailed {
		x.breakOff()
		return
	}
	if x.packer != nil {
		x.endPacked()
	}
	x.finish()
}

// reportSlow tells of a script that has had a worker for longer than it should,
// however its request ends. What goes before that, the queue and the request's
// content, is not its fault.
func (x *Exchange) reportSlow() {
	limit := x.site.opts.SlowTime
	if limit <= 0 {
		return
	}
	var waited, took time.Duration
	switch {
	case x.request != nil:
		waited, took = x.request.Times()
	case x.asking != nil:
		waited, took = x.asking.Times()
	}
	if took > limit {
		x.Stream.Report(Report{Site: x.Site(), Script: string(x.plan.File), Took: took, Waited: waited})
	}
}

// Fail implements gateway.Client.
func (x *Exchange) Fail(f gateway.Failure) {
	unasked := x.askedFor != nil && !x.answered
	x.endScript()
	if x.content == wanted {
		x.content = unwanted
	}
	x.Stream.Report(Report{Site: x.Site(), Status: f.Status, Err: f.Err, Script: string(x.plan.File)})
	if x.headSent {
		x.breakOff()
		return
	}
	x.scratch = x.scratch[:0]
	if f.RetryAfter > 0 {
		x.retryAfter(f.RetryAfter)
	}
	if unasked { // an error page of the site might be one of what can't be given away
		x.respond(f.Status, builtinPage(f.Status))
		return
	}
	x.errorPageWith(f.Status)
}

// PauseContent implements gateway.Client.
func (x *Exchange) PauseContent() { x.Stream.PauseContent() }

// ResumeContent implements gateway.Client.
func (x *Exchange) ResumeContent() { x.Stream.ResumeContent() }

// Log gives what the gateway tells to the exchange it is about.
type Log struct{}

// Stderr implements gateway.Log.
func (Log) Stderr(c gateway.Client, text []byte, lost int64) {
	if x, ok := c.(*Exchange); ok {
		x.Stream.Report(Report{Site: x.Site(), Script: string(x.plan.File), Stderr: text, Lost: lost})
	}
}

// Dropped implements gateway.Log.
func (Log) Dropped(c gateway.Client, n int) {
	if x, ok := c.(*Exchange); ok {
		x.Stream.Report(Report{Site: x.Site(), Dropped: n})
	}
}

// Trouble implements gateway.Log.
func (Log) Trouble(c gateway.Client, err error) {
	if x, ok := c.(*Exchange); ok {
		x.Stream.Report(Report{Site: x.Site(), Script: string(x.plan.File), Err: err})
	}
}
