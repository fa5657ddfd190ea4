package conf

import (
	"fmt"
	"maps"
	"slices"
)

// draft is a configuration on its way from defaults to a checked one.
type draft struct {
	*decoder
	root   *node // the file
	config Config
	site   Site              // what sites inherit
	nodes  []*node           // of config.Sites
	flags  map[string]string // flag by the key it set
}

// newDraft starts from the defaults, which are read like a file's values.
func newDraft(d *decoder, root *node) *draft {
	dr := &draft{decoder: d, root: root, flags: map[string]string{}}
	dr.site = Site{
		MIME:       map[string]string{},
		ErrorPages: map[int]string{},
		PHP:        PHP{Ini: map[string]string{}, Env: map[string]string{}},
	}
	t := target{&dr.config, &dr.site}
	for _, k := range slices.Concat(topLevel.order, siteLevel.order) {
		if k.def == "" {
			continue
		}
		defaults := &decoder{file: "defaults", data: []byte("v = " + k.def), faults: &faults{}}
		n, _ := readTOML(defaults.data, defaults.fault)
		defaults.apply(k, n.get("v").value, t)
		if err := defaults.err(); err != nil {
			panic(fmt.Sprintf("conf: default of key %q: %v", k.path, err)) // a table of ours is wrong
		}
	}
	return dr
}

// inherit copies what sites have in common; no two sites share memory.
func (dr *draft) inherit() Site {
	s := dr.site
	s.Names = slices.Clone(s.Names)
	s.Index = slices.Clone(s.Index)
	s.AllowOverride = slices.Clone(s.AllowOverride)
	s.ProxyTo = slices.Clone(s.ProxyTo)
	s.Aliases = slices.Clone(s.Aliases)
	s.MIME = maps.Clone(s.MIME)
	s.ErrorPages = maps.Clone(s.ErrorPages)
	s.FollowInto = slices.Clone(s.FollowInto)
	s.NoPHP = slices.Clone(s.NoPHP)
	s.Deny = slices.Clone(s.Deny)
	s.Headers = HeaderRules{
		Set:    slices.Clone(s.Headers.Set),
		Add:    slices.Clone(s.Headers.Add),
		Remove: slices.Clone(s.Headers.Remove),
	}
	s.PHP.Ini = maps.Clone(s.PHP.Ini)
	s.PHP.Env = maps.Clone(s.PHP.Env)
	s.PHP.Extensions = slices.Clone(s.PHP.Extensions)
	s.PHP.PathRequests = slices.Clone(s.PHP.PathRequests)
	s.PHP.Servers = slices.Clone(s.PHP.Servers)
	s.Authorizers = slices.Clone(s.Authorizers)
	s.Filters = slices.Clone(s.Filters)
	s.FastCGI.Servers = slices.Clone(s.FastCGI.Servers)
	s.CGI.Extensions = slices.Clone(s.CGI.Extensions)
	s.CGI.Folders = slices.Clone(s.CGI.Folders)
	return s
}

// decode stores the file's values.
func (dr *draft) decode() {
	dr.table(topLevel, dr.root, "", target{&dr.config, &dr.site}, "site")
	m := dr.root.get("site")
	if m == nil {
		return
	}
	items := m.value.items
	if m.value.shape == shapeTable {
		dr.fault(m.at, "site", "sites are a list; did you mean [[site]]?")
		items = []*node{m.value}
	} else if m.value.shape != shapeArray {
		dr.fault(m.value.at, "site", fmt.Sprintf("\"site\" takes [[site]] tables, not %s", m.value.shape))
	}
	for _, n := range items {
		if n.shape != shapeTable {
			dr.fault(n.at, "site", fmt.Sprintf("\"site\" takes [[site]] tables, not %s", n.shape))
			continue
		}
		s := dr.inherit()
		dr.table(siteLevel, n, "", target{&dr.config, &s}, "")
		ownUse(n, &s)
		dr.config.Sites = append(dr.config.Sites, s)
		dr.nodes = append(dr.nodes, n)
	}
}

// report adds a fault of a resolved value: at the flag that set it, at its
// place in the site's table or at the top, or at the site. site is -1 for the
// server's keys. err is the cause from the file system or nil.
func (dr *draft) report(site int, path, msg string, err error) {
	f := &Fault{File: dr.file, Key: path, Msg: msg, Err: err}
	if name, ok := dr.flags[path]; ok {
		f.File = name
		dr.add(f)
		return
	}
	at := -1
	if site >= 0 {
		at = dr.nodes[site].locate(path)
	}
	if at < 0 {
		at = dr.root.locate(path)
	}
	if at < 0 && site >= 0 {
		at = dr.nodes[site].at
	}
	if dr.data != nil && at >= 0 {
		f.Line, f.Column = place(dr.data, at)
	}
	dr.add(f)
}
