package rewrite

import (
	"strconv"
	"strings"
)

// scriptVariable is a variable of a script's environment that Apache makes
// itself. It has put them among the request's variables when the response comes,
// so that Header sees them (ap_add_common_vars, ap_add_cgi_vars).
func (r *record) scriptVariable(name string) (string, bool) {
	name = toUpper(name)
	if f, ok := scriptVariables[name]; ok {
		return f(r)
	}
	if strings.HasPrefix(name, "HTTP_") {
		return r.fieldOfVariable(name[5:])
	}
	return "", false
}

// fieldOfVariable finds the field of an HTTP_ variable; credentials and Proxy
// are kept from scripts.
func (r *record) fieldOfVariable(name string) (string, bool) {
	switch name {
	case "AUTHORIZATION", "PROXY_AUTHORIZATION", "PROXY", "CONTENT_TYPE", "CONTENT_LENGTH":
		return "", false
	}
	for i := range r.q.Fields {
		if variableOf(r.q.Fields[i].Name, name) {
			return r.q.header(r.q.Fields[i].Name)
		}
	}
	return "", false
}

// variableOf tells whether a field's name makes a variable's.
func variableOf(field, variable string) bool {
	if len(field) != len(variable) {
		return false
	}
	for i := 0; i < len(field); i++ {
		c := field[i]
		if !isAlnum(c) {
			c = '_'
		}
		if lowerByte(c) != lowerByte(variable[i]) {
			return false
		}
	}
	return true
}

func always(f func(r *record) string) func(r *record) (string, bool) {
	return func(r *record) (string, bool) { return f(r), true }
}

// nonEmpty is for variables that are only there when they have a value.
func nonEmpty(f func(r *record) string) func(r *record) (string, bool) {
	return func(r *record) (string, bool) {
		v := f(r)
		return v, v != ""
	}
}

func field(name string) func(r *record) (string, bool) {
	return func(r *record) (string, bool) { return r.q.header(name) }
}

var scriptVariables = map[string]func(r *record) (string, bool){
	"GATEWAY_INTERFACE":     always(func(*record) string { return "CGI/1.1" }),
	"SERVER_PROTOCOL":       always(func(r *record) string { return r.q.Protocol }),
	"SERVER_SOFTWARE":       always(func(r *record) string { return r.q.Site.Software }),
	"SERVER_SIGNATURE":      always(func(*record) string { return "" }),
	"SERVER_NAME":           always(func(r *record) string { return r.q.serverName() }),
	"SERVER_ADDR":           always(func(r *record) string { return r.q.LocalAddr }),
	"SERVER_PORT":           always(func(r *record) string { return strconv.Itoa(r.q.serverPort()) }),
	"SERVER_ADMIN":          always(func(r *record) string { return r.q.Site.Admin }),
	"REMOTE_ADDR":           always(func(r *record) string { return r.q.remoteAddr() }),
	"REMOTE_PORT":           always(func(r *record) string { return strconv.Itoa(r.q.RemotePort) }),
	"REMOTE_HOST":           nonEmpty(func(r *record) string { return r.q.texts.remoteName }),
	"REMOTE_USER":           nonEmpty(func(r *record) string { return r.user }),
	"AUTH_TYPE":             nonEmpty(func(r *record) string { return r.authType }),
	"REQUEST_SCHEME":        always(func(r *record) string { return r.q.scheme() }),
	"REQUEST_METHOD":        always(func(r *record) string { return r.method }),
	"REQUEST_URI":           always(func(r *record) string { return r.q.Target }),
	"QUERY_STRING":          always(func(r *record) string { return r.args }),
	"DOCUMENT_ROOT":         always(func(r *record) string { return r.q.Site.Root }),
	"CONTEXT_DOCUMENT_ROOT": always(func(r *record) string { dir, _ := r.context(); return dir }),
	"CONTEXT_PREFIX":        always(func(r *record) string { _, prefix := r.context(); return prefix }),
	"SCRIPT_NAME":           always(func(r *record) string { return strings.TrimSuffix(r.uri, r.pathInfo) }),
	"SCRIPT_FILENAME":       always(func(r *record) string { return r.filename }),
	"PATH_INFO":             nonEmpty(func(r *record) string { return r.pathInfo }),
	"CONTENT_TYPE":          field("Content-Type"),
	"CONTENT_LENGTH":        field("Content-Length"),
}
