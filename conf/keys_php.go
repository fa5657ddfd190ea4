package conf

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// phpKeys are the site keys of the table php.
var phpKeys = []key{
	{
		path: "php.use", kind: kindText, def: `"auto"`, resolve: resolvePHP,
		about: "Where PHP comes from: `auto` (find php-cgi and run it), `off`, the path of a php-cgi to run, `unix:PATH` or `tcp:HOST:PORT` of a FastCGI server such as php-fpm.",
		setText: func(t target, s string) error {
			mode, path, err := parsePHP(s)
			if err == nil {
				t.site.PHP.Mode, t.site.PHP.Path = mode, path
			}
			return err
		},
	},
	{
		path: "php.manager", kind: kindChoice, def: `"cgi"`, choices: []string{"cgi", "fpm"},
		about:   "What sluice runs where PHP is its own: `cgi` (php-cgi) or `fpm`, a private php-fpm (fastcgi_finish_request, back-traces of slow scripts).",
		setText: func(t target, s string) error { t.site.PHP.Manager = s; return nil },
	},
	{
		path: "php.status_path", kind: kindText, def: `"/status"`,
		about:   "`pm.status_path` of a php-fpm that is not ours (`unix:`, `tcp:`): with `workers = \"auto\"` sluice asks it for its number of children. `\"\"` asks nothing.",
		setText: func(t target, s string) error { t.site.PHP.StatusPath = s; return nil },
	},
	{
		path: "php.slow_time", kind: kindDuration, def: `"0s"`, max: hour,
		about:     "Scripts that have a worker for longer are logged (`slow script`, with that time as `dur` and the wait for the worker as `waited`, in seconds), also when they fail or their client leaves; with their back-trace under `manager = \"fpm\"`. 0 for none.",
		setNumber: func(t target, n int64) { t.site.PHP.SlowTime = duration(n) },
	},
	{
		path: "php.workers_min", kind: kindInteger, def: `0`, max: 4096, unit: "workers",
		about:     "With `manager = \"fpm\"`: workers are started when requests need them, up to `workers`, and those that had nothing to do for ten seconds end again, but for so many; 0 keeps all running.",
		setNumber: func(t target, n int64) { t.site.PHP.WorkersMin = int(n) },
	},
	{
		path: "php.workers", kind: kindInteger, def: `"auto"`, min: 1, max: 4096, word: "auto", unit: "workers",
		about:     "php-cgi workers to run, or, with `unix:` and `tcp:`, connections to open at most (no more than that server's `pm.max_children`). `auto` derives them from processors and memory.",
		setNumber: func(t target, n int64) { t.site.PHP.Workers = int(n) },
	},
	{
		path: "php.workers_max", kind: kindInteger, def: `"auto"`, min: 1, max: 4096, word: "auto", unit: "workers",
		about:     "How many own workers may run scripts when requests wait while the processors have time left; after a minute without need there are fewer again, down to `workers`. `auto`: as many as `workers`, or, where that is `auto` too, four times as many, bounded by memory.",
		setNumber: func(t target, n int64) { t.site.PHP.WorkersMax = int(n) },
	},
	{
		path: "php.client_requests", kind: kindInteger, def: `0`, max: 4096, unit: "requests",
		about:     "How many requests of one client (address; of IPv6 the first 64 bits) may be with PHP at once; further ones wait, and get 503 after `queue_time`. 0: any number. The site's own calls need not wait, where sluice runs its PHP, on Linux; other clients on this machine count, so a proxy here has to be one of `trusted_proxies`: without, all that comes through it is one client.",
		setNumber: func(t target, n int64) { t.site.PHP.ClientRequests = int(n) },
	},
	{
		path: "php.path_requests", kind: kindMap, loose: true, defText: "the application's",
		about:   "How many requests for a path may be with PHP at once, so that it can't take all workers: `\"/xmlrpc.php\" = 2` or `\"/wp-login.php\" = \"25%\"` of the workers. Patterns as in `deny`. WordPress: a quarter for `/xmlrpc.php`, half for `/wp-login.php`.",
		setPair: setPathRequests,
	},
	{
		path: "php.pipeline", kind: kindFlag, def: `true`,
		about:   "Whether, while requests wait and all are quick (64 in a row within 2 ms), up to two GET or HEAD requests without a query are written to a worker before that is done with the one before. Those that are behind a slow script for 5 to 10 ms go to another worker, and may run twice then.",
		setFlag: func(t target, on bool) { t.site.PHP.Pipeline = on },
	},
	{
		path: "php.max_requests", kind: kindInteger, def: `50000`, max: 1 << 30, unit: "requests",
		about:     "Requests after which a worker is replaced, against slow leaks; 0 for never.",
		setNumber: func(t target, n int64) { t.site.PHP.MaxRequests = int(n) },
	},
	{
		path: "php.queue", kind: kindInteger, def: `16384`, max: 1 << 20, unit: "requests",
		about:     "Requests that may wait for a worker; 503 with Retry-After beyond.",
		setNumber: func(t target, n int64) { t.site.PHP.Queue = int(n) },
	},
	{
		path: "php.queue_time", kind: kindDuration, def: `"30s"`, min: int64(10 * time.Millisecond), max: hour,
		about:     "How long a request may wait for a worker; 503 with Retry-After beyond.",
		setNumber: func(t target, n int64) { t.site.PHP.QueueTime = duration(n) },
	},
	{
		path: "php.request_time", kind: kindDuration, def: `"60s"`, min: sec, max: 24 * hour,
		about:     "How long a request may run, by the clock on the wall; then its worker is ended and the client gets 504. Also sets `max_execution_time`.",
		setNumber: func(t target, n int64) { t.site.PHP.RequestTime = duration(n) },
	},
	{
		path: "php.extensions", kind: kindList, def: `[".php", ".phtml", ".phar"]`,
		about:   "Endings of the files that are scripts, compared byte for byte. Their source is never sent.",
		reset:   func(t target) { t.site.PHP.Extensions = nil },
		setText: setExtension,
	},
	{
		path: "php.ini", kind: kindMap, loose: true,
		about:   "php.ini settings of sluice's own workers: `memory_limit = \"256M\"`.",
		setPair: setIni,
	},
	{
		path: "php.env", kind: kindMap, loose: true,
		about:   "Variables for the scripts, in `$_SERVER` and `getenv()`.",
		setPair: setEnv,
	},
}

func setPathRequests(t target, pattern, value string) error {
	p, err := parsePattern(pattern)
	if err != nil {
		return err
	}
	digits, percent := strings.CutSuffix(value, "%")
	n, err := strconv.Atoi(digits)
	if err != nil || n < 1 || n > 4096 || percent && n > 100 {
		return fmt.Errorf("%q is no number of requests such as 4, nor a part of the workers such as \"25%%\"", value)
	}
	bound := PathBound{Pattern: p, N: n, Percent: percent}
	list := &t.site.PHP.PathRequests
	if i := slices.IndexFunc(*list, func(o PathBound) bool { return o.Pattern == p }); i >= 0 {
		(*list)[i] = bound
	} else {
		*list = append(*list, bound)
	}
	return nil
}

func setExtension(t target, s string) error {
	if len(s) < 2 || s[0] != '.' || strings.ContainsAny(s, `/\ `) || !printable(s) {
		return fmt.Errorf("%q is no extension such as \".php\"", s)
	}
	t.site.PHP.Extensions = append(t.site.PHP.Extensions, s)
	return nil
}

// ownIni are settings that sluice's own view of a request depends on.
var ownIni = []string{"cgi.fix_pathinfo", "cgi.nph", "cgi.rfc2616_headers", "cgi.force_redirect"}

func setIni(t target, name, value string) error {
	for i := range len(name) {
		c := lower(name[i])
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' && c != '.' && c != '-' {
			return fmt.Errorf("%q is no name of a setting", name)
		}
	}
	switch {
	case name == "":
		return fmt.Errorf("a setting has no name")
	case slices.Contains(ownIni, name):
		return fmt.Errorf("setting %q belongs to sluice and cannot be changed", name)
	case strings.ContainsAny(value, "\r\n\x00"):
		return fmt.Errorf("value %q of setting %q has a line end or NUL", value, name)
	}
	t.site.PHP.Ini[name] = value
	return nil
}

// ownEnv are meta-variables that describe a request (RFC 3875 §4.1) or steer
// php-cgi.
var ownEnv = []string{
	"AUTH_TYPE", "CONTENT_LENGTH", "CONTENT_TYPE", "DOCUMENT_ROOT", "FCGI_ROLE", "FCGI_WEB_SERVER_ADDRS",
	"GATEWAY_INTERFACE", "HTTPS", "PATH_INFO", "PATH_TRANSLATED", "PHP_ADMIN_VALUE", "PHP_FCGI_CHILDREN",
	"PHP_FCGI_MAX_REQUESTS", "PHP_VALUE", "QUERY_STRING", "REDIRECT_STATUS", "REMOTE_ADDR", "REMOTE_HOST",
	"REMOTE_IDENT", "REMOTE_PORT", "REMOTE_USER", "REQUEST_METHOD", "REQUEST_SCHEME", "REQUEST_URI",
	"SCRIPT_FILENAME", "SCRIPT_NAME", "SERVER_ADDR", "SERVER_NAME", "SERVER_PORT", "SERVER_PROTOCOL",
	"SERVER_SOFTWARE",
}

func setEnv(t target, name, value string) error {
	for i := range len(name) {
		c := lower(name[i])
		if (c < 'a' || c > 'z') && c != '_' && (i == 0 || c < '0' || c > '9') {
			return fmt.Errorf("%q is no name of a variable; letters, digits and _", name)
		}
	}
	upper := strings.ToUpper(name)
	switch {
	case name == "":
		return fmt.Errorf("a variable has no name")
	case strings.HasPrefix(upper, "HTTP_"):
		return fmt.Errorf("variable %q would pose as a header of the request", name)
	case slices.Contains(ownEnv, upper):
		return fmt.Errorf("variable %q describes the request and cannot be changed", name)
	case strings.Contains(value, "\x00"):
		return fmt.Errorf("value of variable %q has a NUL", name)
	}
	t.site.PHP.Env[name] = value
	return nil
}
