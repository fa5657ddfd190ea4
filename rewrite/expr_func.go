package rewrite

import (
	"crypto/md5"  //nolint:gosec // ap_expr has md5()
	"crypto/sha1" //nolint:gosec // ap_expr has sha1()
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// exprValue is a variable of ap_expr; exprCall a function of one argument.
type (
	exprValue func(x *exprScope) string
	exprCall  func(x *exprScope, arg string) string
)

func varNode(name string) (*exprNode, error) {
	name = toUpper(name)
	if h, ok := headerVariables[name]; ok {
		return &exprNode{op: opVar, text: name, value: func(x *exprScope) string { return x.header(h) }}, nil
	}
	if v, ok := exprOnly[name]; ok {
		return &exprNode{op: opVar, text: name, value: v}, nil
	}
	if v, ok := variables[name]; ok {
		return &exprNode{op: opVar, text: name, value: func(x *exprScope) string { return v(x.r) }}, nil
	}
	return nil, fmt.Errorf("variable %q does not exist", name)
}

func funcNode(name string, arg *exprNode) (*exprNode, error) {
	f, ok := exprFunctions[toLower(name)]
	if !ok {
		return nil, fmt.Errorf("function %q does not exist", name)
	}
	return &exprNode{op: opFunc, text: name, a: arg, call: f}, nil
}

// header reads a request header and notes it for Vary (RFC 9110 §12.5.5 leaves Host out).
func (x *exprScope) header(name string) string {
	if x.vary != nil && !equalFold(name, "Host") {
		*x.vary = append(*x.vary, name)
	}
	v, _ := x.r.q.header(name)
	return v
}

// exprOnly are variables that mod_rewrite does not have.
var exprOnly = map[string]exprValue{
	"CONTENT_TYPE": func(x *exprScope) string {
		if x.resp != nil {
			return x.resp.ContentType
		}
		return x.r.contentType()
	},
	"HANDLER": func(x *exprScope) string {
		if h := x.r.handler; h != "" || x.resp == nil || !x.r.handled {
			return h
		}
		// The handler of last resort is named like the media type (ap_invoke_handler).
		t, _, _ := strings.Cut(x.r.meta.Type, ";")
		return choose(t != "", t, "default-handler")
	},
	"REQUEST_STATUS": func(x *exprScope) string {
		switch {
		case x.resp != nil:
			return strconv.Itoa(x.resp.Status)
		case x.r.status != 0:
			return strconv.Itoa(x.r.status)
		}
		return "200"
	},
	"DOCUMENT_URI": func(x *exprScope) string {
		if v, ok := x.r.env.Get("DOCUMENT_URI"); ok {
			return v
		}
		return x.r.uri
	},
	"LAST_MODIFIED": func(x *exprScope) string {
		return time.Unix(x.r.file.ModTime, 0).Format("20060102150405")
	},
	"API_VERSION":    func(*exprScope) string { return "20120211" },
	"CONN_LOG_ID":    func(*exprScope) string { return "" },
	"REQUEST_LOG_ID": func(*exprScope) string { return "" },
	"HTTP2": func(x *exprScope) string {
		return choose(strings.HasPrefix(x.r.q.Protocol, "HTTP/2"), "on", "off")
	},
}

var exprFunctions map[string]exprCall

func init() {
	request := func(x *exprScope, arg string) string { return x.header(arg) }
	exprFunctions = map[string]exprCall{
		"req": request, "http": request,
		"req_novary": func(x *exprScope, arg string) string { v, _ := x.r.q.header(arg); return v },
		"resp":       exprResponse,
		"reqenv":     func(x *exprScope, arg string) string { v, _ := x.env(arg); return v },
		"note":       func(*exprScope, string) string { return "" },
		"osenv":      func(x *exprScope, arg string) string { v, _ := x.r.q.Env.Getenv(arg); return v },
		"env": func(x *exprScope, arg string) string {
			if v, ok := x.env(arg); ok {
				return v
			}
			return x.r.envOrProcess(arg)
		},
		"ssl":      func(x *exprScope, arg string) string { return x.r.sslVariable(arg) },
		"tolower":  func(_ *exprScope, arg string) string { return toLower(arg) },
		"toupper":  func(_ *exprScope, arg string) string { return toUpper(arg) },
		"escape":   func(_ *exprScope, arg string) string { return escapeURI(arg) },
		"unescape": exprUnescape,
		"base64":   func(_ *exprScope, arg string) string { return base64.StdEncoding.EncodeToString([]byte(arg)) },
		"unbase64": exprUnbase64,
		"sha1": func(_ *exprScope, arg string) string {
			s := sha1.Sum([]byte(arg)) //nolint:gosec // see the import
			return hex.EncodeToString(s[:])
		},
		"md5": func(_ *exprScope, arg string) string {
			s := md5.Sum([]byte(arg)) //nolint:gosec // see the import
			return hex.EncodeToString(s[:])
		},
		"ldap":     exprLDAP,
		"file":     exprFile,
		"filesize": func(x *exprScope, arg string) string { return strconv.FormatInt(exprStat(x, arg).Size, 10) },
		"filemod":  func(x *exprScope, arg string) string { return strconv.FormatInt(exprStat(x, arg).ModTime, 10) },
	}
}

func exprResponse(x *exprScope, arg string) string {
	if x.resp == nil {
		return ""
	}
	return x.resp.get(arg)
}

func exprUnescape(_ *exprScope, arg string) string {
	s, status := unescapePath(arg, true)
	if status != 0 {
		return ""
	}
	return s
}

func exprUnbase64(_ *exprScope, arg string) string {
	b, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(arg, "="))
	if err != nil {
		return ""
	}
	return string(b)
}

func exprLDAP(_ *exprScope, arg string) string {
	var b strings.Builder
	for i := 0; i < len(arg); i++ {
		if strings.IndexByte("*()\\\x00/,+\"<>;#= ", arg[i]) >= 0 || arg[i] > 126 {
			fmt.Fprintf(&b, `\%02x`, arg[i])
			continue
		}
		b.WriteByte(arg[i])
	}
	return b.String()
}

func exprFile(x *exprScope, arg string) string {
	b, err := x.r.q.Env.ReadFile(arg, exprFileBytesMax)
	if err != nil {
		x.err = fmt.Errorf("cannot read file %q: %w", arg, err)
		return ""
	}
	return string(b)
}

func exprStat(x *exprScope, arg string) FileInfo {
	f := x.r.stat(arg)
	if f.Kind != Regular {
		return FileInfo{}
	}
	return f
}
