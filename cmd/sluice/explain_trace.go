package main

import (
	"slices"
	"strings"

	"sluice/cgi"
	"sluice/loop"
	"sluice/rewrite"
	"sluice/site"
)

// witness is the far end of a rehearsed exchange: it keeps what it is told. It
// belongs to the loop until done is closed.
type witness struct {
	steps   []rewrite.Event
	runFrom int    // where the run of the rules at hand begins in steps
	runURL  string // and what it is about
	inner   bool   // the next pass is an internal redirect's
	decided bool   // the rules have answered
	env     []cgi.Variable
	script  bool
	refused error // the request is not HTTP

	head    site.Head
	fields  string
	reports []site.Report
	broken  bool
	done    chan struct{}
	closed  bool
}

// ownFile is the name of what site says in place of Apache's configuration.
const ownFile = "sluice"

// Step implements rewrite.Trace.
func (w *witness) Step(e rewrite.Event) {
	switch {
	case e.Kind == rewrite.TraceSection && e.File == ownFile && !e.Matched:
		return
	case e.Kind == rewrite.TraceAccess && e.File == "" && e.Directive == "Require":
		return // the container that nobody wrote
	case e.Kind == rewrite.TraceLog && w.told(e.After):
		return
	case e.Depth > 0 && w.decided:
		return // PATH_TRANSLATED of the script: no part of the decision
	case e.Kind == rewrite.TracePass && e.Depth == 0:
		if !w.inner && w.newRun(e.Before) {
			e.Directive = "front controller"
		}
		w.inner, w.decided = false, false
	case e.Kind == rewrite.TraceHandler:
		w.decided = true
	case e.Kind == rewrite.TraceRedirect && e.Depth == 0:
		w.inner = true
	}
	// What is traced is a part of the request, which dies.
	e.Before, e.After, e.Rest = strings.Clone(e.Before), strings.Clone(e.After), strings.Clone(e.Rest)
	w.steps = append(w.steps, e)
}

// newRun begins again where the rules had to wait for an answer: what they said
// before they knew it does not count.
//
// It answers whether the rules run for another URL: that of the front controller.
func (w *witness) newRun(url string) bool {
	if w.runURL == url && len(w.steps) > w.runFrom {
		w.steps = w.steps[:w.runFrom]
	}
	w.runFrom, w.runURL = len(w.steps), strings.Clone(url)
	return w.runFrom > 0
}

// told tells whether a message is in the log already.
func (w *witness) told(message string) bool {
	return slices.ContainsFunc(w.steps[w.runFrom:], func(e rewrite.Event) bool {
		return e.Kind == rewrite.TraceLog && e.After == message
	})
}

// rehearse implements site.Exchange's Rehearse.
func (w *witness) rehearse(e *cgi.Environment) {
	w.script, w.env = true, nil
	e.Emit(pairs{w})
}

// pairs collects an environment as a script sees it: the last of a name counts.
type pairs struct{ w *witness }

// Pair implements cgi.Sink.
func (p pairs) Pair(name, value []byte) {
	v := cgi.Variable{Name: string(name), Value: string(value)}
	if i := slices.IndexFunc(p.w.env, func(o cgi.Variable) bool { return o.Name == v.Name }); i >= 0 {
		p.w.env[i] = v
		return
	}
	p.w.env = append(p.w.env, v)
}

// Head implements site.Stream.
func (w *witness) Head(h *site.Head) {
	w.head, w.fields = *h, string(h.Fields)
}

// Report implements site.Stream.
func (w *witness) Report(r site.Report) {
	if r.Err == nil {
		return
	}
	message, isRules := strings.CutPrefix(r.Err.Error(), "htaccess: ")
	if !isRules {
		w.reports = append(w.reports, r)
	}
	if !w.told(message) {
		w.steps = append(w.steps, rewrite.Event{Kind: rewrite.TraceLog, After: message, Status: r.Status})
	}
}

// Finish implements site.Stream.
func (w *witness) Finish() { w.end() }

// Break implements site.Stream.
func (w *witness) Break() {
	w.broken = true
	w.end()
}

func (w *witness) end() {
	if !w.closed {
		w.closed = true
		close(w.done)
	}
}

// Continue implements site.Stream, as do those below: nobody reads.
func (w *witness) Continue() {}

// Write implements site.Stream.
func (w *witness) Write([]byte) {}

// WriteShared implements site.Stream.
func (w *witness) WriteShared([]byte) {}

// WriteFile implements site.Stream.
func (w *witness) WriteFile(f loop.FileRef, _, _ int64) { f.Release() }

// Full implements site.Stream.
func (w *witness) Full() bool { return false }

// PauseContent implements site.Stream.
func (w *witness) PauseContent() {}

// ResumeContent implements site.Stream.
func (w *witness) ResumeContent() {}
