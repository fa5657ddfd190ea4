package cgid

import (
	"fmt"
	"strings"
	"time"

	"sluice/responder"
)

// Options are a server's settings. Zero values mean the defaults.
type Options struct {
	// Folder is where the private folder is made; "" is the temporary folder.
	Folder string
	// Concurrency is how many programs run at once; further requests wait.
	// Give fcgi.Server.Conns the same number: see Server.Concurrency.
	Concurrency int
	// Timeout is how long a program may run in all. 0 is no limit but the
	// gateway's RequestTime, which ends the program too.
	Timeout time.Duration
	// OutputBytesMax is how many octets a program may write to its standard
	// output, head included; 0 is no limit.
	OutputBytesMax int64
	// Account is who programs run as, which takes root; nil is ourselves.
	Account *Account
	// PHP are the paths of php-cgi and php-fpm programs of this machine. They,
	// their copies, and scripts for either are never run, nor is anything with such
	// a name.
	PHP []string
	// Environment is added to that of every program, as NAME=value. A request's
	// PARAMS win over it.
	Environment []string
	// Log is told why a program was not run or was ended, and what it wrote to
	// STDERR when no request was left to say it to.
	Log func(script string, err error)
}

// Server runs CGI programs for FastCGI requests.
type Server struct {
	*responder.Server
	opts   Options
	php    phpFiles
	slots  chan struct{} // one element per running program
	starts starter
}

// Start makes the socket and serves it.
func Start(opts Options) (*Server, error) {
	for _, pair := range opts.Environment {
		if name, _, ok := strings.Cut(pair, "="); !ok || name == "" || strings.ContainsRune(pair, 0) {
			return nil, fmt.Errorf("cgid: environment %q is not NAME=value", pair)
		}
	}
	if opts.Timeout < 0 || opts.OutputBytesMax < 0 || opts.Concurrency < 0 {
		return nil, fmt.Errorf("cgid: negative limit in timeout %s, output %d, concurrency %d", opts.Timeout, opts.OutputBytesMax, opts.Concurrency)
	}
	if opts.Concurrency == 0 {
		opts.Concurrency = concurrencyDefault
	}
	if opts.Log == nil {
		opts.Log = func(string, error) {}
	}
	s := &Server{opts: opts, php: newPHPFiles(opts.PHP), slots: make(chan struct{}, opts.Concurrency)}
	s.starts.open()
	var err error
	s.Server, err = responder.Start(responder.Options{
		Name: "cgid", Folder: opts.Folder, Concurrency: opts.Concurrency,
		Log:    func(err error) { opts.Log("", err) },
		Begin:  s.begin,
		Closed: s.starts.close,
	})
	if err != nil {
		s.starts.close()
		return nil, err
	}
	return s, nil
}
