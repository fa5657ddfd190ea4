package sluice

import (
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strconv"
	"sync"

	"github.com/pelletier/go-toml/v2"
	"go.uber.org/zap"

	"sluice/conf"
	"sluice/host"
	"sluice/session"
)

// Options say what a Server hosts. Exactly one of Root and Config must be set.
type Options struct {
	// Root is a folder with a site. What it holds is found out, as by
	// `sluice serve DIR`.
	Root string
	// Path is the URL path below which Root lies, such as "/blog"; "" for all.
	// Requests keep it: no http.StripPrefix is needed, and none should be used,
	// since PHP would not know the URLs of its own pages.
	Path string
	// Config is the path of a sluice.toml (docs/configuration.md). Its listen,
	// keep_alive and connection limits are without meaning here.
	Config string

	// PHP is auto, off, /path/to/php-cgi, unix:PATH or tcp:HOST:PORT; "" leaves
	// it to Config, or is auto. It and the following win over Config.
	PHP string
	// Workers is the number of PHP workers; 0 leaves it to Config, or to the
	// machine's processors and memory.
	Workers int
	// AllowOverride is All, None or classes of directives: what .htaccess files
	// may say. "" is All.
	AllowOverride string

	// Logger takes all messages; nil: standard error, or Config's error_log.
	Logger *zap.Logger
	// Hook is asked about each request.
	Hook Hook
}

// Server is a running host of PHP sites. It is an http.Handler, safe for use by
// any number of goroutines.
type Server struct {
	host    *host.Host
	cfg     *conf.Config
	hook    Hook
	handler http.Handler

	closing sync.Once
	closed  error
}

var _ http.Handler = (*Server)(nil)

// New starts a server: its loops, and the PHP workers of its sites, which answer
// once when New returns. The error tells all faults of the configuration. The
// server runs until Close.
//
// Workers are processes of php-cgi, so a program that ends without Close leaves
// ending them to the operating system, which does so on Linux.
func New(opts Options) (*Server, error) {
	cfg, err := opts.configuration()
	if err != nil {
		return nil, err
	}
	h, err := host.Start(cfg, host.Options{Logger: opts.Logger, Embedded: true})
	if err != nil {
		return nil, fmt.Errorf("sluice: %w", err)
	}
	return &Server{host: h, cfg: cfg, hook: opts.Hook, handler: h.Handler()}, nil
}

func (o *Options) configuration() (*conf.Config, error) {
	if (o.Root == "") == (o.Config == "") {
		return nil, errors.New("sluice: give either Options.Root or Options.Config")
	}
	if o.Path != "" && o.Config != "" {
		return nil, errors.New("sluice: Options.Path goes with Options.Root; a configuration has a path for each site")
	}
	flags := conf.Overrides{PHP: o.PHP, Override: o.AllowOverride}
	switch {
	case o.Workers < 0:
		return nil, fmt.Errorf("sluice: Options.Workers is %d", o.Workers)
	case o.Workers > 0:
		flags.Workers = strconv.Itoa(o.Workers)
	}
	if o.Config != "" {
		return conf.Load(o.Config, flags)
	}
	root, err := filepath.Abs(o.Root)
	if err != nil {
		return nil, fmt.Errorf("sluice: Options.Root %q: %w", o.Root, err)
	}
	text, err := toml.Marshal(map[string]any{"site": []map[string]string{{"root": root, "path": o.Path}}})
	if err != nil {
		return nil, fmt.Errorf("sluice: Options: %w", err)
	}
	return conf.Parse("Options", text, flags)
}

// ServeHTTP implements http.Handler. A response that can't be completed is broken
// off by panic(http.ErrAbortHandler), which net/http expects. After Close the
// answer is 503.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.hook.Request != nil {
		r = r.Clone(r.Context()) // handlers must not change what they are given
		if other := s.hook.Request(r); other != nil {
			other.ServeHTTP(w, r)
			return
		}
	}
	if s.hook.Response != nil {
		w = &hooked{ResponseWriter: w, request: r, respond: s.hook.Response}
	}
	s.handler.ServeHTTP(w, r)
}

// Session gives code written for gofast (github.com/yookoala/gofast) the PHP of the
// site that serves host, as a request's Host has it, and path, as its URL has it:
//
//	php, err := server.Session("", "/blog/")
//	http.Handle("/blog/api/", gofast.NewHandler(sessionHandler, php.Client))
//
// php.Client is a gofast.ClientFactory; php.Handler runs a session without gofast's
// pipes. Its requests go to the workers, or FastCGI servers, of the site, by the same
// queue and within the same number of connections as the site's own, and keep to its
// request_time. Nothing else of the site has a part in them: not the Hook, no
// .htaccess file, not php.client_requests, path_requests and env. What the session
// makes of a request is looked at all the same: a SCRIPT_FILENAME that the site would
// not run is 403 or 404; see session.Guard for the rest.
//
// The answer is the same for each call and ends with the server; it need not be
// closed. The error tells that no site is there, or that it has no PHP, or has it in
// a chroot.
func (s *Server) Session(host, path string) (*session.Transport, error) {
	t, err := s.host.Session(host, path)
	if err != nil {
		return nil, fmt.Errorf("sluice: %w", err)
	}
	return t, nil
}

// Close ends the server: requests in flight, those of sessions too, finish, for at
// most Config's shutdown_timeout, then workers and loops end. The error tells that
// requests were cut off. Whoever runs an http.Server shuts that down first.
func (s *Server) Close() error {
	s.closing.Do(func() { s.closed = s.host.Stop(s.cfg.ShutdownTimeout) })
	return s.closed
}
