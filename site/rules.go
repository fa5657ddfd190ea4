package site

import (
	"net/netip"
	"strconv"
	"strings"
	"time"

	"sluice/cgi"
	"sluice/message"
	"sluice/rewrite"
	"sluice/static"
)

// Htaccess says how .htaccess files are obeyed (Apache's AllowOverride).
type Htaccess struct {
	// Allowed are the classes of directives that a file may have.
	Allowed rewrite.Override
	// Server is text in Apache's syntax that stands for the server's own
	// configuration; it comes after what sluice itself says there.
	Server string
	// Port and TLSPort are SERVER_PORT where Host names none; 0: 80 and 443.
	Port, TLSPort int
	// Types are media types by extension; nil: those of the document root.
	Types map[string]string
	// AutoFront: FrontController was only guessed from the application, so a
	// .htaccess in the document root decides instead of it.
	AutoFront bool
}

// rules are a loop's part of a site's .htaccess files.
type rules struct {
	sl     *local
	opts   *Htaccess
	base   *rewrite.File
	site   rewrite.Site
	merger rewrite.Merger
	world  world
	free   []*ruling
	addr   netip.Addr // the server's, as text says it
	text   string
	path   []byte // scratch of hidesFolder
}

// ruling is a request's way through the rules, kept until its response is made.
type ruling struct {
	q    rewrite.Request
	a    *rewrite.Answer
	resp rewrite.Response
	msg  message.Request
	// fields is memory for those of msg where rules edited them; a request's own
	// belong to its connection.
	fields []message.Field
	vars   []cgi.Variable
	// x waits for something; nil: nobody does. turn tells one wait from another.
	x    *Exchange
	turn uint64
	held []byte // content that came meanwhile
	end  bool   // it is complete
	// heard is what the request has waited for.
	heard []*heard
}

func newRules(sl *local, base *rewrite.File) *rules {
	o := &sl.opts
	r := &rules{sl: sl, opts: o.Htaccess, base: base}
	r.world = world{sl: sl, files: map[string]*folderFile{}, texts: map[string]*textFile{}, others: map[string]otherFile{}, links: map[string]otherFile{}, folders: map[string]folderNames{}}
	r.site = rewrite.Site{
		Base: base, Prefix: o.Path, Names: o.Names, Port: o.Htaccess.Port, TLSPort: o.Htaccess.TLSPort, Software: "sluice",
		Types: sl.types, Htaccess: o.Htaccess.Allowed != rewrite.OverrideNone, Proxy: true,
		IsScript: func(h string) bool {
			return isPHPHandler(h) || h == cgiHandler && o.CGI != nil || h == appHandler && o.App != nil
		},
		HidesFolder: r.hidesFolder,
	}
	r.site.Maps = sl.maps.on(&r.world)
	return r
}

// scriptHandler is the handler that Site.Base gives to scripts.
const scriptHandler = "application/x-httpd-php"

const (
	// cgiHandler is that of CGI programs, appHandler that of an application.
	cgiHandler = "cgi-script"
	appHandler = "sluice-fastcgi"
)

// isPHPHandler knows what a handler of PHP is called in the .htaccess files
// of hosting companies: they all mean this site's PHP.
func isPHPHandler(h string) bool {
	return strings.HasPrefix(h, scriptHandler) || strings.HasPrefix(h, "x-httpd-php") || strings.HasPrefix(h, "application/x-lsphp") ||
		strings.HasPrefix(h, "php") || strings.HasPrefix(h, "proxy:unix:") || strings.HasPrefix(h, "proxy:fcgi:")
}

// serverText is what Apache's own configuration would say of this site.
func serverText(o *Options) string {
	var b strings.Builder
	b.WriteString("Options FollowSymLinks\nRequire all granted\n")
	if len(o.Index) > 0 {
		b.WriteString("DirectoryIndex " + strings.Join(o.Index, " ") + "\n")
	}
	b.WriteString("<FilesMatch \"^\\.ht\">\nRequire all denied\n</FilesMatch>\n")
	if len(o.Extensions) > 0 {
		var exts []string
		for _, e := range o.Extensions {
			exts = append(exts, quotePattern(strings.TrimPrefix(e, ".")))
		}
		list := strings.Join(exts, "|")
		b.WriteString("<FilesMatch \".+\\.(?:" + list + ")$\">\nSetHandler " + scriptHandler + "\n</FilesMatch>\n")
		// As Debian's Apache: no sources, no scripts without a name.
		b.WriteString("<FilesMatch \".+\\.phps$\">\nRequire all denied\n</FilesMatch>\n")
		b.WriteString("<FilesMatch \"^\\.(?:phps|" + list + ")$\">\nRequire all denied\n</FilesMatch>\n")
	}
	if len(o.CGIExtensions) > 0 {
		b.WriteString("Options +ExecCGI\nAddHandler " + cgiHandler + " " + strings.Join(o.CGIExtensions, " ") + "\n")
	}
	for _, folder := range o.CGIFolders {
		b.WriteString("<If \"%{REQUEST_URI} =~ m#^" + strings.ReplaceAll(quotePattern(o.Path+folder), "#", `\x23`) + "/#\">\nOptions +ExecCGI\nSetHandler " + cgiHandler + "\n</If>\n")
	}
	switch {
	case o.App != nil && o.AppAll:
		b.WriteString("DirectorySlash Off\nDirectoryIndex disabled\nSetHandler " + appHandler + "\n")
	case o.App != nil:
		b.WriteString("<If \"! -f %{REQUEST_FILENAME}\">\nSetHandler " + appHandler + "\n</If>\n")
	}
	for status, page := range o.ErrorPages {
		if strings.HasPrefix(page, "/") {
			page = o.Path + page
		}
		b.WriteString("ErrorDocument " + strconv.Itoa(status) + " " + quoteArgument(page) + "\n")
	}
	b.WriteString(o.Htaccess.Server)
	return b.String()
}

func quotePattern(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		if strings.IndexByte(`\.+*?()|[]{}^$`, c) >= 0 {
			b.WriteByte('\\')
		}
		b.WriteByte(c)
	}
	return b.String()
}

func quoteArgument(s string) string {
	s = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", " ", "\r", " ").Replace(s)
	return `"` + s + `"`
}

// begin prepares a request for the rules.
func (r *rules) begin(x *Exchange, method, target string) *ruling {
	g := x.ruling
	if g == nil {
		if n := len(r.free); n > 0 {
			g = r.free[n-1]
			r.free = r.free[:n-1]
		} else {
			g = &ruling{}
		}
	}
	x.ruling = g
	root := r.sl.roots[0].cache
	root.Stat(slash, r.sl.loop.Wall()) // notices that the root was replaced
	if real := root.RealRoot(); real != r.site.Root || len(r.site.Aliases) != len(r.sl.roots)-1 {
		r.move(real)
	}
	q, req := &g.q, x.Req
	q.Reset()
	q.Site, q.Env, q.Merger = &r.site, &r.world, &r.merger
	q.Trace = x.Trace
	q.Method, q.Target, q.Host = method, target, view(req.Authority)
	q.Protocol = "HTTP/1.1"
	if req.Minor == 0 {
		q.Protocol = "HTTP/1.0"
	}
	for i := range req.Fields {
		q.Fields = append(q.Fields, rewrite.Field{Name: view(req.Fields[i].Name), Value: view(req.Fields[i].Value)})
	}
	q.TLS, q.RemoteAddr, q.RemotePort = x.HTTPS, x.Client, int(x.ClientPort)
	q.ConnAddr = x.Peer
	if a := x.Server.Addr(); a != r.addr {
		r.addr, r.text = a, a.String()
	}
	q.LocalAddr = r.text
	return g
}

// move follows the document root to where it really is now.
func (r *rules) move(root string) {
	r.site.Root = root
	r.site.Aliases = r.site.Aliases[:0]
	for i := 1; i < len(r.sl.roots); i++ {
		c := r.sl.roots[i].cache
		c.Stat(slash, r.sl.loop.Wall())
		r.site.Aliases = append(r.site.Aliases, rewrite.Alias{Prefix: r.sl.roots[i].prefix, Dir: c.RealRoot()})
	}
	r.merger = rewrite.Merger{}
	r.world.forget()
}

// release keeps the memory of a ruling for another request.
func (r *rules) release(g *ruling) {
	g.x, g.a, g.held, g.end, g.heard = nil, nil, nil, false, nil
	g.turn++
	g.msg, g.fields, g.vars = message.Request{}, g.fields[:0], g.vars[:0]
	if len(r.free) < rulingsKeptMax {
		r.free = append(r.free, g)
	}
}

// ruled answers a request by the rules.
func (x *Exchange) ruled() {
	if x.HasContent {
		x.content = undecided
	}
	x.rule(view(x.Req.Method), view(x.Req.Target))
}

// rule runs the rules for a target.
func (x *Exchange) rule(method, target string) {
	r := x.site.rules
	g := r.begin(x, method, target)
	r.world.x, r.world.wants = x, r.world.wants[:0] // no answer waits for a sub-request's
	a := g.q.Run()
	r.world.x = nil
	if r.world.asked(g, x) {
		return
	}
	g.a = a
	x.obey(a)
}

// wait holds the request until done is called, from any goroutine; then goes on
// with then on the loop, if the client is still there.
func (g *ruling) wait(x *Exchange, then func()) (done func()) {
	if x.content == undecided {
		x.Stream.PauseContent()
	}
	g.x = x
	g.turn++
	turn, l := g.turn, x.site.loop
	return func() {
		l.Post(func() {
			if g.x == x && g.turn == turn {
				g.x = nil
				if then(); g.turn == turn { // else it serves another by now
					g.giveHeld(x)
				}
			}
		})
	}
}

// giveHeld passes on the content that came while the request waited.
func (g *ruling) giveHeld(x *Exchange) {
	if x.done || x.ruling != g || g.x != nil || x.askedFor != nil && !x.answered {
		return // an authorizer may still be asked
	}
	held, end := g.held, g.end
	g.held, g.end = nil, false
	if len(held) > 0 {
		x.Content(held)
	}
	if end {
		x.ContentEnd()
	} else if x.HasContent && !x.done && x.content != ended {
		x.Stream.ResumeContent()
	}
}

// obey does what the rules say.
func (x *Exchange) obey(a *rewrite.Answer) {
	if x.mustAsk(a) {
		return
	}
	if a.Status != 200 && a.Kind != rewrite.AnswerStatus {
		x.status = a.Status
		if a.WWWAuthenticate != "" {
			x.kept = appendSafe(x.kept[:0], "WWW-Authenticate", a.WWWAuthenticate)
		}
	}
	if leadsNowhere(a) && x.status == 0 && x.frontInstead() {
		return
	}
	switch a.Kind {
	case rewrite.AnswerScript, rewrite.AnswerFile:
		x.obeyFile(a)
	case rewrite.AnswerListing:
		x.list(a)
	case rewrite.AnswerOptions:
		x.scratch = x.scratch[:0]
		if a.URI != "*" || x.site.utf8 {
			x.scratch = appendField(x.scratch, "Allow", allowedMethods)
		}
		x.reply(200, nil, typeOf(a), false)
	case rewrite.AnswerProxy:
		x.passOn(a)
	case rewrite.AnswerStatus, rewrite.AnswerPending:
		x.obeyStatus(a)
	}
}

// leadsNowhere tells that there is no such file, and that nothing but this keeps
// the request from being answered.
func leadsNowhere(a *rewrite.Answer) bool {
	if a.File.Kind != rewrite.Missing && a.PathInfo == "" || a.URI == "*" {
		return false
	}
	switch a.Kind {
	case rewrite.AnswerStatus:
		return a.ByHandler && (a.Status == 404 || a.Status == 405 || a.Status == 501)
	case rewrite.AnswerScript, rewrite.AnswerOptions:
		return a.File.Kind == rewrite.Missing
	case rewrite.AnswerFile, rewrite.AnswerListing, rewrite.AnswerProxy, rewrite.AnswerPending:
	}
	return false
}

// obeyStatus answers without a file.
func (x *Exchange) obeyStatus(a *rewrite.Answer) {
	b := x.scratch[:0]
	if a.Location != "" {
		x.kept = x.kept[:0] // they are about an error that is not told
		b = appendSafe(b, "Location", a.Location)
	}
	if a.WWWAuthenticate != "" {
		b = appendSafe(b, "WWW-Authenticate", a.WWWAuthenticate)
	}
	switch {
	case a.Status != 405 && a.Status != 501:
	case a.ByHandler:
		b = appendField(b, "Allow", allowedMethods)
	case a.Status == 405:
		b = appendField(b, "Allow", "") // as Apache: nothing is said of the resource
	}
	x.scratch = b
	page := builtinPage(a.Status)
	if a.HasText {
		page = []byte(a.Text)
	} else if a.Variants != "" {
		page = pageWith(page, a.Variants)
	}
	x.status = 0
	if a.Status == 204 {
		x.reply(204, nil, "", true)
		return
	}
	x.reply(a.Status, page, x.pageType(), true)
}

// obeyFile sends or runs the file that the rules found. What is refused by name
// is decided on it, so that no rewriting can dodge it.
func (x *Exchange) obeyFile(a *rewrite.Answer) {
	root, rel := x.site.rootOfFile(a.Filename)
	if root == nil {
		x.refuseRuled(404, "the file is in none of the site's roots")
		return
	}
	x.pathBuf = append(append(x.pathBuf[:0], root.prefix...), rel...)
	file := x.pathBuf
	if x.refusedByName(file) {
		x.refuseRuled(x.plan.Status, x.plan.Why)
		return
	}
	if a.Kind == rewrite.AnswerScript {
		x.obeyScript(a, root, file)
		return
	}
	o := &x.site.opts
	limit, limited := a.Config.BodyMax()
	switch {
	case limited && limit > 0 && x.Req.ContentLength > limit:
		x.tooLarge(limit)
	case x.site.isScript(file):
		x.refuseRuled(403, "the script has no handler and its source is never sent")
	case x.site.otherCase(file), o.Hidden == static.Refuse && static.ScriptSource(file, o.Extensions):
		x.refuseRuled(404, "source or copy of a script")
	default:
		x.plan = Plan{Kind: Static, File: file, root: root, ruled: a, filter: x.filterOf(file)}
		if x.plan.filter > 0 && a.File.Kind == rewrite.Regular {
			x.plan.Kind = Script
			x.runScript()
			return
		}
		x.plan.filter = 0
		x.sendFile()
	}
}

// obeyScript runs what the rules found, by its handler.
func (x *Exchange) obeyScript(a *rewrite.Answer, root *rootCache, file []byte) {
	switch {
	case a.Handler == appHandler:
	case a.Handler == cgiHandler:
		if a.Config.Options()&rewrite.OptExecCGI == 0 {
			x.refuseRuled(403, "Options ExecCGI is off in this folder")
			return
		}
		if a.File.Kind == rewrite.Regular && !x.site.inCGIFolder(file) && x.neverRuns(root, nil, file) {
			x.refuseRuled(403, whyNeverRuns)
			return
		}
	case a.File.Kind != rewrite.Regular:
		x.plan = Plan{Kind: Refused, Status: 404, Why: "no such script", File: file, ruled: a}
		x.scratch = x.scratch[:0]
		x.reply(404, scriptMissing, "text/html; charset=UTF-8", false)
		return
	case x.neverRuns(root, nil, file):
		x.refuseRuled(403, whyNeverRuns)
		return
	case x.site.php == nil || a.Config.PHPOff():
		x.refuseRuled(403, "PHP is off and the source of scripts is never sent")
		return
	}
	x.plan = Plan{Kind: Script, File: file, root: root, ruled: a}
	x.runScript()
}

// pageType is the Content-Type of our own pages, which are plain ASCII.
func (x *Exchange) pageType() string {
	if x.site.utf8 {
		return "text/html; charset=utf-8"
	}
	return "text/html; charset=iso-8859-1"
}

var scriptMissing = []byte("File not found.\n")

// refuseRuled answers an error that the rules may have an ErrorDocument for.
func (x *Exchange) refuseRuled(status int, why string) {
	if x.plan.Kind != Refused || x.plan.Why != why { // else refuse has told it
		x.refuse(status, why)
	}
	x.errorPage(status)
}

// frontInstead lets the front controller answer for what does not exist.
func (x *Exchange) frontInstead() bool {
	o := &x.site.opts
	if o.FrontController == "" || x.hops > 0 || !strings.HasPrefix(x.ruling.a.URI, x.site.fcFolder) {
		return false
	}
	if status, _ := x.site.hides(octets(x.ruling.a.URI)); status != 0 {
		return false // nobody learns whether it exists
	}
	r := x.site.rules
	if r.opts.AutoFront && r.world.Htaccess(r.site.Root+"/") != nil {
		return false
	}
	x.hops++
	target := string(escapePath("", []byte(o.FrontController)))
	if x.Req.HasQuery {
		target += "?" + string(x.Req.Query)
	}
	x.rule(view(x.Req.Method), target)
	return true
}

// rootOfFile finds the root that a file lies in, and its path there.
func (s *local) rootOfFile(file string) (*rootCache, string) {
	for i := len(s.roots) - 1; i >= 0; i-- {
		dir := s.roots[i].cache.RealRoot()
		if dir != "" && len(file) > len(dir) && file[len(dir)] == '/' && strings.HasPrefix(file, dir) {
			return &s.roots[i], file[len(dir):]
		}
	}
	return nil, ""
}

// localTime is the loop's clock in the server's time zone.
func (s *local) localTime() time.Time { return s.loop.Wall().Local() }
