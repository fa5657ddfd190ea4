package host

import (
	"runtime"
	"slices"
	"sync/atomic"

	"go.uber.org/zap"

	"sluice/cgi"
	"sluice/cgid"
	"sluice/conf"
	"sluice/fcgi"
	"sluice/gateway"
	"sluice/proxied"
	"sluice/rewrite"
	"sluice/session"
	"sluice/site"
	"sluice/spool"
	"sluice/static"
)

const (
	// bodyMaxUnknown bounds content where PHP's own limit can't be asked.
	bodyMaxUnknown = 128 << 20
)

// Site is a site and what runs beside it.
type Site struct {
	cfg      *conf.Site
	site     *site.Site
	php      *phpRunner      // nil when PHP is off
	programs []*upstreams    // FastCGI programs that are no PHP
	cgi      *cgid.Server    // nil: no CGI programs
	proxy    *proxied.Server // nil: [P] passes nothing on
	log      *zap.Logger
	variants *phpVariants // of php; nil where PHP is not ours
	bodyMax  atomic.Int64 // octets, 0 for no bound
	store    *spool.Store
	sticky   *session.Sticky       // nil: any server answers
	never    func(url string) bool // of the paths, below the site's, of files that are no business of PHP's
	gofast   *gofastSession        // guarded by Host.sessions; nil: nobody has asked for it
}

// wireSite turns a site's configuration into the packages' own options; states are
// the folders that no site serves.
func wireSite(cfg *conf.Site, states []string, store *spool.Store, compressor *static.Compressor, php *phpRunner, log *zap.Logger) (*Site, error) {
	p := &Site{cfg: cfg, php: php, store: store, log: log.With(zap.String("site", cfg.Label()))}
	p.bodyMax.Store(max(cfg.BodyMax, 0))
	if text := cfg.RefusedText(); text != "" {
		p.log.Warn(text)
	}
	opts := site.Options{
		Label: cfg.Label(), Names: cfg.Names, Path: cfg.Path, Index: cfg.Index, FrontController: cfg.FrontController,
		Extensions: cfg.PHP.Extensions, Deny: denied(cfg, states), Chroot: cfg.PHP.Isolation.Chroot, NoPHP: cfg.NoPHP, BodyMax: p.bodyMax.Load,
		ErrorPages: cfg.ErrorPages, Maps: cfg.RewriteMaps,
	}
	if cfg.HiddenFiles == "apache" {
		opts.Hidden = static.Apache
	}
	opts.CompressScripts = cfg.Compression.Enabled && cfg.Compression.Gzip > 0 && opts.Hidden != static.Apache
	opts.GzipLevel = cfg.Compression.Gzip
	if len(cfg.AllowOverride) > 0 {
		opts.Htaccess = &site.Htaccess{Allowed: Overrides(cfg.AllowOverride), AutoFront: cfg.FrontGuessed}
		if opts.Hidden == static.Apache {
			opts.Htaccess.Types = apacheTypes(cfg.MIME)
		}
	}
	if name := cfg.PHP.Balance.Sticky; name != "" {
		key, err := session.LoadKey(cfg.PHP.Balance.StickyKey)
		if err != nil {
			return nil, err
		}
		opts.Sticky = &session.Sticky{Name: name, Key: key, Scope: cfg.Label()}
		if err := opts.Sticky.Check(); err != nil {
			return nil, err
		}
	}
	p.sticky, p.never = opts.Sticky, neverRun(&opts)
	p.usePrograms(&opts, store)
	if err := p.startServers(&opts, store); err != nil {
		p.Close()
		return nil, err
	}
	for _, h := range cfg.Headers.Set {
		opts.Headers.Set = append(opts.Headers.Set, site.Header(h))
	}
	for _, h := range cfg.Headers.Add {
		opts.Headers.Add = append(opts.Headers.Add, site.Header(h))
	}
	opts.Headers.Remove = cfg.Headers.Remove
	opts.Roots = roots(cfg, compressor)
	if php != nil {
		backend := func(r *phpRunner) *gateway.Options {
			return &gateway.Options{
				Pool: r.pool, Lane: r.lane, Calls: p.calls, Store: store, RequestTime: cfg.PHP.RequestTime, Log: site.Log{}, Params: params(cfg),
				RetrySafe: r.retrySafe(),
			}
		}
		opts.PHP, opts.SlowTime = backend(php), cfg.PHP.SlowTime
		php.boundPHP(&opts)
		if php.group != nil {
			p.variants = &phpVariants{site: cfg, base: php, log: php.log, make: backend}
			opts.PHPVariant = p.variants.get
		}
	}
	var err error
	if p.site, err = site.New(opts); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// retrySafe is how often a safe request is sent again: own workers break off for
// reasons of their own.
func (r *phpRunner) retrySafe() int {
	if r.upstreams == nil {
		return 0
	}
	return r.cfg.Balance.Retry
}

// neverRun tells which paths PHP has no part in, whoever asks.
func neverRun(o *site.Options) func(url string) bool {
	hidden, deny, noPHP := o.Hidden, o.Deny, o.NoPHP
	return func(url string) bool {
		return static.Hidden([]byte(url), hidden) || deny != nil && deny.Match(url) || noPHP != nil && noPHP.Match(url)
	}
}

// Site is what the loops serve.
func (p *Site) Site() *site.Site { return p.site }

// Config is its configuration.
func (p *Site) Config() *conf.Site { return p.cfg }

// Overrides are the classes that AllowOverride names.
func Overrides(classes []string) (o rewrite.Override) {
	for _, c := range classes {
		o |= map[string]rewrite.Override{
			"AuthConfig": rewrite.OverrideAuthConfig, "FileInfo": rewrite.OverrideFileInfo, "Indexes": rewrite.OverrideIndexes,
			"Limit": rewrite.OverrideLimit, "Options": rewrite.OverrideOptions,
		}[c]
	}
	return o
}

// apacheTypes are the system's media types, as Apache has them, with a site's own.
func apacheTypes(own map[string]string) map[string]string {
	types := static.SystemTypes()
	if types == nil {
		return nil
	}
	for ext, value := range own {
		types[ext] = value
	}
	return types
}

func roots(cfg *conf.Site, compressor *static.Compressor) []site.Root {
	links := static.Inside
	if cfg.Symlinks == conf.SymlinksFollow {
		links = static.Follow
	}
	base := static.Config{
		Symlinks: links, AllowedTargets: slices.Clone(cfg.FollowInto), SettledTargets: cfg.FollowFound, Types: static.NewTypes(cfg.MIME),
		Compressor: compressor, NoCompression: !cfg.Compression.Enabled,
		Levels:           &static.Levels{Gzip: cfg.Compression.Gzip, Brotli: cfg.Compression.Brotli, Zstd: cfg.Compression.Zstd},
		CompressBytesMin: cfg.Compression.MinSize,
	}
	for _, a := range cfg.Aliases {
		base.AllowedTargets = append(base.AllowedTargets, a.Dir)
	}
	base.AllowedTargets = append(base.AllowedTargets, cfg.Root)
	list := []site.Root{{Config: base}}
	list[0].Config.Root = cfg.Root
	for _, a := range cfg.Aliases {
		r := site.Root{Prefix: a.Prefix, Config: base}
		r.Config.Root = a.Dir
		list = append(list, r)
	}
	return list
}

// Constants are the meta-variables that are the same for all requests of a site.
func Constants(cfg *conf.Site) []cgi.Variable {
	list := []cgi.Variable{{Name: "GATEWAY_INTERFACE", Value: cgi.GatewayInterface}, {Name: "SERVER_SOFTWARE", Value: software()}}
	for _, name := range sortedKeys(cfg.PHP.Env) {
		list = append(list, cgi.Variable{Name: name, Value: cfg.PHP.Env[name]})
	}
	return list
}

// params are the constants as FastCGI sends them.
func params(cfg *conf.Site) (b []byte) {
	for _, v := range Constants(cfg) {
		b = fcgi.AppendPair(b, v.Name, v.Value)
	}
	return b
}

func software() string { return "sluice" }

func sortedKeys(m map[string]string) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// loopsDefault is measured (docs/benchmarks.md): PHP needs the processors, and
// a loop serves more than one processor's worth of PHP.
func loopsDefault() int { return max(1, runtime.GOMAXPROCS(0)/2) }
