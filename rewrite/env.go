package rewrite

import (
	"net/netip"
	"time"
)

// FileKind is what a path names.
type FileKind uint8

// The kinds. Missing is the zero value.
const (
	Missing FileKind = iota
	Regular
	Directory
	Symlink // from Lstat only
	Other
	// Denied: the file system refused to say (no permission, name too long).
	Denied
)

// FileInfo is what Env tells about a path.
type FileInfo struct {
	Kind    FileKind
	Exec    bool // somebody may execute it
	Size    int64
	ModTime int64 // seconds since 1970
	Owner   uint32
}

// Env is the world as the server lets this package see it. Its methods are
// called while a request is resolved, on the goroutine that called Run; all
// paths are absolute.
type Env interface {
	// Stat follows symbolic links, Lstat does not.
	Stat(path string) FileInfo
	Lstat(path string) FileInfo
	// Htaccess returns the compiled file of a directory (its path ends in a
	// slash), nil if there is none.
	Htaccess(dir string) *File
	// ReadFile reads a password, group or map file, or one named by file() in
	// an expression; no more than max bytes.
	ReadFile(path string, max int64) ([]byte, error)
	// Getenv reads the server's own environment (PassEnv, osenv, %{ENV:…}).
	Getenv(name string) (string, bool)
	// Now is the local time.
	Now() time.Time
	// HostOf is the name of an address, verified by looking it up again, ""
	// if it has none. It must not wait: a host that is not known yet has none.
	HostOf(a netip.Addr) string
	// SSLVar is a variable of mod_ssl, "" if unknown.
	SSLVar(name string) string
	// Log is told why something is refused or ignored.
	Log(message string)
}

// Map is a RewriteMap.
type Map interface {
	Lookup(key string) (value string, ok bool)
}

// Trace receives every step of a request, for sluice explain.
type Trace interface {
	Step(e Event)
}

// TraceKind says what an Event is about.
type TraceKind uint8

// The kinds of events.
const (
	TracePass     TraceKind = iota // a pass begins: Before is the URL
	TraceMap                       // URL to file: Before the URL, After the file and its PATH_INFO
	TraceFile                      // a .htaccess is read
	TraceSection                   // a section is asked
	TraceRule                      // a rule's pattern is asked
	TraceCond                      // a condition is asked
	TraceRewrite                   // a rule rewrites Before to After
	TraceSet                       // a variable is set
	TraceAccess                    // access control decides
	TraceRedirect                  // an internal redirect
	TraceStatus                    // a phase answers with a status
	TraceHandler                   // the handler is chosen
	TraceHeader                    // a response header is set
	TraceLog                       // what Env.Log is told
)

var traceNames = [...]string{"pass", "map", "htaccess", "section", "rule", "cond", "rewrite", "set", "access", "redirect", "status", "handler", "header", "log"}

func (k TraceKind) String() string { return traceNames[k] }

// Event is a step.
type Event struct {
	Kind      TraceKind
	Depth     int // 0: the request; more: sub-requests
	File      string
	Line      int
	Directive string
	Before    string
	After     string
	Matched   bool
	Status    int
}
