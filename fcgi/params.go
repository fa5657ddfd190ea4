package fcgi

import (
	"encoding/binary"
	"errors"
)

// Name-value pairs (§3.4): both lengths, then name, then value. A length below
// 128 takes one octet, a longer one four with the top bit set.

func appendLength(dst []byte, n int) []byte {
	if n < 128 {
		return append(dst, byte(n))
	}
	return binary.BigEndian.AppendUint32(dst, uint32(n)|1<<31)
}

// AppendPair writes a name-value pair.
func AppendPair[N, V ~string | ~[]byte](dst []byte, name N, value V) []byte {
	dst = appendLength(dst, len(name))
	dst = appendLength(dst, len(value))
	dst = append(dst, name...)
	return append(dst, value...)
}

// ErrShortPair: the octets end within a pair; more may follow.
var ErrShortPair = errors.New("fcgi: name-value pair is cut off")

func consumeLength(b []byte) (length, n int, err error) {
	switch {
	case len(b) == 0:
		return 0, 0, ErrShortPair
	case b[0] < 128:
		return int(b[0]), 1, nil
	case len(b) < 4:
		return 0, 0, ErrShortPair
	default:
		return int(binary.BigEndian.Uint32(b) & pairLengthMax), 4, nil
	}
}

// ConsumePair reads the pair at the front of b and answers how long it is.
func ConsumePair(b []byte) (name, value []byte, n int, err error) {
	nameLen, k, err := consumeLength(b)
	if err != nil {
		return nil, nil, 0, err
	}
	valueLen, m, err := consumeLength(b[k:])
	if err != nil {
		return nil, nil, 0, err
	}
	n = k + m
	if len(b)-n < nameLen || len(b)-n-nameLen < valueLen {
		return nil, nil, 0, ErrShortPair
	}
	name = b[n : n+nameLen]
	value = b[n+nameLen : n+nameLen+valueLen]
	return name, value, n + nameLen + valueLen, nil
}

// ParamsWriter writes a request's PARAMS stream (§5.2) into a buffer, in place
// for the usual case that one record holds it.
type ParamsWriter struct {
	buf   []byte
	start int // of the first pair
	id    uint16
}

// BeginParams goes on writing at the end of dst.
func BeginParams(dst []byte, id uint16) ParamsWriter {
	dst = AppendHeader(dst, Params, id, 0, 0) // End writes the real length
	return ParamsWriter{buf: dst, start: len(dst), id: id}
}

// Buf is the buffer for code that appends pairs itself; give it back by Set.
func (w *ParamsWriter) Buf() []byte { return w.buf }

// Set puts back what was appended to Buf.
func (w *ParamsWriter) Set(buf []byte) { w.buf = buf }

// Add writes a pair.
func (w *ParamsWriter) Add(name string, value []byte) { w.buf = AppendPair(w.buf, name, value) }

// AddString writes a pair.
func (w *ParamsWriter) AddString(name, value string) { w.buf = AppendPair(w.buf, name, value) }

// Raw writes pairs that were encoded before.
func (w *ParamsWriter) Raw(pairs []byte) { w.buf = append(w.buf, pairs...) }

// End closes the stream and answers the whole buffer.
func (w *ParamsWriter) End() []byte {
	pairs := w.buf[w.start:]
	if len(pairs) > contentBytesMax {
		// A stream may be cut into records anywhere, also within a pair.
		all := append([]byte(nil), pairs...)
		w.buf = AppendStream(w.buf[:w.start-HeaderBytes], Params, w.id, all)
	} else if len(pairs) > 0 {
		padding := -len(pairs) & 7
		AppendHeader(w.buf[:w.start-HeaderBytes], Params, w.id, len(pairs), padding)
		w.buf = append(w.buf, zeros[:padding]...)
	} else {
		w.buf = w.buf[:w.start-HeaderBytes]
	}
	return AppendHeader(w.buf, Params, w.id, 0, 0)
}
