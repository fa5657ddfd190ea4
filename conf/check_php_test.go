package conf

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// phpKinds are sites of all sorts: what stands in [site.php], and beside it.
var phpKinds = []struct{ name, php, site string }{
	{"cgi", ``, ""},
	{"fpm", `manager = "fpm"`, ""},
	{"unix", `use = "unix:/run/x.sock"`, ""},
	{"tcp", `use = "tcp:php.test:9000"`, ""},
	{"servers", `servers = ["unix:/run/a.sock", "unix:/run/b.sock"]`, ""},
	{"off", `use = "off"`, ""},
	{"off, programs", `use = "off"`, `fastcgi = "unix:/run/p.sock"`},
	{"off, CGI", `use = "off"`, `cgi.extensions = [".cgi"]`},
	{"off, proxy", `use = "off"`, `proxy_to = ["a.test"]`},
}

// Each key of the table php with a value that is not its default, and the sites
// where it does something. A new key has to be put here.
func TestPHPKeysWhereTheyMeanNothing(t *testing.T) {
	const (
		own      = "cgi, fpm"
		foreign  = "unix, tcp, servers"
		every    = own + ", " + foreign
		programs = "off, programs"
	)
	all := ""
	for _, k := range phpKinds {
		all += k.name + ", "
	}
	tests := map[string]struct{ value, fits string }{
		"use":             {`"unix:/run/y.sock"`, ""}, // see TestUseAndServers
		"servers":         {`["unix:/run/y.sock"]`, ""},
		"chroot":          {`true`, ""}, // see TestChroot
		"manager":         {`"fpm"`, "cgi"},
		"status_path":     {`"/st"`, "cgi, " + foreign},
		"slow_time":       {`"2s"`, every},
		"workers_min":     {`2`, "fpm"},
		"workers":         {`3`, every},
		"workers_max":     {`9`, own},
		"client_requests": {`2`, every},
		"path_requests":   {`{ "/x.php" = 2 }`, every},
		"pipeline":        {`false`, own + ", unix, servers"},
		"max_requests":    {`7`, own},
		"queue":           {`7`, every + ", off, programs, off, CGI, off, proxy"},
		"queue_time":      {`"7s"`, every + ", off, programs, off, CGI, off, proxy"},
		"request_time":    {`"7s"`, every},
		"extensions":      {`[".php"]`, all},
		"ini":             {`{ memory_limit = "1G" }`, own},
		"env":             {`{ A = "1" }`, every + ", off, programs, off, CGI"},
		"health_path":     {`"/ping"`, foreign + ", " + programs},
		"retry":           {`1`, "cgi, " + foreign + ", " + programs},
		"sticky":          {`"s", sticky_key = "k"`, "tcp, servers, " + programs},
		"sticky_key":      {`"k", sticky = "s"`, "tcp, servers, " + programs},
		"keep_time":       {`"7s"`, "cgi, " + foreign + ", " + programs},
		"resolve_time":    {`"7s"`, "tcp, servers, " + programs},
		"user":            {`"54321"`, own + ", off, CGI"},
		"group":           {`"54321", user = "54321"`, own + ", off, CGI"},
		"state":           {`"st"`, own},
	}
	dir := tree(t, "site/index.php")
	for _, k := range siteLevel.order {
		name, isPHP := strings.CutPrefix(k.path, "php.")
		if !isPHP {
			continue
		}
		tt, ok := tests[name]
		if !ok {
			t.Errorf("key %s: say in this table, and in phpFits, where it means something", k.path)
			continue
		}
		if tt.fits == "" {
			continue
		}
		for _, kind := range phpKinds {
			if strings.Contains(kind.php, name+" =") {
				continue
			}
			// "off" is a part of the names of others.
			fits := slices.Contains(strings.Split(strings.ReplaceAll(tt.fits, "off, ", "off-"), ", "), strings.ReplaceAll(kind.name, "off, ", "off-"))
			if tt.fits == all {
				fits = true
			}
			php := strings.TrimPrefix(kind.php+", "+name+" = "+tt.value, ", ")
			_, got := parseIn(t, dir, fmt.Sprintf("[[site]]\nroot = \"site\"\n%s\nphp = { %s }\n", kind.site, php))
			refused := fmt.Sprintf("DIR/sluice.toml:4:%d: \"php.%s\" does nothing ", len("php = { ")+strings.Index(php, name+" = ")+len(name+" = ")+1, name)
			switch {
			case fits && got != "":
				t.Errorf("%s of %s: %s", name, kind.name, got)
			case !fits && (!strings.Contains(got, refused) || strings.Contains(got, "; ;") || !strings.Contains(got, "leave it out")):
				t.Errorf("%s of %s: %q, want %q and what to do", name, kind.name, got, refused)
			}
		}
	}
}

func TestPHPKeysAdvise(t *testing.T) {
	dir := tree(t, "site/index.php")
	for _, tt := range []struct{ php, want string }{
		{`workers_min = 2`, `DIR/sluice.toml:3:23: "php.workers_min" does nothing where PHP is sluice's own php-cgi; add php.manager = "fpm" for a php-fpm of its own, or leave it out`},
		{`use = "unix:/x", ini = { a = 1 }`, `DIR/sluice.toml:3:32: "php.ini" does nothing where php.use is a server that sluice does not run; leave it out and configure that server itself, or let sluice run PHP: php.use = "auto"`},
		{`use = "off", workers = 2`, `DIR/sluice.toml:3:32: "php.workers" does nothing where PHP is off; leave it out, or let PHP run: php.use = "auto"`},
		{`use = "unix:/x", sticky = "s", sticky_key = "k"`, `DIR/sluice.toml:3:35: "php.sticky" does nothing where php.use is a server that sluice does not run; it is for servers that are several, or have a name (php.servers, tcp:); leave it out`},
		{`use = "tcp:a:1", pipeline = false`, `it is for PHP on a Unix socket or of sluice's own; leave it out`},
		{`manager = "fpm", health_path = "/p"`, `DIR/sluice.toml:3:40: "php.health_path" does nothing where PHP is sluice's own php-fpm; it is for FastCGI servers that sluice does not run (php.use = "unix:…", php.servers); leave it out`},
		{`servers = ["unix:/a"], sticky_key = "k"`, `"php.sticky_key" does nothing without a cookie to sign; add php.sticky = "NAME", or leave it out`},
		// What counts anyhow may be said.
		{`use = "off", manager = "cgi", workers = "auto", workers_min = 0, ini = {}, sticky = "", user = "", pipeline = true, keep_time = "500ms", chroot = false`, ""},
		{`use = "unix:/x", manager = "cgi", state = ""`, ""},
	} {
		if _, got := parseIn(t, dir, "[[site]]\nroot = \"site\"\nphp = { "+tt.php+" }\n"); (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
			t.Errorf("%s:\n got %q\nwant %q", tt.php, got, tt.want)
		}
	}
}

// What stands at the top is for the sites that it means something for; there must
// be one.
func TestPHPKeysAtTheTop(t *testing.T) {
	dir := tree(t, "a/index.php", "b/index.php")
	sites := func(a, b string) string {
		return "[[site]]\nnames = \"a\"\nroot = \"a\"\n" + a + "\n[[site]]\nroot = \"b\"\n" + b + "\n"
	}
	for _, tt := range []struct{ text, want string }{
		{"php.ini.a = 1\n" + sites(`php = "off"`, ""), ""},
		{"php.ini.a = 1\n" + sites(`php = "off"`, `php = "unix:/x"`), `DIR/sluice.toml:1:5: "php.ini" does nothing for any site of this file; leave it out`},
		{"php = { use = \"unix:/x\", user = \"54321\" }\n" + sites("", `cgi.extensions = [".cgi"]`), ""},
		{"php = { use = \"off\", workers = 4 }\n" + sites("", ""), `DIR/sluice.toml:1:32: "php.workers" does nothing for any site of this file; leave it out, or let PHP run`},
		{"php.workers_min = 2\n" + sites("", ""), `does nothing for any site of this file; add php.manager = "fpm"`},
		{"php.workers_min = 2\n" + sites("", "php.manager = \"fpm\""), ""},
	} {
		if _, got := parseIn(t, dir, tt.text); (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
			t.Errorf("%s:\n got %q\nwant %q", tt.text, got, tt.want)
		}
	}
}

// Servers go before use, but not those of the top before a site's own use, nor
// those of the file before --php.
func TestUseAndServers(t *testing.T) {
	dir := tree(t, "site/index.php")
	const top = "php.servers = [\"unix:/a\"]\n"
	for _, tt := range []struct{ text, flag, use, want string }{
		{top + "[[site]]\nroot = \"site\"\n", "", "servers", ""},
		{top + "[[site]]\nroot = \"site\"\nphp = \"off\"\n", "", "off", ""},
		{top + "[[site]]\nroot = \"site\"\nphp = { use = \"off\" }\n", "", "off", ""},
		{top + "[[site]]\nroot = \"site\"\n", "off", "off", ""},
		{"[[site]]\nroot = \"site\"\nphp.servers = [\"unix:/a\"]\nphp.health_path = \"/p\"\n", "off", "off", ""},
		{"php = \"off\"\n[[site]]\nroot = \"site\"\nphp.servers = [\"unix:/a\"]\n", "", "servers", ""},
		{"[[site]]\nroot = \"site\"\nphp = { use = \"auto\", servers = [\"unix:/a\"] }\n", "", "", `DIR/sluice.toml:3:15: "php.use" does nothing beside "php.servers", which are in its place; leave one of them out`},
	} {
		c, err := Parse(dir+"/sluice.toml", []byte(tt.text), Overrides{PHP: tt.flag})
		if err != nil {
			if got := strings.ReplaceAll(err.Error(), dir, "DIR"); tt.want == "" || !strings.Contains(got, tt.want) {
				t.Errorf("%s: %q, want %q", tt.text, got, tt.want)
			}
			continue
		}
		got := string(c.Sites[0].PHP.Mode)
		if len(c.Sites[0].PHP.Servers) > 0 {
			got = "servers"
		}
		if got != tt.use || tt.want != "" {
			t.Errorf("%s with --php %q: PHP is %s, want %s %q", tt.text, tt.flag, got, tt.use, tt.want)
		}
	}
}
