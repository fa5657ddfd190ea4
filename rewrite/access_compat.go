package rewrite

import (
	"errors"
	"net/netip"
	"strings"
)

// compatConf is mod_access_compat's configuration. A context's own replaces the
// one above whole.
type compatConf struct {
	file    string // of its first line
	line    int
	orders  []orderEntry
	allows  []allowEntry
	denies  []allowEntry
	satisfy []satisfyEntry
}

type orderKind uint8

const (
	orderDenyAllow orderKind = iota
	orderAllowDeny
	orderMutual
)

type orderEntry struct {
	methods methodMask
	kind    orderKind
}

type satisfyEntry struct {
	methods methodMask
	any     bool
}

type allowKind uint8

const (
	allowAll allowKind = iota
	allowEnv
	allowNotEnv
	allowNet
	allowHost
)

type allowEntry struct {
	methods methodMask
	kind    allowKind
	text    string
	net     netip.Prefix
}

func (c *compiler) compatOf(s *scope, n *node) *compatConf {
	if s.cfg.compat == nil {
		s.cfg.compat = &compatConf{file: c.file.Name, line: n.line}
	}
	return s.cfg.compat
}

func orderLine(c *compiler, s *scope, n *node, args []string) error {
	kind, ok := map[string]orderKind{"allow,deny": orderAllowDeny, "deny,allow": orderDenyAllow, "mutual-failure": orderMutual}[toLower(args[0])]
	if !ok {
		return errors.New("unknown order")
	}
	conf := c.compatOf(s, n)
	conf.orders = append(conf.orders, orderEntry{s.methods, kind})
	return nil
}

func satisfyLine(c *compiler, s *scope, n *node, args []string) error {
	conf := c.compatOf(s, n)
	switch toLower(args[0]) {
	case "all":
		conf.satisfy = append(conf.satisfy, satisfyEntry{s.methods, false})
	case "any":
		conf.satisfy = append(conf.satisfy, satisfyEntry{s.methods, true})
	default:
		return errors.New("satisfy either 'any' or 'all'")
	}
	return nil
}

func allowLine(c *compiler, s *scope, n *node, args []string) error {
	if !equalFold(args[0], "from") {
		return errors.New("allow and deny must be followed by 'from'")
	}
	conf := c.compatOf(s, n)
	for _, w := range args[1:] {
		e, err := allowOf(w)
		if err != nil {
			return err
		}
		e.methods = s.methods
		if n.key == "allow" {
			conf.allows = append(conf.allows, e)
		} else {
			conf.denies = append(conf.denies, e)
		}
	}
	return nil
}

func allowOf(w string) (allowEntry, error) {
	lower := toLower(w)
	switch {
	case strings.HasPrefix(lower, "env=!"):
		return allowEntry{kind: allowNotEnv, text: w[5:]}, nil
	case strings.HasPrefix(lower, "env="):
		return allowEntry{kind: allowEnv, text: w[4:]}, nil
	case lower == "all":
		return allowEntry{kind: allowAll}, nil
	}
	p, err := parseNet(w)
	switch {
	case err == nil:
		return allowEntry{kind: allowNet, net: p}, nil
	case strings.IndexByte(w, '/') >= 0:
		return allowEntry{}, errNetAddr
	case strings.IndexByte(w, '#') >= 0:
		return allowEntry{}, errors.New("no comments are allowed here")
	}
	return allowEntry{kind: allowHost, text: w}, nil
}

func (e *allowEntry) match(r *record) bool {
	if e.methods&methodBit(r.method) == 0 {
		return false
	}
	switch e.kind {
	case allowAll:
		return true
	case allowEnv, allowNotEnv:
		_, ok := r.env.Get(e.text)
		return ok == (e.kind == allowEnv)
	case allowNet:
		return e.net.Contains(r.q.RemoteAddr.Unmap())
	case allowHost:
		name := r.q.remoteName()
		return name != "" && inDomain(e.text, name)
	}
	return false
}

func anyMatch(list []allowEntry, r *record) bool {
	for i := range list {
		if list[i].match(r) {
			return true
		}
	}
	return false
}

// check is check_dir_access: 0 or 403.
func (c *compatConf) check(r *record) int {
	if c == nil {
		return 0
	}
	order, m := orderDenyAllow, methodBit(r.method)
	for _, o := range c.orders {
		if o.methods&m != 0 {
			order = o.kind
		}
	}
	ok := false
	switch order {
	case orderAllowDeny:
		ok = anyMatch(c.allows, r) && !anyMatch(c.denies, r)
	case orderDenyAllow:
		ok = !anyMatch(c.denies, r) || anyMatch(c.allows, r)
	case orderMutual:
		ok = anyMatch(c.allows, r) && !anyMatch(c.denies, r)
	}
	if ok {
		return 0
	}
	return 403
}

func (c *compatConf) satisfyAny(method string) bool {
	if c == nil {
		return false
	}
	result, m := false, methodBit(method)
	for _, s := range c.satisfy {
		if s.methods&m != 0 {
			result = s.any
		}
	}
	return result
}
