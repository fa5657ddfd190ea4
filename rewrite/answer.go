package rewrite

import (
	"strconv"
	"strings"
)

// AnswerKind says who makes the response.
type AnswerKind uint8

// The kinds.
const (
	// AnswerFile: the file is sent as it is.
	AnswerFile AnswerKind = iota
	// AnswerScript: the file is run. It may be missing: then the backend's own
	// 404 is due (no ErrorDocument), as Apache chooses PHP by name.
	AnswerScript
	// AnswerListing: a folder's listing.
	AnswerListing
	// AnswerStatus: an answer without a file: a redirect (Location), or an error
	// with the built-in page, or with Text.
	AnswerStatus
	// AnswerOptions: the allowed methods (RFC 9110 §9.3.7), with Meta's type.
	AnswerOptions
	// AnswerProxy: the request goes to the URL in Location.
	AnswerProxy
	// AnswerPending: a PasswordChecker or FolderReader is not done; run the request again later.
	AnswerPending
)

func (k AnswerKind) String() string {
	return [...]string{"file", "script", "listing", "status", "options", "proxy", "pending"}[k]
}

// Answer is what a request comes to. It is valid until the Request is reset.
type Answer struct {
	Kind     AnswerKind
	Status   int // 200, or what the response says (an error document keeps the error)
	Location string
	Text     string // ErrorDocument with a text
	HasText  bool

	Method   string // GET for an error document, whatever was asked
	URI      string // decoded path of the last pass
	Args     string
	HasArgs  bool
	Filename string
	PathInfo string
	File     FileInfo
	Handler  string // as configured, "" for files
	Meta     Meta
	Config   *Config

	// Env are the variables for the script, REDIRECT_ ones included.
	Env []Var
	// Vary are request fields that rules looked at.
	Vary    []string
	Cookies []string // Set-Cookie, of the CO flag; sent whatever the status
	// Variants is HTML that lists what there is instead of what a 300 or 406
	// has no answer for (MultiViews).
	Variants string

	User, AuthType  string
	WWWAuthenticate string
	// RemoteHost is the client's name if access control has asked for it.
	RemoteHost string
	// PassAuth: the script may see Authorization (CGIPassAuth).
	PassAuth bool
	// ByHandler: a status is the handler's, not that of a phase before it. Allow
	// of a 405 or 501 names the methods there are; otherwise it is empty.
	ByHandler bool
	// KeepsContent: the script is an ErrorDocument that is given the request's
	// content, as a GET: the error came before a handler could read it.
	KeepsContent bool
	// Redirects is how often the request was redirected internally.
	Redirects int

	r *record
	q *Request
}

// Run resolves the request. The Answer belongs to the Request.
func (q *Request) Run() *Answer {
	if q.Merger == nil {
		q.Merger = &Merger{}
	}
	r := q.record()
	r.method = q.Method
	status := q.first(r)
	if r.handler == handlerNone {
		return q.finish(r, 0).traced()
	}
	return q.follow(r, status, 0)
}

// Fail is for an error that came up while an Answer was fulfilled, such as 503
// where no backend is to be had: its ErrorDocument, or the error itself.
func (a *Answer) Fail(status int) *Answer {
	a.r.handled = true
	return a.q.follow(a.r, status, a.Redirects)
}

// follow goes from one internal redirect to the next until there is an answer.
func (q *Request) follow(r *record, status, redirects int) *Answer {
	for ; ; redirects++ {
		if status == 0 {
			if r.redirectTo == "" {
				if status = r.traced("handler", q.handle(r)); status == 0 {
					return q.finish(r, redirects).traced()
				}
			}
		}
		if status == statusPending {
			q.answer = Answer{Kind: AnswerPending, r: r, q: q}
			return &q.answer
		}
		target, method := r.redirectTo, r.method
		if status != 0 {
			doc := r.errorTarget(status)
			if doc == "" || redirects >= redirectsMax {
				return q.fail(r, status, redirects)
			}
			r.env.Set("REQUEST_METHOD", r.method)
			r.status, target, method = status, doc, "GET"
		} else if redirects >= redirectsMax {
			q.log("Request exceeded the limit of " + strconv.Itoa(redirectsMax) + " internal redirects due to probable configuration error")
			return q.fail(r, 500, redirects)
		}
		r = q.redirected(r, method, status != 0)
		if q.Trace != nil {
			q.trace(Event{Kind: TraceRedirect, After: target, Status: status})
		}
		status = r.process(target)
	}
}

// first runs the phases of the request as it came.
func (q *Request) first(r *record) int {
	switch {
	case q.Method == "OPTIONS" && q.Target == "*":
		r.fail()
		r.uri, r.handler = "*", handlerNone
		return 0
	case strings.IndexByte(q.Target, '#') >= 0:
		// RFC 9112 §3.2: a request-target has no fragment.
		r.fail()
		return 400
	}
	return r.process(q.Target)
}

// redirected makes the record of an internal redirect (internal_internal_redirect).
func (q *Request) redirected(old *record, method string, isError bool) *record {
	r := q.record()
	r.prev = old
	r.method = method
	r.status = old.status
	r.ended = old.ended
	r.keepsContent = old.keepsContent
	if isError {
		r.keepsContent = !old.handled
	}
	r.env.renamed(&old.env)
	r.negotiated = append(r.negotiated, old.negotiated...)
	r.env.Set("REDIRECT_STATUS", strconv.Itoa(old.status))
	if old.keepVary && !isError {
		r.vary = append(r.vary, old.vary...)
	}
	return r
}

// errorTarget is the path of an ErrorDocument for a status, "" if the answer is
// made without one: no document, a second error, or a text or URL.
func (r *record) errorTarget(status int) string {
	if r.status != 200 || r.cfg == nil {
		return ""
	}
	d := r.cfg.errorDocument(status)
	if d == nil || d.kind != errorPath {
		return ""
	}
	return d.value(r)
}

// fail answers with a status: a redirect, a text, or the built-in page.
func (q *Request) fail(r *record, status, redirects int) *Answer {
	first, challenge := r, r.challenge
	recursive := r.status != 200
	if recursive {
		for first.prev != nil && first.prev.status != 200 {
			first = first.prev
		}
		if first != r {
			status, first.negotiated = first.status, r.negotiated
		}
	}
	r = first
	if r.cfg == nil {
		r.fail()
	}
	a := q.finish(r, redirects)
	a.Kind, a.Status = AnswerStatus, status
	a.Location = r.location
	if !isRedirect(status) {
		a.Location = ""
	}
	a.Variants = r.variantList
	if status == 401 {
		a.WWWAuthenticate = r.challenge
	}
	if recursive {
		if challenge != "" {
			a.WWWAuthenticate = challenge // that the error document asked for
		}
		return a.traced()
	}
	if d := r.cfg.errorDocument(status); d != nil {
		switch d.kind {
		case errorURL:
			a.Status, a.Location = 302, d.value(r)
		case errorText:
			a.Text, a.HasText = d.value(r), true
		case errorDefault, errorPath:
		}
	}
	return a.traced()
}

// handle is the handler's part: what can be answered without opening a file.
func (q *Request) handle(r *record) int {
	r.handled = true
	if r.missing && r.file.Kind == Missing && r.dangling() {
		r.handled = false
		return r.refuseLink()
	}
	if r.proxyTo != "" || q.isScript(r.handler) {
		return 0
	}
	get := r.method == "GET" || r.method == "HEAD"
	if r.file.Kind == Directory {
		switch {
		case get && r.pathInfo == "" && r.handler == handlerDir && r.options()&OptIndexes != 0:
			return 0
		case get && r.handler == handlerDir:
			return 403
		}
	}
	if !get && r.method != "POST" {
		switch {
		case r.method == "OPTIONS":
			return 0
		case methodBit(r.method) == otherMethods:
			return 501
		}
		return 405
	}
	switch {
	case r.file.Kind != Regular:
		return 404
	case r.pathInfo != "" && (r.cfg.core.pathInfo == nil || *r.cfg.core.pathInfo != pathInfoOn):
		return 404
	}
	return 0
}

func (q *Request) isScript(handler string) bool {
	return handler != "" && q.Site.IsScript != nil && q.Site.IsScript(handler)
}

// PathTranslated is what PATH_TRANSLATED says: PATH_INFO as if it were a URL of
// its own, which costs a sub-request.
func (a *Answer) PathTranslated() string {
	sub := a.r.lookupURI(escapeURI(a.PathInfo))
	switch {
	case a.PathInfo == "" || sub == nil:
		return ""
	case sub.redirectTo != "":
		return "redirect:" + sub.filename + sub.pathInfo
	}
	return sub.filename + sub.pathInfo
}

// setRedirectUser tells who the user of an earlier pass was.
func (r *record) setRedirectUser() {
	for p := r.prev; p != nil; p = p.prev {
		if p.user != "" {
			r.env.Set("REDIRECT_REMOTE_USER", p.user)
			return
		}
	}
}

// finish fills in the answer from the last record.
func (q *Request) finish(r *record, redirects int) *Answer {
	a := &q.answer
	*a = Answer{
		Status: r.status, Method: r.method, URI: r.uri, Args: r.args, HasArgs: r.hasArgs,
		Filename: r.filename, PathInfo: r.pathInfo, File: r.file, Handler: r.handler, Meta: r.meta,
		Config: r.cfg, Vary: r.vary, User: r.user, AuthType: r.authType, Redirects: redirects, r: r, q: q,
		ByHandler: r.handled, KeepsContent: r.keepsContent,
	}
	if q.edited {
		q.Fields = lastOfEach(q.Fields)
	}
	switch {
	case r.proxyTo != "":
		a.Kind, a.Location = AnswerProxy, r.proxyTo
	case q.isScript(r.handler):
		a.Kind = AnswerScript
	case r.method == "OPTIONS":
		a.Kind = AnswerOptions
	case r.file.Kind == Directory:
		a.Kind = AnswerListing
	}
	a.RemoteHost = q.texts.remoteName
	if p := r.cfg.core.passAuth; p != nil {
		a.PassAuth = *p
	}
	for _, c := range q.cookies {
		a.Cookies = append(a.Cookies, c.Value)
	}
	for p := r; p != nil && r.status == 401; p = p.prev {
		if p.challenge != "" {
			a.WWWAuthenticate = p.challenge // beside its ErrorDocument too
		}
	}
	if r.prev != nil {
		if _, ok := r.env.Get("REDIRECT_URL"); !ok {
			r.env.Set("REDIRECT_URL", r.prev.uri)
		}
		if _, ok := r.env.Get("REDIRECT_QUERY_STRING"); !ok && r.prev.hasArgs {
			r.env.Set("REDIRECT_QUERY_STRING", r.prev.args)
		}
		if r.user == "" {
			r.setRedirectUser()
		}
	}
	a.Env = r.env.vars
	return a
}
