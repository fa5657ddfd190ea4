//go:build linux

package integration

// model says whose value sluice has where the oracles' environments differ.
type model string

const (
	asNginx  model = "nginx"
	asApache model = "apache"
	asNobody model = "nobody"
	// asWorker is for variables of the worker's own process: workerFault says which
	// values will do.
	asWorker model = "worker"
)

// difference is one intended difference of $_SERVER to nginx's or Apache's
// usual set-up. The first that covers a variable counts.
type difference struct {
	keys    []string
	probes  []string // names of probes; none means all
	follows model
	value   string // for asNobody; {root} is the document root
	why     string
}

// differences is the whole of docs/environment.md's table.
var differences = []difference{
	{
		keys: []string{"CONTENT_LENGTH", "CONTENT_TYPE", "PATH_INFO", "REMOTE_USER"}, follows: asApache,
		why: "A variable without a value is not set (RFC 3875 §4.1); nginx's `fastcgi.conf` sends empty ones.",
	},
	{
		keys: []string{"PATH_TRANSLATED"}, follows: asApache,
		why: "RFC 3875 §4.1.6 has it whenever there is PATH_INFO; Debian's nginx set-up leaves it out.",
	},
	{
		keys: []string{"REDIRECT_STATUS"}, follows: asNginx,
		why: "php-cgi refuses to work without it (`cgi.force_redirect`); Apache's proxy_fcgi has no need of it with php-fpm.",
	},
	{
		keys: []string{"DOCUMENT_URI"}, follows: asApache,
		why: "nginx's own name for what SCRIPT_NAME and PATH_INFO say.",
	},
	{
		keys: []string{"SERVER_SIGNATURE", "SERVER_ADMIN", "CONTEXT_PREFIX", "CONTEXT_DOCUMENT_ROOT", "proxy-nokeepalive"}, follows: asNginx,
		why: "Apache's own variables; no application known to us reads them.",
	},
	{
		keys: []string{"HTTP_CONTENT_LENGTH", "HTTP_CONTENT_TYPE", "HTTP_TRANSFER_ENCODING"}, follows: asApache,
		why: "They have variables of their own, or, as Transfer-Encoding, are about the way and not the message (RFC 3875 §4.1.18).",
	},
	{
		keys: []string{"HTTP_COOKIE"}, probes: []string{"cookies in several lines"}, follows: asNobody, value: "a=1; b=2; c=3",
		why: "Cookie lines are joined by \"; \" (RFC 9113 §8.2.3); nginx of this version keeps the last only, Apache joins by a comma, which PHP takes for a part of the value.",
	},
	{
		keys: []string{"(cookie)"}, probes: []string{"cookies in several lines"}, follows: asNobody, value: "map[a:1 b:2 c:3]",
		why: "What `$_COOKIE` makes of the line above.",
	},
	{
		keys: []string{"HTTP_X_TWICE", "HTTP_ACCEPT"}, probes: []string{"duplicate header"}, follows: asApache,
		why: "Lines of one name are joined by a comma (RFC 9110 §5.3); nginx of this version keeps the last.",
	},
	{
		keys: []string{"SERVER_NAME"}, follows: asApache,
		why: "The host name of the request, in lower case; nginx has the first name of its configuration for all names of a site.",
	},
	{
		keys: []string{"SERVER_PORT"}, probes: []string{"host with another port"}, follows: asApache,
		why: "The port that the client names: behind a port mapping it is the one that addresses must be made with.",
	},
	{
		keys: []string{"SERVER_PORT"}, follows: asNginx,
		why: "The socket's port where the client names none; Apache has the scheme's.",
	},
	{
		keys: []string{"HTTP_HOST"}, probes: []string{"absolute form"}, follows: asApache,
		why: "The host of an absolute target replaces Host (RFC 9112 §3.2.2); nginx hands the replaced one on.",
	},
	{
		keys: []string{"REQUEST_URI"}, probes: []string{"absolute form"}, follows: asNginx,
		why: "Path and query, as applications expect, whatever form the target had.",
	},
	{
		keys: []string{"SERVER_SOFTWARE"}, follows: asNobody, value: "sluice",
		why: "The program's name, without a version.",
	},
	{
		keys: []string{
			"PHP_FCGI_CHILDREN", "PHP_FCGI_MAX_REQUESTS", "PHP_INI_SCAN_DIR", "PATH", "TMPDIR", "TZ", "LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE",
		},
		follows: asWorker,
		why:     "php-cgi adds the environment of its own process, in which these steer it; php-fpm clears it, Apache sends its PATH.",
	},
	{
		keys: []string{"USER", "LOGNAME", "HOME"}, follows: asWorker,
		why: "php-fpm has the account of its pool there, php-cgi what sluice was started with, if anything.",
	},
}
