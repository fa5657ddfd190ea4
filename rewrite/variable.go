package rewrite

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// variable is a compiled %{…} of mod_rewrite.
type variable struct {
	kind  varKind
	name  string // as written, for messages; a header's or an environment variable's name
	plain func(r *record) string
	inner *variable
}

type varKind uint8

const (
	varEmpty varKind = iota
	varPlain
	varHeader
	varEnv
	varSSL
	varAheadURI
	varAheadFile
)

// compileVariable looks a name up once. Unknown names expand to nothing.
func compileVariable(name string) *variable {
	v := &variable{name: name}
	if len(name) < 4 {
		return v
	}
	if prefix, rest, ok := strings.Cut(name, ":"); ok {
		switch {
		case rest == "":
		case equalFold(prefix, "ENV"):
			v.kind, v.name = varEnv, rest
		case equalFold(prefix, "SSL"):
			v.kind, v.name = varSSL, rest
		case equalFold(prefix, "HTTP"):
			v.kind, v.name = varHeader, rest
		case equalFold(prefix, "LA-U"):
			v.kind, v.inner = varAheadURI, compileVariable(rest)
		case equalFold(prefix, "LA-F"):
			v.kind, v.inner = varAheadFile, compileVariable(rest)
		}
		if v.kind != varEmpty {
			return v
		}
	}
	upper := toUpper(name)
	if h, ok := headerVariables[upper]; ok {
		v.kind, v.name = varHeader, h
		return v
	}
	if f, ok := variables[upper]; ok {
		v.kind, v.plain = varPlain, f
	}
	return v
}

// get reads the variable, noting headers for Vary.
func (v *variable) get(x *rewriteContext) string {
	switch v.kind {
	case varPlain:
		return v.plain(x.r)
	case varHeader:
		s, ok := x.r.q.header(v.name)
		if ok && !equalFold(v.name, "Host") {
			x.varyCond = append(x.varyCond, v.name)
		}
		return s
	case varEnv:
		return x.r.envOrProcess(v.name)
	case varSSL:
		return x.r.sslVariable(v.name)
	case varAheadURI, varAheadFile:
		return x.lookAhead(v)
	case varEmpty:
	}
	return ""
}

// lookAhead asks a sub-request for a variable: what it will be when the request
// is through.
func (x *rewriteContext) lookAhead(v *variable) string {
	r := x.r
	if !r.subRequestAllowed() {
		return ""
	}
	var sub *record
	switch path := x.uri; {
	case v.kind == varAheadURI || strings.HasPrefix(path, "/"):
		if x.dir != "" && !strings.HasPrefix(path, "/") {
			prefix := x.dir
			if c := r.cfg.rewrite; c != nil && c.base != nil {
				prefix = *c.base
			}
			path = prefix + path
		}
		sub = r.lookupURI(path)
	default:
		sub = r.lookupFile(x.dir + path)
	}
	if sub == nil {
		return ""
	}
	saved := x.r
	x.r = sub
	s := v.inner.get(x)
	x.r = saved
	return s
}

// sslVariable is mod_ssl's own list of variables (ssl_var_lookup): those of the
// connection's encryption, and most of the others too.
func (r *record) sslVariable(name string) string {
	upper := toUpper(name)
	switch {
	case strings.HasPrefix(upper, "SSL_"):
		if !r.q.TLS {
			return ""
		}
		return r.q.Env.SSLVar(name)
	case strings.HasPrefix(upper, "HTTP:"):
		v, _ := r.q.header(name[5:])
		return v
	case strings.HasPrefix(upper, "ENV:"):
		v, _ := r.env.Get(name[4:])
		return v
	case upper == "API_VERSION":
		return "20120211"
	}
	if h, ok := headerVariables[upper]; ok {
		v, _ := r.q.header(h)
		return v
	}
	if f, ok := variables[upper]; ok {
		return f(r)
	}
	return ""
}

// headerVariables are the variables that read a request header.
var headerVariables = map[string]string{
	"HTTP_USER_AGENT": "User-Agent", "HTTP_PROXY_CONNECTION": "Proxy-Connection",
	"HTTP_REFERER": "Referer", "HTTP_COOKIE": "Cookie", "HTTP_FORWARDED": "Forwarded",
	"HTTP_HOST": "Host", "HTTP_ACCEPT": "Accept",
}

// variables are those of mod_rewrite and ap_expr that read no header.
var variables = map[string]func(r *record) string{
	"REQUEST_METHOD":        func(r *record) string { return r.method },
	"REQUEST_SCHEME":        func(r *record) string { return r.q.scheme() },
	"REQUEST_URI":           func(r *record) string { return r.uri },
	"REQUEST_FILENAME":      func(r *record) string { return r.filename },
	"SCRIPT_FILENAME":       func(r *record) string { return r.filename },
	"PATH_INFO":             func(r *record) string { return r.pathInfo },
	"QUERY_STRING":          func(r *record) string { return r.args },
	"IS_SUBREQ":             func(r *record) string { return choose(r.main != nil, "true", "false") },
	"AUTH_TYPE":             func(r *record) string { return r.authType },
	"REMOTE_USER":           func(r *record) string { return r.user },
	"THE_REQUEST":           func(r *record) string { return r.q.requestLine() },
	"DOCUMENT_ROOT":         func(r *record) string { return r.q.Site.Root },
	"CONTEXT_DOCUMENT_ROOT": func(r *record) string { dir, _ := r.context(); return dir },
	"CONTEXT_PREFIX":        func(r *record) string { _, prefix := r.context(); return prefix },
	"SERVER_NAME":           func(r *record) string { return r.q.serverName() },
	"SERVER_PORT":           func(r *record) string { return strconv.Itoa(r.q.serverPort()) },
	"SERVER_PROTOCOL":       func(r *record) string { return r.q.Protocol },
	"SERVER_ADDR":           func(r *record) string { return r.q.LocalAddr },
	"SERVER_ADMIN":          func(r *record) string { return r.q.Site.Admin },
	"SERVER_SOFTWARE":       func(r *record) string { return r.q.Site.Software },
	"API_VERSION":           func(*record) string { return "20120211:142" },
	"REMOTE_ADDR":           func(r *record) string { return r.q.remoteAddr() },
	"CONN_REMOTE_ADDR":      func(r *record) string { return r.q.connAddr() },
	"REMOTE_HOST":           func(r *record) string { return r.q.remoteHost() },
	"REMOTE_PORT":           func(r *record) string { return strconv.Itoa(r.q.RemotePort) },
	"REMOTE_IDENT":          func(*record) string { return "" },
	"SCRIPT_USER":           func(*record) string { return "" },
	"SCRIPT_GROUP":          func(*record) string { return "" },
	"HTTPS":                 func(r *record) string { return choose(r.q.TLS, "on", "off") },
	"IPV6": func(r *record) string {
		return choose(r.q.RemoteAddr.Is6() && !r.q.RemoteAddr.Is4In6(), "on", "off")
	},
	"TIME":      timeVariable("20060102150405"),
	"TIME_YEAR": timeVariable("2006"), "TIME_MON": timeVariable("01"), "TIME_DAY": timeVariable("02"),
	"TIME_HOUR": timeVariable("15"), "TIME_MIN": timeVariable("04"), "TIME_SEC": timeVariable("05"),
	"TIME_WDAY": func(r *record) string { return strconv.Itoa(int(r.q.Env.Now().Weekday())) },
}

func timeVariable(layout string) func(r *record) string {
	return func(r *record) string { return r.q.Env.Now().Format(layout) }
}

// httpTime is RFC 9110 §5.6.7's preferred form.
func httpTime(t time.Time) string { return t.UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT") }

// cookieTime is the form that mod_rewrite puts into a cookie.
func cookieTime(t time.Time) string {
	t = t.UTC()
	return fmt.Sprintf("%s, %02d-%s-%04d %s GMT", t.Weekday().String()[:3], t.Day(), t.Month().String()[:3], t.Year(), t.Format("15:04:05"))
}
