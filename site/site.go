package site

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"sluice/gateway"
	"sluice/loop"
	"sluice/rewrite"
	"sluice/session"
	"sluice/static"
)

// Matcher is a set of decoded paths.
type Matcher interface{ Match(path string) bool }

// Header is a field line of a response.
type Header struct{ Name, Value string }

// Rules change the head of every response: what Remove and Set name is taken
// out, then Set and Add are put in.
type Rules struct {
	Set    []Header
	Add    []Header
	Remove []string
}

// Root is a folder that appears in the site's URL space.
type Root struct {
	Prefix string // "" for the document root, else "/blog", without a last slash
	Config static.Config
}

// Options describe a site.
type Options struct {
	// Label names the site in logs.
	Label string
	// Names are host names in lower case, "*.example.org", or "*".
	Names []string
	// Path is the URL path below which the site lies, without a last slash; ""
	// for all. Of sites with the same name the longest path counts.
	Path string
	// Roots: the document root first, then aliases, the longest prefix first.
	Roots []Root
	// Index are the default documents of a folder.
	Index []string
	// FrontController answers, below its own folder, for what does not exist.
	FrontController string
	// Extensions of scripts, with the dot, compared byte for byte.
	Extensions []string
	// Hidden says which files are refused always, Deny and NoPHP which paths
	// are, and where no script runs.
	Hidden static.Policy
	Deny   Matcher
	NoPHP  FolderMatcher
	// BodyMax bounds a request's content in octets; over it 413. It is asked
	// for each request, for PHP tells its own limit when it is up.
	BodyMax func() int64
	Headers Rules
	// ErrorPages: a path in the site, or the text itself.
	ErrorPages map[int]string
	// PHP runs the scripts; nil: they are refused.
	PHP *gateway.Options
	// Chroot is what PHP takes for the root of the file system, absolute and
	// without links; "" for none.
	Chroot string
	// PHPVariant gives PHP with other settings, for php_value and php_flag; nil
	// where it can't. It is called on loops and must not wait.
	PHPVariant func(ini map[string]string) (PHPVariant, error)
	// ClientGate bounds what one client's requests take of PHP, PathGates what
	// those for some paths take; nil: nothing is bounded.
	ClientGate *gateway.Gate
	PathGates  []PathGate
	// Sticky keeps a client with one of several servers of PHP or App; nil: any.
	Sticky *session.Sticky
	// App answers requests by itself: for what is no file, or, AppAll, for all.
	App    *gateway.Options
	AppAll bool
	// Authorizers are asked before anything of their paths is given away, Filters
	// answer in place of files.
	Authorizers []Authorizer
	Filters     []Filter
	// CGI runs programs that are no PHP, those with CGIExtensions and those in
	// CGIFolders (URL paths without a last slash); nil: there are none.
	CGI           *gateway.Options
	CGIExtensions []string
	CGIFolders    []string
	// Proxy passes on what [P] of a .htaccess sends elsewhere (proxied.Server); nil:
	// nothing is.
	Proxy *gateway.Options
	// SlowTime reports scripts that take longer; 0: none.
	SlowTime time.Duration
	// CompressScripts compresses what scripts send (gzip), where the client
	// takes it; GzipLevel is 1 to 9, 0 for the default.
	CompressScripts bool
	GzipLevel       int
	// Htaccess obeys .htaccess files; nil: they are not read.
	Htaccess *Htaccess
	// Maps are the RewriteMaps that .htaccess files may ask: name to txt:FILE,
	// rnd:FILE, int:FUNCTION or prg:PROGRAM ARGUMENTS, all paths absolute.
	Maps map[string]string
}

// Site is one web site, shared by all loops.
type Site struct {
	opts     Options
	headers  headerRules
	fcFolder string // FrontController up to its last slash

	base     *rewrite.File // stands for Apache's own configuration; nil without Htaccess
	types    map[string]string
	utf8     bool // text is said to be UTF-8 where nobody says otherwise
	compiled compiledFiles
	lookups  *lookups
	maps     *rewriteMaps
	changes  changes
}

// New checks and prepares a site.
func New(opts Options) (*Site, error) {
	if len(opts.Roots) == 0 {
		return nil, fmt.Errorf("site: %s has no document root", opts.Label)
	}
	if opts.Htaccess == nil && (opts.CGI != nil || opts.App != nil || len(opts.Authorizers)+len(opts.Filters) > 0) {
		opts.Htaccess = &Htaccess{} // it is rules that lead to them
	}
	if len(opts.Authorizers) > authorizersMax {
		return nil, fmt.Errorf("site: %s has %d authorizers, more than %d", opts.Label, len(opts.Authorizers), authorizersMax)
	}
	s := &Site{opts: opts, headers: compileRules(opts.Headers)}
	if fc := opts.FrontController; fc != "" {
		s.opts.FrontController = opts.Path + fc
		s.fcFolder = opts.Path + fc[:strings.LastIndexByte(fc, '/')+1]
	}
	if opts.Htaccess != nil {
		s.base = rewrite.Compile(serverText(&opts), "sluice", "/", &rewrite.Dialect{Server: true, Modules: modules(opts.Proxy != nil)})
		if s.base.Fault != nil {
			return nil, fmt.Errorf("site: %s: %w", opts.Label, s.base.Fault)
		}
		s.types = opts.Htaccess.Types
		if types := opts.Roots[0].Config.Types; s.types == nil && types != nil {
			s.types = types.Media()
		} else if s.types == nil {
			s.types = static.NewTypes(nil).Media()
		}
		var err error
		if s.maps, err = newMaps(opts.Maps); err != nil {
			return nil, fmt.Errorf("%w (site %s)", err, opts.Label)
		}
		s.compiled.proxy = opts.Proxy != nil
		s.startWatching()
		s.utf8, s.lookups = opts.Hidden == static.Refuse, newLookups()
	}
	return s, nil
}

// Label names the site in logs.
func (s *Site) Label() string { return s.opts.Label }

// local is a loop's part of a site.
type local struct {
	*Site
	loop  *loop.Loop
	roots []rootCache
	php   *gateway.Local
	plain variant        // php itself
	cgi   *gateway.Local // nil: no CGI programs
	app   *gateway.Local // nil: no application of its own
	proxy *gateway.Local // nil: [P] passes nothing on
	// Those of Options.Authorizers and Options.Filters.
	authorizers []*gateway.Local
	filters     []*gateway.Local
	utf8Types   map[string]string // with their charset
	// variants are those by the settings of a .htaccess, and by their text.
	variants      map[*rewrite.Config]*variant
	variantsByIni map[string]*variant
	rules         *rules    // nil: no .htaccess
	packers       []*packer // idle
	scriptless    scriptlessNow
}

type rootCache struct {
	prefix string
	cache  *static.Cache
}

func (s *Site) on(l *loop.Loop) (*local, error) {
	sl := &local{Site: s, loop: l}
	for _, r := range s.opts.Roots {
		cfg := r.Config
		cfg.Post = func(fn func()) { l.Post(fn) }
		c, err := static.NewCache(cfg)
		if err != nil {
			return nil, err
		}
		sl.roots = append(sl.roots, rootCache{s.opts.Path + r.Prefix, c})
	}
	if s.base != nil {
		sl.rules = newRules(sl, s.base)
		s.changes.join(sl)
	}
	if s.opts.App != nil {
		sl.app = s.opts.App.On(l)
	}
	for i := range s.opts.Authorizers {
		sl.authorizers = append(sl.authorizers, s.opts.Authorizers[i].Backend.On(l))
	}
	for i := range s.opts.Filters {
		sl.filters = append(sl.filters, s.opts.Filters[i].Backend.On(l))
	}
	if s.opts.CGI != nil {
		sl.cgi = s.opts.CGI.On(l)
	}
	if s.opts.Proxy != nil {
		sl.proxy = s.opts.Proxy.On(l)
	}
	if s.opts.PHP != nil {
		sl.php = s.opts.PHP.On(l)
		sl.plain = variant{php: sl.php}
	}
	return sl, nil
}

// Host is a loop's set of sites.
type Host struct {
	loop      *loop.Loop
	exact     map[string]*nameSites
	wildcards []wildcard // the longest first
	fallback  *nameSites
	all       []*local
}

// nameSites are the sites of a host name.
type nameSites struct {
	site   *local   // for all paths; nil: for none
	mounts []*local // those below a path, the longest first
}

type wildcard struct {
	suffix string // ".example.org"
	named  *nameSites
}

// NewHost makes a loop's part of all sites. To be called before the loop runs.
func NewHost(l *loop.Loop, sites []*Site) (*Host, error) {
	h := &Host{loop: l, exact: map[string]*nameSites{}}
	for _, s := range sites {
		sl, err := s.on(l)
		if err != nil {
			return nil, err
		}
		h.all = append(h.all, sl)
		if len(s.opts.Names) == 0 {
			h.sitesOf("*").add(sl)
		}
		for _, name := range s.opts.Names {
			h.sitesOf(name).add(sl)
		}
	}
	return h, nil
}

func (n *nameSites) add(sl *local) {
	path := sl.opts.Path
	if path == "" {
		n.site = sl
		return
	}
	at := slices.IndexFunc(n.mounts, func(o *local) bool { return len(o.opts.Path) < len(path) })
	if at < 0 {
		at = len(n.mounts)
	}
	n.mounts = slices.Insert(n.mounts, at, sl)
}

// sitesOf finds the sites of a name, or makes room for them.
func (h *Host) sitesOf(name string) *nameSites {
	switch {
	case name == "*":
		if h.fallback == nil {
			h.fallback = &nameSites{}
		}
		return h.fallback
	case strings.HasPrefix(name, "*."):
		suffix := name[1:]
		at := len(h.wildcards)
		for i, o := range h.wildcards {
			if o.suffix == suffix {
				return o.named
			}
			if len(o.suffix) < len(suffix) {
				at = i
				break
			}
		}
		h.wildcards = slices.Insert(h.wildcards, at, wildcard{suffix, &nameSites{}})
		return h.wildcards[at].named
	}
	if h.exact[name] == nil {
		h.exact[name] = &nameSites{}
	}
	return h.exact[name]
}

// find is the site for a host[:port] and a path; nil if nobody answers for it.
func (h *Host) find(authority, path []byte) *local {
	n := h.byName(authority)
	if n == nil {
		return nil
	}
	if sl := n.mounted(path); sl != nil {
		return sl
	}
	if n.site == nil && h.fallback != nil && n != h.fallback {
		return h.fallback.site
	}
	return n.site
}

// mounted is the site below a path that a request is for.
func (n *nameSites) mounted(path []byte) *local {
	if len(n.mounts) == 0 {
		return nil
	}
	decoded, err := static.DecodePath(nil, path)
	if err != nil {
		return nil
	}
	for _, sl := range n.mounts {
		p := sl.opts.Path
		if len(decoded) >= len(p) && string(decoded[:len(p)]) == p && (len(decoded) == len(p) || decoded[len(p)] == '/') {
			return sl
		}
	}
	return nil
}

func (h *Host) byName(authority []byte) *nameSites {
	if len(h.exact) == 0 && len(h.wildcards) == 0 {
		return h.fallback
	}
	var buf [256]byte
	name, _ := splitPort(authority)
	if n := len(name); n > 0 && name[n-1] == '.' {
		name = name[:n-1]
	}
	lower := buf[:0]
	for _, c := range name {
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		lower = append(lower, c)
	}
	if n := h.exact[string(lower)]; n != nil {
		return n
	}
	for _, w := range h.wildcards {
		if len(lower) > len(w.suffix) && string(lower[len(lower)-len(w.suffix):]) == w.suffix {
			return w.named
		}
	}
	return h.fallback
}

// splitPort takes host[:port] apart; an IPv6 host keeps its brackets.
func splitPort(b []byte) (host, port []byte) {
	for i := len(b) - 1; i >= 0; i-- {
		switch b[i] {
		case ':':
			return b[:i], b[i+1:]
		case ']':
			return b, nil
		}
	}
	return b, nil
}

// Close gives back what is idle; requests in flight go on.
func (h *Host) Close() {
	for _, sl := range h.all {
		for _, backend := range slices.Concat([]*gateway.Local{sl.php, sl.cgi, sl.app, sl.proxy}, sl.authorizers, sl.filters) {
			if backend != nil {
				backend.Close()
			}
		}
		for _, v := range sl.variantsByIni {
			if v.php != sl.php {
				v.php.Close()
			}
		}
		sl.changes.leave(sl)
		if sl.rules != nil {
			sl.maps.leave(&sl.rules.world)
		}
	}
}

// Free closes the folders and files that are open, once the loop has ended.
func (h *Host) Free() {
	for _, sl := range h.all {
		for i := range sl.roots {
			sl.roots[i].cache.Close()
		}
	}
}
