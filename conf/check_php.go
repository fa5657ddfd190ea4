package conf

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// phpSort is where a site's PHP comes from, and what else the keys of the table php
// have a part in.
type phpSort uint16

const (
	phpCGI      phpSort = 1 << iota // php-cgi of sluice's own
	phpFPM                          // php-fpm of sluice's own
	phpFound                        // use = "auto": a php-fpm that runs, where there is no php-cgi
	phpUnix                         // one server that is not ours
	phpTCP                          // the same by its name
	phpServers                      // several of these
	phpNone                         // off
	phpPrograms                     // and FastCGI programs in other languages
	phpScripts                      // and CGI programs
	phpProxy                        // and servers that [P] passes requests on to

	phpOwn     = phpCGI | phpFPM
	phpForeign = phpUnix | phpTCP | phpServers
	phpAny     = phpOwn | phpForeign
)

// phpFits says for which sites a key of the table php means anything. Those that
// are not here do for all: php.use, php.servers, php.extensions, whose source is
// never sent anyhow, and php.chroot, which checkChroot looks at.
var phpFits = map[string]phpSort{
	"manager": phpOwn, "workers_max": phpOwn, "max_requests": phpOwn, "ini": phpOwn, "state": phpOwn,
	"workers_min": phpFPM,
	"user":        phpOwn | phpScripts, "group": phpOwn | phpScripts,
	"workers": phpAny, "slow_time": phpAny, "request_time": phpAny, "client_requests": phpAny, "path_requests": phpAny,
	"pipeline": phpOwn | phpUnix | phpServers,
	"queue":    phpAny | phpPrograms | phpScripts | phpProxy, "queue_time": phpAny | phpPrograms | phpScripts | phpProxy,
	"env":         phpAny | phpPrograms | phpScripts,
	"status_path": phpForeign | phpFound,
	"health_path": phpForeign | phpPrograms, "retry": phpForeign | phpFound | phpPrograms, "keep_time": phpForeign | phpFound | phpPrograms,
	"sticky": phpTCP | phpServers | phpPrograms, "sticky_key": phpTCP | phpServers | phpPrograms,
	"resolve_time": phpTCP | phpServers | phpPrograms,
}

// phpOf is what a site is in these terms.
func phpOf(s *Site) (sort phpSort) {
	switch {
	case len(s.PHP.Servers) > 0:
		sort = phpServers
	case s.PHP.Mode == PHPUnix:
		sort = phpUnix
	case s.PHP.Mode == PHPTCP:
		sort = phpTCP
	case s.PHP.Mode == PHPOff:
		sort = phpNone
	case s.PHP.Manager == "fpm":
		sort = phpFPM
	default:
		sort = phpCGI
		if s.PHP.Mode == PHPAuto {
			sort |= phpFound
		}
	}
	if len(s.FastCGI.Servers)+len(s.Authorizers)+len(s.Filters) > 0 {
		sort |= phpPrograms
	}
	if s.CGI.Enabled() {
		sort |= phpScripts
	}
	if len(s.ProxyTo) > 0 {
		sort |= phpProxy
	}
	return sort
}

// phpSet are the keys of the table php that a table of the file sets.
func phpSet(n *node) map[string]*node {
	m := n.get("php")
	switch {
	case m == nil:
		return nil
	case m.value.shape != shapeTable:
		return map[string]*node{"use": m.value}
	}
	set := map[string]*node{}
	for _, k := range m.value.members {
		set[k.name] = k.value
	}
	return set
}

// ownUse lets a site that says where its PHP comes from have no servers that stand
// at the top of the file.
func ownUse(n *node, s *Site) {
	set := phpSet(n)
	if set["use"] != nil && set["servers"] == nil {
		s.PHP.Servers = nil
	}
}

// checkPHP refuses keys that would do nothing: in a site where they do nothing
// there, at the top where they do nothing for any site.
func (dr *draft) checkPHP() {
	if dr.flags["php.use"] != "" || dr.faulty("php.use") || dr.faulty("php.servers") || dr.faulty("php.manager") {
		return // it is not the file, or not known, where PHP comes from
	}
	var all phpSort
	for i, n := range dr.nodes {
		sort := phpOf(&dr.config.Sites[i])
		all |= sort
		dr.checkPHPTable(i, n, sort)
	}
	if len(dr.nodes) > 0 {
		dr.checkPHPTable(theServer, dr.root, all)
	}
}

func (dr *draft) checkPHPTable(site int, n *node, sort phpSort) {
	set := phpSet(n)
	if set["use"] != nil && set["servers"] != nil && len(set["servers"].items) > 0 {
		dr.report(site, "php.use", "\"php.use\" does nothing beside \"php.servers\", which are in its place; leave one of them out", nil)
	}
	for _, name := range slices.Sorted(maps.Keys(set)) {
		value := set[name]
		fits, known := phpFits[name]
		path := "php." + name
		if !known || fits&sort != 0 || dr.faulty(path) || saysDefault(topLevel.keys[path], value) {
			continue
		}
		dr.report(site, path, fmt.Sprintf("%q does nothing %s; %s", path, sort.where(site), fits.advice(sort)), nil)
	}
	if v := set["sticky_key"]; v != nil && v.text != "" && !dr.hasSticky(site) {
		dr.report(site, "php.sticky_key", "\"php.sticky_key\" does nothing without a cookie to sign; add php.sticky = \"NAME\", or leave it out", nil)
	}
}

// hasSticky tells whether a site, or any, has a sticky cookie.
func (dr *draft) hasSticky(site int) bool {
	for i := range dr.config.Sites {
		if (site == theServer || site == i) && dr.config.Sites[i].PHP.Balance.Sticky != "" {
			return true
		}
	}
	return dr.faulty("php.sticky")
}

// saysDefault tells whether a value is the one that counts anyhow.
func saysDefault(k *key, n *node) bool {
	switch n.shape {
	case shapeTable:
		return len(n.members) == 0
	case shapeArray:
		return len(n.items) == 0
	case shapeText:
		return strconv.Quote(n.text) == k.def || k.kind == kindText && n.text == ""
	case shapeInteger, shapeBool, shapeOther:
		return n.text == k.def || k.flagged && n.text == "false"
	}
	return false
}

// where says what stands against a key.
func (sort phpSort) where(site int) string {
	switch {
	case site == theServer:
		return "for any site of this file"
	case sort&phpNone != 0:
		return "where PHP is off"
	case sort&phpServers != 0:
		return "with php.servers, which sluice does not run"
	case sort&phpForeign != 0:
		return "where php.use is a server that sluice does not run"
	case sort&phpFPM != 0:
		return "where PHP is sluice's own php-fpm"
	}
	return "where PHP is sluice's own php-cgi"
}

// advice says what to do about a key that has a meaning for other sites.
func (fits phpSort) advice(sort phpSort) string {
	switch {
	case sort&phpNone != 0 && sort&(phpAny|phpFound) == 0:
		return "leave it out, or let PHP run: php.use = \"auto\""
	case fits == phpFPM && sort&phpCGI != 0:
		return "add php.manager = \"fpm\" for a php-fpm of its own, or leave it out"
	case fits&phpForeign == 0:
		return "leave it out and configure that server itself, or let sluice run PHP: php.use = \"auto\""
	case fits&phpUnix == 0:
		return "it is for servers that are several, or have a name (php.servers, tcp:); leave it out"
	case sort&phpTCP != 0:
		return "it is for PHP on a Unix socket or of sluice's own; leave it out"
	}
	return "it is for FastCGI servers that sluice does not run (php.use = \"unix:…\", php.servers); leave it out"
}
