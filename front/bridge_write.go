package front

import (
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
)

// bridgeHead is a response's head on its way to the goroutine.
type bridgeHead struct {
	status int
	fields string // field lines with their CRLF
	length int64  // value of Content-Length; -1 for none
	bare   bool   // no content will come
}

// send writes the head by the means of net/http.
func (h *bridgeHead) send(w http.ResponseWriter) {
	given := http.Header{}
	for line := range strings.SplitSeq(h.fields, "\r\n") {
		if name, value, ok := strings.Cut(line, ":"); ok {
			given.Add(name, textproto.TrimString(value))
		}
	}
	if h.length >= 0 {
		given.Set("Content-Length", strconv.FormatInt(h.length, 10))
	}
	header := w.Header()
	for name, values := range given {
		if isList(name) {
			values = append(header[name], values...)
		}
		header[name] = values
	}
	if _, known := header["Content-Type"]; !known && !h.bare {
		header["Content-Type"] = nil // or net/http would guess
	}
	w.WriteHeader(h.status)
}

// isList tells which fields two handlers may both have something to say to.
func isList(name string) bool { return name == "Set-Cookie" || name == "Vary" || name == "Link" }

// write writes the batch. What is done with is taken off at once, so that the
// loop can go on.
func (g *crossing) write() error {
	for len(g.batch) > 0 {
		p := &g.batch[0]
		if p.file != nil {
			if err := g.writeFile(p); err != nil {
				return err
			}
			file := p.file
			g.next()
			if !g.b.lf.loop.Post(file.Release) {
				g.b.lf.afterLoop(file.Release)
			}
			continue
		}
		if _, err := g.w.Write(p.bytes); err != nil {
			return err
		}
		n := len(p.bytes)
		g.next()
		g.b.wrote(int64(n))
	}
	return nil
}

// next goes on in the batch.
func (g *crossing) next() {
	g.batch[0] = piece{}
	g.batch = g.batch[1:]
}

// writeFile copies a range of a file. The file may be shared, so its offset is
// not touched.
func (g *crossing) writeFile(p *piece) error {
	if g.buf == nil {
		g.buf = make([]byte, filePieceBytes)
	}
	for p.n > 0 {
		n, err := p.file.File().ReadAt(g.buf[:min(p.n, filePieceBytes)], p.off)
		if n == 0 && err != nil {
			return err // the file has become shorter
		}
		if _, err := g.w.Write(g.buf[:n]); err != nil {
			return err
		}
		p.off += int64(n)
		p.n -= int64(n)
		g.b.wrote(int64(n))
	}
	return nil
}
