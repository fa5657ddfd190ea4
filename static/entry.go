package static

import (
	"os"
	"time"
)

// Entry is what a Cache knows about one path. It belongs to the Cache's loop.
// What Lookup and Stat return is valid until the loop's next call to the
// Cache; Retain keeps its file open for longer. Bodies and header bytes are
// never changed, so that slices of them stay valid as long as they are held.
type Entry struct {
	// Kind says what the path leads to; Type and what Size, ModTime and Inode
	// return mean something for a File.
	Kind Kind
	Type string

	facts   facts
	key     string // decoded path without trailing slash
	stamp   stamp
	checked time.Time
	// realPath is the Entry's path without symlinks, as of resolved.
	realPath string
	resolved time.Time
	place    link // in the Cache's list of live or missing paths
	opened   link // in its list of descriptors

	refs     int  // users besides the Cache
	gone     bool // the Cache has forgotten it
	hits     uint8
	file     *os.File
	body     []byte
	inMemory bool // body is complete
	fault    Kind // why the file could not be opened; File if it could
	memory   int64

	compressible  bool
	codings       CodingSet // that may be computed on the fly
	siblingsKnown bool
	boundary      string // of multipart answers
	modified      []byte // Last-Modified value, empty if there is none to give
	self          representation
	alt           [numCodings]*representation // ready variants; never Identity
	siblings      [numCodings]*Entry
	state         [numCodings]variantState
	tags          [numCodings][]byte // of variants that may be computed
}

// representation is one form of a file, ready to be sent.
type representation struct {
	coding      Coding
	size        int64
	etag        []byte
	fields      []byte // of a plain 200
	notModified []byte // fields of a 304
	source      *Entry // holds the body in memory or in its file
	packed      *packed
}

// Size is the file's length in bytes.
func (e *Entry) Size() int64 { return e.facts.size }

// ModTime is the time of the file's last modification.
func (e *Entry) ModTime() time.Time { return e.facts.mtime }

// Executable tells whether somebody may execute the file.
func (e *Entry) Executable() bool { return e.facts.exec }

// Owner is the user the file belongs to, 0 where the system has none.
func (e *Entry) Owner() uint32 { return e.facts.owner }

// Inode is the file's number, 0 where the system has none.
func (e *Entry) Inode() uint64 { return e.facts.inode }

// File is the open file of an Entry from Lookup, nil if the body is in memory
// or could not be opened. Read it with ReadAt or sendfile and an offset only:
// its position is shared.
func (e *Entry) File() *os.File { return e.file }

// Memory is the file's content if it is held in memory.
func (e *Entry) Memory() ([]byte, bool) { return e.body, e.inMemory }

// Retain keeps the Entry's file open until Release, whatever the Cache does.
func (e *Entry) Retain() { e.refs++ }

// Release ends one Retain.
func (e *Entry) Release() {
	if e.refs--; e.refs < 0 {
		panic("static: entry " + e.key + " released more often than retained")
	}
	if e.refs == 0 && !e.opened.linked() { // nor does the Cache keep the file
		e.closeFile()
	}
}

// Ready tells whether a body can be sent.
func (e *Entry) Ready() bool { return e.Kind == File && (e.inMemory || e.file != nil) }

// Status is 200 for a file that can be sent, or the status that refuses: 404
// for what is not there or no regular file (a Dir is the caller's to handle),
// 403 for what is denied, 503 if the system failed or nobody asked Lookup.
func (e *Entry) Status() int {
	kind := e.Kind
	if kind == File && !e.Ready() {
		kind = e.fault
	}
	switch kind {
	case File:
		if e.Ready() {
			return 200
		}
	case Missing, Dir, Special:
		return 404
	case Forbidden, Escape:
		return 403
	case Failed:
		return 503
	}
	return 503
}

func (e *Entry) closeFile() {
	if e.file != nil {
		_ = e.file.Close()
		e.file = nil
	}
}

// keeps tells whether new facts leave everything known about a path valid. A
// young file may have changed without a trace, so it never does.
func (e *Entry) keeps(f *facts, now time.Time) bool {
	if !e.facts.same(f) {
		return false
	}
	return e.Kind != File || e.stamp != stampYoung && e.stamp == stampOf(f.mtime, now)
}

// describe fills in what answers say about a file.
func (e *Entry) describe(coding Coding) {
	if e.stamp == stampSettled {
		e.modified = AppendDate(nil, e.facts.mtime.Unix())
	}
	e.self = e.represent(coding, e.facts.size, makeETag(e.facts.mtime, e.facts.size, e.stamp, Identity), true)
	e.self.source = e
	if !e.compressible {
		return
	}
	for c := Gzip; c < numCodings; c++ {
		e.tags[c] = makeETag(e.facts.mtime, e.facts.size, e.stamp, c)
	}
}

// represent makes the ready header fields of a form of e; ranges says whether
// it offers them.
func (e *Entry) represent(coding Coding, size int64, etag []byte, ranges bool) representation {
	r := representation{coding: coding, size: size, etag: etag}
	h := fieldSet{
		contentType: e.Type, coding: coding, length: size, etag: etag, modified: e.modified,
		vary: e.compressible, ranges: ranges,
	}
	r.fields = h.append(nil)
	r.notModified = h.appendNotModified(nil)
	return r
}
