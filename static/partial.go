package static

import "strconv"

// unsatisfiable fills in a 416 (RFC 9110 §15.5.17).
func (d *decision) unsatisfiable(dst *Answer) {
	dst.Status = 416
	dst.buf = append(dst.buf, "Content-Range: bytes */"...)
	dst.buf = strconv.AppendInt(dst.buf, d.e.facts.size, 10)
	dst.buf = append(dst.buf, "\r\n"...)
	dst.Fields = dst.buf
}

// partial fills in a 206 (RFC 9110 §15.3.7).
func (d *decision) partial(dst *Answer) {
	dst.Status, dst.Source, dst.Coding = 206, d.e, d.e.self.coding
	h := d.fields(&d.e.self)
	if len(dst.ranges) > 1 {
		d.multipart(dst, &h)
		return
	}
	r := dst.ranges[0]
	dst.ContentLength, h.length = r.Length, r.Length
	dst.buf = append(dst.buf, "Content-Range: "...)
	dst.buf = appendContentRange(dst.buf, r, d.e.facts.size)
	dst.buf = append(dst.buf, "\r\n"...)
	dst.buf = h.append(dst.buf)
	dst.Fields = dst.buf
	if d.e.inMemory {
		dst.Body = d.e.body[r.Offset : r.Offset+r.Length]
		return
	}
	dst.Pieces = append(dst.Pieces, Piece{Offset: r.Offset, Length: r.Length})
}

// multipart lays out multipart/byteranges (RFC 9110 §14.6): the part headers
// are written first, since their lengths are part of Content-Length, then the
// fields, then the pieces are cut out of the finished buffer.
func (d *decision) multipart(dst *Answer, h *fieldSet) {
	total := int64(0)
	for i, r := range dst.ranges {
		if i > 0 {
			dst.buf = append(dst.buf, "\r\n"...)
		}
		dst.buf = d.appendPartHead(dst.buf, h.contentType, r)
		// The head's end is kept in Offset until the buffer stops moving.
		dst.Pieces = append(dst.Pieces, Piece{Offset: int64(len(dst.buf)), Length: r.Length})
		total += r.Length
	}
	dst.buf = append(dst.buf, "\r\n--"...)
	dst.buf = append(dst.buf, d.e.boundary...)
	dst.buf = append(dst.buf, "--\r\n"...)
	end := len(dst.buf)
	total += int64(end)

	dst.ContentLength, h.length = total, total
	dst.buf = append(dst.buf, "Content-Type: multipart/byteranges; boundary="...)
	dst.buf = append(dst.buf, d.e.boundary...)
	dst.buf = append(dst.buf, "\r\n"...)
	dst.buf = h.appendRest(dst.buf)
	dst.Fields = dst.buf[end:]

	start := int64(0)
	for i := range dst.Pieces {
		p, r := &dst.Pieces[i], dst.ranges[i]
		p.Head, start = dst.buf[start:p.Offset], p.Offset
		p.Offset = r.Offset
		if d.e.inMemory {
			p.Data = d.e.body[r.Offset : r.Offset+r.Length]
		}
	}
	dst.Pieces = append(dst.Pieces, Piece{Head: dst.buf[start:end]})
}

func (d *decision) appendPartHead(dst []byte, contentType string, r Range) []byte {
	dst = append(dst, "--"...)
	dst = append(dst, d.e.boundary...)
	if contentType != "" {
		dst = append(dst, "\r\nContent-Type: "...)
		dst = append(dst, contentType...)
	}
	dst = append(dst, "\r\nContent-Range: "...)
	dst = appendContentRange(dst, r, d.e.facts.size)
	return append(dst, "\r\n\r\n"...)
}
