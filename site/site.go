package site

import (
	"fmt"
	"strings"
	"time"

	"sluice/gateway"
	"sluice/loop"
	"sluice/rewrite"
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
	NoPHP  Matcher
	// BodyMax bounds a request's content in octets; over it 413. It is asked
	// for each request, for PHP tells its own limit when it is up.
	BodyMax func() int64
	Headers Rules
	// ErrorPages: a path in the site, or the text itself.
	ErrorPages map[int]string
	// PHP runs the scripts; nil: they are refused.
	PHP *gateway.Options
	// PHPVariant gives PHP with other settings, for php_value and php_flag; nil
	// where it can't. It is called on loops and must not wait.
	PHPVariant func(ini map[string]string) (PHPVariant, error)
	// CGI runs programs that are no PHP, those with CGIExtensions and those in
	// CGIFolders (URL paths without a last slash); nil: there are none. It takes
	// Htaccess, which may allow nothing.
	CGI           *gateway.Options
	CGIExtensions []string
	CGIFolders    []string
	// SlowTime reports scripts that take longer; 0: none.
	SlowTime time.Duration
	// CompressScripts compresses what scripts send (gzip), where the client
	// takes it; GzipLevel is 1 to 9, 0 for the default.
	CompressScripts bool
	GzipLevel       int
	// Htaccess obeys .htaccess files; nil: they are not read.
	Htaccess *Htaccess
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
	changes  changes
}

// New checks and prepares a site.
func New(opts Options) (*Site, error) {
	if len(opts.Roots) == 0 {
		return nil, fmt.Errorf("site: %s has no document root", opts.Label)
	}
	s := &Site{opts: opts, headers: compileRules(opts.Headers)}
	if fc := opts.FrontController; fc != "" {
		s.fcFolder = fc[:strings.LastIndexByte(fc, '/')+1]
	}
	if opts.Htaccess != nil {
		s.base = rewrite.Compile(serverText(&opts), "sluice", "/", &rewrite.Dialect{Server: true})
		if s.base.Fault != nil {
			return nil, fmt.Errorf("site: %s: %w", opts.Label, s.base.Fault)
		}
		s.types = opts.Htaccess.Types
		if types := opts.Roots[0].Config.Types; s.types == nil && types != nil {
			s.types = types.Media()
		} else if s.types == nil {
			s.types = static.NewTypes(nil).Media()
		}
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
	loop      *loop.Loop
	roots     []rootCache
	php       *gateway.Local
	plain     variant           // php itself
	cgi       *gateway.Local    // nil: no CGI programs
	utf8Types map[string]string // with their charset
	// variants are those by the settings of a .htaccess, and by their text.
	variants      map[*rewrite.Config]*variant
	variantsByIni map[string]*variant
	rules         *rules    // nil: no .htaccess
	packers       []*packer // idle
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
		sl.roots = append(sl.roots, rootCache{r.Prefix, c})
	}
	if s.base != nil {
		sl.rules = newRules(sl, s.base)
		s.changes.join(sl)
	}
	if s.opts.CGI != nil {
		sl.cgi = s.opts.CGI.On(l)
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
	exact     map[string]*local
	wildcards []wildcard // the longest first
	fallback  *local
	all       []*local
}

type wildcard struct {
	suffix string // ".example.org"
	site   *local
}

// NewHost makes a loop's part of all sites. To be called before the loop runs.
func NewHost(l *loop.Loop, sites []*Site) (*Host, error) {
	h := &Host{loop: l, exact: map[string]*local{}}
	for _, s := range sites {
		sl, err := s.on(l)
		if err != nil {
			return nil, err
		}
		h.all = append(h.all, sl)
		if len(s.opts.Names) == 0 {
			h.fallback = sl
		}
		for _, name := range s.opts.Names {
			h.name(name, sl)
		}
	}
	return h, nil
}

func (h *Host) name(name string, sl *local) {
	switch {
	case name == "*":
		h.fallback = sl
	case strings.HasPrefix(name, "*."):
		w := wildcard{name[1:], sl}
		at := len(h.wildcards)
		for i, o := range h.wildcards {
			if len(o.suffix) < len(w.suffix) {
				at = i
				break
			}
		}
		h.wildcards = append(h.wildcards[:at], append([]wildcard{w}, h.wildcards[at:]...)...)
	default:
		h.exact[name] = sl
	}
}

// find is the site for a host[:port]; nil if nobody answers for it.
func (h *Host) find(authority []byte) *local {
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
	if sl := h.exact[string(lower)]; sl != nil {
		return sl
	}
	for _, w := range h.wildcards {
		if len(lower) > len(w.suffix) && string(lower[len(lower)-len(w.suffix):]) == w.suffix {
			return w.site
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
		for _, backend := range []*gateway.Local{sl.php, sl.cgi} {
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
	}
}
