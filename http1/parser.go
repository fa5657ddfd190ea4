package http1

import "bytes"

// Event is what Parser.Feed found.
type Event uint8

const (
	// NeedMore: everything was taken, nothing is complete.
	NeedMore Event = iota
	// HeadComplete: the Head given to Begin is filled.
	HeadComplete
	// Content: Parser.Piece holds octets of the content; they are part of what
	// was fed.
	Content
	// Complete: the request has ended. Feed no more before the next Begin.
	Complete
)

// state says what the next octet belongs to.
type state uint8

const (
	// idle: between requests; Begin leads to startLine.
	idle state = iota
	// startLine: within the request line, or the empty lines before it.
	startLine
	// fieldLines: the request line is accepted; an empty line ends the head.
	fieldLines
	// length: left octets of content are owed.
	length
	// chunkSize: within a chunk-size line.
	chunkSize
	// chunkData: left octets of the chunk are owed.
	chunkData
	// chunkCRLF: the CRLF after a chunk's data.
	chunkCRLF
	// trailers: field lines after the last chunk, until an empty one.
	trailers
	// done: Complete was or is about to be said.
	done
	numStates
)

func (s state) String() string {
	return [...]string{"idle", "startLine", "fieldLines", "length", "chunkSize", "chunkData", "chunkCRLF", "trailers", "done"}[s]
}

// Parser reads one connection's requests, one after the other.
type Parser struct {
	// Piece is set by the Content event and dies with what was fed.
	Piece []byte

	lim   *Limits
	head  *Head
	state state
	empty uint8 // empty lines before the request line
	part  linePart
	cr    bool  // chunkCRLF and lines without memory: the CR was seen
	line  int32 // where the current line begins in head.buf; bytes in a chunk or trailer line
	left  int64
}

// Init sets the limits.
func (p *Parser) Init(l *Limits) {
	*l = l.withDefaults()
	*p = Parser{lim: l}
}

// Begin starts the next request, whose head goes into h.
func (p *Parser) Begin(h *Head) {
	h.reset()
	p.head, p.state, p.empty, p.line = h, startLine, 0, 0
}

// End forgets the request, so that an idle connection holds no Head.
func (p *Parser) End() {
	p.head, p.state, p.Piece = nil, idle, nil
}

// InHead tells whether the head is not yet complete; Started, whether any of it
// has come.
func (p *Parser) InHead() bool { return p.state == startLine || p.state == fieldLines }

// Started tells whether anything of the request has come.
func (p *Parser) Started() bool {
	return p.state > startLine || (p.head != nil && len(p.head.buf) > int(p.line))
}

// Feed takes octets from the front of b and answers how many, and what it
// found; call it again with the rest until NeedMore or Complete. An error ends
// the connection.
func (p *Parser) Feed(b []byte) (n int, ev Event, err *Error) {
	for n < len(b) || p.state == done {
		var k int
		k, ev, err = p.step(b[n:])
		n += k
		if err != nil || ev != NeedMore {
			return n, ev, err
		}
	}
	return n, NeedMore, nil
}

func (p *Parser) step(b []byte) (int, Event, *Error) {
	switch p.state {
	case startLine, fieldLines:
		return p.headLine(b)
	case length, chunkData:
		return p.content(b)
	case chunkSize:
		return p.chunkSizeLine(b)
	case chunkCRLF:
		return p.chunkEnd(b)
	case trailers:
		return p.trailerLine(b)
	case done:
		return 0, Complete, nil
	case idle, numStates:
	}
	panic("http1: fed in state " + p.state.String() + "; call Begin first")
}

// headLine takes octets up to the end of the current line.
func (p *Parser) headLine(b []byte) (int, Event, *Error) {
	h := p.head
	n := bytes.IndexByte(b, '\n') + 1
	take := b[:n]
	if n == 0 {
		take = b
	}
	if err := p.room(len(take)); err != nil {
		return 0, NeedMore, err
	}
	h.buf = append(h.buf, take...)
	if n == 0 {
		return len(b), NeedMore, nil
	}
	from, to := int(p.line), len(h.buf)-2
	if to < from || h.buf[to] != '\r' {
		return n, NeedMore, errBareLF
	}
	p.line = int32(len(h.buf))
	if p.state == startLine || from < to {
		err := p.wholeLine(from, to)
		if err != nil && bytes.IndexByte(h.buf[from:to], '\r') >= 0 {
			err = errBareCR // no part of a line may have one, so it is an error already
		}
		return n, NeedMore, err
	}
	if err := h.finish(); err != nil {
		return n, NeedMore, err
	}
	p.afterHead()
	return n, HeadComplete, nil
}

// wholeLine takes head.buf[from:to], without CRLF.
func (p *Parser) wholeLine(from, to int) *Error {
	switch {
	case p.state == startLine:
		return p.start(from, to)
	case len(p.head.lines) == p.lim.FieldLines:
		return errTooManyFields
	}
	return p.head.parseField(from, to)
}

// room refuses a head that grows over its limits.
func (p *Parser) room(more int) *Error {
	size := len(p.head.buf) + more
	if p.state == startLine && size-int(p.line) > p.lim.RequestLineBytes+2 {
		return errLineTooLong
	}
	if size > p.lim.HeadBytes {
		return errHeadTooLong
	}
	return nil
}

func (p *Parser) start(from, to int) *Error {
	if from == to {
		if p.empty++; p.empty > leadingLinesMax {
			return errEmptyLines
		}
		return nil
	}
	p.state = fieldLines
	return p.head.parseRequestLine(from, to)
}

// afterHead decides how the content is delimited (RFC 9112 §6.3).
func (p *Parser) afterHead() {
	switch {
	case p.head.Chunked:
		p.state, p.line, p.left, p.cr, p.part = chunkSize, 0, 0, false, partFirst
	case p.head.ContentLength > 0:
		p.state, p.left = length, p.head.ContentLength
	default:
		p.state = done
	}
}

// Left is how much of a content of known length is still to come; 0 where the
// length is not known, or in a head.
func (p *Parser) Left() int64 {
	if p.state != length {
		return 0
	}
	return p.left
}

// Skip counts n octets of the content, at most Left, that were not fed.
func (p *Parser) Skip(n int64) {
	if p.left -= n; p.left == 0 {
		p.state = done
	}
}

func (p *Parser) content(b []byte) (int, Event, *Error) {
	n := int(min(int64(len(b)), p.left))
	p.Piece = b[:n]
	if p.left -= int64(n); p.left == 0 {
		if p.state == length {
			p.state = done
		} else {
			p.state, p.cr = chunkCRLF, false
		}
	}
	return n, Content, nil
}
