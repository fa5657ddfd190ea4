package cgid

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"sluice/socketdir"
)

// folderPrefix begins the name of a server's private folder.
const folderPrefix = "sluice-cgid-"

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
	// Environment is added to that of every program, as NAME=value. A request's
	// PARAMS win over it.
	Environment []string
	// Log is told why a program was not run or was ended, and what it wrote to
	// STDERR when no request was left to say it to.
	Log func(script string, err error)
}

// Server runs CGI programs for FastCGI requests.
type Server struct {
	opts   Options
	folder string
	ln     net.Listener
	slots  chan struct{} // one element per running program
	starts starter
	ctx    context.Context
	cancel context.CancelCauseFunc

	mu    sync.Mutex // guards conns and closed
	conns map[*conn]struct{}
	shut  bool
	work  sync.WaitGroup // connections and requests
}

// errClosing is why the programs of a closed server end.
var errClosing = errors.New("cgid: the server is closing")

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
	folder, ln, err := socketdir.Listen(opts.Folder, folderPrefix)
	if err != nil {
		return nil, err
	}
	s := &Server{opts: opts, folder: folder, ln: ln, slots: make(chan struct{}, opts.Concurrency), conns: map[*conn]struct{}{}}
	s.ctx, s.cancel = context.WithCancelCause(context.Background())
	s.starts.open()
	s.work.Add(1)
	go s.accept()
	return s, nil
}

// Address is the path of the Unix socket.
func (s *Server) Address() string { return s.ln.Addr().String() }

// Concurrency is how many programs run at once.
func (s *Server) Concurrency() int { return cap(s.slots) }

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
			s.opts.Log("", fmt.Errorf("cgid: accept: %w", err))
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

// Close ends all programs and connections, waits for them and removes the
// folder. Requests in flight are broken off: who wants them to end first stops
// asking before.
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
		s.starts.close()
		close(gone)
	}()
	select {
	case <-gone:
	case <-time.After(closeTimeMax):
		err = errors.Join(err, fmt.Errorf("cgid: programs still run %s after they were killed", closeTimeMax))
	}
	return errors.Join(err, socketdir.Remove(s.folder))
}
