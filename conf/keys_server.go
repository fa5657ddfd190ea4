package conf

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// topLevel is what may stand at the top of sluice.toml, siteLevel what may
// stand in a [[site]].
var (
	topLevel  = newLevel(tables, serverKeys, siteDefaultKeys())
	siteLevel = newLevel(tables, siteKeys, pathProgramKeys, phpKeys, isolationKeys, fastcgiKeys, cgiKeys)
)

// siteDefaultKeys are the site keys that are good at the top too.
func siteDefaultKeys() []key {
	var all []key
	for _, k := range slices.Concat(siteKeys, pathProgramKeys, phpKeys, isolationKeys, fastcgiKeys, cgiKeys) {
		if !k.siteOnly {
			all = append(all, k)
		}
	}
	return all
}

var tables = []table{
	{path: "access_log", title: "access_log", short: "access_log.path", about: "The log of requests. `access_log = \"FILE\"` is short for `access_log.path`."},
	{path: "keep_alive", title: "keep_alive", about: "How long client connections live between requests."},
	{path: "limits", title: "limits", about: "What one client may send, and how long it may take."},
	{path: "headers", title: "headers", about: "Changes to the head of every response: first `remove`, then `set`, then `add`."},
	{path: "compression", title: "compression", short: "compression.enabled", about: "Compression of responses on the fly. `compression = false` is short for `compression.enabled`."},
	{path: "php", title: "php", short: "php.use", about: "How scripts run. `php = \"auto\"` is short for `php.use`."},
	{path: "fastcgi", title: "fastcgi", short: "fastcgi.servers", about: "An application that speaks FastCGI itself. `fastcgi = \"unix:/run/app.sock\"` is short for `fastcgi.servers`."},
	{path: "cgi", title: "cgi", about: "Programs that run as plain CGI, a process for each request."},
}

const (
	sec  = int64(time.Second)
	hour = int64(time.Hour)
)

// serverKeys belong to the server as a whole.
var serverKeys = []key{
	{
		path: "listen", kind: kindList, def: `[":8080"]`,
		about:   "Addresses to accept connections on: `host:port`, `:port` (all addresses) or `unix:PATH`. Port 0 lets the system choose one.",
		resolve: resolveUnix,
		reset:   func(t target) { t.server.Listen = nil },
		setText: func(t target, s string) error {
			l, err := parseListen(s)
			if err != nil {
				return err
			}
			if slices.Contains(t.server.Listen, l) && !strings.HasSuffix(l.Address, ":0") {
				return fmt.Errorf("address %q is listed twice", s)
			}
			t.server.Listen = append(t.server.Listen, l)
			return nil
		},
	},
	{
		path: "reuse_port", kind: kindFlag, def: `false`,
		about:   "Lets several sluice processes of one user listen on the same TCP addresses, if all of them say so; the system shares the connections out (SO_REUSEPORT). For more connections than one process may have descriptors, and for a new version that takes over before the old one is stopped.",
		setFlag: func(t target, on bool) { t.server.ReusePort = on },
	},
	{
		path: "engine", kind: kindChoice, def: `"auto"`, choices: []string{"auto", "epoll", "io_uring", "portable"},
		about:   "The event loop's back end; `auto` takes the fastest that the system has.",
		setText: func(t target, s string) error { t.server.Engine = s; return nil },
	},
	{
		path: "loops", kind: kindInteger, def: `"auto"`, min: 1, max: 256, word: "auto", unit: "event loops",
		about:     "Event loops, one thread each; `auto` derives them from the processors.",
		setNumber: func(t target, n int64) { t.server.Loops = int(n) },
	},
	{
		path: "log_level", kind: kindChoice, def: `"info"`, choices: []string{"debug", "info", "warn", "error"},
		about:   "The least level of the lines in `error_log`.",
		setText: func(t target, s string) error { t.server.LogLevel = s; return nil },
	},
	{
		path: "error_log", kind: kindText, def: `"-"`, resolve: resolvePath,
		about: "Where sluice's own lines and PHP's errors go: a file, or `-` for standard error.",
		setText: func(t target, s string) error {
			t.server.ErrorLog = s
			if s == "off" {
				return errors.New("errors are always logged; log_level = \"error\" logs the least")
			}
			return notEmpty(s)
		},
	},
	{
		path: "shutdown_timeout", kind: kindDuration, def: `"30s"`, max: hour,
		about:     "How long requests in flight may take to finish after SIGTERM.",
		setNumber: func(t target, n int64) { t.server.ShutdownTimeout = duration(n) },
	},
	{
		path: "spool_dir", kind: kindText, def: `""`, defText: "the system's folder of temporary files", resolve: resolvePath,
		about:   "The folder for request bodies and responses too large for memory. The files have no names and vanish with the process.",
		setText: func(t target, s string) error { t.server.SpoolDir = s; return nil },
	},
	{
		path: "trusted_proxies", kind: kindList, def: `[]`,
		about:   "Proxies whose `Forwarded`, or `X-Forwarded-For` and `X-Forwarded-Proto`, tell the client's address and scheme: addresses, prefixes such as `10.0.0.0/8`, and `unix` for peers on Unix sockets. From all others these fields are only passed on, as Apache does. A proxy must pass `Host` itself: `X-Forwarded-Host` is never believed.",
		reset:   func(t target) { t.server.TrustedProxies, t.server.TrustUnix = nil, false },
		setText: setTrustedProxy,
	},
	{
		path: "access_log.path", kind: kindText, def: `"off"`, resolve: resolvePath,
		about: "Where requests are logged: a file, `-` for standard output, or `off`. In a `[[site]]` it is the log of that site alone.",
		setText: func(t target, s string) error {
			t.server.AccessLog.Path = s
			return notEmpty(s)
		},
	},
	{
		path: "access_log.format", kind: kindChoice, def: `"combined"`, choices: []string{"combined", "json"},
		about:   "`combined` is the format of Apache and nginx, `json` one object per line.",
		setText: func(t target, s string) error { t.server.AccessLog.Format = s; return nil },
	},
	{
		path: "keep_alive.requests", kind: kindInteger, def: `1000`, max: 1 << 30, unit: "requests",
		about:     "Requests on one connection before it is closed; 0 for any number.",
		setNumber: func(t target, n int64) { t.server.KeepAlive.Requests = int(n) },
	},
	{
		path: "keep_alive.idle", kind: kindDuration, def: `"75s"`, min: sec, max: 24 * hour,
		about:     "How long a connection may wait for its next request.",
		setNumber: func(t target, n int64) { t.server.KeepAlive.Idle = duration(n) },
	},
	{
		path: "limits.request_line", kind: kindSize, def: `"8KiB"`, min: 256, max: 1 << 20,
		about:     "Longest request line; 414 beyond.",
		setNumber: func(t target, n int64) { t.server.Limits.RequestLine = int(n) },
	},
	{
		path: "limits.head", kind: kindSize, def: `"32KiB"`, min: 1 << 10, max: 4 << 20,
		about:     "Largest request head, request line included; 431 beyond.",
		setNumber: func(t target, n int64) { t.server.Limits.Head = int(n) },
	},
	{
		path: "limits.fields", kind: kindInteger, def: `100`, min: 8, max: 10000, unit: "field lines",
		about:     "Most header lines in a request; 431 beyond.",
		setNumber: func(t target, n int64) { t.server.Limits.Fields = int(n) },
	},
	{
		path: "limits.head_time", kind: kindDuration, def: `"30s"`, min: sec, max: hour,
		about:     "How long a request head may take from its first octet to its last; 408 beyond.",
		setNumber: func(t target, n int64) { t.server.Limits.HeadTime = duration(n) },
	},
	{
		path: "limits.body_time", kind: kindDuration, def: `"60s"`, min: sec, max: hour,
		about:     "How long a client may send nothing of a body it owes; 408 beyond.",
		setNumber: func(t target, n int64) { t.server.Limits.BodyTime = duration(n) },
	},
	{
		path: "limits.send_time", kind: kindDuration, def: `"60s"`, min: sec, max: hour,
		about:     "How long a client may take nothing of its response; the connection is closed beyond.",
		setNumber: func(t target, n int64) { t.server.Limits.SendTime = duration(n) },
	},
	{
		path: "limits.connections", kind: kindInteger, def: `"auto"`, min: 16, max: 10_000_000, word: "auto", unit: "connections",
		about:     "Client connections open at once; `auto` derives them from the limit on file descriptors.",
		setNumber: func(t target, n int64) { t.server.Limits.Connections = int(n) },
	},
}

func setTrustedProxy(t target, s string) error {
	if s == "unix" {
		t.server.TrustUnix = true
		return nil
	}
	p, err := parseProxy(s)
	if err != nil {
		return err
	}
	if !slices.Contains(t.server.TrustedProxies, p) {
		t.server.TrustedProxies = append(t.server.TrustedProxies, p)
	}
	return nil
}
