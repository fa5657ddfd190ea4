package front

import (
	"strconv"
	"time"

	"sluice/http1"
	"sluice/loop"
	"sluice/site"
)

// stream is one request of a connection and its response. It implements
// site.Stream, and is used again.
type stream struct {
	site.Exchange
	head http1.Head
	h    *conn

	keepAlive   bool
	slow        bool // its head did not come at once
	contentDone bool
	finished    bool
	headSent    bool
	continued   bool
	chunked     bool
	discarded   int64
	started     int64
	measure
}

var (
	errHeadTime = &http1.Error{Status: 408, Msg: "the head did not arrive in time (limits: head_time)"}
	errBodyTime = &http1.Error{Status: 408, Msg: "the content did not arrive in time (limits: body_time)"}
)

func durationOf(ns int64) time.Duration { return time.Duration(ns) }

func (lf *local) stream(h *conn) *stream {
	var s *stream
	if n := len(lf.free); n > 0 {
		s = lf.free[n-1]
		lf.free[n-1] = nil
		lf.free = lf.free[:n-1]
	} else {
		s = &stream{}
	}
	s.h = h
	return s
}

func (lf *local) release(s *stream) {
	s.Reset()
	s.h = nil
	s.keepAlive, s.slow, s.contentDone, s.finished, s.headSent = false, false, false, false, false
	s.continued, s.chunked, s.discarded, s.measure = false, false, 0, measure{}
	if s.head.Cap() > headKeptBytesMax { // a flood of large heads must not stay
		s.head = http1.Head{}
	}
	if len(lf.free) < streamsKeptMax {
		lf.free = append(lf.free, s)
	}
}

// Continue implements site.Stream.
func (s *stream) Continue() {
	if s.head.Expect100 && !s.continued && !s.contentDone {
		s.continued = true
		s.h.c.WriteShared(http1.Continue)
	}
}

// Head implements site.Stream.
func (s *stream) Head(hd *site.Head) {
	s.headSent = true
	s.promise(s.Req, hd)
	s.keepOrClose()
	lf := s.h.lf
	b := http1.AppendStatusLine(lf.head[:0], hd.Status, hd.Reason)
	b = append(b, lf.dateField(hd.OwnServer)...)
	b = append(b, hd.Fields...)
	switch {
	case hd.Status == 204 || hd.LengthInFields:
	case hd.Status == 304: // RFC 9110 §8.6: it would have to be that of a 200
	case hd.Length >= 0:
		b = append(b, "Content-Length: "...)
		b = strconv.AppendInt(b, hd.Length, 10)
		b = append(b, "\r\n"...)
	case s.head.Minor > 0:
		if !s.noContent {
			s.chunked = true
			b = append(b, "Transfer-Encoding: chunked\r\n"...)
		}
	case !s.noContent:
		s.keepAlive = false // the end of the connection is the end of the content
		s.h.c.ResetUnlessClosed()
	}
	switch {
	case !s.keepAlive:
		b = append(b, "Connection: close\r\n"...)
	case s.head.Minor == 0:
		b = append(b, "Connection: keep-alive\r\n"...)
	}
	b = append(b, "\r\n"...)
	lf.head = b
	s.h.c.Write(b)
}

// keepOrClose decides whether the connection can go on although content is
// still to come that nobody wants.
func (s *stream) keepOrClose() {
	if s.h.lf.draining {
		s.keepAlive = false
	}
	if s.contentDone || !s.HasContent || s.Wanted() {
		return
	}
	// A client that waits for 100 may or may not send the content now.
	if s.head.Chunked || s.head.ContentLength > discardBytesMax || (s.head.Expect100 && !s.continued) {
		s.keepAlive = false
	}
}

// Write implements site.Stream.
func (s *stream) Write(p []byte) {
	if !s.room(int64(len(p))) {
		return
	}
	c := s.h.c
	if !s.chunked {
		c.Write(p)
		return
	}
	var line [18]byte
	c.Write(http1.AppendChunkHead(line[:0], len(p)))
	c.Write(p)
	c.Write(crlf)
}

var (
	crlf      = []byte("\r\n")
	lastChunk = []byte("0\r\n\r\n")
)

// WriteShared implements site.Stream.
func (s *stream) WriteShared(p []byte) {
	if s.chunked {
		s.Write(p)
		return
	}
	if s.room(int64(len(p))) {
		s.h.c.WriteShared(p)
	}
}

// WriteFile implements site.Stream.
func (s *stream) WriteFile(f loop.FileRef, off, n int64) {
	if !s.room(n) {
		f.Release()
		return
	}
	c := s.h.c
	if !s.chunked {
		c.WriteFile(f, off, n)
		return
	}
	var line [18]byte
	c.Write(http1.AppendChunkHead(line[:0], int(n)))
	c.WriteFile(f, off, n)
	c.Write(crlf)
}

// Full implements site.Stream.
func (s *stream) Full() bool { return s.h.c.Full() }

// Finish implements site.Stream.
func (s *stream) Finish() {
	if s.chunked {
		s.h.c.Write(lastChunk)
	}
	if s.short() { // the client must notice
		s.Break()
		return
	}
	s.finished = true
	s.h.finished()
}

// Break implements site.Stream.
func (s *stream) Break() {
	h := s.h
	s.finished = true
	s.log()
	h.endStream()
	h.abort()
}

// PauseContent implements site.Stream.
func (s *stream) PauseContent() { s.h.c.Pause() }

// ResumeContent implements site.Stream.
func (s *stream) ResumeContent() {
	s.h.contentAt = s.h.lf.loop.Now()
	if len(s.h.input) == 0 {
		s.h.c.Resume()
	}
}

// Report implements site.Stream.
func (s *stream) Report(r site.Report) { s.h.lf.report(&s.Exchange, r) }

// log writes the access log's line.
func (s *stream) log() { s.h.lf.log(&s.Exchange, s.bytes, s.started) }
