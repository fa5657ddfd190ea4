package rewrite

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// authzResult is what a Require comes to.
type authzResult uint8

const (
	authzDenied authzResult = iota
	authzNoUser             // denied, but a user may change that
	authzGranted
	authzNeutral
	authzError
)

func (a authzResult) String() string {
	return [...]string{"denied", "denied (no user yet)", "granted", "neutral", "error"}[a]
}

// authzSection is a Require line or a container of them.
type authzSection struct {
	text     string
	file     string // "" for what no single line says
	line     int
	methods  methodMask
	check    func(r *record) authzResult
	all      bool // AND, else OR
	negate   bool
	children []*authzSection
}

// apply evaluates it (apply_authz_sections).
func (s *authzSection) apply(r *record, parentAll bool) authzResult {
	if s.methods&methodBit(r.method) == 0 {
		if parentAll {
			return authzGranted
		}
		return authzNeutral
	}
	result := authzNeutral
	if s.check != nil {
		result = s.check(r)
	} else {
		result = s.combine(r)
	}
	if s.negate {
		switch result {
		case authzGranted:
			result = authzDenied
		case authzDenied, authzNoUser:
			result = authzNeutral
		case authzNeutral, authzError:
		}
	}
	if r.q.Trace != nil {
		r.q.trace(Event{Kind: TraceAccess, File: s.file, Line: s.line, Directive: s.text, After: result.String(), Matched: result == authzGranted})
	}
	return result
}

func (s *authzSection) combine(r *record) authzResult {
	result := authzNeutral
	for _, c := range s.children {
		one := c.apply(r, s.all)
		switch {
		case one == authzError:
			return one
		case one == authzNeutral:
		case s.all && one == authzDenied, !s.all && one == authzGranted:
			return one
		case s.all && one == authzNoUser && result != authzDenied,
			!s.all && one == authzNoUser && result == authzDenied,
			result == authzNeutral:
			result = one
		}
	}
	return result
}

func mergeRequire(base, over *authzSection, merging *uint8) *authzSection {
	switch {
	case over == nil:
		return base
	case base == nil || merging == nil || *merging == authMergeOff:
		return over
	}
	return &authzSection{
		text: "AuthMerging", methods: allMethods, all: *merging == authMergeAnd,
		children: []*authzSection{base, over},
	}
}

const (
	authMergeOff uint8 = iota
	authMergeAnd
	authMergeOr
)

func init() {
	register(map[string]directive{
		"require": {OverrideAuthConfig, takeRaw, requireLine},
		"authmerging": {OverrideAuthConfig, take1, func(_ *compiler, s *scope, _ *node, args []string) error {
			v, ok := map[string]uint8{"off": authMergeOff, "and": authMergeAnd, "or": authMergeOr}[toLower(args[0])]
			if !ok {
				return errors.New("must be one of Off | And | Or")
			}
			s.cfg.core.authMerging = &v
			return nil
		}},
		"order": {OverrideLimit, take1, orderLine},
		"allow": {OverrideLimit, take2up, allowLine}, "deny": {OverrideLimit, take2up, allowLine},
		"satisfy":               {OverrideAuthConfig, take1, satisfyLine},
		"authzsendforbidden":    {OverrideAuthConfig, take1, ignoreQuietly},
		"authzproviderauthuser": {OverrideAuthConfig, takeAny, ignoreQuietly},
	})
}

// containerOf is where a Require goes: the innermost container, or the context's
// own, which is an OR.
func (s *scope) containerOf() *authzSection {
	if s.require != nil {
		return s.require
	}
	if s.cfg.require == nil {
		s.cfg.require = &authzSection{text: "Require", methods: s.methods}
	}
	s.cfg.require.methods |= s.methods
	return s.cfg.require
}

func requireLine(c *compiler, s *scope, n *node, _ []string) error {
	kind, rest := nextWord(n.args)
	negate := false
	if equalFold(kind, "not") {
		negate = true
		kind, rest = nextWord(rest)
	}
	if kind == "" {
		return errors.New("takes an argument")
	}
	check, err := c.authzProvider(kind, rest)
	if err != nil {
		return err
	}
	if negate && s.require == nil {
		return errors.New("negative Require directive has no effect in <RequireAny> directive")
	}
	if negate && !s.require.all {
		return errors.New("negative Require directive has no effect in " + s.require.text + " directive")
	}
	outer := s.containerOf()
	outer.children = append(outer.children, &authzSection{
		text: "Require " + n.args, file: c.file.Name, line: n.line, methods: s.methods, check: check, negate: negate,
	})
	return nil
}

func (c *compiler) requireBlock(n *node, s *scope) error {
	if err := c.allowed(OverrideAuthConfig); err != nil {
		return err
	}
	if n.args != "" {
		return errors.New("takes no argument")
	}
	sec := &authzSection{text: n.name + ">", file: c.file.Name, line: n.line, methods: s.methods, all: n.key == "requireall", negate: n.key == "requirenone"}
	inner := *s
	inner.require = sec
	c.inner(n, &inner)
	if len(sec.children) == 0 {
		return nil
	}
	if sec.negate && s.require == nil {
		return errors.New("<RequireNone> directive contains no authorization directive that could grant")
	}
	if sec.all {
		only := true
		for _, ch := range sec.children {
			only = only && ch.negate
		}
		if only {
			return errors.New(n.name + "> directive contains only negative authorization directives")
		}
	}
	outer := s.containerOf()
	outer.children = append(outer.children, sec)
	return nil
}

func granted(ok bool) authzResult {
	if ok {
		return authzGranted
	}
	return authzDenied
}

// authzProvider compiles what follows "Require"; kind is written as it is, in
// lower case, or unknown.
func (c *compiler) authzProvider(kind, rest string) (func(r *record) authzResult, error) {
	args := words(rest)
	needs := func() error {
		if len(args) == 0 {
			return fmt.Errorf("'Require %s' needs an argument", kind)
		}
		return nil
	}
	switch kind {
	case "all":
		if len(args) != 1 || (!equalFold(args[0], "granted") && !equalFold(args[0], "denied")) {
			return nil, errors.New("argument for 'Require all' must be 'granted' or 'denied'")
		}
		ok := equalFold(args[0], "granted")
		return func(*record) authzResult { return granted(ok) }, nil
	case "env":
		return func(r *record) authzResult {
			for _, w := range args {
				if _, ok := r.env.Get(w); ok {
					return authzGranted
				}
			}
			return authzDenied
		}, needs()
	case "ip":
		return requireIP(args)
	case "local":
		return func(r *record) authzResult {
			a := r.q.RemoteAddr.Unmap()
			return granted(a.IsLoopback() || a.String() == r.q.LocalAddr)
		}, nil
	case "host", "forward-dns":
		return func(r *record) authzResult {
			name := r.q.remoteName()
			for _, w := range args {
				if name != "" && inDomain(w, name) {
					return authzGranted
				}
			}
			return authzDenied
		}, needs()
	case "method":
		var mask methodMask
		for _, w := range args {
			bit := methodBit(w)
			if bit == otherMethods {
				return nil, errors.New("invalid method '" + w + "'")
			}
			mask |= bit
		}
		return func(r *record) authzResult { return granted(mask&methodBit(r.method) != 0) }, needs()
	case "expr":
		return c.requireExpr(rest)
	}
	return userProvider(kind, args)
}

func requireIP(args []string) (func(r *record) authzResult, error) {
	if len(args) == 0 {
		return nil, errors.New("'require ip' requires an argument")
	}
	var nets []netip.Prefix
	for _, w := range args {
		p, err := parseNet(w)
		if err != nil {
			return nil, fmt.Errorf("ip address '%s' appears to be invalid", w)
		}
		nets = append(nets, p)
	}
	return func(r *record) authzResult {
		a := r.q.RemoteAddr.Unmap()
		for _, p := range nets {
			if p.Contains(a) {
				return authzGranted
			}
		}
		return authzDenied
	}, nil
}

func (c *compiler) requireExpr(rest string) (func(r *record) authzResult, error) {
	source := rest
	if rest != "" && isQuote(rest[0]) {
		if w, more := nextWord(rest); more == "" {
			source = w
		}
	}
	e, err := c.expr(source)
	if err != nil {
		return nil, err
	}
	return func(r *record) authzResult {
		ok, err := e.test(&exprScope{r: r, vary: &r.vary})
		if err != nil {
			return authzError
		}
		return granted(ok)
	}, nil
}

// userProvider compiles the kinds that need a user.
func userProvider(kind string, args []string) (func(r *record) authzResult, error) {
	withUser := func(ok func(r *record) bool) func(r *record) authzResult {
		return func(r *record) authzResult {
			if r.user == "" {
				return authzNoUser
			}
			return granted(ok(r))
		}
	}
	switch kind {
	case "valid-user":
		return withUser(func(*record) bool { return true }), nil
	case "user":
		return withUser(func(r *record) bool {
			for _, w := range args {
				if w == r.user {
					return true
				}
			}
			return false
		}), nil
	case "group":
		return withUser(func(r *record) bool { return r.inGroup(args) }), nil
	case "file-owner", "file-group":
		// Owners of files mean nothing to a server that hosts for others.
		return withUser(func(*record) bool { return false }), nil
	}
	return nil, fmt.Errorf("unknown Authz provider: %s", kind)
}

// inDomain tells whether a host name is a name or lies below it.
func inDomain(domain, name string) bool {
	if len(name) < len(domain) || !equalFold(name[len(name)-len(domain):], domain) {
		return false
	}
	return len(name) == len(domain) || strings.HasPrefix(domain, ".") || name[len(name)-len(domain)-1] == '.'
}

// access runs access control, authentication and authorization. It returns a
// status, 0 if the request may go on.
func (r *record) access() int {
	for o := r.prev; o != nil; o = nil {
		if o.cfg == r.cfg {
			r.user, r.authType = o.user, o.authType
			return 0
		}
	}
	if r.main != nil && r.main.cfg == r.cfg {
		r.user, r.authType = r.main.user, r.main.authType
		return 0
	}
	if r.cfg.core.requireTLS && !r.q.TLS {
		r.q.log("access to " + r.filename + " failed, reason: SSL connection required")
		return 403
	}
	anyOf := r.cfg.compat.satisfyAny(r.method)
	host := r.cfg.compat.check(r)
	if r.q.Trace != nil && r.cfg.compat != nil {
		r.q.traceCompat(r.cfg.compat, anyOf, host == 0)
	}
	if anyOf && host == 0 {
		return 0
	}
	if !anyOf && host != 0 {
		r.q.log("client denied by server configuration: " + r.filename)
		return host
	}
	status, decided := r.authorize(false)
	if decided {
		return status
	}
	if status := r.authenticate(); status != 0 {
		return status
	}
	if r.q.Trace != nil {
		r.q.trace(Event{Kind: TraceAccess, Directive: "AuthType " + r.authType, After: "user " + r.user, Matched: true})
	}
	status, _ = r.authorize(true)
	return status
}

// authorize evaluates Require; decided is false when a user is needed first.
func (r *record) authorize(afterUser bool) (status int, decided bool) {
	if r.cfg.require == nil {
		if r.cfg.auth.kind != nil && !equalFold(*r.cfg.auth.kind, "none") {
			r.q.log("AuthType configured with no corresponding authorization directives")
			return 500, true
		}
		return 0, true
	}
	switch r.cfg.require.apply(r, true) {
	case authzGranted:
		return 0, true
	case authzNoUser:
		if afterUser {
			return 401, true
		}
		return 0, false
	case authzDenied, authzNeutral:
		if !afterUser || r.cfg.auth.kind == nil {
			r.q.log("client denied by server configuration: " + r.filename)
			return 403, true
		}
		r.q.log("user " + r.user + ": authorization failure for " + r.uri)
		r.noteChallenge()
		return 401, true
	case authzError:
	}
	return 500, true
}
