package conf

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
)

// theServer stands for the site in reports on the server's keys.
const theServer = -1

// check does what takes several keys or the file system.
func (dr *draft) check() {
	c := &dr.config
	if len(c.Listen) == 0 && !dr.faulty("listen") {
		dr.report(theServer, "listen", "no address to listen on; leave \"listen\" out for :8080", nil)
	}
	if c.Limits.Head < c.Limits.RequestLine {
		dr.report(theServer, "limits.head", fmt.Sprintf(
			"\"limits.head\" (%s) is less than \"limits.request_line\" (%s), which is part of it",
			formatSize(int64(c.Limits.Head)), formatSize(int64(c.Limits.RequestLine))), nil)
	}
	for _, l := range c.Listen {
		if l.Network == "unix" {
			dr.parentExists(theServer, "listen", l.Address)
		}
	}
	dr.logExists(theServer, "error_log", c.ErrorLog)
	dr.logExists(theServer, "access_log.path", c.AccessLog.Path)
	if c.SpoolDir != "" {
		dr.folderExists(theServer, "spool_dir", c.SpoolDir)
	}
	if m := dr.root.get("site"); len(c.Sites) == 0 && (m == nil || m.value.shape == shapeArray && len(m.value.items) == 0) {
		dr.report(theServer, "site", "no site; add a [[site]] with its root, or serve a folder: sluice serve DIR", nil)
	}
	dr.checkNames()
	dr.checkPHP()
	for i := range c.Sites {
		dr.checkSite(i)
	}
}

// faulty tells whether values of a key were refused, so that what is missing
// for that reason is not reported again.
func (dr *draft) faulty(key string) bool {
	return slices.ContainsFunc(dr.list, func(f *Fault) bool { return f.Key == key })
}

// claim is the first use of a host name.
type claim struct {
	line int
	site int
}

// checkNames reports host names that two sites, or one site twice, claim.
func (dr *draft) checkNames() {
	claims := map[string]claim{}
	for i, n := range dr.nodes {
		items := []*node{{shape: shapeText, text: "*", at: n.at}} // no names: the default
		if m := n.get("names"); m != nil && m.value.shape == shapeText {
			items = []*node{m.value}
		} else if m != nil && len(m.value.items) > 0 {
			items = m.value.items
		}
		for _, item := range items {
			if name, err := parseHost(item.text); err == nil && item.shape == shapeText {
				dr.checkName(claims, name, dr.config.Sites[i].Path, i, item.at)
			}
		}
	}
}

func (dr *draft) checkName(claims map[string]claim, name, path string, site, at int) {
	first, taken := claims[name+path]
	if !taken {
		line, _ := place(dr.data, at)
		claims[name+path] = claim{line, site}
		return
	}
	msg := fmt.Sprintf("host name %q belongs to the site at line %d already", name+path, first.line)
	switch {
	case first.site == site:
		msg = fmt.Sprintf("host name %q is listed twice", name)
	case name == "*":
		msg = fmt.Sprintf("a second default site, without names or with \"*\"; the first is at line %d; give one of them names", first.line)
	}
	dr.fault(at, "names", msg)
}

func (dr *draft) checkSite(i int) {
	s := &dr.config.Sites[i]
	if s.AccessLog != nil {
		dr.logExists(i, "access_log.path", s.AccessLog.Path)
	}
	if len(s.PHP.Extensions) == 0 && !dr.faulty("php.extensions") {
		dr.report(i, "php.extensions", "no extension of scripts; to run none, use php = \"off\"", nil)
	}
	if s.PHP.Mode == PHPBinary {
		dr.canRun(i, "php.use", s.PHP.Path)
	}
	dr.checkMaps(i)
	dr.checkAccount(i)
	if n := s.PHP.WorkersMax; n > 0 && n < s.PHP.Workers {
		dr.report(i, "php.workers_max", fmt.Sprintf("%d workers at most are fewer than php.workers = %d", n, s.PHP.Workers), nil)
	}
	dr.checkWorkersMin(i)
	if b := &s.PHP.Balance; b.Sticky != "" && b.StickyKey == "" {
		dr.report(i, "php.sticky", "a sticky cookie needs a key that outlives restarts; add php.sticky_key = \"/var/lib/sluice/sticky.key\"", nil)
	}
	for _, a := range s.Aliases {
		dr.folderExists(i, "aliases", a.Dir)
	}
	for _, name := range s.FollowInto {
		dr.exists(i, "follow_into", name)
	}
	if s.Dir == "" {
		if dr.nodes[i].get("root") == nil {
			dr.fault(dr.nodes[i].at, "root", "site without a root; add root = \"/path/to/the/folder\"")
		}
		return
	}
	if f := checkFolder(s.Dir); f != nil {
		dr.report(i, "root", f.Msg, f.Err)
		return
	}
	dr.checkApp(i)
	dr.checkChroot(i)
}

// checkApp finds the application and merges what is known about it.
func (dr *draft) checkApp(i int) {
	s := &dr.config.Sites[i]
	var app App
	if s.App == "auto" {
		app = detect(s.Dir)
	} else {
		var ok bool
		if app, ok = detectAs(s.Dir, s.App); !ok {
			dr.report(i, "app", fmt.Sprintf(
				"no %s in folder %q; check root, or use app = \"auto\" to take what is there, \"php\" to take the folder as it is", s.App, s.Dir), nil)
			return
		}
	}
	s.App, s.AppVersion, s.Root = app.Kind, app.Version, app.Docroot
	for _, a := range app.Aliases {
		if !slices.ContainsFunc(s.Aliases, func(b Alias) bool { return a.Prefix == b.Prefix }) {
			s.Aliases = append(s.Aliases, a)
		}
	}
	slices.SortFunc(s.Aliases, func(a, b Alias) int {
		return cmp.Or(cmp.Compare(len(b.Prefix), len(a.Prefix)), cmp.Compare(a.Prefix, b.Prefix))
	})
	s.follow(app)
	s.NoPHP = union(s.NoPHP, app.NoPHP)
	s.Deny = union(s.Deny, app.Deny)
	for _, b := range app.PathRequests {
		if !slices.ContainsFunc(s.PHP.PathRequests, func(o PathBound) bool { return o.Pattern == b.Pattern }) {
			s.PHP.PathRequests = append(s.PHP.PathRequests, b)
		}
	}
	if s.HiddenFiles == "refuse" {
		s.Deny = union(s.Deny, app.Private)
	}
	if s.FrontController == autoFront {
		s.FrontController, s.FrontGuessed = app.FrontController, s.App != AppSPA
	} else if s.FrontController != "" && !isFile(s.Root, filepath.FromSlash(s.FrontController)) {
		dr.report(i, "front_controller", fmt.Sprintf("front controller %q is no file in %q", s.FrontController, s.Root), nil)
	}
}

// union appends what is not there yet.
func union[L ~[]string](a, b L) L {
	for _, s := range b {
		if !slices.Contains(a, s) {
			a = append(a, s)
		}
	}
	return a
}

// checkWorkersMin: a reserve is a part of the workers.
func (dr *draft) checkWorkersMin(i int) {
	p := &dr.config.Sites[i].PHP
	most, name := p.Workers, "php.workers"
	if p.WorkersMax > 0 && most == 0 {
		most, name = p.WorkersMax, "php.workers_max"
	}
	if p.Manager == "fpm" && most > 0 && p.WorkersMin > most {
		dr.report(i, "php.workers_min", fmt.Sprintf("%d workers at least are more than %s = %d", p.WorkersMin, name, most), nil)
	}
}
