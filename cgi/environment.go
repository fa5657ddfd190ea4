package cgi

import (
	"bytes"
	"strconv"

	"sluice/message"
)

// Sink takes meta-variables. Both slices die when Pair returns.
type Sink interface {
	Pair(name, value []byte)
}

// Environment is what the meta-variables of a request are made from (RFC 3875
// §4.1). Empty strings are left out unless the RFC wants them.
type Environment struct {
	Request *message.Request
	HTTPS   bool

	ServerName []byte // without port
	ServerPort []byte
	ServerAddr []byte
	RemoteAddr []byte
	RemotePort []byte

	RequestURI     []byte // path and query as the client sent them
	Query          []byte // what the script gets as QUERY_STRING
	ScriptName     []byte // decoded URL path of the script
	ScriptFilename []byte // its file
	PathInfo       []byte // decoded rest of the path, empty if there is none
	PathTranslated []byte // PathInfo below the document root
	DocumentRoot   []byte
	// RedirectStatus is REDIRECT_STATUS: 200, or that of the error whose page
	// this is; 0 leaves it out.
	RedirectStatus int
	ContentLength  int64 // exact; -1 if the request has no content

	// Variables are given first, so that those above win over them.
	Variables []Variable
	// HideAuthorization keeps the credentials from the script.
	HideAuthorization bool

	// Scratch is memory for names and joined values, kept between requests.
	Scratch []byte
}

// Variable is a meta-variable that is made elsewhere (SetEnv, rewriting).
type Variable struct{ Name, Value string }

var (
	on        = []byte("on")
	http      = []byte("http")
	https     = []byte("https")
	version0  = []byte("HTTP/1.0")
	version1  = []byte("HTTP/1.1")
	status200 = []byte("200")
)

// Emit gives all meta-variables of the request to a sink. Those that are the
// same for every request of a site (GATEWAY_INTERFACE, SERVER_SOFTWARE) are the
// caller's.
//
// It answers how many field lines were dropped because their names have
// characters that another name could be mistaken for.
func (e *Environment) Emit(to Sink) (dropped int) {
	req := e.Request
	pair := func(name string, value []byte) {
		e.Scratch = append(e.Scratch[:0], name...)
		to.Pair(e.Scratch, value)
	}
	for _, v := range e.Variables {
		if v.Name != "HTTP_PROXY" {
			e.Scratch = append(append(e.Scratch[:0], v.Name...), v.Value...)
			to.Pair(e.Scratch[:len(v.Name)], e.Scratch[len(v.Name):])
		}
	}
	pair("SCRIPT_FILENAME", e.ScriptFilename)
	pair("QUERY_STRING", e.Query)
	pair("REQUEST_METHOD", req.Method)
	if e.ContentLength >= 0 {
		var b [20]byte
		pair("CONTENT_LENGTH", strconv.AppendInt(b[:0], e.ContentLength, 10))
	}
	pair("SCRIPT_NAME", e.ScriptName)
	pair("DOCUMENT_ROOT", e.DocumentRoot)
	switch e.RedirectStatus {
	case 0:
	case 200:
		pair("REDIRECT_STATUS", status200)
	default:
		pair("REDIRECT_STATUS", strconv.AppendInt(nil, int64(e.RedirectStatus), 10))
	}
	pair("REQUEST_URI", e.RequestURI)
	if len(e.PathInfo) > 0 {
		pair("PATH_INFO", e.PathInfo)
	}
	if len(e.PathTranslated) > 0 {
		pair("PATH_TRANSLATED", e.PathTranslated)
	}
	scheme := http
	if e.HTTPS {
		scheme = https
		pair("HTTPS", on)
	}
	pair("REQUEST_SCHEME", scheme)
	proto := version1
	if req.Minor == 0 {
		proto = version0
	}
	pair("SERVER_PROTOCOL", proto)
	pair("SERVER_NAME", e.ServerName)
	pair("SERVER_PORT", e.ServerPort)
	pair("SERVER_ADDR", e.ServerAddr)
	pair("REMOTE_ADDR", e.RemoteAddr)
	pair("REMOTE_PORT", e.RemotePort)
	return e.fields(to)
}

// fields gives the request's field lines as HTTP_ variables (§4.1.18).
func (e *Environment) fields(to Sink) (dropped int) {
	fields := e.Request.Fields
	for i := range fields {
		name := fields[i].Name
		switch kindOf(name) {
		case fieldContentType:
			if !seenBefore(fields[:i], name) {
				e.Scratch = append(e.Scratch[:0], "CONTENT_TYPE"...)
				to.Pair(e.Scratch, fields[i].Value)
			}
			continue
		case fieldSkip:
			continue
		case fieldUnsafe:
			dropped++
			continue
		case fieldCredentials:
			if e.HideAuthorization {
				continue
			}
		case fieldPlain:
		}
		if seenBefore(fields[:i], name) {
			continue
		}
		e.Scratch = append(e.Scratch[:0], "HTTP_"...)
		for _, c := range name {
			switch {
			case c == '-':
				c = '_'
			case c >= 'a' && c <= 'z':
				c -= 0x20
			}
			e.Scratch = append(e.Scratch, c)
		}
		n := len(e.Scratch)
		value := e.join(fields[i:], name)
		to.Pair(e.Scratch[:n], value)
	}
	return dropped
}

// join puts the values of field lines of one name together: Cookie by "; "
// (RFC 6265 §5.4 has one line; RFC 9113 §8.2.3), others by ", " (RFC 9110 §5.3).
func (e *Environment) join(fields []message.Field, name []byte) []byte {
	more := false
	for i := 1; i < len(fields) && !more; i++ {
		more = sameName(fields[i].Name, name)
	}
	if !more {
		return fields[0].Value
	}
	sep := ", "
	if message.EqualFold(name, "cookie") {
		sep = "; "
	}
	from := len(e.Scratch)
	for i := range fields {
		if i > 0 && !sameName(fields[i].Name, name) {
			continue
		}
		if i > 0 {
			e.Scratch = append(e.Scratch, sep...)
		}
		e.Scratch = append(e.Scratch, fields[i].Value...)
	}
	return e.Scratch[from:]
}

func seenBefore(fields []message.Field, name []byte) bool {
	for i := range fields {
		if sameName(fields[i].Name, name) {
			return true
		}
	}
	return false
}

// sameName compares names, b being ASCII. The lengths have to be equal too, for
// bytes.EqualFold takes some letters beyond ASCII for k and s.
func sameName(a, b []byte) bool { return len(a) == len(b) && bytes.EqualFold(a, b) }

type fieldKind uint8

const (
	fieldPlain fieldKind = iota
	// fieldContentType has a meta-variable of its own.
	fieldContentType
	// fieldSkip: Content-Length has its own from the length really sent;
	// Transfer-Encoding has been undone; Proxy would become HTTP_PROXY, which
	// programs take for their own configuration (httpoxy, CVE-2016-5385).
	fieldSkip
	// fieldCredentials is Authorization, which a server that checks passwords
	// itself does not pass on (RFC 3875 §4.1.18).
	fieldCredentials
	// fieldUnsafe: "_" and "-" would become the same variable, so a client
	// could pose as a trusted proxy's header.
	fieldUnsafe
)

func kindOf(name []byte) fieldKind {
	for _, c := range name {
		if c != '-' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			return fieldUnsafe
		}
	}
	switch len(name) {
	case 5:
		if message.EqualFold(name, "proxy") {
			return fieldSkip
		}
	case 12:
		if message.EqualFold(name, "content-type") {
			return fieldContentType
		}
	case 13:
		if message.EqualFold(name, "authorization") {
			return fieldCredentials
		}
	case 14:
		if message.EqualFold(name, "content-length") {
			return fieldSkip
		}
	case 17:
		if message.EqualFold(name, "transfer-encoding") {
			return fieldSkip
		}
	}
	return fieldPlain
}

// GatewayInterface is GATEWAY_INTERFACE (§4.1.4).
const GatewayInterface = "CGI/1.1"
