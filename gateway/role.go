package gateway

import (
	"bytes"
	"strconv"
	"sync/atomic"

	"sluice/fcgi"
	"sluice/loop"
)

// Data is the file that a Filter gets as its DATA stream (§6.4).
type Data struct {
	// File is the file, of which Length octets from its beginning are sent;
	// released once, when the request no longer needs it. If nil, Content is sent.
	File    loop.FileRef
	Content []byte // must not change while the request lives
	Length  int64  // octets of File
	ModTime int64  // seconds since 1970 UTC
}

// size is FCGI_DATA_LENGTH.
func (d *Data) size() int64 {
	if d.File == nil {
		return int64(len(d.Content))
	}
	return d.Length
}

// dataSide is how far a Filter's DATA has been sent.
type dataSide struct {
	turn bool // STDIN is complete
	sent int64
	file *dataFile
}

func (d *dataSide) rewind() { d.turn, d.sent = false, 0 }

// dataFile keeps a file until the request and all that is queued of it are done.
type dataFile struct {
	loop.FileRef
	refs atomic.Int32
}

// Release implements loop.FileRef.
func (f *dataFile) Release() {
	if f.refs.Add(-1) == 0 {
		f.FileRef.Release()
	}
}

// dropData ends the request's part in its file.
func (r *Request) dropData() {
	switch {
	case r.data.file != nil:
		r.data.file.Release()
	case r.Data.File != nil: // no worker ever came
		r.Data.File.Release()
	}
	r.Data, r.data = Data{}, dataSide{}
}

// feedData writes one record of DATA.
func (r *Request) feedData() {
	n := min(r.Data.size()-r.data.sent, stdinBytes)
	switch off := r.data.sent; {
	case n <= 0:
		r.writeRecord(fcgi.Data, nil, nil, 0, 0)
		r.data.turn = true
		r.streamDone()
	case r.Data.File == nil:
		r.writeRecord(fcgi.Data, r.Data.Content[off:off+n], nil, 0, n)
	default:
		if r.data.file == nil {
			r.data.file = &dataFile{FileRef: r.Data.File}
			r.data.file.refs.Store(1)
		}
		r.data.file.refs.Add(1)
		r.writeRecord(fcgi.Data, nil, r.data.file, off, n)
	}
	r.data.sent += max(n, 0)
}

func (r *Request) role() fcgi.Role {
	if r.Role == 0 {
		return fcgi.Responder
	}
	return r.Role
}

// appendParams writes the request's parameters.
func (r *Request) appendParams(b []byte, id uint16) []byte {
	s := paramsSink{w: fcgi.BeginParams(b, id), r: r}
	if r.Pairs != nil {
		s.w.Raw(r.Pairs)
		if r.Env.ContentLength >= 0 && r.role() != fcgi.Authorizer {
			s.number("CONTENT_LENGTH", r.Env.ContentLength)
		}
	} else {
		s.w.Raw(r.lp.opts.Params)
		if n := r.Env.Emit(&s); n > 0 && r.lp.opts.Log != nil {
			r.lp.opts.Log.Dropped(r.asker(), n)
		}
	}
	for _, v := range r.Override {
		s.w.AddString(v.Name, v.Value)
	}
	if r.role() == fcgi.Filter {
		s.number("FCGI_DATA_LAST_MOD", r.Data.ModTime)
		s.number("FCGI_DATA_LENGTH", r.Data.size())
	}
	return s.w.End()
}

// paramsSink writes what an Environment emits.
type paramsSink struct {
	w fcgi.ParamsWriter
	r *Request
}

// Pair implements cgi.Sink.
func (s *paramsSink) Pair(name, value []byte) {
	if s.r.role() == fcgi.Authorizer && notForAuthorizers(name) {
		return
	}
	for i := range s.r.Override {
		if s.r.Override[i].Name == string(name) {
			return
		}
	}
	s.w.Set(fcgi.AppendPair(s.w.Buf(), name, value))
}

func (s *paramsSink) number(name string, n int64) {
	var b [20]byte
	s.w.Add(name, strconv.AppendInt(b[:0], n, 10))
}

// notForAuthorizers lists what an Authorizer is not sent (§6.3).
func notForAuthorizers(name []byte) bool {
	switch {
	case bytes.Equal(name, []byte("CONTENT_LENGTH")), bytes.Equal(name, []byte("PATH_INFO")),
		bytes.Equal(name, []byte("PATH_TRANSLATED")), bytes.Equal(name, []byte("SCRIPT_NAME")):
		return true
	}
	return false
}
