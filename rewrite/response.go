package rewrite

import (
	"strconv"
	"strings"
	"time"
)

// Response is a response's head on its way out. Apache keeps two tables of
// fields, and so must we: "Header always" edits Always, which errors have too,
// plain "Header" edits Fields, which responses made by the server itself
// (redirects, errors) do not send.
type Response struct {
	Status int
	// Own: the server made the response (an error or a redirect without a
	// handler), so that Fields are not edited.
	Own         bool
	ContentType string
	Fields      []Field
	Always      []Field
	// ModTime is the file's, for Expires "modification"; 0 if there is none.
	ModTime int64
}

// get is resp() of an expression. Content-Type is in neither table, as in Apache.
func (p *Response) get(name string) string {
	if v, ok := getField(p.Fields, name); ok {
		return v
	}
	v, _ := getField(p.Always, name)
	return v
}

// Quiet tells that Respond would change nothing, whatever the response.
func (a *Answer) Quiet() bool {
	c := a.Config
	if a.Kind == AnswerScript && (a.Meta.Encoding != "" || len(a.Meta.Languages) > 0) {
		return false
	}
	return len(a.Vary) == 0 && len(a.Cookies) == 0 && len(c.headers) == 0 && len(a.r.negotiated) == 0 && c.core.charset == nil &&
		(c.expires.active == nil || !*c.expires.active)
}

// Respond applies Expires, Header, Vary, AddDefaultCharset and cookies to a
// response, in Apache's order.
func (a *Answer) Respond(p *Response) {
	r := a.r
	if !p.Own {
		for _, v := range a.Vary {
			mergeVary(p, v)
		}
	}
	for _, c := range a.Cookies {
		if p.Own {
			p.Fields = append(p.Fields, Field{"Set-Cookie", c})
		} else {
			p.Always = append(p.Always, Field{"Set-Cookie", c})
		}
		a.q.traceMade("RewriteRule [CO]", "Set-Cookie", c)
	}
	r.respondNegotiated(p)
	if c := a.Config.core.charset; c != nil && *c != "" && !p.Own {
		t := toLower(p.ContentType)
		if strings.IndexByte(t, ';') < 0 && (t == "text/plain" || t == "text/html") {
			p.ContentType += "; charset=" + *c
			a.q.traceMade("AddDefaultCharset "+*c, "Content-Type", p.ContentType)
		}
	}
	if p.Status < 400 {
		a.expire(p)
	}
	x := exprScope{r: r, resp: p, script: a.Kind == AnswerScript && !p.Own}
	for _, h := range a.Config.headers {
		if !h.always {
			continue
		}
		if !h.applies(fresh(&x)) {
			a.q.traceUnused(h)
			continue
		}
		p.Always = h.apply(p.Always, fresh(&x))
		a.q.traceField(TraceHeader, h, p.Always)
	}
	if !p.Own {
		for _, h := range a.Config.headers {
			if h.always {
				continue
			}
			if !h.applies(fresh(&x)) {
				a.q.traceUnused(h)
				continue
			}
			a.editField(h, p, fresh(&x))
			a.q.traceEdited(h, p)
		}
	}
	if a.Kind == AnswerScript && !p.Own {
		a.describeContent(p)
	}
	r.finishNegotiated(p)
}

// describeContent says of a script's response what the script's name says (AddEncoding,
// AddLanguage, DefaultLanguage). Header can't change it (ap_http_header_filter).
func (a *Answer) describeContent(p *Response) {
	if a.Meta.Encoding != "" {
		p.Always = removeField(p.Always, "Content-Encoding")
		p.Fields = setField(p.Fields, "Content-Encoding", a.Meta.Encoding)
	}
	if len(a.Meta.Languages) == 0 {
		return
	}
	list := append([]string(nil), a.Meta.Languages...)
	for _, table := range [2][]Field{p.Fields, p.Always} {
		said, _ := getField(table, "Content-Language")
		for _, v := range strings.Split(said, ",") {
			if v = strings.TrimSpace(v); v != "" && !containsFold(list, v) {
				list = append(list, v)
			}
		}
	}
	p.Always = removeField(p.Always, "Content-Language")
	p.Fields = setField(p.Fields, "Content-Language", strings.Join(list, ","))
}

func containsFold(list []string, s string) bool {
	for _, v := range list {
		if equalFold(v, s) {
			return true
		}
	}
	return false
}

// fresh forgets the groups and errors of the expression before.
func fresh(x *exprScope) *exprScope {
	x.match, x.err, x.depth = nil, nil, 0
	return x
}

// editField treats Content-Type apart, as Apache does.
func (a *Answer) editField(h *HeaderEdit, p *Response, x *exprScope) {
	if !equalFold(h.name, "Content-Type") {
		p.Fields = h.apply(p.Fields, x)
		return
	}
	var one []Field
	if p.ContentType != "" {
		one = []Field{{"Content-Type", p.ContentType}}
	}
	p.ContentType, _ = getField(h.apply(one, x), "Content-Type")
}

func mergeVary(p *Response, name string) {
	old, ok := getField(p.Fields, "Vary")
	if ok {
		for _, v := range strings.Split(old, ",") {
			if v = strings.TrimSpace(v); equalFold(v, name) || v == "*" {
				return
			}
		}
	}
	p.Fields = appendField(p.Fields, "Vary", name)
}

// expire sets Expires and Cache-Control (mod_expires).
func (a *Answer) expire(p *Response) {
	c := &a.Config.expires
	if c.active == nil || !*c.active {
		return
	}
	if _, set := getField(p.Fields, "Expires"); set {
		return
	}
	if _, set := getField(p.Always, "Expires"); set {
		return
	}
	rule := c.ruleFor(p.ContentType)
	if rule == nil {
		return
	}
	now := a.q.Env.Now()
	base := now
	if rule.modified {
		if p.ModTime == 0 {
			return
		}
		base = time.Unix(p.ModTime, 0)
	}
	at := base.Add(time.Duration(rule.seconds) * time.Second)
	age := int64(0)
	if at.Before(now) {
		at = now
	} else {
		age = int64(at.Sub(now).Round(time.Second) / time.Second)
	}
	p.Fields = appendField(p.Fields, "Cache-Control", "max-age="+strconv.FormatInt(age, 10))
	p.Fields = setField(p.Fields, "Expires", httpTime(at))
	a.q.traceMade("ExpiresByType", "Cache-Control", "max-age="+strconv.FormatInt(age, 10))
	a.q.traceMade("ExpiresByType", "Expires", httpTime(at))
}

// expiresConf is mod_expires' configuration.
type expiresConf struct {
	active  *bool
	byType  map[string]expiresRule
	general *expiresRule
}

type expiresRule struct {
	modified bool
	seconds  int64
}

func mergeExpires(base, over *expiresConf) expiresConf {
	c := expiresConf{active: pick(over.active, base.active), general: pick(over.general, base.general), byType: base.byType}
	if len(over.byType) > 0 {
		c.byType = make(map[string]expiresRule, len(base.byType)+len(over.byType))
		for k, v := range base.byType {
			c.byType[k] = v
		}
		for k, v := range over.byType {
			c.byType[k] = v
		}
	}
	return c
}

// ruleFor finds type/subtype, type/*, then the default.
func (c *expiresConf) ruleFor(contentType string) *expiresRule {
	t, _, _ := strings.Cut(contentType, ";")
	t = toLower(strings.TrimSpace(t))
	if t != "" {
		if r, ok := c.byType[t]; ok {
			return &r
		}
		major, _, _ := strings.Cut(t, "/")
		if r, ok := c.byType[major+"/*"]; ok {
			return &r
		}
	}
	return c.general
}
