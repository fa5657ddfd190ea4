package proxied

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// ofConnection are fields that concern one connection only (RFC 9110 §7.6.1), and
// those that Transport writes.
var ofConnection = []string{
	"Connection", "Keep-Alive", "Te", "Trailer", "Transfer-Encoding", "Upgrade", "Proxy-Connection",
	"Host", "Content-Length", "Expect",
	"Proxy", // would be HTTP_PROXY there (CVE-2016-5385)
}

// requestFields are the fields that the other server gets.
func (a *asked) requestFields() (http.Header, error) {
	h := http.Header{}
	for rest := a.fields; rest != ""; {
		var line string
		line, rest, _ = strings.Cut(rest, "\n")
		name, value, _ := strings.Cut(line, ":")
		h.Add(name, strings.TrimPrefix(value, " "))
	}
	if strings.TrimSpace(strings.Join(h["Upgrade"], "")) != "" && listed(h["Connection"], "upgrade") && listed(h["Upgrade"], "websocket") {
		return nil, &fault{501, "the client wants to upgrade to a WebSocket, which is not passed on"}
	}
	host := h["Host"]
	dropListed(h)
	for _, name := range ofConnection {
		delete(h, name)
	}
	appendList(h, "X-Forwarded-For", a.client)
	if len(host) > 0 {
		appendList(h, "X-Forwarded-Host", host[0])
	}
	appendList(h, "X-Forwarded-Server", a.server)
	if n := max(elements(h["X-Forwarded-For"]), elements(h["X-Forwarded-Server"])); n > hopsMax {
		return nil, &fault{502, fmt.Sprintf("the request has come by %d proxies already: it goes in a circle", n-1)}
	}
	if _, ok := h["User-Agent"]; !ok {
		h["User-Agent"] = []string{""} // else Transport would say its own
	}
	return h, forward(h)
}

// forward counts Max-Forwards down (RFC 9110 §7.6.2), of any method, as Apache.
func forward(h http.Header) error {
	text := strings.TrimSpace(h.Get("Max-Forwards"))
	if len(h["Max-Forwards"]) == 0 {
		return nil
	}
	n, err := strconv.ParseUint(text, 10, 32)
	switch {
	case err != nil || len(text) > maxForwardsDigitsMax:
		return &fault{400, fmt.Sprintf("Max-Forwards %.40q is not a number", text)}
	case n == 0:
		return &fault{400, "Max-Forwards has reached zero"}
	}
	h.Set("Max-Forwards", strconv.FormatUint(n-1, 10))
	return nil
}

// dropListed removes what Connection names. Of a response with "close" among it
// Transport has taken the field out before, so what else it names stays.
func dropListed(h http.Header) {
	for _, v := range h["Connection"] {
		for name := range strings.SplitSeq(v, ",") {
			h.Del(strings.TrimSpace(name))
		}
	}
}

func listed(values []string, token string) bool {
	for _, v := range values {
		for e := range strings.SplitSeq(v, ",") {
			if strings.EqualFold(strings.TrimSpace(e), token) {
				return true
			}
		}
	}
	return false
}

// elements counts those of a list (RFC 9110 §5.6.1).
func elements(values []string) (n int) {
	for _, v := range values {
		for e := range strings.SplitSeq(v, ",") {
			if strings.TrimSpace(e) != "" {
				n++
			}
		}
	}
	return n
}

func appendList(h http.Header, name, value string) {
	if value != "" {
		h[name] = []string{strings.Join(append(h[name], value), ", ")}
	}
}

// notPassed are fields of a response that are of one connection, or that the
// gateway would obey: only our own scripts may have a file sent in their place.
var notPassed = []string{
	"Connection", "Keep-Alive", "Te", "Trailer", "Transfer-Encoding", "Upgrade", "Proxy-Connection",
	"Proxy-Authenticate", "Status", "X-Sendfile", "X-Accel-Redirect", "X-Litespeed-Location", FaultField,
}

// spelled are names that are not written as http.CanonicalHeaderKey has them.
var spelled = map[string]string{
	"Etag": "ETag", "Www-Authenticate": "WWW-Authenticate", "Dnt": "DNT", "Content-Md5": "Content-MD5",
	"X-Xss-Protection": "X-XSS-Protection", "X-Ua-Compatible": "X-UA-Compatible", "X-Request-Id": "X-Request-ID",
}

// responseHead is the response's head as a CGI program would print it. The order
// of fields of one name is kept, that of names is not known.
func responseHead(res *http.Response) []byte {
	h := res.Header
	dropListed(h)
	for _, name := range notPassed {
		delete(h, name)
	}
	if res.StatusCode == http.StatusNoContent {
		delete(h, "Content-Length") // RFC 9110 §8.6: "A server MUST NOT send"
	}
	b := append([]byte("Status: "), strings.TrimSpace(res.Status)...)
	b = append(b, "\r\n"...)
	names := make([]string, 0, len(h))
	for name := range h {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		said := name
		if s, ok := spelled[name]; ok {
			said = s
		}
		for _, v := range h[name] {
			b = append(append(append(append(b, said...), ": "...), v...), "\r\n"...)
		}
	}
	return append(b, "\r\n"...)
}
