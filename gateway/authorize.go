package gateway

import (
	"slices"
	"time"

	"sluice/cgi"
	"sluice/fcgi"
	"sluice/loop"
)

// Authorized is who wants a request to be let through. As a Client he gets the
// authorizer's answer where that is a refusal, or Fail where there is none: what
// can't be asked is not allowed.
type Authorized interface {
	Client
	// Allowed: the request may go on, with these as Request.Override (or as
	// variables of whatever answers it). Nothing more is called.
	Allowed(vars []cgi.Variable)
}

// Authorization is one question to a FastCGI authorizer (§6.3). It belongs to
// the loop.
type Authorization struct {
	r       *Request
	to      Authorized
	allowed bool
	over    bool
	vars    []cgi.Variable
}

// Authorize asks the backend, in the role of an Authorizer, whether a request may
// go on. It gets what a Responder would get, but no content, CONTENT_LENGTH,
// PATH_INFO, PATH_TRANSLATED and SCRIPT_NAME. env must live until the answer;
// its ScriptFilename is the authorizer's own, where that is a script.
//
// "200 (OK)", which is also what no Status means, lets the request through, if
// the authorizer then ends its request as it should. Anything else is the answer
// to the client. The answer may come before Authorize returns.
func (lp *Local) Authorize(who Authorized, env *cgi.Environment) *Authorization {
	a := &Authorization{to: who}
	r := lp.Begin(a)
	a.r = r
	scratch := r.Env.Scratch
	r.Env = *env
	r.Env.Scratch = scratch
	r.Env.ContentLength = -1
	r.Role = fcgi.Authorizer
	r.Start(false)
	return a
}

// Abort: nobody wants to know any more.
func (a *Authorization) Abort() {
	if !a.over {
		a.over = true
		a.r.Abort()
	}
}

// Times is Request.Times.
func (a *Authorization) Times() (waited, ran time.Duration) { return a.r.Times() }

// Resume: the client takes more of a refusal.
func (a *Authorization) Resume() {
	if !a.over {
		a.r.Resume()
	}
}

// Intercept implements Client. A local redirect has no Status and is a refusal
// all the same: it leads to a page for logging in.
func (a *Authorization) Intercept(res *cgi.Response) bool {
	if res.Status == 200 && !res.LocalRedirect && len(res.SendFile) == 0 && len(res.AccelRedirect) == 0 {
		a.allowed = true
		a.collect(res)
		return false
	}
	a.over = a.to.Intercept(res)
	return a.over
}

// collect keeps the Variable- fields (§6.3).
func (a *Authorization) collect(res *cgi.Response) {
	const prefix = "variable-"
	for _, f := range res.Fields {
		if len(f.Name) <= len(prefix) || !hasPrefixFold(f.Name, prefix) || len(a.vars) == variablesMax {
			continue
		}
		name := string(f.Name[len(prefix):])
		if reserved(name) {
			continue
		}
		is := func(v cgi.Variable) bool { return v.Name == name }
		if i := slices.IndexFunc(a.vars, is); i >= 0 { // the last counts
			a.vars[i].Value = string(f.Value)
			continue
		}
		a.vars = append(a.vars, cgi.Variable{Name: name, Value: string(f.Value)})
	}
}

// Head implements Client.
func (a *Authorization) Head(res *cgi.Response, length int64) {
	if !a.allowed {
		a.to.Head(res, length)
	}
}

// Body implements Client.
func (a *Authorization) Body(p []byte) {
	if !a.allowed {
		a.to.Body(p)
	}
}

// BodyFile implements Client.
func (a *Authorization) BodyFile(f loop.FileRef, off, n int64) {
	if a.allowed {
		f.Release()
		return
	}
	a.to.BodyFile(f, off, n)
}

// Full implements Client.
func (a *Authorization) Full() bool { return !a.allowed && a.to.Full() }

// End implements Client.
func (a *Authorization) End() {
	a.over = true
	if a.allowed {
		a.to.Allowed(a.vars)
		return
	}
	a.to.End()
}

// Fail implements Client.
func (a *Authorization) Fail(f Failure) {
	a.over = true
	a.to.Fail(f)
}

// PauseContent implements Client; there is no content.
func (a *Authorization) PauseContent() {}

// ResumeContent implements Client.
func (a *Authorization) ResumeContent() {}

// asker is the client that Log knows.
func (r *Request) asker() Client {
	if a, ok := r.client.(*Authorization); ok {
		return a.to
	}
	return r.client
}

// reserved lists what an authorizer does not decide: which file is run and how,
// what the content is, and what programs take for their own configuration.
func reserved(name string) bool {
	switch name {
	case "SCRIPT_FILENAME", "SCRIPT_NAME", "DOCUMENT_ROOT", "PATH_INFO", "PATH_TRANSLATED", "REQUEST_METHOD", "REQUEST_URI",
		"CONTENT_LENGTH", "CONTENT_TYPE", "GATEWAY_INTERFACE", "REDIRECT_STATUS", "HTTP_PROXY", "PHP_VALUE", "PHP_ADMIN_VALUE",
		"FCGI_DATA_LAST_MOD", "FCGI_DATA_LENGTH", "FCGI_ROLE":
		return true
	}
	return false
}

// hasPrefixFold compares without case; prefix is in lower case.
func hasPrefixFold(b []byte, prefix string) bool {
	for i := range len(prefix) {
		c := b[i]
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		if c != prefix[i] {
			return false
		}
	}
	return true
}
