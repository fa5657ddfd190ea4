package site

import (
	"sluice/cgi"
	"sluice/gateway"
	"sluice/rewrite"
	"sluice/static"
)

// Authorizer is a FastCGI program that is asked before anything of some paths is
// given away (FastCGI §6.3).
type Authorizer struct {
	// Paths are below the site's own: those asked for, and those that rules lead to.
	Paths   Matcher
	Backend *gateway.Options
	// Script is SCRIPT_FILENAME for a program that runs scripts, such as php-fpm;
	// "": what the request is for.
	Script string
}

// authorizersMax bounds a site's authorizers: x.passed has a bit for each.
const authorizersMax = 64

// mustAsk asks the next authorizer that has a say in a request, and tells whether
// there was one. It goes on with a when all have let it through.
func (x *Exchange) mustAsk(a *rewrite.Answer) bool {
	list := x.site.opts.Authorizers
	if len(list) == 0 || x.filesOnly { // what X-Sendfile names was decided by a script
		return false
	}
	var asked []byte
	if x.status == 0 && x.hops == 0 { // later it was let through, or the answer is another page
		if p, err := static.DecodePath(nil, x.Req.Path); err == nil {
			asked = x.site.below(p)
		}
	}
	leadsTo, file := x.site.below([]byte(a.URI)), []byte(nil)
	if root, rel := x.site.rootOfFile(a.Filename); root != nil {
		file = x.site.below(append([]byte(root.prefix), rel...))
	}
	for i := range list {
		m := list[i].Paths
		if x.passed&(1<<i) == 0 && (asked != nil && m.Match(string(asked)) || m.Match(string(leadsTo)) || file != nil && m.Match(string(file))) {
			x.ask(i, a)
			return true
		}
	}
	return false
}

// ask puts a request to an authorizer. Its content is held back meanwhile.
func (x *Exchange) ask(i int, a *rewrite.Answer) {
	x.plan = Plan{Kind: Script, File: []byte(a.URI), root: &x.site.roots[0], ruled: a}
	x.query = x.Req.Query
	env := &cgi.Environment{Request: x.asRuled(a)}
	x.fillEnvironment(env, false)
	env.RedirectStatus = 200 // that of an error, if this is its page, is not the authorizer's
	if s := x.site.opts.Authorizers[i].Script; s != "" {
		env.ScriptFilename = []byte(s)
	}
	if x.Rehearse != nil { // nobody is asked: all are let through
		x.Rehearse(env)
		x.passed |= 1 << i
		x.plan = Plan{}
		x.obey(a)
		return
	}
	if x.content == undecided {
		x.Stream.PauseContent()
	}
	x.askedFor, x.askedBy, x.answered = a, i, false
	asking := x.site.authorizers[i].Authorize(x, env)
	if !x.answered {
		x.asking = asking
	}
}

// Allowed implements gateway.Authorized.
func (x *Exchange) Allowed(vars []cgi.Variable) {
	x.endAsking()
	x.passed |= 1 << x.askedBy
	x.granted = append(x.granted, vars...)
	x.plan = Plan{}
	g := x.ruling
	turn := g.turn
	if x.obey(x.askedFor); g.turn == turn { // else it serves another by now
		g.giveHeld(x)
	}
}

// endAsking: the authorizer has nothing more to say.
func (x *Exchange) endAsking() { x.asking, x.answered = nil, true }
