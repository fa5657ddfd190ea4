package conf

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
)

// autoFront stands in Site.FrontController until the application is known.
const autoFront = "auto"

// siteKeys belong to a site; those not siteOnly may also stand at the top, as
// defaults of all sites.
var siteKeys = []key{
	{
		path: "names", kind: kindList, def: `[]`, siteOnly: true,
		about:   "Host names of the site: exact ones, wildcards such as `*.example.org`, and `*`. A site without names, or with `*`, answers for every host no other site names; there can be one such site.",
		reset:   func(t target) { t.site.Names = nil },
		setText: setSiteName,
	},
	{
		path: "path", kind: kindText, def: `""`, siteOnly: true,
		about: "URL path below which the site lies, such as `/blog`: several applications, each with its own folder, PHP and `.htaccess`, under one host name. The longest path counts; `\"\"` is the site for all others.",
		setText: func(t target, s string) error {
			s = strings.TrimRight(s, "/")
			t.site.Path = s
			if s == "" {
				return nil
			}
			return checkURLPath(s)
		},
	},
	{
		path: "root", kind: kindText, siteOnly: true, defText: "required", resolve: resolvePath,
		about:   "The site's folder. Where the application keeps its document root below it (`public/`, `web/`), that one is served.",
		setText: func(t target, s string) error { t.site.Dir = s; return notEmpty(s) },
	},
	{
		path: "app", kind: kindChoice, def: `"auto"`, siteOnly: true, choices: appNames(),
		about:   "What the site is. `auto` looks at the folder; `php` and `static` take it as it is; `spa` answers every unknown path with `/index.html`.",
		setText: func(t target, s string) error { t.site.App = s; return nil },
	},
	{
		path: "front_controller", kind: kindText, def: `"auto"`, siteOnly: true,
		about:   "The script or page, as a path below the document root, that answers for files which do not exist in its folder or below; `auto` takes the application's, `\"\"` is none.",
		setText: setFrontController,
	},
	{
		path: "aliases", kind: kindMap, siteOnly: true, resolve: resolvePath, defText: "the application's",
		about:   "Folders outside the document root by the URL path they appear under: `\"/media\" = \"/srv/media\"`.",
		setPair: setAlias,
	},
	{
		path: "rewrite_maps", kind: kindMap, siteOnly: true, resolve: resolveMap,
		about:   "The RewriteMaps that `.htaccess` files may ask by `${name:key}`: `txt:FILE` and `rnd:FILE` (read again when they change), `int:tolower`, `toupper`, `escape` or `unescape`, and `prg:PROGRAM ARGUMENTS`: one process without a shell that answers each line with one, `NULL` for none; after 5 seconds it is taken to have none. `people = \"txt:/srv/people.txt\"`.",
		setPair: setRewriteMap,
	},
	{
		path: "follow_into", kind: kindList, def: `[]`, siteOnly: true, resolve: resolvePath,
		about:   "Files and folders outside the document root that symbolic links may lead into; with `symlinks = \"auto\"` adds to those of the application.",
		reset:   func(t target) { t.site.FollowInto = nil },
		setText: func(t target, s string) error { t.site.FollowInto = append(t.site.FollowInto, s); return notEmpty(s) },
	},
	{
		path: "access_log.path", kind: kindText, siteOnly: true, defText: "the server's", resolve: resolvePath,
		about:   "Where requests of this site are logged.",
		setText: func(t target, s string) error { ownLog(t).Path = s; return notEmpty(s) },
	},
	{
		path: "access_log.format", kind: kindChoice, siteOnly: true, defText: "the server's", choices: []string{"combined", "json"},
		about:   "The format of this site's log.",
		setText: func(t target, s string) error { ownLog(t).Format = s; return nil },
	},
	{
		path: "index", kind: kindList, def: `["index.php", "index.html", "index.htm"]`,
		about:   "Default documents of a folder, the first that exists.",
		reset:   func(t target) { t.site.Index = nil },
		setText: setIndex,
	},
	{
		path: "mime", kind: kindMap,
		about: "Content types by file name extension, added to the built-in ones: `wasm = \"application/wasm\"`.",
		setPair: func(t target, name, value string) error {
			extension, err := parseMIME(name, value)
			if err == nil {
				t.site.MIME[extension] = value
			}
			return err
		},
	},
	{
		path: "error_pages", kind: kindMap,
		about:   "What to answer with by status: a path in the site (starts with `/`) or a text: `404 = \"/404.html\"`.",
		setPair: setErrorPage,
	},
	{
		path: "hidden_files", kind: kindChoice, def: `"refuse"`, choices: []string{"refuse", "apache"},
		about:   "`refuse` answers 404 for dot files and folders (but `.well-known`), backups and what version control leaves, and 404, or where `.htaccess` files are read 403, for every `.ht*`, whether there is one or not; `apache` is as open as a stock Apache: only `.ht*` is refused, text is not said to be UTF-8, and nothing is compressed on the fly that a `.htaccess` does not name.",
		setText: func(t target, s string) error { t.site.HiddenFiles = s; return nil },
	},
	{
		path: "allow_override", kind: kindText, def: `"All"`,
		about:   "Which directives `.htaccess` files may have, as Apache's AllowOverride: `All`, `None` (the files are not read) or some of `AuthConfig FileInfo Indexes Limit Options`. See [.htaccess](htaccess.md).",
		setText: setOverride,
	},
	{
		path: "proxy_to", kind: kindList, def: `[]`,
		about:   "Servers that a RewriteRule with `[P]` may pass requests on to, over HTTP: `host` (any port), `host:port`, `unix:/path/of/socket`, or `*` for all, those of your own network included. Empty: none, as on an Apache without mod_proxy_http. See [.htaccess](htaccess.md#passing-requests-on).",
		reset:   func(t target) { t.site.ProxyTo = nil },
		setText: setProxyTo,
	},
	{
		path: "symlinks", kind: kindChoice, def: `"auto"`, choices: []string{SymlinksAuto, SymlinksInside, SymlinksFollow},
		about:   "Which symbolic links are followed: with `inside` those that end in the document root, an alias or `follow_into`; with `auto` also those that the recognised application [is known to have](#symbolic-links); with `follow` all. Others are answered by 403.",
		setText: func(t target, s string) error { t.site.Symlinks = s; return nil },
	},
	{
		path: "body_max", kind: kindSize, def: `"auto"`, max: 1 << 50, word: "auto", wordIs: BodyFollowsPHP,
		about:     "Largest request body; 413 beyond. `auto` follows PHP's `post_max_size`.",
		setNumber: func(t target, n int64) { t.site.BodyMax = n },
	},
	{
		path: "no_php", kind: kindList, def: `[]`,
		about:   "Paths below the document root where no script ever runs, neither PHP's nor a CGI program (but for those in `cgi.folders`), [patterns](#patterns); adds to those of the application (uploads, caches). A script that a symbolic link gives another name is judged by both, and where such a folder is a link, none runs in what it leads to.",
		reset:   func(t target) { t.site.NoPHP = nil },
		setText: func(t target, s string) error { return addPattern(&t.site.NoPHP, s) },
	},
	{
		path: "deny", kind: kindList, def: `[]`,
		about:   "Paths below the document root that are answered by 404, [patterns](#patterns); adds to those of the application.",
		reset:   func(t target) { t.site.Deny = nil },
		setText: func(t target, s string) error { return addPattern(&t.site.Deny, s) },
	},
	{
		path: "headers.remove", kind: kindList, def: `[]`,
		about: "Names of header lines to take out of responses.",
		reset: func(t target) { t.site.Headers.Remove = nil },
		setText: func(t target, s string) error {
			t.site.Headers.Remove = append(t.site.Headers.Remove, s)
			return checkFieldName(s)
		},
	},
	{
		path: "headers.set", kind: kindMap,
		about: "Header lines to send in place of any of that name: `X-Frame-Options = \"SAMEORIGIN\"`.",
		setPair: func(t target, name, value string) error {
			t.site.Headers.Set = setHeader(t.site.Headers.Set, name, value)
			return checkField(name, value)
		},
	},
	{
		path: "headers.add", kind: kindMap, multi: true,
		about: "Header lines to send beside any of that name; a list sends several.",
		setPair: func(t target, name, value string) error {
			t.site.Headers.Add = append(t.site.Headers.Add, Header{name, value})
			return checkField(name, value)
		},
	},
	{
		path: "compression.enabled", kind: kindFlag, def: `true`,
		about:   "Whether responses are compressed on the fly. Files that lie there compressed (`.br`, `.zst`, `.gz`) are sent in any case.",
		setFlag: func(t target, b bool) { t.site.Compression.Enabled = b },
	},
	{
		path: "compression.gzip", kind: kindInteger, def: `5`, max: 9, unit: "level",
		about:     "Level of gzip; 0 switches it off.",
		setNumber: func(t target, n int64) { t.site.Compression.Gzip = int(n) },
	},
	{
		path: "compression.brotli", kind: kindInteger, def: `4`, max: 11, unit: "level",
		about:     "Level of brotli; 0 switches it off.",
		setNumber: func(t target, n int64) { t.site.Compression.Brotli = int(n) },
	},
	{
		path: "compression.zstd", kind: kindInteger, def: `3`, max: 22, unit: "level",
		about:     "Level of zstd; 0 switches it off.",
		setNumber: func(t target, n int64) { t.site.Compression.Zstd = int(n) },
	},
	{
		path: "compression.min_size", kind: kindSize, def: `"256B"`, max: 1 << 30,
		about:     "Smaller bodies are sent as they are.",
		setNumber: func(t target, n int64) { t.site.Compression.MinSize = n },
	},
}

func setSiteName(t target, s string) error {
	name, err := parseHost(s)
	if err == nil {
		t.site.Names = append(t.site.Names, name)
	}
	return err
}

func setIndex(t target, s string) error {
	if s == "" || strings.ContainsAny(s, `/\`) || !printable(s) {
		return fmt.Errorf("%q is no file name", s)
	}
	t.site.Index = append(t.site.Index, s)
	return nil
}

func setFrontController(t target, s string) error {
	if s != "" && s != autoFront {
		if err := checkURLPath(s); err != nil {
			return err
		}
	}
	t.site.FrontController = s
	return nil
}

// setProxyTo adds a server to proxy_to.
func setProxyTo(t target, s string) error {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		host, port = strings.Trim(s, "[]"), "80"
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if path, ok := strings.CutPrefix(s, "unix:"); s != "*" && (!ok || !strings.HasPrefix(path, "/")) &&
		(err != nil || n == 0 || host == "" || strings.ContainsAny(host, "/@*?|\\ ") || !printable(host)) {
		return fmt.Errorf("%q is no server: want host, host:port, unix:/path or *", s)
	}
	t.site.ProxyTo = append(t.site.ProxyTo, s)
	return nil
}

// overrideClasses are what AllowOverride takes, in lower case, as Apache spells
// them.
var overrideClasses = []string{"All", "None", "AuthConfig", "FileInfo", "Indexes", "Limit", "Options"}

func setOverride(t target, s string) error {
	t.site.AllowOverride = nil
	words := strings.Fields(s)
	for _, w := range words {
		i := slices.IndexFunc(overrideClasses, func(c string) bool { return strings.EqualFold(c, w) })
		switch {
		case i < 0:
			return fmt.Errorf("%q is no class of directives; %s", w, strings.Join(overrideClasses, ", "))
		case i < 2 && len(words) > 1:
			return fmt.Errorf("%q stands alone", overrideClasses[i])
		case overrideClasses[i] == "None":
		case overrideClasses[i] == "All":
			t.site.AllowOverride = slices.Clone(overrideClasses[2:])
		default:
			t.site.AllowOverride = append(t.site.AllowOverride, overrideClasses[i])
		}
	}
	if len(words) == 0 {
		return fmt.Errorf("no class of directives; %q reads no .htaccess", "None")
	}
	return nil
}

func setAlias(t target, prefix, dir string) error {
	prefix = strings.TrimRight(prefix, "/")
	if err := checkURLPath(prefix); err != nil {
		return err
	}
	if dir == "" || !printable(dir) {
		return fmt.Errorf("%q is no folder", dir)
	}
	if slices.ContainsFunc(t.site.Aliases, func(a Alias) bool { return a.Prefix == prefix }) {
		return fmt.Errorf("prefix %q is there twice", prefix)
	}
	t.site.Aliases = append(t.site.Aliases, Alias{prefix, dir})
	return nil
}

func setErrorPage(t target, status, value string) error {
	n, err := strconv.Atoi(status)
	if err != nil || n < 400 || n > 599 {
		return fmt.Errorf("%q is no error status; 400 to 599", status)
	}
	if value == "" {
		return fmt.Errorf("nothing to answer status %d with; a path such as \"/%d.html\" or a text", n, n)
	}
	if strings.HasPrefix(value, "/") {
		if err := checkURLPath(value); err != nil {
			return err
		}
	}
	t.site.ErrorPages[n] = value
	return nil
}

func addPattern(list *Patterns, s string) error {
	p, err := parsePattern(s)
	if err == nil && !slices.Contains(*list, p) {
		*list = append(*list, p)
	}
	return err
}

func checkField(name, value string) error {
	if err := checkFieldName(name); err != nil {
		return err
	}
	return checkFieldValue(name, value)
}

// ownLog returns the site's log, at first with what the server's log has.
func ownLog(t target) *AccessLog {
	if t.site.AccessLog == nil {
		inherited := t.server.AccessLog
		t.site.AccessLog = &inherited
	}
	return t.site.AccessLog
}
