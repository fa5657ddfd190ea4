package rewrite

// What Trace is told. Nothing here is called in production, where there is no
// Trace, but for the check that there is none.

func (k FileKind) String() string {
	return [...]string{"missing", "file", "folder", "symlink", "special", "denied"}[k]
}

func (q *Request) trace(e Event) {
	e.Depth = q.depth
	q.Trace.Step(e)
}

// text is the rule as it stands in its file.
func (r *RewriteRule) text() string {
	return "RewriteRule " + r.Pattern + " " + r.Substitution + flagText(r.Flags)
}

// text is the condition as it stands in its file.
func (rc *RewriteCond) text() string {
	return "RewriteCond " + rc.Test + " " + rc.Pattern + flagText(rc.Flags)
}

func flagText(flags string) string {
	if flags == "" {
		return ""
	}
	return " " + flags
}

func (q *Request) traceVariable(name, value, file string, line int) {
	if q.Trace != nil {
		q.trace(Event{Kind: TraceSet, After: name + "=" + value, File: file, Line: line})
	}
}

func (q *Request) traceUnset(name, file string, line int) {
	if q.Trace != nil {
		q.trace(Event{Kind: TraceSet, After: "unset " + name, File: file, Line: line})
	}
}

func (q *Request) traceSection(s *section, hold bool) {
	if q.Trace != nil {
		q.trace(Event{Kind: TraceSection, File: s.file, Line: s.line, Directive: s.name(), Matched: hold})
	}
}

// traceCompat tells what Order, Allow, Deny and Satisfy come to.
func (q *Request) traceCompat(c *compatConf, anyOf, ok bool) {
	e := Event{Kind: TraceAccess, File: c.file, Line: c.line, Directive: "Order, Allow, Deny", After: "denied", Matched: ok}
	if ok {
		e.After = "granted"
	}
	if anyOf {
		e.Directive += " (Satisfy Any)"
	}
	q.trace(e)
}

// traced tells the status of a phase, unless it lets the request go on.
func (r *record) traced(phase string, status int) int {
	if status != 0 {
		r.traceStatus(phase, status)
	}
	return status
}

func (r *record) traceStatus(phase string, status int) {
	if r.q.Trace != nil && status != statusPending {
		e := Event{Kind: TraceStatus, Directive: phase, Status: status}
		if isRedirect(status) {
			e.After = r.location
		}
		r.q.trace(e)
	}
}

// traceSkip tells why a list of rules, whose first one is given, is not asked.
func (r *record) traceSkip(first *RewriteRule, why string) {
	if r.q.Trace != nil {
		r.q.trace(Event{Kind: TraceSkip, File: first.File, Line: first.Line, Directive: "RewriteRule", After: why})
	}
}

func (r *record) traceAdopt(directive string, sub *record) {
	if r.q.Trace != nil {
		r.q.trace(Event{Kind: TraceAdopt, Directive: directive, Before: r.uri, After: sub.uri, Rest: sub.pathInfo, Matched: true})
	}
}

// traced tells the answer itself, and PHP's settings for a script.
func (a *Answer) traced() *Answer {
	if a.q.Trace == nil {
		return a
	}
	e := Event{Kind: TraceHandler, Directive: a.Kind.String(), Before: a.Handler, After: a.Filename, Rest: a.PathInfo, Status: a.Status}
	switch a.Kind {
	case AnswerStatus:
		e.After, e.Rest = a.Location, ""
		if a.HasText {
			e.After = a.Text
		}
	case AnswerProxy:
		e.After, e.Rest = a.Location, ""
		if target, status := a.ProxyTarget(); status == 0 {
			e.After = target
		}
	case AnswerScript:
		for _, v := range a.Config.PHP() {
			a.q.trace(Event{Kind: TracePHP, Before: v.Name, After: v.Value})
		}
	case AnswerFile, AnswerListing, AnswerOptions, AnswerPending:
	}
	a.q.trace(e)
	return a
}

// traceField tells what a Header or RequestHeader line made of a list.
func (q *Request) traceField(kind TraceKind, h *HeaderEdit, fields []Field) {
	if q.Trace != nil {
		v, _ := getField(fields, h.name)
		q.trace(Event{Kind: kind, File: h.file, Line: h.line, Directive: h.text, Before: h.name, After: v, Matched: true})
	}
}

// traceEdited is traceField for what is not in Always.
func (q *Request) traceEdited(h *HeaderEdit, p *Response) {
	if equalFold(h.name, "Content-Type") {
		q.traceField(TraceHeader, h, []Field{{"Content-Type", p.ContentType}})
		return
	}
	q.traceField(TraceHeader, h, p.Fields)
}

// traceUnused tells of a Header line whose condition does not hold.
func (q *Request) traceUnused(h *HeaderEdit) {
	if q.Trace != nil {
		q.trace(Event{Kind: TraceHeader, File: h.file, Line: h.line, Directive: h.text, Before: h.name})
	}
}

// traceMade tells of a response header that no Header line sets.
func (q *Request) traceMade(directive, name, value string) {
	if q.Trace != nil {
		q.trace(Event{Kind: TraceHeader, Directive: directive, Before: name, After: value, Matched: true})
	}
}
