//go:build linux

package integration

// model says whose value sluice has where the oracles' environments differ.
type model string

const (
	asNginx  model = "nginx"
	asApache model = "apache"
	asNobody model = "nobody"
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
		keys: []string{"USER", "HOME"}, follows: asNobody, value: absent,
		why: "php-fpm puts the account of its pool there; php-cgi does not.",
	},
}
