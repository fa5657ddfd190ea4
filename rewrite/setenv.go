package rewrite

import (
	"errors"
	"strings"
)

// envOp is a SetEnv, UnsetEnv or PassEnv.
type envOp struct {
	name, value string
	unset, pass bool
	file        string
	line        int
}

// envRule is a SetEnvIf and its kin.
type envRule struct {
	file, text string
	line       int
	kind       envSource
	name       string   // a header or variable
	names      *Pattern // several headers, by pattern
	pattern    *Pattern
	expr       *Expr
	sets       []Var // value "!" unsets
	groups     bool
	literal    bool // the pattern is plain text: values are taken as they are
}

type envSource uint8

const (
	envHeader envSource = iota
	envHeaders
	envRemoteHost
	envRemoteAddr
	envServerAddr
	envURI
	envMethod
	envProtocol
	envExpr
)

var envSources = map[string]envSource{
	"remote_host": envRemoteHost, "remote_addr": envRemoteAddr, "server_addr": envServerAddr,
	"request_uri": envURI, "request_method": envMethod, "request_protocol": envProtocol,
}

func init() {
	one := func(op func(args []string) envOp) func(*compiler, *scope, *node, []string) error {
		return func(c *compiler, s *scope, n *node, args []string) error {
			o := op(args)
			o.file, o.line = c.file.Name, n.line
			s.cfg.env = append(s.cfg.env, o)
			return nil
		}
	}
	many := func(op func(name string) envOp) func(*compiler, *scope, *node, []string) error {
		return func(c *compiler, s *scope, n *node, args []string) error {
			for _, a := range args {
				o := op(a)
				o.file, o.line = c.file.Name, n.line
				s.cfg.env = append(s.cfg.env, o)
			}
			return nil
		}
	}
	setIf := func(fold bool) func(*compiler, *scope, *node, []string) error {
		return func(c *compiler, s *scope, n *node, args []string) error {
			return c.setEnvIfLine(s, n, args[0], args[1:], fold)
		}
	}
	browser := func(fold bool) func(*compiler, *scope, *node, []string) error {
		return func(c *compiler, s *scope, n *node, args []string) error {
			return c.setEnvIfLine(s, n, "User-Agent", args, fold)
		}
	}
	atLeast := func(n int) argShape { return argShape{min: n, max: -1, full: n} }
	register(map[string]directive{
		"setenv": {OverrideFileInfo, take12, one(func(a []string) envOp {
			if len(a) == 1 {
				return envOp{name: a[0]}
			}
			return envOp{name: a[0], value: a[1]}
		})},
		"unsetenv":           {OverrideFileInfo, takeMany, many(func(n string) envOp { return envOp{name: n, unset: true} })},
		"passenv":            {OverrideFileInfo, takeMany, many(func(n string) envOp { return envOp{name: n, pass: true} })},
		"setenvif":           {OverrideFileInfo, atLeast(3), setIf(false)},
		"setenvifnocase":     {OverrideFileInfo, atLeast(3), setIf(true)},
		"browsermatch":       {OverrideFileInfo, atLeast(2), browser(false)},
		"browsermatchnocase": {OverrideFileInfo, atLeast(2), browser(true)},
		"setenvifexpr": {OverrideFileInfo, atLeast(2), func(c *compiler, s *scope, n *node, args []string) error {
			e, err := c.expr(args[0])
			if err != nil {
				return err
			}
			r := &envRule{file: c.file.Name, line: n.line, text: n.name + " " + n.args, kind: envExpr, expr: e}
			s.cfg.setIf = append(s.cfg.setIf, r)
			return r.features(args[1:])
		}},
	})
}

func (c *compiler) setEnvIfLine(s *scope, n *node, name string, args []string, fold bool) error {
	r := &envRule{file: c.file.Name, line: n.line, text: n.name + " " + n.args, name: name}
	if k, ok := envSources[toLower(name)]; ok {
		r.kind = k
	} else if strings.ContainsAny(name, `\^$.|?*+()[]{}`) {
		p, err := CompilePattern(name, true)
		if err != nil {
			return err
		}
		r.kind, r.names = envHeaders, p
	}
	if args[0] == "" {
		return errors.New("missing regular expression")
	}
	p, err := CompilePattern(args[0], fold)
	if err != nil {
		return err
	}
	r.pattern, r.literal = p, isLiteral(args[0])
	s.cfg.setIf = append(s.cfg.setIf, r)
	return r.features(args[1:])
}

// isLiteral tells whether a pattern is plain text, special characters being
// escaped (non_regexp_chars of mod_setenvif). Apache searches for the text then,
// and $0 in a value stays what it is.
func isLiteral(pattern string) bool {
	escaped := false
	for i := 0; i < len(pattern); i++ {
		switch {
		case pattern[i] == '\\':
			escaped = !escaped
		case (strings.IndexByte("^.$|()[]*+?{}", pattern[i]) >= 0) != escaped:
			return false
		default:
			escaped = false
		}
	}
	return true
}

func (r *envRule) features(args []string) error {
	for _, a := range args {
		name, value, ok := strings.Cut(a, "=")
		if strings.HasPrefix(name, "!") {
			name, value = name[1:], "!"
		} else if !ok {
			value = "1"
		}
		if name == "" {
			return errors.New("missing envariable expression")
		}
		r.groups = r.groups || !r.literal && strings.ContainsAny(value, `$\`)
		r.sets = append(r.sets, Var{name, value})
	}
	return nil
}

// setEnvIf runs the SetEnvIf family.
func (r *record) setEnvIf() {
	for _, e := range r.cfg.setIf {
		if !e.holds(r) {
			continue
		}
		for _, v := range e.sets {
			if v.Value == "!" {
				r.env.Unset(v.Name)
				r.q.traceUnset(v.Name, e.file, e.line)
				continue
			}
			value := v.Value
			if e.groups {
				value = substituteGroups(value, &r.q.match)
			}
			r.env.Set(v.Name, value)
			r.q.traceVariable(v.Name, value, e.file, e.line)
		}
	}
}

func (e *envRule) holds(r *record) bool {
	m := &r.q.match
	m.clear()
	switch e.kind { //nolint:exhaustive // the others have a subject
	case envExpr:
		r.q.scope = exprScope{r: r, match: m, vary: &r.vary}
		ok, err := e.expr.test(&r.q.scope)
		if err != nil {
			r.q.log("SetEnvIfExpr: " + err.Error())
		}
		return ok
	case envHeaders:
		for i := range r.q.Fields {
			if e.names.MatchString(r.q.Fields[i].Name) {
				if v, _ := r.q.header(r.q.Fields[i].Name); e.match(v, m) {
					return true
				}
			}
		}
		return false
	default:
		return e.match(e.subject(r), m)
	}
}

func (e *envRule) match(s string, m *Match) bool {
	if e.groups {
		return e.pattern.Find(s, m)
	}
	return e.pattern.MatchString(s)
}

func (e *envRule) subject(r *record) string {
	switch e.kind {
	case envRemoteHost:
		return r.q.remoteHost()
	case envRemoteAddr:
		return r.q.remoteAddr()
	case envServerAddr:
		return r.q.LocalAddr
	case envURI:
		return r.uri
	case envMethod:
		return r.method
	case envProtocol:
		return r.q.Protocol
	case envHeader, envHeaders, envExpr:
	}
	if v, ok := r.q.header(e.name); ok {
		return v
	}
	v, _ := r.env.Get(e.name)
	return v
}

// setEnv runs SetEnv, UnsetEnv and PassEnv.
func (r *record) setEnv() {
	for i, o := range r.cfg.env {
		switch {
		case o.unset:
		case unsetLater(r.cfg.env[i+1:], o.name):
		case o.pass:
			if v, ok := r.q.Env.Getenv(o.name); ok {
				r.env.Set(o.name, v)
				r.q.traceVariable(o.name, v, o.file, o.line)
			}
		default:
			r.env.Set(o.name, o.value)
			r.q.traceVariable(o.name, o.value, o.file, o.line)
		}
	}
}

// joined makes one field of those that have the same name, as Apache does when it
// reads a request: "RequestHeader add" makes another one.
func (q *Request) joined(fields []Field) []Field {
	n := 0
	for i, f := range fields {
		if _, twice := getField(fields[:n], f.Name); twice {
			continue
		}
		if _, again := getField(fields[i+1:], f.Name); again {
			f.Value, _ = q.header(f.Name)
		}
		fields[n] = f
		n++
	}
	return fields[:n]
}

// lastOfEach keeps the last field of each name: a script is given all of them in
// turn, and sees the last.
func lastOfEach(fields []Field) []Field {
	n := 0
	for i, f := range fields {
		if _, again := getField(fields[i+1:], f.Name); !again {
			fields[n] = f
			n++
		}
	}
	return fields[:n]
}

// unsetLater tells that UnsetEnv takes a variable back. It knows only those of
// SetEnv and PassEnv, not what SetEnvIf or a rule has set.
func unsetLater(ops []envOp, name string) bool {
	for _, o := range ops {
		if o.unset && equalFold(o.name, name) {
			return true
		}
	}
	return false
}

// editRequest runs RequestHeader.
func (r *record) editRequest() {
	for _, h := range r.cfg.request {
		x := exprScope{r: r}
		if h.applies(&x) {
			if !r.q.edited {
				r.q.Fields = r.q.joined(r.q.Fields)
			}
			r.q.Fields, r.q.edited = h.apply(r.q.Fields, fresh(&x)), true
			r.q.traceField(TraceRequest, h, r.q.Fields)
		}
	}
}
