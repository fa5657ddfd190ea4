package rewrite

import (
	"strconv"
	"strings"
)

// ProxyTarget is Location of an AnswerProxy as it is to be asked for, or the status
// that says why it can't be: mod_proxy_http makes the path ready to be sent
// (proxy_http_canon, with PROXYREQ_REVERSE) unless the rule has [NE].
func (a *Answer) ProxyTarget() (target string, status int) {
	socket, rest := "", a.Location
	if len(rest) >= 5 && equalFold(rest[:5], "unix:") {
		i := strings.IndexByte(rest, '|')
		if i < 0 {
			return rest, 0 // whoever passes it on tells what is wrong
		}
		socket, rest = rest[:i+1], rest[i+1:]
	}
	i := strings.Index(rest, "://")
	if i < 0 {
		return a.Location, 0
	}
	scheme := toLower(rest[:i])
	if scheme != "http" && scheme != "https" && scheme != "ws" && scheme != "wss" {
		return a.Location, 0
	}
	host, path, ok := canonNetloc(rest[i+3:])
	if !ok {
		return "", 400
	}
	query := ""
	if !a.r.proxyRaw {
		path = escapeProxied(path)
		if a.HasArgs {
			query = "?" + a.Args
		}
	}
	if hasControl(path) || hasControl(query) {
		return "", 403
	}
	return socket + scheme + "://" + host + "/" + path + query, 0
}

// canonNetloc takes host:port/path apart (ap_proxy_canon_netloc): the host in lower
// case, its port if it has one, no user.
func canonNetloc(s string) (netloc, path string, ok bool) {
	netloc, path, _ = strings.Cut(s, "/")
	if i := strings.LastIndexByte(netloc, '@'); i >= 0 {
		netloc = netloc[i+1:]
	}
	host, port := netloc, ""
	if i := strings.LastIndexByte(netloc, ':'); i > strings.LastIndexByte(netloc, ']') {
		host, port = netloc[:i], netloc[i:]
		n, err := strconv.ParseUint(port[1:], 10, 16)
		if err != nil || n == 0 {
			return "", "", false
		}
	}
	return toLower(host) + port, path, host != "" && !hasControl(host)
}

// escapeProxied is ap_proxy_canonenc of a path that is not escaped.
func escapeProxied(path string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(path) {
		if c := path[i]; isAlnum(c) || strings.IndexByte("/~$-_.+!*'(),;:@&=", c) >= 0 {
			b.WriteByte(c)
		} else {
			b.WriteByte('%')
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
		}
	}
	return b.String()
}
