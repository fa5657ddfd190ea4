package http1

import "sluice/message"

// Chunked transfer coding (RFC 9112 §7.1):
//
//	chunk-size [ chunk-ext ] CRLF  chunk-data CRLF  …  0 CRLF  trailers  CRLF
//
// Lines are not kept: octets are judged as they come.

// linePart says where in a line that is not kept the next octet stands.
type linePart uint8

const (
	// partFirst: the digits of a chunk size, the name of a trailer field.
	partFirst linePart = iota
	// partSpace: white space after the digits; only ";" ends it.
	partSpace
	// partRest: a chunk extension, the value of a trailer field.
	partRest
)

// chunkSizeLine takes octets of a chunk-size line. p.line counts them; p.left
// holds the size so far, the digits end at the first other octet.
func (p *Parser) chunkSizeLine(b []byte) (int, Event, *Error) {
	for i, c := range b {
		if p.line++; p.line > chunkLineBytesMax {
			return i, NeedMore, errChunkSize
		}
		switch {
		case p.cr:
			if c != '\n' {
				return i, NeedMore, errBareCR
			}
			p.chunkBegin()
			return i + 1, NeedMore, nil
		case c == '\r':
			if p.line == 1 || p.part == partSpace {
				return i, NeedMore, errChunkSize
			}
			p.cr = true
		case isHex(c) && p.part == partFirst:
			if p.line > chunkDigitsMax {
				return i, NeedMore, errChunkSize
			}
			p.left = p.left<<4 | int64(hexValue(c))
		default:
			if p.line == 1 || !p.chunkExtension(c) {
				return i, NeedMore, errChunkSize
			}
		}
	}
	return len(b), NeedMore, nil
}

// chunkExtension takes an octet after the digits. White space may only stand
// before ";" (§7.1.1): "5 5" is five to one reader and 85 to another.
func (p *Parser) chunkExtension(c byte) bool {
	switch {
	case c == ';':
		p.part = partRest
	case p.part == partRest:
		return (c >= ' ' || c == '\t') && c != 0x7F
	case c == ' ' || c == '\t':
		p.part = partSpace
	default:
		return false
	}
	return true
}

func (p *Parser) chunkBegin() {
	p.cr, p.part, p.line = false, partFirst, 0
	if p.left == 0 {
		p.state = trailers
		p.left = trailerBytesMax
		return
	}
	p.state = chunkData
}

func (p *Parser) chunkEnd(b []byte) (int, Event, *Error) {
	n := 0
	if !p.cr {
		if b[0] != '\r' {
			return 0, NeedMore, errChunkEnd
		}
		p.cr = true
		if n++; len(b) == 1 {
			return n, NeedMore, nil
		}
	}
	if b[n] != '\n' {
		return n, NeedMore, errChunkEnd
	}
	p.state, p.cr, p.line, p.left = chunkSize, false, 0, 0
	return n + 1, NeedMore, nil
}

// trailerLine takes octets of the trailer section. Trailers are thrown away
// (RFC 9110 §6.5.1 allows it, and CGI has no place for them), but still have to
// be lines. p.line counts the octets of the current one, p.left what may come.
func (p *Parser) trailerLine(b []byte) (int, Event, *Error) {
	for i, c := range b {
		if p.left--; p.left < 0 {
			return i, NeedMore, errTrailer
		}
		switch {
		case p.cr:
			if c != '\n' {
				return i, NeedMore, errBareCR
			}
			p.cr = false
			if p.line == 0 {
				p.state = done
				return i + 1, NeedMore, nil
			}
			p.line, p.part = 0, partFirst
		case c == '\r':
			if p.line > 0 && p.part == partFirst {
				return i, NeedMore, errTrailer // no colon
			}
			p.cr = true
		case c == ':' && p.line > 0:
			p.line++
			p.part = partRest
		case p.part == partFirst && !message.IsTokenChar(c), c < ' ' && c != '\t', c == 0x7F:
			return i, NeedMore, errTrailer
		default:
			p.line++
		}
	}
	return len(b), NeedMore, nil
}

func hexValue(c byte) byte {
	switch {
	case c <= '9':
		return c - '0'
	case c >= 'a':
		return c - 'a' + 10
	default:
		return c - 'A' + 10
	}
}

// AppendChunkHead writes the line before a chunk of n octets. The chunk's data
// is followed by CRLF, the last one is "0\r\n\r\n".
func AppendChunkHead(dst []byte, n int) []byte {
	const digits = "0123456789abcdef"
	var b [16]byte
	i := len(b)
	for v := uint64(n); ; v >>= 4 {
		i--
		b[i] = digits[v&15]
		if v < 16 {
			break
		}
	}
	return append(append(dst, b[i:]...), '\r', '\n')
}
