package proxied

import (
	"crypto/tls"
	"fmt"
	"time"

	"sluice/responder"
)

// Options are a server's settings. Zero values mean the defaults.
type Options struct {
	// Folder is where the private folder is made; "" is the temporary folder.
	Folder string
	// To are the servers that may be asked: host, host:port, unix:/path, or *.
	To []string
	// Concurrency is how many requests are passed on at once. Give
	// fcgi.Server.Conns the same number: see Server.Concurrency.
	Concurrency int
	// IdleTime is how long nothing may move between us and the other server.
	IdleTime time.Duration
	// TLS is how https servers are asked; nil: by the system's roots.
	TLS *tls.Config
	// Log is told what no client can be told. It is called from any goroutine.
	Log func(err error)
}

// Server passes requests on.
type Server struct {
	*responder.Server
	opts    Options
	allowed Allowed
	by      transports
}

// Start makes the socket and serves it.
func Start(opts Options) (*Server, error) {
	if opts.Concurrency < 0 || opts.IdleTime < 0 {
		return nil, fmt.Errorf("proxied: negative limit in concurrency %d, idle time %s", opts.Concurrency, opts.IdleTime)
	}
	if opts.Concurrency == 0 {
		opts.Concurrency = concurrencyDefault
	}
	if opts.IdleTime == 0 {
		opts.IdleTime = idleTimeDefault
	}
	if opts.Log == nil {
		opts.Log = func(error) {}
	}
	if opts.TLS == nil {
		opts.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	allowed, err := ParseAllowed(opts.To)
	if err != nil {
		return nil, err
	}
	s := &Server{opts: opts, allowed: allowed, by: newTransports(opts.TLS)}
	s.Server, err = responder.Start(responder.Options{
		Name: "proxied", Folder: opts.Folder, Concurrency: opts.Concurrency,
		Log: opts.Log, Begin: s.begin, Closed: s.by.close,
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}
