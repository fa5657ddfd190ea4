package rewrite

import "strings"

// Merger makes the configuration of a chain of files and remembers it, so that a
// request costs one lookup per .htaccess on its way. It is not safe for
// concurrent use: each loop has its own.
type Merger struct {
	base *chainNode
	from *File
}

// chainNode is a chain of files: those above, then one more.
type chainNode struct {
	cfg      *Config
	fault    *Finding
	next     map[*File]*chainNode
	names    map[string]*Config // by the base name
	sections map[uint64]*Config // by the <Files> sections that apply
	named    []*section         // the <FilesMatch> sections with named groups
}

// start returns the chain of the server's own configuration.
func (m *Merger) start(base *File) *chainNode {
	if m.base == nil || m.from != base {
		m.from = base
		m.base = &chainNode{cfg: &Config{}}
		if base != nil {
			m.base.cfg = base.cfg
			m.base.fault = base.Fault
		}
	}
	return m.base
}

// add returns the chain with one more file. Files that changed leave their old
// chains behind; when there are too many all are forgotten.
func (n *chainNode) add(f *File) *chainNode {
	if c := n.next[f]; c != nil {
		return c
	}
	if n.next == nil || len(n.next) >= chainConfigsMax {
		n.next = make(map[*File]*chainNode)
	}
	c := &chainNode{cfg: merge(n.cfg, f.cfg), fault: n.fault}
	if f.Fault != nil {
		c.fault = f.Fault
	}
	for _, s := range c.cfg.files {
		if s.pattern != nil && len(s.pattern.named) > 0 {
			c.named = append(c.named, s)
		}
	}
	n.next[f] = c
	return c
}

// forName merges the <Files> sections that apply to a base name.
func (n *chainNode) forName(base string, seen func(s *section, applies bool)) *Config {
	if len(n.cfg.files) == 0 {
		return n.cfg
	}
	if seen == nil {
		if c := n.names[base]; c != nil {
			return c
		}
	}
	mask, cacheable := uint64(0), len(n.cfg.files) <= 64
	var applies []*section
	for i, s := range n.cfg.files {
		ok := s.matchesName(base)
		if seen != nil {
			seen(s, ok)
		}
		if !ok {
			continue
		}
		if cacheable {
			mask |= 1 << i
		} else {
			applies = append(applies, s)
		}
	}
	if cacheable {
		if c := n.sections[mask]; c != nil {
			return n.remember(base, c)
		}
		for i, s := range n.cfg.files {
			if mask&(1<<i) != 0 {
				applies = append(applies, s)
			}
		}
	}
	c := n.cfg
	for _, s := range applies {
		c = merge(c, s.cfg)
	}
	if cacheable {
		if n.sections == nil || len(n.sections) >= chainConfigsMax {
			n.sections = make(map[uint64]*Config)
		}
		n.sections[mask] = c
	}
	return n.remember(base, c)
}

// remember keeps what a base name came to: names repeat, and patterns are slow.
func (n *chainNode) remember(base string, c *Config) *Config {
	if n.names == nil || len(n.names) >= chainNamesMax {
		n.names = make(map[string]*Config)
	}
	n.names[strings.Clone(base)] = c
	return c
}

// setNamed makes variables of the named groups of <FilesMatch>.
func (r *record) setNamed(base string) {
	var m Match
	for _, s := range r.node.named {
		if !s.pattern.Find(base, &m) {
			continue
		}
		for _, g := range s.pattern.named {
			if v, ok := m.taken(g.n); ok {
				r.env.Set(g.variable, v)
				r.q.traceVariable(g.variable, v, s.file, s.line)
			}
		}
	}
}

// applyIfs evaluates the <If> sections of a list and merges those that hold.
func (r *record) applyIfs(c *Config, list []*section) (*Config, error) {
	previous := false
	for _, s := range list {
		switch s.kind {
		case sectionElseIf, sectionElse:
			if previous {
				r.q.traceSection(s, false)
				continue
			}
		case sectionIf, sectionFiles:
		}
		hold := true
		if s.expr != nil {
			scope := exprScope{r: r, vary: &r.vary}
			ok, err := s.expr.test(&scope)
			if err != nil {
				return c, err
			}
			hold = ok
		}
		previous = hold
		r.q.traceSection(s, hold)
		if !hold {
			continue
		}
		inner := s.cfg.ifs
		c = merge(c, s.cfg)
		if len(inner) > 0 {
			var err error
			if c, err = r.applyIfs(c, inner); err != nil {
				return c, err
			}
		}
	}
	return c, nil
}
