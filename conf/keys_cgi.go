package conf

import (
	"fmt"
	"strings"
	"time"
)

// CGI says which programs of a site run as plain CGI (RFC 3875), a process for
// each request. Without extensions and folders there are none.
type CGI struct {
	// Extensions of programs, with the dot; Folders are URL paths in which
	// every file is a program.
	Extensions []string
	Folders    []string
	// Concurrency is how many run at once; others wait.
	Concurrency int
	// RunTime ends a program that takes longer.
	RunTime time.Duration
	// OutputMax is how many octets a program may write; 0: no bound.
	OutputMax int64
}

// Enabled tells whether the site runs CGI programs.
func (c *CGI) Enabled() bool { return len(c.Extensions)+len(c.Folders) > 0 }

// cgiKeys are the site keys of the table cgi.
var cgiKeys = []key{
	{
		path: "cgi.extensions", kind: kindList, def: `[]`,
		about: "Endings of the files that are run as CGI programs, such as `.cgi` and `.pl`. With this or `cgi.folders` a `.htaccess` may also say `SetHandler cgi-script` with `Options ExecCGI`.",
		reset: func(t target) { t.site.CGI.Extensions = nil },
		setText: func(t target, s string) error {
			if len(s) < 2 || s[0] != '.' || strings.ContainsAny(s, `/\" `) || !printable(s) {
				return fmt.Errorf("%q is no extension such as \".cgi\"", s)
			}
			t.site.CGI.Extensions = append(t.site.CGI.Extensions, s)
			return nil
		},
	},
	{
		path: "cgi.folders", kind: kindList, def: `[]`,
		about: "Paths of the site in which every file is a CGI program, such as `/cgi-bin` (Apache's ScriptAlias; the folder itself can be an alias).",
		reset: func(t target) { t.site.CGI.Folders = nil },
		setText: func(t target, s string) error {
			s = strings.TrimRight(s, "/")
			if err := checkURLPath(s); err != nil {
				return err
			}
			t.site.CGI.Folders = append(t.site.CGI.Folders, s)
			return nil
		},
	},
	{
		path: "cgi.concurrency", kind: kindInteger, def: `32`, min: 1, max: 4096, unit: "programs",
		about:     "CGI programs that run at once; further requests wait, as for a PHP worker.",
		setNumber: func(t target, n int64) { t.site.CGI.Concurrency = int(n) },
	},
	{
		path: "cgi.run_time", kind: kindDuration, def: `"60s"`, min: sec, max: 24 * hour,
		about:     "How long a CGI program may run; then it and all it has started are ended and the client gets 504.",
		setNumber: func(t target, n int64) { t.site.CGI.RunTime = duration(n) },
	},
	{
		path: "cgi.output_max", kind: kindSize, def: `"1GiB"`, max: 1 << 50,
		about:     "How much a CGI program may write, head included; then it and all it has started are ended. The client gets 502, or an answer that breaks off if it had begun. 0 for no bound.",
		setNumber: func(t target, n int64) { t.site.CGI.OutputMax = n },
	},
}
