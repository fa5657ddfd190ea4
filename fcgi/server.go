package fcgi

import (
	"sync/atomic"
	"time"
)

// Mux says whether many requests may share a connection to a server (§3.3).
type Mux uint8

// Modes of multiplexing.
const (
	// MuxOff: one request at a time on a connection, and no question asked.
	MuxOff Mux = iota
	// MuxAuto: the first connection asks by GET_VALUES.
	MuxAuto
	// MuxOn: known to multiplex.
	MuxOn
)

func (m Mux) String() string { return [...]string{"off", "auto", "on"}[m] }

// Server is one address of a backend.
type Server struct {
	Network string // "unix" or "tcp"
	Address string
	// Conns is how many connections it may be given: a php worker serves one
	// connection at a time and is bound to it while it is kept.
	Conns int
	// Guessed: nobody knows Conns; SetConns may say what it is.
	Guessed bool
	// Name is what Key answers; empty is the address.
	Name string
	// Weight is its share of the requests among several servers; 0 is 1.
	Weight int
	Mux    Mux
	// Requests bounds those in flight on one shared connection; 0 is a default.
	Requests int
}

// Key names the server in Want.Server and Channel.Server.
func (s Server) Key() string {
	if s.Name != "" {
		return s.Name
	}
	return s.Network + ":" + s.Address
}

// nature is how a server uses its connections, as far as that is known.
type nature uint32

const (
	// unknown: the first connection will ask.
	unknown nature = iota
	// asking: one connection is at it; the others wait for its answer.
	asking
	// single: one request at a time on a connection.
	single
	// multi: many requests share a connection.
	multi
)

func (n nature) String() string {
	return [...]string{"unknown", "asking", "single", "multi"}[n]
}

// natures is what a mode begins with.
var natures = [...]nature{MuxOff: single, MuxAuto: unknown, MuxOn: multi}

// server is what all loops share of a Server. Its address never changes.
type server struct {
	conf     atomic.Pointer[Server]
	key      atomic.Pointer[string]
	used     atomic.Int32 // connections
	others   atomic.Int32 // what it has to do for others; see Pool.Observe
	gone     atomic.Bool  // not, or no longer, in the list of SetServers
	met      atomic.Bool  // a connection was made once
	nature   atomic.Uint32
	maxConns atomic.Int32 // FCGI_MAX_CONNS, 0 if it said none
	maxReqs  atomic.Int32 // FCGI_MAX_REQS, 0 if it said none
	health   health
}

func newServer(s Server) *server {
	x := &server{}
	x.configure(s)
	return x
}

// configure sets what SetServers may change of a server that stays.
func (s *server) configure(conf Server) {
	if old := s.conf.Load(); old == nil || old.Mux != conf.Mux {
		s.nature.Store(uint32(natures[conf.Mux]))
	}
	if old := s.conf.Load(); old != nil && old.Guessed && conf.Guessed {
		conf.Conns = old.Conns // it has been found out since
	}
	key := conf.Key()
	s.key.Store(&key)
	s.conf.Store(&conf)
}

func (s *server) is(conf Server) bool {
	own := s.conf.Load()
	return own.Network == conf.Network && own.Address == conf.Address
}

// conns is how many connections there may be.
func (s *server) conns() int32 {
	n := int32(s.conf.Load().Conns)
	if m := s.maxConns.Load(); m > 0 && s.at() == multi {
		n = min(n, m)
	}
	return n
}

// requests is how many may be in flight on one shared connection. FCGI_MAX_REQS
// is the whole application's bound.
func (s *server) requests() int {
	n := s.conf.Load().Requests
	if n <= 0 {
		n = sharedRequestsDefault
	}
	if m := s.maxReqs.Load(); m > 0 {
		n = min(n, max(1, int(m/max(1, s.conns()))))
	}
	return min(n, requestIDsMax/2)
}

func (s *server) at() nature { return nature(s.nature.Load()) }

// dialTime is how long it may refuse connections before requests are refused. Who
// was never there is not just being restarted.
func (s *server) dialTime(o *Options) time.Duration {
	if s.met.Load() {
		return o.DialTime
	}
	return min(o.DialTime, dialTimeDefault)
}

// permit takes the right to open one connection.
func (s *server) permit() bool {
	if s.used.Add(1) <= s.conns() && !s.gone.Load() {
		return true
	}
	s.used.Add(-1) // another loop was quicker
	return false
}

// surplus tells that there are more connections than there may be now.
func (s *server) surplus() bool { return s.used.Load() > s.conns() }

// relearn forgets what GET_VALUES said, for who answers next may be another
// program.
func (s *server) relearn() {
	if s.conf.Load().Mux == MuxAuto {
		s.nature.CompareAndSwap(uint32(single), uint32(unknown))
		s.nature.CompareAndSwap(uint32(multi), uint32(unknown))
	}
}
