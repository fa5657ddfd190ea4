package main

import (
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"

	"sluice/rewrite"
)

// The colours of a terminal.
const (
	plain  = ""
	bold   = "1"
	dim    = "2"
	red    = "31"
	green  = "32"
	yellow = "33"
	cyan   = "36"
)

// printer writes an explanation for people.
type printer struct {
	b      strings.Builder
	colour bool
	root   string // of the site; files below it are told without it
	pass   int
}

func (e *explanation) print(w io.Writer, colour bool) error {
	p := &printer{colour: colour, root: e.Site.Root}
	p.line(0, "request", bold, e.Request.Method+" "+e.Request.URL)
	for _, h := range e.Request.Headers {
		p.line(0, "", plain, h)
	}
	p.line(0, "client", plain, e.Request.Client)
	p.site(&e.Site)
	for i := range e.Steps {
		p.step(&e.Steps[i])
	}
	p.b.WriteByte('\n')
	p.result(&e.Result)
	if e.env != nil {
		p.heading("environment", "")
		width := 0
		for _, v := range e.env {
			width = max(width, len(v.Name))
		}
		for _, v := range e.env {
			p.b.WriteString(strings.TrimRight("  "+p.paint(cyan, v.Name)+strings.Repeat(" ", width-len(v.Name))+"  "+visible(v.Value), " ") + "\n")
		}
	}
	note := ""
	if e.env != nil {
		note = ", before the script says anything"
	}
	p.heading("response", statusText(e.Response.Status)+note)
	for _, h := range e.Response.Headers {
		text := p.paint(cyan, h.Name) + ": " + visible(h.Value)
		if h.From != "" {
			text += p.paint(dim, "   <- "+p.short(h.From))
		}
		p.b.WriteString("  " + text + "\n")
	}
	_, err := io.WriteString(w, p.b.String())
	return err
}

func (p *printer) site(s *explainedSite) {
	p.line(0, "site", plain, strings.TrimRight(s.Label+": "+s.App, ": "))
	p.line(0, "docroot", plain, s.Root)
	if s.FrontController != "" {
		p.line(0, "front", plain, s.FrontController)
	}
	p.line(0, "php", plain, s.PHP)
	if len(s.AllowOverride) == 0 {
		p.line(0, "htaccess", yellow, "not read (allow_override is None)")
	}
}

// line writes a label of fixed width and a text.
func (p *printer) line(indent int, label, colour, text string) {
	fmt.Fprintf(&p.b, "%s%-9s  %s\n", strings.Repeat("  ", indent), label, p.paint(colour, visible(text)))
}

func (p *printer) heading(name, text string) {
	p.b.WriteString("\n" + p.paint(bold, name))
	if text != "" {
		p.b.WriteString("  " + text)
	}
	p.b.WriteByte('\n')
}

func (p *printer) paint(colour, s string) string {
	if !p.colour || colour == plain || s == "" {
		return s
	}
	return "\x1b[" + colour + "m" + s + "\x1b[0m"
}

// visible keeps what came from outside from controlling the terminal.
func visible(s string) string {
	if strings.IndexFunc(s, isControl) < 0 {
		return s
	}
	return strings.Trim(strconv.Quote(s), `"`)
}

func isControl(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 || r == 0xfffd }

// short tells a file of the site by its path below the document root.
func (p *printer) short(file string) string {
	if rest, ok := strings.CutPrefix(file, p.root+string(filepath.Separator)); ok && p.root != "" {
		return rest
	}
	return file
}

// step writes a step. Sub-requests are set in.
func (p *printer) step(s *explainedStep) {
	in := 1 + 2*s.Depth
	at := ""
	if s.File != "" {
		at = p.short(s.File)
		if s.Line > 0 {
			at += ":" + strconv.Itoa(s.Line)
		}
	}
	switch s.kind { //nolint:exhaustive // other has the rest
	case rewrite.TracePass:
		p.passes(s)
	case rewrite.TraceMap:
		text := s.Before + " -> " + s.After + " (" + s.Directive + ")"
		if s.PathInfo != "" {
			text += ", PATH_INFO " + s.PathInfo
		}
		p.line(in, "map", plain, text)
	case rewrite.TraceFile:
		if *s.Matched {
			p.line(in, "read", plain, p.short(s.File))
		} else {
			p.line(in, "read", red, p.short(s.File)+" is refused: everything below its folder is 500")
		}
	case rewrite.TraceSection:
		p.verdict(in, "section", at, s.Directive, *s.Matched, "applies", "does not apply")
	case rewrite.TraceRule:
		p.verdict(in, "rule", at, s.Directive, *s.Matched, "matches "+quoted(s.Before), "does not match "+quoted(s.Before))
	case rewrite.TraceCond:
		p.verdict(in+1, "cond", at, s.Directive, *s.Matched, sees(s)+"holds", sees(s)+"does not hold")
	case rewrite.TraceRewrite:
		p.rewritten(in, s)
	case rewrite.TraceAccess:
		p.verdict(in, "access", at, s.Directive, *s.Matched, s.After, s.After)
	case rewrite.TraceHeader, rewrite.TraceRequest:
		p.header(in, at, s)
	default:
		p.other(in, at, s)
	}
}

func (p *printer) passes(s *explainedStep) {
	if s.Depth > 0 {
		p.line(2*s.Depth, "sub", dim, s.Before)
		return
	}
	p.pass++
	text := s.Before
	if s.Directive != "" {
		text += " (" + s.Directive + ")"
	}
	fmt.Fprintf(&p.b, "\n%s  %s\n", p.paint(bold, fmt.Sprintf("pass %-4d", p.pass)), visible(text))
}

// verdict writes a directive and what came of it.
func (p *printer) verdict(in int, label, at, directive string, ok bool, yes, no string) {
	text, colour := yes, green
	if !ok {
		text, colour = no, dim
		if label == "access" {
			colour = red
		}
	}
	p.line(in, label, plain, strings.TrimSpace(at+"  "+directive))
	fmt.Fprintf(&p.b, "%s%s\n", strings.Repeat(" ", 2*in+13), p.paint(colour, visible(text)))
}

func (p *printer) rewritten(in int, s *explainedStep) {
	if s.After == "-" {
		p.line(in+1, "=>", green, "unchanged (-)")
		return
	}
	p.line(in+1, "=>", green, quoted(s.Before)+" becomes "+quoted(s.After))
}

func quoted(s string) string { return `"` + s + `"` }

// sees tells the value that a condition saw; an expression has none.
func sees(s *explainedStep) string {
	if strings.HasPrefix(strings.ToLower(s.Directive), "rewritecond expr ") {
		return ""
	}
	return quoted(s.Before) + " "
}

func (p *printer) header(in int, at string, s *explainedStep) {
	label := "header"
	if s.kind == rewrite.TraceRequest {
		label = "request"
	}
	p.line(in, label, plain, strings.TrimSpace(at+"  "+s.Directive))
	text, colour := s.Before+": "+s.After, green
	switch {
	case s.Matched != nil && !*s.Matched:
		text, colour = "its condition does not hold", dim
	case s.After == "":
		text, colour = s.Before+" is not sent", yellow
	}
	fmt.Fprintf(&p.b, "%s%s\n", strings.Repeat(" ", 2*in+13), p.paint(colour, visible(text)))
}

func (p *printer) other(in int, at string, s *explainedStep) {
	switch s.kind { //nolint:exhaustive // step has the others
	case rewrite.TraceSet:
		p.line(in, "set", plain, strings.TrimSpace(at+"  "+s.After))
	case rewrite.TraceSkip:
		p.line(in, "skip", yellow, at+"  the rules are not asked: "+s.After)
	case rewrite.TraceAdopt:
		p.line(in, "take", green, s.Directive+": "+s.After+s.PathInfo)
	case rewrite.TraceRedirect:
		text := "internally to " + s.After
		if s.Status != 0 {
			text += ", the ErrorDocument for " + strconv.Itoa(s.Status)
		}
		p.line(in, "redirect", yellow, text)
	case rewrite.TraceStatus:
		text := statusText(s.Status) + " by " + s.Directive
		if s.After != "" {
			text += ": " + s.After
		}
		p.line(in, "status", yellow, text)
	case rewrite.TraceHandler:
		text := s.Directive + " " + s.After + s.PathInfo
		if s.Directive == "status" {
			text = statusText(s.Status) + " " + s.After
		} else if s.Directive == "script" && s.Before != "" {
			text += " (handler " + s.Before + ")"
		}
		p.line(in, "answer", plain, strings.TrimSpace(text))
	case rewrite.TracePHP:
		p.line(in, "php", plain, s.Before+" = "+s.After)
	case rewrite.TraceLog:
		p.line(in, "log", yellow, s.After)
	}
}

func (p *printer) result(r *explainedResult) {
	text := r.Kind
	switch {
	case r.Kind == "status":
		text = statusText(r.Status)
	case r.Location != "":
		text += " " + strconv.Itoa(r.Status) + " to " + r.Location
	case r.File != "":
		text += " " + r.File
		if r.PathInfo != "" {
			text += ", PATH_INFO " + r.PathInfo
		}
		if r.Status != http.StatusOK {
			text += ", as " + statusText(r.Status)
		}
	}
	colour := green
	if r.Status >= http.StatusBadRequest {
		colour = red
	}
	p.line(0, "result", colour, text)
	if r.Why != "" {
		p.line(0, "", plain, r.Why)
	}
}

func statusText(status int) string {
	return strings.TrimSpace(strconv.Itoa(status) + " " + http.StatusText(status))
}
