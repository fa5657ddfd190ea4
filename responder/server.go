package responder

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// Options are a server's settings. Log, Begin and Closed are always set.
type Options struct {
	// Name begins the server's errors; it is in the private folder's, too.
	Name string
	// Folder is where the private folder is made; "" is the temporary folder.
	Folder string
	// Concurrency is what the gateway is told when it asks how many connections
	// and requests there may be (§4.1).
	Concurrency int
	// Log is told what no gateway can be told. It is called from any goroutine.
	Log func(err error)
	// Begin makes a request's Handler. It is called when the PARAMS are complete,
	// which are its own only until it returns; an error ends the connection.
	Begin func(r *Request, params []byte) (Handler, error)
	// Closed is called once, after Close, when all requests have ended.
	Closed func()
}

// Server takes FastCGI requests on a private Unix socket.
type Server struct {
	opts   Options
	folder string
	ln     net.Listener
	ctx    context.Context
	cancel context.CancelCauseFunc

	mu    sync.Mutex // guards conns and shut
	conns map[*conn]struct{}
	shut  bool
	work  sync.WaitGroup // connections and requests
}

// Start makes the socket and serves it.
func Start(opts Options) (*Server, error) {
	folder, ln, err := listen(opts.Folder, "sluice-"+opts.Name+"-")
	if err != nil {
		return nil, err
	}
	s := &Server{opts: opts, folder: folder, ln: ln, conns: map[*conn]struct{}{}}
	s.ctx, s.cancel = context.WithCancelCause(context.Background())
	s.work.Add(1)
	go s.accept()
	return s, nil
}

// Address is the path of the Unix socket.
func (s *Server) Address() string { return s.ln.Addr().String() }

// Concurrency is how many requests are to be asked at once: Conns of fcgi.Server.
func (s *Server) Concurrency() int { return s.opts.Concurrency }

func (s *Server) errorf(format string, args ...any) error {
	return fmt.Errorf(s.opts.Name+": "+format, args...)
}

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
			s.opts.Log(s.errorf("accept: %w", err))
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

// Close ends all requests and connections, waits for them and removes the folder.
// Requests in flight are broken off: who wants them to end first stops asking
// before.
func (s *Server) Close() error {
	s.mu.Lock()
	if s.shut {
		s.mu.Unlock()
		return nil
	}
	s.shut = true
	s.cancel(ErrClosing)
	err := s.ln.Close()
	for c := range s.conns {
		_ = c.nc.Close()
	}
	s.mu.Unlock()

	gone := make(chan struct{})
	go func() {
		s.work.Wait()
		s.opts.Closed()
		close(gone)
	}()
	select {
	case <-gone:
	case <-time.After(closeTimeMax):
		err = errors.Join(err, s.errorf("requests have not ended %s after they were broken off", closeTimeMax))
	}
	return errors.Join(err, remove(s.folder))
}
