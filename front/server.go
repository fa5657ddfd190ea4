package front

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"sluice/accesslog"
	"sluice/http1"
	"sluice/loop"
	"sluice/site"
)

// Options are a server's settings. Zero durations mean the defaults.
type Options struct {
	Sites []*site.Site
	Loops []*loop.Loop
	// Software is the Server field's value.
	Software string

	HTTP1 http1.Limits
	// HeadTime is for a whole head, BodyTime between two pieces of content,
	// SendTime how long a client may take nothing, IdleTime between requests.
	HeadTime time.Duration
	BodyTime time.Duration
	SendTime time.Duration
	IdleTime time.Duration
	// RequestsMax of one connection; 0 is any number.
	RequestsMax int
	ConnsMax    int
	// SharePort: see loop.ListenOptions.Shared.
	SharePort bool

	Trusted     []netip.Prefix
	TrustedUnix bool

	// AccessLog is the log of a site by its label; nil for none.
	AccessLog func(label string) *accesslog.Log
	// Report takes what an administrator should know. Any loop calls it.
	Report func(r site.Report, remote netip.Addr, target string)
	// AcceptError is told when accepting fails.
	AcceptError func(error)
}

// Server accepts connections and serves sites on loops.
type Server struct {
	opts      Options
	locals    []*local
	listeners []*loop.Listener
	turn      atomic.Uint32 // of the loops, for ServeHTTP
}

// local is a loop's part of a server.
type local struct {
	srv    *Server
	loop   *loop.Loop
	host   *site.Host
	limits http1.Limits

	// Owned by the loop:
	free     []*stream
	logs     map[string]*accesslog.Writer
	first    *conn // all connections
	bridges  int   // requests of goroutines under way
	untold   []*bridge
	draining bool
	told     bool          // drained is closed
	drained  chan struct{} // closed when draining and nothing is left
	date     dateLine
	head     []byte // scratch for response heads

	// late guards what was the loop's, once it has ended.
	late sync.Mutex
}

// New prepares a server; its loops must not run yet.
func New(opts Options) (*Server, error) {
	opts.IdleTime = orDefault(opts.IdleTime, idleTimeDefault)
	opts.HeadTime = orDefault(opts.HeadTime, headTimeDefault)
	opts.BodyTime = orDefault(opts.BodyTime, bodyTimeDefault)
	opts.SendTime = orDefault(opts.SendTime, sendTimeDefault)
	s := &Server{opts: opts}
	for _, l := range opts.Loops {
		l.SetStallTime(opts.SendTime)
		h, err := site.NewHost(l, opts.Sites)
		if err != nil {
			return nil, err
		}
		lf := &local{srv: s, loop: l, host: h, limits: opts.HTTP1, drained: make(chan struct{}), logs: map[string]*accesslog.Writer{}}
		if opts.AccessLog != nil {
			for _, st := range opts.Sites {
				if log := opts.AccessLog(st.Label()); log != nil {
					lf.logs[st.Label()] = log.Writer(func(fn func()) { l.Post(fn) })
				}
			}
		}
		s.locals = append(s.locals, lf)
	}
	return s, nil
}

func orDefault(d, def time.Duration) time.Duration {
	if d <= 0 {
		return def
	}
	return d
}

// Listen opens an address; connections are shared among all loops. To be called
// before the loops run.
func (s *Server) Listen(network, address string) (net.Addr, error) {
	info := &endpoint{unix: network == "unix"}
	byLoop := map[*loop.Loop]*local{}
	for _, lf := range s.locals {
		byLoop[lf.loop] = lf
	}
	first := s.opts.Loops[len(s.listeners)%len(s.opts.Loops)]
	ln, err := first.Listen(network, address, func(c *loop.Conn) loop.Handler {
		return byLoop[c.Loop()].accept(c, info)
	}, loop.ListenOptions{Loops: s.opts.Loops, ConnsMax: s.opts.ConnsMax, Shared: s.opts.SharePort, Report: s.opts.AcceptError})
	if err != nil {
		return nil, err
	}
	if t, ok := ln.Addr().(*net.TCPAddr); ok {
		ap := t.AddrPort()
		info.addr = netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
	}
	s.listeners = append(s.listeners, ln)
	return ln.Addr(), nil
}

// endpoint is what connections of one listener have in common.
type endpoint struct {
	addr netip.AddrPort // with an unspecified address for a wildcard listener
	unix bool
}

// Drain stops accepting, closes idle connections and lets the others finish; it
// answers when none is left or ctx is over.
func (s *Server) Drain(ctx context.Context) error {
	for i, ln := range s.listeners {
		s.opts.Loops[i%len(s.opts.Loops)].Post(ln.Close)
	}
	for _, lf := range s.locals {
		lf.loop.Post(lf.drain)
	}
	for _, lf := range s.locals {
		select {
		case <-lf.drained:
		case <-lf.loop.Done():
		case <-ctx.Done():
			return errors.New("front: connections were still busy when the time to finish them was over (shutdown_timeout)")
		}
	}
	return nil
}

// drain is called once.
func (lf *local) drain() {
	lf.draining = true
	for h := lf.first; h != nil; {
		next := h.next
		if h.phase == idle {
			h.close(false)
		}
		h = next
	}
	lf.checkDrained()
}

// checkDrained tells Drain when the last connection and the last bridge have gone.
func (lf *local) checkDrained() {
	if lf.draining && lf.first == nil && lf.bridges == 0 && !lf.told {
		lf.told = true
		lf.loop.WhenFlushed(func() { close(lf.drained) })
	}
}

// Close gives the sites' idle connections back and flushes the logs; after
// Drain, before the loops are stopped.
func (s *Server) Close() {
	for _, lf := range s.locals {
		done := make(chan struct{})
		if lf.loop.Post(func() {
			lf.host.Close()
			for _, w := range lf.logs {
				w.Close()
			}
			close(done)
		}) {
			<-done
		}
	}
}

// Free closes the folders and files that the sites hold open; after the loops
// have ended.
func (s *Server) Free() {
	for _, lf := range s.locals {
		lf.afterLoop(lf.host.Free)
	}
}

// afterLoop waits for the end of the loop, from which on nothing is the loop's
// any more.
func (lf *local) afterLoop(fn func()) {
	<-lf.loop.Done()
	lf.late.Lock()
	defer lf.late.Unlock()
	fn()
}

// dateLine is the Date field, made once a second, and the Server field.
type dateLine struct {
	unix int64
	line []byte
	both []byte // line with the Server field behind it
}

// dateField answers Date, and Server unless the site settles that itself.
func (lf *local) dateField(ownServer bool) []byte {
	d := &lf.date
	now := lf.loop.Wall()
	if u := now.Unix(); u != d.unix || d.both == nil {
		d.unix = u
		b := append(d.both[:0], "Date: "...)
		b = now.UTC().AppendFormat(b, "Mon, 02 Jan 2006 15:04:05 GMT")
		b = append(b, "\r\n"...)
		n := len(b)
		b = append(b, "Server: "...)
		b = append(b, lf.srv.opts.Software...)
		d.both = append(b, "\r\n"...)
		d.line = d.both[:n]
	}
	if ownServer {
		return d.line
	}
	return d.both
}
