package static

import (
	"time"

	"sluice/message"
)

// Options change how one request is answered.
type Options struct {
	// Type replaces the entry's Content-Type unless empty (AddType, ForceType).
	Type string
	// NoType sends no Content-Type.
	NoType bool
	// NoRanges answers range requests in full.
	NoRanges bool
	// NoCodings sends the file as it is, and no Vary.
	NoCodings bool
}

// Answer is what to send. It is filled by Decide and may be used again; Fields
// and Pieces are valid until then.
type Answer struct {
	// Status is 200, 206, 304, 412 or 416, or what Entry.Status refuses with.
	Status int
	// Fields are header lines, each with its CRLF, among them Content-Length
	// for 200 and 206. Those of 412, 416 and refusals leave content and length
	// to the caller's error page.
	Fields []byte
	// ContentLength is the length of the content in bytes, also for HEAD; 0 for
	// statuses other than 200 and 206.
	ContentLength int64
	// Body is the whole content when it is in memory; otherwise the content is
	// Pieces one after the other. For HEAD both are empty.
	Body   []byte
	Pieces []Piece
	// Source has the File that Pieces without Data read from. Retain it when
	// the sending outlasts the loop's turn.
	Source *Entry
	// Coding is the content coding of what is sent.
	Coding Coding
	// Wanted is a coding that would have been better, for Cache.Prepare;
	// Identity if there is none.
	Wanted Coding

	buf    []byte
	ranges []Range
}

// Piece is a run of content: Head, then Length bytes of Data, or, when Data is
// nil, of the Source's file at Offset.
type Piece struct {
	Head           []byte
	Data           []byte
	Offset, Length int64
}

// Answer looks a decoded path up, decides, and starts compressing what was
// wanted.
func (c *Cache) Answer(dst *Answer, req *message.Request, path []byte, now time.Time, opts *Options) *Entry {
	e := c.Lookup(path, now)
	Decide(dst, req, e, opts)
	if dst.Wanted != Identity {
		c.Prepare(e, dst.Wanted)
	}
	return e
}

// Decide says how to answer a GET or HEAD request from a file that Lookup
// returned (RFC 9110 §13.2.2, §14, §12.5.3). It does no I/O.
//
// Ranges are served from the file as it is only, never from a coded form,
// whose bytes may come and go: a range request gets identity, or the whole of
// a coded form where If-Range names another version or identity is refused.
func Decide(dst *Answer, req *message.Request, e *Entry, opts *Options) {
	dst.reset()
	if dst.Status = e.Status(); dst.Status != 200 {
		return
	}
	d := decision{e: e, req: req, opts: opts, now: e.checked.Unix()}
	d.c.collect(req)
	d.accept = acceptNone()
	if d.c.accept.lines > 0 {
		d.accept = acceptOf(req)
	}
	d.codings = e.compressible && !opts.NoCodings && (opts.Type == "" || Compressible(opts.Type))
	send := Identity
	if d.codings {
		send, dst.Wanted = e.choose(&d.accept)
	}
	result := d.ranges(dst)
	if result != RangeIgnored {
		send, dst.Wanted = Identity, Identity
	}
	rep := e.form(send)
	outcome, tag := d.evaluate(rep)
	switch {
	case outcome == PreconditionFailed:
		dst.Status, dst.Wanted = 412, Identity
	case outcome == NotModified:
		d.notModified(dst, rep, tag)
	case result == RangeUnsatisfiable:
		d.unsatisfiable(dst)
	case result == RangeSatisfiable:
		d.partial(dst)
	default:
		d.full(dst, rep)
	}
}

func (a *Answer) reset() {
	clear(a.Pieces)
	*a = Answer{Pieces: a.Pieces[:0], buf: a.buf[:0], ranges: a.ranges[:0]}
}

// form is the representation of a ready coding.
func (e *Entry) form(c Coding) *representation {
	if c == Identity {
		return &e.self
	}
	return e.alt[c]
}

// decision is one run of Decide.
type decision struct {
	e       *Entry
	req     *message.Request
	opts    *Options
	c       conditions
	accept  Accept
	codings bool // the answer may differ by Accept-Encoding
	now     int64
}

// ranges parses the ranges to be served; RangeIgnored if there are none.
func (d *decision) ranges(dst *Answer) RangeResult {
	value, ok := d.c.ranges.single()
	if !ok || d.opts.NoRanges || !d.req.Is("GET") || d.codings && !d.accept.Accepts(Identity) {
		return RangeIgnored
	}
	v := d.validators(&d.e.self)
	if !d.c.rangeApplies(d.e.self.etag, &v, d.now) {
		return RangeIgnored
	}
	var result RangeResult
	dst.ranges, result = ParseRanges(dst.ranges, value, d.e.facts.size)
	return result
}

// validators lists the tags of all forms the client would accept, rep first: a
// client that got the plain form before the coded one was made still has a
// current version.
func (d *decision) validators(rep *representation) Validators {
	v := Validators{HasModified: len(d.e.modified) > 0, Modified: d.e.facts.mtime.Unix()}
	v.Tags[0] = rep.etag
	if !d.codings {
		return v
	}
	n := 1
	if rep != &d.e.self && d.accept.Accepts(Identity) {
		v.Tags[n] = d.e.self.etag
		n++
	}
	for c := Gzip; c < numCodings && n < len(v.Tags); c++ {
		if !d.accept.Accepts(c) || rep == d.e.alt[c] {
			continue
		}
		v.Tags[n] = d.e.tags[c]
		if r := d.e.alt[c]; r != nil {
			v.Tags[n] = r.etag
		}
		n++
	}
	return v
}

func (d *decision) evaluate(rep *representation) (Outcome, []byte) {
	if d.c.ifMatch.lines|d.c.ifNoneMatch.lines|d.c.ifModified.lines|d.c.ifUnmodified.lines == 0 {
		return Proceed, nil
	}
	v := d.validators(rep)
	return d.c.evaluate(d.req, &v, d.now)
}

// ready tells whether the fields made beforehand fit this request.
func (d *decision) ready() bool {
	return d.codings == d.e.compressible && !d.opts.NoRanges && !d.opts.NoType && (d.opts.Type == "" || d.opts.Type == d.e.Type)
}

func (d *decision) fields(rep *representation) fieldSet {
	h := fieldSet{
		contentType: d.e.Type, coding: rep.coding, length: rep.size, etag: rep.etag, modified: d.e.modified,
		vary: d.codings, ranges: rep == &d.e.self && !d.opts.NoRanges,
	}
	if d.opts.Type != "" {
		h.contentType = d.opts.Type
	}
	if d.opts.NoType {
		h.contentType = ""
	}
	return h
}

func (d *decision) notModified(dst *Answer, rep *representation, tag []byte) {
	dst.Status, dst.Wanted = 304, Identity
	if d.ready() && string(tag) == string(rep.etag) {
		dst.Fields = rep.notModified
		return
	}
	h := d.fields(rep)
	h.etag = tag
	dst.buf = h.appendNotModified(dst.buf)
	dst.Fields = dst.buf
}

func (d *decision) full(dst *Answer, rep *representation) {
	dst.ContentLength, dst.Coding = rep.size, rep.coding
	if d.ready() {
		dst.Fields = rep.fields
	} else {
		h := d.fields(rep)
		dst.buf = h.append(dst.buf)
		dst.Fields = dst.buf
	}
	if !d.req.Is("GET") {
		return
	}
	dst.Source = rep.source
	switch {
	case rep.packed != nil:
		dst.Body = rep.packed.data
	case rep.source.inMemory:
		dst.Body = rep.source.body
	default:
		dst.Pieces = append(dst.Pieces, Piece{Length: rep.size})
	}
}
