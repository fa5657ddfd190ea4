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
	Symlink // from Lstat; from a Stat that can tell: it leads to nothing
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

// The kinds of events. File and Line are of the directive, where there is one.
const (
	TracePass     TraceKind = iota // a pass begins: Before is the URL, or a sub-request's file
	TraceMap                       // URL to file: Before the URL, After the file, Rest its PATH_INFO, Directive what it is
	TraceFile                      // a .htaccess is read; Matched: it is in force
	TraceSection                   // a section is asked; Matched: it applies
	TraceRule                      // a rule's pattern is asked about Before
	TraceCond                      // a condition is asked about Before
	TraceRewrite                   // a rule rewrites Before to After
	TraceSkip                      // rules are not asked: After says why
	TraceSet                       // a variable is set: After
	TraceRequest                   // a request header is edited: Before its name, After its value
	TraceAccess                    // access control decides: After; Matched: granted
	TraceAdopt                     // a sub-request for Before succeeded, and After stands in its place
	TraceRedirect                  // an internal redirect to After, for the error Status if there is one
	TraceStatus                    // a phase (Directive) answers with Status; After is its Location, or why
	TraceHandler                   // the answer: Directive is its kind, Before the handler, After the file or Location
	TracePHP                       // a php_value or php_flag: After
	TraceHeader                    // a response header is edited: Before its name, After its value; Matched: the line applies
	TraceLog                       // what Env.Log is told
)

var traceNames = [...]string{
	"pass", "map", "htaccess", "section", "rule", "cond", "rewrite", "skip", "set", "request",
	"access", "adopt", "redirect", "status", "handler", "php", "header", "log",
}

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
	Rest      string // PATH_INFO, of TraceMap
	Matched   bool
	Status    int
}
