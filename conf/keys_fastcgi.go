package conf

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Upstream is a FastCGI server that sluice does not run.
type Upstream struct {
	Network string // "unix" or "tcp"
	Address string // absolute path or host:port
	// Conns is how many connections it may be given; 0: a careful default.
	Conns int
	// Weight is its share of the requests among several; 0: 1.
	Weight int
	// Name names it in logs and sticky cookies; "": its address.
	Name string
	// Multiplex is off, auto or on: whether one connection carries many requests.
	Multiplex string
}

// Balance says how several upstreams are used, and one that is shared.
type Balance struct {
	// HealthPath is asked for of each server; "": nobody asks.
	HealthPath string
	// Sticky names the cookie that keeps a client with a server; "": none.
	// StickyKey is the file of the key that signs it.
	Sticky    string
	StickyKey string
	// Retry is how often a safe request is sent again to another server.
	Retry int
	// KeepTime ends a kept connection, so that others get their turn; 0: never.
	KeepTime time.Duration
	// ResolveTime is how often names are looked up again.
	ResolveTime time.Duration
}

// FastCGI is an application that answers requests itself, in any language,
// behind the site's files.
type FastCGI struct {
	Servers []Upstream
	// Pass is missing (what is no file) or all.
	Pass string
	// RequestTime is a request's limit; 504 beyond.
	RequestTime time.Duration
}

// PathProgram is a FastCGI program that has a part in the requests for some paths.
type PathProgram struct {
	Pattern string // as in Patterns
	Servers []Upstream
	// Script is SCRIPT_FILENAME for an authorizer that runs scripts; "": none.
	Script string
}

// fastcgiKeys are site keys about FastCGI servers that sluice does not run.
var fastcgiKeys = []key{
	{
		path: "php.servers", kind: kindList, def: `[]`,
		about: "Several php-fpm servers in place of `use`: `\"tcp:10.0.0.1:9000 conns=16 weight=2\"`. Words after the address: `conns=N` (connections, no more than its children), `weight=N`, `name=X`, `multiplex=off|auto|on`. A name with several addresses is as many servers.",
		reset: func(t target) { t.site.PHP.Servers = nil },
		setText: func(t target, s string) error {
			u, err := parseUpstream(s, "off")
			if err == nil {
				t.site.PHP.Servers = append(t.site.PHP.Servers, u)
			}
			return err
		},
	},
	{
		path: "php.health_path", kind: kindText, def: `""`,
		about:   "A path to ask each server for every few seconds, such as php-fpm's `ping.path`; one that does not answer gets no requests. `\"\"`: only failures of requests count.",
		setText: func(t target, s string) error { t.site.PHP.Balance.HealthPath = s; return nil },
	},
	{
		path: "php.retry", kind: kindInteger, def: `2`, max: 10, unit: "times",
		about:     "How often a GET, HEAD or OPTIONS request is sent again, to another server where there is one, when its server that is not ours broke off before it answered.",
		setNumber: func(t target, n int64) { t.site.PHP.Balance.Retry = int(n) },
	},
	{
		path: "php.sticky", kind: kindText, def: `""`,
		about:   "Name of a signed cookie that keeps a client with one of several servers (`php.servers`, `fastcgi.servers`), for sessions in their memory. It has the server's `name` in it for all to read, or its address where it has none. `\"\"`: any server answers.",
		setText: func(t target, s string) error { t.site.PHP.Balance.Sticky = s; return nil },
	},
	{
		path: "php.sticky_key", kind: kindText, def: `""`, resolve: resolvePath,
		about:   "File with the key that signs the cookie; made where it is missing. Servers that share it accept each other's cookies.",
		setText: func(t target, s string) error { t.site.PHP.Balance.StickyKey = s; return nil },
	},
	{
		path: "php.keep_time", kind: kindDuration, def: `"500ms"`, max: hour,
		about:     "How long a connection to a server that is not ours is kept in all, so that others who use it get their turn; 0 keeps it.",
		setNumber: func(t target, n int64) { t.site.PHP.Balance.KeepTime = duration(n) },
	},
	{
		path: "php.resolve_time", kind: kindDuration, def: `"30s"`, min: sec, max: 24 * hour,
		about:     "How often the names of servers are looked up again.",
		setNumber: func(t target, n int64) { t.site.PHP.Balance.ResolveTime = duration(n) },
	},
	{
		path: "fastcgi.servers", kind: kindList, def: `[]`,
		about: "FastCGI servers of an application that answers requests by itself (Go, Perl, Ruby, Mono …), written as `php.servers`.",
		reset: func(t target) { t.site.FastCGI.Servers = nil },
		setText: func(t target, s string) error {
			u, err := parseUpstream(s, "auto")
			if err == nil {
				t.site.FastCGI.Servers = append(t.site.FastCGI.Servers, u)
			}
			return err
		},
	},
	{
		path: "fastcgi.pass", kind: kindChoice, def: `"missing"`, choices: []string{"missing", "all"},
		about:   "What goes to the application: requests for what is no file of the site, or all.",
		setText: func(t target, s string) error { t.site.FastCGI.Pass = s; return nil },
	},
	{
		path: "fastcgi.request_time", kind: kindDuration, def: `"60s"`, min: sec, max: 24 * hour,
		about:     "How long a request to the application may take; 504 beyond.",
		setNumber: func(t target, n int64) { t.site.FastCGI.RequestTime = duration(n) },
	},
}

// pathProgramKeys are site keys about FastCGI programs of other roles (FastCGI §6).
var pathProgramKeys = []key{
	{
		path: "authorizers", kind: kindMap, siteOnly: true,
		about: "FastCGI authorizers: programs that are asked before anything of a path is given away, whatever answers there. `\"/members\" = \"unix:/run/auth.sock\"`: a pattern as in `deny`, then servers as in `php.servers`, separated by commas; `script=/srv/auth.php` makes a php-fpm run that script as authorizer. Status 200 lets the request through, with the program's `Variable-` fields as variables of the script; all else is the answer. One that can't be asked lets nobody through.",
		setPair: func(t target, pattern, value string) error {
			return setPathProgram(&t.site.Authorizers, pattern, value)
		},
	},
	{
		path: "filters", kind: kindMap, siteOnly: true,
		about: "FastCGI filters: programs that are given a file and answer with what they make of it. `\"*.tpl\" = \"unix:/run/filter.sock\"`: a pattern as in `deny`, then servers as in `php.servers`, separated by commas.",
		setPair: func(t target, pattern, value string) error {
			return setPathProgram(&t.site.Filters, pattern, value)
		},
	},
}

func setPathProgram(list *[]PathProgram, pattern, value string) error {
	var p PathProgram
	var err error
	if p.Pattern, err = parsePattern(pattern); err != nil {
		return err
	}
	for _, server := range strings.Split(value, ",") {
		words := strings.Fields(server)
		words = slices.DeleteFunc(words, func(w string) bool {
			script, ok := strings.CutPrefix(w, "script=")
			if ok {
				p.Script = script
			}
			return ok
		})
		u, err := parseUpstream(strings.Join(words, " "), "off")
		if err != nil {
			return err
		}
		p.Servers = append(p.Servers, u)
	}
	if p.Script != "" && !strings.HasPrefix(p.Script, "/") {
		return fmt.Errorf("script %q is no absolute path", p.Script)
	}
	*list = append(*list, p)
	return nil
}

// parseUpstream reads an address and its settings.
func parseUpstream(s, multiplex string) (Upstream, error) {
	words := strings.Fields(s)
	if len(words) == 0 {
		return Upstream{}, fmt.Errorf("no address; unix:PATH or tcp:HOST:PORT")
	}
	mode, address, err := parsePHP(words[0])
	if err != nil || mode != PHPUnix && mode != PHPTCP {
		return Upstream{}, fmt.Errorf("%q is none of unix:/PATH, tcp:HOST:PORT", words[0])
	}
	u := Upstream{Network: string(mode), Address: address, Multiplex: multiplex}
	if mode == PHPUnix && !strings.HasPrefix(address, "/") {
		return u, fmt.Errorf("socket %q is no absolute path", address)
	}
	for _, w := range words[1:] {
		name, value, ok := strings.Cut(w, "=")
		n, numErr := strconv.Atoi(value)
		switch {
		case !ok:
			return u, fmt.Errorf("%q is no setting; conns=N, weight=N, name=X, multiplex=off|auto|on", w)
		case name == "name" && value != "":
			u.Name = value
		case name == "multiplex" && slices.Contains([]string{"off", "auto", "on"}, value):
			u.Multiplex = value
		case name == "conns" && numErr == nil && n >= 1 && n <= 65536:
			u.Conns = n
		case name == "weight" && numErr == nil && n >= 1 && n <= 1000:
			u.Weight = n
		default:
			return u, fmt.Errorf("%q is no setting; conns=N, weight=N, name=X, multiplex=off|auto|on", w)
		}
	}
	return u, nil
}
