package rewrite

import "strings"

// record is one pass through the phases: the request, what an internal redirect
// made of it, or a sub-request. It is Apache's request_rec without its I/O.
type record struct {
	q    *Request
	main *record // of a sub-request
	prev *record // before an internal redirect

	method   string
	uri      string // decoded
	args     string
	hasArgs  bool
	filename string
	pathInfo string
	file     FileInfo
	walked   string // the name that file is about
	missing  bool   // walked leads to nothing
	node     *chainNode
	cfg      *Config
	env      Table
	status   int // 200, or the error that an error document is for

	user, authType string
	challenge      string // WWW-Authenticate

	forcedType, forcedHandler string
	handler                   string
	meta                      Meta
	vary                      []string
	negotiated                []Field // sent with whatever comes of the request
	variantList               string  // of a 300 or 406, HTML
	location                  string
	redirectTo                string
	proxyTo                   string
	proxyRaw                  bool // [NE]: proxyTo is sent as it is
	keepVary                  bool
	ended                     bool // [END]
	passThrough               bool
	proxied                   bool
	reduced                   bool
	fileRequest               bool // a sub-request by file name
	handled                   bool // the handler was asked
	keepsContent              bool
}

// The handlers that phases set themselves.
const (
	handlerRewrite = "redirect-handler"
	handlerProxy   = "proxy-server"
	handlerDir     = "httpd/unix-directory"
	handlerNone    = "server-options" // OPTIONS *
)

// record takes memory for a pass.
func (q *Request) record() *record {
	if q.used == len(q.records) {
		q.records = append(q.records, &record{})
	}
	r := q.records[q.used]
	q.used++
	vars, vary := r.env.vars[:0], r.vary[:0]
	*r = record{q: q, status: 200}
	r.env.vars, r.vary = vars, vary
	return r
}

func (r *record) stat(path string) FileInfo {
	if path == "" || path[0] != '/' {
		// Relative to the server's own folder, where nothing is.
		return FileInfo{}
	}
	if path == r.walked {
		// Rules ask for REQUEST_FILENAME again and again.
		return r.file
	}
	return r.q.Env.Stat(path)
}

func (r *record) envOrProcess(name string) string {
	if v, ok := r.env.Get(name); ok {
		return v
	}
	v, _ := r.q.Env.Getenv(name)
	return v
}

func (r *record) options() Options { return r.cfg.core.options.bits }

func (r *record) contentType() string { return r.meta.ContentType() }

// process runs the phases up to the fixups (ap_process_request_internal). It
// returns a status, 0 when the handler may go on.
func (r *record) process(target string) int {
	if r.q.Trace != nil {
		r.q.trace(Event{Kind: TracePass, Before: target})
	}
	if status := r.parse(target); status != 0 {
		r.traceStatus("parse", status)
		return status
	}
	status, declined := r.translateRewrite()
	if status != 0 {
		r.traceStatus("translate", status)
		return status
	}
	if declined {
		r.filename = r.q.fileOf(r.uri)
	}
	return r.processFile()
}

// processFile runs the phases that need only a file name.
func (r *record) processFile() int {
	if r.method == "TRACE" {
		r.fail()
		return 405
	}
	if r.proxyTo == "" {
		if status := r.walk(); status != 0 {
			r.traceStatus("map", status)
			return status
		}
	} else {
		r.node = r.q.Merger.start(r.q.Site.Base)
		r.cfg = r.node.cfg
	}
	if r.main == nil {
		r.setEnvIf()
	}
	if status := r.access(); status != 0 {
		r.traceStatus("access", status)
		return status
	}
	if status := r.typeChecker(); status != 0 {
		r.traceStatus("type", status)
		return status
	}
	return r.fixups()
}

// parse makes uri and args of a request-target.
func (r *record) parse(target string) int {
	path, args, has := splitTarget(target)
	r.args, r.hasArgs = args, has
	if i := strings.Index(path, "://"); i > 0 && path[0] != '/' {
		rest := path[i+3:]
		path = "/"
		if j := strings.IndexByte(rest, '/'); j >= 0 {
			path = rest[j:]
		}
	}
	if path == "" {
		path = "/"
	}
	norm, ok := normalizePath(path)
	if !ok {
		return 400
	}
	uri, status := unescapePath(norm, false)
	r.uri = uri
	if status != 0 {
		r.uri = norm
	}
	return status
}

// walk finds the file, and the configuration of the folders on the way to it
// (directory_walk, file_walk, if_walk).
func (r *record) walk() int {
	if longComponent(r.filename) {
		r.fail()
		return 403
	}
	r.file = r.q.Env.Stat(r.filename)
	if r.file.Kind != Regular && r.file.Kind != Directory {
		r.findExisting()
	}
	if r.file.Kind == Directory && strings.HasSuffix(r.filename, "/") {
		for strings.HasSuffix(r.filename, "//") {
			r.filename = r.filename[:len(r.filename)-1]
		}
	}
	if r.q.Trace != nil {
		r.q.trace(Event{Kind: TraceMap, Before: r.uri, After: r.filename, Rest: r.pathInfo, Directive: r.file.Kind.String()})
	}
	if status := r.walkFolders(); status != 0 {
		return status
	}
	switch r.file.Kind {
	case Denied, Other, Symlink:
		return r.refuseLink()
	case Missing:
		r.missing = true
	case Regular, Directory:
	}
	// A folder with its slash has the empty base name, as in file_walk.
	r.walked = r.filename
	r.cfg = r.node.forName(baseName(r.filename), r.sectionTracer())
	if len(r.node.named) > 0 {
		r.setNamed(baseName(r.filename))
	}
	if len(r.cfg.ifs) > 0 {
		c, err := r.applyIfs(r.cfg, r.cfg.ifs)
		if err != nil {
			r.q.log("<If>: " + err.Error())
			return 500
		}
		r.cfg = c
	}
	return 0
}

func (r *record) sectionTracer() func(*section, bool) {
	if r.q.Trace == nil {
		return nil
	}
	return r.q.traceSection
}

// fail gives a record that stops early the server's own configuration.
func (r *record) fail() {
	r.node = r.q.Merger.start(r.q.Site.Base)
	r.cfg = r.node.cfg
}

func longComponent(path string) bool {
	n := 0
	for i := 0; i < len(path); i++ {
		n++
		if path[i] == '/' {
			n = 0
		}
		if n > componentBytesMax {
			return true
		}
	}
	return false
}

// findExisting cuts the file name after the first component that is missing or
// no folder; the rest is PATH_INFO.
func (r *record) findExisting() {
	name := r.filename
	from := 1
	if root, _ := r.q.Site.rootOf(name); root != "" {
		from = len(root) + 1
	}
	for i := from; i <= len(name); i++ {
		if i < len(name) && name[i] != '/' {
			continue
		}
		if i < len(name) || r.pathInfo == "" {
			f := r.q.Env.Stat(name[:i])
			if f.Kind == Directory && i < len(name) {
				continue
			}
			r.file = f
			r.filename, r.pathInfo = name[:i], name[i:]
			return
		}
	}
}

// walkFolders reads the .htaccess of each folder from the document root down.
func (r *record) walkFolders() int {
	r.node = r.q.Merger.start(r.q.Site.Base)
	name := r.filename
	if r.file.Kind == Directory && !strings.HasSuffix(name, "/") {
		name += "/"
	}
	root, _ := r.q.Site.rootOf(name)
	if root == "" {
		return r.chainFault()
	}
	for i := len(root); i < len(name); i++ {
		if name[i] != '/' {
			continue
		}
		if r.node.cfg.core.options.bits&OptFollowSymLinks == 0 && !r.linkAllowed(name[:i], i == len(root)) {
			return r.refuseLink()
		}
		if !r.q.Site.Htaccess {
			continue
		}
		if f := r.q.Env.Htaccess(name[:i+1]); f != nil {
			r.node = r.node.add(f)
			if r.q.Trace != nil {
				r.q.trace(Event{Kind: TraceFile, File: f.Name, Matched: f.Fault == nil})
			}
		}
	}
	if r.node.cfg.core.options.bits&OptFollowSymLinks == 0 && r.file.Kind == Regular && !r.linkAllowed(name, false) {
		return r.refuseLink()
	}
	return r.chainFault()
}

// refuseLink refuses what lies on the way to the file, for which no .htaccess
// counts, not even with its ErrorDocument.
func (r *record) refuseLink() int {
	r.fail()
	return 403
}

// dangling tells whether a name that leads to nothing is a symbolic link: Apache
// has refused it before it asks any rule. It costs a system call, so that it is
// only asked when the request would go elsewhere or end.
func (r *record) dangling() bool {
	return r.missing && r.main == nil && r.q.Env.Lstat(r.walked).Kind == Symlink
}

// chainFault refuses a request that met a broken file.
func (r *record) chainFault() int {
	if r.node.fault == nil {
		return 0
	}
	r.cfg = r.node.cfg
	r.q.log(r.node.fault.String())
	r.broken()
	return 500
}

// broken: nothing of a refused chain may be used, not even its ErrorDocument.
func (r *record) broken() { r.cfg = r.q.Merger.start(r.q.Site.Base).cfg }

// linkAllowed checks a path component where FollowSymLinks is off.
func (r *record) linkAllowed(path string, isRoot bool) bool {
	if isRoot {
		return true
	}
	l := r.q.Env.Lstat(path)
	if l.Kind != Symlink {
		return true
	}
	if r.node.cfg.core.options.bits&OptSymLinksIfOwnerMatch == 0 {
		return false
	}
	return r.q.Env.Stat(path).Owner == l.Owner
}

// lookupURI makes a sub-request for a URL and runs it up to its fixups; nil when
// they are nested too deeply.
func (r *record) lookupURI(uri string) *record {
	sub := r.sub()
	if sub == nil {
		return nil
	}
	if !strings.HasPrefix(uri, "/") {
		uri = r.uri[:strings.LastIndexByte(r.uri, '/')+1] + uri
	}
	r.q.depth++
	if s := sub.process(uri); s != 0 {
		sub.status = s
	}
	r.q.depth--
	return sub
}

// foreignURI is the path that Apache gives to a file of another folder.
const foreignURI = "INTERNALLY GENERATED file-relative req"

// lookupFile is lookupURI for a file name.
func (r *record) lookupFile(path string) *record {
	sub := r.sub()
	if sub == nil {
		return nil
	}
	if !strings.HasPrefix(path, "/") {
		path = r.filename[:strings.LastIndexByte(r.filename, '/')+1] + path
	}
	clean, ok := normalizePath(path)
	if !ok {
		sub.fail()
		sub.status = 403
		return sub
	}
	sub.filename, sub.fileRequest = clean, true
	sub.uri = foreignURI
	if dir := r.filename[:strings.LastIndexByte(r.filename, '/')+1]; strings.HasPrefix(clean, dir) && clean != dir && !strings.Contains(clean[len(dir):], "/") {
		sub.uri = r.uri[:strings.LastIndexByte(r.uri, '/')+1] + clean[len(dir):]
	}
	r.q.depth++
	if r.q.Trace != nil {
		r.q.trace(Event{Kind: TracePass, Before: clean})
	}
	if s := sub.processFile(); s != 0 {
		sub.status = s
	}
	r.q.depth--
	return sub
}

func (r *record) sub() *record {
	if r.q.depth >= subRequestsMax {
		r.q.log("sub-requests nested too deeply for " + r.uri)
		return nil
	}
	sub := r.q.record()
	sub.main = r
	sub.method = "GET"
	sub.env.copyFrom(&r.env)
	return sub
}

// subRequestAllowed keeps a sub-request for the same URL from asking again.
func (r *record) subRequestAllowed() bool {
	return r.main == nil || r.main.uri != r.uri
}

func (r *record) urlReachable(uri string) bool {
	if r.main != nil && r.main.uri == r.uri {
		return false
	}
	sub := r.lookupURI(uri)
	return sub != nil && sub.status < 400
}

func (r *record) fileReachable(path string) bool {
	sub := r.lookupFile(path)
	if sub == nil || sub.status >= 300 {
		return false
	}
	k := r.q.Env.Stat(sub.filename).Kind
	return k != Missing && k != Symlink
}

// adopt makes a sub-request's result this request's own (ap_internal_fast_redirect).
func (r *record) adopt(sub *record) {
	r.uri, r.filename, r.pathInfo = sub.uri, sub.filename, sub.pathInfo
	r.args, r.hasArgs = sub.args, sub.hasArgs
	r.file, r.walked, r.missing, r.node, r.cfg = sub.file, sub.walked, sub.missing, sub.node, sub.cfg
	r.handler, r.meta = sub.handler, sub.meta
	r.redirectTo, r.proxyTo, r.proxyRaw = sub.redirectTo, sub.proxyTo, sub.proxyRaw
	r.keepVary = r.keepVary || sub.keepVary
	r.vary = append(r.vary, sub.vary...)
	r.negotiated = append(sub.negotiated, r.negotiated...)
	// The overlay of Apache keeps both values of a name; the script sees the
	// last, which is this request's own.
	own := append([]Var(nil), r.env.vars...)
	r.env.copyFrom(&sub.env)
	for _, v := range own {
		r.env.Set(v.Name, v.Value)
	}
}
