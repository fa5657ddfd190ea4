package cgid

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"sluice/message"
)

// nphState says what the next octet of an nph program's output belongs to.
type nphState uint8

const (
	// nphHead: a status line and fields, kept until the empty line.
	nphHead nphState = iota
	// nphContent: content, passed on as it is. Output that does not begin with
	// "HTTP/" is taken for content as a whole: the program speaks plain CGI.
	nphContent
	// nphSize: a chunk's first line (RFC 9112 §7.1).
	nphSize
	// nphData: left octets of a chunk are owed.
	nphData
	// nphDataEnd: the end of line after a chunk's data.
	nphDataEnd
	// nphTrailer: the trailer section; it is dropped.
	nphTrailer
	// nphOver: the last chunk is complete. What follows is dropped.
	nphOver
)

func (s nphState) String() string {
	return [...]string{"nphHead", "nphContent", "nphSize", "nphData", "nphDataEnd", "nphTrailer", "nphOver"}[s]
}

// errChunk: the chunked coding of an nph program is broken.
var errChunk = errors.New("cgid: chunked content of an nph program")

// nphReader turns the output of a program with non-parsed headers (RFC 3875
// §5.2), a whole HTTP response, into a CGI response: the front end writes a head
// of its own. The status line becomes the Status field; a chunked content is
// taken out of its chunks. Interim responses are dropped.
type nphReader struct {
	state   nphState
	buf     []byte // of nphHead, or the line of nphSize and nphTrailer
	line    int    // where buf's last line begins
	left    uint64 // of nphData
	chunked bool
	noBody  bool // HEAD: no content follows whatever the head says
	any     bool // a chunk has begun
}

func newNPHReader(head bool) *nphReader { return &nphReader{noBody: head} }

// Feed takes output and appends what is to be sent for it to dst.
func (n *nphReader) Feed(dst, p []byte) ([]byte, error) {
	var err error
	for len(p) > 0 && err == nil {
		switch n.state {
		case nphHead:
			dst, p = n.head(dst, p)
		case nphContent:
			return append(dst, p...), nil
		case nphSize, nphTrailer:
			p, err = n.chunkLine(p)
		case nphData:
			k := min(uint64(len(p)), n.left)
			dst = append(dst, p[:k]...)
			p = p[k:]
			if n.left -= k; n.left == 0 {
				n.state = nphDataEnd
			}
		case nphDataEnd:
			switch p[0] {
			case '\n':
				n.state = nphSize
			case '\r':
			default:
				err = fmt.Errorf("%w: octet %q after a chunk's data", errChunk, p[0])
			}
			p = p[1:]
		case nphOver:
			return dst, nil
		}
	}
	return dst, err
}

// End is to be called at the end of the output.
func (n *nphReader) End(dst []byte) ([]byte, error) {
	switch n.state {
	case nphHead: // no head at all: the gateway says so
		return append(dst, n.buf...), nil
	case nphSize, nphData, nphDataEnd, nphTrailer:
		if n.any || !n.noBody {
			return dst, fmt.Errorf("%w ends before the last chunk", errChunk)
		}
	case nphContent, nphOver:
	}
	return dst, nil
}

const httpPrefix = "HTTP/"

// head takes a line or what there is of it.
func (n *nphReader) head(dst, p []byte) (out, rest []byte) {
	k := bytes.IndexByte(p, '\n') + 1
	whole := k > 0
	if !whole {
		k = len(p)
	}
	n.buf = append(n.buf, p[:k]...)
	rest = p[k:]
	seen := min(len(n.buf), len(httpPrefix))
	if string(n.buf[:seen]) != httpPrefix[:seen] || len(n.buf) > nphHeadBytesMax {
		return n.plain(dst), rest
	}
	if !whole {
		return dst, rest
	}
	last := chomp(n.buf[n.line:])
	n.line = len(n.buf)
	if len(last) > 0 {
		return dst, rest
	}
	dst = n.convert(dst)
	n.buf, n.line = n.buf[:0], 0
	return dst, rest
}

// plain gives up: the gateway judges what this is.
func (n *nphReader) plain(dst []byte) []byte {
	dst = append(dst, n.buf...)
	n.buf, n.state = nil, nphContent
	return dst
}

func chomp(line []byte) []byte {
	line = bytes.TrimSuffix(line, []byte("\n"))
	return bytes.TrimSuffix(line, []byte("\r"))
}

// convert writes the whole head in buf as CGI's.
func (n *nphReader) convert(dst []byte) []byte {
	first, fields, _ := bytes.Cut(n.buf, []byte("\n"))
	_, status, _ := bytes.Cut(chomp(first), []byte(" "))
	if len(status) >= 3 && status[0] == '1' && string(status[:3]) != "101" {
		return dst // RFC 9110 §15.2: a final response follows
	}
	dst = append(dst, "Status: "...)
	dst = append(dst, status...)
	dst = append(dst, "\r\n"...)
	n.chunked = isChunked(fields)
	for len(fields) > 0 {
		var line []byte
		line, fields, _ = bytes.Cut(fields, []byte("\n"))
		if line = chomp(line); len(line) > 0 && !n.drops(line) {
			dst = append(dst, line...)
			dst = append(dst, "\r\n"...)
		}
	}
	n.state = nphContent
	if n.chunked {
		n.state = nphSize
	}
	n.noBody = n.noBody || bytes.HasPrefix(status, []byte("204")) || bytes.HasPrefix(status, []byte("304"))
	// Nobody knows when the program wants its output to be seen.
	return append(dst, "X-Accel-Buffering: no\r\n\r\n"...)
}

// drops tells whether a field is not for the gateway: Status is what the status
// line says, and Transfer-Encoding is undone. Content-Length has no meaning
// beside it (RFC 9112 §6.3).
func (n *nphReader) drops(line []byte) bool {
	name, _, _ := bytes.Cut(line, []byte(":"))
	return message.EqualFold(name, "status") || message.EqualFold(name, "x-accel-buffering") ||
		(n.chunked && (message.EqualFold(name, "transfer-encoding") || message.EqualFold(name, "content-length")))
}

func isChunked(fields []byte) bool {
	for line := range bytes.Lines(fields) {
		name, value, _ := bytes.Cut(line, []byte(":"))
		if message.EqualFold(name, "transfer-encoding") && strings.EqualFold(string(bytes.TrimSpace(value)), "chunked") {
			return true
		}
	}
	return false
}

// chunkLine takes a line of the chunked coding, or what there is of it.
func (n *nphReader) chunkLine(p []byte) (rest []byte, err error) {
	n.any = true
	k := bytes.IndexByte(p, '\n') + 1
	whole := k > 0
	if !whole {
		k = len(p)
	}
	if len(n.buf)+k > chunkLineBytesMax {
		return nil, fmt.Errorf("%w: a line of over %d octets", errChunk, chunkLineBytesMax)
	}
	n.buf = append(n.buf, p[:k]...)
	if !whole {
		return p[k:], nil
	}
	line := chomp(n.buf)
	n.buf = n.buf[:0]
	if n.state == nphTrailer {
		if len(line) == 0 {
			n.state = nphOver
		}
		return p[k:], nil
	}
	if n.left, err = chunkSize(line); err != nil {
		return nil, err
	}
	n.state = nphData
	if n.left == 0 {
		n.state = nphTrailer
	}
	return p[k:], nil
}

// chunkSize reads chunk-size [ chunk-ext ]; 15 digits are more than there is.
func chunkSize(line []byte) (uint64, error) {
	var size uint64
	digits := 0
	for _, c := range line {
		var d byte
		switch {
		case c >= '0' && c <= '9':
			d = c - '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			d = c | 0x20 - 'a' + 10
		default:
			d = 16
		}
		if d == 16 {
			break
		}
		size = size<<4 | uint64(d)
		digits++
	}
	ext := bytes.TrimLeft(line[digits:], " \t")
	if digits == 0 || digits > 15 || (len(ext) > 0 && ext[0] != ';') {
		return 0, fmt.Errorf("%w: chunk size %.40q", errChunk, line)
	}
	return size, nil
}
