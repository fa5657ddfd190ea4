package site

import (
	"sluice/rewrite"
	"sluice/static"
)

// Kind says who fulfils a plan.
type Kind uint8

const (
	// Refused: Status says how.
	Refused Kind = iota
	// Static: the file at File.
	Static
	// Script: File is run.
	Script
	// Redirect: the client is sent to Location.
	Redirect
	// Proxied: the request is passed on to Location, a whole URL.
	Proxied
	numKinds
)

func (k Kind) String() string {
	return [...]string{"refused", "static", "script", "redirect", "proxied"}[k]
}

// isApp tells an application that answers by itself from scripts.
func (p *Plan) isApp() bool { return p.ruled != nil && p.ruled.Handler == appHandler }

// isPHP tells PHP from all else that answers by itself.
func (p *Plan) isPHP() bool { return p.filter == 0 && !p.isApp() && !p.isCGI() }

// isCGI tells a CGI program from PHP.
func (p *Plan) isCGI() bool { return p.ruled != nil && p.ruled.Handler == cgiHandler }

// Plan is a resolved request: what will be done, and why.
type Plan struct {
	Kind   Kind
	Status int // of Refused and Redirect
	Why    string
	// File is the decoded URL path of the file or script; PathInfo the rest of
	// the path behind a script.
	File     []byte
	PathInfo []byte
	// Location is a redirect's target path, still encoded, or the URL that the
	// request is passed on to.
	Location []byte

	// ruled is set where .htaccess rules made the plan.
	ruled *rewrite.Answer
	root  *rootCache
	entry *static.Entry
	// filter is who answers with what it makes of a file, counted from 1; 0: nobody.
	filter int
}
