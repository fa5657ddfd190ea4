package site

import (
	"errors"
	"fmt"
	"strconv"

	"sluice/rewrite"
	"sluice/static"
)

// Serve answers the request. x is filled as its fields say; Content and
// ContentEnd follow where the request has content.
func (h *Host) Serve(x *Exchange) {
	x.site = h.find(x.Req.Authority, x.Req.Path)
	if x.site == nil {
		x.site = h.all[0] // for its error pages and its log
		x.fail(421, errors.New("site: no site has this host name"))
		return
	}
	if x.Req.ContentLength > 0 && x.site.rules == nil {
		if limit := x.site.opts.BodyMax(); limit > 0 && x.Req.ContentLength > limit {
			x.tooLarge(limit)
			return
		}
	}
	if len(x.Req.Path) == 1 && x.Req.Path[0] == '*' && x.site.rules == nil {
		x.methods(200)
		return
	}
	if x.Req.Is("TRACE") && x.site.rules == nil || x.Req.Is("CONNECT") {
		x.methods(405)
		return
	}
	if x.site.rules != nil {
		x.ruled()
		return
	}
	path, err := static.DecodePath(x.decoded[:0], x.Req.Path)
	if err != nil {
		x.badPath(err)
		return
	}
	x.decoded = path
	x.path, x.query = path, x.Req.Query
	x.resolve()
	x.perform()
}

// Reject answers a request that the front could not understand or wait for. No
// site is known then, so it is the first one's.
func (h *Host) Reject(x *Exchange, status int, err error) {
	if x.site == nil {
		if x.site = h.all[0]; h.fallback != nil && h.fallback.site != nil {
			x.site = h.fallback.site
		}
	}
	x.request, x.done, x.content = nil, false, ended
	x.respondPlain(status, nil)
}

func (x *Exchange) badPath(err error) {
	status := 400
	var pe *static.PathError
	if errors.As(err, &pe) {
		status = pe.Status()
	}
	x.fail(status, err)
}

// perform fulfils x.plan.
func (x *Exchange) perform() {
	if x.Trace != nil && x.plan.Kind == Static {
		file := x.plan.root.cache.RealRoot() + string(x.plan.File[len(x.plan.root.prefix):])
		x.Trace.Step(rewrite.Event{Kind: rewrite.TraceHandler, Directive: "file", After: file, Status: x.orStatus(200)})
	}
	switch x.plan.Kind {
	case Static:
		x.sendFile()
	case Script:
		x.runScript()
	case Redirect:
		x.redirect(x.plan.Status)
	case Refused, Proxied, numKinds: // Proxied is the rules' business
		x.errorPage(x.plan.Status)
	}
}

// tooLarge answers 413; the rest of the content is not waited for.
func (x *Exchange) tooLarge(limit int64) {
	if r := x.request; r != nil {
		x.request = nil
		r.Abort()
	}
	x.content = unwanted
	x.fail(413, fmt.Errorf("site: request content is over the limit of %d octets (limit: body, php's post_max_size)", limit))
}

// fail answers with an error page and tells the log why.
func (x *Exchange) fail(status int, err error) {
	x.Stream.Report(Report{Site: x.Site(), Status: status, Err: err, Script: string(x.plan.File)})
	x.errorPage(status)
}

// methods tells which methods the site takes.
func (x *Exchange) methods(status int) {
	x.scratch = appendField(x.scratch[:0], "Allow", allowedMethods)
	x.respond(status, nil)
}

const allowedMethods = "GET, HEAD, POST, OPTIONS"

// redirect sends the client to the folder's name with its slash, on the host
// and by the scheme he used.
func (x *Exchange) redirect(status int) {
	b := append(x.scratch[:0], "Location: "...)
	b = x.appendOrigin(b)
	path, query := x.Req.Path, x.Req.HasQuery
	if x.hops > 0 {
		path, query = escapePath("", x.path), len(x.query) > 0
	}
	for len(path) > 1 && path[1] == '/' { // "//name" would be a host
		path = path[1:]
	}
	b = append(append(b, path...), '/')
	if query {
		b = append(append(b, '?'), x.query...)
	}
	x.scratch = append(b, "\r\n"...)
	x.respond(status, builtinPage(status))
}

// appendOrigin writes scheme://host, or nothing for a request without Host, so
// that the reference is relative.
func (x *Exchange) appendOrigin(b []byte) []byte {
	if len(x.Req.Authority) == 0 {
		return b
	}
	if x.HTTPS {
		b = append(b, "https://"...)
	} else {
		b = append(b, "http://"...)
	}
	return append(b, x.Req.Authority...)
}

// respond sends a response of the server's own, whose field lines are in
// x.scratch and whose content is short.
func (x *Exchange) respond(status int, content []byte) {
	contentType := ""
	if content != nil {
		contentType = "text/html; charset=utf-8"
	}
	x.reply(status, content, contentType, true)
}

// reply sends a short response. own: no handler made it, so that a .htaccess
// has less to say about its head.
func (x *Exchange) reply(status int, content []byte, contentType string, own bool) {
	if contentType != "" {
		x.scratch = appendField(x.scratch, "Content-Type", contentType)
	}
	x.head(Head{Status: status, Fields: x.scratch, Length: int64(len(content))}, own)
	x.Stream.Write(content)
	x.finish()
}

// head applies the site's rules and gives the head to the client. It is kept in
// x, since what a Stream is given escapes.
func (x *Exchange) head(given Head, own bool) {
	if x.content == undecided {
		x.content = unwanted
	}
	x.out = given
	h := &x.out
	if x.status != 0 && (x.plan.ruled == nil || h.Status == 200) {
		h.Status, h.Reason = x.status, nil
	}
	if len(x.kept) > 0 {
		h.Fields = x.withKept(h.Fields)
	}
	if x.ruling != nil {
		x.applyRules(h, own)
	}
	if x.site != nil && !x.site.headers.none() {
		n := len(x.lines) // h.Fields may be there
		x.lines = x.site.headers.apply(x.lines, h.Fields)
		h.Fields = x.lines[n:]
		h.OwnServer = h.OwnServer || x.site.headers.ownServer
	}
	x.headSent = true
	x.Status = h.Status
	x.Stream.Head(h)
}

// withKept adds the field lines that belong to the status to those of its page.
func (x *Exchange) withKept(fields []byte) []byte {
	n := len(x.lines)
	x.lines = append(append(x.lines, fields...), x.kept...)
	return x.lines[n:]
}

// sendFile answers from a file.
func (x *Exchange) sendFile() {
	req := x.Req
	if x.hops > 0 {
		req = &x.method
	}
	_, rel := x.site.rootOf(x.plan.File)
	if r := x.plan.ruled; r != nil {
		req, rel = x.asRuled(r), x.plan.File[len(x.plan.root.prefix):]
		x.describeFile(r)
	}
	if x.status != 0 { // conditions and ranges are not about an error page
		x.method = *req
		x.method.Fields = nil
		req = &x.method
	}
	if !req.Is("GET") && !req.Is("HEAD") {
		x.scratch = appendField(x.scratch[:0], "Allow", "GET, HEAD, OPTIONS")
		if req.Is("OPTIONS") {
			x.respond(200, nil)
		} else {
			x.respond(405, builtinPage(405))
		}
		return
	}
	a := &x.answer
	x.plan.root.cache.Answer(a, req, rel, x.site.loop.Wall(), &x.sending)
	switch a.Status {
	case 200, 206:
		x.sendAnswer(a)
	case 304:
		x.head(Head{Status: 304, Fields: x.withMeta(a.Fields)}, false)
		x.finish()
	default:
		x.scratch = append(x.scratch[:0], a.Fields...)
		x.errorPageWith(a.Status)
	}
}

func (x *Exchange) sendAnswer(a *static.Answer) {
	x.head(Head{Status: a.Status, Fields: x.withMeta(a.Fields), Length: a.ContentLength, LengthInFields: true}, false)
	switch {
	case len(a.Body) >= sharedBytesMin:
		x.Stream.WriteShared(a.Body)
	case len(a.Body) > 0:
		x.Stream.Write(a.Body)
	}
	for i := range a.Pieces {
		p := &a.Pieces[i]
		x.Stream.Write(p.Head)
		if p.Data != nil {
			x.Stream.WriteShared(p.Data)
		} else if p.Length > 0 {
			a.Source.Retain()
			x.Stream.WriteFile(a.Source, p.Offset, p.Length)
		}
	}
	x.finish()
}

// internalRedirect starts again with another path of this site, as a GET.
func (x *Exchange) internalRedirect(target []byte) {
	if x.hops++; x.hops > internalRedirectsMax {
		x.status = 0
		x.respondPlain(500, fmt.Errorf("site: more than %d internal redirects; the last one to %.200q", internalRedirectsMax, target))
		return
	}
	path, query := target, []byte(nil)
	for i, c := range target {
		if c == '?' {
			path, query = target[:i], target[i+1:]
			break
		}
	}
	decoded, err := static.DecodePath(nil, path)
	if err != nil {
		x.respondPlain(500, fmt.Errorf("site: internal redirect to %.200q: %w", target, err))
		return
	}
	x.method = *x.Req
	if !x.method.Is("HEAD") {
		x.method.Method = []byte("GET")
	}
	x.method.ContentLength = 0
	x.path, x.query = decoded, append([]byte(nil), query...)
	x.content = unwanted
	x.resolve()
	if x.status != 0 && (x.plan.Kind == Redirect || x.plan.Kind == Refused) {
		x.respondPlain(x.orStatus(x.plan.Status), nil)
		return
	}
	x.perform()
}

func (x *Exchange) orStatus(status int) int {
	if x.status != 0 {
		return x.status
	}
	return status
}

// respondPlain answers with the built-in page, whatever the site has set up.
func (x *Exchange) respondPlain(status int, err error) {
	if err != nil {
		x.Stream.Report(Report{Site: x.Site(), Status: status, Err: err})
	}
	x.scratch = x.scratch[:0]
	x.respond(status, builtinPage(status))
}

// errorPage answers with the site's page for a status, or the built-in one.
func (x *Exchange) errorPage(status int) {
	x.scratch = x.scratch[:0]
	x.errorPageWith(status)
}

// errorPageWith keeps the field lines in x.scratch.
func (x *Exchange) errorPageWith(status int) {
	if x.status == 0 {
		x.kept, x.sending = x.kept[:0], static.Options{}
	}
	if x.status == 0 && x.ruling != nil && x.ruling.a != nil {
		x.kept = append(x.kept[:0], x.scratch...)
		x.content = unwanted
		a := x.ruling.a.Fail(status)
		if a.Kind != rewrite.AnswerPending { // its page would have to be waited for
			x.obey(a)
			return
		}
		x.respond(status, builtinPage(status))
		return
	}
	if x.status == 0 && x.site != nil {
		page, ok := x.site.opts.ErrorPages[status]
		switch {
		case ok && page != "" && page[0] == '/':
			x.status = status
			x.kept = append(x.kept[:0], x.scratch...)
			x.internalRedirect([]byte(x.site.opts.Path + page))
			return
		case ok:
			x.respond(status, []byte(page))
			return
		}
	}
	status = x.orStatus(status) // where an error's page fails, the first error counts
	x.respond(status, builtinPage(status))
}

// retryAfter adds Retry-After to the field lines of an error page.
func (x *Exchange) retryAfter(seconds int) {
	x.scratch = appendField(x.scratch, "Retry-After", strconv.Itoa(seconds))
}
