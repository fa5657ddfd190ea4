package rewrite

import (
	"errors"
	"math/bits"
	"net/netip"
	"strconv"
	"strings"
)

// Site is what the server knows about a virtual host, immutable while requests run.
type Site struct {
	// Root is the document root: absolute, without a slash at the end.
	Root string
	// Prefix is the URL path that Root stands for: "", or "/blog" for a site
	// below a path.
	Prefix string
	// Aliases are further folders, the longest prefix first.
	Aliases []Alias
	// Base stands for Apache's own configuration (Compile with Dialect.Server);
	// its rewrite rules run in server context.
	Base *File
	// Names are the host's names in lower case; they tell our own URLs.
	Names []string
	// Port and TLSPort are what SERVER_PORT says when Host names none.
	Port, TLSPort int
	Admin         string
	Software      string
	// Types maps extensions (lower case, without dot) to media types.
	Types map[string]string
	// Maps are the RewriteMaps.
	Maps map[string]Map
	// Htaccess is AllowOverride other than None.
	Htaccess bool
	// Proxy tells that [P] can be served.
	Proxy bool
	// IsScript tells whether a handler's name runs scripts.
	IsScript func(handler string) bool
	// HidesFolder says why a folder that exists is answered by 404, as if there were
	// none; "" for one that is shown. nil hides none, as Apache does.
	HidesFolder func(dir string) (why string)
}

// Field is a header field.
type Field struct {
	Name  string
	Value string
}

// Request is a request on its way through Apache's phases. Fill in the fields,
// call Run, read the Answer; then Reset for the next one. It belongs to one
// goroutine.
type Request struct {
	Site   *Site
	Env    Env
	Merger *Merger
	Trace  Trace // nil in production

	Method   string
	Target   string // as sent
	Protocol string // "HTTP/1.1"
	Host     string // the Host field as sent
	Fields   []Field
	TLS      bool

	LocalAddr  string
	RemoteAddr netip.Addr
	// ConnAddr is the peer of the connection where RemoteAddr was taken from a
	// trusted proxy's header; zero: the same.
	ConnAddr   netip.Addr
	RemotePort int

	records []*record // memory for passes, reused
	used    int
	cookies []Var
	xs      []*rewriteContext
	depth   int
	names   []byte // memory of file names
	edited  bool   // RequestHeader was at work
	answer  Answer
	texts   requestTexts
	match   Match     // of SetEnvIf
	scope   exprScope // of SetEnvIfExpr
}

// requestTexts are values made once per request when they are asked for.
type requestTexts struct {
	line, remote, origin string
	parsed               bool
	host                 string
	hostPort             int
	hostLooked           bool
	remoteName           string
}

// Reset makes the request ready for the next one, keeping its memory.
func (q *Request) Reset() {
	q.used, q.depth, q.edited = 0, 0, false
	q.cookies = q.cookies[:0]
	q.names = q.names[:0]
	if q.Trace != nil {
		q.names = nil // its events keep them
	}
	q.texts = requestTexts{}
	q.Fields = q.Fields[:0]
	q.answer = Answer{}
}

// Edited tells whether RequestHeader changed Fields.
func (q *Request) Edited() bool { return q.edited }

func (q *Request) header(name string) (string, bool) {
	found, value := false, ""
	for i := range q.Fields {
		if equalFold(q.Fields[i].Name, name) {
			if !found {
				found, value = true, q.Fields[i].Value
				continue
			}
			if q.edited {
				break // they were joined before
			}
			sep := ", "
			if equalFold(name, "Cookie") {
				sep = "; "
			}
			value += sep + q.Fields[i].Value
		}
	}
	return value, found
}

func (q *Request) scheme() string { return choose(q.TLS, "https", "http") }

func (q *Request) defaultPort() int { return choose2(q.TLS, 443, 80) }

func (q *Request) requestLine() string {
	if q.texts.line == "" {
		q.texts.line = q.Method + " " + q.Target + " " + q.Protocol
	}
	return q.texts.line
}

// parseHost cuts Host into name and port (lower case, no port: 0).
func (q *Request) parseHost() {
	if q.texts.parsed {
		return
	}
	q.texts.parsed = true
	h := q.Host
	if i := strings.LastIndexByte(h, ':'); i >= 0 && !strings.HasSuffix(h, "]") {
		q.texts.hostPort = int(atoi(h[i+1:]))
		h = h[:i]
	}
	q.texts.host = strings.TrimSuffix(toLower(h), ".")
}

func (q *Request) serverName() string {
	q.parseHost()
	if q.texts.host == "" && len(q.Site.Names) > 0 {
		return q.Site.Names[0]
	}
	return q.texts.host
}

func (q *Request) sitePort() int {
	if p := choose2(q.TLS, q.Site.TLSPort, q.Site.Port); p != 0 {
		return p
	}
	return q.defaultPort()
}

func (q *Request) serverPort() int {
	q.parseHost()
	if q.texts.hostPort != 0 {
		return q.texts.hostPort
	}
	return q.sitePort()
}

// origin is scheme://host[:port] as the client sees us.
func (q *Request) origin() string {
	if q.texts.origin == "" {
		q.texts.origin = q.scheme() + "://" + q.serverName()
		if p := q.serverPort(); p != q.defaultPort() {
			q.texts.origin += ":" + strconv.Itoa(p)
		}
	}
	return q.texts.origin
}

// isOurs tells whether a host and port are this site (ap_matches_request_vhost).
func (q *Request) isOurs(host string, port int) bool {
	if port != q.sitePort() {
		return false
	}
	if len(q.Site.Names) == 0 {
		return equalFold(host, q.serverName()) // any name is ours, so the one in use is
	}
	for _, n := range q.Site.Names {
		if n == "*" && equalFold(host, q.serverName()) || equalFold(n, host) || (strings.HasPrefix(n, "*.") && len(host) > len(n)-1 && equalFold(host[len(host)-len(n)+1:], n[1:])) {
			return true
		}
	}
	return false
}

func (q *Request) remoteAddr() string {
	if q.texts.remote == "" && q.RemoteAddr.IsValid() {
		q.texts.remote = q.RemoteAddr.Unmap().String()
	}
	return q.texts.remote
}

func (q *Request) connAddr() string {
	if q.ConnAddr.IsValid() {
		return q.ConnAddr.Unmap().String()
	}
	return q.remoteAddr()
}

// remoteName is the client's verified name, "" if it has none.
func (q *Request) remoteName() string {
	if !q.texts.hostLooked {
		q.texts.hostLooked = true
		q.texts.remoteName = q.Env.HostOf(q.RemoteAddr)
	}
	return q.texts.remoteName
}

// remoteHost is REMOTE_HOST: HostnameLookups is off, so it is the address.
func (q *Request) remoteHost() string { return q.remoteAddr() }

// addCookie adds what the CO flag says; a name that was set before stays.
func (q *Request) addCookie(f []string) {
	for _, c := range q.cookies {
		if c.Name == f[0] {
			return
		}
	}
	at := func(i int) string {
		if i < len(f) {
			return f[i]
		}
		return ""
	}
	path := at(4)
	if path == "" {
		path = "/"
	}
	s := f[0] + "=" + f[1] + "; path=" + path + "; domain=" + f[2]
	if n := atoi(at(3)); n != 0 {
		s += "; expires=" + cookieTime(q.Env.Now().Add(minutes(n)))
	}
	if v := at(5); equalFold(v, "true") || v == "1" || equalFold(v, "secure") {
		s += "; secure"
	}
	if v := at(6); equalFold(v, "true") || v == "1" || equalFold(v, "HttpOnly") {
		s += "; HttpOnly"
	}
	if v := at(7); v != "" && v != "0" && !equalFold(v, "false") {
		s += "; SameSite=" + v
	}
	q.cookies = append(q.cookies, Var{f[0], s})
}

func (q *Request) context(r *record, dir string) *rewriteContext {
	var x *rewriteContext
	if n := len(q.xs); n > 0 {
		x = q.xs[n-1]
		q.xs = q.xs[:n-1]
	} else {
		x = &rewriteContext{}
	}
	x.r, x.dir, x.lastSub, x.joined = r, dir, nil, joined{}
	x.ruleMatch.clear()
	x.condMatch.clear()
	return x
}

func (q *Request) release(x *rewriteContext) {
	x.r = nil
	q.xs = append(q.xs, x)
}

func (q *Request) log(message string) {
	q.Env.Log(message)
	if q.Trace != nil {
		q.trace(Event{Kind: TraceLog, After: message})
	}
}

// serverRules are the rules of the server's own configuration.
func (s *Site) serverRules() *rewriteConf {
	if s.Base == nil {
		return nil
	}
	return s.Base.server
}

// setScriptURL sets SCRIPT_URL and SCRIPT_URI, as mod_rewrite does when it is
// on in server context.
func (q *Request) setScriptURL(r *record) {
	url := r.uri
	if v, ok := r.env.Get("REDIRECT_SCRIPT_URL"); ok {
		url = v
	}
	if r.main != nil {
		url, _ = r.main.env.Get("SCRIPT_URL")
	}
	r.env.Set("SCRIPT_URL", url)
	r.env.Set("SCRIPT_URI", q.origin()+url)
}

// parseNet reads an address, a network, or the first parts of an IPv4 address.
func parseNet(s string) (netip.Prefix, error) {
	addr, mask, hasMask := strings.Cut(s, "/")
	a, err := netip.ParseAddr(addr)
	if err != nil {
		if hasMask {
			return netip.Prefix{}, err
		}
		return partialNet(s)
	}
	ones := a.BitLen()
	if hasMask {
		if m, err := netip.ParseAddr(mask); err == nil && a.Is4() && m.Is4() {
			if ones, err = maskBits(m.As4()); err != nil {
				return netip.Prefix{}, err
			}
		} else if ones, err = strconv.Atoi(mask); err != nil {
			return netip.Prefix{}, errNetMask
		}
	}
	return a.Prefix(ones)
}

var (
	errNetMask = errors.New("the specified network mask is invalid")
	errNetAddr = errors.New("an IP address was expected")
)

func maskBits(m [4]byte) (int, error) {
	v := uint32(m[0])<<24 | uint32(m[1])<<16 | uint32(m[2])<<8 | uint32(m[3])
	n := bits.LeadingZeros32(^v)
	if v<<n != 0 {
		return 0, errNetMask
	}
	return n, nil
}

func partialNet(s string) (netip.Prefix, error) {
	parts := strings.Split(strings.TrimSuffix(s, "."), ".")
	if len(parts) > 4 || s == "" {
		return netip.Prefix{}, errNetAddr
	}
	var b [4]byte
	for i, p := range parts {
		n, err := strconv.ParseUint(p, 10, 8)
		if err != nil {
			return netip.Prefix{}, errNetAddr
		}
		b[i] = byte(n)
	}
	return netip.AddrFrom4(b).Prefix(8 * len(parts))
}
