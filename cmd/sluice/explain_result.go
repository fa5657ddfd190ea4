package main

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"sluice/cgi"
	"sluice/conf"
	"sluice/host"
	"sluice/rewrite"
)

// explanation is all that explain has to say; its JSON form is --json's.
type explanation struct {
	Request     explainedRequest  `json:"request"`
	Site        explainedSite     `json:"site"`
	Steps       []explainedStep   `json:"steps"`
	Result      explainedResult   `json:"result"`
	Environment map[string]string `json:"environment,omitempty"`
	Response    explainedResponse `json:"response"`

	env []cgi.Variable // Environment in its order
}

type explainedRequest struct {
	Method  string   `json:"method"`
	URL     string   `json:"url"`
	Client  string   `json:"client"`
	Headers []string `json:"headers,omitempty"`
}

type explainedSite struct {
	Label           string   `json:"label"`
	Names           []string `json:"names,omitempty"`
	Root            string   `json:"root"`
	App             string   `json:"app"`
	FrontController string   `json:"front_controller,omitempty"`
	AllowOverride   []string `json:"allow_override"`
	PHP             string   `json:"php"`
}

// explainedStep is a step of the rules; which fields it has depends on its kind.
type explainedStep struct {
	Step      string `json:"step"`
	Depth     int    `json:"depth,omitempty"` // of sub-requests
	File      string `json:"file,omitempty"`
	Line      int    `json:"line,omitempty"`
	Directive string `json:"directive,omitempty"`
	Before    string `json:"before,omitempty"`
	After     string `json:"after,omitempty"`
	PathInfo  string `json:"path_info,omitempty"`
	Matched   *bool  `json:"matched,omitempty"`
	Status    int    `json:"status,omitempty"`

	kind rewrite.TraceKind
}

type explainedResult struct {
	Kind     string `json:"kind"` // file, script, listing, options, proxy, redirect or status
	Status   int    `json:"status"`
	File     string `json:"file,omitempty"`
	PathInfo string `json:"path_info,omitempty"`
	Location string `json:"location,omitempty"`
	Why      string `json:"why,omitempty"`
}

type explainedResponse struct {
	Status  int               `json:"status"`
	Headers []explainedHeader `json:"headers"`
}

// explainedHeader is a field line; From is what set it, where .htaccess did.
type explainedHeader struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	From  string `json:"from,omitempty"`
}

func (r *rehearsal) explanation(php map[string]string) *explanation {
	e := &explanation{Request: explainedRequest{r.q.method, r.q.String(), r.q.client.String(), r.q.fields}}
	var cfg *conf.Site
	for _, p := range r.parts {
		if p.Site().Label() == r.x.Site() {
			cfg = p.Config()
			break
		}
	}
	if cfg != nil {
		s := cfg
		e.Site = explainedSite{
			Label: s.Label(), Names: s.Names, Root: s.Root, App: strings.TrimSpace(s.App + " " + s.AppVersion),
			FrontController: s.FrontController, AllowOverride: s.AllowOverride, PHP: php[s.Label()],
		}
	}
	for _, t := range r.out.steps {
		e.Steps = append(e.Steps, stepOf(t))
	}
	e.Response = explainedResponse{Status: r.out.head.Status, Headers: r.out.headers()}
	if r.out.script && cfg != nil {
		e.env = append(host.Constants(cfg), r.out.env...)
		e.Environment = map[string]string{}
		for _, v := range e.env {
			e.Environment[v.Name] = v.Value
		}
	}
	e.Result = r.out.result()
	return e
}

func stepOf(t rewrite.Event) explainedStep {
	s := explainedStep{
		Step: t.Kind.String(), Depth: t.Depth, File: t.File, Line: t.Line, Directive: t.Directive,
		Before: t.Before, After: t.After, PathInfo: t.Rest, Status: t.Status, kind: t.Kind,
	}
	switch t.Kind { //nolint:exhaustive // the others hold always
	case rewrite.TraceFile, rewrite.TraceSection, rewrite.TraceRule, rewrite.TraceCond, rewrite.TraceAccess, rewrite.TraceHeader:
		s.Matched = &t.Matched
	}
	if t.File == ownFile {
		s.File, s.Line = "(server)", 0
	}
	return s
}

// headers are the response's field lines, each with what set it.
func (w *witness) headers() []explainedHeader {
	list := []explainedHeader{}
	for line := range strings.SplitSeq(w.fields, "\r\n") {
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			continue
		}
		h := explainedHeader{Name: name, Value: strings.TrimSpace(value)}
		for _, t := range w.steps {
			if t.Kind == rewrite.TraceHeader && t.Matched && strings.EqualFold(t.Before, name) && strings.Contains(h.Value, t.After) {
				h.From = place(t.File, t.Line, t.Directive)
			}
		}
		list = append(list, h)
	}
	if w.head.Length >= 0 && !w.head.LengthInFields && w.head.Status != 304 && w.head.Status != 204 {
		list = append(list, explainedHeader{Name: "Content-Length", Value: strconv.FormatInt(w.head.Length, 10)})
	}
	return list
}

func place(file string, line int, otherwise string) string {
	if file == "" {
		return otherwise
	}
	return file + ":" + strconv.Itoa(line)
}

// result sums up what the steps came to.
func (w *witness) result() explainedResult {
	r := explainedResult{Kind: "file", Status: w.head.Status}
	for _, t := range w.steps {
		if t.Kind == rewrite.TraceHandler {
			r.Kind, r.File, r.PathInfo = t.Directive, t.After, t.Rest
		}
	}
	for _, h := range w.headers() {
		if strings.EqualFold(h.Name, "Location") {
			r.Location = h.Value
		}
	}
	switch {
	case w.script:
		r.Kind = "script"
		if r.File == "" {
			r.File, r.PathInfo = w.variable("SCRIPT_FILENAME"), w.variable("PATH_INFO")
		}
	case r.Location != "" && r.Status >= 300 && r.Status < 400:
		r.Kind, r.File, r.PathInfo = "redirect", "", ""
	case r.Kind == "status" || r.Status >= 400 && !w.documented():
		r.Kind, r.File, r.PathInfo = "status", "", ""
	}
	if r.Status >= 300 {
		r.Why = w.why()
	}
	return r
}

func (w *witness) variable(name string) string {
	for _, v := range w.env {
		if v.Name == name {
			return v.Value
		}
	}
	return ""
}

// documented tells whether the last thing that happened was that an error got
// its ErrorDocument, which was found.
func (w *witness) documented() bool {
	is := false
	for _, t := range w.steps {
		if t.Depth > 0 {
			continue
		}
		switch t.Kind { //nolint:exhaustive // only these matter
		case rewrite.TraceRedirect:
			is = t.Status != 0
		case rewrite.TraceHandler:
			is = is && t.Directive == "file"
		}
	}
	return is
}

// why tells what decided on a status: the first phase that did, for what follows
// is about its ErrorDocument.
func (w *witness) why() string {
	if w.refused != nil {
		return w.refused.Error()
	}
	var rule *rewrite.Event
	log := ""
	for i := range w.steps {
		t := &w.steps[i]
		if t.Depth > 0 {
			continue
		}
		switch t.Kind { //nolint:exhaustive // only these tell why
		case rewrite.TraceRewrite, rewrite.TraceRule:
			if t.Matched {
				rule = t
			}
		case rewrite.TraceLog:
			log = t.After
		case rewrite.TraceStatus:
			return whyStatus(t, rule, log)
		}
	}
	if log != "" {
		return log
	}
	if w.head.Status >= 400 {
		return "sluice refuses it: hidden_files, deny, php.never_in, no PHP, or there is no such file"
	}
	return ""
}

// whyStatus explains the status of a phase, by the rule and the message before it.
func whyStatus(t, rule *rewrite.Event, log string) string {
	text := map[string]string{
		"parse": "the URL's path is malformed", "access": "access control", "map": "the way to the file",
	}[t.Directive]
	switch {
	case t.Directive == ownFile:
		return t.After
	case (t.Directive == "mod_rewrite" || t.Directive == "mod_alias" || t.Directive == "translate") && rule != nil && log == "":
		return place(rule.File, rule.Line, "") + " (" + t.Directive + ")"
	case t.Directive == "mod_dir" && t.Status == http.StatusMovedPermanently:
		return "a folder without its slash (DirectorySlash)"
	case t.Directive == "handler" && log == "":
		return map[int]string{
			403: "a folder without a default document, and no listing", 404: "no such file", 405: "files take GET, HEAD and POST only", 501: "no such method",
		}[t.Status]
	case log != "" && text != "":
		return text + ": " + log
	case log != "":
		return log
	case text == "":
		return t.Directive
	}
	return fmt.Sprintf("%s (%d)", text, t.Status)
}
