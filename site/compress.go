package site

import (
	"github.com/klauspost/compress/gzip"

	"sluice/cgi"
	"sluice/loop"
	"sluice/message"
	"sluice/static"
)

// packer compresses a script's response on its way to the client.
type packer struct {
	w      *gzip.Writer
	out    []byte
	stream bool // the script is still at it
}

// Write implements io.Writer for the compressor.
func (p *packer) Write(b []byte) (int, error) {
	p.out = append(p.out, b...)
	return len(b), nil
}

func (s *local) newPacker() *packer {
	if n := len(s.packers); n > 0 {
		p := s.packers[n-1]
		s.packers = s.packers[:n-1]
		p.w.Reset(p)
		return p
	}
	p := &packer{}
	level := s.opts.GzipLevel
	if level <= 0 {
		level = gzipLevelDefault
	}
	p.w, _ = gzip.NewWriterLevel(p, min(level, gzip.BestCompression)) // the level is one there is
	return p
}

// dropPacker keeps the memory of a packer that is done with.
func (x *Exchange) dropPacker() {
	p := x.packer
	x.packer = nil
	if len(x.site.packers) >= packersKeptMax {
		return
	}
	p.out = p.out[:0]
	x.site.packers = append(x.site.packers, p)
}

// considersPacking tells whether a script's response is one to be compressed for
// who accepts it: then its head has to say Vary.
func (x *Exchange) considersPacking(res *cgi.Response, length int64) bool {
	switch {
	case x.Req.Is("HEAD") && x.site.rules != nil && !x.site.utf8: // as Apache, which has no content to look at
		return false
	case res.Status == 204, res.Status == 206, res.Status == 304, res.Unbuffered, length == 0:
		return false
	}
	for i := range res.Fields {
		f := &res.Fields[i]
		if message.EqualFold(f.Name, "content-encoding") || message.EqualFold(f.Name, "content-range") ||
			message.EqualFold(f.Name, "cache-control") && message.HasToken(f.Value, "no-transform") {
			return false
		}
	}
	media := view(res.ContentType)
	if a := x.plan.ruled; a != nil {
		if forbidsPacking(a, media) {
			return false
		}
		if filtered(a, media) {
			return true
		}
	}
	return x.site.opts.CompressScripts && x.plan.Kind != Proxied && static.Compressible(media) && (length < 0 || length >= packBytesMin)
}

// acceptsGzip tells whether the client takes gzip in an answer that may be chunked.
func (x *Exchange) acceptsGzip() bool {
	if x.Req.Minor == 0 || x.Req.Is("HEAD") {
		return false
	}
	fields := x.Req.Fields
	if a := x.plan.ruled; a != nil {
		fields = x.asRuled(a).Fields
	}
	for i := range fields {
		if f := &fields[i]; message.EqualFold(f.Name, "accept-encoding") {
			accept := static.ParseAcceptEncoding(f.Value)
			return accept.Accepts(static.Gzip)
		}
	}
	return false
}

// pack compresses a piece of content and passes on what comes of it.
func (x *Exchange) pack(b []byte) {
	_, _ = x.packer.w.Write(b) // its Writer takes everything
	if x.packer.stream {
		_ = x.packer.w.Flush() // what came by itself is passed on
	}
	if x.packer.stream || len(x.packer.out) >= packedWriteBytes {
		x.flushPacked()
	}
}

func (x *Exchange) flushPacked() {
	x.Stream.Write(x.packer.out)
	x.packer.out = x.packer.out[:0]
}

// packFile compresses what was spooled to a file; it is in the page cache.
func (x *Exchange) packFile(f loop.FileRef, off, n int64) {
	defer f.Release()
	buf := make([]byte, min(n, packedWriteBytes))
	for n > 0 {
		got, err := f.File().ReadAt(buf[:min(n, int64(len(buf)))], off)
		if got == 0 || err != nil && int64(got) < n && got < len(buf) {
			x.packFailed = true // the rest is missing, and the client must notice
			return
		}
		x.pack(buf[:got])
		off, n = off+int64(got), n-int64(got)
	}
}

// endPacked writes the end of the compressed content.
func (x *Exchange) endPacked() {
	_ = x.packer.w.Close() // its Writer takes everything
	x.flushPacked()
	x.dropPacker()
}
