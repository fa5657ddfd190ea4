package site

import (
	"net/netip"
	"time"

	"sluice/cgi"
	"sluice/gateway"
	"sluice/loop"
	"sluice/message"
	"sluice/rewrite"
	"sluice/static"
)

// Head is a response's head, for the front to write.
type Head struct {
	Status int
	Reason []byte // replaces the registered phrase where not empty
	// Fields are field lines with their CRLF. Date, Server, Connection and
	// Transfer-Encoding are the front's.
	Fields []byte
	// Length is that of the content, -1 if it is not known; it is written
	// unless LengthInFields.
	Length         int64
	LengthInFields bool
	// OwnServer: the site's rules are about Server, so the front writes none.
	OwnServer bool
}

// Stream is the client's side of an exchange: the front's connection. Its
// methods are called on the loop.
type Stream interface {
	// Continue tells the client to send the content (100).
	Continue()
	Head(h *Head)
	// Write copies; WriteShared keeps p, which must never change again.
	Write(p []byte)
	WriteShared(p []byte)
	WriteFile(f loop.FileRef, off, n int64)
	// Full asks to wait for Exchange.Resume.
	Full() bool
	// Finish: the response is complete. The exchange must not be used after it.
	Finish()
	// Break: the response can't be completed, and the client must notice.
	Break()
	// PauseContent and ResumeContent hold back the request's content.
	PauseContent()
	ResumeContent()
	// Report takes what an administrator should know of this request.
	Report(r Report)
}

// Report is something to be logged about a request.
type Report struct {
	Site   string
	Script string
	// Stderr is what the script wrote there, Lost how many octets more.
	Stderr []byte
	Lost   int64
	// Dropped is how many field lines of the request the script does not get,
	// because their names could be mistaken for others.
	Dropped int
	// Status and Err: the request could not be served (well).
	Status int
	Err    error
	// Took is how long a slow script had a worker, Waited how long its request
	// waited for one before.
	Took, Waited time.Duration
}

// Exchange is one request and its response.
type Exchange struct {
	// Set by the front before Serve:
	Req        *message.Request
	HasContent bool
	Stream     Stream
	Client     netip.Addr // who asks, as far as trusted proxies tell
	ClientPort uint16
	Server     netip.AddrPort // our end
	HTTPS      bool
	Forwarded  bool // by a trusted proxy
	// Peer is who the connection is from where Client was told by a trusted
	// proxy; else invalid.
	Peer netip.Addr
	// Rehearse is told what would be run, in its place; a plain page stands for
	// the answer. nil: scripts run.
	Rehearse func(e *cgi.Environment)
	// Trace is told every step of the rules; nil in production.
	Trace rewrite.Trace

	// Status is that of the response, for the access log; 0 before it.
	Status int

	site     *local
	request  *gateway.Request // the script at work
	content  contentState
	received int64 // octets of content
	headSent bool
	done     bool

	// The target as resolved; an internal redirect changes it.
	method  message.Request // a copy with another method, for internal redirects
	path    []byte          // decoded
	query   []byte
	decoded []byte // memory of path
	hops    int
	status  int // that an error page answers with, 0 for its own
	plan    Plan
	answer  static.Answer
	out     Head
	pathBuf []byte
	scratch []byte
	lines   []byte // field lines of the response
	// kept are field lines that outlive an internal redirect: what an error's
	// status brings (Retry-After, Content-Range), and those of a script whose
	// content is replaced by a file.
	kept    []byte
	sending static.Options // how a file is sent
	sticky  stickyState
	gates   []gateway.Through // of the script
	asked   []byte            // the request's path, decoded for them
	// What authorizers say; see authorize.go.
	asking     *gateway.Authorization
	askedFor   *rewrite.Answer
	askedBy    int
	answered   bool
	passed     uint64         // a bit for each that has let the request through
	granted    []cgi.Variable // what they tell the script
	ruling     *ruling        // how .htaccess rules decided; nil without
	packer     *packer        // compresses the response; nil: as it is
	packFailed bool           // content that was promised is missing
	filesOnly  bool           // the internal redirect is X-Sendfile's, which names a file
}

// contentState says who gets the request's content.
type contentState uint8

const (
	// unwanted: nobody; the front throws it away.
	unwanted contentState = iota
	// undecided: the rules wait for something; it is held.
	undecided
	// wanted: the script's request.
	wanted
	// ended: it is complete.
	ended
)

// Reset makes the exchange ready for another request.
func (x *Exchange) Reset() {
	if x.ruling != nil {
		x.site.rules.release(x.ruling)
	}
	if x.packer != nil {
		x.dropPacker()
	}
	*x = Exchange{
		answer: x.answer, pathBuf: x.pathBuf[:0], scratch: x.scratch[:0],
		lines: x.lines[:0], kept: x.kept[:0], decoded: x.decoded[:0], gates: x.gates[:0], asked: x.asked[:0],
	}
}

// Site names the site that answered, for the logs.
func (x *Exchange) Site() string {
	if x.site == nil {
		return ""
	}
	return x.site.opts.Label
}

// Content brings a piece of the request's content.
func (x *Exchange) Content(p []byte) {
	if x.done {
		return
	}
	switch x.content {
	case undecided:
		x.ruling.held = append(x.ruling.held, p...)
	case wanted:
		if x.fits(int64(len(p))) {
			x.request.Content(p)
		}
	case unwanted, ended:
	}
}

// fits counts content and refuses too much of it.
func (x *Exchange) fits(n int64) bool {
	x.received += n
	if limit := x.bodyMax(); limit > 0 && x.received > limit {
		x.tooLarge(limit)
		return false
	}
	return true
}

// ContentPipe is where the front may put the rest of the content, of which left
// octets are to come, and then call Piped; nil: nowhere, call Content.
func (x *Exchange) ContentPipe(left int64) *loop.Pipe {
	if x.done || x.content != wanted {
		return nil
	}
	return x.request.ContentPipe(left)
}

// Piped: n octets of the content have been put there.
func (x *Exchange) Piped(n int64) {
	if !x.done && x.content == wanted && x.fits(n) {
		x.request.Piped(n)
	}
}

// bodyMax bounds the request's content in octets; 0: no bound. php_value
// may change PHP's own, LimitRequestBody only lower it: what PHP does not take it
// need not be sent.
func (x *Exchange) bodyMax() int64 {
	limit := x.site.opts.BodyMax()
	if a := x.plan.ruled; a != nil {
		if a.Kind == rewrite.AnswerScript && x.site.php != nil && x.plan.isPHP() && x.Rehearse == nil {
			if n := x.phpFor(a).bodyMax; n > 0 {
				limit = n
			}
		}
		if n, ok := a.Config.BodyMax(); ok && n > 0 && (limit <= 0 || n < limit) {
			return n
		}
	}
	return limit
}

// ContentEnd: the content is complete.
func (x *Exchange) ContentEnd() {
	if x.done {
		return
	}
	switch x.content {
	case undecided:
		x.ruling.end = true
	case wanted:
		x.content = ended
		x.request.ContentEnd()
	case unwanted, ended:
	}
}

// Wanted tells whether somebody takes the content; otherwise it can be thrown
// away.
func (x *Exchange) Wanted() bool {
	return (x.content == wanted || x.content == undecided) && !x.done
}

// Resume: the client takes more of the response.
func (x *Exchange) Resume() {
	if x.request != nil && !x.done {
		x.request.Resume()
	} else if x.asking != nil && !x.done {
		x.asking.Resume()
	}
}

// Gone: the client has left. The exchange must not be used after it.
func (x *Exchange) Gone() {
	x.reportSlow()
	if r := x.request; r != nil {
		x.request = nil
		r.Abort()
	}
	if a := x.asking; a != nil {
		x.asking = nil
		a.Abort()
	}
	if x.ruling != nil {
		x.ruling.x = nil
	}
	x.done = true
}

func (x *Exchange) finish() {
	x.done = true
	x.Stream.Finish()
}

func (x *Exchange) breakOff() {
	x.done = true
	x.Stream.Break()
}
