package rewrite

import (
	"errors"
	"fmt"
	"strings"
)

// section compiles a section and what is in it.
func (c *compiler) section(n *node, s *scope) error {
	switch n.key {
	case "ifmodule", "ifdefine", "ifversion", "iffile", "ifdirective", "ifsection":
		hold, err := c.condition(n)
		if err != nil || !hold {
			return err
		}
		c.inner(n, s)
		return nil
	case "files", "filesmatch":
		return c.files(n, s)
	case "if", "elseif", "else":
		return c.ifSection(n, s)
	case "limit", "limitexcept":
		return c.limit(n, s)
	case "requireall", "requireany", "requirenone":
		return c.requireBlock(n, s)
	case "directory", "directorymatch", "location", "locationmatch", "virtualhost", "proxy", "proxymatch":
		return errors.New("not allowed here")
	}
	return fmt.Errorf("invalid command '%s', perhaps misspelled or defined by a module not included in the server configuration", n.name)
}

// inner compiles the children into the same context; what they leave behind
// (the If that an Else belongs to) stays.
func (c *compiler) inner(n *node, s *scope) {
	for _, child := range n.children {
		if c.fault != nil && !c.all {
			return
		}
		if err := c.node(child, s); err != nil {
			c.refuse(child, err)
		}
	}
}

func (c *compiler) files(n *node, s *scope) error {
	if s.inFiles {
		return errors.New("cannot occur within <Files> section")
	}
	if s.inIf {
		return errors.New("cannot occur within <If> section")
	}
	sec := &section{kind: sectionFiles, file: c.file.Name, line: n.line, cfg: &Config{}}
	arg, rest := nextWord(n.args)
	isPattern := n.key == "filesmatch"
	if arg == "~" && !isPattern {
		isPattern = true
		arg, rest = nextWord(rest)
	}
	if arg == "" {
		return errors.New("takes an argument")
	}
	if rest != "" {
		return errors.New("multiple arguments not (yet) supported")
	}
	sec.arg, sec.glob = arg, arg
	if isPattern {
		p, err := CompilePattern(arg, false)
		if err != nil {
			return err
		}
		sec.pattern = p
	}
	inner := scope{cfg: sec.cfg, path: arg + "/", methods: allMethods, inFiles: true}
	c.block(n.children, inner)
	s.cfg.files = append(s.cfg.files, sec)
	return nil
}

func (c *compiler) ifSection(n *node, s *scope) error {
	sec := &section{file: c.file.Name, line: n.line, cfg: &Config{}, arg: n.args}
	switch n.key {
	case "if":
		sec.kind = sectionIf
	case "elseif":
		sec.kind = sectionElseIf
	default:
		sec.kind = sectionElse
	}
	if sec.kind != sectionIf && s.prevIf == nil {
		return errors.New("must follow an <If> or <ElseIf>")
	}
	if sec.kind == sectionElse {
		if n.args != "" {
			return errors.New("<Else> takes no argument")
		}
		s.prevIf = nil
	} else {
		source, rest := nextWord(n.args)
		if rest != "" || (source != "" && !isQuote(n.args[0])) {
			source = n.args
		}
		e, err := c.expr(source)
		if err != nil {
			return err
		}
		sec.expr = e
		s.prevIf = sec
	}
	inner := scope{cfg: sec.cfg, path: "*If/", methods: allMethods, inIf: true, inFiles: s.inFiles}
	c.block(n.children, inner)
	s.cfg.ifs = append(s.cfg.ifs, sec)
	return nil
}

func isQuote(c byte) bool { return c == '"' || c == '\'' }

func (c *compiler) limit(n *node, s *scope) error {
	if err := c.allowed(OverrideAuthConfig | OverrideLimit); err != nil {
		return err
	}
	if s.methods != allMethods {
		return errors.New("cannot be nested")
	}
	var mask methodMask
	for _, w := range words(n.args) {
		if w == "TRACE" {
			return errors.New("TRACE cannot be controlled by <Limit>, see TraceEnable")
		}
		bit := methodBit(w)
		if bit == otherMethods {
			return errors.New("could not register method '" + w + "' for " + n.name)
		}
		mask |= bit
	}
	if n.args == "" {
		return errors.New("takes at least one method")
	}
	if n.key == "limitexcept" {
		mask = allMethods &^ mask
	}
	inner := *s
	inner.methods = mask
	c.inner(n, &inner)
	return nil
}

// methodMask is a set of methods.
type methodMask uint32

var methodNames = [...]string{
	"GET", "PUT", "POST", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH",
	"PROPFIND", "PROPPATCH", "MKCOL", "COPY", "MOVE", "LOCK", "UNLOCK",
	"VERSION-CONTROL", "CHECKOUT", "UNCHECKOUT", "CHECKIN", "UPDATE", "LABEL",
	"REPORT", "MKWORKSPACE", "MKACTIVITY", "BASELINE-CONTROL", "MERGE",
}

const (
	otherMethods methodMask = 1 << len(methodNames)
	allMethods              = otherMethods<<1 - 1
)

// methodBit is a method's place in a mask; HEAD counts as GET, as in Apache.
func methodBit(m string) methodMask {
	if m == "HEAD" {
		m = "GET"
	}
	for i, n := range methodNames {
		if n == m {
			return 1 << i
		}
	}
	return otherMethods
}

// condition evaluates <IfModule> and its kin, which is done once, when the file is read.
func (c *compiler) condition(n *node) (bool, error) {
	arg, rest := nextWord(n.args)
	not := strings.HasPrefix(arg, "!")
	arg = strings.TrimPrefix(arg, "!")
	if arg == "" {
		return false, errors.New("takes an argument")
	}
	hold := false
	switch n.key {
	case "ifmodule":
		hold = c.hasModule(arg)
	case "ifdefine":
		for _, d := range c.dialect.Defines {
			hold = hold || d == arg
		}
	case "ifversion":
		v, err := versionHolds(arg, rest, n.args)
		if err != nil {
			return false, err
		}
		hold = v
	case "iffile":
		hold = c.dialect.Exists != nil && c.dialect.Exists(arg)
	case "ifdirective":
		_, hold = directives[toLower(arg)]
	case "ifsection":
		hold = strings.Contains(" files filesmatch if elseif else limit limitexcept requireall requireany requirenone ifmodule ifdefine ifversion iffile ifdirective ifsection ", " "+strings.Trim(toLower(arg), "<>")+" ")
	}
	return hold != not, nil
}

func (c *compiler) hasModule(name string) bool {
	key := toLower(name)
	key = strings.TrimSuffix(strings.TrimPrefix(key, "mod_"), ".c")
	key = strings.TrimSuffix(key, "_module")
	has := modules[key]
	for _, m := range c.dialect.Modules {
		if strings.TrimPrefix(m, "!") == key {
			has = m[0] != '!'
		}
	}
	return has
}

// modules are those that IfModule finds: those whose directives are understood.
// Plugins switch on by them, so each name here is a promise.
var modules = map[string]bool{
	"core": true, "so": true, "http": true, "http_core": true, "unixd": true, "mpm_event": true,
	"rewrite": true, "headers": true, "expires": true, "setenvif": true, "env": true,
	"mime": true, "dir": true, "alias": true, "authz_core": true, "authz_host": true,
	"authz_user": true, "authz_groupfile": true, "authn_core": true, "authn_file": true,
	"auth_basic": true, "deflate": true, "filter": true, "brotli": true,
	"negotiation": true, "autoindex": true, "version": true, "proxy_fcgi": true,
	"proxy": true, "access_compat": true, "ssl": true, "socache_shmcb": true, "reqtimeout": true,
}

// serverVersion is the Apache that IfVersion meets.
var serverVersion = [3]int{2, 4, 71}

// versionHolds evaluates <IfVersion [operator] version>.
func versionHolds(first, rest, all string) (bool, error) {
	op, want := "=", first
	if rest != "" {
		op, want = strings.Trim(strings.TrimSpace(strings.TrimSuffix(all, rest)), `"'`), strings.Trim(rest, ` "'`)
	}
	op = strings.TrimPrefix(op, "!")
	if op == "=" || op == "==" {
		if len(want) > 1 && want[0] == '/' && want[len(want)-1] == '/' {
			op, want = "~", want[1:len(want)-1]
		}
	}
	if op == "~" {
		p, err := CompilePattern(want, false)
		if err != nil {
			return false, err
		}
		return p.MatchString(fmt.Sprintf("%d.%d.%d", serverVersion[0], serverVersion[1], serverVersion[2])), nil
	}
	c, err := compareVersion(want)
	if err != nil {
		return false, err
	}
	switch op {
	case "=", "==":
		return c == 0, nil
	case ">":
		return c > 0, nil
	case ">=":
		return c >= 0, nil
	case "<":
		return c < 0, nil
	case "<=":
		return c <= 0, nil
	}
	return false, fmt.Errorf("unrecognized operator %q", op)
}

// compareVersion compares the server's version with one of up to three parts;
// missing parts are 0, as in mod_version.
func compareVersion(want string) (int, error) {
	parts := strings.SplitN(want, ".", 3)
	for i := range serverVersion {
		n := 0
		if i < len(parts) {
			if parts[i] == "" || !isDigit(parts[i][0]) {
				return 0, fmt.Errorf("version %q is not a number", want)
			}
			n = int(atoi(parts[i]))
		}
		if serverVersion[i] != n {
			return int(sign(int64(serverVersion[i] - n))), nil
		}
	}
	return 0, nil
}
