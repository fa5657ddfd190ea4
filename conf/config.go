package conf

import (
	"net/netip"
	"time"
)

// Config is a whole, checked configuration. It is frozen: nobody writes to it
// after it has been returned. Defaults and bounds of its fields stand in
// keys_server.go and docs/configuration.md.
type Config struct {
	// Listen holds the addresses to accept connections on, at least one.
	Listen []Listen
	// ReusePort lets other processes listen on the same addresses.
	ReusePort bool
	// Engine is the loop back end: auto, epoll, io_uring or portable.
	Engine string
	// Loops is the number of event loops, 0 for as many as the machine suggests.
	Loops int
	// LogLevel is debug, info, warn or error.
	LogLevel string
	// ErrorLog is "-" for standard error or an absolute file name.
	ErrorLog string
	// AccessLog is the log of requests of sites without one of their own.
	AccessLog AccessLog
	// ShutdownTimeout is how long requests in flight may take after SIGTERM.
	ShutdownTimeout time.Duration
	// SpoolDir is the folder for bodies too large for memory, "" for the
	// system's folder of temporary files.
	SpoolDir string
	// TrustedProxies are the peers whose Forwarded, X-Forwarded-For and
	// X-Forwarded-Proto fields are believed. Prefixes are masked and of unmapped addresses.
	TrustedProxies []netip.Prefix
	// TrustUnix says that peers on Unix sockets are trusted proxies too.
	TrustUnix bool
	KeepAlive KeepAlive
	Limits    Limits
	// Sites holds at least one site; no two share a name.
	Sites []Site
}

// Listen is an address to accept connections on.
type Listen struct {
	Network string // "tcp" or "unix"
	Address string // host:port for net.Listen (host may be empty), or an absolute path
}

// String writes the address as sluice.toml and --listen do.
func (l Listen) String() string {
	if l.Network == "unix" {
		return "unix:" + l.Address
	}
	return l.Address
}

// AccessLog says where requests are logged and how.
type AccessLog struct {
	Path   string // "off", "-" for standard output, or an absolute file name
	Format string // combined or json
}

// KeepAlive bounds the reuse of client connections.
type KeepAlive struct {
	Requests int           // requests on a connection, 0 for any number
	Idle     time.Duration // between two requests
}

// Limits bound what one client may send and how long it may take.
type Limits struct {
	RequestLine int           // octets; 414 beyond
	Head        int           // octets of request line and field lines; 431 beyond
	Fields      int           // field lines; 431 beyond
	HeadTime    time.Duration // from a head's first octet to its last; 408 beyond
	BodyTime    time.Duration // between two reads of a body; 408 beyond
	SendTime    time.Duration // in which a client takes nothing of its response
	Connections int           // open at once, 0: derived from the descriptor limit
}

// Site is one web site: host names and what is served under them.
type Site struct {
	// Names are host names in lower case: exact ones, wildcards "*.example.org"
	// and "*". None, or "*", makes the site the default one.
	Names []string
	// Dir is the folder as it was given, absolute; Root is the document root in
	// it, which is Dir itself or, for some applications, a folder below.
	Dir  string
	Root string
	// App is what the site is: one of the App* constants, never auto.
	App string
	// AppVersion is the application's version where it could be read.
	AppVersion string
	// Index lists the default documents of a folder, in order of preference.
	Index []string
	// FrontController is the path below Root that answers requests, below its
	// own folder, for files that do not exist; "" for none.
	FrontController string
	// Path is the URL path below which the site lies, without a last slash; ""
	// for all.
	Path string
	// FrontGuessed: FrontController is the application's, nobody configured it.
	FrontGuessed bool
	// AllowOverride are the classes of directives that .htaccess files may have
	// (AuthConfig, FileInfo, Indexes, Limit, Options); none: they are not read.
	AllowOverride []string
	// ProxyTo are the servers that [P] of .htaccess files may pass requests on to:
	// host, host:port, unix:/path or *; none: it passes nothing on.
	ProxyTo []string
	// RewriteMaps are the maps that rules of .htaccess files may ask, by name:
	// txt:FILE, rnd:FILE, int:FUNCTION or prg:PROGRAM ARGUMENTS.
	RewriteMaps map[string]string
	// Aliases are folders outside Root that appear in the site's URL space,
	// the longest prefix first.
	Aliases []Alias
	// MIME adds content types: lower-case extension without dot to type.
	MIME    map[string]string
	Headers HeaderRules
	// ErrorPages maps a status to a path in the site if the value starts with
	// "/", else to the text to answer with.
	ErrorPages map[int]string
	// HiddenFiles is refuse or apache.
	HiddenFiles string
	// Symlinks is SymlinksInside (links must end in Root, an alias or one of
	// FollowInto), SymlinksAuto (FollowFound has what App is known to link to) or
	// SymlinksFollow (they may lead anywhere).
	Symlinks string
	// FollowInto lists absolute files and folders links may lead into.
	FollowInto []string
	// FollowFound are those found besides: real paths, believed while they have no
	// symlinks.
	FollowFound []string `json:",omitempty"`
	// Refused are the links found that lead elsewhere.
	Refused []Link `json:",omitempty"`
	// BodyMax bounds a request body in octets; 413 beyond. BodyFollowsPHP takes
	// the bound from PHP's post_max_size.
	BodyMax int64
	// NoPHP are paths where no script ever runs, Deny paths answered by 404.
	NoPHP Patterns
	Deny  Patterns

	Compression Compression
	PHP         PHP
	CGI         CGI
	FastCGI     FastCGI
	// Authorizers are asked before anything of their paths is given away; Filters
	// answer with what they make of a file.
	Authorizers []PathProgram
	Filters     []PathProgram
	// AccessLog overrides the server's access log; nil for that one.
	AccessLog *AccessLog
}

// BodyFollowsPHP as Site.BodyMax takes the limit from PHP's post_max_size.
const BodyFollowsPHP = -1

// Default tells whether the site answers requests for hosts no site names.
func (s *Site) Default() bool {
	for _, n := range s.Names {
		if n == "*" {
			return true
		}
	}
	return len(s.Names) == 0
}

// Label names the site in logs and messages: its first name or "default".
func (s *Site) Label() string {
	if len(s.Names) == 0 || s.Names[0] == "*" {
		return "default" + s.Path
	}
	return s.Names[0] + s.Path
}

// Alias puts a folder into a site's URL space.
type Alias struct {
	Prefix string // URL path, starts with "/" and does not end with one
	Dir    string // absolute
}

// Header is one field line of a response.
type Header struct {
	Name, Value string
}

// HeaderRules change the head of every response of a site: first Remove, then
// Set (replacing what is there), then Add (beside what is there).
type HeaderRules struct {
	Set    []Header
	Add    []Header
	Remove []string
}

// Compression of responses on the fly. A level of 0 switches a coding off.
type Compression struct {
	Enabled bool
	Gzip    int   // level 0 to 9
	Brotli  int   // level 0 to 11
	Zstd    int   // level 0 to 22
	MinSize int64 // octets; smaller bodies are sent as they are
}

// PHPMode says where PHP comes from.
type PHPMode string

// The modes of PHP.
const (
	PHPOff    PHPMode = "off"    // scripts are refused, their source never sent
	PHPAuto   PHPMode = "auto"   // find php-cgi and run it; AppStatic and AppSPA can do without
	PHPBinary PHPMode = "binary" // run the php-cgi at PHP.Path
	PHPUnix   PHPMode = "unix"   // use the FastCGI server at socket PHP.Path
	PHPTCP    PHPMode = "tcp"    // use the FastCGI server at host:port PHP.Path
)

// PathBound is how many requests for the paths of a pattern may be with PHP at once.
type PathBound struct {
	Pattern string // as in Patterns
	// N is the number, or, Percent, the part of the workers (at least one).
	N       int
	Percent bool
}

// PHP says how scripts of a site run.
type PHP struct {
	Mode PHPMode
	Path string // absolute binary, absolute socket or host:port, by Mode
	// Workers is the number of own workers, or of connections to a FastCGI
	// server that is not ours; 0: derived from processors and memory.
	Workers int
	// WorkersMax is how many own workers there may be when requests wait; 0: as
	// many as Workers, or, where those are derived, as memory holds.
	WorkersMax int
	// ClientRequests bounds the requests of one client that are with PHP at once;
	// 0: any number. PathRequests bounds those for a path.
	ClientRequests int
	PathRequests   []PathBound
	// Pipeline: while all requests are quick, the next one is written to a worker
	// before it is done with the last.
	Pipeline bool
	// MaxRequests a worker serves before it is replaced; 0: any number.
	MaxRequests int
	// Queue bounds the requests waiting for a worker, QueueTime their waiting;
	// beyond either a client gets 503.
	Queue     int
	QueueTime time.Duration
	// RequestTime is a request's wall clock limit, after which its worker is
	// ended and the client gets 504. It also sets max_execution_time.
	RequestTime time.Duration
	Ini         map[string]string // php.ini settings of own workers
	Env         map[string]string // added to the environment of each request
	// Servers are used in place of Mode and Path where there are any.
	Servers []Upstream
	// Balance is for servers that are not ours.
	Balance Balance
	// Manager is cgi or fpm: what own workers are.
	Manager string
	// WorkersMin keeps so many own workers in reserve (fpm); 0: all run.
	WorkersMin int
	// StatusPath is pm.status_path of a php-fpm that is not ours; "": unknown.
	StatusPath string
	// SlowTime logs scripts that take longer; 0: none.
	SlowTime   time.Duration
	Isolation  Isolation
	Extensions []string // of scripts, with dot, compared byte for byte
}
