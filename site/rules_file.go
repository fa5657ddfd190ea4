package site

import (
	"strings"

	"sluice/message"
	"sluice/rewrite"
	"sluice/static"
)

// asRuled is the request as the rules leave it: with their method, and with the
// fields that RequestHeader edited.
func (x *Exchange) asRuled(a *rewrite.Answer) *message.Request {
	g := x.ruling
	method := a.Method
	if method == "POST" && a.Kind == rewrite.AnswerFile && x.plan.filter == 0 {
		method = "GET" // Apache sends files to whoever asks
	}
	if method == view(x.Req.Method) && !g.q.Edited() {
		return x.Req
	}
	g.msg = *x.Req
	g.msg.Method = []byte(method)
	if g.q.Edited() {
		list := g.fields[:0]
		for _, f := range g.q.Fields {
			list = append(list, message.Field{Name: []byte(f.Name), Value: []byte(f.Value)})
		}
		g.fields, g.msg.Fields = list, list
	}
	return &g.msg
}

// describeFile says how the static cache has to answer so that the response is
// what AddType, AddEncoding and SetOutputFilter made of the file.
func (x *Exchange) describeFile(a *rewrite.Answer) {
	o := static.Options{}
	switch t := typeOf(a); {
	case t == "" && !x.site.utf8:
		o.NoType = true
	case t != "" && a.Quiet():
		o.Type = x.withCharset(t)
	case t != "":
		o.Type = t // AddDefaultCharset comes before our own
	}
	o.NoCodings = a.Meta.Encoding != "" || !x.compresses(a)
	x.sending = o
}

// typeOf is the Content-Type that rules give. One with a line end is none: [T]
// may take it from the request, and it must not begin another field.
func typeOf(a *rewrite.Answer) string {
	t := a.Meta.ContentType()
	for i := 0; i < len(t); i++ {
		if t[i] < ' ' || t[i] == 0x7F {
			return ""
		}
	}
	return t
}

// compresses tells whether a file may be compressed: where sluice is to be as a
// stock Apache, only a filter makes it so; no-gzip forbids it in any case.
func (x *Exchange) compresses(a *rewrite.Answer) bool {
	if forbidsPacking(a, a.Meta.Type) {
		return false
	}
	if x.site.utf8 {
		return true
	}
	return a.File.Size >= packBytesMin && filtered(a, a.Meta.Type)
}

// forbidsPacking tells that variables keep responses of a type from being
// compressed (mod_deflate's).
func forbidsPacking(a *rewrite.Answer, mediaType string) bool {
	return variable(a, "no-gzip") || variable(a, "gzip-only-text/html") && !strings.HasPrefix(mediaType, "text/html")
}

// variable tells whether a variable is set, other than to 0.
func variable(a *rewrite.Answer, name string) bool {
	for i := range a.Env {
		if a.Env[i].Name == name {
			return a.Env[i].Value != "0"
		}
	}
	return false
}

// filtered tells whether a .htaccess wants responses of a type compressed.
func filtered(a *rewrite.Answer, mediaType string) bool {
	for _, f := range a.Config.OutputFilters(mediaType, a.Filename) {
		if f == "DEFLATE" || strings.HasPrefix(f, "BROTLI") {
			return true
		}
	}
	return false
}

// withMeta adds to the field lines of a file what its names say, and takes its
// ETag away where FileETag says so.
func (x *Exchange) withMeta(fields []byte) []byte {
	a := x.plan.ruled
	if a == nil {
		return fields
	}
	noTag := a.Config.ETag() == "none"
	if !noTag && a.Meta.Encoding == "" && len(a.Meta.Languages) == 0 {
		return fields
	}
	n := len(x.lines)
	for name, line := range fieldLines(fields) {
		switch {
		case noTag && message.EqualFold(name, "etag"):
		case a.Meta.Encoding != "" && message.EqualFold(name, "content-encoding"):
		default:
			x.lines = append(x.lines, line...)
		}
	}
	if a.Meta.Encoding != "" {
		x.lines = appendSafe(x.lines, "Content-Encoding", a.Meta.Encoding)
	}
	if len(a.Meta.Languages) > 0 {
		x.lines = appendSafe(x.lines, "Content-Language", strings.Join(a.Meta.Languages, ","))
	}
	return x.lines[n:]
}
