package proxied

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"sluice/socketdir"
)

// folderPrefix begins the name of a server's private folder.
const folderPrefix = "sluice-proxied-"

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
	opts    Options
	allowed Allowed
	by      transports
	folder  string
	ln      net.Listener
	ctx     context.Context
	cancel  context.CancelCauseFunc

	mu    sync.Mutex // guards conns and shut
	conns map[*conn]struct{}
	shut  bool
	work  sync.WaitGroup // connections and exchanges
}

// errClosing is why the exchanges of a closed server end.
var errClosing = errors.New("proxied: the server is closing")

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
	folder, ln, err := socketdir.Listen(opts.Folder, folderPrefix)
	if err != nil {
		return nil, err
	}
	s := &Server{opts: opts, allowed: allowed, by: newTransports(opts.TLS), folder: folder, ln: ln, conns: map[*conn]struct{}{}}
	s.ctx, s.cancel = context.WithCancelCause(context.Background())
	s.work.Add(1)
	go s.accept()
	return s, nil
}

// Address is the path of the Unix socket.
func (s *Server) Address() string { return s.ln.Addr().String() }

// Concurrency is how many requests are passed on at once.
func (s *Server) Concurrency() int { return s.opts.Concurrency }

func (s *Server) accept() {
	defer s.work.Done()
	for {
		nc, err := s.ln.Accept()
		switch {
		case err == nil:
			s.serve(nc)
		case errors.Is(err, net.ErrClosed):
			return
		default:
			s.opts.Log(fmt.Errorf("proxied: accept: %w", err))
			select {
			case <-s.ctx.Done():
				return
			case <-time.After(acceptPause):
			}
		}
	}
}

func (s *Server) serve(nc net.Conn) {
	c := &conn{s: s, nc: nc}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.shut || len(s.conns) >= connectionsMax {
		_ = nc.Close()
		return
	}
	s.conns[c] = struct{}{}
	s.work.Add(1)
	go c.serve()
}

// forget is called by a connection that ends.
func (s *Server) forget(c *conn) {
	s.mu.Lock()
	delete(s.conns, c)
	s.mu.Unlock()
	s.work.Done()
}

// Close breaks off what is in flight, waits for it and removes the folder.
func (s *Server) Close() error {
	s.mu.Lock()
	if s.shut {
		s.mu.Unlock()
		return nil
	}
	s.shut = true
	s.cancel(errClosing)
	err := s.ln.Close()
	for c := range s.conns {
		_ = c.nc.Close()
	}
	s.mu.Unlock()

	gone := make(chan struct{})
	go func() {
		s.work.Wait()
		close(gone)
	}()
	select {
	case <-gone:
	case <-time.After(closeTimeMax):
		err = errors.Join(err, fmt.Errorf("proxied: requests are still passed on %s after they were broken off", closeTimeMax))
	}
	s.by.close()
	return errors.Join(err, socketdir.Remove(s.folder))
}
