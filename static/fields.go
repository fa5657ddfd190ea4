package static

import "strconv"

// fieldSet is what an answer's header fields say.
type fieldSet struct {
	contentType string
	coding      Coding
	length      int64
	etag        []byte
	modified    []byte // Last-Modified value
	vary        bool
	ranges      bool // offer byte ranges
}

func (h *fieldSet) append(dst []byte) []byte {
	if h.contentType != "" {
		dst = append(dst, "Content-Type: "...)
		dst = append(dst, h.contentType...)
		dst = append(dst, "\r\n"...)
	}
	return h.appendRest(dst)
}

// appendRest leaves Content-Type to the caller.
func (h *fieldSet) appendRest(dst []byte) []byte {
	dst = append(dst, "Content-Length: "...)
	dst = strconv.AppendInt(dst, h.length, 10)
	dst = append(dst, "\r\n"...)
	if h.coding != Identity {
		dst = append(dst, "Content-Encoding: "...)
		dst = append(dst, h.coding.String()...)
		dst = append(dst, "\r\n"...)
	}
	if h.ranges {
		dst = append(dst, "Accept-Ranges: bytes\r\n"...)
	}
	return h.appendNotModified(dst)
}

// appendNotModified appends the fields that a 304 repeats (RFC 9110 §15.4.5).
func (h *fieldSet) appendNotModified(dst []byte) []byte {
	dst = append(dst, "ETag: "...)
	dst = append(dst, h.etag...)
	dst = append(dst, "\r\n"...)
	if len(h.modified) > 0 {
		dst = append(dst, "Last-Modified: "...)
		dst = append(dst, h.modified...)
		dst = append(dst, "\r\n"...)
	}
	if h.vary {
		dst = append(dst, "Vary: Accept-Encoding\r\n"...)
	}
	return dst
}

// appendContentRange appends the value of a Content-Range (RFC 9110 §14.4).
func appendContentRange(dst []byte, r Range, size int64) []byte {
	dst = append(dst, "bytes "...)
	dst = strconv.AppendInt(dst, r.Offset, 10)
	dst = append(dst, '-')
	dst = strconv.AppendInt(dst, r.Offset+r.Length-1, 10)
	dst = append(dst, '/')
	return strconv.AppendInt(dst, size, 10)
}
