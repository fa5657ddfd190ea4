package front

import (
	"fmt"
	"strconv"
	"time"

	"sluice/accesslog"
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
	noContent   bool // whatever is written: HEAD, 204, 304
	discarded   int64
	left        int64 // octets still promised by Content-Length; -1 if nothing was
	bytes       int64 // octets of content sent
	started     int64
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
	s.continued, s.chunked, s.noContent = false, false, false
	s.discarded, s.left, s.bytes = 0, 0, 0
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
	s.noContent = s.Req.Is("HEAD") || hd.Status == 204 || hd.Status == 304
	s.keepOrClose()
	lf := s.h.lf
	b := http1.AppendStatusLine(lf.head[:0], hd.Status, hd.Reason)
	b = append(b, lf.dateField(hd.OwnServer)...)
	b = append(b, hd.Fields...)
	s.left = hd.Length
	switch {
	case hd.Status == 204 || hd.LengthInFields:
	case hd.Status == 304 && hd.Length <= 0:
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

// room checks n octets against what was promised.
func (s *stream) room(n int64) bool {
	if s.noContent || n == 0 {
		return false
	}
	if s.left >= 0 {
		if n > s.left {
			return false
		}
		s.left -= n
	}
	s.bytes += n
	return true
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
	if s.left > 0 && !s.noContent { // less than promised: the client must notice
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
func (s *stream) Report(r site.Report) {
	if f := s.h.lf.srv.opts.Report; f != nil {
		f(r, s.Client, fmt.Sprintf("%s %s", s.Req.Method, s.Req.Target))
	}
}

var protocols = [2][]byte{[]byte("HTTP/1.0"), []byte("HTTP/1.1")}

// log writes the access log's line.
func (s *stream) log() {
	lf := s.h.lf
	if len(lf.logs) == 0 {
		return
	}
	w := lf.logs[s.Site()]
	if w == nil {
		return
	}
	took := time.Duration(lf.loop.Now() - s.started)
	rec := accesslog.Record{
		Time: lf.loop.Wall().Add(-took), Remote: s.Client, Method: s.Req.Method, Target: s.Req.Target,
		Proto: protocols[s.head.Minor&1], Host: s.Req.Authority, Status: s.Status, Bytes: s.bytes, Duration: took,
		Referer: s.Req.Get("referer"), UserAgent: s.Req.Get("user-agent"),
	}
	w.Append(&rec)
}
